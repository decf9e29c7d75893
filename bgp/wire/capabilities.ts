import type { ByteWriter } from '../../net/byte-writer.ts';
import { CapabilityCode } from './constants.ts';
import { afiOf, type Family, familyOf, safiOf } from './family.ts';
import { copyOctets, readU8, readU16, readU24, readU32 } from './octets.ts';

/** Which way path identifiers are offered (RFC 7911 §4). */
export type AddPathMode = 'receive' | 'send' | 'both';

/** One capability of an OPEN (RFC 5492). A known code whose value makes no sense is `other`. */
export type Capability =
  | { readonly kind: 'multiprotocol'; readonly family: Family }
  | { readonly kind: 'route-refresh' }
  | {
      readonly kind: 'extended-next-hop';
      readonly entries: readonly { readonly family: Family; readonly nextHopAfi: number }[];
    }
  | { readonly kind: 'extended-message' }
  /** RFC 9234 §4.1: 0 provider, 1 route server, 2 route-server client, 3 customer, 4 peer. */
  | { readonly kind: 'role'; readonly role: number }
  | {
      readonly kind: 'graceful-restart';
      /** Seconds, 0 to 4095. */
      readonly restartTime: number;
      readonly restarting: boolean;
      /** The N bit of RFC 8538. */
      readonly notification: boolean;
      readonly families: readonly { readonly family: Family; readonly forwarding: boolean }[];
    }
  | { readonly kind: 'four-octet-as'; readonly asn: number }
  | {
      readonly kind: 'add-path';
      readonly families: readonly { readonly family: Family; readonly mode: AddPathMode }[];
    }
  | { readonly kind: 'enhanced-route-refresh' }
  | {
      readonly kind: 'long-lived-graceful-restart';
      readonly families: readonly {
        readonly family: Family;
        readonly forwarding: boolean;
        /** Seconds, 0 to 16,777,215. */
        readonly staleTime: number;
      }[];
    }
  | { readonly kind: 'fqdn'; readonly hostname: string; readonly domain: string }
  | { readonly kind: 'other'; readonly code: number; readonly value: Uint8Array };

const CODES = {
  multiprotocol: CapabilityCode.MULTIPROTOCOL,
  'route-refresh': CapabilityCode.ROUTE_REFRESH,
  'extended-next-hop': CapabilityCode.EXTENDED_NEXT_HOP,
  'extended-message': CapabilityCode.EXTENDED_MESSAGE,
  role: CapabilityCode.ROLE,
  'graceful-restart': CapabilityCode.GRACEFUL_RESTART,
  'four-octet-as': CapabilityCode.FOUR_OCTET_AS,
  'add-path': CapabilityCode.ADD_PATH,
  'enhanced-route-refresh': CapabilityCode.ENHANCED_ROUTE_REFRESH,
  'long-lived-graceful-restart': CapabilityCode.LONG_LIVED_GRACEFUL_RESTART,
  fqdn: CapabilityCode.FQDN,
} as const;

const MODES = ['receive', 'send', 'both'] as const;
const RESTARTING = 0x8000;
const NOTIFICATION = 0x4000;
const FORWARDING = 0x80;

/** The capability code of a capability. */
export function capabilityCode(capability: Capability): number {
  return capability.kind === 'other' ? capability.code : CODES[capability.kind];
}

/**
 * Decodes a capability's value, `bytes[start..end)`. Undefined when a value on which the session
 * depends (multiprotocol, 4-octet AS number) has the wrong length; any other odd value is kept raw
 * and treated as not understood.
 */
export function decodeCapability(
  code: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): Capability | undefined {
  const length = end - start;
  if (code === CapabilityCode.MULTIPROTOCOL) {
    return length === 4 ? { kind: 'multiprotocol', family: familyAt(bytes, start) } : undefined;
  }
  if (code === CapabilityCode.FOUR_OCTET_AS) {
    return length === 4 ? { kind: 'four-octet-as', asn: readU32(bytes, start) } : undefined;
  }
  return (
    decodeUnderstood(code, bytes, start, end) ?? { kind: 'other', code, value: copyOctets(bytes, start, end) }
  );
}

function decodeUnderstood(
  code: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): Capability | undefined {
  const length = end - start;
  switch (code) {
    case CapabilityCode.ROUTE_REFRESH:
      return length === 0 ? { kind: 'route-refresh' } : undefined;
    case CapabilityCode.EXTENDED_NEXT_HOP:
      return decodeExtendedNextHop(bytes, start, end);
    case CapabilityCode.EXTENDED_MESSAGE:
      return length === 0 ? { kind: 'extended-message' } : undefined;
    case CapabilityCode.ROLE:
      return length === 1 ? { kind: 'role', role: readU8(bytes, start) } : undefined;
    case CapabilityCode.GRACEFUL_RESTART:
      return decodeGracefulRestart(bytes, start, end);
    case CapabilityCode.ADD_PATH:
      return decodeAddPath(bytes, start, end);
    case CapabilityCode.ENHANCED_ROUTE_REFRESH:
      return length === 0 ? { kind: 'enhanced-route-refresh' } : undefined;
    case CapabilityCode.LONG_LIVED_GRACEFUL_RESTART:
      return decodeLongLived(bytes, start, end);
    case CapabilityCode.FQDN:
      return decodeFqdn(bytes, start, end);
    default:
      return undefined;
  }
}

/** AFI, reserved octet, SAFI (RFC 4760 §8). */
function familyAt(bytes: Uint8Array, at: number): Family {
  return familyOf(readU16(bytes, at), readU8(bytes, at + 3));
}

/** AFI, SAFI without an octet between them. */
function packedFamilyAt(bytes: Uint8Array, at: number): Family {
  return familyOf(readU16(bytes, at), readU8(bytes, at + 2));
}

/** The positions of the entries of `size` octets in a range, or undefined when they do not fill it. */
function entries(start: number, end: number, size: number): number[] | undefined {
  if (end < start || (end - start) % size !== 0) return undefined;
  return Array.from({ length: (end - start) / size }, (_, index) => start + index * size);
}

/** RFC 8950 §4: AFI, two-octet SAFI, AFI of the next hop. */
function decodeExtendedNextHop(bytes: Uint8Array, start: number, end: number): Capability | undefined {
  const list = entries(start, end, 6)?.map((at) => ({
    family: familyAt(bytes, at),
    nextHopAfi: readU16(bytes, at + 4),
  }));
  return list && { kind: 'extended-next-hop', entries: list };
}

/** RFC 4724 §3. */
function decodeGracefulRestart(bytes: Uint8Array, start: number, end: number): Capability | undefined {
  const families = entries(start + 2, end, 4)?.map((at) => ({
    family: packedFamilyAt(bytes, at),
    forwarding: (readU8(bytes, at + 3) & FORWARDING) !== 0,
  }));
  const head = readU16(bytes, start);
  return (
    families && {
      kind: 'graceful-restart',
      restartTime: head & 0x0fff,
      restarting: (head & RESTARTING) !== 0,
      notification: (head & NOTIFICATION) !== 0,
      families,
    }
  );
}

/** RFC 7911 §4: with any other mode the capability is not understood. */
function decodeAddPath(bytes: Uint8Array, start: number, end: number): Capability | undefined {
  const families: { family: Family; mode: AddPathMode }[] = [];
  for (const at of entries(start, end, 4) ?? []) {
    const mode = MODES[readU8(bytes, at + 3) - 1];
    if (mode === undefined) return undefined;
    families.push({ family: packedFamilyAt(bytes, at), mode });
  }
  return families.length * 4 === end - start ? { kind: 'add-path', families } : undefined;
}

/** RFC 9494 §3.1. */
function decodeLongLived(bytes: Uint8Array, start: number, end: number): Capability | undefined {
  const families = entries(start, end, 7)?.map((at) => ({
    family: packedFamilyAt(bytes, at),
    forwarding: (readU8(bytes, at + 3) & FORWARDING) !== 0,
    staleTime: readU24(bytes, at + 4),
  }));
  return families && { kind: 'long-lived-graceful-restart', families };
}

/** draft-walton-bgp-hostname-capability: two strings, each with its length before it. */
function decodeFqdn(bytes: Uint8Array, start: number, end: number): Capability | undefined {
  if (start >= end) return undefined;
  const hostnameEnd = start + 1 + readU8(bytes, start);
  if (hostnameEnd >= end) return undefined;
  const domainEnd = hostnameEnd + 1 + readU8(bytes, hostnameEnd);
  if (domainEnd !== end) return undefined;
  const hostname = utf8(bytes, start + 1, hostnameEnd);
  const domain = utf8(bytes, hostnameEnd + 1, domainEnd);
  return hostname === undefined || domain === undefined ? undefined : { kind: 'fqdn', hostname, domain };
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function utf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    return undefined;
  }
}

/** Writes a capability's value, without code and length. Names of an `fqdn` are cut at 255 octets. */
export function encodeCapabilityValue(writer: ByteWriter, capability: Capability): void {
  switch (capability.kind) {
    case 'multiprotocol':
      writeFamily(writer, capability.family);
      break;
    case 'extended-next-hop':
      for (const entry of capability.entries) {
        writeFamily(writer, entry.family);
        writer.u16(entry.nextHopAfi);
      }
      break;
    case 'role':
      writer.u8(capability.role);
      break;
    case 'graceful-restart':
      writer.u16(
        (capability.restarting ? RESTARTING : 0) |
          (capability.notification ? NOTIFICATION : 0) |
          (capability.restartTime & 0x0fff),
      );
      for (const { family, forwarding } of capability.families) {
        writePackedFamily(writer, family).u8(forwarding ? FORWARDING : 0);
      }
      break;
    case 'four-octet-as':
      writer.u32(capability.asn);
      break;
    case 'add-path':
      for (const { family, mode } of capability.families) {
        writePackedFamily(writer, family).u8(MODES.indexOf(mode) + 1);
      }
      break;
    case 'long-lived-graceful-restart':
      for (const { family, forwarding, staleTime } of capability.families) {
        writePackedFamily(writer, family)
          .u8(forwarding ? FORWARDING : 0)
          .u24(staleTime);
      }
      break;
    case 'fqdn':
      writeText(writer, capability.hostname);
      writeText(writer, capability.domain);
      break;
    case 'other':
      writer.raw(capability.value);
      break;
    default:
      break;
  }
}

function writeFamily(writer: ByteWriter, family: Family): void {
  writer.u16(afiOf(family)).u8(0).u8(safiOf(family));
}

function writePackedFamily(writer: ByteWriter, family: Family): ByteWriter {
  return writer.u16(afiOf(family)).u8(safiOf(family));
}

function writeText(writer: ByteWriter, text: string): void {
  const bytes = utf8Prefix(text, 255);
  writer.u8(bytes.length).raw(bytes);
}

/** The UTF-8 bytes of as many whole characters of `text` as fit into `maximum` octets. */
export function utf8Prefix(text: string, maximum: number): Uint8Array {
  const bytes = new Uint8Array(maximum);
  const { written } = new TextEncoder().encodeInto(text, bytes);
  return copyOctets(bytes, 0, written);
}
