import { describe, expect, it } from 'vitest';
import {
  type KernelState,
  NexthopObjectsUnsupportedError,
  readKernelState,
} from '../../../../dataplane/fib/adoption.ts';
import {
  writeFdbEntry,
  writeGroup,
  writeNeighbour,
  writeNexthop,
} from '../../../../dataplane/fib/object-request.ts';
import { FIRST_NEXTHOP_ID } from '../../../../dataplane/fib/own-objects.ts';
import { writeRoute } from '../../../../dataplane/fib/route-message.ts';
import { NLMSG_HDRLEN } from '../../../../dataplane/netlink/constants.ts';
import { MessageBuilder } from '../../../../dataplane/netlink/message-builder.ts';
import { NetlinkError } from '../../../../dataplane/netlink/netlink-error.ts';
import { ipv4Mapped } from '../../../../net/address.ts';
import { address, BRIDGE, fibOnKernel, prefix, remove, replace, stateOf, tunnelTo, VXLAN } from './sample.ts';

const A = address('100.64.0.1');
const B = address('100.64.0.2');
const MAC_A = Uint8Array.of(0xaa, 0xbb, 0xcc, 0, 0, 0x65);
const MAC_B = Uint8Array.of(0xaa, 0xbb, 0xcc, 0, 0, 0x67);
const LEAF_A = tunnelTo('100.64.0.1', 'aa:bb:cc:00:00:65');
const LEAF_B = tunnelTo('100.64.0.2', 'aa:bb:cc:00:00:67');
const ID = FIRST_NEXTHOP_ID;
/** Byte of a next hop's and of a route's header that holds the protocol. */
const NEXTHOP_PROTOCOL = 2;
const ROUTE_PROTOCOL_BYTE = 5;
const ZEBRA = 11;

/** The payload that the kernel gives for an object: that of the request that makes it. */
function payload(write: (builder: MessageBuilder) => void): Uint8Array {
  const builder = new MessageBuilder();
  write(builder);
  return builder.copy().subarray(NLMSG_HDRLEN);
}

function route(text: string, table: number, id: number): Uint8Array {
  const { address: network, length } = prefix(text);
  return payload((b) => writeRoute(b, network.version, network.bytes, length, table, id));
}

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

/** The bridge's half of an FDB entry, as a dump shows it: no destination, the port as device. */
function bridgeHalf(mac: Uint8Array): Uint8Array {
  const both = payload((b) => writeFdbEntry(b, VXLAN, BRIDGE, 100, mac, new Uint8Array(0)));
  // NTF_MASTER | NTF_EXT_LEARNED
  return withByte(both, 10, 0x14);
}

/** What an earlier run left: two endpoints, ECMP over both, and things of others. */
function leftBehind(): KernelState {
  const own = payload((b) => writeNexthop(b, ID, A.bytes, BRIDGE, true));
  const others = withByte(
    payload((b) => writeNexthop(b, ID + 3, A.bytes, 7, false)),
    NEXTHOP_PROTOCOL,
    ZEBRA,
  );
  const l2Host = Uint8Array.of(2, 0, 0, 0, 0x11, 2);
  return {
    nexthops: [
      own,
      payload((b) => writeNexthop(b, ID + 1, B.bytes, BRIDGE, true)),
      payload((b) => writeGroup(b, ID + 2, [ID, ID + 1], false)),
      others,
    ],
    neighbours: [
      payload((b) => writeNeighbour(b, BRIDGE, A.bytes, MAC_A)),
      payload((b) => writeNeighbour(b, BRIDGE, B.bytes, MAC_B)),
      payload((b) => writeNeighbour(b, BRIDGE, ipv4Mapped(B).bytes, MAC_B)),
    ],
    fdb: [
      bridgeHalf(MAC_A),
      payload((b) => writeFdbEntry(b, VXLAN, BRIDGE, 100, MAC_A, A.bytes)),
      payload((b) => writeFdbEntry(b, VXLAN, BRIDGE, 100, MAC_B, B.bytes)),
      // Behind an endpoint that no neighbour of ours names: not ours.
      payload((b) => writeFdbEntry(b, VXLAN, BRIDGE, 100, l2Host, address('100.64.0.9').bytes)),
    ],
    routes: [
      route('10.0.0.0/24', 1, ID),
      route('10.0.1.0/24', 1, ID + 1),
      route('10.0.2.0/24', 1000, ID + 2),
      withByte(route('10.0.3.0/24', 1, ID), ROUTE_PROTOCOL_BYTE, ZEBRA),
    ],
  };
}

describe('adoption', () => {
  it('takes over what is its own, and sends nothing for what is asked for again', async () => {
    const { kernel, fib } = fibOnKernel();
    expect(await fib.adopt(leftBehind())).toEqual({ nexthops: 3, neighbours: 3, fdb: 2, routes: 3 });
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_A]));
    replace(fib, 1000, '10.0.2.0/24', fib.internNexthops([LEAF_B, LEAF_A]));
    expect(await fib.flush()).toEqual([]);
    expect(kernel.log).toEqual([]);
    expect(stateOf(fib, 1000, '10.0.2.0/24')).toBe('installed');
    expect(stateOf(fib, 1, '10.0.1.0/24')).toBe('not-installed');
  });

  it('keeps what nobody asks for until the sweep, and then removes just that', async () => {
    const { kernel, fib } = fibOnKernel();
    await fib.adopt(leftBehind());
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_A]));
    await fib.flush();
    expect(kernel.log).toEqual([]);
    expect(fib.sweep()).toBe(2);
    await fib.flush();
    expect(kernel.log.map((text) => text.replace(/ family.*\| /, ' '))).toEqual([
      'DELROUTE DST=10.0.1.0 PRIORITY=20',
      'DELROUTE DST=10.0.2.0 PRIORITY=20 TABLE=1000',
      `DELNEXTHOP ID=${ID + 2}`,
      `DELNEXTHOP ID=${ID + 1}`,
      'DELNEIGH LLADDR=aa:bb:cc:00:00:67',
      'DELNEIGH LLADDR=aa:bb:cc:00:00:67',
      'DELNEIGH DST=100.64.0.2',
      'DELNEIGH DST=::ffff:100.64.0.2',
    ]);
    expect(fib.size).toBe(1);
  });

  it('changes a route that is wanted otherwise now, and keeps away from ids of others', async () => {
    const { kernel, fib } = fibOnKernel();
    const state = leftBehind();
    // A new FIB on a kernel that has the objects.
    kernel.nexthops.set(ID, `100.64.0.1 ${BRIDGE} onlink`).set(ID + 1, `100.64.0.2 ${BRIDGE} onlink`);
    await fib.adopt(state);
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_B]));
    replace(fib, 1, '10.0.9.0/24', fib.internNexthops([tunnelTo('100.64.0.8', '02:00:00:00:00:08')]));
    expect(await fib.flush()).toEqual([]);
    expect(kernel.routes).toEqual(
      new Map([
        ['1 10.0.0.0/24', ID + 1],
        ['1 10.0.9.0/24', ID + 4],
      ]),
    );
  });

  it('removes an adopted route when that is asked for before the sweep', async () => {
    const { kernel, fib } = fibOnKernel();
    await fib.adopt(leftBehind());
    remove(fib, 1, '10.0.1.0/24');
    await fib.flush();
    expect(kernel.log).toHaveLength(1);
    expect(kernel.log[0]).toContain('DELROUTE');
  });

  it('lets a flush that is asked for meanwhile wait', async () => {
    const { kernel, fib } = fibOnKernel();
    const adopted = fib.adopt(leftBehind());
    replace(fib, 1, '10.0.0.0/24', fib.internNexthops([LEAF_A]));
    expect(await fib.flush()).toEqual([]);
    await adopted;
    expect(kernel.log).toEqual([]);
    expect(stateOf(fib, 1, '10.0.0.0/24')).toBe('installed');
  });

  it('says in a type of its own that a kernel has no next-hop objects', async () => {
    const old = {
      dump: (_: Uint8Array, subject: { operation: string; object: string }) =>
        Promise.reject(new NetlinkError(95, undefined, subject)),
    };
    await expect(readKernelState(old)).rejects.toThrow(NexthopObjectsUnsupportedError);
  });
});
