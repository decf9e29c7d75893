import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inNamespace, run } from '../../test/interop/network/commands.ts';
import { type LinkEnd, Network } from '../../test/interop/network/network.ts';
import { allDaemons } from './all.ts';
import type { ExchangeResult } from './check-exchange.ts';
import type { DaemonKind, DaemonName, FamilyWord, Neighbor, RunningDaemon } from './daemon.ts';
import { Programs } from './programs.ts';

/*
 * Whether each daemon is what the bench takes it for: its first neighbor announces 10 routes, all others hear
 * them. Prints what became of them and how long it took. The exit status is 1 when one does not pass them on.
 *
 * PEERS=trixie: the programs of Debian 13. DAEMONS=frr,gobgp: these only. NEIGHBORS (default 2).
 */

const OWN_AS = 65_000;
const EXCHANGE_PROGRAM = new URL('./check-exchange.js', import.meta.url).pathname;
const ROUTES = 10;
const EXCHANGE_MILLISECONDS = 300_000;

const neighborCount = Number(process.env.NEIGHBORS ?? 2);
const daemons = allDaemons(Programs.named(process.env.PEERS));
const names = (process.env.DAEMONS?.split(',') ?? Object.keys(daemons)) as DaemonName[];

/** Neighbor `index` has an AS of its own and this host part in both networks. */
function neighborAt(index: number, family: FamilyWord): Neighbor {
  const host = index + 256;
  const address = family === 'ipv6' ? `fd98::1:${host.toString(16)}` : `10.98.${host >> 8}.${host & 255}`;
  return { address, as: 4_200_000_000 + index, families: [family] };
}

/** Gives the daemon's end 10.98.0.1 and fd98::1, and the neighbors' end their addresses. */
async function addAddresses(
  [own, far]: readonly [LinkEnd, LinkEnd],
  neighbors: readonly Neighbor[],
  directory: string,
): Promise<void> {
  const plans = [
    { end: own, addresses: ['10.98.0.1', 'fd98::1'] },
    { end: far, addresses: neighbors.map(({ address }) => address) },
  ];
  for (const { end, addresses } of plans) {
    const file = join(directory, 'addresses');
    const lines = addresses.map((address) => {
      const network = address.includes(':') ? `${address}/64` : `${address}/16`;
      return `addr add ${network} dev ${end.device}${address.includes(':') ? ' nodad' : ''}\n`;
    });
    writeFileSync(file, lines.join(''));
    await run('ip', '-n', end.namespace, '-batch', file);
  }
}

/** Runs the neighbors' side, and gives what it prints. */
async function runExchange(namespace: string, exchange: string): Promise<string> {
  const program = inNamespace(namespace, process.execPath, EXCHANGE_PROGRAM, exchange);
  const args = ['--pdeathsig', 'KILL', ...program];
  return (await promisify(execFile)('setpriv', args, { timeout: EXCHANGE_MILLISECONDS })).stdout;
}

async function check(kind: DaemonKind, family: FamilyWord): Promise<boolean> {
  const network = new Network();
  let daemon: RunningDaemon | undefined;
  try {
    const namespace = await network.addNamespace('daemon');
    const outside = await network.addNamespace('neighbors');
    const neighbors = Array.from({ length: neighborCount }, (_, index) => neighborAt(index, family));
    await addAddresses(await network.addLink(namespace, outside), neighbors, network.directory);
    const directory = join(network.directory, kind.name);
    const plan = { namespace, directory, as: OWN_AS, ipv4: '10.98.0.1', ipv6: 'fd98::1', neighbors };
    daemon = kind.start(plan);
    const exchange = { daemon: family === 'ipv6' ? plan.ipv6 : plan.ipv4, family, neighbors };
    const text = await runExchange(outside, JSON.stringify(exchange));
    const pids = daemon.pids();
    const passed = report(kind, family, JSON.parse(text) as ExchangeResult, pids);
    if (!passed) process.stdout.write(`${daemon.log()}\n`);
    await daemon.stop();
    const left = pids.filter((pid) => isRunning(pid));
    if (left.length > 0) process.stdout.write(`  still there after stop: ${left.join(' ')}\n`);
    return passed && left.length === 0;
  } finally {
    await daemon?.stop();
    network.remove(false);
  }
}

function report(
  kind: DaemonKind,
  family: FamilyWord,
  result: ExchangeResult,
  pids: readonly number[],
): boolean {
  const { routes, milliseconds, single, example, failures, established } = result;
  const sorted = [...single].sort((a, b) => a - b).map((time) => time.toFixed(1));
  const sizes = pids.map((pid) => `${commandName(pid)} ${residentMegabytes(pid).toFixed(0)} MB`);
  const lines = [
    `${kind.name} ${family}: ${routes} of ${ROUTES} routes in ${milliseconds.toFixed(1)} ms`,
    `  sessions after ${established.toFixed(0)} ms; a single route: ${sorted.join(' ')} ms`,
    ...(example
      ? [
          `  next hop ${example.nextHop}, AS path ${example.asPath}, MED ${example.med ?? 'none'}`,
          `  communities ${example.communities.join(' ')}; extended ${example.extendedCommunities.join(' ')}; ` +
            `large: ${example.largeCommunities}`,
        ]
      : []),
    `  processes: ${sizes.join(', ')}`,
    ...(failures.length > 0 ? [`  sessions ended: ${failures.slice(0, 5).join(', ')}`] : []),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return routes === ROUTES && failures.length === 0;
}

function commandName(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

/** VmRSS of a process (proc(5)). */
function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1000;
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

let failed = false;
for (const name of names) {
  const kind = daemons[name];
  const version = await kind.version();
  process.stdout.write(version === undefined ? `${name}: not there\n` : `${version}\n`);
  if (version === undefined) continue;
  for (const family of kind.families) failed = !(await check(kind, family)) || failed;
}
process.exitCode = failed ? 1 : 0;
