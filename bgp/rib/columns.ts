// Growing typed arrays: what the tables of the RIB are made of.

/**
 * Elements from which an array gets far more room than it needs. The system gives memory when it is first written, so
 * that room costs nothing until then; but a copy costs a page fault for each 4 kB, more than the routes in there.
 */
const LARGE = 65_536;
const LARGE_STEP = 32;

/** Elements that an array of `length` gets so that it holds `size`. */
function roomFor(length: number, size: number): number {
  return Math.max(size, length * (length < LARGE ? 2 : LARGE_STEP));
}

/** Makes an array with room for `size` elements; where memory must not be promised so freely, with less room. */
function withRoom<T>(length: number, size: number, make: (length: number) => T): T {
  try {
    return make(roomFor(length, size));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return make(Math.max(size, length + (length >> 2)));
  }
}

/** Room for at least `size` elements: the same array, or a larger copy whose new elements are 0. */
export function growInt32(array: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  if (size <= array.length) return array;
  const grown = withRoom(array.length, size, (length) => new Int32Array(length));
  grown.set(array);
  return grown;
}

/** See {@link growInt32}. */
export function growUint32(array: Uint32Array<ArrayBuffer>, size: number): Uint32Array<ArrayBuffer> {
  if (size <= array.length) return array;
  const grown = withRoom(array.length, size, (length) => new Uint32Array(length));
  grown.set(array);
  return grown;
}

/** See {@link growInt32}. */
export function growUint16(array: Uint16Array<ArrayBuffer>, size: number): Uint16Array<ArrayBuffer> {
  if (size <= array.length) return array;
  const grown = withRoom(array.length, size, (length) => new Uint16Array(length));
  grown.set(array);
  return grown;
}

/** See {@link growInt32}. */
export function growUint8(array: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  if (size <= array.length) return array;
  const grown = withRoom(array.length, size, (length) => new Uint8Array(length));
  grown.set(array);
  return grown;
}

/**
 * A hash of `bytes[start..end)` as a signed 32-bit number. Multiplies and shifts like MurmurHash3 do:
 * bytes that differ in a few low bits, as prefixes do, spread well.
 */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word =
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number);
    hash = Math.imul(hash ^ word, 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) {
    hash = Math.imul(hash ^ (bytes[at] as number), 0xc2b2ae35);
    hash ^= hash >>> 15;
  }
  return mixHash(hash);
}

/** Spreads the bits of a 32-bit number over all of its result. */
export function mixHash(value: number): number {
  value ^= value >>> 16;
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  return value ^ (value >>> 16);
}

/** True when the two ranges of `length` bytes are the same. */
export function sameBytes(
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) {
    if (a[aStart + i] !== b[bStart + i]) return false;
  }
  return true;
}
