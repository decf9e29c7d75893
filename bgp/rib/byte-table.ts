// Hot: find and add run once per route. Columns only; nothing is allocated but by growth.
import { growInt32, growUint8, hashBytes, sameBytes } from './columns.ts';
import { HashIndex, type HashOwner, NONE, SKIP } from './hash-index.ts';

const LONGEST = 65_535;

// Places of the numbers in a record.
const OFFSET = 0;
const LENGTH = 1;
const HASH = 2;
/** Numbers of a record. */
const FIELDS = 3;

/**
 * Interns byte strings of 1 to 65,535 bytes under dense ids: a hash table over typed arrays, the bytes back to
 * back in one arena. Removed strings leave holes that are closed when they make up more than half of the arena.
 */
export class ByteTable implements HashOwner {
  readonly #index = new HashIndex(this);
  /** By id: {@link FIELDS} numbers; a length of 0 is that of an id that is not in use. */
  #records = new Int32Array(32 * FIELDS);
  #free = new Int32Array(0);
  #freeCount = 0;
  #next = 0;
  #arena = new Uint8Array(1024);
  #arenaEnd = 0;
  #arenaLive = 0;

  /** Strings in the table. */
  get size(): number {
    return this.#index.size;
  }

  /** All ids are below this; not every one of them is in use. */
  get idLimit(): number {
    return this.#next;
  }

  /** The arena that {@link offset} points into: valid until the next addition. */
  get arena(): Uint8Array {
    return this.#arena;
  }

  offset(id: number): number {
    return this.#records[id * FIELDS + OFFSET] as number;
  }

  /** Bytes of the string, or -1 for an id that is not in use. */
  length(id: number): number {
    const length = this.#records[id * FIELDS + LENGTH] as number;
    return length > 0 ? length : -1;
  }

  /** The id of `bytes[start..end)`, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.findHashed(hashBytes(bytes, start, end), bytes, start, end);
  }

  /** {@link find} for a caller that knows what `hashBytes` gives, and may need it again. */
  findHashed(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slots = this.#index.slotsFor(hash);
    const length = end - start;
    for (let slot = slots.home(hash); ; slot = slots.after(slot)) {
      const id = slots.at(slot, hash);
      if (id === NONE) return -1;
      if (
        id !== SKIP &&
        this.#records[id * FIELDS + LENGTH] === length &&
        sameBytes(this.#arena, this.#records[id * FIELDS + OFFSET] as number, bytes, start, length)
      )
        return id;
    }
  }

  /** Like {@link find}, but adds the string when it is missing. */
  findOrAdd(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end);
    const found = this.findHashed(hash, bytes, start, end);
    return found >= 0 ? found : this.addHashed(hash, bytes, start, end);
  }

  /** Adds a string that {@link find} did not find. */
  add(bytes: Uint8Array, start: number, end: number): number {
    return this.addHashed(hashBytes(bytes, start, end), bytes, start, end);
  }

  /** {@link add} with what `hashBytes` gives. */
  addHashed(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length < 1 || length > LONGEST) throw new RangeError(`cannot intern ${length} bytes`);
    this.#reserve(length);
    const id = this.#takeId();
    const arena = this.#arena;
    const offset = this.#arenaEnd;
    for (let i = 0; i < length; i++) arena[offset + i] = bytes[start + i] as number;
    this.#records[id * FIELDS + OFFSET] = offset;
    this.#records[id * FIELDS + LENGTH] = length;
    this.#records[id * FIELDS + HASH] = hash;
    this.#arenaEnd = offset + length;
    this.#arenaLive += length;
    this.#index.insert(hash, id);
    return id;
  }

  #takeId(): number {
    if (this.#freeCount > 0) return this.#free[--this.#freeCount] as number;
    const id = this.#next++;
    this.#records = growInt32(this.#records, (id + 1) * FIELDS);
    return id;
  }

  hashOf(id: number): number {
    return this.#records[id * FIELDS + HASH] as number;
  }

  /** Forgets a string; its id will be given to another one. */
  remove(id: number): void {
    this.#index.remove(this.#records[id * FIELDS + HASH] as number, id);
    this.#arenaLive -= this.#records[id * FIELDS + LENGTH] as number;
    this.#records[id * FIELDS + LENGTH] = 0;
    if (this.#freeCount >= this.#free.length) this.#free = growInt32(this.#free, this.#freeCount + 16);
    this.#free[this.#freeCount++] = id;
  }

  #reserve(length: number): void {
    if (this.#arenaEnd + length <= this.#arena.length) return;
    if (this.#arenaLive * 2 < this.#arenaEnd) this.#compact(length);
    this.#arena = growUint8(this.#arena, this.#arenaEnd + length);
  }

  /** `room`: bytes that are about to come. */
  #compact(room: number): void {
    const packed = growUint8(new Uint8Array(0), this.#arenaLive + room);
    let end = 0;
    for (let id = 0; id < this.#next; id++) {
      const length = this.#records[id * FIELDS + LENGTH] as number;
      if (length === 0) continue;
      const offset = this.#records[id * FIELDS + OFFSET] as number;
      packed.set(this.#arena.subarray(offset, offset + length), end);
      this.#records[id * FIELDS + OFFSET] = end;
      end += length;
    }
    this.#arena = packed;
    this.#arenaEnd = end;
  }
}
