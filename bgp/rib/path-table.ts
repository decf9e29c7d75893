// Hot: runs once per path. Typed arrays only; nothing is allocated but by growth.
import { growInt32, growUint32 } from './columns.ts';

/** Bits of {@link PathTable.flags}. */
export const PathFlag = {
  /** One of the paths that traffic is spread over; the best path always has it in a multipath RIB. */
  multipath: 1,
  /** Known but not to be chosen: its next hop cannot be reached. */
  unusable: 2,
  /** Its source has restarted and not told it again (RFC 4724 §4.2), or is telling everything again (RFC 7313 §4.2). */
  stale: 4,
  /** The same, marked at other times. */
  staleSecond: 16,
  staleThird: 32,
  staleFourth: 64,
  /** Was stale already when its source restarted once more. */
  expired: 8,
} as const;

/** Bits of paths that their source may have forgotten. */
export const STALE_MARKS: readonly number[] = [
  PathFlag.stale,
  PathFlag.staleSecond,
  PathFlag.staleThird,
  PathFlag.staleFourth,
];
export const STALE_FLAGS = STALE_MARKS.reduce((flags, mark) => flags | mark, PathFlag.expired);

// Places of the numbers in a record.
/** The prefix; of a removed path the next one that was removed, or -1. */
const PREFIX = 0;
const ATTRIBUTES = 1;
/** The source above {@link FLAG_BITS} bits of flags. */
const SOURCE_AND_FLAGS = 2;
const SINCE = 3;
/** Numbers of a record: a quarter of a line of the processor's cache. */
const FIELDS = 4;
const FLAG_BITS = 8;
const FLAG_MASK = 0xff;
const FIRST_SIZE = 32;

/**
 * The paths of one RIB: a record each, and a singly linked list per prefix. An id of a removed path is used again.
 * Columns that most RIBs have no use for are allocated with the first value that is not 0.
 */
export class PathTable {
  #records = new Int32Array(FIRST_SIZE * FIELDS);
  /** The next path plus one, 0 for none: there are RIBs with one path for each prefix. */
  #next: Int32Array<ArrayBuffer> | undefined;
  #extra: Int32Array<ArrayBuffer> | undefined;
  #pathId: Uint32Array<ArrayBuffer> | undefined;
  #free = -1;
  #limit = 0;
  #size = 0;

  /** Paths in the table. */
  get size(): number {
    return this.#size;
  }

  /** All ids are below this; those with {@link source} 0 are not in use. */
  get idLimit(): number {
    return this.#limit;
  }

  /** Adds a path that no other one follows. `since`: seconds since 1970. */
  add(
    prefix: number,
    source: number,
    pathId: number,
    attributes: number,
    extra: number,
    since: number,
  ): number {
    let path = this.#free;
    if (path >= 0) this.#free = this.#records[path * FIELDS + PREFIX] as number;
    else {
      path = this.#limit++;
      if ((path + 1) * FIELDS > this.#records.length) this.#grow(path + 1);
    }
    const at = path * FIELDS;
    this.#records[at + PREFIX] = prefix;
    this.#records[at + ATTRIBUTES] = attributes;
    this.#records[at + SOURCE_AND_FLAGS] = source << FLAG_BITS;
    this.#records[at + SINCE] = since;
    if (this.#next) this.#next[path] = 0;
    if (pathId !== 0 || this.#pathId) this.#setPathId(path, pathId);
    if (extra !== 0 || this.#extra) this.setExtra(path, extra);
    this.#size++;
    return path;
  }

  #grow(size: number): void {
    this.#records = growInt32(this.#records, size * FIELDS);
    const room = this.#room;
    if (this.#next) this.#next = growInt32(this.#next, room);
    if (this.#extra) this.#extra = growInt32(this.#extra, room);
    if (this.#pathId) this.#pathId = growUint32(this.#pathId, room);
  }

  /** Paths that there is room for. */
  get #room(): number {
    return this.#records.length / FIELDS;
  }

  remove(path: number): void {
    this.#records[path * FIELDS + SOURCE_AND_FLAGS] = 0;
    this.#records[path * FIELDS + PREFIX] = this.#free;
    this.#free = path;
    this.#size--;
  }

  prefix(path: number): number {
    return this.#records[path * FIELDS + PREFIX] as number;
  }

  /** The path behind this one in the list of its prefix, or -1. */
  next(path: number): number {
    return this.#next ? (this.#next[path] as number) - 1 : -1;
  }

  setNext(path: number, next: number): void {
    if (next >= 0 && !this.#next) this.#next = new Int32Array(this.#room);
    if (this.#next) this.#next[path] = next + 1;
  }

  attributes(path: number): number {
    return this.#records[path * FIELDS + ATTRIBUTES] as number;
  }

  setAttributes(path: number, attributes: number): void {
    this.#records[path * FIELDS + ATTRIBUTES] = attributes;
  }

  source(path: number): number {
    return (this.#records[path * FIELDS + SOURCE_AND_FLAGS] as number) >> FLAG_BITS;
  }

  /** Id of what the NLRI carried besides its key, 0 for nothing. */
  extra(path: number): number {
    return this.#extra ? (this.#extra[path] as number) : 0;
  }

  setExtra(path: number, extra: number): void {
    if (extra !== 0 && !this.#extra) this.#extra = new Int32Array(this.#room);
    if (this.#extra) this.#extra[path] = extra;
  }

  /** Path identifier (RFC 7911), or whatever tells paths of one source apart; 0 for none. */
  pathId(path: number): number {
    return this.#pathId ? (this.#pathId[path] as number) : 0;
  }

  #setPathId(path: number, pathId: number): void {
    this.#pathId ??= new Uint32Array(this.#room);
    this.#pathId[path] = pathId;
  }

  flags(path: number): number {
    return (this.#records[path * FIELDS + SOURCE_AND_FLAGS] as number) & FLAG_MASK;
  }

  setFlags(path: number, flags: number): void {
    const at = path * FIELDS + SOURCE_AND_FLAGS;
    this.#records[at] = ((this.#records[at] as number) & ~FLAG_MASK) | flags;
  }

  /** Seconds since 1970 of the last change. */
  since(path: number): number {
    return (this.#records[path * FIELDS + SINCE] as number) >>> 0;
  }

  setSince(path: number, seconds: number): void {
    this.#records[path * FIELDS + SINCE] = seconds;
  }
}
