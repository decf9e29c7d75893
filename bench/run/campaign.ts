import type { DaemonKind, DaemonName } from '../daemons/daemon.ts';
import { type DaemonRounds, type Metric, type ScenarioRounds, summarize } from '../report/summary.ts';
import { valueText } from '../report/values.ts';
import type { Measurement, Scenario } from '../scenarios/scenario.ts';
import { type BenchNetwork, makeNetwork } from './bench-network.ts';
import { runRound, stopRound } from './round-process.ts';

const METRIC_WORDS: Readonly<Record<Metric, string>> = {
  seconds: '',
  cpuSeconds: 'CPU ',
  settledBytes: 'settled ',
  peakBytes: 'peak ',
  longestTurn: 'longest turn ',
  p50: 'p50 ',
  p99: 'p99 ',
  start: 'start ',
  worstStart: 'worst ',
};

/** Rounds of scenarios, one after the other, with what happens printed as it happens. */
export class Campaign {
  readonly #daemons: readonly DaemonKind[];
  readonly #rounds: number;
  readonly #print: (line: string) => void;
  #network: BenchNetwork | undefined;
  #stopped = false;

  /** `daemons`: those that are there. */
  constructor(daemons: readonly DaemonKind[], rounds: number, print: (line: string) => void) {
    this.#daemons = daemons;
    this.#rounds = rounds;
    this.#print = print;
  }

  /** All rounds of a scenario: each daemon in turn within a round, so that what slows the machine slows all. */
  async run(scenario: Scenario): Promise<ScenarioRounds> {
    const { name, text, without = {}, layout } = scenario;
    const kinds = this.#daemons.filter((kind) => without[kind.name] === undefined);
    const done = new Map<DaemonName, { rounds: Measurement[]; failures: string[] }>();
    for (const kind of kinds) done.set(kind.name, { rounds: [], failures: [] });
    this.#network = await makeNetwork(layout);
    try {
      for (let round = 1; round <= this.#rounds; round++) {
        for (const [daemon, { rounds, failures }] of done) {
          if (this.#stopped) break;
          const label = `${name} ${round}/${this.#rounds} ${daemon}`;
          try {
            const measurement = await runRound(this.#network, name, daemon);
            rounds.push(measurement);
            this.#print(`${label}: ${measurementText(measurement)}`);
          } catch (error) {
            if (this.#stopped) break;
            const why = error instanceof Error ? error.message : String(error);
            failures.push(why);
            this.#print(`${label}: FAILED: ${why}`);
          }
        }
      }
    } finally {
      this.#network?.remove();
      this.#network = undefined;
    }
    const daemons: DaemonRounds[] = [...done].map(([daemon, result]) => ({ daemon, ...result }));
    return { scenario: name, text, daemons, without: this.#reasons(without) };
  }

  /** Why daemons that are there do not take part. */
  #reasons(without: NonNullable<Scenario['without']>): Record<string, string> {
    return Object.fromEntries(
      this.#daemons.flatMap(({ name }) => {
        const why = without[name];
        return why === undefined ? [] : [[name, why]];
      }),
    );
  }

  /** Ends the round that runs, and with it the daemon and all namespaces. */
  stop(): void {
    this.#stopped = true;
    stopRound();
  }
}

function measurementText(measurement: Measurement): string {
  return Object.entries(summarize([measurement]))
    .map(([metric, value]) => `${METRIC_WORDS[metric as Metric]}${valueText(metric as Metric, value)}`)
    .join(', ');
}
