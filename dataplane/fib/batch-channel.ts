import { setImmediate } from 'node:timers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type BatchError, LARGEST_SEND } from '../netlink/route-socket.ts';
import { LARGEST_ROUTE_MESSAGE } from './route-message.ts';

/** The part of a netlink socket that routes are programmed through; `RouteSocket` is one. */
export interface BatchSocket {
  /** Sends the messages; gives what the kernel refused, by increasing index. All else is done. */
  sendBatch(messages: Uint8Array): Promise<readonly BatchError[]>;
}

/**
 * Milliseconds that a batch should take at the kernel. It has nothing to do from the end of a batch until the event
 * loop has come round to its answer, which takes a turn of some milliseconds while routes load: a batch is several
 * times as long. More would keep changes waiting that come behind it.
 */
const TARGET_TIME = 40;
const SMALLEST_LIMIT = 256;
/** As many routes as the socket sends in one piece when it sends in the background. */
export const LARGEST_LIMIT = Math.floor(LARGEST_SEND / LARGEST_ROUTE_MESSAGE);
const FIRST_LIMIT = 2048;

/** Messages that may be sent before the event loop gets a turn: one batch at the kernel, and the next one. */
const MOST_PER_TURN = 2 * LARGEST_LIMIT;

/**
 * Sends batches in order and lets the event loop turn in between. How many messages make a batch follows from how
 * long the kernel took for the last ones.
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
  #inFlight = 0;
  #lastAnswer = 0;
  #sentThisTurn = 0;
  #deferred: (() => void)[] = [];

  /** `now`: monotonic milliseconds. */
  constructor(socket: BatchSocket, now: () => number) {
    this.#socket = socket;
    this.#now = now;
  }

  /** Something waits for {@link whenQuiet}: send no more before all is answered. */
  get mustDrain(): boolean {
    return this.#deferred.length > 0;
  }

  /**
   * Sends a batch of `count` messages and has the answer applied. Rejects, without applying anything, when the
   * socket fails. `messages` must not change meanwhile. A second batch may be sent before the first is answered, so that the
   * kernel has the next one at hand; it is answered later.
   */
  async exchange(
    messages: Uint8Array,
    count: number,
    apply: (errors: readonly BatchError[]) => void,
  ): Promise<void> {
    const started = this.#now();
    this.#countSent(count);
    this.#inFlight++;
    try {
      apply(await this.#socket.sendBatch(messages));
    } finally {
      if (--this.#inFlight === 0) this.#runDeferred();
    }
    this.messages += count;
    this.batches++;
    const answered = this.#now();
    this.#adapt(count, answered - Math.max(started, this.#lastAnswer));
    this.#lastAnswer = answered;
  }

  #countSent(count: number): void {
    if (this.#sentThisTurn === 0) {
      setImmediate(() => {
        this.#sentThisTurn = 0;
      });
    }
    this.#sentThisTurn += count;
  }

  /**
   * To be called before a batch is put together: gives the event loop a turn if much was sent in this one. An
   * answer that came after a turn finds the way free, so that the kernel gets the next batch at once.
   */
  async mayGoOn(): Promise<void> {
    if (this.#sentThisTurn + this.limit > MOST_PER_TURN) await this.turn();
  }

  /** Lets the event loop do what else waits. */
  async turn(): Promise<void> {
    await nextTurn();
  }

  /** Runs `change` when no batch is at the kernel: now, or once all answers have been applied. */
  whenQuiet(change: () => void): void {
    if (this.#inFlight > 0) this.#deferred.push(change);
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
