import { afterEach, beforeEach } from 'vitest';
import { missingForNamespaces } from '../network/requirements.ts';
import { DaemonUnderLoad } from './daemon-under-load.ts';

/** A million bytes. */
export const MB = 1e6;

/** Tests of one daemon at a time, which ends with its test. Without what a namespace needs they are skipped, with the reason. */
export function daemonUnderLoad(): (neighbors: number) => Promise<DaemonUnderLoad> {
  const missing = missingForNamespaces();
  let lab: DaemonUnderLoad | undefined;
  const remove = async (): Promise<void> => {
    await lab?.remove();
    lab = undefined;
  };
  beforeEach(({ onTestFailed, skip }) => {
    skip(missing !== undefined, missing);
    onTestFailed(() => {
      process.stderr.write(`${lab?.daemon.log() ?? ''}\n`);
    });
  });
  afterEach(remove);
  return async (neighbors) => {
    await remove();
    lab = await DaemonUnderLoad.start(neighbors);
    return lab;
  };
}

/** Prints a figure: `load: peak of resident memory 81.2 MB`. */
export function reportBytes(what: string, bytes: number): void {
  process.stdout.write(`load: ${what} ${(bytes / MB).toFixed(1)} MB\n`);
}

/** A number of a size that can be set for a run by hand. */
export function sizeOf(variable: string, otherwise: number): number {
  return Number(process.env[variable] ?? otherwise);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
