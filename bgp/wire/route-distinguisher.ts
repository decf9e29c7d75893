import { formatAddressBytes } from '../../net/address.ts';
import { toHex } from '../../net/hex.ts';
import { readU16, readU32 } from './octets.ts';

/** Octets of a route distinguisher: type 2, value 6 (RFC 4364 §4.2). */
export const RD_SIZE = 8;

/**
 * Text of the route distinguisher at `at`: `asn:number` for types 0 and 2, `a.b.c.d:number` for
 * type 1, else `raw:` and 16 hex digits.
 */
export function formatRouteDistinguisher(bytes: Uint8Array, at = 0): string {
  switch (readU16(bytes, at)) {
    case 0:
      return `${readU16(bytes, at + 2)}:${readU32(bytes, at + 4)}`;
    case 1:
      return `${formatAddressBytes(bytes, at + 2, 4)}:${readU16(bytes, at + 6)}`;
    case 2:
      return `${readU32(bytes, at + 2)}:${readU16(bytes, at + 6)}`;
    default:
      return `raw:${toHex(bytes, at, at + RD_SIZE)}`;
  }
}
