import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DaemonKind, type DaemonPlan, type FamilyWord, HOLD_TIME, type Neighbor } from './daemon.ts';
import { startProgram } from './process-tree.ts';
import type { Programs } from './programs.ts';

const FAMILY_NAMES: Readonly<Record<FamilyWord, string>> = {
  ipv4: 'ipv4-unicast',
  ipv6: 'ipv6-unicast',
  evpn: 'l2vpn-evpn',
};

/** GoBGP without zebra. */
export function gobgp(programs: Programs): DaemonKind {
  return {
    name: 'gobgp',
    families: ['ipv4', 'ipv6', 'evpn'],
    version: () => programs.version('gobgp', '--version', 'GoBGP'),
    deviations: async () => ({ evpnNextHopSelf: true }),
    start: (plan) => {
      const file = join(plan.directory, 'gobgpd.toml');
      mkdirSync(plan.directory, { recursive: true });
      writeFileSync(file, configurationText(plan));
      const api = ['--api-hosts', `unix://${join(plan.directory, 'gobgpd.sock')}`];
      const quiet = ['--log-level', 'error', '--log-plain', '--pprof-disable'];
      return startProgram(plan, 'gobgp', programs.command('gobgp', ['-f', file, ...api, ...quiet]));
    },
  };
}

function configurationText(plan: DaemonPlan): string {
  const { as, ipv4, ipv6, neighbors } = plan;
  return `[global.config]
as = ${as}
router-id = "${ipv4}"
port = 179
local-address-list = ["${ipv4}", "${ipv6}"]
${neighbors.map((neighbor) => neighborText(plan, neighbor)).join('')}`;
}

function neighborText(plan: DaemonPlan, { address, as, families }: Neighbor): string {
  const familyTexts = families.map(
    (family) =>
      `[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = "${FAMILY_NAMES[family]}"\n`,
  );
  return `[[neighbors]]
[neighbors.config]
neighbor-address = "${address}"
peer-as = ${as}
[neighbors.transport.config]
local-address = "${address.includes(':') ? plan.ipv6 : plan.ipv4}"
passive-mode = true
[neighbors.timers.config]
hold-time = ${HOLD_TIME}
keepalive-interval = ${HOLD_TIME / 3}
${familyTexts.join('')}`;
}
