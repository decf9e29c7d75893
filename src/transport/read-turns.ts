// Hot: runs once per read of every connection.

/** A connection whose reading can be held up for a moment. */
export interface HeldReader {
  holdReading(): void;
  releaseReading(): void;
}

/** Milliseconds of reading after which timers and other sockets get their turn. */
const TURN_TIME = 5;

/** One function for all instances: code that was compiled for one is good for the next. */
const monotonicTime = (): number => performance.now();

/**
 * Keeps reading from blocking the event loop. The loop serves every socket that has bytes before it
 * looks at a timer again, and drains up to 32 buffers of each; when that has taken more than
 * {@link TURN_TIME}, all readers are held until the loop has come round. Whoever has waited longest
 * reads first then.
 */
export class ReadTurns {
  /** In the order of their last read. */
  readonly #readers = new Set<HeldReader>();
  readonly #now: () => number;
  readonly #afterThisTurn: (callback: () => void) => void;
  #turnStart: number | undefined;
  #held = false;

  /** `now`: milliseconds; `afterThisTurn`: `setImmediate`. */
  constructor(
    now: () => number = monotonicTime,
    afterThisTurn: (callback: () => void) => void = setImmediate,
  ) {
    this.#now = now;
    this.#afterThisTurn = afterThisTurn;
  }

  add(reader: HeldReader): void {
    this.#readers.add(reader);
    if (this.#held) reader.holdReading();
  }

  remove(reader: HeldReader): void {
    this.#readers.delete(reader);
  }

  /** Called before a read is handed on. */
  beginRead(reader: HeldReader): void {
    this.#readers.delete(reader);
    this.#readers.add(reader);
    if (this.#turnStart !== undefined) return;
    this.#turnStart = this.#now();
    this.#afterThisTurn(this.#endTurn);
  }

  /** Called after a read was handed on. */
  endRead(): void {
    if (this.#held || this.#turnStart === undefined || this.#now() - this.#turnStart < TURN_TIME) return;
    this.#held = true;
    for (const reader of this.#readers) reader.holdReading();
  }

  #isHeld(): boolean {
    return this.#held;
  }

  readonly #endTurn = (): void => {
    this.#turnStart = undefined;
    if (!this.#held) return;
    this.#held = false;
    for (const reader of [...this.#readers]) {
      // What was kept of the last turn has taken all of this one: the others wait on.
      if (this.#isHeld()) return;
      reader.releaseReading();
    }
  };
}
