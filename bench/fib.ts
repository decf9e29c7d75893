import { execFileSync } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
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

async function sendAll(socket: RouteSocket, buffers: readonly Uint8Array[]): Promise<number> {
  const started = performance.now();
  for (const buffer of buffers) {
    const errors = await socket.sendBatch(buffer);
    if (errors[0]) throw new Error(`the kernel refused message ${errors[0].index}: ${errors[0].reason}`);
  }
  return performance.now() - started;
}

async function throughFib(fib: Fib, all: Uint8Array): Promise<{ add: number; remove: number }> {
  const sets = Array.from({ length: VTEPS }, (_, vtep) => fib.internNexthops([nexthop(vtep)]));
  const started = performance.now();
  for (let i = 0; i < ROUTES; i++) {
    fib.replace(TABLE, VERSION, all, i * SIZE, LENGTH, sets[i % VTEPS] as number);
  }
  let failures = await fib.flush();
  const add = performance.now() - started;
  if (failures[0]) throw new Error(`${failures[0].object}: ${failures[0].reason}`);
  await nextTurn();
  const middle = performance.now();
  for (let i = 0; i < ROUTES; i++) fib.remove(TABLE, VERSION, all, i * SIZE, LENGTH);
  failures = await fib.flush();
  const remove = performance.now() - middle;
  if (failures[0]) throw new Error(`${failures[0].object}: ${failures[0].reason}`);
  for (const set of sets) fib.releaseNexthops(set);
  return { add, remove };
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

function report(what: string, raw: readonly number[], fib: readonly number[]): void {
  const rate = (time: number): string => `${Math.round(ROUTES / time)}k/s`;
  const ratio = (median(raw) / median(fib)) * 100;
  const each = raw.map((time, round) => (time / (fib[round] ?? Number.NaN)) * 100);
  console.log(
    `${what}: raw ${rate(median(raw))} (best ${rate(Math.min(...raw))}), FIB ${rate(median(fib))} ` +
      `(best ${rate(Math.min(...fib))}): ${ratio.toFixed(1)} % of the raw rate, ` +
      `per round ${each.map((value) => value.toFixed(0)).join(' ')} %`,
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
  const times = {
    rawAdd: [] as number[],
    rawRemove: [] as number[],
    add: [] as number[],
    remove: [] as number[],
  };
  const delay = monitorEventLoopDelay({ resolution: 1 });
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
    if (round === 0) delay.reset();
    delay.enable();
    const { add, remove } = await throughFib(fib, all);
    delay.disable();
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
  console.log(`longest turn of the event loop with the FIB: ${(delay.max / 1e6).toFixed(1)} ms`);
  socket.close();
}

createNamespace(namespace);
try {
  await main();
} finally {
  deleteNamespace(namespace);
}
