import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DaemonKind, type DaemonPlan, HOLD_TIME, type Neighbor } from './daemon.ts';
import { startProgram } from './process-tree.ts';
import type { Programs } from './programs.ts';

/** Both versions of BIRD. They have no EVPN. */
export function bird(programs: Programs, name: 'bird' | 'bird3'): DaemonKind {
  return {
    name,
    families: ['ipv4', 'ipv6'],
    version: () => programs.version(name, '--version', 'BIRD'),
    start: (plan) => {
      const inDirectory = (file: string): string => join(plan.directory, file);
      mkdirSync(plan.directory, { recursive: true });
      writeFileSync(inDirectory('bird.conf'), configurationText(plan, name === 'bird3' ? 'threads 2;' : ''));
      const files = [
        '-c',
        inDirectory('bird.conf'),
        '-s',
        inDirectory('bird.ctl'),
        '-P',
        inDirectory('bird.pid'),
      ];
      return startProgram(plan, name, programs.command(name, ['-f', ...files]));
    },
  };
}

/** Without a kernel protocol, so that there is no FIB; the device protocol finds the neighbors' interface. */
function configurationText(plan: DaemonPlan, threads: string): string {
  return `log stderr { warning, error, auth, fatal, bug };
router id ${plan.ipv4};
${threads}
protocol device { scan time 3600; }
${plan.neighbors.map((neighbor, index) => neighborText(plan, neighbor, index)).join('')}`;
}

function neighborText(plan: DaemonPlan, { address, as, families }: Neighbor, index: number): string {
  const local = address.includes(':') ? plan.ipv6 : plan.ipv4;
  const channels = families.map((family) => ` ${family} { import all; export all; };\n`);
  return `protocol bgp peer${index} {
 local ${local} as ${plan.as};
 neighbor ${address} as ${as};
 passive on;
 hold time ${HOLD_TIME};
${channels.join('')}}
`;
}
