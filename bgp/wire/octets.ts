// Hot: called several times per message. Plain index reads, no DataView and no allocation.

/** The octet at `at`. Like its neighbours it does not check bounds: the caller has, and a read past the end gives 0. */
export function readU8(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** Unsigned 16-bit number in network byte order. */
export function readU16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** Unsigned 24-bit number in network byte order. */
export function readU24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}

/** Unsigned 32-bit number in network byte order. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  );
}

/**
 * A copy of `bytes[start..end)`. Not `bytes.slice`: what a socket delivers is a Buffer, whose `slice`
 * is a view of memory that the next read overwrites.
 */
export function copyOctets(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}
