/** Source of randomness: numbers in [0, 1). */
export type RandomSource = () => number;

/** A time that is spread over 75 % to 100 % of itself, so that peers do not act in step (RFC 4271 §10). */
export function jittered(milliseconds: number, random: RandomSource): number {
  return milliseconds * (0.75 + 0.25 * random());
}

/** First wait after something failed, in milliseconds. */
const FIRST_DELAY = 1000;

/**
 * Waits that double with every failure in a row, each with the jitter of RFC 4271 §10:
 * the IdleHold time of the damping that §8.1 allows, and the quick first attempts to connect.
 */
export class RetryBackoff {
  readonly #longest: number;
  readonly #random: RandomSource;
  #failures = 0;

  /** `longest`: milliseconds that no wait is longer than. */
  constructor(longest: number, random: RandomSource) {
    this.#longest = longest;
    this.#random = random;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure and gives the milliseconds to wait after it. */
  next(): number {
    const delay = Math.min(this.#longest, FIRST_DELAY * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    return jittered(delay, this.#random);
  }

  /** What was tried worked. */
  reset(): void {
    this.#failures = 0;
  }
}
