import { execFile } from 'node:child_process';

/** A program that ended with another status than 0, with what it said. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly output: string;

  constructor(command: string, output: string) {
    super(`${command}: ${output.trim()}`);
    this.output = output;
  }
}

const LARGEST_OUTPUT = 256 * 1024 * 1024;
const TIMEOUT = 30_000;

/**
 * Runs a program to its end and gives its standard output.
 *
 * @throws CommandFailed
 */
export function run(program: string, ...args: readonly string[]): Promise<string> {
  const options = { maxBuffer: LARGEST_OUTPUT, timeout: TIMEOUT };
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const command = [program, ...args.slice(0, 12)].join(' ');
      reject(new CommandFailed(command, stderr || stdout || error.message));
    });
  });
}

/** Command line that runs a program in a network namespace, as the same process. */
export function inNamespace(namespace: string, program: string, ...args: readonly string[]): string[] {
  return ['nsenter', `--net=/run/netns/${namespace}`, program, ...args];
}

/** Runs a program in a network namespace and gives its standard output. */
export function runIn(namespace: string, program: string, ...args: readonly string[]): Promise<string> {
  const [first = '', ...rest] = inNamespace(namespace, program, ...args);
  return run(first, ...rest);
}
