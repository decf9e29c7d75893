import { addressFromBytes, addressSize, type IpAddress } from '../../net/address.ts';
import type { ByteWriter } from '../../net/byte-writer.ts';
import { type Family, L2VPN_EVPN } from './family.ts';
import { prefixAt } from './nlri-prefix.ts';
import type {
  EthernetAutoDiscovery,
  EthernetSegment,
  EvpnNlri,
  InclusiveMulticast,
  IpPrefixRoute,
  MacIpAdvertisement,
} from './nlri-types.ts';
import { copyOctets, readU8, readU24, readU32 } from './octets.ts';
import { RD_SIZE } from './route-distinguisher.ts';

const ESI_SIZE = 10;
const MAC_SIZE = 6;
const LABEL_SIZE = 3;

/** Octets of an Ethernet Auto-Discovery route after its length octet. */
const AUTO_DISCOVERY_SIZE = RD_SIZE + ESI_SIZE + 4 + LABEL_SIZE;
/** Octets of an IP Prefix route after its length octet (RFC 9136 §3.1). */
const IPV4_PREFIX_SIZE = 34;
const IPV6_PREFIX_SIZE = 58;

type Base = { readonly kind: 'evpn'; readonly family: Family; readonly rd: Uint8Array };

/** True for the route types that {@link decodeEvpnRoute} knows. */
export function isKnownEvpnType(routeType: number): boolean {
  return routeType >= 1 && routeType <= 5;
}

/**
 * Decodes an EVPN route of a known type, `bytes[start..end)` after its type and length octets.
 * Gives what is wrong, in words, when the length or a field does not fit the type.
 */
export function decodeEvpnRoute(
  routeType: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): EvpnNlri | string {
  const rd = copyOctets(bytes, start, start + RD_SIZE);
  if (rd.length < RD_SIZE || start + RD_SIZE > end) return lengthError(routeType, start, end);
  const base: Base = { kind: 'evpn', family: L2VPN_EVPN, rd };
  switch (routeType) {
    case 1:
      return decodeAutoDiscovery(base, bytes, start, end) ?? lengthError(routeType, start, end);
    case 2:
      return decodeMacIp(base, bytes, start, end);
    case 3:
      return decodeInclusiveMulticast(base, bytes, start, end) ?? lengthError(routeType, start, end);
    case 4:
      return decodeEthernetSegment(base, bytes, start, end) ?? lengthError(routeType, start, end);
    default:
      return decodeIpPrefix(base, bytes, start, end);
  }
}

function lengthError(routeType: number, start: number, end: number): string {
  return `EVPN route type ${routeType} has a wrong length of ${end - start} octets`;
}

function decodeAutoDiscovery(
  base: Base,
  bytes: Uint8Array,
  start: number,
  end: number,
): EthernetAutoDiscovery | undefined {
  if (end - start !== AUTO_DISCOVERY_SIZE) return undefined;
  const at = start + RD_SIZE;
  return {
    ...base,
    routeType: 1,
    esi: copyOctets(bytes, at, at + ESI_SIZE),
    ethernetTag: readU32(bytes, at + ESI_SIZE),
    label: readU24(bytes, at + ESI_SIZE + 4),
  };
}

function decodeMacIp(base: Base, bytes: Uint8Array, start: number, end: number): MacIpAdvertisement | string {
  const macLengthAt = start + RD_SIZE + ESI_SIZE + 4;
  const ipLengthAt = macLengthAt + 1 + MAC_SIZE;
  if (ipLengthAt >= end) return lengthError(2, start, end);
  if (readU8(bytes, macLengthAt) !== 48) return `MAC address of ${readU8(bytes, macLengthAt)} bits`;
  const ipBits = readU8(bytes, ipLengthAt);
  if (ipBits !== 0 && ipBits !== 32 && ipBits !== 128) return `IP address of ${ipBits} bits`;
  const labelAt = ipLengthAt + 1 + ipBits / 8;
  const labels = (end - labelAt) / LABEL_SIZE;
  if (labels !== 1 && labels !== 2) return lengthError(2, start, end);
  return {
    ...base,
    routeType: 2,
    esi: copyOctets(bytes, start + RD_SIZE, start + RD_SIZE + ESI_SIZE),
    ethernetTag: readU32(bytes, macLengthAt - 4),
    mac: copyOctets(bytes, macLengthAt + 1, macLengthAt + 1 + MAC_SIZE),
    ...(ipBits === 0 ? {} : { ip: addressFromBytes(bytes.subarray(ipLengthAt + 1, labelAt)) }),
    label: readU24(bytes, labelAt),
    ...(labels === 2 ? { label2: readU24(bytes, labelAt + LABEL_SIZE) } : {}),
  };
}

/** The address whose length in bits stands at `at` and which fills the range to its end. */
function originatorAt(bytes: Uint8Array, at: number, end: number): IpAddress | undefined {
  if (at >= end) return undefined;
  const bits = readU8(bytes, at);
  if ((bits !== 32 && bits !== 128) || at + 1 + bits / 8 !== end) return undefined;
  return addressFromBytes(bytes.subarray(at + 1, end));
}

function decodeInclusiveMulticast(
  base: Base,
  bytes: Uint8Array,
  start: number,
  end: number,
): InclusiveMulticast | undefined {
  const originatingRouter = originatorAt(bytes, start + RD_SIZE + 4, end);
  const ethernetTag = readU32(bytes, start + RD_SIZE);
  return originatingRouter && { ...base, routeType: 3, ethernetTag, originatingRouter };
}

function decodeEthernetSegment(
  base: Base,
  bytes: Uint8Array,
  start: number,
  end: number,
): EthernetSegment | undefined {
  const esiEnd = start + RD_SIZE + ESI_SIZE;
  const originatingRouter = originatorAt(bytes, esiEnd, end);
  return (
    originatingRouter && {
      ...base,
      routeType: 4,
      esi: copyOctets(bytes, start + RD_SIZE, esiEnd),
      originatingRouter,
    }
  );
}

function decodeIpPrefix(base: Base, bytes: Uint8Array, start: number, end: number): IpPrefixRoute | string {
  const size = end - start;
  if (size !== IPV4_PREFIX_SIZE && size !== IPV6_PREFIX_SIZE) return lengthError(5, start, end);
  const version = size === IPV4_PREFIX_SIZE ? 4 : 6;
  const addressOctets = addressSize(version);
  const lengthAt = start + RD_SIZE + ESI_SIZE + 4;
  const length = readU8(bytes, lengthAt);
  if (length > addressOctets * 8) return `IPv${version} prefix of ${length} bits`;
  const gatewayAt = lengthAt + 1 + addressOctets;
  return {
    ...base,
    routeType: 5,
    esi: copyOctets(bytes, start + RD_SIZE, start + RD_SIZE + ESI_SIZE),
    ethernetTag: readU32(bytes, lengthAt - 4),
    prefix: prefixAt(bytes, lengthAt + 1, length, version),
    gateway: addressFromBytes(bytes.subarray(gatewayAt, gatewayAt + addressOctets)),
    label: readU24(bytes, gatewayAt + addressOctets),
  };
}

/**
 * What makes a well-formed IP Prefix route contradict itself, in words: two overlay indexes at a time,
 * which RFC 9136 §3.2 has receivers treat as a withdrawal.
 */
export function ipPrefixContradiction(route: IpPrefixRoute): string | undefined {
  const isSet = (octet: number): boolean => octet !== 0;
  return route.esi.some(isSet) && route.gateway.bytes.some(isSet)
    ? 'an IP Prefix route has both an Ethernet segment and a gateway'
    : undefined;
}

/** Writes an EVPN route with its type and length octets. */
export function encodeEvpnRoute(writer: ByteWriter, route: EvpnNlri): void {
  const lengthAt = writer.u8(route.routeType).length;
  writer.u8(0).raw(route.rd);
  switch (route.routeType) {
    case 1:
      writer.raw(route.esi).u32(route.ethernetTag).u24(route.label);
      break;
    case 2:
      writer.raw(route.esi).u32(route.ethernetTag).u8(48).raw(route.mac);
      writeSizedAddress(writer, route.ip);
      writer.u24(route.label);
      if (route.label2 !== undefined) writer.u24(route.label2);
      break;
    case 3:
      writer.u32(route.ethernetTag);
      writeSizedAddress(writer, route.originatingRouter);
      break;
    case 4:
      writer.raw(route.esi);
      writeSizedAddress(writer, route.originatingRouter);
      break;
    case 5:
      writer.raw(route.esi).u32(route.ethernetTag).u8(route.prefix.length);
      writer.address(route.prefix.address).address(route.gateway).u24(route.label);
      break;
  }
  writer.patchU8(lengthAt, writer.length - lengthAt - 1);
}

/** The length in bits, then the address; only a zero when there is none. */
function writeSizedAddress(writer: ByteWriter, address: IpAddress | undefined): void {
  writer.u8(address ? address.bytes.length * 8 : 0);
  if (address) writer.address(address);
}
