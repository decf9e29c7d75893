import type { JobResult } from '../machine/lab-machine.ts';

/** Where the narration goes, a line at a time. */
export type Print = (line: string) => void;

/** What a shown command has to come to. */
export interface Expectation {
  /** In words, for the person who watches. */
  readonly expected: string;
  /** Exit status; 0 when not given. */
  readonly status?: number;
  /** All of these must match the output. */
  readonly matches?: readonly RegExp[];
}

/** Lines of a command that are shown. */
const SHOWN_LINES = 12;

/** Tells the story of a run: titles, commands with what they printed, and whether that was right. */
export class Narrator {
  readonly #print: Print;
  readonly #start = performance.now();
  #unexpected = 0;

  constructor(print: Print) {
    this.#print = print;
  }

  /** Steps that did not come to what was expected. */
  get unexpected(): number {
    return this.#unexpected;
  }

  /** Seconds since the narration began. */
  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** Begins a chapter. */
  title(text: string): void {
    this.#print('');
    this.#print(`== ${text}`);
  }

  /** Says something about what goes on. */
  say(text: string): void {
    this.#print(`   ${text}`);
  }

  /** Shows a command, what it printed, and the verdict. */
  command(command: string, result: JobResult, expectation: Expectation): void {
    this.#print('');
    const lines = command.split('\n');
    for (const [index, line] of lines.slice(0, SHOWN_LINES).entries())
      this.#print(`${index === 0 ? '$' : ' '} ${line}`);
    if (lines.length > SHOWN_LINES) this.#print(`  ... (${lines.length - SHOWN_LINES} more lines)`);
    const output = `${result.stdout}${result.stderr}`.trim();
    if (output !== '') for (const line of output.split('\n')) this.#print(`  ${line}`);
    const status = expectation.status ?? 0;
    const asExpected =
      result.status === status && (expectation.matches ?? []).every((pattern) => pattern.test(output));
    this.verdict(asExpected, expectation.expected, `status ${result.status}`);
  }

  /** Says whether something came as expected, and what was found if not. */
  verdict(asExpected: boolean, expected: string, found: string): void {
    if (asExpected) {
      this.#print(`  -> as expected: ${expected}`);
    } else {
      this.#unexpected++;
      this.#print(`  -> NOT AS EXPECTED: ${expected}; found: ${found}`);
    }
  }
}
