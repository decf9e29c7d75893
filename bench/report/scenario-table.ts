import type { DaemonName } from '../daemons/daemon.ts';
import { verdictsOf } from './bars.ts';
import { type Comparison, compare, type Metric, OURS, ratioOf, type ScenarioRounds } from './summary.ts';
import type { Table } from './table.ts';
import { valueText } from './values.ts';

/** A metric's column, and whether one with its ratio follows. */
const COLUMNS: readonly { readonly metric: Metric; readonly head: string; readonly ratio: boolean }[] = [
  { metric: 'start', head: 'median start', ratio: true },
  { metric: 'worstStart', head: 'worst start', ratio: false },
  { metric: 'seconds', head: 'time', ratio: true },
  { metric: 'cpuSeconds', head: 'CPU', ratio: true },
  { metric: 'p50', head: 'p50', ratio: true },
  { metric: 'p99', head: 'p99', ratio: true },
  { metric: 'settledBytes', head: 'settled', ratio: true },
  { metric: 'peakBytes', head: 'peak', ratio: true },
  { metric: 'longestTurn', head: 'longest turn', ratio: false },
];

/** What the columns `×` mean. */
export const RATIO_LEGEND =
  `× behind a number: ${OURS}'s is divided by the best of the others in that column, those of the others by ${OURS}'s. ` +
  'Medians over the rounds; worst start and longest turn are the worst of all.';

/** How the daemons did in one scenario; `names`: what people call the daemons. */
export function scenarioTable(
  scenario: ScenarioRounds,
  names: Readonly<Partial<Record<DaemonName, string>>>,
): Table {
  const comparison = compare(scenario);
  const columns = COLUMNS.filter(({ metric }) => someHas(comparison, metric));
  const head = ['', ...columns.flatMap(({ head: word, ratio }) => (ratio ? [word, '×'] : [word]))];
  const rows = [...comparison.keys()].map((daemon) => [
    names[daemon] ?? daemon,
    ...columns.flatMap(({ metric, ratio }) => {
      const value = comparison.get(daemon)?.[metric];
      const text = value === undefined ? '' : valueText(metric, value);
      return ratio ? [text, ratioOf(comparison, daemon, metric)?.toFixed(2) ?? ''] : [text];
    }),
  ]);
  const verdicts = verdictsOf(scenario.scenario, comparison).map(({ text, holds }) => {
    const word = holds === undefined ? '' : holds ? ' - holds' : ' - DOES NOT HOLD';
    return `bar: ${text}${word}`;
  });
  const without = Object.entries(scenario.without).map(([daemon, why]) => `without ${daemon}: ${why}`);
  const failures = scenario.daemons.flatMap(({ daemon, failures: whys }) =>
    whys.map((why) => `FAILED: ${daemon}: ${why.split('\n')[0]}`),
  );
  return {
    title: `${scenario.scenario}: ${scenario.text}`,
    head,
    rows,
    notes: [...verdicts, ...without, ...failures],
  };
}

function someHas(comparison: Comparison, metric: Metric): boolean {
  return [...comparison.values()].some((summary) => summary[metric] !== undefined);
}
