import type { Clock } from '../../bgp/session/clock.ts';

/** Milliseconds that messages are counted for, and how many of a kind are written in that time. */
const WINDOW = 10_000;
const MOST_MESSAGES = 10;
/** Kinds that are told apart; beyond them, what is known of all is forgotten. */
const MOST_KINDS = 1000;

interface Window {
  readonly since: number;
  written: number;
  left: number;
}

/**
 * Keeps what others can cause at will, a stranger's connections or a peer's errors, from filling the log: of each
 * kind ten messages in ten seconds, the first of the next ten with the number of those left out.
 */
export class LogLimit {
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `write` if a message of this kind may be written now; `leftOut`: how many before it were not. */
  pass(kind: string, write: (leftOut: number) => void): void {
    const now = this.#clock.now();
    const before = this.#windows.get(kind);
    if (before && now - before.since < WINDOW) {
      if (before.written >= MOST_MESSAGES) before.left++;
      else {
        before.written++;
        write(0);
      }
      return;
    }
    if (this.#windows.size >= MOST_KINDS) this.#windows.clear();
    this.#windows.set(kind, { since: now, written: 1, left: 0 });
    write(before?.left ?? 0);
  }
}
