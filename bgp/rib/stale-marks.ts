// Hot: asked for every path that is told again. Columns only; nothing is allocated.
import { growInt32 } from './columns.ts';
import { PathFlag, STALE_MARKS } from './path-table.ts';

/**
 * How many paths of each source are stale, and which mark they were given last. Each time another mark is given: what is
 * about to be removed for an earlier one must not take along what has become stale since.
 */
export class StaleMarks {
  /** By source. */
  #counts = new Int32Array(16);
  /** By source: the place of its last mark among {@link STALE_MARKS}. */
  #turns = new Int32Array(16);

  /** Stale paths of a source. */
  count(source: number): number {
    return this.#counts[source] ?? 0;
  }

  /** Notes that so many paths of a source have become stale, or are so no more. */
  change(source: number, difference: number): void {
    if (source >= this.#counts.length) this.#counts = growInt32(this.#counts, source + 1);
    this.#counts[source] = (this.#counts[source] as number) + difference;
  }

  /** Flags of the paths of a source that are stale by now: each has one of them. */
  flags(source: number): number {
    return (STALE_MARKS[this.#turns[source] ?? 0] as number) | PathFlag.expired;
  }

  /** The flag of {@link STALE_MARKS} for the paths of a source that become stale now. */
  next(source: number): number {
    this.#turns = growInt32(this.#turns, source + 1);
    const turn = ((this.#turns[source] as number) + 1) % STALE_MARKS.length;
    this.#turns[source] = turn;
    return STALE_MARKS[turn] as number;
  }
}
