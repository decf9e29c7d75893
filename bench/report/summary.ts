import type { DaemonName } from '../daemons/daemon.ts';
import type { Measurement } from '../scenarios/scenario.ts';
import { median, percentile } from './statistics.ts';

/** All rounds of one daemon in one scenario. */
export interface DaemonRounds {
  readonly daemon: DaemonName;
  readonly rounds: readonly Measurement[];
  /** Why rounds failed. */
  readonly failures: readonly string[];
}

/** All rounds of one scenario. */
export interface ScenarioRounds {
  readonly scenario: string;
  readonly text: string;
  readonly daemons: readonly DaemonRounds[];
  /** Daemons that do not take part, and why. */
  readonly without: Readonly<Record<string, string>>;
}

/** What is compared. Times of updates and starts are in milliseconds, all others in seconds and bytes. */
export type Metric =
  | 'seconds'
  | 'cpuSeconds'
  | 'settledBytes'
  | 'peakBytes'
  | 'longestTurn'
  | 'p50'
  | 'p99'
  | 'start'
  | 'worstStart';

/** One number for each metric that was measured. */
export type Summary = Partial<Readonly<Record<Metric, number>>>;

/**
 * The numbers of a scenario and daemon: the median over the rounds, of percentiles too. Of all that is for the worst
 * case, turns and starts, the worst.
 */
export function summarize(rounds: readonly Measurement[]): Summary {
  const each = (pick: (round: Measurement) => number | undefined): number[] =>
    rounds.map(pick).filter((value) => value !== undefined);
  const latencies = (share: number): number[] =>
    each((round) => round.latencies && percentile(round.latencies, share));
  const starts = rounds.flatMap((round) => round.starts ?? []);
  const all: Record<Metric, readonly number[]> = {
    seconds: each((round) => round.seconds),
    cpuSeconds: each((round) => round.cpuSeconds),
    settledBytes: each((round) => round.settledBytes),
    peakBytes: each((round) => round.peakBytes),
    longestTurn: each((round) => round.longestTurn),
    p50: latencies(0.5),
    p99: latencies(0.99),
    start: starts,
    worstStart: starts,
  };
  const worst = new Set(['longestTurn', 'worstStart']);
  return Object.fromEntries(
    Object.entries(all)
      .filter(([, values]) => values.length > 0)
      .map(([metric, values]) => [metric, worst.has(metric) ? Math.max(...values) : median(values)]),
  );
}

/** The numbers of all daemons in a scenario that have any. */
export type Comparison = ReadonlyMap<DaemonName, Summary>;

/** Numbers of those daemons of a scenario for which a round succeeded. */
export function compare({ daemons }: ScenarioRounds): Comparison {
  return new Map(
    daemons
      .filter(({ rounds }) => rounds.length > 0)
      .map(({ daemon, rounds }) => [daemon, summarize(rounds)]),
  );
}

/** Ours. */
export const OURS: DaemonName = 'openpe';

/** The best of the other daemons in one metric. */
export interface Best {
  readonly daemon: DaemonName;
  readonly value: number;
}

/** The other daemon with the least; undefined when none was measured. */
export function bestOther(comparison: Comparison, metric: Metric): Best | undefined {
  let best: Best | undefined;
  for (const [daemon, summary] of comparison) {
    const value = summary[metric];
    if (daemon !== OURS && value !== undefined && !(best && best.value <= value)) best = { daemon, value };
  }
  return best;
}

/**
 * What a daemon's number is compared with: ours with the best of the others, those with ours. The ratio is undefined
 * when either is missing.
 */
export function ratioOf(comparison: Comparison, daemon: DaemonName, metric: Metric): number | undefined {
  const value = comparison.get(daemon)?.[metric];
  const base = daemon === OURS ? bestOther(comparison, metric)?.value : comparison.get(OURS)?.[metric];
  return value === undefined || base === undefined || base === 0 ? undefined : value / base;
}
