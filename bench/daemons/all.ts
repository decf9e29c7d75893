import { mkdirSync, writeFileSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonProcess } from '../../test/interop/network/daemon-process.ts';
import type { DaemonKind, DaemonName, DaemonPlan } from './daemon.ts';

function childPids(root: number): number[] {
  const all = [root];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const f = readFileSync(`/proc/${name}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ');
      if (all.includes(Number(f[1]))) all.push(Number(name));
    } catch {}
  }
  return all;
}
const T = { ipv4: 'ipv4unicast', ipv6: 'ipv6unicast', evpn: 'evpn' } as const;
function openpe(plan: DaemonPlan) {
  const file = join(plan.directory, 'underlay.json');
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: 'network.openperouter.io/v1alpha1',
      kind: 'Underlay',
      metadata: { name: 'underlay', namespace: 'bench' },
      spec: {
        asn: plan.as,
        routerIDCIDR: '10.97.0.0/24',
        interfaces: [{ type: 'NetworkDevice', networkDevice: { interfaceName: 'eth0' } }],
        neighbors: plan.neighbors.map(({ address, as, families }) => ({
          address, asn: as, port: 1, addressFamilies: families.map((f) => ({ type: T[f] })),
        })),
      },
    }),
  );
  const flags = (process.env.NODE_FLAGS ?? '').split(' ').filter(Boolean);
  const p = new DaemonProcess(plan.namespace, join(plan.directory, 'log'), process.execPath, ...flags, join(process.cwd(), 'bin/openpe-routerd'), 'run',
    '--config', file, '--node-index', '0', '--dataplane', 'none', '--log-level', 'warn', '--bgp-listen', `${plan.ipv4}:179`, '--bgp-listen', `[${plan.ipv6}]:179`,
    '--control', join(plan.directory, 'control.sock'));
  return { pids: () => childPids((p as any).pid), log: () => p.log(), stop: () => p.stop() };
}
function bird(plan: DaemonPlan) {
  const file = join(plan.directory, 'bird.conf');
  writeFileSync(file, `log stderr { fatal, bug, error };\nrouter id ${plan.ipv4};\nprotocol device {}\n` + plan.neighbors.map((n, i) => `protocol bgp p${i} { local ${n.address.includes(':') ? plan.ipv6 : plan.ipv4} as ${plan.as}; neighbor ${n.address} as ${n.as}; passive on; ${n.families[0]} { import all; export all; next hop self; }; }\n`).join(''));
  const p = new DaemonProcess(plan.namespace, join(plan.directory, 'log'), 'bird', '-f', '-c', file, '-s', join(plan.directory, 'ctl'));
  return { pids: () => childPids((p as any).pid), log: () => p.log(), stop: () => p.stop() };
}
export function daemonKind(name: DaemonName): DaemonKind {
  return { name, families: ['ipv4', 'ipv6', 'evpn'], version: async () => 'x', start: name === 'openpe' ? openpe : bird };
}
