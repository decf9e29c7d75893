// Hot: `messageReceived` runs per read, `messageSent` per batch; each is a look at the clock and a store.
import type { Clock } from './clock.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { jittered, type RandomSource } from './retry-backoff.ts';

/** Hold time while the peer's OPEN is awaited, in milliseconds: "a large value", RFC 4271 §8.2.2. */
const OPEN_HOLD_TIME = 240_000;
/** Lateness of the hold timer, in milliseconds, that shows that the event loop was blocked. */
const BLOCKED_LOOP = 1000;
/** Shortest send hold time, in milliseconds (RFC 9687 §4.3). */
const SHORTEST_SEND_HOLD_TIME = 480_000;

/** What the timers of a connection ask for. */
export interface TimerHandlers {
  /** Nothing was heard for `seconds`. */
  holdTimeOver(seconds: number): void;
  /** Nothing was sent for the keepalive interval. */
  keepaliveDue(): void;
}

/** Hold timer and keepalive timer of one connection (RFC 4271 §4.4, §8.2.2, §10). */
export class ConnectionTimers {
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #hold: DeadlineTimer;
  readonly #keepalive: DeadlineTimer;
  /** Milliseconds. */
  #holdTime = OPEN_HOLD_TIME;
  #keepaliveTime = 0;
  /** Milliseconds; the keepalive time with its jitter. */
  #interval = 0;

  constructor(clock: Clock, random: RandomSource, handlers: TimerHandlers) {
    this.#clock = clock;
    this.#random = random;
    this.#hold = new DeadlineTimer(clock, () => handlers.holdTimeOver(this.#holdTime / 1000), BLOCKED_LOOP);
    this.#keepalive = new DeadlineTimer(clock, () => {
      this.#nextInterval();
      handlers.keepaliveDue();
    });
  }

  /** The hold time with which a connection starts. */
  awaitOpen(): void {
    this.#hold.set(this.#clock.now() + this.#holdTime);
  }

  /** Both OPENs are in; `holdTime` and `keepaliveTime` in seconds, a hold time of 0 turns both off. */
  start(holdTime: number, keepaliveTime: number): void {
    this.stop();
    if (holdTime === 0) return;
    this.#holdTime = holdTime * 1000;
    this.#keepaliveTime = keepaliveTime * 1000;
    this.#hold.set(this.#clock.now() + this.#holdTime);
    this.#nextInterval();
  }

  /** Any message shows that the peer lives. Nothing but an OPEN ends the wait for the OPEN. */
  messageReceived(): void {
    if (this.#hold.running && this.#keepaliveTime > 0) this.#hold.set(this.#clock.now() + this.#holdTime);
  }

  /** Grants the hold time once more, after it was over. */
  restartHold(): void {
    this.#hold.set(this.#clock.now() + this.#holdTime);
  }

  /** A message stands in for the next KEEPALIVE. */
  messageSent(): void {
    if (this.#keepalive.running) this.#keepalive.set(this.#clock.now() + this.#interval);
  }

  stop(): void {
    this.#hold.stop();
    this.#keepalive.stop();
  }

  #nextInterval(): void {
    this.#interval = jittered(this.#keepaliveTime, this.#random);
    this.#keepalive.set(this.#clock.now() + this.#interval);
  }
}

/** Watches whether the kernel still takes what is written: the send hold timer of RFC 9687. */
export class SendProgress {
  #written = 0;
  /** Bytes that had left at the last look, and when that last changed; -1: never looked. */
  #taken = -1;
  #takenAt = 0;

  /** `bytes` more were written. */
  wrote(bytes: number): void {
    this.#written += bytes;
  }

  /** Milliseconds since bytes last left; asked at least once per hold time. `buffered`: bytes that wait. */
  stalledFor(now: number, buffered: number): number {
    const taken = this.#written - buffered;
    if (taken !== this.#taken || buffered === 0) {
      this.#taken = taken;
      this.#takenAt = now;
    }
    return now - this.#takenAt;
  }
}

/** Milliseconds without progress after which a connection is given up (RFC 9687 §4.3); `holdTime` in seconds. */
export function sendHoldTime(holdTime: number): number {
  return Math.max(SHORTEST_SEND_HOLD_TIME, 2000 * holdTime);
}
