import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { inNamespace } from './commands.ts';

const START_MILLISECONDS = 15_000;
const STOP_MILLISECONDS = 2000;

/** A daemon in the foreground, in a namespace, with its output in a file. It never outlives this process. */
export class DaemonProcess {
  readonly logFile: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #failure: string | undefined;

  constructor(namespace: string, logFile: string, program: string, ...args: readonly string[]) {
    this.logFile = logFile;
    const log = openSync(logFile, 'a');
    const command = ['--pdeathsig', 'KILL', ...inNamespace(namespace, program, ...args)];
    this.#process = spawn('setpriv', command, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#ended = new Promise((resolve) => {
      this.#process.once('error', (error) => {
        this.#failure = error.message;
        resolve();
      });
      this.#process.once('exit', () => resolve());
    });
  }

  /** Process id; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  get running(): boolean {
    return (
      this.#failure === undefined && this.#process.exitCode === null && this.#process.signalCode === null
    );
  }

  /** Exit status; undefined while it runs and when a signal ended it. */
  get exitStatus(): number | undefined {
    return this.#process.exitCode ?? undefined;
  }

  /** Waits until a question to it is answered; throws when it ends before. */
  async answers(name: string, ask: () => Promise<unknown>): Promise<void> {
    const deadline = performance.now() + START_MILLISECONDS;
    for (;;) {
      try {
        await ask();
        return;
      } catch (error) {
        const late = performance.now() > deadline;
        if (!this.running || late) throw new Error(`${name} did not start: ${this.log()}`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The end of what it printed. */
  log(lines = 60): string {
    return readFileSync(this.logFile, 'utf8').split('\n').slice(-lines).join('\n');
  }

  /** Freezes it: its connections stay, and nothing is said on them. */
  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  /** Lets it go on after {@link freeze}. */
  thaw(): void {
    this.#process.kill('SIGCONT');
  }

  /** Asks it to end, and ends it when it does not. */
  async stop(): Promise<void> {
    if (!this.running) return;
    this.#process.kill('SIGTERM');
    this.#process.kill('SIGCONT');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MILLISECONDS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Ends it without warning. */
  async kill(): Promise<void> {
    if (!this.running) return;
    this.#process.kill('SIGKILL');
    await this.#ended;
  }
}
