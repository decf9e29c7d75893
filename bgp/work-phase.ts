import type { Clock } from './session/clock.ts';

/** How a round over the things of a {@link WorkPhase} ended. */
export type RoundEnd = 'nothing to do' | 'worked' | 'time is over';

/** Milliseconds that a portion should take: long enough not to count, short enough to stop after it. */
const SHORT_PORTION = 0.5;
const LONG_PORTION = 2;

const FIRST_LIMIT = 512;
const LEAST_LIMIT = 256;
const LARGEST_LIMIT = 4096;

/** What {@link WorkPhase} needs to know of its kind of work. */
export interface WorkKind<Thing> {
  /** All things there are at present. */
  readonly things: () => readonly Thing[];
  readonly hasWork: (thing: Thing) => boolean;
  /** Does work on at most `limit` prefixes. */
  readonly work: (thing: Thing, limit: number) => void;
}

/**
 * One kind of work on many things of a sort: a portion of it for each that has some, one after the other. The portions
 * grow and shrink with the time that they take, and who was not reached is first the next time.
 */
export class WorkPhase<Thing> {
  readonly #kind: WorkKind<Thing>;
  readonly #clock: Clock;
  #limit = FIRST_LIMIT;
  #next = 0;

  constructor(clock: Clock, kind: WorkKind<Thing>) {
    this.#clock = clock;
    this.#kind = kind;
  }

  /** A portion for everyone who has work, until it is later than `end` (milliseconds of the clock). */
  round(end: number): RoundEnd {
    const things = this.#kind.things();
    let result: RoundEnd = 'nothing to do';
    let before = Number.NaN;
    for (let count = 0; count < things.length; count++) {
      if (this.#next >= things.length) this.#next = 0;
      const thing = things[this.#next++] as Thing;
      if (!this.#kind.hasWork(thing)) continue;
      if (Number.isNaN(before)) before = this.#clock.now();
      this.#kind.work(thing, this.#limit);
      const after = this.#clock.now();
      this.#adapt(after - before);
      before = after;
      result = 'worked';
      if (after >= end) return 'time is over';
    }
    return result;
  }

  #adapt(milliseconds: number): void {
    if (milliseconds > LONG_PORTION) this.#limit = Math.max(LEAST_LIMIT, this.#limit >> 1);
    else if (milliseconds < SHORT_PORTION) this.#limit = Math.min(LARGEST_LIMIT, this.#limit * 2);
  }
}
