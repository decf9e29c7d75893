import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BatchError } from '../netlink/route-socket.ts';
import { LARGEST_ROUTE_MESSAGE } from './route-message.ts';

/** The part of a netlink socket that routes are programmed through; `RouteSocket` is one. */
export interface BatchSocket {
  /** Sends the messages; gives what the kernel refused, by increasing index. All else is done. */
  sendBatch(messages: Uint8Array): Promise<readonly BatchError[]>;
}

/** Milliseconds that a batch should take at the kernel, which works while the event loop stands still. */
const TARGET_TIME = 8;
const SMALLEST_LIMIT = 128;
/** As many routes as the socket sends in one piece. */
export const LARGEST_LIMIT = Math.floor((128 * 1024) / LARGEST_ROUTE_MESSAGE);
const FIRST_LIMIT = 512;

/**
 * Sends batches one at a time and lets the event loop turn in between. How many
 * messages make a batch follows from how long the kernel took for the last ones.
 */
export class BatchChannel {
  /** Messages that the next batch should have at most. */
  limit = FIRST_LIMIT;
  /** Messages sent so far. */
  messages = 0;
  /** Batches sent so far. */
  batches = 0;
  readonly #socket: BatchSocket;
  readonly #now: () => number;
  #inFlight = false;
  #sinceTurn = 0;
  #deferred: (() => void)[] = [];

  /** `now`: monotonic milliseconds. */
  constructor(socket: BatchSocket, now: () => number) {
    this.#socket = socket;
    this.#now = now;
  }

  /**
   * Sends a batch of `count` messages and has the answer applied. Rejects, without applying anything, when the
   * socket fails. `messages` must not change meanwhile.
   */
  async exchange(
    messages: Uint8Array,
    count: number,
    apply: (errors: readonly BatchError[]) => void,
  ): Promise<void> {
    const started = this.#now();
    this.#inFlight = true;
    try {
      const errors = await this.#socket.sendBatch(messages);
      apply(errors);
    } finally {
      this.#inFlight = false;
      this.#runDeferred();
    }
    this.messages += count;
    this.batches++;
    this.#adapt(count, this.#now() - started);
    this.#sinceTurn += count;
    if (this.#sinceTurn * 2 >= this.limit) await this.turn();
  }

  /** Lets the event loop do what else waits. */
  async turn(): Promise<void> {
    this.#sinceTurn = 0;
    await nextTurn();
  }

  /** Runs `change` when no batch is at the kernel: now, or once the answer has been applied. */
  whenQuiet(change: () => void): void {
    if (this.#inFlight) this.#deferred.push(change);
    else change();
  }

  #runDeferred(): void {
    const changes = this.#deferred;
    this.#deferred = [];
    for (const change of changes) change();
  }

  #adapt(count: number, time: number): void {
    if (count * 2 < this.limit) return;
    if (time > TARGET_TIME * 1.5) this.limit = Math.max(SMALLEST_LIMIT, this.limit >> 1);
    else if (time < TARGET_TIME) this.limit = Math.min(LARGEST_LIMIT, Math.ceil(this.limit * 1.5));
  }
}
