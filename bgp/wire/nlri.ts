import type { IpVersion } from '../../net/address.ts';
import type { ByteWriter } from '../../net/byte-writer.ts';
import {
  type Family,
  IPV4_LABELED_UNICAST,
  IPV4_UNICAST,
  IPV6_LABELED_UNICAST,
  IPV6_UNICAST,
  L2VPN_EVPN,
  VPNV4_UNICAST,
  VPNV6_UNICAST,
} from './family.ts';
import { decodeEvpnRoute, encodeEvpnRoute, isKnownEvpnType } from './nlri-evpn.ts';
import {
  LABEL_SIZE,
  labelBits,
  labelsAt,
  octetsOf,
  prefixAt,
  writeLabels,
  writePrefixOctets,
} from './nlri-prefix.ts';
import type { NlriError, NlriKind, NlriRoute } from './nlri-types.ts';
import { copyOctets, readU8, readU32 } from './octets.ts';
import { RD_SIZE } from './route-distinguisher.ts';

export type * from './nlri-types.ts';

/** The routes of a range, up to the first that cannot be read. */
export interface DecodedNlri {
  readonly routes: readonly NlriRoute[];
  readonly error?: NlriError;
}

/** How the routes of a family look. */
interface Layout {
  readonly shape: 'unicast' | 'labeled' | 'vpn' | 'evpn';
  readonly version: IpVersion;
}

const LAYOUTS: ReadonlyMap<Family, Layout> = new Map([
  [IPV4_UNICAST, { shape: 'unicast', version: 4 }],
  [IPV6_UNICAST, { shape: 'unicast', version: 6 }],
  [IPV4_LABELED_UNICAST, { shape: 'labeled', version: 4 }],
  [IPV6_LABELED_UNICAST, { shape: 'labeled', version: 6 }],
  [VPNV4_UNICAST, { shape: 'vpn', version: 4 }],
  [VPNV6_UNICAST, { shape: 'vpn', version: 6 }],
  [L2VPN_EVPN, { shape: 'evpn', version: 4 }],
]);

/** One route, or what is wrong with it in words, and where the next one starts. */
interface Step {
  readonly route: NlriRoute | string;
  readonly next: number;
}

/**
 * Decodes the routes at `bytes[start..end)`. With `addPath`, each has its path identifier before it
 * (RFC 7911 §3). A family that this codec does not carry gives no routes and no error. Never throws;
 * an error is the syntax error of RFC 7606 §5.3.
 */
export function decodeNlri(
  family: Family,
  bytes: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
  kind: NlriKind,
): DecodedNlri {
  const layout = LAYOUTS.get(family);
  const routes: NlriRoute[] = [];
  if (!layout) return { routes };
  let at = start;
  while (at < end) {
    const routeAt = addPath ? at + 4 : at;
    if (routeAt >= end) return { routes, error: { message: 'the path identifier is cut off', offset: at } };
    const step = decodeRoute(family, layout, bytes, routeAt, end, kind);
    if (typeof step.route === 'string') return { routes, error: { message: step.route, offset: at } };
    routes.push(addPath ? { ...step.route, pathId: readU32(bytes, at) } : step.route);
    at = step.next;
  }
  return { routes };
}

function decodeRoute(
  family: Family,
  { shape, version }: Layout,
  bytes: Uint8Array,
  at: number,
  end: number,
  kind: NlriKind,
): Step {
  if (shape === 'evpn') return decodeTyped(bytes, at, end);
  const bits = readU8(bytes, at);
  const next = at + 1 + octetsOf(bits);
  if (next > end) return { route: `a prefix of ${bits} bits is longer than what is left`, next };
  if (shape === 'unicast') {
    if (bits > maxBits(version)) return { route: `IPv${version} prefix of ${bits} bits`, next };
    return { route: { kind: 'unicast', family, prefix: prefixAt(bytes, at + 1, bits, version) }, next };
  }
  const rdBits = shape === 'vpn' ? RD_SIZE * 8 : 0;
  const stack = kind === 'withdrawn' ? 1 : Math.floor((bits - rdBits) / (LABEL_SIZE * 8));
  const found = labelsAt(bytes, at + 1, stack);
  const length = bits - rdBits - labelBits(found);
  if (length < 0 || length > maxBits(version)) {
    return { route: `${bits} bits are not those of a label and an IPv${version} prefix`, next };
  }
  const labels = kind === 'withdrawn' ? [] : found;
  const rdAt = at + 1 + labelBits(found) / 8;
  const prefix = prefixAt(bytes, rdAt + rdBits / 8, length, version);
  if (shape === 'labeled') return { route: { kind: 'labeled', family, labels, prefix }, next };
  const rd = copyOctets(bytes, rdAt, rdAt + RD_SIZE);
  return { route: { kind: 'vpn', family, rd, labels, prefix }, next };
}

function maxBits(version: IpVersion): number {
  return version === 4 ? 32 : 128;
}

/** Route type, length, content (RFC 7432 §7). Unknown types are kept, for RFC 7606 §5.4 has them ignored. */
function decodeTyped(bytes: Uint8Array, at: number, end: number): Step {
  const start = at + 2;
  const routeType = readU8(bytes, at);
  const next = start + readU8(bytes, at + 1);
  if (start > end || next > end) {
    return { route: `EVPN route type ${routeType} is longer than what is left`, next };
  }
  if (isKnownEvpnType(routeType)) return { route: decodeEvpnRoute(routeType, bytes, start, next), next };
  const raw = copyOctets(bytes, start, next);
  return { route: { kind: 'evpn-unknown', family: L2VPN_EVPN, routeType, raw }, next };
}

/** Writes one route. With `addPath` its path identifier goes first (0 when it has none). */
export function encodeNlri(writer: ByteWriter, route: NlriRoute, addPath: boolean): void {
  if (addPath) writer.u32(route.pathId ?? 0);
  switch (route.kind) {
    case 'unicast':
      writer.u8(route.prefix.length);
      writePrefixOctets(writer, route.prefix);
      break;
    case 'labeled':
      writer.u8(labelBits(route.labels) + route.prefix.length);
      writeLabels(writer, route.labels);
      writePrefixOctets(writer, route.prefix);
      break;
    case 'vpn':
      writer.u8(labelBits(route.labels) + RD_SIZE * 8 + route.prefix.length);
      writeLabels(writer, route.labels);
      writer.raw(route.rd);
      writePrefixOctets(writer, route.prefix);
      break;
    case 'evpn':
      encodeEvpnRoute(writer, route);
      break;
    case 'evpn-unknown':
      writer.u8(route.routeType).u8(route.raw.length).raw(route.raw);
      break;
  }
}
