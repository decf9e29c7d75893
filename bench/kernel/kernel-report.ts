import type { IpVersion } from '../../net/address.ts';
import type { LoadEvent, Measurement } from './load.ts';
import type { TurnReport } from './turn-observer.ts';

/** Names of the contenders in results. */
export const contenderNames = { raw: 'raw', openpe: 'openpe-routerd', frr: 'frr' } as const;

/** One line of the results. */
export interface KernelLine {
  readonly scenario: string;
  readonly contender: string;
  readonly version: IpVersion;
  readonly event: LoadEvent;
  readonly routes: number;
  /** Median, and all rounds in their order: the first one is that of a router that has just started. */
  readonly seconds: { readonly median: number; readonly all: readonly number[] };
  readonly routesPerSecond: number;
  /** By the best round of each: what is left when others on the machine take processor time from the rounds. */
  readonly best: { readonly seconds: number; readonly ratioToRaw: number | undefined };
  /** Rate by that of the raw messages, and by FRR's; undefined when they did not take part. */
  readonly ratioToRaw: number | undefined;
  readonly ratioToFrr: number | undefined;
  /** Median processor time of the router's processes (raw: of the sender), all threads and the work in the kernel. */
  readonly processorSeconds: number;
}

/** All results of a run. */
export interface KernelResult {
  /** `user-mode-linux` or `running`. */
  readonly kernel: string;
  readonly lines: readonly KernelLine[];
  /** Turns of openpe-routerd's event loop in a round of its own, by version and event. */
  readonly turns: readonly (TurnReport & { readonly version: IpVersion; readonly event: LoadEvent })[];
}

/** What {@link summarize} takes. */
export interface KernelMeasurements {
  readonly kernel: string;
  readonly scenario?: string;
  readonly routes: number;
  readonly versions: readonly IpVersion[];
  readonly measurements: readonly Measurement[];
  /** In the order of versions and events. */
  readonly turns: readonly TurnReport[];
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Medians and ratios. */
export function summarize(input: KernelMeasurements): KernelResult {
  const { kernel, routes, measurements, versions, scenario = 'kernel' } = input;
  const events: readonly LoadEvent[] = ['announce', 'withdraw'];
  const lines = measurements.map(({ contender, version, event, seconds, processorSeconds }): KernelLine => {
    const time = median(seconds);
    const timesOf = (name: string): readonly number[] | undefined =>
      measurements.find((one) => one.contender === name && one.version === version && one.event === event)
        ?.seconds;
    const raw = timesOf(contenderNames.raw);
    const frr = timesOf(contenderNames.frr);
    const best = Math.min(...seconds);
    return {
      scenario,
      contender,
      version,
      event,
      routes,
      seconds: { median: time, all: seconds },
      routesPerSecond: Math.round(routes / time),
      best: { seconds: best, ratioToRaw: raw && Math.min(...raw) / best },
      ratioToRaw: raw && median(raw) / time,
      ratioToFrr: frr && median(frr) / time,
      processorSeconds: median(processorSeconds),
    };
  });
  const turns = input.turns.flatMap((turn, index) => {
    const version = versions[Math.floor(index / events.length)];
    const event = events[index % events.length];
    return version === undefined || event === undefined ? [] : [{ version, event, ...turn }];
  });
  return { kernel, lines, turns };
}

function percent(ratio: number | undefined): string {
  return ratio === undefined ? '-' : `${(ratio * 100).toFixed(1)} %`;
}

/** The results as text. */
export function kernelTable({ kernel, lines, turns }: KernelResult): string {
  const head = [
    '',
    'contender',
    'median s',
    'first s',
    'best s',
    'routes/s',
    'of raw',
    'best of raw',
    'of FRR',
    'CPU s',
  ];
  const rows = lines.map((line) => [
    `IPv${line.version} ${line.event}`,
    line.contender,
    line.seconds.median.toFixed(3),
    (line.seconds.all[0] ?? Number.NaN).toFixed(3),
    line.best.seconds.toFixed(3),
    String(line.routesPerSecond),
    percent(line.ratioToRaw),
    percent(line.best.ratioToRaw),
    line.ratioToFrr === undefined ? '-' : `${line.ratioToFrr.toFixed(2)} x`,
    line.processorSeconds.toFixed(2),
  ]);
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => (row[column] ?? '').length)),
  );
  const text = [head, ...rows].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const turnLines = turns.map(
    ({ version, event, longest, p99, processor, milliseconds }) =>
      `turns of openpe-routerd, IPv${version} ${event}: longest ${longest.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms ` +
      `(${(processor / 1000).toFixed(2)} s of processor time in ${(milliseconds / 1000).toFixed(2)} s)`,
  );
  return [`kernel: ${kernel}`, ...text, ...turnLines].join('\n');
}
