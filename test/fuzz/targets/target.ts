/** A part of the program that takes messages, and what must hold of it whatever they are. */
export interface FuzzTarget {
  readonly name: string;
  /**
   * Takes one message. Gives in short what came of it: a message of which something new comes is changed further.
   *
   * @throws FuzzFailure, or whatever the program throws: a finding in either case
   */
  take(message: Uint8Array): string;
  /** Looks whether all is in order after many messages. Throws {@link FuzzFailure} when it is not. */
  inspect(): void;
}

/** Something that must hold and does not. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
}

/** Throws {@link FuzzFailure} unless `holds`. */
export function must(holds: boolean, what: string): void {
  if (!holds) throw new FuzzFailure(what);
}
