// Hot: runs once per path that is announced or withdrawn. Columns only; nothing is allocated but by growth.
import type { AttributeStore } from './attribute-store.ts';
import { growInt32 } from './columns.ts';
import type { NlriExtras } from './nlri-extras.ts';
import type { PathTable } from './path-table.ts';
import type { Rib } from './rib.ts';
import type { SourceRegistry } from './sources.ts';

// Places of the numbers in a record.
/** The next entry of the prefix plus one, 0 for none; of a removed one the next that was removed. */
const NEXT = 0;
const ROW = 1;
const SOURCE = 2;
const SERIAL = 3;
const ATTRIBUTES = 4;
const EXTRA = 5;
/** The identifier that its source gave the path. */
const PATH_ID = 6;
const FIELDS = 7;
const FIRST_SIZE = 32;

/**
 * Which paths were told, and what of them: 28 octets for each and a list for every prefix. Attributes and extras are
 * retained, so that their ids say whether a path has changed since, however late that is asked.
 */
export class ToldPaths {
  readonly #attributes: AttributeStore;
  readonly #extras: NlriExtras;
  readonly #paths: PathTable;
  readonly #sources: SourceRegistry;
  #records: Int32Array<ArrayBuffer>;
  /** By prefix: its first entry plus one, 0 for none. */
  #first: Int32Array<ArrayBuffer>;
  /** By source. */
  #counts: Int32Array<ArrayBuffer>;
  #size: number;
  #limit: number;
  #free: number;

  /** With `from`, a copy of it, without the room that it has for more. */
  constructor({ attributes, extras, paths, prefixes, sources }: Rib, from?: ToldPaths) {
    this.#attributes = attributes;
    this.#extras = extras;
    this.#paths = paths;
    this.#sources = sources;
    this.#records = from ? from.#records.slice(0, from.#limit * FIELDS) : new Int32Array(FIRST_SIZE * FIELDS);
    this.#first = from ? from.#first.slice(0, prefixes.idLimit) : new Int32Array(FIRST_SIZE);
    this.#counts = from ? from.#counts.slice() : new Int32Array(16);
    this.#size = from ? from.#size : 0;
    this.#limit = from ? from.#limit : 0;
    this.#free = from ? from.#free : -1;
    this.#forEach((entry) => {
      attributes.retain(this.attributes(entry));
      extras.retain(this.extra(entry));
    });
  }

  #forEach(visit: (entry: number) => void): void {
    for (const first of this.#first) {
      for (let entry = first - 1; entry >= 0; entry = this.next(entry)) visit(entry);
    }
  }

  /** Paths that were told. */
  get size(): number {
    return this.#size;
  }

  /** Those of them that came from a source. */
  countOf(source: number): number {
    return this.#counts[source] ?? 0;
  }

  /** First entry of a prefix; follow {@link next} until -1. */
  first(prefix: number): number {
    return (this.#first[prefix] ?? 0) - 1;
  }

  next(entry: number): number {
    return (this.#records[entry * FIELDS + NEXT] as number) - 1;
  }

  /** The place that the path had in the RIB when it was told. */
  row(entry: number): number {
    return this.#records[entry * FIELDS + ROW] as number;
  }

  /** The source from which the path came: it alone was not told. */
  source(entry: number): number {
    return this.#records[entry * FIELDS + SOURCE] as number;
  }

  attributes(entry: number): number {
    return this.#records[entry * FIELDS + ATTRIBUTES] as number;
  }

  extra(entry: number): number {
    return this.#records[entry * FIELDS + EXTRA] as number;
  }

  /** Whether the path in that place is still the one that was told: the one which that source calls so. */
  isThere(entry: number): boolean {
    const at = entry * FIELDS;
    const row = this.row(entry);
    const source = this.#paths.source(row);
    return (
      source === this.source(entry) &&
      this.#paths.pathId(row) === (this.#records[at + PATH_ID] as number) >>> 0 &&
      // Another one may have the number of a source that is gone.
      this.#sources.get(source).serial === this.#records[at + SERIAL]
    );
  }

  /** Whether what was told of a path that is there is what there is to tell. */
  isSame(entry: number): boolean {
    const row = this.row(entry);
    return (
      this.attributes(entry) === this.#paths.attributes(row) && this.extra(entry) === this.#paths.extra(row)
    );
  }

  /** The entry of a row among those of a prefix, or -1. */
  find(prefix: number, row: number): number {
    let entry = this.first(prefix);
    while (entry >= 0 && this.row(entry) !== row) entry = this.next(entry);
    return entry;
  }

  /** Notes that the path in a row is told now. */
  add(prefix: number, row: number): void {
    let entry = this.#free;
    if (entry >= 0) this.#free = this.#records[entry * FIELDS + NEXT] as number;
    else {
      entry = this.#limit++;
      this.#records = growInt32(this.#records, this.#limit * FIELDS);
    }
    this.#first = growInt32(this.#first, prefix + 1);
    const at = entry * FIELDS;
    const source = this.#paths.source(row);
    this.#records[at + NEXT] = this.#first[prefix] as number;
    this.#records[at + ROW] = row;
    this.#records[at + SOURCE] = source;
    this.#records[at + SERIAL] = this.#sources.get(source).serial;
    this.#records[at + PATH_ID] = this.#paths.pathId(row);
    this.#first[prefix] = entry + 1;
    this.#size++;
    this.#counts = growInt32(this.#counts, source + 1);
    this.#counts[source] = (this.#counts[source] as number) + 1;
    this.#keepContent(entry);
  }

  /** Notes what is told now of a path that was told before and is there. */
  replace(entry: number): void {
    const attributesBefore = this.attributes(entry);
    const extraBefore = this.extra(entry);
    this.#keepContent(entry);
    this.#attributes.release(attributesBefore);
    this.#extras.release(extraBefore);
  }

  #keepContent(entry: number): void {
    const row = this.row(entry);
    const attributes = this.#paths.attributes(row);
    const extra = this.#paths.extra(row);
    this.#attributes.retain(attributes);
    this.#extras.retain(extra);
    this.#records[entry * FIELDS + ATTRIBUTES] = attributes;
    this.#records[entry * FIELDS + EXTRA] = extra;
  }

  remove(prefix: number, entry: number): void {
    const next = this.#records[entry * FIELDS + NEXT] as number;
    let before = this.first(prefix);
    if (before === entry) this.#first[prefix] = next;
    else {
      while (this.next(before) !== entry) before = this.next(before);
      this.#records[before * FIELDS + NEXT] = next;
    }
    const source = this.source(entry);
    this.#counts[source] = (this.#counts[source] as number) - 1;
    this.#size--;
    this.#attributes.release(this.attributes(entry));
    this.#extras.release(this.extra(entry));
    this.#records[entry * FIELDS + NEXT] = this.#free;
    this.#free = entry;
  }

  /** Lets go of all attributes and extras; nothing else may be called afterwards. */
  close(): void {
    this.#forEach((entry) => {
      this.#attributes.release(this.attributes(entry));
      this.#extras.release(this.extra(entry));
    });
  }
}
