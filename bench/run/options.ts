import type { DaemonName } from '../daemons/daemon.ts';
import { SCENARIOS } from '../scenarios/all.ts';

/** The scenario that is a program of its own. */
export const KERNEL_SCENARIO = 'kernel';

/** All daemons, ours first: as they stand in the tables. */
export const DAEMONS: readonly DaemonName[] = ['openpe', 'bird', 'bird3', 'frr', 'gobgp', 'openbgpd'];

/** What is to be measured. */
export interface BenchOptions {
  /** Names of scenarios, in their order. */
  readonly scenarios: readonly string[];
  readonly daemons: readonly DaemonName[];
  /** Whether the daemons were asked for by name: then they have to be there. */
  readonly daemonsNamed: boolean;
  readonly rounds: number;
  /** Name of the result files, without what follows the dot. */
  readonly report: string;
}

/**
 * Reads SCENARIOS, DAEMONS, ROUNDS and REPORT.
 *
 * @throws TypeError when one of them names something that is not there
 */
export function readOptions(environment: Readonly<Record<string, string | undefined>>): BenchOptions {
  const scenarios = [...SCENARIOS.map(({ name }) => name), KERNEL_SCENARIO];
  const rounds = Number(environment.ROUNDS || 3);
  if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError('ROUNDS is no number of rounds');
  const daemonNames = words(environment.DAEMONS);
  return {
    scenarios: chosen('SCENARIOS', words(environment.SCENARIOS), scenarios),
    daemons: chosen('DAEMONS', daemonNames, DAEMONS),
    daemonsNamed: daemonNames.length > 0,
    rounds,
    report: environment.REPORT || 'results',
  };
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/[\s,]+/).filter((word) => word !== '');
}

/** Those of `all` that are in `names`; all of them when that is empty. */
function chosen<T extends string>(what: string, names: readonly string[], all: readonly T[]): readonly T[] {
  const wrong = names.find((name) => !all.some((one) => one === name));
  if (wrong !== undefined) throw new TypeError(`${what}: there is no ${wrong}; there are ${all.join(', ')}`);
  return names.length === 0 ? all : all.filter((one) => names.includes(one));
}
