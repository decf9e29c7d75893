// Hot: find and add run once per route. Columns only; nothing is allocated but by growth.
import { ByteTable } from './byte-table.ts';
import { growInt32, growUint8, growUint32, mixHash } from './columns.ts';

/**
 * Dense ids for the prefixes of one RIB. The key of a prefix is its canonical NLRI bytes: for unicast
 * the length in bits and as many octets as that needs (RFC 4271 §4.3), bits after the length zero.
 */
export interface PrefixTable {
  /** Prefixes in the table. */
  readonly size: number;
  /** All ids are below this; not every one of them is in use. */
  readonly idLimit: number;
  /** The id of the key at `bytes[start..end)`, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number;
  /** Like {@link find}, but adds the key when it is missing. */
  findOrAdd(bytes: Uint8Array, start: number, end: number): number;
  /** Bytes of the key, or -1 for an id that is not in use. */
  keyLength(id: number): number;
  /** Writes the key to `target` at `at`; returns the offset behind it. */
  copyKey(id: number, target: Uint8Array, at: number): number;
  remove(id: number): void;
}

/** A {@link PrefixTable} for keys of any form. */
export class BytePrefixTable implements PrefixTable {
  readonly #table = new ByteTable();

  get size(): number {
    return this.#table.size;
  }

  get idLimit(): number {
    return this.#table.idLimit;
  }

  find(bytes: Uint8Array, start: number, end: number): number {
    return this.#table.find(bytes, start, end);
  }

  findOrAdd(bytes: Uint8Array, start: number, end: number): number {
    return this.#table.findOrAdd(bytes, start, end);
  }

  keyLength(id: number): number {
    return this.#table.length(id);
  }

  copyKey(id: number, target: Uint8Array, at: number): number {
    const arena = this.#table.arena;
    const offset = this.#table.offset(id);
    const length = this.#table.length(id);
    for (let i = 0; i < length; i++) target[at + i] = arena[offset + i] as number;
    return at + length;
  }

  remove(id: number): void {
    this.#table.remove(id);
  }
}

const EMPTY = -1;
const DELETED = -2;
/** Length column of an id that is not in use. */
const FREE = 255;

/** A {@link PrefixTable} for IPv4 unicast: 13 bytes a prefix instead of 20 and no arena to walk. */
export class Ipv4PrefixTable implements PrefixTable {
  #slots = new Int32Array(64).fill(EMPTY);
  #used = 0;
  #deleted = 0;
  #address = new Uint32Array(32);
  #length = new Uint8Array(32).fill(FREE);
  #free = new Int32Array(16);
  #freeCount = 0;
  #next = 0;

  get size(): number {
    return this.#used;
  }

  get idLimit(): number {
    return this.#next;
  }

  find(bytes: Uint8Array, start: number, end: number): number {
    return this.findAddress(readAddress(bytes, start, end), bytes[start] as number);
  }

  findOrAdd(bytes: Uint8Array, start: number, end: number): number {
    return this.findOrAddAddress(readAddress(bytes, start, end), bytes[start] as number);
  }

  /** The id of a prefix given as an unsigned number with host bits zero, or -1. */
  findAddress(address: number, length: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = mixHash(address ^ (length << 1)) & mask; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot] as number;
      if (id === EMPTY) return -1;
      if (id !== DELETED && this.#address[id] === address && this.#length[id] === length) return id;
    }
  }

  /** Like {@link findAddress}, but adds the prefix when it is missing. */
  findOrAddAddress(address: number, length: number): number {
    const found = this.findAddress(address, length);
    if (found >= 0) return found;
    if ((this.#used + this.#deleted + 1) * 4 > this.#slots.length * 3) this.#rehash();
    const id = this.#takeId();
    this.#address[id] = address;
    this.#length[id] = length;
    this.#place(id);
    this.#used++;
    return id;
  }

  #takeId(): number {
    if (this.#freeCount > 0) return this.#free[--this.#freeCount] as number;
    const id = this.#next++;
    if (id >= this.#address.length) {
      const before = this.#length.length;
      this.#address = growUint32(this.#address, id + 1);
      this.#length = growUint8(this.#length, id + 1).fill(FREE, before);
    }
    return id;
  }

  #place(id: number): void {
    const mask = this.#slots.length - 1;
    let slot = mixHash((this.#address[id] as number) ^ ((this.#length[id] as number) << 1)) & mask;
    while ((this.#slots[slot] as number) >= 0) slot = (slot + 1) & mask;
    if (this.#slots[slot] === DELETED) this.#deleted--;
    this.#slots[slot] = id;
  }

  #rehash(): void {
    let capacity = this.#slots.length;
    while ((this.#used + 1) * 2 > capacity) capacity *= 2;
    this.#slots = new Int32Array(capacity).fill(EMPTY);
    this.#deleted = 0;
    for (let id = 0; id < this.#next; id++) if (this.#length[id] !== FREE) this.#place(id);
  }

  keyLength(id: number): number {
    const length = this.#length[id] as number;
    return length === FREE ? -1 : 1 + ((length + 7) >> 3);
  }

  copyKey(id: number, target: Uint8Array, at: number): number {
    const length = this.#length[id] as number;
    const address = this.#address[id] as number;
    target[at++] = length;
    if (length > 0) target[at++] = address >>> 24;
    if (length > 8) target[at++] = (address >>> 16) & 0xff;
    if (length > 16) target[at++] = (address >>> 8) & 0xff;
    if (length > 24) target[at++] = address & 0xff;
    return at;
  }

  remove(id: number): void {
    const mask = this.#slots.length - 1;
    let slot = mixHash((this.#address[id] as number) ^ ((this.#length[id] as number) << 1)) & mask;
    while (this.#slots[slot] !== id) slot = (slot + 1) & mask;
    this.#slots[slot] = this.#slots[(slot + 1) & mask] === EMPTY ? EMPTY : DELETED;
    if (this.#slots[slot] === DELETED) this.#deleted++;
    this.#length[id] = FREE;
    this.#used--;
    this.#free = growInt32(this.#free, this.#freeCount + 1);
    this.#free[this.#freeCount++] = id;
  }
}

function readAddress(bytes: Uint8Array, start: number, end: number): number {
  let address = 0;
  for (let at = start + 1, shift = 24; at < end; at++, shift -= 8) {
    address |= (bytes[at] as number) << shift;
  }
  return address >>> 0;
}
