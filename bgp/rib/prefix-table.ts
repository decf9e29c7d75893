// Hot: find and add run once per route. Columns only; nothing is allocated but by growth.
import { ByteTable } from './byte-table.ts';
import { growInt32, growUint8, growUint32, mixHash } from './columns.ts';
import { HashIndex, type HashOwner, NONE, SKIP } from './hash-index.ts';

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

/** Length column of an id that is not in use; the others have their length plus one there. */
const FREE = 0;

/** A {@link PrefixTable} for IPv4 unicast: 13 bytes a prefix at half load, and no arena to walk. */
export class Ipv4PrefixTable implements PrefixTable, HashOwner {
  readonly #index = new HashIndex(this);
  #address = new Uint32Array(32);
  #lengthPlusOne = new Uint8Array(32);
  #free = new Int32Array(0);
  #freeCount = 0;
  #next = 0;

  get size(): number {
    return this.#index.size;
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
    return this.findHashed(hashIpv4Prefix(address, length), address, length);
  }

  /** Has the memory at hand that searches for these hashes will read first. */
  fetch(hashes: Int32Array, count: number): void {
    this.#index.fetch(hashes, count);
  }

  /** {@link findAddress} for a caller that knows what {@link hashIpv4Prefix} gives. */
  findHashed(hash: number, address: number, length: number): number {
    const slots = this.#index.slotsFor(hash);
    for (let slot = slots.home(hash); ; slot = slots.after(slot)) {
      const id = slots.at(slot, hash);
      if (id === NONE) return -1;
      if (id !== SKIP && this.#address[id] === address && this.#lengthPlusOne[id] === length + 1) return id;
    }
  }

  /** Like {@link findAddress}, but adds the prefix when it is missing. */
  findOrAddAddress(address: number, length: number): number {
    return this.findOrAddHashed(hashIpv4Prefix(address, length), address, length);
  }

  /** {@link findOrAddAddress} for a caller that knows what {@link hashIpv4Prefix} gives. */
  findOrAddHashed(hash: number, address: number, length: number): number {
    const found = this.findHashed(hash, address, length);
    return found >= 0 ? found : this.#add(hash, address, length);
  }

  #add(hash: number, address: number, length: number): number {
    const id = this.#takeId();
    this.#address[id] = address;
    this.#lengthPlusOne[id] = length + 1;
    this.#index.insert(hash, id);
    return id;
  }

  #takeId(): number {
    if (this.#freeCount > 0) return this.#free[--this.#freeCount] as number;
    const id = this.#next++;
    if (id >= this.#address.length) {
      this.#address = growUint32(this.#address, id + 1);
      this.#lengthPlusOne = growUint8(this.#lengthPlusOne, this.#address.length);
    }
    return id;
  }

  hashOf(id: number): number {
    return hashIpv4Prefix(this.#address[id] as number, (this.#lengthPlusOne[id] as number) - 1);
  }

  keyLength(id: number): number {
    const length = (this.#lengthPlusOne[id] as number) - 1;
    return length < 0 ? -1 : 1 + ((length + 7) >> 3);
  }

  copyKey(id: number, target: Uint8Array, at: number): number {
    const length = (this.#lengthPlusOne[id] as number) - 1;
    const address = this.#address[id] as number;
    target[at++] = length;
    if (length > 0) target[at++] = address >>> 24;
    if (length > 8) target[at++] = (address >>> 16) & 0xff;
    if (length > 16) target[at++] = (address >>> 8) & 0xff;
    if (length > 24) target[at++] = address & 0xff;
    return at;
  }

  remove(id: number): void {
    this.#index.remove(this.hashOf(id), id);
    this.#lengthPlusOne[id] = FREE;
    if (this.#freeCount >= this.#free.length) this.#free = growInt32(this.#free, this.#freeCount + 16);
    this.#free[this.#freeCount++] = id;
  }
}

/** The hash of a prefix in an {@link Ipv4PrefixTable}. */
export function hashIpv4Prefix(address: number, length: number): number {
  return mixHash(address ^ (length << 1));
}

function readAddress(bytes: Uint8Array, start: number, end: number): number {
  let address = 0;
  for (let at = start + 1, shift = 24; at < end; at++, shift -= 8) {
    address |= (bytes[at] as number) << shift;
  }
  return address >>> 0;
}
