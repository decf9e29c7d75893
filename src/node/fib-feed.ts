// Hot: runs once per changed prefix. A next-hop set costs an object, a route with one next hop none.

import { growInt32 } from '../../bgp/rib/columns.ts';
import type { JournalReader } from '../../bgp/rib/journal.ts';
import { PathFlag } from '../../bgp/rib/path-table.ts';
import type { Rib } from '../../bgp/rib/rib.ts';
import type { NexthopSetId, RouteNexthop, RouteTable } from '../../dataplane/route-table.ts';

/** Where the routes of a RIB go in the kernel. */
export interface FibFeedOptions {
  readonly rib: Rib;
  readonly version: 4 | 6;
  /** Number of the kernel's table. */
  readonly table: number;
  readonly routes: RouteTable;
  /** How the kernel sends along a path; undefined for a path that is not for the kernel. */
  readonly nexthopOf: (rib: Rib, path: number) => RouteNexthop | undefined;
  /** Routes were handed over: time to flush. */
  readonly handedOver: () => void;
}

/** A set of next hops that at least one route uses, and what its key keeps alive. */
interface SetInUse {
  readonly key: number | string;
  readonly set: NexthopSetId;
  readonly members: readonly { readonly nextHop: number; readonly extra: number }[];
  routes: number;
}

const batch = new Int32Array(4096);
const sharing: number[] = [];
const prefixKey = new Uint8Array(17);
const address = new Uint8Array(16);
const EXTRA_LIMIT = 2 ** 24;

/** Hands the best paths of one unicast RIB, and those that share traffic with them, to the kernel. */
export class FibFeed {
  readonly #options: FibFeedOptions;
  readonly #reader: JournalReader;
  readonly #sets: (SetInUse | undefined)[] = [undefined];
  readonly #freeSets: number[] = [];
  readonly #byKey = new Map<number | string, number>();
  /** The key that was looked up last and is in {@link #byKey}, and its set. */
  #lastKey: number | string | undefined;
  #lastSet = 0;
  /** By prefix: index in {@link #sets}, 0 for none. */
  #current = new Int32Array(64);

  /** Throws TypeError for a RIB that does not keep path changes. */
  constructor(options: FibFeedOptions) {
    const { pathChanges } = options.rib;
    if (!pathChanges) throw new TypeError(`${options.rib.name} does not keep path changes`);
    this.#options = options;
    this.#reader = pathChanges.addReader();
    const { rib } = options;
    for (let prefix = 0; prefix < rib.prefixes.idLimit; prefix++) {
      if (rib.firstPath(prefix) >= 0) pathChanges.append(prefix);
    }
  }

  get pending(): boolean {
    return !this.#reader.atEnd;
  }

  follow(limit: number): void {
    const count = this.#reader.read(batch.subarray(0, limit));
    for (let i = 0; i < count; i++) this.#update(batch[i] as number);
    this.#options.handedOver();
  }

  /** Works out all routes again: the way to their next hops may have changed. */
  refresh(): void {
    for (let prefix = 0; prefix < this.#options.rib.prefixes.idLimit; prefix++) {
      if (this.#options.rib.prefixes.keyLength(prefix) >= 0) this.#update(prefix, true);
    }
    this.#options.handedOver();
  }

  #update(prefix: number, afresh = false): void {
    const { routes, table, version } = this.#options;
    if (prefix >= this.#current.length) this.#current = growInt32(this.#current, prefix + 1);
    const before = this.#current[prefix] as number;
    this.#collectSharing(prefix);
    const after = sharing.length > 0 ? this.#setFor(afresh) : 0;
    if (after > 0) (this.#sets[after] as SetInUse).routes++;
    const length = this.#readPrefix(prefix);
    const wanted = this.#sets[after];
    if (wanted) routes.replace(table, version, address, 0, length, wanted.set);
    else if (before > 0) routes.remove(table, version, address, 0, length);
    this.#current[prefix] = after;
    if (before > 0) this.#release(before);
  }

  /** Fills `address`; returns the length in bits. */
  #readPrefix(prefix: number): number {
    this.#options.rib.prefixes.copyKey(prefix, prefixKey, 0);
    const length = prefixKey[0] as number;
    const octets = (length + 7) >> 3;
    for (let i = 0; i < octets; i++) address[i] = prefixKey[i + 1] as number;
    for (let i = octets; i < 16; i++) address[i] = 0;
    return length;
  }

  #collectSharing(prefix: number): void {
    const { rib } = this.#options;
    sharing.length = 0;
    if (rib.best(prefix) < 0) return;
    for (let path = rib.firstPath(prefix); path >= 0; path = rib.paths.next(path)) {
      if (rib.paths.flags(path) & PathFlag.multipath) sharing.push(path);
    }
  }

  /** Index of the set for the paths in `sharing`, or 0 when none of them is for the kernel. */
  #setFor(afresh: boolean): number {
    const key = this.#keyOf();
    // Routes of a set come together.
    if (key === this.#lastKey && !afresh) return this.#lastSet;
    const known = this.#byKey.get(key);
    if (known !== undefined && !afresh) {
      this.#lastKey = key;
      this.#lastSet = known;
      return known;
    }
    const { rib, routes, nexthopOf } = this.#options;
    const usable = sharing.filter((path) => rib.attributes.nextHop(rib.paths.attributes(path)) >= 0);
    const nexthops = usable.flatMap((path) => nexthopOf(rib, path) ?? []);
    if (nexthops.length === 0) return 0;
    const set = routes.internNexthops(nexthops);
    if (known !== undefined && this.#sets[known]?.set === set) {
      routes.releaseNexthops(set);
      return known;
    }
    const members = usable.map((path) => ({
      nextHop: rib.attributes.nextHop(rib.paths.attributes(path)),
      extra: rib.paths.extra(path),
    }));
    for (const { nextHop, extra } of members) {
      rib.attributes.nextHops.retain(nextHop);
      rib.extras.retain(extra);
    }
    const index = this.#freeSets.pop() ?? this.#sets.length;
    this.#sets[index] = { key, set, members, routes: 0 };
    this.#byKey.set(key, index);
    this.#lastKey = undefined;
    return index;
  }

  #keyOf(): number | string {
    if (sharing.length === 1) return this.#pathKey(sharing[0] as number);
    return sharing
      .map((path) => this.#pathKey(path))
      .sort((a, b) => a - b)
      .join();
  }

  #pathKey(path: number): number {
    const { rib } = this.#options;
    return (rib.attributes.nextHop(rib.paths.attributes(path)) + 1) * EXTRA_LIMIT + rib.paths.extra(path);
  }

  #release(index: number): void {
    const used = this.#sets[index];
    if (!used || --used.routes > 0) return;
    const { rib, routes } = this.#options;
    routes.releaseNexthops(used.set);
    for (const { nextHop, extra } of used.members) {
      rib.attributes.nextHops.release(nextHop);
      rib.extras.release(extra);
    }
    if (this.#byKey.get(used.key) === index) this.#byKey.delete(used.key);
    this.#lastKey = undefined;
    this.#sets[index] = undefined;
    this.#freeSets.push(index);
  }

  /** Takes all routes back and stops following. */
  close(): void {
    const { rib, routes, table, version, handedOver } = this.#options;
    this.#reader.close();
    for (let prefix = 0; prefix < rib.prefixes.idLimit; prefix++) {
      const before = this.#current[prefix] ?? 0;
      if (before === 0) continue;
      const length = this.#readPrefix(prefix);
      routes.remove(table, version, address, 0, length);
      this.#current[prefix] = 0;
      this.#release(before);
    }
    handedOver();
  }
}
