import type { Clock, Timer } from './clock.ts';

/**
 * A timer whose deadline is moved often, by every read say: moving it later is one store. One timer
 * of the clock stands behind it and is set again for the rest when it fires before the deadline.
 */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #expired: () => void;
  readonly #toleratedLateness: number;
  #deadline = 0;
  #armedFor = 0;
  #timer: Timer | undefined;

  /**
   * `toleratedLateness`: when the clock fires more than so many milliseconds late, the event loop was
   * blocked and what arrived meanwhile has not been read yet: as many milliseconds are granted for that.
   */
  constructor(clock: Clock, expired: () => void, toleratedLateness = Number.POSITIVE_INFINITY) {
    this.#clock = clock;
    this.#expired = expired;
    this.#toleratedLateness = toleratedLateness;
  }

  /** True while a deadline is set. */
  get running(): boolean {
    return this.#timer !== undefined;
  }

  /** Sets or moves the deadline; `at` is a time of {@link Clock.now}. */
  set(at: number): void {
    this.#deadline = at;
    if (this.#timer !== undefined && at >= this.#armedFor) return;
    this.#arm(at);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#armedFor = at;
    this.#timer = this.#clock.setTimer(Math.max(0, at - this.#clock.now()), () => this.#fired());
  }

  #fired(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    if (now < this.#deadline) {
      this.#arm(this.#deadline);
    } else if (now - this.#armedFor > this.#toleratedLateness) {
      this.#arm(now + this.#toleratedLateness);
    } else {
      this.#expired();
    }
  }
}
