import type { Clock, Timer } from './session/clock.ts';
import type { Family } from './wire/family.ts';

/** What {@link LongLivedTimers} works with. */
export interface LongLivedTimersContext {
  readonly clock: Clock;
  /** The time of a family is over; its timer does not run any more. */
  readonly over: (family: Family) => void;
}

/** The long-lived stale times of a peer's families that run (RFC 9494 §4.2). Once begun, one is not changed. */
export class LongLivedTimers {
  readonly #context: LongLivedTimersContext;
  readonly #timers = new Map<Family, { readonly timer: Timer; readonly until: number }>();

  constructor(context: LongLivedTimersContext) {
    this.#context = context;
  }

  /** By family whose time runs: wall-clock milliseconds when it will be over. */
  get ends(): ReadonlyMap<Family, number> {
    return new Map([...this.#timers].map(([family, { until }]) => [family, until]));
  }

  runs(family: Family): boolean {
    return this.#timers.has(family);
  }

  /** Has the time of a family begin, unless it runs already. */
  begin(family: Family, seconds: number): void {
    if (this.#timers.has(family)) return;
    const { clock, over } = this.#context;
    const timer = clock.setTimer(seconds * 1000, () => {
      this.#timers.delete(family);
      over(family);
    });
    this.#timers.set(family, { timer, until: clock.wallTime() + seconds * 1000 });
  }

  cancel(family: Family): void {
    this.#timers.get(family)?.timer.cancel();
    this.#timers.delete(family);
  }

  cancelAll(): void {
    for (const family of [...this.#timers.keys()]) this.cancel(family);
  }
}
