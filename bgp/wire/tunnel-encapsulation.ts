import { readU8, readU16 } from './octets.ts';

/** Sub-TLV types from here on have a two-octet length (RFC 9012 §2). */
const FIRST_LONG_SUB_TLV = 128;

/** True when the value at `bytes[start..end)` is a sequence of tunnel TLVs and these of sub-TLVs (RFC 9012 §2, §13). */
export function isTunnelEncapsulation(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    if (at + 4 > end) return false;
    const tunnelEnd = at + 4 + readU16(bytes, at + 2);
    if (tunnelEnd > end || !areSubTlvs(bytes, at + 4, tunnelEnd)) return false;
    at = tunnelEnd;
  }
  return true;
}

function areSubTlvs(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const long = readU8(bytes, at) >= FIRST_LONG_SUB_TLV;
    const value = at + (long ? 3 : 2);
    if (value > end) return false;
    at = value + (long ? readU16(bytes, at + 1) : readU8(bytes, at + 1));
    if (at > end) return false;
  }
  return true;
}
