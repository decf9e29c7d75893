// Hot: runs once per changed prefix and update group. Columns that are reused; nothing is allocated.

const EMPTY = -1;

/**
 * The announcements of one turn, sorted into buckets of equal attributes and source, in the order in
 * which they came: one bucket becomes as few messages as possible.
 */
export class UpdateBatch {
  readonly #capacity: number;
  readonly #slots: Int32Array;
  readonly #bucketAttributes: Int32Array;
  readonly #bucketSource: Int32Array;
  readonly #bucketSlot: Int32Array;
  readonly #bucketFirst: Int32Array;
  readonly #bucketLast: Int32Array;
  readonly #next: Int32Array;
  readonly #prefix: Int32Array;
  readonly #extra: Int32Array;
  #buckets = 0;
  #entries = 0;
  /** Routes with the same attributes mostly come one after the other. */
  #lastBucket = EMPTY;

  /** `capacity`: the most announcements of one turn, a power of two. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#slots = new Int32Array(capacity * 2).fill(EMPTY);
    this.#bucketAttributes = new Int32Array(capacity);
    this.#bucketSource = new Int32Array(capacity);
    this.#bucketSlot = new Int32Array(capacity);
    this.#bucketFirst = new Int32Array(capacity);
    this.#bucketLast = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#prefix = new Int32Array(capacity);
    this.#extra = new Int32Array(capacity);
  }

  get buckets(): number {
    return this.#buckets;
  }

  clear(): void {
    if (this.#entries === 0) return;
    for (let bucket = 0; bucket < this.#buckets; bucket++) {
      this.#slots[this.#bucketSlot[bucket] as number] = EMPTY;
    }
    this.#lastBucket = EMPTY;
    this.#buckets = 0;
    this.#entries = 0;
  }

  /** Adds an announcement; true when it is the first of its bucket. */
  add(prefix: number, attributes: number, source: number, extra: number): boolean {
    if (this.#entries >= this.#capacity) throw new RangeError('the update batch is full');
    const entry = this.#entries++;
    this.#prefix[entry] = prefix;
    this.#extra[entry] = extra;
    this.#next[entry] = EMPTY;
    const last = this.#lastBucket;
    const same =
      last >= 0 && this.#bucketAttributes[last] === attributes && this.#bucketSource[last] === source;
    const bucket = same ? last : this.#bucketFor(attributes, source);
    this.#lastBucket = bucket;
    const isFirst = this.#bucketFirst[bucket] === EMPTY;
    if (isFirst) this.#bucketFirst[bucket] = entry;
    else this.#next[this.#bucketLast[bucket] as number] = entry;
    this.#bucketLast[bucket] = entry;
    return isFirst;
  }

  #bucketFor(attributes: number, source: number): number {
    const mask = this.#slots.length - 1;
    let slot = (Math.imul(attributes, 0x9e3779b1) ^ source) & mask;
    for (let bucket = this.#slots[slot] as number; bucket !== EMPTY; bucket = this.#slots[slot] as number) {
      if (this.#bucketAttributes[bucket] === attributes && this.#bucketSource[bucket] === source)
        return bucket;
      slot = (slot + 1) & mask;
    }
    const bucket = this.#buckets++;
    this.#slots[slot] = bucket;
    this.#bucketSlot[bucket] = slot;
    this.#bucketAttributes[bucket] = attributes;
    this.#bucketSource[bucket] = source;
    this.#bucketFirst[bucket] = EMPTY;
    return bucket;
  }

  attributes(bucket: number): number {
    return this.#bucketAttributes[bucket] as number;
  }

  source(bucket: number): number {
    return this.#bucketSource[bucket] as number;
  }

  /** First entry of a bucket; follow {@link nextEntry} until -1. */
  firstEntry(bucket: number): number {
    return this.#bucketFirst[bucket] as number;
  }

  nextEntry(entry: number): number {
    return this.#next[entry] as number;
  }

  prefix(entry: number): number {
    return this.#prefix[entry] as number;
  }

  extra(entry: number): number {
    return this.#extra[entry] as number;
  }
}
