import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DaemonKind, type DaemonPlan, type FamilyWord, HOLD_TIME, type Neighbor } from './daemon.ts';
import { startProgram } from './process-tree.ts';
import type { Programs } from './programs.ts';

const FAMILY_COMMANDS: Readonly<Record<FamilyWord, string>> = {
  ipv4: 'ipv4 unicast',
  ipv6: 'ipv6 unicast',
  evpn: 'l2vpn evpn',
};

/** BGP tunnel encapsulation VXLAN (RFC 9012 §4.1), as the load's EVPN routes have it. */
const ENCAPSULATION_VXLAN = '030c000000000008';

/** Does not pass on the tunnel encapsulation of EVPN routes (FRRouting/frr issue 20271): seen with 10.3, not with 8.4. */
const FIRST_WITHOUT_ENCAPSULATION = 10;

/** FRR's bgpd alone: without zebra it takes every next hop for reachable and has no FIB. */
export function frr(programs: Programs): DaemonKind {
  return {
    name: 'frr',
    families: ['ipv4', 'ipv6', 'evpn'],
    version: () => programs.version('frr', '--version', 'FRR'),
    deviations: async () => {
      const text = await programs.version('frr', '--version', 'FRR');
      const major = Number(/\d+/.exec(text ?? '')?.[0]);
      return major >= FIRST_WITHOUT_ENCAPSULATION ? { dropsExtendedCommunities: [ENCAPSULATION_VXLAN] } : {};
    },
    start: (plan) => {
      const file = join(plan.directory, 'bgpd.conf');
      mkdirSync(plan.directory, { recursive: true });
      writeFileSync(file, configurationText(plan));
      const places = ['--vty_socket', plan.directory, '-i', join(plan.directory, 'bgpd.pid'), '-f', file];
      const asRoot = ['-S', '-A', '127.0.0.1', '-P', '0'];
      const args = ['--no_zebra', '--no_kernel', ...asRoot, ...places, '--log', 'stdout'];
      return startProgram(plan, 'frr', programs.command('frr', [...args, '--log-level', 'errors']));
    },
  };
}

function configurationText(plan: DaemonPlan): string {
  const families = (['ipv4', 'ipv6', 'evpn'] as const).flatMap((family) => [
    `address-family ${FAMILY_COMMANDS[family]}`,
    ...plan.neighbors
      .filter((neighbor) => neighbor.families.includes(family))
      .map(({ address }) => `neighbor ${address} activate`),
    'exit-address-family',
  ]);
  return `${[
    // From 10 on it stops to read, for seconds, once 10,000 messages wait. Older ones do not know the command.
    'bgp input-queue-limit 1000000',
    'bgp output-queue-limit 1000000',
    `router bgp ${plan.as}`,
    `bgp router-id ${plan.ipv4}`,
    'no bgp ebgp-requires-policy',
    'no bgp network import-check',
    'no bgp default ipv4-unicast',
    'coalesce-time 0',
    // The largest that there are: 64 messages written and 10 read in one go.
    'write-quanta 64',
    'read-quanta 10',
    `timers bgp ${HOLD_TIME / 3} ${HOLD_TIME}`,
    ...plan.neighbors.flatMap((neighbor) => neighborCommands(plan, neighbor)),
    ...families,
  ].join('\n')}\n`;
}

function neighborCommands(plan: DaemonPlan, { address, as }: Neighbor): string[] {
  return [
    `neighbor ${address} remote-as ${as}`,
    `neighbor ${address} update-source ${address.includes(':') ? plan.ipv6 : plan.ipv4}`,
    `neighbor ${address} passive`,
    `no neighbor ${address} enforce-first-as`,
    `neighbor ${address} advertisement-interval 0`,
  ];
}
