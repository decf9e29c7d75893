// Hot: runs once per path. Columns only; nothing is allocated but by growth.
import { growInt32, growUint8, growUint16, growUint32 } from './columns.ts';

/** Bits of {@link PathTable.flags}. */
export const PathFlag = {
  /** One of the paths that traffic is spread over; the best path always has it in a multipath RIB. */
  multipath: 1,
  /** Known but not to be chosen: its next hop cannot be reached. */
  unusable: 2,
} as const;

/** The first size is not a power of two, so that paths and prefixes do not grow in the same turn. */
const FIRST_SIZE = 40;

/**
 * The paths of one RIB as columns: a singly linked list per prefix. An id of a removed path is used
 * again. Columns that most RIBs have no use for are allocated with the first value that is not 0.
 */
export class PathTable {
  #prefix = new Int32Array(FIRST_SIZE);
  #attributes = new Int32Array(FIRST_SIZE);
  #source = new Uint16Array(FIRST_SIZE);
  #flags = new Uint8Array(FIRST_SIZE);
  #since = new Uint32Array(FIRST_SIZE);
  /** The next path plus one, 0 for none: there are RIBs with one path for each prefix. */
  #next: Int32Array<ArrayBuffer> | undefined;
  #extra: Int32Array<ArrayBuffer> | undefined;
  #pathId: Uint32Array<ArrayBuffer> | undefined;
  /** Ids of removed paths are chained by their prefix column, which nobody reads of them; -1 ends the chain. */
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
    if (path >= 0) this.#free = this.#prefix[path] as number;
    else {
      path = this.#limit++;
      if (path >= this.#prefix.length) this.#grow(path + 1);
    }
    this.#prefix[path] = prefix;
    this.#source[path] = source;
    this.#attributes[path] = attributes;
    this.#flags[path] = 0;
    this.#since[path] = since;
    if (this.#next) this.#next[path] = 0;
    if (pathId !== 0 || this.#pathId) this.#setPathId(path, pathId);
    if (extra !== 0 || this.#extra) this.setExtra(path, extra);
    this.#size++;
    return path;
  }

  #grow(size: number): void {
    this.#prefix = growInt32(this.#prefix, size);
    const room = this.#prefix.length;
    this.#attributes = growInt32(this.#attributes, room);
    this.#source = growUint16(this.#source, room);
    this.#flags = growUint8(this.#flags, room);
    this.#since = growUint32(this.#since, room);
    if (this.#next) this.#next = growInt32(this.#next, room);
    if (this.#extra) this.#extra = growInt32(this.#extra, room);
    if (this.#pathId) this.#pathId = growUint32(this.#pathId, room);
  }

  remove(path: number): void {
    this.#source[path] = 0;
    this.#prefix[path] = this.#free;
    this.#free = path;
    this.#size--;
  }

  prefix(path: number): number {
    return this.#prefix[path] as number;
  }

  /** The path behind this one in the list of its prefix, or -1. */
  next(path: number): number {
    return this.#next ? (this.#next[path] as number) - 1 : -1;
  }

  setNext(path: number, next: number): void {
    if (next >= 0 && !this.#next) this.#next = new Int32Array(this.#prefix.length);
    if (this.#next) this.#next[path] = next + 1;
  }

  attributes(path: number): number {
    return this.#attributes[path] as number;
  }

  setAttributes(path: number, attributes: number): void {
    this.#attributes[path] = attributes;
  }

  source(path: number): number {
    return this.#source[path] as number;
  }

  /** Id of what the NLRI carried besides its key, 0 for nothing. */
  extra(path: number): number {
    return this.#extra ? (this.#extra[path] as number) : 0;
  }

  setExtra(path: number, extra: number): void {
    if (extra !== 0 && !this.#extra) this.#extra = new Int32Array(this.#prefix.length);
    if (this.#extra) this.#extra[path] = extra;
  }

  /** Path identifier (RFC 7911), or whatever tells paths of one source apart; 0 for none. */
  pathId(path: number): number {
    return this.#pathId ? (this.#pathId[path] as number) : 0;
  }

  #setPathId(path: number, pathId: number): void {
    this.#pathId ??= new Uint32Array(this.#prefix.length);
    this.#pathId[path] = pathId;
  }

  flags(path: number): number {
    return this.#flags[path] as number;
  }

  setFlags(path: number, flags: number): void {
    this.#flags[path] = flags;
  }

  /** Seconds since 1970 of the last change. */
  since(path: number): number {
    return this.#since[path] as number;
  }

  setSince(path: number, seconds: number): void {
    this.#since[path] = seconds;
  }
}
