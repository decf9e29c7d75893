import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { chooseKernel, type KernelChoice } from './kernel-choice.ts';
import { memoryDirectory, prepareUserModeLinux } from './user-mode-linux.ts';

/** What a script in the guest came to. */
export interface JobResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A script in the guest that ended with another status than 0. */
export class JobFailed extends Error {
  override readonly name = 'JobFailed';
  readonly script: string;
  readonly result: JobResult;

  constructor(script: string, result: JobResult) {
    super(`status ${result.status} of\n${script.trim()}\n${(result.stderr || result.stdout).trim()}`);
    this.script = script;
    this.result = result;
  }
}

/** The guest did not start, or went away. */
export class GuestLost extends Error {
  override readonly name = 'GuestLost';
}

/** How to start a guest. */
export interface BootOptions {
  /** Directory of the repository; it is `/run/repository` in the guest. */
  readonly repository: string;
  /** Gives the guest this process's terminal, for {@link LabMachine.shell}. */
  readonly terminal?: boolean;
  /** Megabytes of memory of a User-Mode Linux guest. */
  readonly memory?: number;
  /** The kernel to take; by default it is chosen. */
  readonly kernel?: KernelChoice;
  /** Is told what is worth telling a person. */
  readonly log?: (line: string) => void;
}

/** Options of one script. */
export interface JobOptions {
  /** Seconds after which the script is ended, 60 by default. */
  readonly timeout?: number;
}

const BOOT_SECONDS = 60;
const STOP_SECONDS = 10;

/**
 * A machine of its own for one run of the lab: a User-Mode Linux guest, or fresh mount, process and
 * network namespaces on the running kernel. Scripts are carried out in it as root, several at a time.
 * Nothing that happens in it touches the machine outside, and it ends with the process that made it.
 */
export class LabMachine {
  /** Shared directory: this path outside, `/run/lab` inside. */
  readonly directory: string;
  readonly choice: KernelChoice;
  readonly #process: ChildProcess;
  readonly #channel: Duplex;
  readonly #waiting = new Map<number, (status: number | undefined) => void>();
  readonly #ready: Promise<void>;
  #nextJob = 1;
  #lost: string | undefined;

  private constructor(directory: string, choice: KernelChoice, child: ChildProcess, channel: Duplex) {
    this.directory = directory;
    this.choice = choice;
    this.#process = child;
    this.#channel = channel;
    this.#ready = this.#listen();
    this.#ready.catch(() => undefined);
  }

  /**
   * Starts a guest and waits until it takes scripts.
   *
   * @throws UserModeLinuxError, GuestLost
   */
  static async boot(options: BootOptions): Promise<LabMachine> {
    const log = options.log ?? (() => undefined);
    if (process.getuid?.() !== 0) throw new GuestLost('the lab needs root: start it with sudo');
    const choice = options.kernel ?? chooseKernel();
    log(
      `kernel: ${choice.kernel === 'uml' ? "Debian's user-mode-linux" : 'the running one'}: ${choice.reason}`,
    );
    const directory = mkdtempSync(join(tmpdir(), 'openpe-lab-'));
    mkdirSync(join(directory, 'jobs'));
    copyFileSync(join(options.repository, 'test/lab/machine/agent.sh'), join(directory, 'agent.sh'));
    const environment = { LAB_REPOSITORY: options.repository, LAB_NODE: process.execPath };
    const assignments = Object.entries(environment).map(([name, value]) => `${name}=${shellWord(value)}\n`);
    writeFileSync(join(directory, 'environment'), assignments.join(''));
    const child =
      choice.kernel === 'uml' ? startUserModeLinux(directory, options, log) : startNamespaces(directory);
    const channel = child.stdio[3] as Duplex;
    const machine = new LabMachine(directory, choice, child, channel);
    const timer = setTimeout(() => machine.#lose(`not ready after ${BOOT_SECONDS} s`), BOOT_SECONDS * 1000);
    try {
      await machine.#ready;
    } catch (error) {
      machine.#kill();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    return machine;
  }

  /** Runs a bash script in the guest and gives what it came to, whatever that is. */
  async attempt(script: string, options: JobOptions = {}): Promise<JobResult> {
    if (this.#lost !== undefined) throw new GuestLost(this.#lost);
    const id = this.#nextJob++;
    const file = join(this.directory, 'jobs', String(id));
    writeFileSync(`${file}.body`, `${script}\n`);
    writeFileSync(`${file}.sh`, `exec timeout ${options.timeout ?? 60} bash /run/lab/jobs/${id}.body\n`);
    const status = await new Promise<number | undefined>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#channel.write(`${id}\n`);
    });
    if (status === undefined) throw new GuestLost(`${this.#lost ?? 'guest ended'} during\n${script}`);
    return {
      status,
      stdout: readFileSync(`${file}.out`, 'utf8'),
      stderr: readFileSync(`${file}.err`, 'utf8'),
    };
  }

  /**
   * Runs a bash script in the guest and gives its standard output.
   *
   * @throws JobFailed when its status is not 0
   */
  async run(script: string, options: JobOptions = {}): Promise<string> {
    const result = await this.attempt(script, options);
    if (result.status !== 0) throw new JobFailed(script, result);
    return result.stdout;
  }

  /** An interactive bash in the guest, on this process's terminal, until it is left. Needs `terminal: true`. */
  async shell(startupFile: string): Promise<void> {
    writeFileSync(join(this.directory, 'shell.rc'), startupFile);
    const bash = ['bash', '--rcfile', '/run/lab/shell.rc', '-i'];
    if (this.choice.kernel === 'uml') {
      const terminal = `TERM=${shellWord(process.env.TERM ?? 'linux')} setsid -c`;
      await this.attempt(`${terminal} ${bash.join(' ')} <>/dev/tty1 >&0 2>&0`, { timeout: 24 * 3600 });
      return;
    }
    const first = readFileSync(
      `/proc/${this.#process.pid}/task/${this.#process.pid}/children`,
      'utf8',
    ).trim();
    const namespaces = ['--mount', '--net', '--pid', '--uts'];
    const shell = spawn('nsenter', ['--target', first, ...namespaces, ...bash], { stdio: 'inherit' });
    await new Promise((resolve) => shell.once('exit', resolve));
  }

  /** Ends the guest and removes what it left outside. */
  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
      this.#channel.write('stop\n');
      const timer = setTimeout(() => this.#kill(), STOP_SECONDS * 1000);
      await ended;
      clearTimeout(timer);
    }
    this.#kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      createInterface({ input: this.#channel }).on('line', (line) => {
        if (line === 'ready') return resolve();
        const [id, status] = line.split(' ').map(Number);
        if (id === undefined || status === undefined) return;
        this.#waiting.get(id)?.(status);
        this.#waiting.delete(id);
      });
      this.#channel.on('error', () => undefined);
      this.#process.once('error', (error) => this.#lose(error.message));
      this.#process.once('exit', (code, signal) =>
        this.#lose(`guest ended with ${signal ?? `status ${code}`}`),
      );
      this.#waiting.set(0, () => reject(new GuestLost(`${this.#lost}\n${this.#console()}`)));
    });
  }

  #lose(reason: string): void {
    this.#lost ??= reason;
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }

  /** The end of what the guest's kernel printed. */
  #console(): string {
    return readFileSync(join(this.directory, 'console.log'), 'utf8').split('\n').slice(-30).join('\n');
  }

  /** Ends all processes of the guest: they are a process group of their own. */
  #kill(): void {
    if (this.#process.pid === undefined) return;
    try {
      process.kill(-this.#process.pid, 'SIGKILL');
    } catch {
      // All of them have ended already.
    }
  }
}

/** Quotes a word for a POSIX shell. */
export function shellWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function startUserModeLinux(
  directory: string,
  options: BootOptions,
  log: (line: string) => void,
): ChildProcess {
  const program = prepareUserModeLinux(directory);
  if (program.note !== undefined) log(program.note);
  const memory = options.memory ?? 2048;
  const args = [
    `mem=${memory}M`,
    'root=/dev/root',
    'rootfstype=hostfs',
    'rootflags=/',
    'ro',
    `init=${directory}/agent.sh`,
    `LAB_DIR=${directory}`,
    'LAB_KERNEL=uml',
    'con=null',
    'con0=null,fd:1',
    'ssl=null',
    'ssl0=fd:3,fd:3',
    'quiet',
  ];
  if (options.terminal) args.push('con1=fd:4,fd:5');
  // A process namespace of its own, so that none of UML's processes outlives the first of them.
  const command = ['unshare', '--pid', '--fork', '--kill-child', 'sh', '-c', '"$0" "$@"; exit $?'];
  const env = { ...process.env, TMPDIR: memoryDirectory(memory * 1024 * 1024) };
  return startGuest(directory, [...command, program.path, ...args], env, options.terminal ? [0, 1] : []);
}

function startNamespaces(directory: string): ChildProcess {
  const command = ['unshare', '--mount', '--net', '--pid', '--uts', '--fork', '--kill-child', '--mount-proc'];
  return startGuest(directory, [...command, 'bash', `${directory}/agent.sh`], {
    ...process.env,
    LAB_DIR: directory,
    LAB_KERNEL: 'running',
  });
}

function startGuest(
  directory: string,
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  terminal: readonly number[] = [],
): ChildProcess {
  const output = openSync(join(directory, 'console.log'), 'w');
  // A guest whose maker is gone is no use to anyone.
  return spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
    env,
    detached: true,
    stdio: ['ignore', output, output, 'pipe', ...terminal],
  });
}
