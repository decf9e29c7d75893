import { mkdirSync, writeFileSync } from 'node:fs';
import { missingForNamespaces } from '../test/interop/network/requirements.ts';
import type { DaemonName } from './daemons/daemon.ts';
import { type GrowthPoint, growthPicture, SERIES } from './plot/growth.ts';
import { compare } from './report/summary.ts';
import { Campaign } from './run/campaign.ts';
import { findDaemons } from './run/daemons-there.ts';
import { describeMachine } from './run/machine.ts';
import { readOptions } from './run/options.ts';
import { exitAtSignals } from './run/signals.ts';
import { scenarioNamed } from './scenarios/all.ts';

/*
 * How cost grows with routes, peers and VNIs: docs/performance.svg, and the numbers in out/bench/growth.json. ROUNDS
 * (default 1) rounds each, of which the medians are taken. DAEMONS as in main.ts. The exit status is 1 when a round
 * failed.
 */

const SHOWN: readonly DaemonName[] = ['openpe', 'bird', 'frr'];

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const obstacle = missingForNamespaces();
  if (obstacle !== undefined) throw new TypeError(obstacle);
  const { rounds, daemons, daemonsNamed } = readOptions({ ROUNDS: '1', ...process.env });
  const wanted = { daemons: daemons.filter((name) => SHOWN.includes(name)), daemonsNamed };
  const { kinds, versions } = await findDaemons(wanted, process.env.PEERS);
  let running: Campaign | undefined;
  const stopped = exitAtSignals(() => running?.stop());
  const points: GrowthPoint[] = [];
  let failed = false;
  for (const series of SERIES) {
    const taking = kinds.filter(({ name }) => series.daemons.includes(name));
    for (const size of series.sizes) {
      const signalStatus = stopped();
      if (signalStatus) return signalStatus;
      running = new Campaign(taking, rounds, print);
      const result = await running.run(scenarioNamed(`${series.name}=${size}`));
      failed ||= result.daemons.some(({ failures }) => failures.length > 0);
      for (const [daemon, summary] of compare(result)) {
        points.push({ series: series.name, daemon, size, summary });
      }
    }
  }
  const all = { date: new Date().toISOString(), machine: describeMachine(), versions, rounds, points };
  mkdirSync('out/bench', { recursive: true });
  writeFileSync('out/bench/growth.json', `${JSON.stringify(all, undefined, 1)}\n`);
  writeFileSync('docs/performance.svg', growthPicture(points, versions));
  print('docs/performance.svg, out/bench/growth.json');
  return failed ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
