import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readKernelState } from '../../dataplane/fib/adoption.ts';
import { Fib } from '../../dataplane/fib/fib.ts';
import { RouteSocket } from '../../dataplane/netlink/route-socket.ts';
import { createNamespace, deleteNamespace } from '../../dataplane/network-namespace.ts';
import type { RouteNexthop } from '../../dataplane/route-table.ts';
import { ipv4FromNumber, ipv4ToNumber, parseAddress } from '../../net/address.ts';

const ROOT = process.getuid?.() === 0;
if (!ROOT) console.log('the FIB on a real kernel is not tested: that takes root');

const TABLE = 100;
const ROUTES = 5000;
const VTEPS = 8;
/** Endpoints left once the even routes are spread over the first two. */
const VTEPS_WITH_ECMP = 5;

interface ShownRoute {
  readonly dst: string;
  readonly nhid: number;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol: string;
  readonly metric: number;
  readonly flags: readonly string[];
  readonly nexthops?: readonly { readonly gateway: string; readonly flags: readonly string[] }[];
}

interface ShownNeighbour {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr: string;
  readonly state: readonly string[];
  readonly extern_learn?: null;
  readonly protocol?: string;
}

interface ShownFdbEntry {
  readonly mac: string;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly dst?: string;
  readonly master?: string;
}

describe.runIf(ROOT)('the FIB on the running kernel', () => {
  const namespace = `fib-${process.pid}-${randomBytes(3).toString('hex')}`;
  const indexes = new Map<string, number>();
  let socket: RouteSocket | undefined;
  let fib: Fib;

  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, ['-n', namespace, ...args], { encoding: 'utf8', maxBuffer: 64 << 20 });
  const show = <T>(program: string, ...args: string[]): T[] =>
    JSON.parse(run(program, '-j', '-d', ...args) || '[]') as T[];
  const routes = (version: 4 | 6): ShownRoute[] =>
    show<ShownRoute>('ip', `-${version}`, 'route', 'show', 'table', String(TABLE));
  const neighbours = (): ShownNeighbour[] =>
    ['-4', '-6']
      .flatMap((family) => show<ShownNeighbour>('ip', family, 'neigh', 'show', 'dev', 'br-pe-100'))
      .filter(({ protocol }) => protocol === '181');
  const learned = (): ShownFdbEntry[] =>
    show<ShownFdbEntry>('bridge', 'fdb', 'show', 'dev', 'vni100').filter(({ flags }) =>
      flags.includes('extern_learn'),
    );
  const nexthops = (): { id: number; group?: unknown }[] => show('ip', 'nexthop', 'show', 'proto', '181');

  function link(...args: string[]): void {
    run('ip', 'link', ...args);
  }

  function newFib(): Fib {
    if (socket === undefined) throw new Error('no socket');
    return new Fib({
      socket,
      interfaceIndex: (name) => indexes.get(name),
      now: () => performance.now(),
    });
  }

  function readIndexes(): void {
    indexes.clear();
    for (const { ifname, ifindex } of show<{ ifname: string; ifindex: number }>('ip', 'link')) {
      indexes.set(ifname, ifindex);
    }
  }

  beforeAll(() => {
    createNamespace(namespace);
    link('set', 'lo', 'up');
    link('add', 'br-pe-100', 'type', 'bridge');
    link('set', 'br-pe-100', 'addrgenmode', 'none', 'up');
    run('ip', 'address', 'add', '100.65.0.0/32', 'dev', 'lo');
    link(...'add vni100 type vxlan id 100 local 100.65.0.0 dev lo dstport 4789 nolearning'.split(' '));
    link('set', 'vni100', 'addrgenmode', 'none', 'master', 'br-pe-100', 'up');
    link('add', 'pe-e-100', 'type', 'veth', 'peer', 'name', 'host-e-100');
    run('ip', 'address', 'add', '192.169.10.1/24', 'dev', 'pe-e-100');
    link('set', 'pe-e-100', 'up');
    link('set', 'host-e-100', 'up');
    readIndexes();
    socket = RouteSocket.open(namespace);
    fib = newFib();
  });

  afterAll(() => {
    socket?.close();
    deleteNamespace(namespace);
  });

  const sets: number[] = [];
  let ecmp = -1;

  it(`programs ${ROUTES} IPv4 and ${ROUTES} IPv6 routes behind ${VTEPS} tunnel endpoints`, async () => {
    for (let vtep = 0; vtep < VTEPS; vtep++) sets.push(fib.internNexthops([tunnel(vtep)]));
    for (let i = 0; i < ROUTES; i++) fill(fib, i, sets[i % VTEPS] ?? -1);
    expect(await fib.flush()).toEqual([]);
    const ipv4 = routes(4);
    expect(ipv4).toHaveLength(ROUTES);
    expect(ipv4.find(({ dst }) => dst === '10.0.9.0/24')).toMatchObject({
      gateway: '100.64.0.1',
      dev: 'br-pe-100',
      protocol: '181',
      metric: 20,
      flags: ['onlink'],
    });
    const ipv6 = routes(6);
    expect(ipv6).toHaveLength(ROUTES);
    expect(ipv6.find(({ dst }) => dst === '2001:db8:9::/48')).toMatchObject({
      gateway: '::ffff:100.64.0.1',
      dev: 'br-pe-100',
      metric: 20,
      flags: ['onlink'],
    });
    expect(nexthops()).toHaveLength(VTEPS * 2);
  });

  it('has neighbours and FDB entries as the reference lab shows them', () => {
    const shown = neighbours();
    expect(shown).toHaveLength(VTEPS * 2);
    for (const address of ['100.64.0.1', '::ffff:100.64.0.1']) {
      const entry = shown.find(({ dst }) => dst === address);
      expect(entry).toMatchObject({ lladdr: 'aa:bb:cc:00:00:01', state: ['NOARP'], protocol: '181' });
      expect(entry).toHaveProperty('extern_learn');
    }
    const entries = learned().filter(({ mac }) => mac === 'aa:bb:cc:00:00:01');
    expect(entries.find(({ flags }) => flags.includes('self'))).toMatchObject({ dst: '100.64.0.1' });
    expect(entries.some(({ master }) => master === 'br-pe-100')).toBe(true);
  });

  it('moves routes to ECMP over two endpoints, and one to the host', async () => {
    ecmp = fib.internNexthops([tunnel(0), tunnel(1)]);
    for (let i = 0; i < ROUTES; i += 2) fill(fib, i, ecmp);
    const host = fib.internNexthops([
      { gateway: ipv4FromNumber(0xc0a90a02), device: 'pe-e-100', onlink: false },
    ]);
    fib.replace(TABLE, 4, Uint8Array.of(10, 0, 9, 0), 0, 24, host);
    expect(await fib.flush()).toEqual([]);
    const shown = new Map(routes(4).map((route) => [route.dst, route]));
    expect(
      shown
        .get('10.0.8.0/24')
        ?.nexthops?.map(({ gateway }) => gateway)
        .sort(),
    ).toEqual(['100.64.0.0', '100.64.0.1']);
    expect(shown.get('10.0.9.0/24')).toMatchObject({ gateway: '192.169.10.2', dev: 'pe-e-100', flags: [] });
    expect(routes(6).find(({ dst }) => dst === '2001:db8:8::/48')?.nexthops).toHaveLength(2);
  });

  it('changes a router MAC in place', async () => {
    const before = routes(4).find(({ dst }) => dst === '10.0.3.0/24');
    const moved = fib.internNexthops([tunnel(3, 0x77)]);
    for (let i = 3; i < ROUTES; i += VTEPS) fill(fib, i, moved);
    const { messages } = fib.counters;
    expect(await fib.flush()).toEqual([]);
    // FDB entry, two neighbours, and the old MAC's two entries: no route is sent.
    expect(fib.counters.messages - messages).toBe(5);
    expect(routes(4).find(({ dst }) => dst === '10.0.3.0/24')).toEqual(before);
    expect(neighbours().filter(({ lladdr }) => lladdr === 'aa:bb:cc:00:00:77')).toHaveLength(2);
    expect(learned().filter(({ mac }) => mac === 'aa:bb:cc:00:00:03')).toEqual([]);
  });

  it('names the prefix and the kernel’s reason when a route is refused', async () => {
    const set = sets[0] ?? -1;
    // Host bits that are set, which the kernel refuses for IPv4.
    fib.replace(TABLE, 4, Uint8Array.of(11, 0, 0, 1), 0, 24, set);
    fib.replace(TABLE, 4, Uint8Array.of(11, 0, 1, 0), 0, 24, set);
    const failures = await fib.flush();
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ table: TABLE, object: '11.0.0.1/24', operation: 'add route' });
    expect(failures[0]?.reason).toContain('EINVAL');
    expect(fib.isInstalled(TABLE, 4, Uint8Array.of(11, 0, 1, 0), 0, 24)).toBe(true);
    fib.remove(TABLE, 4, Uint8Array.of(11, 0, 0, 1), 0, 24);
    fib.remove(TABLE, 4, Uint8Array.of(11, 0, 1, 0), 0, 24);
    expect(await fib.flush()).toEqual([]);
  });

  it('brings back what was on a bridge that went down and up', async () => {
    link('set', 'br-pe-100', 'down');
    link('set', 'br-pe-100', 'up');
    fib.forgetDevice('br-pe-100');
    expect(await fib.flush()).toEqual([]);
    expect(routes(4)).toHaveLength(ROUTES);
    expect(routes(6)).toHaveLength(ROUTES);
    expect(neighbours()).toHaveLength(VTEPS_WITH_ECMP * 2);
  });

  it('is taken over after a restart without a message, and swept of what nobody claims', async () => {
    if (socket === undefined) throw new Error('no socket');
    fib = newFib();
    const adopted = await fib.adopt(await readKernelState(socket));
    expect(adopted).toMatchObject({
      routes: ROUTES * 2,
      neighbours: VTEPS_WITH_ECMP * 2,
      fdb: VTEPS_WITH_ECMP,
    });
    expect(fib.counters.installed).toBe(ROUTES * 2);
    const all = Array.from({ length: VTEPS }, (_, vtep) =>
      fib.internNexthops([tunnel(vtep, vtep === 3 ? 0x77 : undefined)]),
    );
    const both = fib.internNexthops([tunnel(0), tunnel(1)]);
    let claimed = 0;
    for (let i = 0; i < ROUTES - 1000; i++) {
      // Nobody asks for endpoint 5 and for the route to the host.
      if (i % VTEPS === 5 || i === 9) continue;
      fill(fib, i, i % 2 === 0 ? both : (all[i % VTEPS] ?? -1));
      claimed++;
    }
    expect(await fib.flush()).toEqual([]);
    expect(fib.counters.messages).toBe(0);
    expect(fib.sweep()).toBe(2 * (ROUTES - claimed));
    expect(await fib.flush()).toEqual([]);
    expect(routes(4)).toHaveLength(claimed);
    expect(routes(6)).toHaveLength(claimed);
    expect(neighbours().filter(({ lladdr }) => lladdr === 'aa:bb:cc:00:00:05')).toEqual([]);
    expect(learned().filter(({ mac }) => mac === 'aa:bb:cc:00:00:05')).toEqual([]);
    expect(neighbours()).toHaveLength((VTEPS_WITH_ECMP - 1) * 2);
  });

  it('leaves nothing behind when all is removed', async () => {
    fib.removeTable(TABLE);
    expect(await fib.flush()).toEqual([]);
    expect(routes(4)).toEqual([]);
    expect(routes(6)).toEqual([]);
    expect(nexthops()).toEqual([]);
    expect(neighbours()).toEqual([]);
    expect(learned()).toEqual([]);
    expect(fib.size).toBe(0);
    expect(fib.counters).toMatchObject({ installed: 0, failed: 0, nexthops: 0, tunnelEntries: 0 });
  });
});

/** The next hop to one of the tunnel endpoints 100.64.0.0 and up; `mac`: last octet of its router MAC. */
function tunnel(vtep: number, mac = vtep): RouteNexthop {
  const first = parseAddress('100.64.0.0');
  if (first === undefined) throw new Error('no address');
  const gateway = ipv4FromNumber(ipv4ToNumber(first) + vtep);
  return {
    gateway,
    device: 'br-pe-100',
    onlink: true,
    tunnel: {
      vtep: gateway,
      routerMac: Uint8Array.of(0xaa, 0xbb, 0xcc, 0, 0, mac),
      bridge: 'br-pe-100',
      vxlan: 'vni100',
      vni: 100,
    },
  };
}

/** The `i`-th IPv4 prefix 10.x.y.0/24 and IPv6 prefix 2001:db8:x::/48. */
function fill(fib: Fib, i: number, set: number): void {
  fib.replace(TABLE, 4, Uint8Array.of(10, i >> 8, i & 255, 0), 0, 24, set);
  const ipv6 = Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, i >> 8, i & 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  fib.replace(TABLE, 6, ipv6, 0, 48, set);
}
