import type { IpAddress } from './address.ts';

/**
 * A growing buffer that is written front to back, all numbers in network byte order.
 * One writer is reused for many messages: take the bytes with {@link take} or view them with
 * {@link bytes}, then {@link reset}.
 */
export class ByteWriter {
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;

  /** `capacity`: bytes set aside at first; the buffer doubles when it is full. */
  constructor(capacity = 4096) {
    this.#buffer = new Uint8Array(capacity);
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Forgets all that was written. */
  reset(): this {
    this.#length = 0;
    return this;
  }

  /** Cuts back to `length` bytes; larger values than {@link length} are refused with RangeError. */
  truncate(length: number): this {
    if (length > this.#length) throw new RangeError(`cannot cut ${this.#length} bytes to ${length}`);
    this.#length = length;
    return this;
  }

  #reserve(size: number): number {
    const at = this.#length;
    this.#length = at + size;
    if (this.#length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, at));
      this.#buffer = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#buffer[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u24(value: number): this {
    const at = this.#reserve(3);
    this.#view.setUint8(at, value >>> 16);
    this.#view.setUint16(at + 1, value & 0xffff);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value);
    return this;
  }

  address(address: IpAddress): this {
    return this.raw(address.bytes);
  }

  raw(bytes: Uint8Array, start = 0, end = bytes.length): this {
    const at = this.#reserve(end - start);
    this.#buffer.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at);
    return this;
  }

  /** `count` bytes of `value`. */
  fill(value: number, count: number): this {
    const at = this.#reserve(count);
    this.#buffer.fill(value, at, at + count);
    return this;
  }

  /** Overwrites the two bytes at `at`, which must have been written before. */
  patchU16(at: number, value: number): this {
    this.#view.setUint16(at, value);
    return this;
  }

  /** Overwrites the byte at `at`, which must have been written before. */
  patchU8(at: number, value: number): this {
    this.#view.setUint8(at, value);
    return this;
  }

  /** What was written, as a view that is valid until the next write. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** A copy of what was written; the writer is reset. */
  take(): Uint8Array {
    const copy = this.#buffer.slice(0, this.#length);
    this.#length = 0;
    return copy;
  }
}
