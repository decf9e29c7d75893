import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IpVersion } from '../../net/address.ts';
import { LabMachine } from '../../test/lab/machine/lab-machine.ts';
import { frrRouter } from '../../test/lab/router/frr-router.ts';
import { openpeRouter } from '../../test/lab/router/openpe-router.ts';
import { addNamespaces, ipBatch } from '../../test/lab/topology/fabric.ts';
import { type LabNode, labNode } from '../../test/lab/topology/node.ts';
import { contenderNames, type KernelResult, kernelTable, summarize } from '../kernel/kernel-report.ts';
import type { LoadPlan, Measurement, PlannedContender } from '../kernel/load.ts';
import type { TurnReport } from '../kernel/turn-observer.ts';

/*
 * EVPN Type 5 routes from a BGP peer to the kernel's table of a VRF: openpe-routerd, FRR, and the raw
 * messages, prebuilt and sent in a loop. All in one guest, each in namespaces of its own, in turns.
 *
 * ROUTES (default 100,000), ROUNDS (default 5), VERSIONS (default 4,6), CONTENDERS (default
 * raw,openpe-routerd,frr), RESULTS (a file for the results as JSON), PROFILE (a directory for CPU profiles of
 * openpe-routerd). Takes root.
 */

const ROUTES = Number(process.env.ROUTES ?? 100_000);
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const VERSIONS = (process.env.VERSIONS ?? '4,6').split(',').map((text): IpVersion => (text === '6' ? 6 : 4));
const CONTENDERS = (process.env.CONTENDERS ?? Object.values(contenderNames).join()).split(',');
const VNI = 100;
const PEER = '192.168.11.2';
const PEER_AS = 64512;
const BUILD = '/run/repository/out/build/bench/kernel';
const TURNS = '/run/lab/turns';
const PROFILES = '/run/lab/profiles';
const LONGEST_RUN = 3600;

const openpe = openpeRouter('current');
const openpeNode = labNode(0);
const frrNode = labNode(1);

/** Bash that makes the peer's namespace with a switch in it, and the nodes before their routers start. */
function topology(): string {
  const nodes = [openpeNode, frrNode];
  return `set -e
ln -s /run/repository/bin/openpe-routerd /run/repository/bin/openpe-routerctl /run/bin/
mkdir -p ${PROFILES}
${addNamespaces(['peer', 'raw', ...nodes.map(({ host }) => host)])}
${ipBatch('peer', ['link add br0 type bridge', 'link set br0 up', `address add ${PEER}/24 dev br0`])}
${nodes
  .map(
    ({ host, underlay }) => `ip link add toswitch1 netns ${host} type veth peer name ${host} netns peer
${ipBatch('peer', [`link set ${host} master br0`, `link set ${host} up`])}
${ipBatch(host, ['link set toswitch1 up', `address add ${underlay}/24 dev toswitch1`])}`,
  )
  .join('\n')}
${ipBatch('raw', [
  'address add 100.65.0.9/32 dev lo',
  'link add red type vrf table 1',
  'link set red up',
  `link add br-pe-${VNI} type bridge`,
  `link set br-pe-${VNI} master red addrgenmode none`,
  `link set br-pe-${VNI} up`,
  `link add vni${VNI} master br-pe-${VNI} type vxlan id ${VNI} local 100.65.0.9 dev lo dstport 4789 nolearning`,
  `link set vni${VNI} addrgenmode none`,
  `link set vni${VNI} type bridge_slave neigh_suppress on learning off`,
  `link set vni${VNI} up`,
])}`;
}

interface Link {
  readonly ifname: string;
  readonly ifindex: number;
  readonly linkinfo?: { readonly info_data?: { readonly table?: number } };
}

async function linksOf(machine: LabMachine, namespace: string): Promise<Map<string, Link>> {
  const links = JSON.parse(await machine.run(`ip -n ${namespace} -j -d link`)) as Link[];
  return new Map(links.map((link) => [link.ifname, link]));
}

async function pidsOf(machine: LabMachine, files: readonly string[]): Promise<number[]> {
  return (await machine.run(`cat ${files.join(' ')}`)).trim().split(/\s+/).map(Number);
}

async function planned(
  machine: LabMachine,
  name: string,
  namespace: string,
  rest: Pick<PlannedContender, 'pids' | 'session' | 'observed'>,
): Promise<PlannedContender> {
  const links = await linksOf(machine, namespace);
  const vrf = links.get('red');
  const table = vrf?.linkinfo?.info_data?.table;
  const device = links.get(`br-pe-${VNI}`)?.ifindex;
  if (!vrf || table === undefined || device === undefined) throw new Error(`${namespace} has no VRF red`);
  return { name, table: { namespace, table, vrfIndex: vrf.ifindex }, device, ...rest };
}

function sessionWith(node: LabNode): NonNullable<PlannedContender['session']> {
  return { local: PEER, remote: node.underlay, as: PEER_AS, routerId: 0x0a000063 };
}

async function startOpenpe(machine: LabMachine): Promise<PlannedContender> {
  const profile = process.env.PROFILE === undefined ? '' : `export OBSERVER_PROFILE=${PROFILES}\n`;
  await machine.run(`export NODE_OPTIONS=--import=${BUILD}/turn-observer.js OBSERVER_FILE=${TURNS}
${profile}${openpe.start(openpeNode)}
for wait in {1..400}; do
  ip -n ${openpeNode.router} link show vni${VNI} 2> /dev/null | grep -q 'master br-pe' && break
  sleep 0.05
done
sleep 1`);
  const pids = await pidsOf(machine, [`/run/openpe/${openpeNode.host}.pid`]);
  return planned(machine, contenderNames.openpe, openpeNode.router, {
    pids,
    session: sessionWith(openpeNode),
    ...(pids[0] !== undefined && { observed: pids[0] }),
  });
}

async function startFrr(machine: LabMachine): Promise<PlannedContender> {
  await machine.run(`${frrRouter.start(frrNode)}
sleep 2`);
  const directory = `/run/frr/${frrNode.router}`;
  return planned(machine, contenderNames.frr, frrNode.router, {
    pids: await pidsOf(machine, [`${directory}/bgpd.pid`, `${directory}/zebra.pid`]),
    session: sessionWith(frrNode),
  });
}

function turnReports(machine: LabMachine): TurnReport[] {
  try {
    const lines = readFileSync(join(machine.directory, 'turns'), 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as TurnReport);
  } catch {
    return [];
  }
}

async function measure(machine: LabMachine): Promise<KernelResult> {
  await machine.run(topology());
  const starts: Readonly<Record<string, () => Promise<PlannedContender>>> = {
    [contenderNames.raw]: () => planned(machine, contenderNames.raw, 'raw', { pids: [] }),
    [contenderNames.openpe]: () => startOpenpe(machine),
    [contenderNames.frr]: () => startFrr(machine),
  };
  const contenders: PlannedContender[] = [];
  for (const name of CONTENDERS) {
    const start = starts[name];
    if (!start) throw new Error(`CONTENDERS: no ${name}; there are ${Object.keys(starts).join(', ')}`);
    contenders.push(await start());
  }
  const plan: LoadPlan = { routes: ROUTES, rounds: ROUNDS, vni: VNI, versions: VERSIONS, contenders };
  writeFileSync(join(machine.directory, 'plan.json'), JSON.stringify(plan));
  const load = await machine.attempt(
    `nsenter --net=/run/netns/peer node ${BUILD}/load.js /run/lab/plan.json /run/lab/result.json`,
    { timeout: LONGEST_RUN },
  );
  console.log(load.stdout.trim());
  if (load.status !== 0) {
    const logs = await machine.attempt(
      `${openpe.log(openpeNode)} | tail -n 20; ${frrRouter.log(frrNode)} | tail -n 20`,
    );
    throw new Error(`the load generator failed: ${load.stderr}\n${logs.stdout}`);
  }
  const result = readFileSync(join(machine.directory, 'result.json'), 'utf8');
  return summarize({
    kernel: machine.choice.kernel === 'uml' ? 'user-mode-linux' : 'running',
    routes: ROUTES,
    measurements: JSON.parse(result) as Measurement[],
    turns: turnReports(machine),
    versions: VERSIONS,
  });
}

function copyProfiles(machine: LabMachine, target: string): void {
  const directory = join(machine.directory, 'profiles');
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(directory)) copyFileSync(join(directory, name), join(target, name));
}

async function main(): Promise<void> {
  const machine = await LabMachine.boot({
    repository: process.cwd(),
    memory: 4096,
    log: (line) => console.log(line),
  });
  try {
    const result = await measure(machine);
    console.log(kernelTable(result));
    if (process.env.RESULTS) writeFileSync(process.env.RESULTS, `${JSON.stringify(result, undefined, 2)}\n`);
    if (process.env.PROFILE) copyProfiles(machine, process.env.PROFILE);
  } finally {
    await machine.stop();
  }
}

await main();
