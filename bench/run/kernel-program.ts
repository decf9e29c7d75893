import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KernelResult } from '../report/kernel-table.ts';

const PROGRAM = fileURLToPath(new URL('../scenarios/kernel.js', import.meta.url));

/** Whether the program that measures the way into the kernel is there. */
export function hasKernelProgram(): boolean {
  return existsSync(PROGRAM);
}

let stopPresent = (): void => {};

/**
 * Measures how routes get into the kernel, with a program that makes its own networks and prints what it does.
 *
 * @throws Error when it fails
 */
export async function measureKernel(rounds: number): Promise<readonly KernelResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'openpe-bench-'));
  try {
    const results = join(directory, 'results.json');
    const env = { ...process.env, RESULTS: results, ROUNDS: String(rounds) };
    const child = spawn(process.execPath, [PROGRAM], { stdio: 'inherit', env });
    stopPresent = () => child.kill('SIGTERM');
    const status = await new Promise<string | undefined>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(code === 0 ? undefined : (signal ?? `status ${code}`)));
    });
    if (status !== undefined) throw new Error(`the program ended with ${status}`);
    return JSON.parse(readFileSync(results, 'utf8')) as readonly KernelResult[];
  } finally {
    stopPresent = () => {};
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Asks the program to end, if it runs. */
export function stopKernelProgram(): void {
  stopPresent();
}
