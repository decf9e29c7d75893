import { describe, expect, it } from 'vitest';
import {
  allowsVxlan,
  findRouterMac,
  joinCommunities,
  routerMacCommunity,
  VXLAN_ENCAPSULATION,
  withoutEvpnCommunities,
} from '../../../evpn/extended-communities.ts';
import {
  IPV4_KEY_SIZE,
  IPV6_KEY_SIZE,
  isInterfaceLess,
  prefixRouteRest,
  prefixRouteVersion,
  prefixRouteVni,
  writePrefixRouteKey,
  writeUnicastKey,
} from '../../../evpn/prefix-route.ts';
import { derivedRouteTarget, encodeRouteTarget, importMatches } from '../../../evpn/route-target.ts';
import { toHex } from '../../../net/hex.ts';
import { unicastKey } from '../bgp/rib/rib-bench.ts';
import { addressOf } from '../bgp/rib/speaker-bench.ts';

const as = (asn: number, number: number) => encodeRouteTarget({ type: 'as', asn, number });
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const MPLS = Uint8Array.of(3, 0x0c, 0, 0, 0, 0, 0, 10);
const RD = Uint8Array.of(0, 1, 10, 0, 0, 1, 0, 2);

describe('route targets', () => {
  it('are written in the form that the number needs', () => {
    expect(toHex(as(64514, 100))).toBe('0002fc0200000064');
    expect(toHex(as(4200000000, 100))).toBe('0202fa56ea000064');
    const address = addressOf('10.0.0.1');
    expect(toHex(encodeRouteTarget({ type: 'address', address, number: 7 }))).toBe('01020a0000010007');
  });

  it('are derived from the low half of a large AS number', () => {
    expect(derivedRouteTarget(4200000000, 100)).toEqual({
      type: 'as',
      asn: 4200000000 & 0xffff,
      number: 100,
    });
  });

  it('match any AS by the VNI, or exactly', () => {
    const vni = { type: 'vni', vni: 100 } as const;
    expect(importMatches(vni, as(64520, 100))).toBe(true);
    expect(importMatches(vni, as(64520, 200))).toBe(false);
    expect(importMatches(vni, joinCommunities([VXLAN_ENCAPSULATION, as(1, 100)]))).toBe(true);
    expect(importMatches(vni, as(4200000000, 100))).toBe(false);
    expect(importMatches(vni, new Uint8Array(0))).toBe(false);
    // Route origin and a non-transitive community with the same value are no targets.
    expect(importMatches(vni, Uint8Array.of(0, 3, 0xfc, 2, 0, 0, 0, 100))).toBe(false);
    expect(importMatches(vni, Uint8Array.of(0x40, 2, 0xfc, 2, 0, 0, 0, 100))).toBe(false);
    const exact = { type: 'exact', targets: [as(64520, 200), as(4200000000, 7)] } as const;
    expect(importMatches(exact, as(64520, 200))).toBe(true);
    expect(importMatches(exact, as(4200000000, 7))).toBe(true);
    expect(importMatches(exact, as(64521, 200))).toBe(false);
  });
});

describe('communities of EVPN', () => {
  it('give the router MAC and say whether VXLAN is meant', () => {
    const mac = routerMacCommunity(MAC);
    expect(findRouterMac(joinCommunities([as(1, 2), mac]))).toEqual(MAC);
    expect(findRouterMac(as(1, 2))).toBeUndefined();
    expect(findRouterMac(Uint8Array.of(6, 3, 0, 0, 0, 0, 0, 0))).toBeUndefined();
    expect(findRouterMac(Uint8Array.of(6, 3, 1, 0, 0x5e, 0, 0, 1))).toBeUndefined();
    expect(allowsVxlan(mac)).toBe(true);
    expect(allowsVxlan(MPLS)).toBe(false);
    expect(allowsVxlan(joinCommunities([MPLS, VXLAN_ENCAPSULATION]))).toBe(true);
  });

  it('are taken off where they mean nothing', () => {
    const origin = Uint8Array.of(0, 3, 0xfc, 2, 0, 0, 0, 1);
    const nonTransitive = Uint8Array.of(0x40, 2, 0xfc, 2, 0, 0, 0, 1);
    const all = [as(1, 2), VXLAN_ENCAPSULATION, origin, routerMacCommunity(MAC), nonTransitive];
    expect(withoutEvpnCommunities(joinCommunities(all))).toEqual(origin);
  });
});

describe('keys of Type 5 routes', () => {
  it.each([
    ['0.0.0.0/0', 4],
    ['10.0.0.0/9', 4],
    ['172.30.0.10/32', 4],
    ['::/0', 6],
    ['2001:db8::/33', 6],
    ['2001:db8::1/128', 6],
  ] as const)('of %s lead back to the prefix', (text, version) => {
    const unicast = unicastKey(text);
    const key = new Uint8Array(32).fill(0xee);
    const length = writePrefixRouteKey(key, RD, unicast, unicast.length, version);
    expect(length).toBe(version === 4 ? IPV4_KEY_SIZE : IPV6_KEY_SIZE);
    expect(prefixRouteVersion(key, length)).toBe(version);
    const back = new Uint8Array(17);
    expect(back.subarray(0, writeUnicastKey(back, key))).toEqual(unicast);
  });

  it('are not taken from other routes', () => {
    expect(prefixRouteVersion(Uint8Array.of(2, ...new Uint8Array(17)), 18)).toBeUndefined();
    const long = new Uint8Array(18);
    long[0] = 5;
    long[13] = 33;
    expect(prefixRouteVersion(long, 18)).toBeUndefined();
    expect(prefixRouteVersion(long, 17)).toBeUndefined();
  });

  it('lose host bits on the way to a unicast key', () => {
    const key = new Uint8Array(18);
    key.set([5, ...RD, 0, 0, 0, 0, 9, 10, 0xff, 1, 1]);
    const back = new Uint8Array(17);
    expect(back.subarray(0, writeUnicastKey(back, key))).toEqual(Uint8Array.of(9, 10, 0x80));
  });

  it('come with the VNI in 24 bits, and neither segment nor gateway', () => {
    const rest = prefixRouteRest(0xabcdef, 6);
    expect(prefixRouteVni(rest, rest.length)).toBe(0xabcdef);
    expect(isInterfaceLess(rest, 0, rest.length)).toBe(true);
    rest[12] = 1;
    expect(isInterfaceLess(rest, 0, rest.length)).toBe(false);
    expect(isInterfaceLess(rest, 0, 0)).toBe(false);
  });
});
