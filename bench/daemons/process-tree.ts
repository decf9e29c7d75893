import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonProcess } from '../../test/interop/network/daemon-process.ts';
import type { DaemonPlan, RunningDaemon } from './daemon.ts';

/** Open files that every daemon may have: enough for a thousand sessions, and no more tables than that. */
const OPEN_FILES = 16_384;

/**
 * Starts a program in the plan's namespace, with its output in a file of the plan's directory, which exists. It ends
 * with this process; so do the daemons' children, which notice that their parent is gone.
 */
export function startProgram(plan: DaemonPlan, name: string, command: readonly string[]): RunningDaemon {
  const log = join(plan.directory, `${name}.log`);
  return new ProcessTree(
    new DaemonProcess(plan.namespace, log, 'prlimit', `--nofile=${OPEN_FILES}:${OPEN_FILES}`, ...command),
  );
}

class ProcessTree implements RunningDaemon {
  readonly #main: DaemonProcess;

  constructor(main: DaemonProcess) {
    this.#main = main;
  }

  get running(): boolean {
    return this.#main.running;
  }

  pids(): readonly number[] {
    const { pid, running } = this.#main;
    return pid === undefined || !running ? [] : withDescendants(pid);
  }

  log(): string {
    return this.#main.log();
  }

  async stop(): Promise<void> {
    const started = new Map(this.pids().map((pid) => [pid, startTime(pid)]));
    await this.#main.stop();
    for (const [pid, time] of started) {
      // The number could be another process's by now.
      if (time !== undefined && startTime(pid) === time) process.kill(pid, 'SIGKILL');
    }
  }
}

function withDescendants(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap((child) => withDescendants(child))];
}

/** Children of all threads of a process (proc(5), task/TID/children). */
function childrenOf(pid: number): number[] {
  const tasks = `/proc/${pid}/task`;
  return ifThere(() => readdirSync(tasks), []).flatMap((task) => {
    const text = ifThere(() => readFileSync(`${tasks}/${task}/children`, 'utf8'), '');
    return (text.match(/\d+/g) ?? []).map(Number);
  });
}

/** Field 22 of stat (proc(5)): with the process id it names a process for good. */
function startTime(pid: number): string | undefined {
  const text = ifThere(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

/** What is read of a process that may end at any moment. */
function ifThere<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
