import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonName } from '../daemons/daemon.ts';
import { type Machine, machineText } from '../run/machine.ts';
import { type Verdict, verdictsOf } from './bars.ts';
import { type KernelResult, kernelTable, kernelVerdicts } from './kernel-table.ts';
import { RATIO_LEGEND, scenarioTable } from './scenario-table.ts';
import { compare, type Metric, ratioOf, type ScenarioRounds } from './summary.ts';
import { markdownTable, plainTable, type Table } from './table.ts';

/** All that was measured. */
export interface Results {
  readonly date: Date;
  readonly machine: Machine;
  /** Names with versions of the daemons that were there. */
  readonly versions: Readonly<Partial<Record<DaemonName, string>>>;
  /** Rounds that were asked for. */
  readonly rounds: number;
  readonly scenarios: readonly ScenarioRounds[];
  readonly kernel: readonly KernelResult[];
}

function tablesOf({ scenarios, versions, kernel }: Results): Table[] {
  return [...scenarios.map((scenario) => scenarioTable(scenario, versions)), ...kernel.map(kernelTable)];
}

function allVerdicts({ scenarios, kernel }: Results): Verdict[] {
  return [
    ...scenarios.flatMap((one) => verdictsOf(one.scenario, compare(one))),
    ...kernel.flatMap(kernelVerdicts),
  ];
}

/** How many bars hold, in one sentence. */
function outcome(results: Results): string {
  const verdicts = allVerdicts(results).filter(({ holds }) => holds !== undefined);
  const held = verdicts.filter(({ holds }) => holds);
  return `${held.length} of ${verdicts.length} bars hold; medians of ${results.rounds} round${results.rounds === 1 ? '' : 's'}`;
}

/** For the terminal. */
export function plainReport(results: Results): string {
  const tables = tablesOf(results).map((table) => `${plainTable(table)}\n`);
  return [...tables, RATIO_LEGEND, machineText(results.machine), outcome(results), ''].join('\n');
}

/** For a browser. */
export function markdownReport(results: Results): string {
  const versions = Object.values(results.versions).join(', ');
  const head = [
    '# Results of `make bench`',
    '',
    `${results.date.toISOString()}, on ${machineText(results.machine)}. ${versions}. ${outcome(results)}.`,
    '',
    RATIO_LEGEND,
    '',
  ];
  return [...head, ...tablesOf(results).map(markdownTable)].join('\n');
}

/** For programs: every single measurement, and what was made of them. */
export function jsonReport(results: Results): string {
  const { date, machine, versions, rounds, kernel } = results;
  const scenarios = results.scenarios.map((one) => {
    const comparison = compare(one);
    const daemons = one.daemons.map(({ daemon, rounds: measurements, failures }) => {
      const medians = comparison.get(daemon) ?? {};
      const ratios = Object.fromEntries(
        (Object.keys(medians) as Metric[]).map((metric) => [metric, ratioOf(comparison, daemon, metric)]),
      );
      return { daemon, medians, ratios, failures, measurements };
    });
    const { scenario, text, without } = one;
    return { scenario, text, without, daemons, bars: verdictsOf(scenario, comparison) };
  });
  const all = { date: date.toISOString(), machine, versions, rounds, scenarios, kernel };
  return `${JSON.stringify(all, rounded, 1)}\n`;
}

/** Six digits are more than a measurement has. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

const DIRECTORY = 'out/bench';

/** Writes `name`.md and `name`.json into out/bench. */
export function writeReports(results: Results, name: string): void {
  mkdirSync(DIRECTORY, { recursive: true });
  writeFileSync(join(DIRECTORY, `${name}.md`), markdownReport(results));
  writeFileSync(join(DIRECTORY, `${name}.json`), jsonReport(results));
}
