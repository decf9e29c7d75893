import { addressFromBytes, type IpAddress } from '../../net/address.ts';
import type { ByteWriter } from '../../net/byte-writer.ts';
import { AttributeCode, AttributeFlag } from './constants.ts';
import { afiOf, CARRIED_FAMILIES, type Family, familyName, familyOf, isVpnFamily, safiOf } from './family.ts';
import { readU8, readU16 } from './octets.ts';

/** The next hop of MP_REACH_NLRI; the route distinguisher of VPN families is left out. */
export interface MpNextHop {
  readonly address: IpAddress;
  /** The second address, where one was sent (RFC 2545 §3). */
  readonly linkLocal?: IpAddress;
}

/** An MP_REACH_NLRI attribute: its routes are still bytes, at `[nlriStart..nlriEnd)` of the same buffer. */
export interface MpReach {
  readonly family: Family;
  /** Undefined for a family whose routes this codec does not know. */
  readonly nextHop: MpNextHop | undefined;
  readonly nlriStart: number;
  readonly nlriEnd: number;
}

/** An MP_UNREACH_NLRI attribute, likewise. */
export interface MpUnreach {
  readonly family: Family;
  readonly nlriStart: number;
  readonly nlriEnd: number;
}

/** Why an MP attribute cannot be read; without `family` not even that could be told. */
export interface MpFailure {
  readonly family?: Family;
  readonly failure: string;
}

/** Octets of a route distinguisher, which VPN next hops have before the address and which is 0 there. */
const RD_SIZE = 8;

/** Decodes the value of an MP_REACH_NLRI, `bytes[start..end)` (RFC 4760 §3). */
export function decodeMpReach(
  bytes: Uint8Array,
  start: number,
  end: number,
  extendedNextHop: boolean,
): MpReach | MpFailure {
  if (end - start < 3) return { failure: `${end - start} octets are too few for AFI and SAFI` };
  const family = familyOf(readU16(bytes, start), readU8(bytes, start + 2));
  if (end - start < 5) return { family, failure: 'the next hop is cut off' };
  const nextHopStart = start + 4;
  const nextHopSize = readU8(bytes, start + 3);
  const nextHopEnd = nextHopStart + nextHopSize;
  // One reserved octet follows the next hop.
  if (nextHopEnd + 1 > end) return { family, failure: `a next hop of ${nextHopSize} octets does not fit` };
  const nlriStart = nextHopEnd + 1;
  if (!CARRIED_FAMILIES.includes(family)) return { family, nextHop: undefined, nlriStart, nlriEnd: end };
  const nextHop = decodeNextHop(family, bytes, nextHopStart, nextHopSize, extendedNextHop);
  if (!nextHop) {
    return { family, failure: `a next hop of ${nextHopSize} octets is not one of ${familyName(family)}` };
  }
  return { family, nextHop, nlriStart, nlriEnd: end };
}

/** Decodes the value of an MP_UNREACH_NLRI, `bytes[start..end)` (RFC 4760 §4). */
export function decodeMpUnreach(bytes: Uint8Array, start: number, end: number): MpUnreach | MpFailure {
  if (end - start < 3) return { failure: `${end - start} octets are too few for AFI and SAFI` };
  const family = familyOf(readU16(bytes, start), readU8(bytes, start + 2));
  return { family, nlriStart: start + 3, nlriEnd: end };
}

/** Undefined when the length is none that the family has. */
function decodeNextHop(
  family: Family,
  bytes: Uint8Array,
  at: number,
  size: number,
  extendedNextHop: boolean,
): MpNextHop | undefined {
  const skip = isVpnFamily(family) ? RD_SIZE : 0;
  const ipv4 = skip + 4;
  const ipv6 = skip + 16;
  const takesIpv4 = afiOf(family) !== 2;
  const takesIpv6 = afiOf(family) !== 1 || extendedNextHop;
  if (takesIpv4 && size === ipv4) return { address: addressAt(bytes, at + skip, 4) };
  if (!takesIpv6) return undefined;
  if (size === ipv6) return { address: addressAt(bytes, at + skip, 16) };
  if (size === 2 * ipv6) {
    return {
      address: addressAt(bytes, at + skip, 16),
      linkLocal: addressAt(bytes, at + ipv6 + skip, 16),
    };
  }
  return undefined;
}

function addressAt(bytes: Uint8Array, at: number, size: 4 | 16): IpAddress {
  return addressFromBytes(bytes.subarray(at, at + size));
}

const MP_FLAGS = AttributeFlag.OPTIONAL | AttributeFlag.EXTENDED_LENGTH;

/**
 * Writes an MP_REACH_NLRI up to its routes. Gives the position that {@link endMpAttribute} wants when
 * the routes are written.
 */
export function beginMpReach(writer: ByteWriter, family: Family, nextHop: MpNextHop): number {
  const at = beginMpAttribute(writer, AttributeCode.MP_REACH_NLRI, family);
  const addresses = nextHop.linkLocal ? [nextHop.address, nextHop.linkLocal] : [nextHop.address];
  const skip = isVpnFamily(family) ? RD_SIZE : 0;
  writer.u8(addresses.reduce((size, address) => size + skip + address.bytes.length, 0));
  for (const address of addresses) writer.fill(0, skip).address(address);
  writer.u8(0);
  return at;
}

/** Writes an MP_UNREACH_NLRI up to its routes, as {@link beginMpReach} does. */
export function beginMpUnreach(writer: ByteWriter, family: Family): number {
  return beginMpAttribute(writer, AttributeCode.MP_UNREACH_NLRI, family);
}

function beginMpAttribute(writer: ByteWriter, code: number, family: Family): number {
  const at = writer.u8(MP_FLAGS).u8(code).length;
  writer.u16(0).u16(afiOf(family)).u8(safiOf(family));
  return at;
}

/** Sets the length of the MP attribute that began at `at` and ends where the writer stands. */
export function endMpAttribute(writer: ByteWriter, at: number): void {
  writer.patchU16(at, writer.length - at - 2);
}
