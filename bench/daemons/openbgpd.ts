import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DaemonKind, type DaemonPlan, HOLD_TIME, type Neighbor } from './daemon.ts';
import { startProgram } from './process-tree.ts';
import type { Programs } from './programs.ts';

/** Its children change their root to this directory, which has to be root's. The host's /run stays as it is. */
const OWN_RUN = ['mount -t tmpfs -o mode=0755 tmpfs /run', 'mkdir -m 0755 /run/openbgpd'];

/** OpenBGPD: a parent, a session engine and a route decision engine. It has no EVPN on Linux. */
export function openbgpd(programs: Programs): DaemonKind {
  return {
    name: 'openbgpd',
    families: ['ipv4', 'ipv6'],
    version: () => programs.version('openbgpd', '-V', 'OpenBGPD'),
    start: (plan) => {
      const file = join(plan.directory, 'bgpd.conf');
      mkdirSync(plan.directory, { recursive: true });
      // It refuses a file that others than its owner may read.
      writeFileSync(file, configurationText(plan), { mode: 0o600 });
      return startProgram(plan, 'openbgpd', programs.command('openbgpd', ['-d', '-f', file], ...OWN_RUN));
    },
  };
}

function configurationText({ as, ipv4, ipv6, directory, neighbors }: DaemonPlan): string {
  return `AS ${as}
router-id ${ipv4}
listen on ${ipv4}
listen on ${ipv6}
fib-update no
holdtime ${HOLD_TIME}
socket "${join(directory, 'bgpd.sock')}"
${neighbors.map(neighborText).join('')}allow from any
allow to any
`;
}

function neighborText({ address, as, families }: Neighbor): string {
  const announced = (['ipv4', 'ipv6'] as const).map(
    (family) =>
      `announce ${family === 'ipv4' ? 'IPv4' : 'IPv6'} ${families.includes(family) ? 'unicast' : 'none'}`,
  );
  return `neighbor ${address} {
 remote-as ${as}
 passive
 enforce neighbor-as no
 ${announced.join('\n ')}
}
`;
}
