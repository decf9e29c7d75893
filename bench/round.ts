import { allDaemons } from './daemons/all.ts';
import type { DaemonName } from './daemons/daemon.ts';
import { Programs } from './daemons/programs.ts';
import { scenarioNamed } from './scenarios/all.ts';
import type { RoundPlace } from './scenarios/scenario.ts';

/*
 * One scenario with one daemon, once: a process of its own in the load generator's network namespace, so that no
 * round profits or suffers from the ones before. Its result is a line of JSON.
 */

/** What the process is told. */
export interface RoundOrder {
  readonly scenario: string;
  readonly daemon: DaemonName;
  readonly place: RoundPlace;
}

const order = JSON.parse(process.argv[2] ?? '') as RoundOrder;
const kind = allDaemons(Programs.named(process.env.PEERS))[order.daemon];
const measurement = await scenarioNamed(order.scenario).measure(kind, order.place);
process.stdout.write(`${JSON.stringify(measurement)}\n`);
