import { missingForNamespaces } from '../test/interop/network/requirements.ts';
import type { KernelResult } from './report/kernel-table.ts';
import { plainReport, type Results, writeReports } from './report/report.ts';
import type { ScenarioRounds } from './report/summary.ts';
import { Campaign } from './run/campaign.ts';
import { findDaemons } from './run/daemons-there.ts';
import { hasKernelProgram, measureKernel, stopKernelProgram } from './run/kernel-program.ts';
import { describeMachine } from './run/machine.ts';
import { KERNEL_SCENARIO, readOptions } from './run/options.ts';
import { exitAtSignals } from './run/signals.ts';
import { scenarioNamed } from './scenarios/all.ts';

/*
 * Our daemon beside the other open BGP daemons, in the same scenarios. Tables to standard output, and into
 * out/bench/results.md and results.json. The exit status is 1 when a round failed, 2 when nothing could be measured; a
 * bar that does not hold is no failure.
 *
 * SCENARIOS, DAEMONS: names, with commas (default: all). ROUNDS (default 3). PEERS=trixie: the daemons of Debian 13.
 * REPORT: name of the result files (default results).
 */

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const obstacle = missingForNamespaces();
  if (obstacle !== undefined) throw new TypeError(obstacle);
  const options = readOptions(process.env);
  const { kinds, versions } = await findDaemons(options, process.env.PEERS);
  print(Object.values(versions).join(', '));
  const campaign = new Campaign(kinds, options.rounds, print);
  const stopped = exitAtSignals(() => {
    campaign.stop();
    stopKernelProgram();
  });
  const scenarios: ScenarioRounds[] = [];
  let kernel: readonly KernelResult[] = [];
  let failed = false;
  for (const name of options.scenarios) {
    if (stopped()) break;
    if (name !== KERNEL_SCENARIO) {
      const rounds = await campaign.run(scenarioNamed(name));
      scenarios.push(rounds);
      failed ||= rounds.daemons.some(({ failures }) => failures.length > 0);
    } else if (hasKernelProgram()) {
      try {
        kernel = await measureKernel(options.rounds);
      } catch (error) {
        failed = true;
        print(`kernel: FAILED: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  const signalStatus = stopped();
  if (signalStatus) return signalStatus;
  const { rounds } = options;
  const results: Results = {
    date: new Date(),
    machine: describeMachine(),
    versions,
    rounds,
    scenarios,
    kernel,
  };
  print(`\n${plainReport(results)}`);
  writeReports(results, options.report);
  return failed ? 1 : 0;
}

// Nobody reads any more.
process.stdout.on('error', () => process.exit(1));
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
