// Hot: append runs once per changed prefix. Columns only.
import { growInt32 } from './columns.ts';

/** A place in a {@link Journal}, kept by whoever reads it. */
export class JournalReader {
  /** Index of the next entry to read; moved by the journal. */
  position: number;
  readonly #journal: Journal;

  constructor(journal: Journal, position: number) {
    this.#journal = journal;
    this.position = position;
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

  /** A second reader at the same place. */
  fork(): JournalReader {
    return this.#journal.addReader(this.position);
  }

  close(): void {
    this.#journal.removeReader(this);
  }
}

/** Entries beyond which the room of a journal is given back when all of it was read. */
const LARGE = 65_536;
const FIRST_SIZE = 64;

/**
 * The prefixes of one RIB in the order of their last change, and who has read how far.
 *
 * A prefix that changes again moves to the end: its older entry is dead. So the journal never grows
 * past a small multiple of the number of prefixes, however far behind a reader is.
 */
export class Journal {
  #entries = new Int32Array(FIRST_SIZE);
  #end = 0;
  /** Entries before this were settled. */
  #settledEnd = 0;
  /** By prefix: index of its live entry plus one, 0 for none. */
  #lastPosition = new Int32Array(FIRST_SIZE);
  #live = 0;
  readonly #readers: JournalReader[] = [];
  readonly #settled: (prefix: number) => void;

  /** `settled` is called for a prefix whose latest change all readers have seen. */
  constructor(settled: (prefix: number) => void) {
    this.#settled = settled;
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

  /** `position`: where to start; by default only what is yet to come is read. */
  addReader(position = this.#end): JournalReader {
    const reader = new JournalReader(this, position);
    this.#readers.push(reader);
    return reader;
  }

  removeReader(reader: JournalReader): void {
    const index = this.#readers.indexOf(reader);
    if (index >= 0) this.#readers.splice(index, 1);
  }

  append(prefix: number): void {
    if (prefix >= this.#lastPosition.length) this.#lastPosition = growInt32(this.#lastPosition, prefix + 1);
    if (this.#end >= this.#entries.length) this.#makeRoom();
    if (this.#lastPosition[prefix] === 0) this.#live++;
    this.#entries[this.#end++] = prefix;
    this.#lastPosition[prefix] = this.#end;
  }

  #makeRoom(): void {
    if (this.#live * 2 < this.#end) this.#compact();
    this.#entries = growInt32(this.#entries, this.#end + 1);
  }

  /** Removes entries that are dead or settled, and moves the readers along. */
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
      this.#entries[end++] = prefix;
      this.#lastPosition[prefix] = end;
    }
    for (; next < readers.length; next++) (readers[next] as JournalReader).position = end;
    this.#end = end;
    this.#settledEnd = 0;
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

  /** Forgets at most `limit` entries that every reader has seen; true when there are more of them. */
  settle(limit: number): boolean {
    if (this.#end === 0) return false;
    let seen = this.#end;
    for (const { position } of this.#readers) seen = Math.min(seen, position);
    const end = Math.min(seen, this.#settledEnd + limit);
    for (let at = this.#settledEnd; at < end; ) {
      const prefix = this.#entries[at++] as number;
      if (this.#lastPosition[prefix] !== at) continue;
      this.#lastPosition[prefix] = 0;
      this.#live--;
      this.#settled(prefix);
    }
    this.#settledEnd = end;
    if (end === this.#end) this.#startAfresh();
    return end < seen;
  }

  #startAfresh(): void {
    this.#end = 0;
    this.#settledEnd = 0;
    for (const reader of this.#readers) reader.position = 0;
    if (this.#entries.length > LARGE) this.#entries = new Int32Array(FIRST_SIZE);
  }
}
