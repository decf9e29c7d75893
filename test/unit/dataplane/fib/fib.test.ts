import { describe, expect, it } from 'vitest';
import { LARGEST_LIMIT } from '../../../../dataplane/fib/batch-channel.ts';
import { FIRST_NEXTHOP_ID } from '../../../../dataplane/fib/own-objects.ts';
import { BRIDGE, fibOnKernel, hostVia, remove, replace, stateOf, tunnelTo, VETH, VXLAN } from './sample.ts';

const LEAF_A = tunnelTo('100.64.0.1', 'aa:bb:cc:00:00:65');
const LEAF_B = tunnelTo('100.64.0.2', 'aa:bb:cc:00:00:67');
const ID = FIRST_NEXTHOP_ID;
const EPERM = 1;

describe('messages, against the requests recorded in the reference lab', () => {
  it('adds FDB entry, neighbour, next hop and route of the first prefix behind a tunnel endpoint', async () => {
    const { kernel, fib } = fibOnKernel();
    replace(fib, 1, '192.168.20.0/24', fib.internNexthops([LEAF_A]));
    expect(await fib.flush()).toEqual([]);
    expect(kernel.log).toEqual([
      'NEWNEIGH REPLACE|CREATE family bridge ifindex 6 state 2 flags 22 | PROTOCOL=181 LLADDR=aa:bb:cc:00:00:65 DST=100.64.0.1 SRC_VNI=100 MASTER=5',
      'NEWNEIGH REPLACE|CREATE family inet ifindex 5 state 64 flags 16 | PROTOCOL=181 LLADDR=aa:bb:cc:00:00:65 DST=100.64.0.1',
      `NEWNEXTHOP EXCL|CREATE family inet scope 0 proto 181 flags 4 | ID=${ID} GATEWAY=100.64.0.1 OIF=5`,
      `NEWROUTE REPLACE|CREATE family inet dst/24 table 1 proto 181 scope 0 type 1 flags 0 | DST=192.168.20.0 PRIORITY=20 NH_ID=${ID}`,
    ]);
  });

  it('sends an IPv6 route to the IPv4-mapped endpoint, with a neighbour of its own and the same FDB entry', async () => {
    const { kernel, fib } = fibOnKernel();
    replace(fib, 1, '2001:db8:20::/64', fib.internNexthops([LEAF_A]));
    expect(await fib.flush()).toEqual([]);
    expect(kernel.log).toEqual([
      'NEWNEIGH REPLACE|CREATE family bridge ifindex 6 state 2 flags 22 | PROTOCOL=181 LLADDR=aa:bb:cc:00:00:65 DST=100.64.0.1 SRC_VNI=100 MASTER=5',
      'NEWNEIGH REPLACE|CREATE family inet6 ifindex 5 state 64 flags 16 | PROTOCOL=181 LLADDR=aa:bb:cc:00:00:65 DST=::ffff:100.64.0.1',
      `NEWNEXTHOP EXCL|CREATE family inet6 scope 0 proto 181 flags 4 | ID=${ID} GATEWAY=::ffff:100.64.0.1 OIF=5`,
      `NEWROUTE REPLACE|CREATE family inet6 dst/64 table 1 proto 181 scope 0 type 1 flags 0 | DST=2001:db8:20:: PRIORITY=20 NH_ID=${ID}`,
    ]);
  });

  it('sends a route to the host without onlink, and needs no neighbour', async () => {
    const { kernel, fib } = fibOnKernel();
    replace(fib, 1, '172.30.0.10/32', fib.internNexthops([hostVia('192.169.10.2')]));
    await fib.flush();
    expect(kernel.log).toEqual([
      `NEWNEXTHOP EXCL|CREATE family inet scope 0 proto 181 flags 0 | ID=${ID} GATEWAY=192.169.10.2 OIF=7`,
      `NEWROUTE REPLACE|CREATE family inet dst/32 table 1 proto 181 scope 0 type 1 flags 0 | DST=172.30.0.10 PRIORITY=20 NH_ID=${ID}`,
    ]);
  });

  it('makes a group of several next hops, and removes all in the opposite order', async () => {
    const { kernel, fib } = fibOnKernel();
    const set = fib.internNexthops([LEAF_A, LEAF_B]);
    replace(fib, 1100, '172.30.0.10/32', set);
    await fib.flush();
    expect(kernel.log.slice(4)).toEqual([
      `NEWNEXTHOP EXCL|CREATE family inet scope 0 proto 181 flags 4 | ID=${ID} GATEWAY=100.64.0.1 OIF=5`,
      `NEWNEXTHOP EXCL|CREATE family inet scope 0 proto 181 flags 4 | ID=${ID + 1} GATEWAY=100.64.0.2 OIF=5`,
      `NEWNEXTHOP EXCL|CREATE family unspec scope 0 proto 181 flags 0 | ID=${ID + 2} GROUP=0000000e000000000100000e00000000`,
      `NEWROUTE REPLACE|CREATE family inet dst/32 table 0 proto 181 scope 0 type 1 flags 0 | DST=172.30.0.10 PRIORITY=20 NH_ID=${ID + 2} TABLE=1100`,
    ]);
    kernel.log.length = 0;
    remove(fib, 1100, '172.30.0.10/32');
    fib.releaseNexthops(set);
    expect(await fib.flush()).toEqual([]);
    expect(kernel.log).toEqual([
      'DELROUTE family inet dst/32 table 0 proto 181 scope 0 type 0 flags 0 | DST=172.30.0.10 PRIORITY=20 TABLE=1100',
      `DELNEXTHOP family unspec scope 0 proto 0 flags 0 | ID=${ID + 2}`,
      `DELNEXTHOP family unspec scope 0 proto 0 flags 0 | ID=${ID}`,
      `DELNEXTHOP family unspec scope 0 proto 0 flags 0 | ID=${ID + 1}`,
      'DELNEIGH family bridge ifindex 6 state 0 flags 20 | LLADDR=aa:bb:cc:00:00:65',
      'DELNEIGH family bridge ifindex 6 state 0 flags 18 | LLADDR=aa:bb:cc:00:00:65',
      'DELNEIGH family bridge ifindex 6 state 0 flags 20 | LLADDR=aa:bb:cc:00:00:67',
      'DELNEIGH family bridge ifindex 6 state 0 flags 18 | LLADDR=aa:bb:cc:00:00:67',
      'DELNEIGH family inet ifindex 5 state 0 flags 16 | DST=100.64.0.1',
      'DELNEIGH family inet ifindex 5 state 0 flags 16 | DST=100.64.0.2',
    ]);
    expect(kernel.sizes).toEqual({ routes: 0, nexthops: 0, neighbours: 0, fdb: 0 });
    expect(fib.size).toBe(0);
  });
});

describe('what is there already', () => {
  it('sends nothing for a duplicate, for a route that came and went, and for an empty flush', async () => {
    const { kernel, fib } = fibOnKernel();
    const set = fib.internNexthops([LEAF_A]);
    replace(fib, 1, '10.0.0.0/24', set);
    await fib.flush();
    const before = kernel.log.length;
    replace(fib, 1, '10.0.0.0/24', set);
    replace(fib, 1, '10.0.1.0/24', set);
    remove(fib, 1, '10.0.1.0/24');
    remove(fib, 1, '10.0.2.0/24');
    expect(await fib.flush()).toEqual([]);
    expect(await fib.flush()).toEqual([]);
    expect(kernel.log.length).toBe(before);
    expect(fib.size).toBe(1);
  });

  it('gives the same number to the same set in any order, and keeps it until the last release', async () => {
    const { fib } = fibOnKernel();
    const set = fib.internNexthops([LEAF_A, LEAF_B]);
    expect(fib.internNexthops([LEAF_B, LEAF_A, LEAF_B])).toBe(set);
    fib.releaseNexthops(set);
    replace(fib, 1, '10.0.0.0/24', set);
    fib.releaseNexthops(set);
    expect(() => replace(fib, 1, '10.0.1.0/24', set)).toThrow(RangeError);
    expect(() => fib.releaseNexthops(set)).toThrow(RangeError);
    await fib.flush();
    expect(stateOf(fib, 1, '10.0.0.0/24')).toBe('installed');
  });

  it('moves routes between sets that share their next-hop object without a route message', async () => {
    const { kernel, fib } = fibOnKernel();
    const moved = tunnelTo('100.64.0.1', 'aa:bb:cc:00:00:99');
    const before = fib.internNexthops([LEAF_A]);
    replace(fib, 1, '10.0.0.0/24', before);
    replace(fib, 1, '10.0.1.0/24', before);
    await fib.flush();
    kernel.log.length = 0;
    const after = fib.internNexthops([moved]);
    replace(fib, 1, '10.0.0.0/24', after);
    replace(fib, 1, '10.0.1.0/24', after);
    fib.releaseNexthops(before);
    expect(await fib.flush()).toEqual([]);
    expect(kernel.log).toEqual([
      'NEWNEIGH REPLACE|CREATE family bridge ifindex 6 state 2 flags 22 | PROTOCOL=181 LLADDR=aa:bb:cc:00:00:99 DST=100.64.0.1 SRC_VNI=100 MASTER=5',
      'NEWNEIGH REPLACE|CREATE family inet ifindex 5 state 64 flags 16 | PROTOCOL=181 LLADDR=aa:bb:cc:00:00:99 DST=100.64.0.1',
      'DELNEIGH family bridge ifindex 6 state 0 flags 20 | LLADDR=aa:bb:cc:00:00:65',
      'DELNEIGH family bridge ifindex 6 state 0 flags 18 | LLADDR=aa:bb:cc:00:00:65',
    ]);
    expect(stateOf(fib, 1, '10.0.1.0/24')).toBe('installed');
  });

  it('lets the last router MAC of an endpoint win, and returns to the older one when the newer goes', async () => {
    const { kernel, fib } = fibOnKernel();
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_A]));
    await fib.flush();
    const newer = fib.internNexthops([tunnelTo('100.64.0.1', 'aa:bb:cc:00:00:99')]);
    replace(fib, 1, '10.0.1.0/24', newer);
    await fib.flush();
    expect(kernel.neighbours).toEqual(new Map([[`${BRIDGE} 100.64.0.1`, 'aa:bb:cc:00:00:99']]));
    expect([...kernel.fdb.keys()]).toContain(`${VXLAN} aa:bb:cc:00:00:65`);
    remove(fib, 1, '10.0.1.0/24');
    await fib.flush();
    expect(kernel.neighbours).toEqual(new Map([[`${BRIDGE} 100.64.0.1`, 'aa:bb:cc:00:00:65']]));
    expect([...kernel.fdb.keys()]).toEqual([
      `${VXLAN} aa:bb:cc:00:00:65`,
      `${VXLAN} aa:bb:cc:00:00:65 master`,
    ]);
  });
});

describe('failures', () => {
  it('maps an error to its prefix, leaves the rest in place, and tries again when asked', async () => {
    const { kernel, fib } = fibOnKernel();
    kernel.refuse = (text) => (text.includes('DST=10.0.1.0') ? EPERM : undefined);
    const set = fib.internNexthops([LEAF_A]);
    for (const network of ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24']) replace(fib, 7, network, set);
    const expected = [
      { table: 7, object: '10.0.1.0/24', operation: 'add route', reason: 'refused by the test' },
    ];
    expect(await fib.flush()).toEqual(expected);
    expect(fib.failures()).toEqual(expected);
    expect(stateOf(fib, 7, '10.0.1.0/24')).toBe('failed');
    expect(stateOf(fib, 7, '10.0.2.0/24')).toBe('installed');
    expect(fib.countsByTable(4)).toEqual(new Map([[7, { installed: 2, failed: 1 }]]));
    kernel.refuse = () => undefined;
    fib.retryFailures();
    expect(await fib.flush()).toEqual([]);
    expect(stateOf(fib, 7, '10.0.1.0/24')).toBe('installed');
    expect(fib.counters).toMatchObject({ installed: 3, failed: 0, failures: 1 });
  });

  it('holds back routes whose next hop the kernel refused, and sends them once it is there', async () => {
    const { kernel, fib } = fibOnKernel();
    kernel.refuse = (text) => (text.startsWith('NEWNEXTHOP') ? EPERM : undefined);
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_A]));
    const failures = await fib.flush();
    expect(failures.map(({ object }) => object)).toEqual([
      'next hop 100.64.0.1 dev br-pe-100',
      '10.0.0.0/24',
    ]);
    expect(kernel.log.some((text) => text.startsWith('NEWROUTE'))).toBe(false);
    kernel.refuse = () => undefined;
    replace(fib, 1, '10.0.1.0/24', fib.internNexthops([LEAF_B]));
    expect(await fib.flush()).toEqual([]);
    expect(kernel.routes.size).toBe(2);
  });

  it('takes another id when somebody has the one it chose', async () => {
    const { kernel, fib } = fibOnKernel();
    kernel.nexthops.set(ID, '10.9.9.9 7');
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_A]));
    expect(await fib.flush()).toEqual([]);
    expect(kernel.routes.get('1 10.0.0.0/24')).toBe(ID + 1);
    expect(kernel.nexthops.get(ID)).toBe('10.9.9.9 7');
  });

  it('makes a group without a member that is refused, and adds it later', async () => {
    const { kernel, fib } = fibOnKernel();
    kernel.refuse = (text) => (text.includes('GATEWAY=100.64.0.2') ? EPERM : undefined);
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_A, LEAF_B]));
    expect((await fib.flush()).map(({ operation }) => operation)).toEqual(['add next hop']);
    expect(kernel.routeTo('1 10.0.0.0/24')).toEqual([`100.64.0.1 ${BRIDGE} onlink`]);
    kernel.refuse = () => undefined;
    fib.retryFailures();
    expect(await fib.flush()).toEqual([]);
    expect(kernel.routeTo('1 10.0.0.0/24')).toHaveLength(2);
    expect(kernel.complaints).toEqual([]);
  });

  it('refuses an IPv6 route through an IPv4 gateway that is no tunnel endpoint', async () => {
    const { fib } = fibOnKernel();
    replace(fib, 1, '2001:db8::/64', fib.internNexthops([hostVia('192.169.10.2')]));
    const [failure] = await fib.flush();
    expect(failure).toEqual({
      table: 1,
      object: '2001:db8::/64',
      operation: 'add route',
      reason: 'an IPv6 route cannot use the IPv4 gateway 192.169.10.2',
    });
  });

  it('counts the removal of a route that the kernel lost as done', async () => {
    const { kernel, fib } = fibOnKernel();
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_A]));
    await fib.flush();
    kernel.routes.clear();
    remove(fib, 1, '10.0.0.0/24');
    expect(await fib.flush()).toEqual([]);
    expect(kernel.sizes).toEqual({ routes: 0, nexthops: 0, neighbours: 0, fdb: 0 });
  });

  it('rejects when the socket fails, and sends everything again afterwards', async () => {
    const { kernel, fib } = fibOnKernel();
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([hostVia('192.169.10.2')]));
    kernel.beforeAnswer = () => {
      if (kernel.routes.size > 0) throw new Error('socket closed');
    };
    await expect(fib.flush()).rejects.toThrow('socket closed');
    expect(stateOf(fib, 1, '10.0.0.0/24')).toBe('not-installed');
    kernel.beforeAnswer = () => undefined;
    expect(await fib.flush()).toEqual([]);
    expect(stateOf(fib, 1, '10.0.0.0/24')).toBe('installed');
    remove(fib, 1, '10.0.0.0/24');
    await fib.flush();
    expect(kernel.sizes).toEqual({ routes: 0, nexthops: 0, neighbours: 0, fdb: 0 });
  });
});

describe('calls while a flush is under way', () => {
  it('makes one flush of all that are asked for meanwhile, and sends the later call only', async () => {
    const { kernel, fib } = fibOnKernel();
    const toA = fib.internNexthops([LEAF_A]);
    const toB = fib.internNexthops([LEAF_B]);
    replace(fib, 1, '10.0.0.0/24', toA);
    let followers: Promise<unknown>[] = [];
    kernel.beforeAnswer = () => {
      kernel.beforeAnswer = () => undefined;
      replace(fib, 1, '10.0.0.0/24', toB);
      replace(fib, 1, '10.0.1.0/24', toB);
      followers = [fib.flush(), fib.flush()];
    };
    await fib.flush();
    expect(followers[0]).toBe(followers[1]);
    await Promise.all(followers);
    expect(kernel.routeTo('1 10.0.0.0/24')).toEqual([`100.64.0.2 ${BRIDGE} onlink`]);
    expect(kernel.routeTo('1 10.0.1.0/24')).toEqual([`100.64.0.2 ${BRIDGE} onlink`]);
    expect(kernel.log.filter((text) => text.includes('DST=10.0.0.0'))).toHaveLength(1);
  });

  it('removes a route whose addition is on its way', async () => {
    const { kernel, fib } = fibOnKernel();
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_A]));
    let following: Promise<unknown> = Promise.resolve();
    kernel.beforeAnswer = () => {
      if (kernel.routes.size === 0) return;
      kernel.beforeAnswer = () => undefined;
      remove(fib, 1, '10.0.0.0/24');
      following = fib.flush();
    };
    await fib.flush();
    await following;
    expect(kernel.sizes).toEqual({ routes: 0, nexthops: 0, neighbours: 0, fdb: 0 });
    expect(fib.size).toBe(0);
  });

  it('splits many routes into batches and lets the event loop turn between them', async () => {
    const { kernel, fib } = fibOnKernel();
    const set = fib.internNexthops([LEAF_A]);
    const count = 5 * LARGEST_LIMIT;
    for (let i = 0; i < count; i++)
      replace(fib, 1, `${10 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`, set);
    let turn = 0;
    let flushing = true;
    const countTurns = () => {
      turn++;
      if (flushing) setImmediate(countTurns);
    };
    setImmediate(countTurns);
    const sentInTurn = new Map<number, number>();
    kernel.beforeAnswer = () => {
      sentInTurn.set(turn, (sentInTurn.get(turn) ?? 0) + (kernel.batches.at(-1) ?? 0));
    };
    await fib.flush();
    flushing = false;
    expect(kernel.routes.size).toBe(count);
    // One batch at the kernel, and one put together meanwhile.
    expect(Math.max(...sentInTurn.values())).toBeLessThanOrEqual(2 * LARGEST_LIMIT);
  });
});

describe('devices and tables that vanish', () => {
  it('sends again, with the new index, what was on a device that was made anew', async () => {
    const { kernel, fib } = fibOnKernel();
    const both = fib.internNexthops([LEAF_A, hostVia('192.169.10.2')]);
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_A]));
    replace(fib, 1, '10.0.1.0/24', both);
    replace(fib, 1, '10.0.2.0/24', fib.internNexthops([hostVia('192.169.10.2')]));
    await fib.flush();
    kernel.removeDevice('br-pe-100');
    expect(kernel.routes.size).toBe(2);
    kernel.devices.set('br-pe-100', 55);
    fib.forgetDevice('br-pe-100');
    expect(stateOf(fib, 1, '10.0.0.0/24')).toBe('not-installed');
    expect(await fib.flush()).toEqual([]);
    expect(kernel.routeTo('1 10.0.0.0/24')).toEqual(['100.64.0.1 55 onlink']);
    expect(kernel.routeTo('1 10.0.1.0/24')).toEqual(['100.64.0.1 55 onlink', `192.169.10.2 ${VETH}`]);
    expect([...kernel.neighbours.keys()]).toEqual(['55 100.64.0.1']);
    expect(kernel.complaints).toEqual([]);
  });

  it('fails routes of a device that is gone by name, and brings them back with it', async () => {
    const { kernel, fib } = fibOnKernel();
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_A]));
    await fib.flush();
    kernel.removeDevice('br-pe-100');
    fib.forgetDevice('br-pe-100');
    const failures = await fib.flush();
    expect(failures.at(-1)).toEqual({
      table: 1,
      object: '10.0.0.0/24',
      operation: 'add route',
      reason: 'there is no such device',
    });
    kernel.devices.set('br-pe-100', 55);
    fib.forgetDevice('br-pe-100');
    expect(await fib.flush()).toEqual([]);
    expect(kernel.routes.size).toBe(1);
  });

  it('sends again what is still wanted of a table that was flushed', async () => {
    const { kernel, fib } = fibOnKernel();
    const set = fib.internNexthops([LEAF_A]);
    replace(fib, 1, '10.0.0.0/24', set);
    replace(fib, 2, '10.0.0.0/24', set);
    await fib.flush();
    kernel.routes.delete('1 10.0.0.0/24');
    fib.forgetTable(1);
    expect(await fib.flush()).toEqual([]);
    expect(kernel.routes.size).toBe(2);
    fib.removeTable(1);
    fib.removeTable(2);
    await fib.flush();
    expect(kernel.sizes).toEqual({ routes: 0, nexthops: 0, neighbours: 0, fdb: 0 });
  });

  it('waits with forgetting until the batch on its way is answered', async () => {
    const { kernel, fib } = fibOnKernel();
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_A]));
    kernel.beforeAnswer = () => {
      if (kernel.routes.size === 0) return;
      kernel.beforeAnswer = () => undefined;
      kernel.removeDevice('br-pe-100');
      kernel.devices.set('br-pe-100', 55);
      fib.forgetDevice('br-pe-100');
    };
    await fib.flush();
    expect(stateOf(fib, 1, '10.0.0.0/24')).toBe('not-installed');
    expect(await fib.flush()).toEqual([]);
    expect(kernel.routeTo('1 10.0.0.0/24')).toEqual(['100.64.0.1 55 onlink']);
  });
});
