// Hot: a lookup runs once per route and per UPDATE. One typed array; nothing is allocated but by growth.

/** A slot that was never used ends a search. */
const EMPTY = 0;
/** A slot whose entry was removed: no entry has all low bits zero. */
const DELETED = 0x80000000 | 0;
const LEAST_SLOTS = 64;

/**
 * The slots of an open-addressing hash table over dense ids. It knows hashes and ids, and its owner the keys.
 *
 * A slot holds an id plus one in its low bits and the hash in the bits above, of which there are as many
 * as ids leave free: 11 with a million entries. So a search looks at keys, which lie anywhere in memory, almost only
 * when it has found its own, and a slot has but four octets.
 *
 * To search, start at {@link home} and go {@link after} each slot until {@link at} gives {@link NONE}, or an id whose key
 * is the one that is looked for.
 */
export class HashIndex {
  #slots = new Int32Array(LEAST_SLOTS);
  #mask = LEAST_SLOTS - 1;
  #used = 0;
  #deleted = 0;
  #fetched = 0;

  /** Entries in the table. */
  get size(): number {
    return this.#used;
  }

  /**
   * Reads the slots where searches for `count` hashes begin. They lie anywhere in memory: read one right after the
   * other they are fetched at the same time, and are at hand when the searches come.
   */
  fetch(hashes: Int32Array, count: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let sum = 0;
    for (let i = 0; i < count; i++) sum ^= slots[(hashes[i] as number) & mask] as number;
    this.#fetched = sum;
  }

  /** Of what {@link fetch} has read, so that it is not left out as useless; nothing but that. */
  get fetched(): number {
    return this.#fetched;
  }

  /** Where a search for `hash` begins. */
  home(hash: number): number {
    return hash & this.#mask;
  }

  /** The slot behind `slot`. */
  after(slot: number): number {
    return (slot + 1) & this.#mask;
  }

  /** The id in `slot` if its hash may be `hash`; {@link SKIP} if it is not, {@link NONE} where a search ends. */
  at(slot: number, hash: number): number {
    const value = this.#slots[slot] as number;
    if (value === EMPTY) return NONE;
    const mask = this.#mask;
    // DELETED has no id: it is passed over like an entry of another hash.
    if (((value ^ hash) & ~mask) !== 0 || (value & mask) === 0) return SKIP;
    return (value & mask) - 1;
  }

  /** True when {@link insert} needs {@link rebuild} first. */
  get full(): boolean {
    return (this.#used + this.#deleted + 1) * 4 > this.#slots.length * 3;
  }

  /** Adds an id that is not in the table; not while it is {@link full}. */
  insert(hash: number, id: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = hash & mask;
    while (((slots[slot] as number) & mask) !== 0) slot = (slot + 1) & mask;
    if (slots[slot] === DELETED) this.#deleted--;
    slots[slot] = (hash & ~mask) | (id + 1);
    this.#used++;
  }

  /** Removes an id. */
  remove(hash: number, id: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = hash & mask;
    while (((slots[slot] as number) & mask) !== id + 1) slot = (slot + 1) & mask;
    this.#used--;
    if (slots[(slot + 1) & mask] === EMPTY) slots[slot] = EMPTY;
    else {
      slots[slot] = DELETED;
      this.#deleted++;
    }
  }

  /** Empties the table and makes room for `entries` and one more, with ids below `idLimit`; the owner inserts them again. */
  rebuild(entries: number, idLimit: number): void {
    let capacity = LEAST_SLOTS;
    while ((entries + 1) * 2 > capacity || idLimit + 2 > capacity) capacity *= 2;
    if (capacity === this.#slots.length) this.#slots.fill(EMPTY);
    else this.#slots = new Int32Array(capacity);
    this.#mask = capacity - 1;
    this.#used = 0;
    this.#deleted = 0;
  }
}

/** {@link HashIndex.at}: the key is not in the table. */
export const NONE = -1;
/** {@link HashIndex.at}: the slot belongs to another key. */
export const SKIP = -2;
