// Hot: find and add run once per route. Columns only; nothing is allocated but by growth.
import { growInt32, growUint8, hashBytes, sameBytes } from './columns.ts';

const EMPTY = -1;
const DELETED = -2;

/**
 * Interns byte strings of up to 65,535 bytes under dense ids: an open-addressing hash table over typed
 * arrays, the bytes back to back in one arena. Removed strings leave holes that are closed when they
 * make up more than half of the arena.
 */
export class ByteTable {
  #slots = new Int32Array(64).fill(EMPTY);
  #used = 0;
  #deleted = 0;
  #offset = new Int32Array(32);
  #length = new Int32Array(32);
  #hash = new Int32Array(32);
  #free = new Int32Array(16);
  #freeCount = 0;
  #next = 0;
  #arena = new Uint8Array(1024);
  #arenaEnd = 0;
  #arenaLive = 0;

  /** Strings in the table. */
  get size(): number {
    return this.#used;
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
    return this.#offset[id] as number;
  }

  /** Bytes of the string, or -1 for an id that is not in use. */
  length(id: number): number {
    return this.#length[id] as number;
  }

  /** The id of `bytes[start..end)`, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot] as number;
      if (id === EMPTY) return -1;
      if (id !== DELETED && this.#matches(id, hash, bytes, start, end)) return id;
    }
  }

  #matches(id: number, hash: number, bytes: Uint8Array, start: number, end: number): boolean {
    return (
      this.#hash[id] === hash &&
      this.#length[id] === end - start &&
      sameBytes(this.#arena, this.#offset[id] as number, bytes, start, end - start)
    );
  }

  /** Like {@link find}, but adds the string when it is missing. */
  findOrAdd(bytes: Uint8Array, start: number, end: number): number {
    const found = this.find(bytes, start, end);
    return found >= 0 ? found : this.add(bytes, start, end);
  }

  /** Adds a string that {@link find} did not find. */
  add(bytes: Uint8Array, start: number, end: number): number {
    if ((this.#used + this.#deleted + 1) * 4 > this.#slots.length * 3) this.#rehash();
    const id = this.#takeId();
    const length = end - start;
    this.#reserve(length);
    for (let i = 0; i < length; i++) this.#arena[this.#arenaEnd + i] = bytes[start + i] as number;
    this.#offset[id] = this.#arenaEnd;
    this.#length[id] = length;
    this.#hash[id] = hashBytes(bytes, start, end);
    this.#arenaEnd += length;
    this.#arenaLive += length;
    this.#place(id);
    this.#used++;
    return id;
  }

  #takeId(): number {
    if (this.#freeCount > 0) return this.#free[--this.#freeCount] as number;
    const id = this.#next++;
    if (id >= this.#offset.length) {
      this.#offset = growInt32(this.#offset, id + 1);
      this.#length = growInt32(this.#length, id + 1);
      this.#hash = growInt32(this.#hash, id + 1);
    }
    return id;
  }

  #place(id: number): void {
    const mask = this.#slots.length - 1;
    let slot = (this.#hash[id] as number) & mask;
    while ((this.#slots[slot] as number) >= 0) slot = (slot + 1) & mask;
    if (this.#slots[slot] === DELETED) this.#deleted--;
    this.#slots[slot] = id;
  }

  #rehash(): void {
    let capacity = this.#slots.length;
    while ((this.#used + 1) * 2 > capacity) capacity *= 2;
    this.#slots = new Int32Array(capacity).fill(EMPTY);
    this.#deleted = 0;
    for (let id = 0; id < this.#next; id++) {
      if ((this.#length[id] as number) >= 0) this.#place(id);
    }
  }

  /** Forgets a string; its id will be given to another one. */
  remove(id: number): void {
    const mask = this.#slots.length - 1;
    let slot = (this.#hash[id] as number) & mask;
    while (this.#slots[slot] !== id) slot = (slot + 1) & mask;
    this.#slots[slot] = this.#slots[(slot + 1) & mask] === EMPTY ? EMPTY : DELETED;
    if (this.#slots[slot] === DELETED) this.#deleted++;
    this.#arenaLive -= this.#length[id] as number;
    this.#length[id] = -1;
    this.#used--;
    if (this.#freeCount >= this.#free.length) this.#free = growInt32(this.#free, this.#freeCount + 1);
    this.#free[this.#freeCount++] = id;
  }

  #reserve(length: number): void {
    if (this.#arenaEnd + length <= this.#arena.length) return;
    if (this.#arenaLive * 2 < this.#arenaEnd) this.#compact();
    this.#arena = growUint8(this.#arena, this.#arenaEnd + length);
  }

  #compact(): void {
    const packed = new Uint8Array(this.#arena.length);
    let end = 0;
    for (let id = 0; id < this.#next; id++) {
      const length = this.#length[id] as number;
      if (length < 0) continue;
      const offset = this.#offset[id] as number;
      packed.set(this.#arena.subarray(offset, offset + length), end);
      this.#offset[id] = end;
      end += length;
    }
    this.#arena = packed;
    this.#arenaEnd = end;
  }
}
