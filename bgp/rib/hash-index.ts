// Hot: a lookup runs once per route and per UPDATE. Typed arrays; nothing is allocated but by growth.

/** Knows the keys that an index does not: gives the hash of each id that is in it. */
export interface HashOwner {
  hashOf(id: number): number;
}

/** {@link HashSlots.at}: the key is not in the table. */
export const NONE = -1;
/** {@link HashSlots.at}: the slot belongs to another key. */
export const SKIP = -2;

/** A slot that was never used ends a search. */
const EMPTY = 0;
/** A slot whose entry was removed: no entry has an id of -1. */
const DELETED = 0x80000000 | 0;

/** Low bits of a slot: an id plus one. 134 million of them need more memory than a machine has for them. */
const ID_MASK = 0x07ff_ffff;
/** Bits of the hash that are neither among the lowest, which choose the slot, nor the highest, which choose the part. */
const TAG_SHIFT = 5;

const LEAST_SLOTS = 64;
/**
 * Slots beyond which a table is divided, so that growing is done in parts that take a millisecond or two each. Early
 * enough that V8 has seen it when a large table comes.
 */
const DIVIDED_SLOTS = 1024;
const PARTS = 16;
const PART_SHIFT = 28;

/**
 * One part of a {@link HashIndex}: an open-addressing hash table of ids.
 *
 * A slot of four octets holds an id and five bits of its hash. So a search looks at keys, which lie anywhere in
 * memory, almost only when it has found its own.
 *
 * To search, start at {@link home} and go {@link after} each slot until {@link at} gives {@link NONE}, or an id whose
 * key is the one that is looked for.
 */
export class HashSlots {
  #slots: Int32Array;
  #mask: number;
  #used = 0;
  #deleted = 0;

  constructor(capacity = LEAST_SLOTS) {
    this.#slots = new Int32Array(capacity);
    this.#mask = capacity - 1;
  }

  get capacity(): number {
    return this.#slots.length;
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
    const id = (value & ID_MASK) - 1;
    // DELETED has no id: it is passed over like an entry of another hash.
    return id < 0 || ((value ^ (hash << TAG_SHIFT)) & ~ID_MASK) !== 0 ? SKIP : id;
  }

  /** What stands where a search for `hash` begins, whatever it is. */
  peek(hash: number): number {
    return this.#slots[hash & this.#mask] as number;
  }

  /** True when {@link insert} needs {@link renew} first. */
  get full(): boolean {
    return (this.#used + this.#deleted + 1) * 4 > this.#slots.length * 3;
  }

  insert(hash: number, id: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = hash & mask;
    while (((slots[slot] as number) & ID_MASK) !== 0) slot = (slot + 1) & mask;
    if (slots[slot] === DELETED) this.#deleted--;
    slots[slot] = ((hash << TAG_SHIFT) & ~ID_MASK) | (id + 1);
    this.#used++;
  }

  remove(hash: number, id: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = hash & mask;
    while (((slots[slot] as number) & ID_MASK) !== id + 1) slot = (slot + 1) & mask;
    this.#used--;
    if (slots[(slot + 1) & mask] === EMPTY) slots[slot] = EMPTY;
    else {
      slots[slot] = DELETED;
      this.#deleted++;
    }
  }

  /** Forgets everything, with room for one more entry than before at half load; gives what there was. */
  renew(): Int32Array {
    const before = this.#slots;
    let capacity = LEAST_SLOTS;
    while ((this.#used + 1) * 2 > capacity) capacity *= 2;
    this.#slots = new Int32Array(capacity);
    this.#mask = capacity - 1;
    this.#used = 0;
    this.#deleted = 0;
    return before;
  }
}

/** A hash table over dense ids that knows their hashes only through its owner; large ones are in parts. */
export class HashIndex {
  readonly #owner: HashOwner;
  #parts: readonly HashSlots[] = [];
  /** 0 while there is one part. */
  #partMask = -1;
  #size = 0;
  #fetched = 0;

  constructor(owner: HashOwner) {
    this.#owner = owner;
    // V8 takes fields that are set only once for constants, and throws away all code that relies on it when they change.
    this.#parts = [new HashSlots()];
    this.#partMask = 0;
  }

  /** Entries in the table. */
  get size(): number {
    return this.#size;
  }

  /** The part that a hash belongs to. */
  slotsFor(hash: number): HashSlots {
    return this.#parts[(hash >>> PART_SHIFT) & this.#partMask] as HashSlots;
  }

  /**
   * Reads the slots where searches for `count` hashes begin. They lie anywhere in memory: read one right after the
   * other they are fetched at the same time, and are at hand when the searches come.
   */
  fetch(hashes: Int32Array, count: number): void {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const hash = hashes[i] as number;
      sum ^= this.slotsFor(hash).peek(hash);
    }
    this.#fetched = sum;
  }

  /** Of what {@link fetch} has read, so that it is not left out as useless; nothing but that. */
  get fetched(): number {
    return this.#fetched;
  }

  /** Adds an id that is not in the table, of which the owner knows the hash by now. */
  insert(hash: number, id: number): void {
    const slots = this.slotsFor(hash);
    if (slots.full) this.#makeRoom(slots);
    this.#place(hash, id);
    this.#size++;
  }

  #makeRoom(slots: HashSlots): void {
    const before = slots.renew();
    if (this.#partMask === 0 && slots.capacity > DIVIDED_SLOTS) {
      const capacity = slots.capacity / PARTS;
      this.#parts = Array.from({ length: PARTS }, () => new HashSlots(capacity));
      this.#partMask = PARTS - 1;
    }
    // One way to move entries, whether the table is divided or not: what small tables have practised, large ones can.
    for (let slot = 0; slot < before.length; slot++) {
      const id = ((before[slot] as number) & ID_MASK) - 1;
      if (id >= 0) this.#place(this.#owner.hashOf(id), id);
    }
  }

  #place(hash: number, id: number): void {
    this.slotsFor(hash).insert(hash, id);
  }

  /** Removes an id. */
  remove(hash: number, id: number): void {
    this.slotsFor(hash).remove(hash, id);
    this.#size--;
  }
}
