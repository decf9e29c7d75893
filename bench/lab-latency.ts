import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from '../test/lab/capture/pcap-frames.ts';
import { Lab } from '../test/lab/lab.ts';
import { frrRouter } from '../test/lab/router/frr-router.ts';
import type { LabRouter } from '../test/lab/router/lab-router.ts';
import { openpeRouter } from '../test/lab/router/openpe-router.ts';
import { vtysh } from '../test/lab/topology/frr.ts';
import { ROUTER_ADDRESS } from '../test/lab/topology/node.ts';

/*
 * How long a route of the host takes through the node, and to the far end of the fabric: with FRR in the
 * node's router and with openpe-routerd, in the same lab. All times are of one clock, the guest's, and
 * start when the host's UPDATE is on the veth.
 *
 * ROUNDS (default 15) addresses are announced one by one, then withdrawn one by one. ROUTER=frr|openpe
 * measures one of the two only.
 */

const ROUNDS = Number(process.env.ROUNDS ?? 15);
const PAUSE_SECONDS = 0.7;

/** Milliseconds from the host's UPDATE, one per round that was seen. */
interface Latencies {
  readonly kernelOfNode: number[];
  readonly updateToFabric: number[];
  readonly kernelOfLeaf: number[];
}

/** A change of a route, by `ip -ts monitor`. */
interface RouteEvent {
  /** Seconds since 1970. */
  readonly time: number;
  readonly deleted: boolean;
  readonly prefix: string;
}

function address(round: number): string {
  return `172.30.1.${round + 1}`;
}

/** The NLRI's last bytes, the same in IPv4 unicast and (without gateway and label) in Type 5: length, address. */
function prefixBytes(round: number): Buffer {
  return Buffer.from([32, ...address(round).split('.').map(Number)]);
}

/** When `source` first sent a BGP message with the prefix in the time given, or undefined. */
function firstSent(
  frames: readonly Frame[],
  source: string,
  prefix: Buffer,
  from: number,
  to: number,
): number | undefined {
  const found = frames.find(
    ({ time, ip }) =>
      time >= from && time < to && ip?.source === source && !ip.vxlan && ip.payload.includes(prefix),
  );
  return found?.time;
}

function readRouteEvents(text: string): RouteEvent[] {
  const line = /^\[([0-9T:.-]+)\] *(Deleted )?(?:unicast )?([0-9.]+)(?:\/32)? /;
  return text.split('\n').flatMap((entry) => {
    const match = line.exec(entry);
    if (!match) return [];
    return [
      { time: Date.parse(`${match[1]}Z`) / 1000, deleted: match[2] !== undefined, prefix: match[3] ?? '' },
    ];
  });
}

async function monitorRoutes(lab: Lab, namespace: string): Promise<() => Promise<RouteEvent[]>> {
  const file = `/run/captures/routes-${namespace}`;
  await lab.machine.run(`TZ=UTC ip -n ${namespace} -4 -ts monitor route > ${file}.txt 2>&1 < /dev/null &
echo $! > ${file}.pid`);
  return async () => {
    await lab.machine.run(`kill $(cat ${file}.pid); cp ${file}.txt /run/lab/routes-${namespace}.txt`);
    return readRouteEvents(readFileSync(join(lab.machine.directory, `routes-${namespace}.txt`), 'utf8'));
  };
}

async function measure(router: LabRouter): Promise<Record<'announce' | 'withdraw', Latencies>> {
  const lab = await Lab.start({ repository: process.cwd(), router });
  try {
    const [node] = lab.nodes;
    await lab.startRouter(node);
    await lab.machine.run(
      vtysh(
        node.host,
        'configure terminal',
        `ip prefix-list ${ROUTER_ADDRESS.red}-allowed-ipv4 seq 1 permit 172.30.1.0/24 le 32`,
      ),
    );
    // FRR applies a changed prefix list up to 5 s later.
    await lab.machine.run('sleep 6');
    const veth = await lab.capture(node.host, 'host-e-100', 'tcp port 179');
    const uplink = await lab.capture('sw', node.host, 'tcp port 179');
    const stopNode = await monitorRoutes(lab, node.router);
    const stopLeaf = await monitorRoutes(lab, 'leafA');
    const times = [await guestTime(lab)];
    for (const network of ['network', 'no network']) {
      for (let round = 0; round < ROUNDS; round++) {
        const statement = `${network} ${address(round)}/32`;
        await lab.machine.run(
          `${vtysh(node.host, 'configure terminal', 'router bgp 64515', 'address-family ipv4 unicast', statement)}
sleep ${PAUSE_SECONDS}`,
        );
      }
      times.push(await guestTime(lab));
    }
    const evidence = {
      veth: await veth.stop(),
      uplink: await uplink.stop(),
      node: await stopNode(),
      leaf: await stopLeaf(),
    };
    const [begin = 0, middle = 0, end = 0] = times;
    const between = (from: number, to: number, deleted: boolean): Latencies => {
      const latencies: Latencies = { kernelOfNode: [], updateToFabric: [], kernelOfLeaf: [] };
      for (let round = 0; round < ROUNDS; round++) {
        const prefix = prefixBytes(round);
        const start = firstSent(evidence.veth, node.hostAddress.red, prefix, from, to);
        if (start === undefined) continue;
        const kernel = (events: readonly RouteEvent[]): number | undefined =>
          events.find(
            (event) =>
              event.prefix === address(round) &&
              event.deleted === deleted &&
              event.time >= start &&
              event.time < to,
          )?.time;
        add(latencies.kernelOfNode, start, kernel(evidence.node));
        add(latencies.updateToFabric, start, firstSent(evidence.uplink, node.underlay, prefix, start, to));
        add(latencies.kernelOfLeaf, start, kernel(evidence.leaf));
      }
      return latencies;
    };
    return { announce: between(begin, middle, false), withdraw: between(middle, end, true) };
  } finally {
    await lab.stop();
  }
}

async function guestTime(lab: Lab): Promise<number> {
  return Number(await lab.machine.run('echo $EPOCHREALTIME'));
}

function add(latencies: number[], start: number, end: number | undefined): void {
  if (end !== undefined) latencies.push((end - start) * 1000);
}

function summary(latencies: readonly number[]): string {
  const sorted = [...latencies].sort((a, b) => a - b);
  const [smallest] = sorted;
  const median = sorted[Math.floor(sorted.length / 2)];
  const largest = sorted.at(-1);
  if (smallest === undefined || median === undefined || largest === undefined) return 'not seen';
  return `${median.toFixed(1)} (${smallest.toFixed(1)} to ${largest.toFixed(1)}, ${sorted.length} of ${ROUNDS})`;
}

async function main(): Promise<void> {
  const routers = [frrRouter, openpeRouter('current')].filter(
    ({ title }) => !process.env.ROUTER || title.toLowerCase().startsWith(process.env.ROUTER),
  );
  const results = [];
  for (const router of routers) {
    console.log(`measuring ${router.title} ...`);
    results.push({ title: router.title, latencies: await measure(router) });
  }
  const row = (label: string, cells: readonly string[]): void =>
    console.log(label.padEnd(44) + cells.map((cell) => cell.padEnd(34)).join(''));
  console.log("\nMilliseconds from the host's UPDATE on the veth: median (range, rounds seen)\n");
  row(
    '',
    results.map(({ title }) => title),
  );
  for (const event of ['announce', 'withdraw'] as const) {
    const lines: ReadonlyArray<readonly [string, keyof Latencies]> = [
      [`${event}: kernel of the node's router`, 'kernelOfNode'],
      [`${event}: Type 5 UPDATE leaves the node`, 'updateToFabric'],
      [`${event}: kernel of leafA`, 'kernelOfLeaf'],
    ];
    for (const [label, key] of lines) {
      row(
        label,
        results.map(({ latencies }) => summary(latencies[event][key])),
      );
    }
  }
}

await main();
