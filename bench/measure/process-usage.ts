import { readFileSync, writeFileSync } from 'node:fs';

/** Clock ticks per second in proc(5): 100 on all of Linux's platforms. */
const TICKS = 100;

/** CPU time in seconds, user and system, of all threads of some processes, also of threads that have ended. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS;
  }, 0);
}

/** Resident memory of some processes in bytes, now and at its most since {@link resetPeakMemory}. */
export function residentMemory(pids: readonly number[]): { readonly now: number; readonly peak: number } {
  const sum = { now: 0, peak: 0 };
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    sum.now += kilobytes(status, 'VmRSS') * 1024;
    sum.peak += kilobytes(status, 'VmHWM') * 1024;
  }
  return sum;
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN);
}

/** Makes the present resident memory the peak (proc(5), clear_refs). */
export function resetPeakMemory(pids: readonly number[]): void {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}
