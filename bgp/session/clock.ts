/** A timer that was set. */
export interface Timer {
  /** Nothing happens afterwards; also fine when it has fired. */
  cancel(): void;
}

/** Time as the protocol sees it; passed in, so that tests can move it by hand. */
export interface Clock {
  /** Milliseconds that only ever grow; their zero means nothing. */
  now(): number;
  /** Wall-clock time in milliseconds since 1970, for people to read. */
  wallTime(): number;
  /** Calls `fire` once after `milliseconds`. */
  setTimer(milliseconds: number, fire: () => void): Timer;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer(milliseconds, fire) {
    const handle = setTimeout(fire, milliseconds);
    return { cancel: () => clearTimeout(handle) };
  },
};
