import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IpVersion } from '../../net/address.ts';
import { chooseKernel, type LabKernel } from '../../test/lab/machine/kernel-choice.ts';
import { LabMachine } from '../../test/lab/machine/lab-machine.ts';
import { frrRouter } from '../../test/lab/router/frr-router.ts';
import type { LabNode } from '../../test/lab/topology/node.ts';
import {
  type BenchNodes,
  frrNode,
  nodesWithoutVrf,
  nodesWithVrf,
  openpeNode,
  PEER,
  RAW_NAMESPACE,
  VNI,
} from '../kernel/bench-node.ts';
import { contenderNames, type KernelResult, kernelTable, summarize } from '../kernel/kernel-report.ts';
import type { LoadPlan, Measurement, PlannedContender } from '../kernel/load.ts';
import type { TurnReport } from '../kernel/turn-observer.ts';

/*
 * EVPN Type 5 routes from a BGP peer to the kernel's table of a VRF: openpe-routerd, FRR, and the raw
 * messages, prebuilt and sent in a loop. All on one kernel, each in namespaces of its own, in turns.
 *
 * Where the running kernel has VRFs, all is measured there. Where not, it is measured twice: on the running kernel
 * with the main table in the place of the VRF's, and with VRFs in a User-Mode Linux guest. That one
 * has one processor, and a system call or a page fault costs some twenty times as much there, for all alike: it shows
 * that the whole works and how the routers compare, not how near to the kernel's limit they come.
 *
 * ROUTES (default 100,000), ROUNDS (default 5), VERSIONS (default 4,6), CONTENDERS (default
 * raw,openpe-routerd,frr), LAB_KERNEL (running or uml: there only), RESULTS (a file for the results as JSON),
 * PROFILE (a directory for CPU profiles of openpe-routerd). Takes root.
 */

const ROUTES = Number(process.env.ROUTES ?? 100_000);
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const VERSIONS = (process.env.VERSIONS ?? '4,6').split(',').map((text): IpVersion => (text === '6' ? 6 : 4));
const CONTENDERS = (process.env.CONTENDERS ?? Object.values(contenderNames).join()).split(',');
const BUILD = '/run/repository/out/build/bench/kernel';
const TURNS = '/run/lab/turns';
const PROFILES = '/run/lab/profiles';
const LONGEST_RUN = 3600;
const MAIN_TABLE = 254;

interface Link {
  readonly ifname: string;
  readonly ifindex: number;
  readonly linkinfo?: { readonly info_data?: { readonly table?: number } };
}

async function pidsOf(machine: LabMachine, files: readonly string[]): Promise<number[]> {
  return (await machine.run(`cat ${files.join(' ')}`)).trim().split(/\s+/).map(Number);
}

/** One contender after the other, started and described. */
class Starter {
  readonly #machine: LabMachine;
  readonly #nodes: BenchNodes;

  constructor(machine: LabMachine, nodes: BenchNodes) {
    this.#machine = machine;
    this.#nodes = nodes;
  }

  start(name: string): Promise<PlannedContender> {
    if (name === contenderNames.raw) return this.#planned(name, RAW_NAMESPACE, { pids: [] });
    if (name === contenderNames.openpe) return this.#openpe();
    if (name === contenderNames.frr) return this.#frr();
    throw new Error(`CONTENDERS: no ${name}; there are ${Object.values(contenderNames).join(', ')}`);
  }

  async #openpe(): Promise<PlannedContender> {
    const profile = process.env.PROFILE === undefined ? '' : `export OBSERVER_PROFILE=${PROFILES}\n`;
    await this.#machine.run(`mkdir -p ${PROFILES}
export NODE_OPTIONS=--import=${BUILD}/turn-observer.js OBSERVER_FILE=${TURNS}
${profile}${this.#nodes.startOpenpe}`);
    const pids = await pidsOf(this.#machine, [this.#nodes.openpePid]);
    return this.#planned(contenderNames.openpe, openpeNode.router, {
      pids,
      session: sessionWith(openpeNode, true),
      ...(pids[0] !== undefined && { observed: pids[0] }),
    });
  }

  async #frr(): Promise<PlannedContender> {
    await this.#machine.run(this.#nodes.startFrr);
    const directory = `/run/frr/${frrNode.router}`;
    return this.#planned(contenderNames.frr, frrNode.router, {
      pids: await pidsOf(this.#machine, [`${directory}/bgpd.pid`, `${directory}/zebra.pid`]),
      session: sessionWith(frrNode, this.#nodes.frrHearsUnderlay),
    });
  }

  async #planned(
    name: string,
    namespace: string,
    rest: Pick<PlannedContender, 'pids' | 'session' | 'observed'>,
  ): Promise<PlannedContender> {
    const links = JSON.parse(await this.#machine.run(`ip -n ${namespace} -j -d link`)) as Link[];
    const device = links.find(({ ifname }) => ifname === `br-pe-${VNI}`)?.ifindex;
    const vrf = links.find(({ ifname }) => ifname === this.#nodes.vrf);
    const table = this.#nodes.vrf === undefined ? MAIN_TABLE : vrf?.linkinfo?.info_data?.table;
    if (table === undefined || device === undefined) throw new Error(`${namespace} has no VRF or no bridge`);
    return { name, table: { namespace, table, vrfIndex: vrf?.ifindex ?? 0 }, device, ...rest };
  }
}

function sessionWith(node: LabNode, saysUnderlay: boolean): NonNullable<PlannedContender['session']> {
  const { address: local, as } = PEER;
  return { local, remote: node.underlay, as, routerId: 0x0a000063, saysUnderlay };
}

function turnReports(machine: LabMachine): TurnReport[] {
  try {
    const lines = readFileSync(join(machine.directory, 'turns'), 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as TurnReport);
  } catch {
    return [];
  }
}

/** Shows the lines of a file of the guest as they come, until `ended`. */
async function follow(file: string, ended: Promise<unknown>): Promise<void> {
  let shown = 0;
  const show = (): void => {
    const text = readFileSync(file, 'utf8');
    process.stdout.write(text.slice(shown));
    shown = text.length;
  };
  const timer = setInterval(show, 500);
  await ended.catch(() => undefined);
  clearInterval(timer);
  show();
}

async function measure(machine: LabMachine, nodes: BenchNodes): Promise<KernelResult> {
  await machine.run(nodes.topology);
  const starter = new Starter(machine, nodes);
  const contenders: PlannedContender[] = [];
  for (const name of CONTENDERS) contenders.push(await starter.start(name));
  const plan: LoadPlan = { routes: ROUTES, rounds: ROUNDS, vni: VNI, versions: VERSIONS, contenders };
  writeFileSync(join(machine.directory, 'plan.json'), JSON.stringify(plan));
  const progress = join(machine.directory, 'progress');
  writeFileSync(progress, '');
  const running = machine.attempt(
    `nsenter --net=/run/netns/peer node ${BUILD}/load.js /run/lab/plan.json /run/lab/result.json > /run/lab/progress`,
    { timeout: LONGEST_RUN },
  );
  await follow(progress, running);
  const load = await running;
  if (load.status !== 0) {
    const logs = await machine.attempt(
      `${nodes.openpeLog} | tail -n 20; ${frrRouter.log(frrNode)} | tail -n 20`,
    );
    throw new Error(`the load generator failed: ${load.stderr}\n${logs.stdout}`);
  }
  return summarize({
    kernel: nodes.title,
    routes: ROUTES,
    measurements: JSON.parse(readFileSync(join(machine.directory, 'result.json'), 'utf8')) as Measurement[],
    turns: turnReports(machine),
    versions: VERSIONS,
  });
}

function copyProfiles(machine: LabMachine, target: string): void {
  const directory = join(machine.directory, 'profiles');
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(directory)) copyFileSync(join(directory, name), join(target, name));
}

async function measureOn(kernel: LabKernel, nodes: BenchNodes): Promise<KernelResult> {
  const machine = await LabMachine.boot({
    repository: process.cwd(),
    memory: 4096,
    kernel: { kernel, reason: nodes.title },
    log: (line) => console.log(line),
  });
  const leave = (): void => void machine.stop().finally(() => process.exit(1));
  process.once('SIGINT', leave).once('SIGTERM', leave);
  try {
    const result = await measure(machine, nodes);
    console.log(kernelTable(result));
    if (process.env.PROFILE) copyProfiles(machine, process.env.PROFILE);
    return result;
  } finally {
    process.off('SIGINT', leave).off('SIGTERM', leave);
    await machine.stop();
  }
}

/** A kernel, and the nodes that can be made on it. */
function places(): [LabKernel, BenchNodes][] {
  const { LAB_KERNEL: asked, ...environment } = process.env;
  if (chooseKernel(environment).kernel === 'running' && asked !== 'uml') {
    return [['running', nodesWithVrf('running kernel')]];
  }
  const all: [LabKernel, BenchNodes][] = [
    ['running', nodesWithoutVrf('running kernel, main table')],
    ['uml', nodesWithVrf('user-mode-linux')],
  ];
  return all.filter(([kernel]) => asked === undefined || asked === '' || kernel === asked);
}

const results: KernelResult[] = [];
for (const [kernel, nodes] of places()) results.push(await measureOn(kernel, nodes));
if (process.env.RESULTS) {
  writeFileSync(process.env.RESULTS, `${JSON.stringify(results, undefined, 2)}\n`);
}
