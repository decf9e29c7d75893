import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { waitFor } from '../../test/interop/network/wait.ts';
import {
  type DaemonKind,
  type DaemonPlan,
  type FamilyWord,
  HOLD_TIME,
  type Neighbor,
  type RunningDaemon,
  type VniPlan,
} from './daemon.ts';
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
const LARGE_PROGRAM = 'out/build/bench/openpe-large.cjs';
const TURN_MONITOR = 'out/build/bench/daemons/turn-monitor.js';

/** What `bin/openpe-routerd` starts Node.js with. */
function launcherFlags(): readonly string[] {
  const flags = /exec node (.*?) "\$0"/.exec(readFileSync(DAEMON, 'utf8'))?.[1];
  if (flags === undefined) throw new Error(`${DAEMON} does not say what it starts Node.js with`);
  return flags.split(' ');
}

/** The program by itself, with the Node.js that runs this. */
const OWN_NODE = ['env', `PATH=${dirname(process.execPath)}:${process.env.PATH ?? ''}`];

/** Options of Node.js for profiles: `NODE_FLAGS="--cpu-prof --cpu-prof-interval=4000 --cpu-prof-dir=/tmp/profiles"`. More samples look like a daemon that works on. */
const EXTRA_FLAGS = (process.env.NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');

/** openpe-routerd without a data plane. */
export function openpe(): DaemonKind {
  return {
    name: 'openpe',
    families: ['ipv4', 'ipv6', 'evpn'],
    version: async () => {
      if (!existsSync('dist/openpe-routerd.cjs')) return undefined;
      const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string };
      return `openpe-routerd ${version} (Node.js ${process.versions.node})`;
    },
    start: (plan) => {
      mkdirSync(plan.directory, { recursive: true });
      const [program = '', ...args] = commandLine(plan);
      if (plan.unwatched && program === DAEMON && EXTRA_FLAGS.length === 0) {
        return startProgram(plan, 'openpe', [...OWN_NODE, program, ...args]);
      }
      const monitor = join(plan.directory, 'longest-turn');
      const environment = ['env', `TURN_MONITOR=${monitor}`];
      const watch = plan.unwatched ? [] : ['--import', resolve(TURN_MONITOR)];
      const flags = [...EXTRA_FLAGS, ...launcherFlags(), ...watch];
      const command = [...environment, process.execPath, ...flags, program, ...args];
      const daemon = startProgram(plan, 'openpe', command);
      return Object.assign(daemon, { longestTurn: () => askForLongestTurn(daemon, monitor) });
    },
  };
}

/** Program and arguments, after writing its configuration. */
function commandLine(plan: DaemonPlan): string[] {
  const files = configurationFiles(plan);
  // Host peers are found behind the address of their VRF: the daemon listens on all.
  const addresses = plan.vnis?.length ? ['0.0.0.0:179'] : [`${plan.ipv4}:179`, `[${plan.ipv6}]:179`];
  const nodeIndex = String(nodeIndexOf(plan.ipv4));
  if (files.length > 1) return [LARGE_PROGRAM, nodeIndex, ...addresses, ...files];
  return [
    ...[DAEMON, 'run', '--config', ...files, '--node-index', nodeIndex, '--dataplane', 'none'],
    ...['--log-level', 'warn', '--control', join(plan.directory, 'control.sock')],
    ...addresses.flatMap((address) => ['--bgp-listen', address]),
  ];
}

/** Asks the module that was loaded into the daemon, turn-monitor.ts. */
async function askForLongestTurn(daemon: RunningDaemon, file: string): Promise<number> {
  const [pid] = daemon.pids();
  if (pid === undefined) throw new Error(`the daemon has ended: ${daemon.log()}`);
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  const answer = await waitFor('longest turn', async () => existsSync(file), Boolean);
  return answer ? Number(readFileSync(file, 'utf8')) : Number.NaN;
}

/** Writes the plan as Underlay resources, each with as many neighbors as it may have, and gives their files. */
function configurationFiles(plan: DaemonPlan): string[] {
  const files: string[] = [];
  const vnis = (plan.vnis ?? []).map((vni) => vniResource(plan, vni));
  for (let at = 0; at < plan.neighbors.length; at += LARGEST_UNDERLAY) {
    const file = join(plan.directory, `underlay-${files.length}.yaml`);
    const resources = [underlayResource(plan, plan.neighbors.slice(at, at + LARGEST_UNDERLAY)), ...vnis];
    // JSON is YAML, and read faster than other ways to write it.
    writeFileSync(file, resources.map((one) => JSON.stringify(one, undefined, 1)).join('\n---\n'));
    files.push(file);
  }
  return files;
}

function underlayResource({ as, ipv4, vnis }: DaemonPlan, neighbors: readonly Neighbor[]): unknown {
  return {
    apiVersion: 'network.openperouter.io/v1alpha1',
    kind: 'Underlay',
    metadata: { name: 'bench' },
    spec: {
      asn: as,
      routerIDCIDR: routerIdNetwork(ipv4),
      ...(vnis?.length && { tunnelEndpoint: { cidrs: ['100.65.0.0/24'] } }),
      interfaces: [{ type: 'NetworkDevice', networkDevice: { interfaceName: 'eth0' } }],
      neighbors: neighbors.map(neighborResource),
    },
  };
}

function vniResource({ as }: DaemonPlan, { vni, hostAs, network }: VniPlan): unknown {
  return {
    apiVersion: 'network.openperouter.io/v1alpha1',
    kind: 'L3VNI',
    metadata: { name: `vrf${vni}` },
    spec: {
      vni,
      vrf: `vrf${vni}`,
      hostSession: { asn: as, hostASN: hostAs, localCIDR: { ipv4: network } },
    },
  };
}

/** The router id is the element of this network with the number node index + 1. */
function routerIdNetwork(address: string): string {
  return `${address.slice(0, address.lastIndexOf('.'))}.0/24`;
}

/** The node index with which the router id is the address; 0 for addresses that end in 1. */
function nodeIndexOf(address: string): number {
  return Number(address.slice(address.lastIndexOf('.') + 1)) - 1;
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
