import { execFileSync } from 'node:child_process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Fib } from '../dataplane/fib/fib.ts';
import { writeNexthop, writeNexthopRemoval } from '../dataplane/fib/object-request.ts';
import { writeRoute, writeRouteRemoval } from '../dataplane/fib/route-message.ts';
import { MessageBuilder } from '../dataplane/netlink/message-builder.ts';
import { RouteSocket } from '../dataplane/netlink/route-socket.ts';
import { createNamespace, deleteNamespace } from '../dataplane/network-namespace.ts';
import type { RouteNexthop } from '../dataplane/route-table.ts';
import { type IpVersion, ipv4FromNumber, ipv4Mapped } from '../net/address.ts';

/*
 * Routes behind tunnel endpoints through the FIB, against the raw rate: the same messages, prebuilt and sent
 * in a loop. Both start from an empty table and take turns; the time of the FIB is from the first `replace` to the
 * kernel's last answer, neighbours, FDB entries and next-hop objects included.
 *
 * ROUTES (default 100,000), ROUNDS (default 7), VERSION (4 or 6, default 4). Takes root; uses a network namespace of its own.
 */

const ROUTES = Number(process.env.ROUTES ?? 100_000);
const ROUNDS = Number(process.env.ROUNDS ?? 7);
const VERSION: IpVersion = process.env.VERSION === '6' ? 6 : 4;
const VTEPS = 64;
const TABLE = 100;
const LENGTH = VERSION === 4 ? 32 : 64;
const SIZE = VERSION === 4 ? 4 : 16;
const FIRST_RAW_ID = 1000;
/** As much as a socket sends at once. */
const RAW_BATCH = 128 * 1024;
/** Routes handed in per turn. */
const PORTION = 4096;

const namespace = `bench-fib-${process.pid}`;
const ip = (...args: string[]): string =>
  execFileSync('ip', ['-n', namespace, ...args], { encoding: 'utf8' });

function setUp(): Map<string, number> {
  ip('link', 'set', 'lo', 'up');
  ip('address', 'add', '100.65.0.0/32', 'dev', 'lo');
  ip('link', 'add', 'br-pe-100', 'type', 'bridge');
  ip('link', 'set', 'br-pe-100', 'addrgenmode', 'none', 'up');
  ip(...'link add vni100 type vxlan id 100 local 100.65.0.0 dev lo dstport 4789 nolearning'.split(' '));
  ip('link', 'set', 'vni100', 'addrgenmode', 'none', 'master', 'br-pe-100', 'up');
  const links = JSON.parse(ip('-j', 'link')) as { ifname: string; ifindex: number }[];
  return new Map(links.map(({ ifname, ifindex }) => [ifname, ifindex]));
}

/** All prefixes, back to back, each inside a /24 or /48 with others as real tables have it. */
function prefixes(): Uint8Array {
  const bytes = new Uint8Array(ROUTES * SIZE);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < ROUTES; i++) {
    if (VERSION === 4) view.setUint32(i * SIZE, 0x0a000000 + i * 3);
    else {
      view.setUint32(i * SIZE, 0x20010db8);
      view.setUint32(i * SIZE + 4, i * 3);
    }
  }
  return bytes;
}

function nexthop(vtep: number): RouteNexthop {
  const gateway = ipv4FromNumber(0x64400000 + vtep);
  return {
    gateway,
    device: 'br-pe-100',
    onlink: true,
    tunnel: {
      vtep: gateway,
      routerMac: Uint8Array.of(0xaa, 0xbb, 0xcc, 0, vtep >> 8, vtep & 255),
      bridge: 'br-pe-100',
      vxlan: 'vni100',
      vni: 100,
    },
  };
}

/** Route messages in buffers of {@link RAW_BATCH} bytes. */
function prebuild(
  all: Uint8Array,
  write: (builder: MessageBuilder, prefix: Uint8Array, i: number) => void,
): Uint8Array[] {
  const builder = new MessageBuilder(RAW_BATCH + 128);
  const buffers: Uint8Array[] = [];
  for (let i = 0; i < ROUTES; i++) {
    write(builder, all.subarray(i * SIZE, (i + 1) * SIZE), i);
    if (builder.length + 72 <= RAW_BATCH && i + 1 < ROUTES) continue;
    buffers.push(builder.copy());
    builder.reset();
  }
  return buffers;
}

/** Wall time, and processor time of this process, in milliseconds. */
interface Cost {
  readonly wall: number;
  readonly processor: number;
}

function startCounting(): () => Cost {
  const wall = performance.now();
  const processor = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(processor);
    return { wall: performance.now() - wall, processor: (user + system) / 1000 };
  };
}

async function sendAll(socket: RouteSocket, buffers: readonly Uint8Array[]): Promise<Cost> {
  const cost = startCounting();
  for (const buffer of buffers) {
    const errors = await socket.sendBatch(buffer);
    if (errors[0]) throw new Error(`the kernel refused message ${errors[0].index}: ${errors[0].reason}`);
  }
  return cost();
}

/** Calls `hand` for each route, some thousands per turn as a RIB does, and flushes along the way. */
async function inPortions(fib: Fib, hand: (i: number) => void): Promise<Cost> {
  const cost = startCounting();
  for (let start = 0; start < ROUTES; start += PORTION) {
    const end = Math.min(ROUTES, start + PORTION);
    for (let i = start; i < end; i++) hand(i);
    void fib.flush();
    await nextTurn();
  }
  await fib.flush();
  return cost();
}

/** Adds all routes and removes them again. */
async function throughFib(fib: Fib, all: Uint8Array): Promise<{ add: Cost; remove: Cost }> {
  const sets = Array.from({ length: VTEPS }, (_, vtep) => fib.internNexthops([nexthop(vtep)]));
  const add = await inPortions(fib, (i) =>
    fib.replace(TABLE, VERSION, all, i * SIZE, LENGTH, sets[i % VTEPS] as number),
  );
  if (fib.counters.installed !== ROUTES) throw new Error(`${fib.failures()[0]?.reason}`);
  const remove = await inPortions(fib, (i) => fib.remove(TABLE, VERSION, all, i * SIZE, LENGTH));
  if (fib.size > 0) throw new Error(`${fib.failures()[0]?.reason}`);
  for (const set of sets) fib.releaseNexthops(set);
  return { add, remove };
}

/** The longest turns that the event loop takes during `work`. */
async function longestTurns(work: () => Promise<unknown>): Promise<string> {
  const turns: number[] = [];
  let last = performance.now();
  let going = true;
  const tick = (): void => {
    const now = performance.now();
    turns.push(now - last);
    last = now;
    if (going) setImmediate(tick);
  };
  setImmediate(tick);
  await work();
  going = false;
  turns.sort((a, b) => b - a);
  return `${turns.length}, the longest ${turns
    .slice(0, 5)
    .map((time) => time.toFixed(1))
    .join(', ')} ms, median ${median(turns).toFixed(1)} ms`;
}

/** Next-hop objects for the raw messages. */
async function rawNexthops(socket: RouteSocket, device: number, add: boolean): Promise<void> {
  const builder = new MessageBuilder();
  for (let vtep = 0; vtep < VTEPS; vtep++) {
    const gateway = ipv4FromNumber(0x64400000 + vtep);
    const bytes = VERSION === 4 ? gateway.bytes : ipv4Mapped(gateway).bytes;
    if (add) writeNexthop(builder, FIRST_RAW_ID + vtep, bytes, device, true);
    else writeNexthopRemoval(builder, FIRST_RAW_ID + vtep);
  }
  const errors = await socket.sendBatch(builder.bytes());
  if (errors[0]) throw new Error(errors[0].reason);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function report(what: string, raw: readonly Cost[], fib: readonly Cost[]): void {
  const wall = (costs: readonly Cost[]): number[] => costs.map((cost) => cost.wall);
  const processor = (costs: readonly Cost[]): number[] => costs.map((cost) => cost.processor);
  const rate = (time: number): string => `${Math.round(ROUTES / time)}k/s`;
  const rates = (costs: readonly Cost[]): string =>
    `${rate(median(wall(costs)))} (best ${rate(Math.min(...wall(costs)))})`;
  const percent = (a: number, b: number): string => `${((a / b) * 100).toFixed(1)} %`;
  console.log(
    `${what}: raw ${rates(raw)}, FIB ${rates(fib)}: ` +
      `${percent(median(wall(raw)), median(wall(fib)))} of the raw rate, ` +
      `of the best ${percent(Math.min(...wall(raw)), Math.min(...wall(fib)))}, ` +
      `by processor time ${percent(median(processor(raw)), median(processor(fib)))}`,
  );
}

async function main(): Promise<void> {
  const indexes = setUp();
  const socket = RouteSocket.open(namespace);
  const all = prefixes();
  const device = indexes.get('br-pe-100') ?? 0;
  const additions = prebuild(all, (builder, prefix, i) =>
    writeRoute(builder, VERSION, prefix, LENGTH, TABLE, FIRST_RAW_ID + (i % VTEPS)),
  );
  const removals = prebuild(all, (builder, prefix) =>
    writeRouteRemoval(builder, VERSION, prefix, LENGTH, TABLE),
  );
  const times: Record<'rawAdd' | 'rawRemove' | 'add' | 'remove', Cost[]> = {
    rawAdd: [],
    rawRemove: [],
    add: [],
    remove: [],
  };
  for (let round = -1; round < ROUNDS; round++) {
    await rawNexthops(socket, device, true);
    const rawAdd = await sendAll(socket, additions);
    const rawRemove = await sendAll(socket, removals);
    await rawNexthops(socket, device, false);
    const fib = new Fib({
      socket,
      interfaceIndex: (name) => indexes.get(name),
      now: () => performance.now(),
    });
    const { add, remove } = await throughFib(fib, all);
    // The first round warms up.
    if (round < 0) continue;
    times.rawAdd.push(rawAdd);
    times.rawRemove.push(rawRemove);
    times.add.push(add);
    times.remove.push(remove);
  }
  console.log(`${ROUTES} IPv${VERSION} routes, ${VTEPS} tunnel endpoints, ${ROUNDS} rounds, medians`);
  report('add', times.rawAdd, times.add);
  report('remove', times.rawRemove, times.remove);
  const fib = new Fib({ socket, interfaceIndex: (name) => indexes.get(name), now: () => performance.now() });
  console.log(`turns of the event loop with the FIB: ${await longestTurns(() => throughFib(fib, all))}`);
  socket.close();
}

createNamespace(namespace);
try {
  await main();
} finally {
  deleteNamespace(namespace);
}
