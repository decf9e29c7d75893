import type { RouteFailure } from '../route-table.ts';

/** Failures that one list names; the counters count all of them. */
export const REPORTED_FAILURES = 1000;

const LAST_NUMBER = 0xffff;

/** Collects the failures of one flush, up to {@link REPORTED_FAILURES}. */
export class FailureList {
  readonly list: RouteFailure[] = [];
  /** All failures, also those the list has no room for. */
  count = 0;

  add(failure: RouteFailure): void {
    this.count++;
    if (this.list.length < REPORTED_FAILURES) this.list.push(failure);
  }

  /** True when a further failure would only be counted. */
  get full(): boolean {
    return this.list.length >= REPORTED_FAILURES;
  }
}

/** Gives reasons, of which there are few, numbers that fit a column. Number 0 is no reason. */
export class FailureReasons {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [''];

  /** Number of a text; once all 65,535 are used, the last one's. */
  number(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = Math.min(this.#texts.length, LAST_NUMBER);
    this.#texts[number] = text;
    this.#numbers.set(text, number);
    if (this.#numbers.size > LAST_NUMBER * 2) this.#numbers.clear();
    return number;
  }

  text(number: number): string {
    return this.#texts[number] ?? '';
  }
}
