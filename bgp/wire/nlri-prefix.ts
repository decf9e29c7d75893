import type { IpVersion } from '../../net/address.ts';
import type { ByteWriter } from '../../net/byte-writer.ts';
import { type IpPrefix, maskBytes } from '../../net/prefix.ts';
import { readU24 } from './octets.ts';

/** Octets that hold `bits` bits. */
export function octetsOf(bits: number): number {
  return (bits + 7) >> 3;
}

/** The prefix of `length` bits whose octets start at `at`; bits after its length are cleared. */
export function prefixAt(bytes: Uint8Array, at: number, length: number, version: IpVersion): IpPrefix {
  const address = new Uint8Array(version === 4 ? 4 : 16);
  address.set(bytes.subarray(at, at + octetsOf(length)));
  maskBytes(address, 0, address.length, length);
  return { address: { version, bytes: address }, length };
}

/** Writes as many octets of the prefix as its length needs. */
export function writePrefixOctets(writer: ByteWriter, prefix: IpPrefix): void {
  writer.raw(prefix.address.bytes, 0, octetsOf(prefix.length));
}

/** Octets of a label with its traffic class and bottom-of-stack bit (RFC 8277 §2). */
export const LABEL_SIZE = 3;
const BOTTOM_OF_STACK = 1;
/** What a withdrawal has in place of labels (RFC 8277 §2.4). */
const COMPATIBILITY = 0x800000;

/**
 * The labels at `at`, at most `maximum`, up to the one with the bottom-of-stack bit. A first label
 * whose stack never ends is a single one: RFC 8277 §2.2 has receivers ignore its bit.
 */
export function labelsAt(bytes: Uint8Array, at: number, maximum: number): number[] {
  const labels: number[] = [];
  for (let i = 0; i < maximum; i++) {
    const field = readU24(bytes, at + i * LABEL_SIZE);
    labels.push(field >>> 4);
    if ((field & BOTTOM_OF_STACK) !== 0) return labels;
  }
  return labels.slice(0, 1);
}

/** Writes labels, outermost first; the compatibility value of a withdrawal when there is none. */
export function writeLabels(writer: ByteWriter, labels: readonly number[]): void {
  if (labels.length === 0) writer.u24(COMPATIBILITY);
  labels.forEach((label, index) => {
    writer.u24((label << 4) | (index === labels.length - 1 ? BOTTOM_OF_STACK : 0));
  });
}

/** Bits that {@link writeLabels} writes. */
export function labelBits(labels: readonly number[]): number {
  return Math.max(1, labels.length) * LABEL_SIZE * 8;
}
