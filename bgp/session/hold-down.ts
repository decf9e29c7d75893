import type { Clock, Timer } from './clock.ts';

/** Holds a session down for what its peer did: it stays in Idle, and connections of the peer are refused. */
export class HoldDown {
  readonly #clock: Clock;
  readonly #over: () => void;
  #timer: Timer | undefined;
  #until: number | undefined;

  /** `over` is called when a time is over, not by {@link release}. */
  constructor(clock: Clock, over: () => void) {
    this.#clock = clock;
    this.#over = over;
  }

  /** Wall-clock milliseconds until which the session is held down, Infinity until someone releases it; undefined when it is not. */
  get until(): number | undefined {
    return this.#until;
  }

  /** Holds down for so many milliseconds, or without end (Infinity). */
  hold(milliseconds: number): void {
    this.release();
    this.#until = this.#clock.wallTime() + milliseconds;
    if (milliseconds === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.setTimer(milliseconds, () => {
      this.release();
      this.#over();
    });
  }

  release(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#until = undefined;
  }
}
