import type { ByteWriter } from '../../net/byte-writer.ts';
import { readU8, readU16, readU32 } from './octets.ts';

const AIGP_TLV = 1;
/** Type, length and a 64-bit metric (RFC 7311 §3). */
const AIGP_TLV_SIZE = 11;

/**
 * The accumulated IGP metric of the first AIGP TLV. Undefined when a TLV does not fit or the AIGP TLV
 * has a wrong length (RFC 7311 §3.2); `null` when no TLV is an AIGP TLV.
 */
export function decodeAigp(bytes: Uint8Array, start: number, end: number): bigint | null | undefined {
  let metric: bigint | null = null;
  for (let at = start; at < end; ) {
    if (at + 3 > end) return undefined;
    const length = readU16(bytes, at + 1);
    if (length < 3 || at + length > end) return undefined;
    if (readU8(bytes, at) === AIGP_TLV) {
      if (length !== AIGP_TLV_SIZE) return undefined;
      metric ??= (BigInt(readU32(bytes, at + 3)) << 32n) | BigInt(readU32(bytes, at + 7));
    }
    at += length;
  }
  return metric;
}

/** Writes an attribute value with one AIGP TLV. */
export function encodeAigp(writer: ByteWriter, metric: bigint): void {
  writer.u8(AIGP_TLV).u16(AIGP_TLV_SIZE);
  writer.u32(Number((metric >> 32n) & 0xffffffffn)).u32(Number(metric & 0xffffffffn));
}
