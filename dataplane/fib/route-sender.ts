// Hot: the loops run once per route. Columns only; a route that fails may cost an object.
import { formatAddressBytes } from '../../net/address.ts';
import type { BatchError } from '../netlink/route-socket.ts';
import { type BatchChannel, LARGEST_LIMIT } from './batch-channel.ts';
import type { FailureList, FailureReasons } from './failures.ts';
import type { NexthopObjects } from './nexthop-objects.ts';
import type { NexthopSets, VariantId } from './nexthop-sets.ts';
import { RouteBatch } from './route-batch.ts';
import { LARGEST_ROUTE_MESSAGE } from './route-message.ts';
import { FAILED, NO_SET, type RouteRows, UNSURE, WAITING } from './route-rows.ts';

/** Routes looked at, sent or not, before the event loop gets a turn. */
const SCAN_LIMIT = 32_768;

// The kernel's answers to the removal of a route that is not there, or whose table or device is not.
const ESRCH = 3;
const ENOENT = 2;
const ENODEV = 19;

/** Why a row has no route in the kernel, for a list of failures. */
export interface FailedOperation {
  readonly operation: 'add route' | 'remove route';
  readonly reason: string;
}

/** A batch on its way or being put together. */
interface Lane {
  readonly batch: RouteBatch;
  /** By message: its row and, for a route that is added, its set. */
  readonly rows: Int32Array;
  readonly sets: Int32Array;
  /** Settles when the answer has been applied. */
  answered: Promise<void>;
}

function newLane(): Lane {
  return {
    batch: new RouteBatch(LARGEST_LIMIT * LARGEST_ROUTE_MESSAGE),
    rows: new Int32Array(LARGEST_LIMIT),
    sets: new Int32Array(LARGEST_LIMIT),
    answered: Promise.resolve(),
  };
}

/** Fills a lane from the queue from `index` on and gives where it stopped. */
type Collect = (lane: Lane, index: number) => number;
type Apply = (lane: Lane, errors: readonly BatchError[]) => void;

/** Sends the routes of a queue in batches and notes in the rows what the kernel says. */
export class RouteSender {
  readonly #channel: BatchChannel;
  readonly #sets: NexthopSets;
  readonly #objects: NexthopObjects;
  readonly #reasons: FailureReasons;
  /** Two, so that the kernel works on one batch while the other one is put together. */
  readonly #lanes: readonly [Lane, Lane] = [newLane(), newLane()];
  /** By variant: twice the round in which it was looked at, plus one if it was ready. */
  #readiness = new Int32Array(64);
  #round = 0;

  constructor(channel: BatchChannel, sets: NexthopSets, objects: NexthopObjects, reasons: FailureReasons) {
    this.#channel = channel;
    this.#sets = sets;
    this.#objects = objects;
    this.#reasons = reasons;
  }

  /** What next hops need may have come or gone: look again. */
  nextRound(): void {
    this.#round++;
  }

  /** Adds and replaces the routes of the sending queue that are wanted. */
  sendRoutes(rows: RouteRows, failures: FailureList): Promise<void> {
    return this.#send(
      rows,
      (lane, index) => this.#collectRoutes(lane, rows, index, failures),
      (lane, errors) => this.#applyRoutes(lane, rows, errors, failures),
    );
  }

  /** Removes the routes of the sending queue that are not wanted. */
  sendRemovals(rows: RouteRows, failures: FailureList): Promise<void> {
    return this.#send(
      rows,
      (lane, index) => this.#collectRemovals(lane, rows, index),
      (lane, errors) => this.#applyRemovals(lane, rows, errors, failures),
    );
  }

  async #send(rows: RouteRows, collect: Collect, apply: Apply): Promise<void> {
    let [lane, other] = this.#lanes;
    try {
      for (let index = 0; index < rows.sendingCount; ) {
        await lane.answered;
        if (this.#channel.mustDrain) await other.answered;
        await this.#channel.mayGoOn();
        lane.batch.reset();
        index = collect(lane, index);
        if (lane.batch.count > 0) {
          this.#exchange(lane, rows, apply);
          [lane, other] = [other, lane];
        } else if (rows.sendingCount >= SCAN_LIMIT) await this.#channel.turn();
      }
      await lane.answered;
      await other.answered;
    } finally {
      await Promise.allSettled([lane.answered, other.answered]);
      lane.answered = Promise.resolve();
      other.answered = Promise.resolve();
    }
  }

  #exchange(lane: Lane, rows: RouteRows, apply: Apply): void {
    const { count } = lane.batch;
    lane.answered = this.#channel
      .exchange(lane.batch.bytes(), count, (errors) => apply(lane, errors))
      .catch((error: unknown) => {
        for (let i = 0; i < count; i++) rows.setFlag(lane.rows[i] as number, UNSURE);
        throw error;
      });
    // Whoever waits for it hears of it; until then nobody may be waiting.
    lane.answered.catch(() => undefined);
  }

  #collectRoutes(lane: Lane, rows: RouteRows, index: number, failures: FailureList): number {
    const { limit } = this.#channel;
    const { version, keys, stride } = rows;
    const odd = version === 4 ? 0 : 1;
    const { target } = this.#sets;
    const ids = this.#objects.id;
    const end = Math.min(rows.sendingCount, index + SCAN_LIMIT);
    let count = 0;
    for (; index < end && count < limit; index++) {
      const row = rows.sendingRow(index);
      const set = rows.desired[row] as number;
      if (set === NO_SET || rows.isQueued(row)) continue;
      const variant = set * 2 + odd;
      if (!this.#isReady(variant)) {
        this.#wait(rows, row, variant, failures);
        continue;
      }
      const slot = target[variant] as number;
      const current = rows.installed[row] as number;
      if (current !== NO_SET && target[current * 2 + odd] === slot && !rows.hasFlag(row, UNSURE)) {
        this.#installed(rows, row, set);
        continue;
      }
      lane.batch.add(version, keys, row * stride, ids[slot] as number);
      lane.rows[count] = row;
      lane.sets[count++] = set;
    }
    return index;
  }

  #isReady(variant: VariantId): boolean {
    if (variant >= this.#readiness.length) {
      const grown = new Int32Array(Math.max(variant + 1, this.#readiness.length * 2));
      grown.set(this.#readiness);
      this.#readiness = grown;
    }
    const known = this.#readiness[variant] as number;
    if (known >> 1 === this.#round) return (known & 1) === 1;
    const ready = this.#sets.isReady(variant);
    this.#readiness[variant] = this.#round * 2 + (ready ? 1 : 0);
    return ready;
  }

  #wait(rows: RouteRows, row: number, variant: VariantId, failures: FailureList): void {
    const reason = this.#sets.problemOf(variant);
    rows.setFailure(row, WAITING, this.#reasons.number(reason));
    this.#report(rows, row, { operation: 'add route', reason }, failures);
  }

  #applyRoutes(lane: Lane, rows: RouteRows, errors: readonly BatchError[], failures: FailureList): void {
    const { count } = lane.batch;
    let next = 0;
    for (let i = 0; i < count; i++) {
      const row = lane.rows[i] as number;
      const error = next < errors.length ? errors[next] : undefined;
      if (error?.index !== i) {
        this.#installed(rows, row, lane.sets[i] as number);
        continue;
      }
      next++;
      this.#failed(rows, row, { operation: 'add route', reason: error.reason }, failures);
    }
  }

  /** The kernel has the route with the next hops of `set`. */
  #installed(rows: RouteRows, row: number, set: number): void {
    const odd = rows.version === 4 ? 0 : 1;
    const { installed } = this.#sets;
    const before = rows.installed[row] as number;
    rows.clearFailure(row);
    rows.clearFlag(row, UNSURE);
    if (before === set) return;
    if (before !== NO_SET) {
      const old = before * 2 + odd;
      installed[old] = (installed[old] as number) - 1;
    }
    const variant = set * 2 + odd;
    installed[variant] = (installed[variant] as number) + 1;
    rows.setInstalled(row, set);
  }

  #failed(rows: RouteRows, row: number, failure: FailedOperation, failures: FailureList): void {
    // A later call wants something else by now: this answer is none to it.
    if (!rows.isQueued(row)) rows.setFailure(row, FAILED, this.#reasons.number(failure.reason));
    this.#report(rows, row, failure, failures);
  }

  #report(rows: RouteRows, row: number, failure: FailedOperation, failures: FailureList): void {
    if (failures.full) {
      failures.count++;
      return;
    }
    failures.add({ table: rows.table(row), object: prefixText(rows, row), ...failure });
  }

  #collectRemovals(lane: Lane, rows: RouteRows, index: number): number {
    const { limit } = this.#channel;
    const { version, keys, stride } = rows;
    const end = Math.min(rows.sendingCount, index + SCAN_LIMIT);
    let count = 0;
    for (; index < end && count < limit; index++) {
      const row = rows.sendingRow(index);
      if (rows.desired[row] !== NO_SET || rows.isQueued(row)) continue;
      if (rows.installed[row] === NO_SET && !rows.hasFlag(row, UNSURE)) continue;
      lane.batch.remove(version, keys, row * stride);
      lane.rows[count++] = row;
    }
    return index;
  }

  #applyRemovals(lane: Lane, rows: RouteRows, errors: readonly BatchError[], failures: FailureList): void {
    const { count } = lane.batch;
    let next = 0;
    for (let i = 0; i < count; i++) {
      const row = lane.rows[i] as number;
      const error = next < errors.length ? errors[next] : undefined;
      if (error?.index === i) next++;
      if (error?.index === i && !isAbsence(error.errno)) {
        this.#failed(rows, row, { operation: 'remove route', reason: error.reason }, failures);
      } else {
        this.forget(rows, row);
      }
    }
  }

  /** The kernel has no route for the row any more. */
  forget(rows: RouteRows, row: number): void {
    const before = rows.installed[row] as number;
    rows.clearFlag(row, UNSURE);
    rows.clearFailure(row);
    if (before === NO_SET) return;
    const variant = before * 2 + (rows.version === 4 ? 0 : 1);
    this.#sets.installed[variant] = (this.#sets.installed[variant] as number) - 1;
    rows.setInstalled(row, NO_SET);
  }
}

function isAbsence(errno: number): boolean {
  return errno === ESRCH || errno === ENOENT || errno === ENODEV;
}

/** `address/length` of a row. */
export function prefixText(rows: RouteRows, row: number): string {
  const prefix = new Uint8Array(16);
  rows.copyPrefix(row, prefix, 0);
  return `${formatAddressBytes(prefix, 0, rows.version)}/${rows.length(row)}`;
}
