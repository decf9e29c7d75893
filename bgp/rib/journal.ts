// Hot: append runs once per changed prefix. Columns only.
import { growInt32 } from './columns.ts';

/** A place in a {@link Journal}, kept by whoever reads it. */
export class JournalReader {
  /** Index of the next entry to read; moved by the journal. */
  position: number;
  /** Whether the reader must hear of a prefix that has no path any more; absent: of each one. */
  readonly needsGone: ((prefix: number) => boolean) | undefined;
  readonly #journal: Journal;

  constructor(journal: Journal, position: number, needsGone?: (prefix: number) => boolean) {
    this.#journal = journal;
    this.position = position;
    this.needsGone = needsGone;
  }

  /** True when there is nothing left to read. */
  get atEnd(): boolean {
    return this.position >= this.#journal.end;
  }

  /**
   * Fills `batch` with prefixes that changed since the last call, each one at its latest change only,
   * and returns how many: a reader that is late skips what was overtaken.
   */
  read(batch: Int32Array): number {
    return this.#journal.read(this, batch);
  }

  /** Goes back to a prefix of the last batch that {@link read} gave: it is the next one again. */
  putBack(prefix: number): void {
    this.position = this.#journal.positionOf(prefix);
  }

  /** Leaves out all that has happened so far. */
  skip(): void {
    this.position = this.#journal.end;
  }

  /** A second reader at the same place, with needs of its own. */
  fork(needsGone?: (prefix: number) => boolean): JournalReader {
    return this.#journal.addReader(needsGone, this.position);
  }

  close(): void {
    this.#journal.removeReader(this);
  }
}

/** Whose prefixes they are. An object with methods: one function for each journal could not be made fast. */
export interface JournalOwner {
  /** All readers have seen the latest change of a prefix, or can do without. */
  changeSeen(prefix: number): void;
  /** A prefix has no path any more and waits for no decision. */
  isGone(prefix: number): boolean;
}

const FIRST_SIZE = 64;

/**
 * The prefixes of one RIB in the order of their last change, and who has read how far.
 *
 * A prefix that changes again moves to the end: its older entry is dead. A prefix that is gone leaves
 * the journal when no reader that is behind was ever told of it. So the journal never grows past a small
 * multiple of what is live and what a reader was told, however far behind it is and however many
 * prefixes come and go meanwhile.
 */
export class Journal {
  #entries = new Int32Array(FIRST_SIZE);
  #end = 0;
  /** Where the journal is gone over for what can be left out, whatever room the array has. */
  #limit = FIRST_SIZE;
  /** Entries before this were settled. */
  #settledEnd = 0;
  /** By prefix: index of its live entry plus one, 0 for none. */
  #lastPosition = new Int32Array(FIRST_SIZE);
  #live = 0;
  readonly #readers: JournalReader[] = [];
  readonly #owner: JournalOwner;

  constructor(owner: JournalOwner) {
    this.#owner = owner;
  }

  get end(): number {
    return this.#end;
  }

  /** Prefixes whose change waits for {@link settle}. */
  get pending(): number {
    return this.#live;
  }

  /** True when a change of the prefix waits for {@link settle}. */
  isPending(prefix: number): boolean {
    return prefix < this.#lastPosition.length && this.#lastPosition[prefix] !== 0;
  }

  /** Index of the live entry of a prefix, or -1. */
  positionOf(prefix: number): number {
    return prefix < this.#lastPosition.length ? (this.#lastPosition[prefix] as number) - 1 : -1;
  }

  /**
   * `needsGone`: see {@link JournalReader.needsGone}. `position`: where to start; by default only what is
   * yet to come is read.
   */
  addReader(needsGone?: (prefix: number) => boolean, position = this.#end): JournalReader {
    const reader = new JournalReader(this, position, needsGone);
    this.#readers.push(reader);
    return reader;
  }

  removeReader(reader: JournalReader): void {
    const index = this.#readers.indexOf(reader);
    if (index >= 0) this.#readers.splice(index, 1);
  }

  append(prefix: number): void {
    if (prefix >= this.#lastPosition.length) this.#lastPosition = growInt32(this.#lastPosition, prefix + 1);
    if (this.#lastPosition[prefix] === 0) this.#live++;
    if (this.#end >= this.#limit) {
      // Making room must not let go of the prefix that is being appended.
      this.#lastPosition[prefix] = 0;
      this.#makeRoom();
    }
    this.#entries[this.#end++] = prefix;
    this.#lastPosition[prefix] = this.#end;
  }

  #makeRoom(): void {
    // A prefix that came and went has a dead entry beside the one that may be owed to nobody.
    if (this.#live * 4 <= this.#end * 3) this.#compact();
    this.#limit = Math.max(FIRST_SIZE, this.#end * 2);
    this.#entries = growInt32(this.#entries, this.#limit);
  }

  /** Removes entries that are dead, settled or owed to nobody, and moves the readers along. */
  #compact(): void {
    const readers = [...this.#readers].sort((a, b) => a.position - b.position);
    let next = 0;
    let end = 0;
    for (let at = this.#settledEnd; at < this.#end; at++) {
      for (let reader = readers[next]; reader && reader.position === at; reader = readers[++next]) {
        reader.position = end;
      }
      const prefix = this.#entries[at] as number;
      if (this.#lastPosition[prefix] !== at + 1) continue;
      if (this.#isOwed(prefix, readers, next)) {
        this.#entries[end++] = prefix;
        this.#lastPosition[prefix] = end;
      } else {
        this.#letGo(prefix);
      }
    }
    for (; next < readers.length; next++) (readers[next] as JournalReader).position = end;
    this.#end = end;
    this.#settledEnd = 0;
  }

  /** False for a prefix that is gone when none of the first `count` readers, which are before its entry, must hear of it. */
  #isOwed(prefix: number, readers: readonly JournalReader[], count: number): boolean {
    if (!this.#owner.isGone(prefix)) return true;
    for (let i = 0; i < count; i++) {
      const { needsGone } = readers[i] as JournalReader;
      if (needsGone === undefined || needsGone(prefix)) return true;
    }
    return false;
  }

  #letGo(prefix: number): void {
    this.#lastPosition[prefix] = 0;
    this.#live--;
    this.#owner.changeSeen(prefix);
  }

  read(reader: JournalReader, batch: Int32Array): number {
    let count = 0;
    let at = reader.position;
    const end = this.#end;
    while (at < end && count < batch.length) {
      const prefix = this.#entries[at++] as number;
      if (this.#lastPosition[prefix] === at) batch[count++] = prefix;
    }
    reader.position = at;
    return count;
  }

  /** True when {@link settle} has something to do. */
  get settleable(): boolean {
    return this.#end > 0 && this.#seenEnd() > this.#settledEnd;
  }

  /** Entries before this were seen by every reader. */
  #seenEnd(): number {
    let seen = this.#end;
    for (const { position } of this.#readers) if (position < seen) seen = position;
    return seen;
  }

  /** Forgets at most `limit` entries that every reader has seen. */
  settle(limit: number): void {
    const end = Math.min(this.#seenEnd(), this.#settledEnd + limit);
    for (let at = this.#settledEnd; at < end; ) {
      const prefix = this.#entries[at++] as number;
      if (this.#lastPosition[prefix] !== at) continue;
      this.#letGo(prefix);
    }
    this.#settledEnd = end;
    if (end === this.#end && end > 0) this.#startAfresh();
  }

  #startAfresh(): void {
    this.#end = 0;
    this.#limit = FIRST_SIZE;
    this.#settledEnd = 0;
    for (const reader of this.#readers) reader.position = 0;
  }
}
