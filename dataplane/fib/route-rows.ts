// Hot: findOrAdd, queue and the column accesses run once per route. Columns only; nothing is allocated but by growth.
import type { IpVersion } from '../../net/address.ts';

/** No next hops: the route is not wanted, or not in the kernel. */
export const NO_SET = -1;

/** The kernel refused the route; {@link RouteRows.reason} says why. */
export const FAILED = 1;
/** Not sent, as something its next hops need is not in the kernel. */
export const WAITING = 2;
/** Found in the kernel at the start and not asked for since. */
export const STALE = 4;
/** Sent, but the answer was lost: the kernel may have it or not. */
export const UNSURE = 8;
/** In one of the two queues. */
const QUEUED = [16, 32] as const;
const QUEUED_ANY = QUEUED[0] | QUEUED[1];

const EMPTY = 0;
const DELETED = -1;
const FIRST_ROWS = 1024;

const octets = new Uint8Array(16);
/** The same 16 bytes as words, in memory order, so that a word is stored into a message as it is. */
const octetWords = new Int32Array(octets.buffer);

/**
 * The routes of one IP version as columns: what is wanted, what the kernel has, and which rows wait to be
 * sent. Rows are found by table, prefix and length in an open-addressing hash table.
 *
 * There are two queues: one is filled by changes while the other one is being sent.
 */
export class RouteRows {
  readonly version: IpVersion;
  /** Words of 32 bits in a prefix: 1 or 4. */
  readonly words: 1 | 4;
  /** Words of a key: the prefix in memory order, the table, the length. */
  readonly stride: 3 | 6;

  /** Keys of all rows, {@link stride} words each. */
  keys: Int32Array<ArrayBuffer>;
  /** Set of next hops that is wanted, or {@link NO_SET}. */
  desired = new Int32Array(FIRST_ROWS);
  /** Set of next hops that the kernel has confirmed, or {@link NO_SET}. */
  installed = new Int32Array(FIRST_ROWS);
  /** Bits: {@link FAILED}, {@link WAITING}, {@link STALE}, {@link UNSURE}, and those of the queues. */
  flags = new Uint8Array(FIRST_ROWS);
  /** Number of the reason of a failure, 0 for none. */
  reason = new Uint16Array(FIRST_ROWS);

  #slots = new Int32Array(FIRST_ROWS * 2);
  #used = 0;
  #deleted = 0;
  #next = 0;
  #free = new Int32Array(FIRST_ROWS);
  #freeCount = 0;

  /** Rows that the kernel has. */
  installedCount = 0;
  /** Rows with {@link FAILED} or {@link WAITING}. */
  failedCount = 0;
  /** Rows with {@link WAITING}. */
  waitingCount = 0;

  readonly #queues = [new Int32Array(FIRST_ROWS), new Int32Array(FIRST_ROWS)];
  readonly #queued = [0, 0];
  #filling: 0 | 1 = 0;

  constructor(version: IpVersion) {
    this.version = version;
    this.words = version === 4 ? 1 : 4;
    this.stride = version === 4 ? 3 : 6;
    this.keys = new Int32Array(FIRST_ROWS * this.stride);
  }

  /** Rows in use. */
  get size(): number {
    return this.#used;
  }

  /** All rows are below this; a row that is not in use wants nothing, has nothing and has no flags. */
  get limit(): number {
    return this.#next;
  }

  /** Kernel routing table of a row. */
  table(row: number): number {
    return (this.keys[row * this.stride + this.words] as number) >>> 0;
  }

  /** Prefix length of a row in bits. */
  length(row: number): number {
    return this.keys[row * this.stride + this.words + 1] as number;
  }

  /** True for a row that stands for a route: it wants something, has something, or is about to. */
  isUsed(row: number): boolean {
    return (
      this.desired[row] !== NO_SET || this.installed[row] !== NO_SET || (this.flags[row] as number) !== 0
    );
  }

  /** Copies the prefix of a row to `target`, 4 or 16 bytes in network byte order. */
  copyPrefix(row: number, target: Uint8Array, at: number): void {
    const key = row * this.stride;
    for (let word = 0; word < this.words; word++) octetWords[word] = this.keys[key + word] as number;
    for (let octet = 0; octet < this.words * 4; octet++) target[at + octet] = octets[octet] as number;
  }

  /** The row of a route, or -1. */
  find(table: number, prefix: Uint8Array, offset: number, length: number): number {
    const hash = this.#load(table, prefix, offset, length);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] as number;
      if (entry === EMPTY) return -1;
      if (entry !== DELETED && this.#matches(entry - 1, table, length)) return entry - 1;
    }
  }

  /** The row of a route; a new one wants nothing and has nothing. */
  findOrAdd(table: number, prefix: Uint8Array, offset: number, length: number): number {
    if ((this.#used + this.#deleted + 1) * 3 > this.#slots.length * 2) this.#rehash();
    const hash = this.#load(table, prefix, offset, length);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] as number;
      if (entry === EMPTY) break;
      if (entry !== DELETED && this.#matches(entry - 1, table, length)) return entry - 1;
    }
    const row = this.#takeRow();
    this.#slots[slot] = row + 1;
    const key = row * this.stride;
    for (let word = 0; word < this.words; word++) this.keys[key + word] = octetWords[word] as number;
    this.keys[key + this.words] = table;
    this.keys[key + this.words + 1] = length;
    this.#used++;
    return row;
  }

  /** Puts the prefix in {@link octetWords} and returns the hash of the key. */
  #load(table: number, prefix: Uint8Array, offset: number, length: number): number {
    let hash = Math.imul(table, 0x9e3779b1) ^ Math.imul(length + 1, 0xc2b2ae35);
    const size = this.words * 4;
    for (let octet = 0; octet < size; octet++) octets[octet] = prefix[offset + octet] as number;
    for (let word = 0; word < this.words; word++) {
      hash = Math.imul(hash ^ (octetWords[word] as number), 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    return mix(hash);
  }

  #matches(row: number, table: number, length: number): boolean {
    const key = row * this.stride;
    for (let word = 0; word < this.words; word++) {
      if (this.keys[key + word] !== octetWords[word]) return false;
    }
    return this.keys[key + this.words] === (table | 0) && this.keys[key + this.words + 1] === length;
  }

  #takeRow(): number {
    const row = this.#freeCount > 0 ? (this.#free[--this.#freeCount] as number) : this.#next++;
    if (row >= this.desired.length) this.#grow(row + 1);
    this.desired[row] = NO_SET;
    this.installed[row] = NO_SET;
    this.flags[row] = 0;
    this.reason[row] = 0;
    return row;
  }

  #grow(rows: number): void {
    const size = Math.max(rows, this.desired.length * 2);
    this.keys = copyTo(this.keys, new Int32Array(size * this.stride));
    this.desired = copyTo(this.desired, new Int32Array(size));
    this.installed = copyTo(this.installed, new Int32Array(size));
    this.flags = copyTo(this.flags, new Uint8Array(size));
    this.reason = copyTo(this.reason, new Uint16Array(size));
  }

  #rehash(): void {
    // Four times as large when it is full: half the growing, and short probes.
    let capacity = this.#slots.length;
    while ((this.#used + 1) * 4 > capacity) capacity *= 2;
    const old = this.#slots;
    this.#slots = new Int32Array(capacity);
    this.#deleted = 0;
    const mask = capacity - 1;
    for (let at = 0; at < old.length; at++) {
      const entry = old[at] as number;
      if (entry <= 0) continue;
      let slot = this.#hashOf(entry - 1) & mask;
      while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      this.#slots[slot] = entry;
    }
  }

  #hashOf(row: number): number {
    const key = row * this.stride;
    let hash =
      Math.imul(this.keys[key + this.words] as number, 0x9e3779b1) ^
      Math.imul((this.keys[key + this.words + 1] as number) + 1, 0xc2b2ae35);
    for (let word = 0; word < this.words; word++) {
      hash = Math.imul(hash ^ (this.keys[key + word] as number), 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    return mix(hash);
  }

  /** Forgets a row that wants nothing, has nothing and is in no queue; does nothing to any other one. */
  freeIfIdle(row: number): void {
    const busy = (this.flags[row] as number) & (QUEUED_ANY | UNSURE);
    if (busy !== 0 || this.desired[row] !== NO_SET || this.installed[row] !== NO_SET) return;
    this.#removeSlot(row);
    this.flags[row] = 0;
    this.reason[row] = 0;
    if (this.#freeCount >= this.#free.length) {
      this.#free = copyTo(this.#free, new Int32Array(this.#free.length * 2));
    }
    this.#free[this.#freeCount++] = row;
    this.#used--;
  }

  #removeSlot(row: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashOf(row) & mask;
    while (this.#slots[slot] !== row + 1) slot = (slot + 1) & mask;
    if (this.#slots[(slot + 1) & mask] === EMPTY) {
      this.#slots[slot] = EMPTY;
    } else {
      this.#slots[slot] = DELETED;
      this.#deleted++;
    }
  }

  /** Notes what the kernel has: a set, or {@link NO_SET}. */
  setInstalled(row: number, set: number): void {
    if (this.installed[row] !== NO_SET) this.installedCount--;
    if (set !== NO_SET) this.installedCount++;
    this.installed[row] = set;
  }

  /** Notes a failure, `kind` {@link FAILED} or {@link WAITING}, and the number of its reason. */
  setFailure(row: number, kind: typeof FAILED | typeof WAITING, reason: number): void {
    this.clearFailure(row);
    this.failedCount++;
    if (kind === WAITING) this.waitingCount++;
    this.flags[row] = (this.flags[row] as number) | kind;
    this.reason[row] = reason;
  }

  clearFailure(row: number): void {
    const flags = this.flags[row] as number;
    if ((flags & (FAILED | WAITING)) === 0) return;
    this.failedCount--;
    if ((flags & WAITING) !== 0) this.waitingCount--;
    this.flags[row] = flags & ~(FAILED | WAITING);
    this.reason[row] = 0;
  }

  hasFlag(row: number, flag: number): boolean {
    return ((this.flags[row] as number) & flag) !== 0;
  }

  setFlag(row: number, flag: typeof STALE | typeof UNSURE): void {
    this.flags[row] = (this.flags[row] as number) | flag;
  }

  clearFlag(row: number, flag: typeof STALE | typeof UNSURE): void {
    this.flags[row] = (this.flags[row] as number) & ~flag;
  }

  /** Puts a row into the queue that is being filled, once. */
  queue(row: number): void {
    this.#enqueue(row, this.#filling);
  }

  /** Adds a row to the queue that is being sent, once. */
  queueSending(row: number): void {
    this.#enqueue(row, this.#filling === 0 ? 1 : 0);
  }

  #enqueue(row: number, side: 0 | 1): void {
    const flags = this.flags[row] as number;
    if ((flags & QUEUED[side]) !== 0) return;
    this.flags[row] = flags | QUEUED[side];
    let rows = this.#queues[side] as Int32Array<ArrayBuffer>;
    const count = this.#queued[side] as number;
    if (count >= rows.length) {
      rows = copyTo(rows, new Int32Array(rows.length * 2));
      this.#queues[side] = rows;
    }
    rows[count] = row;
    this.#queued[side] = count + 1;
  }

  /** Rows in the queue that is being filled. */
  get queuedCount(): number {
    return this.#queued[this.#filling] as number;
  }

  /** True when the row is in the queue that is being filled: a later call has overtaken what is being sent. */
  isQueued(row: number): boolean {
    return ((this.flags[row] as number) & QUEUED[this.#filling]) !== 0;
  }

  /** True when the row is in either queue. */
  isBusy(row: number): boolean {
    return ((this.flags[row] as number) & QUEUED_ANY) !== 0;
  }

  /** Swaps the queues: {@link sendingRow} now reads what was collected. The other queue must be empty. */
  swapQueues(): void {
    this.#filling = this.#filling === 0 ? 1 : 0;
  }

  /** Rows in the queue that is being sent. */
  get sendingCount(): number {
    return this.#queued[1 - this.#filling] as number;
  }

  /** Row at `index` of the queue that is being sent. */
  sendingRow(index: number): number {
    return (this.#queues[1 - this.#filling] as Int32Array)[index] as number;
  }

  /**
   * Takes rows at `start` to `end` out of the queue that was sent; those that nobody needs are forgotten. All have to be
   * taken out, in any number of calls, before {@link endSending}.
   */
  clearSending(start: number, end: number): void {
    const side = this.#filling === 0 ? 1 : 0;
    const rows = this.#queues[side] as Int32Array;
    const keep = ~QUEUED[side];
    for (let index = start; index < end; index++) {
      const row = rows[index] as number;
      this.flags[row] = (this.flags[row] as number) & keep;
      this.freeIfIdle(row);
    }
  }

  /** Empties the queue that was sent. */
  endSending(): void {
    this.#queued[1 - this.#filling] = 0;
  }
}

function copyTo<T extends Int32Array | Uint8Array | Uint16Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function mix(value: number): number {
  value ^= value >>> 16;
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  return value ^ (value >>> 16);
}
