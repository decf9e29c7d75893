import type { Clock, Timer } from '../../../../bgp/session/clock.ts';

interface FakeTimer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that stands still until it is moved; timers fire in the order of their times. */
export class FakeClock implements Clock {
  #now = 1000;
  #order = 0;
  readonly #timers = new Set<FakeTimer>();
  /** Timers that were ever set. */
  timersSet = 0;

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return 1_700_000_000_000 + this.#now;
  }

  setTimer(milliseconds: number, fire: () => void): Timer {
    const timer = { at: this.#now + milliseconds, order: this.#order++, fire };
    this.#timers.add(timer);
    this.timersSet++;
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets `milliseconds` pass. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let timer = this.#next(); timer && timer.at <= end; timer = this.#next()) this.#fire(timer);
    this.#now = end;
  }

  /** Lets time pass without a timer being served, like a blocked event loop; the late timers fire at the end. */
  jump(milliseconds: number): void {
    this.#now += milliseconds;
    this.advance(0);
  }

  /** Goes to the next timer and fires it; false when none waits. */
  step(): boolean {
    const timer = this.#next();
    if (timer) this.#fire(timer);
    return timer !== undefined;
  }

  #next(): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
    }
    return next;
  }

  #fire(timer: FakeTimer): void {
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.fire();
  }
}
