import { allDaemons } from './daemons/all.ts';
import type { DaemonName } from './daemons/daemon.ts';
import { Programs } from './daemons/programs.ts';
import { Fixture, type RoundPlace } from './scenarios/fixture.ts';
import { LOADS } from './scenarios/loads.ts';

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

/** Bytes that each speaker may be sent; memory is taken only as they come. */
const CAPACITY = 192 * 1024 * 1024;

const order = JSON.parse(process.argv[2] ?? '') as RoundOrder;
const scenario = LOADS.find(({ name }) => name === order.scenario);
if (!scenario) throw new RangeError(`there is no scenario ${order.scenario}`);
const fixture = await Fixture.start(
  allDaemons(Programs.named(process.env.PEERS))[order.daemon],
  scenario,
  order.place,
  CAPACITY,
);
try {
  process.stdout.write(`${JSON.stringify(await scenario.run(fixture))}\n`);
} finally {
  await fixture.stop();
}
