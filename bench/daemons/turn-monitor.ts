import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/*
 * Loaded into our daemon by `--import`: tells the longest turn of its event loop. At SIGUSR2 it writes the longest
 * one since the last SIGUSR2, in milliseconds, to the file that TURN_MONITOR names.
 */

const file = process.env.TURN_MONITOR;
/** Milliseconds between two looks: as much of each turn is not its own. */
const RESOLUTION = 2;

if (file !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  histogram.enable();
  process.on('SIGUSR2', () => {
    writeFileSync(`${file}.new`, String(Math.max(0, histogram.max / 1e6 - RESOLUTION)));
    renameSync(`${file}.new`, file);
    histogram.reset();
  });
}
