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
    if (milliseconds > LONGEST_TIMEOUT) return longTimer(milliseconds, fire);
    const handle = setTimeout(fire, milliseconds);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Milliseconds. Node.js lets a longer one fire at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

function longTimer(milliseconds: number, fire: () => void): Timer {
  const end = systemClock.now() + milliseconds;
  const wait = (): Timer => {
    const left = Math.max(0, end - systemClock.now());
    return left > LONGEST_TIMEOUT
      ? systemClock.setTimer(LONGEST_TIMEOUT, () => {
          timer = wait();
        })
      : systemClock.setTimer(left, fire);
  };
  let timer = wait();
  return { cancel: () => timer.cancel() };
}
