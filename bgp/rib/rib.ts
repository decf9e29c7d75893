// Hot: announce, withdraw and decide run once per route. Columns only; nothing is allocated but by growth.
import { type Family, L2VPN_EVPN } from '../wire/family.ts';
import type { AttributeStore } from './attribute-store.ts';
import { growInt32 } from './columns.ts';
import { DecisionProcess, type DecisionReason } from './decision.ts';
import { Journal, type JournalOwner, type JournalReader } from './journal.ts';
import { NlriExtras } from './nlri-extras.ts';
import { MAC_ROUTE_TYPE, MOST_NLRI_BYTES } from './nlri-key.ts';
import { PathFlag, PathTable, STALE_FLAGS } from './path-table.ts';
import type { PrefixTable } from './prefix-table.ts';
import type { RouteSource, SourceRegistry } from './sources.ts';
import { StaleMarks } from './stale-marks.ts';

/** Bits of the prefix column, below the first path. */
const PrefixFlag = {
  /** Waits for {@link Rib.decide}. */
  dirty: 1,
  /** The best path itself was changed or removed. */
  bestTouched: 2,
  /** The first path in the list is the best one. */
  hasBest: 4,
} as const;

const FLAG_BITS = 3;
const FLAG_MASK = 7;

const FIRST_SIZE = 64;

/** The most paths of a prefix that one peer can send: to find one, all are looked at (RFC 7911 §8). */
export const MOST_PATHS_OF_PEER = 512;

const keyScratch = new Uint8Array(MOST_NLRI_BYTES);

/** The time as a RIB needs it. */
export interface RibTime {
  /** Wall-clock seconds since 1970, of the present read or turn. */
  readonly seconds: number;
}

/** What a RIB is made of. */
export interface RibOptions {
  /** For people, such as `red/ipv4-unicast`. */
  readonly name: string;
  readonly family: Family;
  readonly prefixes: PrefixTable;
  readonly attributes: AttributeStore;
  readonly sources: SourceRegistry;
  /** Paths that may share traffic are marked, and {@link Rib.pathChanges} is kept. */
  readonly multipath: boolean;
  /** For the age of paths. */
  readonly time: RibTime;
}

/**
 * The routes of one address family in one routing instance: it stores paths from its sources, decides,
 * and tells its readers what changed. There is no other way for a route to move.
 *
 * `announce` and `withdraw` only mark a prefix; {@link decide} runs the decision process once for each
 * marked prefix, however many messages touched it.
 */
export class Rib implements JournalOwner {
  readonly name: string;
  readonly family: Family;
  readonly prefixes: PrefixTable;
  readonly attributes: AttributeStore;
  readonly sources: SourceRegistry;
  readonly paths = new PathTable();
  readonly extras = new NlriExtras();
  /** Prefixes whose best path changed. */
  readonly bestChanges: Journal;
  readonly decision: DecisionProcess;
  readonly #multipath: boolean;
  #pathChanges: Journal | undefined;
  readonly #time: RibTime;
  /** By prefix: its first path plus one, 0 for none, above {@link FLAG_BITS} bits of {@link PrefixFlag}. */
  #prefixes = new Int32Array(FIRST_SIZE);
  #dirty = new Int32Array(FIRST_SIZE);
  #dirtyCount = 0;
  #dirtyNext = 0;
  #candidates = new Int32Array(16);
  /** By source. */
  #pathCounts = new Int32Array(16);
  readonly #staleMarks = new StaleMarks();
  #bestCount = 0;

  constructor(options: RibOptions) {
    this.name = options.name;
    this.family = options.family;
    this.prefixes = options.prefixes;
    this.attributes = options.attributes;
    this.sources = options.sources;
    this.#time = options.time;
    const { attributes, sources } = options;
    const isMacRoute = options.family === L2VPN_EVPN ? this.#isMacRoute : undefined;
    this.decision = new DecisionProcess(attributes, sources, this.paths, isMacRoute);
    this.bestChanges = new Journal(this);
    this.#multipath = options.multipath;
    this.#pathChanges = options.multipath ? new Journal(this) : undefined;
  }

  /** Prefixes of which any path changed; undefined while nobody asks for more than the best one. */
  get pathChanges(): Journal | undefined {
    return this.#pathChanges;
  }

  /** {@link pathChanges}, which are kept from now on. */
  keepPathChanges(): Journal {
    this.#pathChanges ??= new Journal(this);
    return this.#pathChanges;
  }

  readonly #isMacRoute = (path: number): boolean => {
    this.prefixes.copyKey(this.paths.prefix(path), keyScratch, 0);
    return keyScratch[0] === MAC_ROUTE_TYPE;
  };

  /** Prefixes that have a best path. */
  get bestCount(): number {
    return this.#bestCount;
  }

  /** Paths from a source. */
  pathCount(source: RouteSource): number {
    return this.#pathCounts[source.id] ?? 0;
  }

  /** Paths from a source that are not stale: those that it has told since it began, or began anew. */
  freshPathCount(source: RouteSource): number {
    return this.pathCount(source) - this.#staleMarks.count(source.id);
  }

  /** Flags of the paths of a source that are stale by now: each has one of them. */
  staleFlags(source: RouteSource): number {
    return this.#staleMarks.flags(source.id);
  }

  /** True when {@link decide} has something to do. */
  get undecided(): boolean {
    return this.#dirtyNext < this.#dirtyCount;
  }

  /**
   * Adds the path of a source for a prefix, or replaces the one with the same path identifier. A
   * repetition of what is there changes nothing. `prefix` comes from {@link prefixes}, `extra` from
   * {@link extras}.
   */
  announce(prefix: number, source: number, pathId: number, attributes: number, extra: number): void {
    if (prefix >= this.#prefixes.length) this.#grow(prefix + 1);
    const path = this.findPath(prefix, source, pathId);
    if (path < 0) this.#addPath(prefix, source, pathId, attributes, extra);
    else this.#replacePath(prefix, path, attributes, extra);
  }

  /**
   * {@link announce} for a peer that sends path identifiers. False when it has {@link MOST_PATHS_OF_PEER} paths of the
   * prefix already, and this one would be one more: it is not taken.
   */
  announceFurther(
    prefix: number,
    source: number,
    pathId: number,
    attributes: number,
    extra: number,
  ): boolean {
    const { paths } = this;
    let count = 0;
    let all = 0;
    for (let path = this.firstPath(prefix); path >= 0; path = paths.next(path)) {
      if (paths.source(path) !== source) continue;
      if (paths.pathId(path) === pathId) {
        this.#replacePath(prefix, path, attributes, extra);
        return true;
      }
      // What a peer has told before it began anew may come under other identifiers now.
      if ((paths.flags(path) & STALE_FLAGS) === 0) count++;
      all++;
    }
    if (count >= MOST_PATHS_OF_PEER || all >= 2 * MOST_PATHS_OF_PEER) return false;
    if (prefix >= this.#prefixes.length) this.#grow(prefix + 1);
    this.#addPath(prefix, source, pathId, attributes, extra);
    return true;
  }

  #setFirst(prefix: number, path: number): void {
    const flags = (this.#prefixes[prefix] as number) & FLAG_MASK;
    this.#prefixes[prefix] = ((path + 1) << FLAG_BITS) | flags;
  }

  #grow(size: number): void {
    this.#prefixes = growInt32(this.#prefixes, size);
  }

  #addPath(prefix: number, source: number, pathId: number, attributes: number, extra: number): void {
    const path = this.paths.add(prefix, source, pathId, attributes, extra, this.#time.seconds);
    this.attributes.retain(attributes);
    this.extras.retain(extra);
    this.#link(prefix, path);
    if (source >= this.#pathCounts.length) this.#pathCounts = growInt32(this.#pathCounts, source + 1);
    this.#pathCounts[source] = (this.#pathCounts[source] as number) + 1;
    this.markDirty(prefix);
  }

  /** Puts a path at the front of its list, but behind the best one. */
  #link(prefix: number, path: number): void {
    const first = ((this.#prefixes[prefix] as number) >> FLAG_BITS) - 1;
    if (first >= 0 && (this.#prefixes[prefix] as number) & PrefixFlag.hasBest) {
      this.paths.setNext(path, this.paths.next(first));
      this.paths.setNext(first, path);
    } else {
      if (first >= 0) this.paths.setNext(path, first);
      this.#setFirst(prefix, path);
    }
  }

  #replacePath(prefix: number, path: number, attributes: number, extra: number): void {
    const flags = this.paths.flags(path);
    if (flags & STALE_FLAGS) {
      this.paths.setFlags(path, flags & ~STALE_FLAGS);
      this.#staleMarks.change(this.paths.source(path), -1);
    }
    this.#setContent(prefix, path, attributes, extra);
  }

  /** Gives a path other attributes, which its source has not told: it stays as stale as it is. */
  setAttributes(path: number, attributes: number): void {
    this.#setContent(this.paths.prefix(path), path, attributes, this.paths.extra(path));
  }

  #setContent(prefix: number, path: number, attributes: number, extra: number): void {
    const oldAttributes = this.paths.attributes(path);
    const oldExtra = this.paths.extra(path);
    if (oldAttributes === attributes && oldExtra === extra) return;
    this.attributes.retain(attributes);
    this.extras.retain(extra);
    this.paths.setAttributes(path, attributes);
    this.paths.setExtra(path, extra);
    this.paths.setSince(path, this.#time.seconds);
    this.attributes.release(oldAttributes);
    this.extras.release(oldExtra);
    this.#touch(prefix, path);
  }

  /** The path of a source for a prefix, or -1. */
  findPath(prefix: number, source: number, pathId: number): number {
    if (prefix >= this.#prefixes.length) return -1;
    let path = ((this.#prefixes[prefix] as number) >> FLAG_BITS) - 1;
    while (path >= 0 && (this.paths.source(path) !== source || this.paths.pathId(path) !== pathId)) {
      path = this.paths.next(path);
    }
    return path;
  }

  /** Removes a source's path; false when there was none. */
  withdraw(prefix: number, source: number, pathId: number): boolean {
    const path = this.findPath(prefix, source, pathId);
    if (path < 0) return false;
    this.#removePath(prefix, path);
    return true;
  }

  #removePath(prefix: number, path: number): void {
    this.#touch(prefix, path);
    this.#unlink(prefix, path);
    const source = this.paths.source(path);
    this.#pathCounts[source] = (this.#pathCounts[source] as number) - 1;
    if (this.paths.flags(path) & STALE_FLAGS) this.#staleMarks.change(source, -1);
    this.attributes.release(this.paths.attributes(path));
    this.extras.release(this.paths.extra(path));
    this.paths.remove(path);
  }

  #unlink(prefix: number, path: number): void {
    let before = ((this.#prefixes[prefix] as number) >> FLAG_BITS) - 1;
    if (before === path) {
      const flags = (this.#prefixes[prefix] as number) & FLAG_MASK;
      if (flags & PrefixFlag.hasBest) this.#bestCount--;
      this.#prefixes[prefix] = ((this.paths.next(path) + 1) << FLAG_BITS) | (flags & ~PrefixFlag.hasBest);
      return;
    }
    while (this.paths.next(before) !== path) before = this.paths.next(before);
    this.paths.setNext(before, this.paths.next(path));
  }

  /** Whether a path may be chosen; a change marks its prefix. */
  setUsable(path: number, usable: boolean): void {
    const flags = this.paths.flags(path);
    const changed = usable ? flags & ~PathFlag.unusable : flags | PathFlag.unusable;
    if (changed === flags) return;
    this.paths.setFlags(path, changed);
    this.#touch(this.paths.prefix(path), path);
  }

  #touch(prefix: number, path: number): void {
    if (this.best(prefix) === path) {
      this.#prefixes[prefix] = (this.#prefixes[prefix] as number) | PrefixFlag.bestTouched;
    }
    this.markDirty(prefix);
  }

  /** Has {@link decide} look at a prefix. */
  markDirty(prefix: number): void {
    const word = this.#prefixes[prefix] as number;
    if (word & PrefixFlag.dirty) return;
    this.#prefixes[prefix] = word | PrefixFlag.dirty;
    if (this.#dirtyCount >= this.#dirty.length) this.#makeDirtyRoom();
    this.#dirty[this.#dirtyCount++] = prefix;
  }

  /** Changes may come as fast as they are decided for a long time: decided ones make room. */
  #makeDirtyRoom(): void {
    if (this.#dirtyNext * 2 < this.#dirtyCount) {
      this.#dirty = growInt32(this.#dirty, this.#dirtyCount + 1);
      return;
    }
    this.#dirty.copyWithin(0, this.#dirtyNext, this.#dirtyCount);
    this.#dirtyCount -= this.#dirtyNext;
    this.#dirtyNext = 0;
  }

  /** Marks all paths of a source as stale, in one go, and those that were so already as expired. */
  markStale(source: RouteSource): void {
    if (this.pathCount(source) === 0) return;
    const { paths } = this;
    const mark = this.#staleMarks.next(source.id);
    for (let path = 0; path < paths.idLimit; path++) {
      if (paths.source(path) !== source.id) continue;
      const flags = paths.flags(path);
      if (flags & STALE_FLAGS) paths.setFlags(path, flags | PathFlag.expired);
      else {
        this.#staleMarks.change(source.id, 1);
        paths.setFlags(path, flags | mark);
      }
    }
  }

  /**
   * Removes paths of a source, looking at `count` paths from `from` on; returns where to go on, or -1
   * when all were looked at. In slices, so that a lost session with a million routes blocks nobody. `only`: bits of
   * {@link PathFlag}, of which a path that goes has one.
   */
  sweepSource(source: RouteSource, from: number, count: number, only?: number): number {
    if (this.pathCount(source) === 0) return -1;
    const end = Math.min(from + count, this.paths.idLimit);
    for (let path = from; path < end; path++) {
      if (this.paths.source(path) !== source.id) continue;
      if (only !== undefined && (this.paths.flags(path) & only) === 0) continue;
      this.#removePath(this.paths.prefix(path), path);
    }
    return end < this.paths.idLimit ? end : -1;
  }

  /** Runs the decision process for at most `limit` marked prefixes. */
  decide(limit: number): void {
    const end = Math.min(this.#dirtyCount, this.#dirtyNext + limit);
    for (let at = this.#dirtyNext; at < end; at++) this.#decidePrefix(this.#dirty[at] as number);
    this.#dirtyNext = end;
    if (this.#dirtyNext < this.#dirtyCount) return;
    this.#dirtyNext = 0;
    this.#dirtyCount = 0;
  }

  #decidePrefix(prefix: number): void {
    const flags = (this.#prefixes[prefix] as number) & FLAG_MASK;
    const before = this.best(prefix);
    const best = this.#selectBest(prefix);
    if (best >= 0) this.#moveToFront(prefix, best);
    const word = (this.#prefixes[prefix] as number) & ~FLAG_MASK;
    this.#prefixes[prefix] = best >= 0 ? word | PrefixFlag.hasBest : word;
    this.#bestCount += Number(best >= 0) - Number(before >= 0);
    const changed = best !== before || (flags & PrefixFlag.bestTouched) !== 0;
    if (changed) this.bestChanges.append(prefix);
    if (this.#pathChanges) {
      if (this.#multipath) this.#markMultipath(prefix, best);
      this.#pathChanges.append(prefix);
    }
    if (best < 0 && !changed) this.changeSeen(prefix);
  }

  #selectBest(prefix: number): number {
    const first = ((this.#prefixes[prefix] as number) >> FLAG_BITS) - 1;
    if (first < 0) return -1;
    if (this.paths.next(first) < 0) return this.paths.flags(first) & PathFlag.unusable ? -1 : first;
    let count = 0;
    for (let path = first; path >= 0; path = this.paths.next(path)) {
      if (this.paths.flags(path) & PathFlag.unusable) continue;
      if (count >= this.#candidates.length) this.#candidates = growInt32(this.#candidates, count + 1);
      this.#candidates[count++] = path;
    }
    return this.decision.select(this.#candidates, count);
  }

  #moveToFront(prefix: number, path: number): void {
    const first = ((this.#prefixes[prefix] as number) >> FLAG_BITS) - 1;
    if (first === path) return;
    let before = first;
    while (this.paths.next(before) !== path) before = this.paths.next(before);
    this.paths.setNext(before, this.paths.next(path));
    this.paths.setNext(path, first);
    this.#setFirst(prefix, path);
  }

  #markMultipath(prefix: number, best: number): void {
    for (
      let path = ((this.#prefixes[prefix] as number) >> FLAG_BITS) - 1;
      path >= 0;
      path = this.paths.next(path)
    ) {
      const flags = this.paths.flags(path);
      const shares =
        best >= 0 &&
        (flags & PathFlag.unusable) === 0 &&
        (path === best || this.decision.isMultipath(best, path));
      this.paths.setFlags(path, shares ? flags | PathFlag.multipath : flags & ~PathFlag.multipath);
    }
  }

  /** No path is left, and the decision process has seen that. */
  isGone(prefix: number): boolean {
    return this.#prefixes[prefix] === 0;
  }

  /** A journal has no use for a prefix any more: it goes if nobody else has. */
  changeSeen(prefix: number): void {
    if (!this.isGone(prefix)) return;
    if (this.bestChanges.isPending(prefix) || this.#pathChanges?.isPending(prefix)) return;
    if (this.prefixes.keyLength(prefix) >= 0) this.prefixes.remove(prefix);
  }

  /** The chosen path of a prefix, or -1. */
  best(prefix: number): number {
    return prefix < this.#prefixes.length && (this.#prefixes[prefix] as number) & PrefixFlag.hasBest
      ? ((this.#prefixes[prefix] as number) >> FLAG_BITS) - 1
      : -1;
  }

  /** First path of a prefix (follow {@link PathTable.next}), or -1. */
  firstPath(prefix: number): number {
    return prefix < this.#prefixes.length ? ((this.#prefixes[prefix] as number) >> FLAG_BITS) - 1 : -1;
  }

  /** Why the best path of a prefix beats another of its paths. */
  reason(best: number, other: number): DecisionReason {
    return best === other ? 'only path' : this.decision.reason(best, other);
  }

  /**
   * A reader of best-path changes that starts with what happens from now on. `needsGone`: see
   * {@link JournalReader.needsGone}.
   */
  readBestChanges(needsGone?: (prefix: number) => boolean): JournalReader {
    return this.bestChanges.addReader(needsGone);
  }

  /** True when {@link settle} has something to do. */
  get unsettled(): boolean {
    return this.bestChanges.settleable || this.#pathChanges?.settleable === true;
  }

  /** Lets go of at most `limit` changes that all readers have seen. */
  settle(limit: number): void {
    this.bestChanges.settle(limit);
    this.#pathChanges?.settle(limit);
  }
}
