import { readdirSync, readFileSync } from 'node:fs';

/** Ticks per second of /proc/PID/stat. */
const TICKS = 100;

/** Processor time in seconds that processes have used so far, in the kernel too. */
export function processorSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (exactSeconds(pid) ?? tickedSeconds(pid)), 0);
}

/** By the scheduler's own account, of all threads; undefined where the kernel keeps none. */
function exactSeconds(pid: number): number | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const times = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
    );
    return times.reduce((sum, time) => sum + time, 0) / 1e9;
  } catch {
    return undefined;
  }
}

function tickedSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
