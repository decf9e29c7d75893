import { fanout, LOADS, transit } from './loads.ts';
import type { Scenario } from './scenario.ts';
import { startup } from './startup.ts';
import { vrf } from './vrf.ts';

/** All scenarios with a daemon and BGP peers, in the order of the table. */
export const SCENARIOS: readonly Scenario[] = [startup, ...LOADS, vrf('vrf', 100, 1000)];

/** What a series grows in: the number is in the name of the scenario. */
const GROWING: Readonly<Record<string, (name: string, size: number) => Scenario>> = {
  routes: (name, size) => transit(name, 'ipv4', size),
  peers: (name, size) => fanout(name, size, 10_000),
  vnis: (name, size) => vrf(name, size, 100),
};

/**
 * The scenario with this name: one of {@link SCENARIOS}, or one of a series that grows: `routes=10000`, `peers=20`,
 * `vnis=5`.
 *
 * @throws RangeError when there is none
 */
export function scenarioNamed(name: string): Scenario {
  const known = SCENARIOS.find((scenario) => scenario.name === name);
  if (known) return known;
  const [series = '', size = ''] = name.split('=');
  const make = GROWING[series];
  if (!make || !/^[1-9]\d*$/.test(size)) throw new RangeError(`there is no scenario ${name}`);
  return make(name, Number(size));
}
