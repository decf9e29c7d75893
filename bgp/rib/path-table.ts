// Hot: runs once per path. Columns only; nothing is allocated but by growth.
import { growInt32, growUint8, growUint16, growUint32 } from './columns.ts';

/** Bits of {@link PathTable.flags}. */
export const PathFlag = {
  /** One of the paths that traffic is spread over; the best path always has it in a multipath RIB. */
  multipath: 1,
  /** Known but not to be chosen: its next hop cannot be reached. */
  unusable: 2,
} as const;

/**
 * The paths of one RIB as columns: a singly linked list per prefix. An id of a removed path is used
 * again.
 */
export class PathTable {
  #prefix = new Int32Array(32);
  #next = new Int32Array(32);
  #attributes = new Int32Array(32);
  #source = new Uint16Array(32);
  #flags = new Uint8Array(32);
  #since = new Uint32Array(32);
  /** Allocated with the first value that is not 0. */
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

  add(prefix: number, source: number, pathId: number, attributes: number, extra: number): number {
    let path = this.#free;
    if (path >= 0) this.#free = this.#next[path] as number;
    else path = this.#takeNew();
    this.#prefix[path] = prefix;
    this.#source[path] = source;
    this.#attributes[path] = attributes;
    this.#flags[path] = 0;
    if (pathId !== 0 && !this.#pathId) this.#pathId = new Uint32Array(this.#prefix.length);
    if (this.#pathId) this.#pathId[path] = pathId;
    this.setExtra(path, extra);
    this.#size++;
    return path;
  }

  #takeNew(): number {
    const path = this.#limit++;
    if (path < this.#prefix.length) return path;
    this.#prefix = growInt32(this.#prefix, path + 1);
    this.#next = growInt32(this.#next, path + 1);
    this.#attributes = growInt32(this.#attributes, path + 1);
    this.#source = growUint16(this.#source, path + 1);
    this.#flags = growUint8(this.#flags, path + 1);
    this.#since = growUint32(this.#since, path + 1);
    if (this.#extra) this.#extra = growInt32(this.#extra, path + 1);
    if (this.#pathId) this.#pathId = growUint32(this.#pathId, path + 1);
    return path;
  }

  remove(path: number): void {
    this.#source[path] = 0;
    this.#next[path] = this.#free;
    this.#free = path;
    this.#size--;
  }

  prefix(path: number): number {
    return this.#prefix[path] as number;
  }

  next(path: number): number {
    return this.#next[path] as number;
  }

  setNext(path: number, next: number): void {
    this.#next[path] = next;
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
