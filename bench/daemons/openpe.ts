import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DaemonKind, type DaemonPlan, type FamilyWord, HOLD_TIME, type Neighbor } from './daemon.ts';
import { startProgram } from './process-tree.ts';

const FAMILY_TYPES: Readonly<Record<FamilyWord, string>> = {
  ipv4: 'ipv4unicast',
  ipv6: 'ipv6unicast',
  evpn: 'evpn',
};

/** Nobody listens there, so that connecting leads nowhere and the peer has to do it. */
const CLOSED_PORT = 1;

/** Seconds until it tries that again: longer than any measurement. */
const CONNECT_TIME = 65_535;

/** Neighbors that one Underlay may have. */
const LARGEST_UNDERLAY = 128;

/** The daemon, and the program for more neighbors than its configuration allows (see openpe-large.ts). */
const DAEMON = 'bin/openpe-routerd';
const LARGE_PROGRAM = 'out/build/bench/daemons/openpe-large.js';

/** openpe-routerd without a data plane. */
export function openpe(): DaemonKind {
  return {
    name: 'openpe',
    families: ['ipv4', 'ipv6', 'evpn'],
    version: async () => {
      if (!existsSync('dist/src/cli/main.js')) return undefined;
      const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string };
      return `openpe-routerd ${version} (Node.js ${process.versions.node})`;
    },
    start: (plan) => {
      mkdirSync(plan.directory, { recursive: true });
      const addresses = [`${plan.ipv4}:179`, `[${plan.ipv6}]:179`];
      const files = underlayFiles(plan);
      const nodeIndex = String(nodeIndexOf(plan.ipv4));
      const args =
        files.length > 1
          ? [LARGE_PROGRAM, nodeIndex, ...addresses, ...files]
          : [
              ...[DAEMON, 'run', '--config', ...files, '--node-index', nodeIndex, '--dataplane', 'none'],
              ...['--log-level', 'warn', '--control', join(plan.directory, 'control.sock')],
              ...addresses.flatMap((address) => ['--bgp-listen', address]),
            ];
      return startProgram(plan, 'openpe', [process.execPath, ...args]);
    },
  };
}

/** Writes the plan as Underlay resources, each with as many neighbors as it may have, and gives their files. */
function underlayFiles(plan: DaemonPlan): string[] {
  const files: string[] = [];
  for (let at = 0; at < plan.neighbors.length; at += LARGEST_UNDERLAY) {
    const file = join(plan.directory, `underlay-${files.length}.yaml`);
    const resource = underlayResource(plan, plan.neighbors.slice(at, at + LARGEST_UNDERLAY));
    writeFileSync(file, JSON.stringify(resource, undefined, 2));
    files.push(file);
  }
  return files;
}

function underlayResource({ as, ipv4 }: DaemonPlan, neighbors: readonly Neighbor[]): unknown {
  return {
    apiVersion: 'network.openperouter.io/v1alpha1',
    kind: 'Underlay',
    metadata: { name: 'bench' },
    spec: {
      asn: as,
      routerIDCIDR: routerIdNetwork(ipv4),
      interfaces: [{ type: 'NetworkDevice', networkDevice: { interfaceName: 'eth0' } }],
      neighbors: neighbors.map(neighborResource),
    },
  };
}

/** The router id is the element of this network with the number node index + 1. */
function routerIdNetwork(address: string): string {
  return `${address.split('.')[0]}.0.0.0/8`;
}

/** The node index with which the router id is the address. */
function nodeIndexOf(address: string): number {
  const [, second = 0, third = 0, fourth = 0] = address.split('.').map(Number);
  return second * 65_536 + third * 256 + fourth - 1;
}

function neighborResource({ address, as, families }: Neighbor): unknown {
  return {
    address,
    asn: as,
    port: CLOSED_PORT,
    holdTimeSeconds: HOLD_TIME,
    keepaliveTimeSeconds: HOLD_TIME / 3,
    connectTimeSeconds: CONNECT_TIME,
    addressFamilies: families.map((family) => ({ type: FAMILY_TYPES[family] })),
  };
}
