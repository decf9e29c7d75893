import { appendFileSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/*
 * Loaded into the daemon before its own code (`node --import`). From one SIGUSR2 to the next it watches how long the event
 * loop's turns take and appends a line to the file that OBSERVER_FILE names; with OBSERVER_PROFILE, the
 * name of a directory, it writes a CPU profile of that time there too. Otherwise it does nothing.
 */

/** A line of the file: milliseconds of a turn at most, and how long the watch was. */
export interface TurnReport {
  readonly longest: number;
  readonly p99: number;
  readonly milliseconds: number;
  /** Processor time of the process meanwhile, all threads. */
  readonly processor: number;
  /** Share of the time in which the event loop was at work. */
  readonly utilization: number;
}

/** Milliseconds between the looks of the watch, which are no part of a turn. */
const RESOLUTION = 1;

const file = process.env.OBSERVER_FILE;
const profiles = process.env.OBSERVER_PROFILE;
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
const inspector = new Session();
let since:
  | { time: number; cpu: NodeJS.CpuUsage; elu: ReturnType<typeof performance.eventLoopUtilization> }
  | undefined;
let count = 0;

function start(): void {
  histogram.reset();
  histogram.enable();
  if (profiles !== undefined) {
    inspector.connect();
    inspector.post('Profiler.enable');
    inspector.post('Profiler.setSamplingInterval', { interval: 500 });
    inspector.post('Profiler.start');
  }
  since = { time: performance.now(), cpu: process.cpuUsage(), elu: performance.eventLoopUtilization() };
}

function stop({ time, cpu, elu }: NonNullable<typeof since>): void {
  histogram.disable();
  const milliseconds = performance.now() - time;
  const { user, system } = process.cpuUsage(cpu);
  const report: TurnReport = {
    longest: histogram.max / 1e6 - RESOLUTION,
    p99: histogram.percentile(99) / 1e6 - RESOLUTION,
    milliseconds,
    processor: (user + system) / 1000,
    utilization: performance.eventLoopUtilization(elu).utilization,
  };
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(report)}\n`);
  const number = ++count;
  if (profiles === undefined) return;
  inspector.post('Profiler.stop', (error, result) => {
    if (error === null)
      writeFileSync(`${profiles}/turns-${number}.cpuprofile`, JSON.stringify(result.profile));
    inspector.disconnect();
  });
}

process.on('SIGUSR2', () => {
  if (since === undefined) start();
  else {
    stop(since);
    since = undefined;
  }
});
