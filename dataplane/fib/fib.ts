// Hot: replace and remove run once per route and allocate nothing but by growth.
import type { IpVersion } from '../../net/address.ts';
import type { NexthopSetId, RouteFailure, RouteNexthop, RouteTable } from '../route-table.ts';
import { type AdoptedCounts, adoptKernelState, type KernelState } from './adoption.ts';
import { BatchChannel, type BatchSocket } from './batch-channel.ts';
import { FailureList, FailureReasons, REPORTED_FAILURES } from './failures.ts';
import { NexthopObjects } from './nexthop-objects.ts';
import { NexthopSets } from './nexthop-sets.ts';
import { ObjectSender } from './object-sender.ts';
import { FAILED, NO_SET, RouteRows, STALE, UNSURE, WAITING } from './route-rows.ts';
import { prefixText, RouteSender } from './route-sender.ts';
import { type InterfaceIndex, TunnelEntries } from './tunnel-entries.ts';

/** Routes taken out of a queue that was sent before the event loop gets a turn. */
const CLEAR_LIMIT = 32_768;

/** What a {@link Fib} works with. */
export interface FibOptions {
  /** A NETLINK_ROUTE socket in the router's namespace. */
  readonly socket: BatchSocket;
  /** Devices of the router's namespace. */
  readonly interfaceIndex: InterfaceIndex;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Whether the kernel has a route. */
export type RouteState =
  | { readonly state: 'installed' }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'not-installed' };

/** Numbers of what the kernel has and has been sent. */
export interface FibCounters {
  /** Routes that the kernel has confirmed and not lost since. */
  readonly installed: number;
  /** Routes that are wanted and that the kernel refused, or whose next hops it has not. */
  readonly failed: number;
  /** Next-hop objects and groups in the kernel. */
  readonly nexthops: number;
  /** Neighbour and FDB entries in the kernel. */
  readonly tunnelEntries: number;
  /** Messages and batches sent since the start. */
  readonly messages: number;
  readonly batches: number;
  /** Failures reported since the start. */
  readonly failures: number;
}

/**
 * The daemon's routes in the kernel. It remembers what the kernel has confirmed, so that what is already
 * there is not sent again, and sends the rest in batches, in this order: neighbours and FDB entries,
 * next-hop objects, groups, routes, removals of routes, then of groups, next-hop objects, entries.
 * A route never refers to an object that is not there.
 *
 * When a device goes away or down, the kernel drops what was on it without a word to the sender: call
 * {@link forgetDevice}.
 */
export class Fib implements RouteTable {
  readonly #channel: BatchChannel;
  readonly #entries: TunnelEntries;
  readonly #objects: NexthopObjects;
  readonly #sets: NexthopSets;
  readonly #reasons = new FailureReasons();
  readonly #objectSender: ObjectSender;
  readonly #sender: RouteSender;
  readonly #ipv4 = new RouteRows(4);
  readonly #ipv6 = new RouteRows(6);
  #failureCount = 0;
  /** The end, good or bad, of the work under way: a flush or an adoption. */
  #current: Promise<void> | undefined;
  /** The flush that follows it. */
  #following: Promise<readonly RouteFailure[]> | undefined;

  constructor({ socket, interfaceIndex, now }: FibOptions) {
    this.#channel = new BatchChannel(socket, now);
    this.#entries = new TunnelEntries(interfaceIndex);
    this.#objects = new NexthopObjects(interfaceIndex);
    this.#sets = new NexthopSets(this.#objects, this.#entries);
    this.#objectSender = new ObjectSender(this.#channel, this.#entries, this.#objects);
    this.#sender = new RouteSender(this.#channel, this.#sets, this.#objects, this.#reasons);
  }

  #rows(version: IpVersion): RouteRows {
    return version === 4 ? this.#ipv4 : this.#ipv6;
  }

  internNexthops(nexthops: readonly RouteNexthop[]): NexthopSetId {
    return this.#sets.intern(nexthops);
  }

  releaseNexthops(set: NexthopSetId): void {
    this.#sets.release(set);
  }

  replace(
    table: number,
    version: IpVersion,
    prefix: Uint8Array,
    offset: number,
    length: number,
    set: NexthopSetId,
  ): void {
    this.#sets.checkInterned(set);
    const rows = this.#rows(version);
    const odd = version === 4 ? 0 : 1;
    const row = rows.findOrAdd(table, prefix, offset, length);
    rows.clearFlag(row, STALE);
    const before = rows.desired[row] as number;
    if (before === set) {
      if (rows.hasFlag(row, FAILED | WAITING)) rows.queue(row);
      return;
    }
    this.#sets.want(set * 2 + odd);
    if (before !== NO_SET) this.#sets.unwant(before * 2 + odd);
    rows.desired[row] = set;
    rows.queue(row);
  }

  remove(table: number, version: IpVersion, prefix: Uint8Array, offset: number, length: number): void {
    const rows = this.#rows(version);
    const row = rows.find(table, prefix, offset, length);
    if (row >= 0) this.#drop(rows, row);
  }

  #drop(rows: RouteRows, row: number): void {
    const before = rows.desired[row] as number;
    rows.clearFlag(row, STALE);
    if (before !== NO_SET) {
      this.#sets.unwant(before * 2 + (rows.version === 4 ? 0 : 1));
      rows.desired[row] = NO_SET;
      rows.clearFailure(row);
    }
    if (rows.installed[row] !== NO_SET || rows.hasFlag(row, UNSURE) || rows.isBusy(row)) rows.queue(row);
    else rows.freeIfIdle(row);
  }

  /** Stops wanting all routes of a table, as {@link remove} does for one. */
  removeTable(table: number): void {
    for (const rows of [this.#ipv4, this.#ipv6]) {
      for (let row = 0; row < rows.limit; row++) {
        if (rows.isUsed(row) && rows.table(row) === table) this.#drop(rows, row);
      }
    }
  }

  /**
   * See {@link RouteTable.flush}. Calls to other methods while it runs belong to the next flush; flushes that are asked for
   * meanwhile are one. At most {@link REPORTED_FAILURES} failures are named.
   *
   * Rejects when the socket fails; what was not answered is sent again by the next flush.
   */
  flush(): Promise<readonly RouteFailure[]> {
    if (this.#following !== undefined) return this.#following;
    if (this.#current === undefined) return this.#run(() => this.#flush());
    this.#following = this.#current.then(() => {
      this.#following = undefined;
      return this.#run(() => this.#flush());
    });
    return this.#following;
  }

  #run<T>(work: () => Promise<T>): Promise<T> {
    let finished: () => void = () => undefined;
    const idle = new Promise<void>((resolve) => {
      finished = resolve;
    });
    this.#current = idle;
    return work().finally(() => {
      this.#current = undefined;
      finished();
    });
  }

  async #flush(): Promise<readonly RouteFailure[]> {
    const failures = new FailureList();
    const all = [this.#ipv4, this.#ipv6] as const;
    if (all.some((rows) => rows.queuedCount > 0)) {
      this.#entries.retryFailed();
      this.#objects.retryFailed();
    }
    for (const rows of all) rows.swapQueues();
    try {
      if (await this.#objectSender.bringAbout(failures)) this.#queueWaiting();
      this.#sender.nextRound();
      for (const rows of all) await this.#sender.sendRoutes(rows, failures);
      for (const rows of all) await this.#sender.sendRemovals(rows, failures);
      this.#sets.settle();
      await this.#objectSender.removeUnused(failures);
    } catch (error) {
      for (const rows of all) requeue(rows);
      throw error;
    } finally {
      for (const rows of all) await this.#clearSending(rows);
      this.#failureCount += failures.count;
    }
    return failures.list;
  }

  /** Empties the queue that was sent, in parts: a queue may have all routes there are. */
  async #clearSending(rows: RouteRows): Promise<void> {
    for (let start = 0; start < rows.sendingCount; start += CLEAR_LIMIT) {
      if (start > 0) await this.#channel.turn();
      rows.clearSending(start, Math.min(rows.sendingCount, start + CLEAR_LIMIT));
    }
    rows.endSending();
  }

  /** Calls up the routes that waited for what has come. */
  #queueWaiting(): void {
    for (const rows of [this.#ipv4, this.#ipv6]) {
      if (rows.waitingCount === 0) continue;
      for (let row = 0; row < rows.limit; row++) {
        if (rows.hasFlag(row, WAITING)) rows.queueSending(row);
      }
    }
  }

  /** Has the next flush try again what the kernel refused. */
  retryFailures(): void {
    this.#entries.retryFailed();
    this.#objects.retryFailed();
    for (const rows of [this.#ipv4, this.#ipv6]) {
      if (rows.failedCount === 0) continue;
      for (let row = 0; row < rows.limit; row++) {
        if (rows.hasFlag(row, FAILED | WAITING)) rows.queue(row);
      }
    }
  }

  /**
   * A device is gone, went down, lost its carrier or was made anew: the kernel has dropped the next-hop
   * objects, neighbours and FDB entries on it, and the routes that had no other next hop. The next flush sends again what is still wanted.
   */
  forgetDevice(name: string): void {
    this.#channel.whenQuiet(() => {
      this.#entries.forgetDevice(name);
      const gone = this.#sets.variantsOf(this.#objects.forgetDevice(name));
      this.#sender.nextRound();
      for (const rows of [this.#ipv4, this.#ipv6]) {
        const odd = rows.version === 4 ? 0 : 1;
        this.#forgetRows(rows, (row) => {
          const set = rows.installed[row] as number;
          return (set !== NO_SET && gone[set * 2 + odd] === 1) || rows.hasFlag(row, FAILED | WAITING);
        });
      }
    });
  }

  /** The kernel has dropped all routes of a table. The next flush sends again what is still wanted. */
  forgetTable(table: number): void {
    this.#channel.whenQuiet(() => {
      for (const rows of [this.#ipv4, this.#ipv6]) {
        this.#forgetRows(rows, (row) => rows.table(row) === table && rows.isUsed(row));
      }
    });
  }

  #forgetRows(rows: RouteRows, isGone: (row: number) => boolean): void {
    for (let row = 0; row < rows.limit; row++) {
      if (!isGone(row)) continue;
      this.#sender.forget(rows, row);
      rows.clearFlag(row, STALE);
      if (rows.desired[row] !== NO_SET) rows.queue(row);
      else rows.freeIfIdle(row);
    }
  }

  /**
   * Takes over what an earlier run left in the kernel, as `readKernelState` gives it: a {@link replace} with the
   * same next hops sends nothing. To be called once, before the first flush, which waits for it.
   */
  adopt(state: KernelState): Promise<AdoptedCounts> {
    return this.#run(() =>
      adoptKernelState(state, {
        entries: this.#entries,
        objects: this.#objects,
        sets: this.#sets,
        rowsOf: (version) => this.#rows(version),
        turn: () => this.#channel.turn(),
      }),
    );
  }

  /**
   * Gives up what was taken over and not asked for since; the next flush removes it. To be called once all
   * routes have been handed in after a start. Gives the number of routes.
   */
  sweep(): number {
    let count = 0;
    for (const rows of [this.#ipv4, this.#ipv6]) {
      for (let row = 0; row < rows.limit; row++) {
        if (!rows.hasFlag(row, STALE)) continue;
        this.#drop(rows, row);
        count++;
      }
    }
    this.#objects.sweep();
    this.#entries.sweep();
    return count;
  }

  /** Routes that are wanted, or in the kernel and not removed yet. */
  get size(): number {
    return this.#ipv4.size + this.#ipv6.size;
  }

  get counters(): FibCounters {
    return {
      installed: this.#ipv4.installedCount + this.#ipv6.installedCount,
      failed: this.#ipv4.failedCount + this.#ipv6.failedCount,
      nexthops: this.#objects.installedCount,
      tunnelEntries: this.#entries.installedCount,
      messages: this.#channel.messages,
      batches: this.#channel.batches,
      failures: this.#failureCount,
    };
  }

  /** True when the kernel has said that it has the route with the next hops that are wanted last. */
  isInstalled(
    table: number,
    version: IpVersion,
    prefix: Uint8Array,
    offset: number,
    length: number,
  ): boolean {
    return this.routeState(table, version, prefix, offset, length).state === 'installed';
  }

  /** Whether the kernel has the route with the next hops that are wanted last. */
  routeState(
    table: number,
    version: IpVersion,
    prefix: Uint8Array,
    offset: number,
    length: number,
  ): RouteState {
    const rows = this.#rows(version);
    const row = rows.find(table, prefix, offset, length);
    if (row < 0 || rows.desired[row] === NO_SET) return { state: 'not-installed' };
    if (rows.hasFlag(row, FAILED | WAITING)) {
      return { state: 'failed', reason: this.#reasons.text(rows.reason[row] as number) };
    }
    const same = rows.installed[row] === rows.desired[row] && !rows.hasFlag(row, UNSURE);
    return { state: same ? 'installed' : 'not-installed' };
  }

  /** Routes that are installed or failed, by table. Looks at all routes of the version. */
  countsByTable(version: IpVersion): Map<number, { installed: number; failed: number }> {
    const rows = this.#rows(version);
    const counts = new Map<number, { installed: number; failed: number }>();
    for (let row = 0; row < rows.limit; row++) {
      if (rows.desired[row] === NO_SET || !rows.isUsed(row)) continue;
      const table = rows.table(row);
      let count = counts.get(table);
      if (count === undefined) {
        count = { installed: 0, failed: 0 };
        counts.set(table, count);
      }
      if (rows.hasFlag(row, FAILED | WAITING)) count.failed++;
      else if (rows.installed[row] !== NO_SET) count.installed++;
    }
    return counts;
  }

  /** What is wanted and not there as the kernel refused it, the objects first; at most {@link REPORTED_FAILURES}. */
  failures(): readonly RouteFailure[] {
    const failures = new FailureList();
    for (const failure of [...this.#entries.failures(), ...this.#objects.failures()]) {
      failures.add({ table: 0, operation: 'add', ...failure });
    }
    for (const rows of [this.#ipv4, this.#ipv6]) {
      if (rows.failedCount === 0) continue;
      for (let row = 0; row < rows.limit && !failures.full; row++) {
        if (!rows.hasFlag(row, FAILED | WAITING)) continue;
        const operation = rows.desired[row] === NO_SET ? 'remove route' : 'add route';
        const reason = this.#reasons.text(rows.reason[row] as number);
        failures.add({ table: rows.table(row), object: prefixText(rows, row), operation, reason });
      }
    }
    return failures.list;
  }
}

/** Puts what is in the sending queue back into the other one: what was done already will send nothing. */
function requeue(rows: RouteRows): void {
  for (let index = 0; index < rows.sendingCount; index++) rows.queue(rows.sendingRow(index));
}
