import { beforeEach, describe, expect, it } from 'vitest';
import {
  AttributeExporter,
  type DrainState,
  EXPORT_OVERHEAD,
  type Reflection,
} from '../../../../bgp/rib/attribute-export.ts';
import { AttributeFact, AttributeKind, AttributeStore } from '../../../../bgp/rib/attribute-store.ts';
import {
  extendedCommunitiesOf,
  internOriginated,
  internRewritten,
} from '../../../../bgp/rib/local-attributes.ts';
import { formatNextHop, NextHops } from '../../../../bgp/rib/next-hops.ts';
import { NO_ATTRIBUTES, type PathAttributes } from '../../../../bgp/wire/attribute-types.ts';
import { decodePathAttributes } from '../../../../bgp/wire/path-attributes.ts';
import { formatAddress } from '../../../../net/address.ts';
import { toHex } from '../../../../net/hex.ts';
import { internAttributes } from './rib-bench.ts';
import { addressOf } from './speaker-bench.ts';

describe('the attribute store', () => {
  let store: AttributeStore;
  beforeEach(() => {
    store = new AttributeStore();
  });

  it('knows what the decision process asks for', () => {
    const id = internAttributes(
      store,
      {
        origin: 1,
        asPath: [
          { type: 2, asns: [65001, 65002] },
          { type: 1, asns: [65003, 65004, 65003] },
        ],
        med: 0xffffffff,
        localPref: 7,
        originatorId: 0xfffffffe,
        clusterList: [1, 2, 3],
        communities: [0xffffff01, 0xffffff02],
      },
      { kind: AttributeKind.ibgp, nextHop: '203.0.113.1' },
    );
    expect([store.origin(id), store.asPathLength(id), store.neighborAs(id)]).toEqual([1, 3, 65001]);
    expect([store.med(id), store.localPref(id)]).toEqual([0xffffffff, 7]);
    expect([store.originatorId(id), store.clusterListLength(id)]).toEqual([0xfffffffe, 3]);
    expect(store.kind(id)).toBe(AttributeKind.ibgp);
    const { hasMed, hasLocalPref, noExport, noAdvertise } = AttributeFact;
    expect(store.flags(id)).toBe(hasMed | hasLocalPref | noExport | noAdvertise);
    expect([65001, 65003, 65009].map((asn) => store.countAs(id, asn))).toEqual([1, 2, 0]);
    expect(formatAddress(store.nextHops.get(store.nextHop(id)).address)).toBe('203.0.113.1');
  });

  it('has the lowest preference for what an external peer is about to take away (RFC 8326)', () => {
    const communities = [0x00010001, 0xffff0000];
    const external = { communities, localPref: 200 };
    expect(store.localPref(internAttributes(store, external, { kind: AttributeKind.ebgp }))).toBe(0);
    expect(store.localPref(internAttributes(store, external, { kind: AttributeKind.ibgp }))).toBe(200);
    const others = { communities: [0xffff0001], localPref: 200 };
    expect(store.localPref(internAttributes(store, others, { kind: AttributeKind.ebgp }))).not.toBe(0);
  });

  it('takes the defaults for what is not there', () => {
    const id = internAttributes(store, {});
    expect([store.med(id), store.localPref(id), store.asPathLength(id)]).toEqual([0, 100, 0]);
    expect([store.neighborAs(id), store.flags(id), store.nextHop(id), store.countAs(id, 1)]).toEqual([
      0, 0, -1, 0,
    ]);
    const set = internAttributes(store, { asPath: [{ type: 1, asns: [65001] }] });
    expect([store.asPathLength(set), store.neighborAs(set)]).toEqual([1, 0]);
  });

  it('tells sets apart by kind, next hop and bytes, and gives one id for one set', () => {
    const first = internAttributes(store, { med: 1 }, { nextHop: '203.0.113.1' });
    expect(internAttributes(store, { med: 1 }, { nextHop: '203.0.113.1' })).toBe(first);
    const others = [
      internAttributes(store, { med: 2 }, { nextHop: '203.0.113.1' }),
      internAttributes(store, { med: 1 }, { nextHop: '203.0.113.2' }),
      internAttributes(store, { med: 1 }, { nextHop: '203.0.113.1', kind: AttributeKind.ibgp }),
    ];
    expect(new Set([first, ...others]).size).toBe(4);
    expect(store.nextHops.size).toBe(2);
  });

  it('forgets a set with its last reference, and what it kept alive', () => {
    const id = internAttributes(store, { med: 1, communities: [0xffffff01] }, { nextHop: '203.0.113.1' });
    store.retain(id);
    store.retain(id);
    store.release(id);
    expect(store.size).toBe(1);
    store.collect(id);
    expect(store.size).toBe(1);
    store.release(id);
    expect([store.size, store.nextHops.size]).toEqual([0, 0]);
    // The id comes back, the facts do not.
    expect(internAttributes(store, {})).toBe(id);
    expect([store.med(id), store.flags(id)]).toEqual([0, 0]);
    store.collect(id);
    store.collect(id);
    expect(store.size).toBe(0);
  });

  it('makes the attributes of what this router originates', () => {
    const id = internOriginated(store);
    expect([store.origin(id), store.asPathLength(id), store.nextHop(id)]).toEqual([0, 0, -1]);
    expect(store.flags(id)).toBe(AttributeFact.hasMed);
    expect(internOriginated(store)).toBe(id);
  });

  it('rewrites next hop and extended communities in their place', () => {
    const communities = Uint8Array.of(0, 2, 0, 1, 0, 0, 0, 1);
    const large = { globalAdministrator: 1, localData1: 2, localData2: 3 };
    const changes = { communities: [1], extendedCommunities: communities, largeCommunities: [large] };
    const id = internAttributes(store, changes, {
      nextHop: '203.0.113.1',
    });
    const nextHop = store.nextHops.intern(addressOf('100.65.0.0').bytes, 0, 4);
    const many = new Uint8Array(40 * 8).fill(3);
    const kind = AttributeKind.local;
    const rewritten = internRewritten(store, id, { kind, nextHop, extendedCommunities: many });
    expect(extendedCommunitiesOf(store, rewritten)).toEqual(many);
    expect(codesOf(store, rewritten)).toEqual([1, 2, 8, 16, 32]);
    const without = internRewritten(store, id, { kind, nextHop, extendedCommunities: undefined });
    expect(codesOf(store, without)).toEqual([1, 2, 8, 32]);
    expect(extendedCommunitiesOf(store, without)).toEqual(new Uint8Array(0));
    const last = internRewritten(store, without, { kind, nextHop, extendedCommunities: communities });
    expect(codesOf(store, last)).toEqual([1, 2, 8, 16, 32]);
    expect(extendedCommunitiesOf(store, id)).toEqual(communities);
  });
});

function codesOf(store: AttributeStore, id: number): readonly number[] {
  const context = {
    fourOctetAs: true,
    addPath: () => false,
    extendedMessage: true,
    extendedNextHop: true,
    peerType: 'ibgp' as const,
  };
  const { bytes } = store;
  const decoded = decodePathAttributes(bytes, store.attributesStart(id), store.attributesEnd(id), context, {
    hasIpv4Nlri: false,
  });
  return decoded.attributeCodes;
}

describe('next hops', () => {
  const intern = (hops: NextHops, text: string): number => {
    const { bytes } = addressOf(text);
    return hops.intern(bytes, 0, bytes.length);
  };

  it('are told apart by their bytes, and only 4, 16 and 32 octets are any', () => {
    const hops = new NextHops();
    const id = intern(hops, '203.0.113.1');
    expect(intern(hops, '203.0.113.1')).toBe(id);
    expect(intern(hops, '2001:db8::1')).not.toBe(id);
    expect(hops.intern(new Uint8Array(5), 0, 5)).toBe(-1);
    expect(hops.intern(new Uint8Array(0), 0, 0)).toBe(-1);
    const both = Uint8Array.of(...addressOf('2001:db8::1').bytes, ...addressOf('fe80::1').bytes);
    expect(formatAddress(hops.get(hops.intern(both, 0, 32)).linkLocal ?? addressOf('::'))).toBe('fe80::1');
    const twice = Uint8Array.of(...addressOf('2001:db8::1').bytes, ...addressOf('2001:db8::1').bytes);
    expect(hops.get(hops.intern(twice, 0, 32)).linkLocal).toBeUndefined();
  });

  it('are forbidden when they are our own, or no address of a host', () => {
    const hops = new NextHops();
    const forbidden = [
      '0.0.0.0',
      '0.1.2.3',
      '224.0.0.1',
      '255.255.255.255',
      '127.0.0.1',
      '::',
      '::1',
      'ff02::1',
    ];
    expect(forbidden.filter((text) => !hops.isForbidden(intern(hops, text)))).toEqual([]);
    const id = intern(hops, '203.0.113.1');
    expect(hops.isForbidden(id)).toBe(false);
    hops.setOwnAddresses([addressOf('203.0.113.1')]);
    expect(hops.isForbidden(id)).toBe(true);
    hops.setOwnAddresses([]);
    expect(hops.isForbidden(id)).toBe(false);
    hops.allowLoopback();
    expect(hops.isForbidden(intern(hops, '127.0.0.1'))).toBe(false);
    expect(hops.isForbidden(-1)).toBe(false);
  });

  it('are told apart by their interface when they are link-local addresses', () => {
    const hops = new NextHops();
    const own = addressOf('fe80::ff');
    const [eth1, eth2] = [hops.interfaceNumber('eth1', own), hops.interfaceNumber('eth2', own)];
    expect(hops.interfaceNumber('eth1', own)).toBe(eth1);
    const internOn = (number: number, ...texts: string[]): number => {
      const bytes = Uint8Array.from(texts.flatMap((text) => [...addressOf(text).bytes]));
      return hops.internOn(bytes, 0, bytes.length, number);
    };
    const id = internOn(eth1, 'fe80::1');
    expect(internOn(eth1, 'fe80::1')).toBe(id);
    expect(internOn(eth2, 'fe80::1')).not.toBe(id);
    expect(intern(hops, 'fe80::1')).not.toBe(id);
    expect(hops.get(id)).toEqual({ address: addressOf('fe80::1'), interfaceName: 'eth1' });
    expect(formatNextHop(hops.get(id))).toBe('fe80::1%eth1');
    for (const text of ['2001:db8::1', '192.0.2.1']) {
      expect(internOn(eth1, text)).toBe(internOn(eth2, text));
      expect(internOn(eth1, text)).toBe(intern(hops, text));
    }
    const both = hops.get(internOn(eth2, '2001:db8::1', 'fe80::1'));
    expect(both).toEqual({
      address: addressOf('2001:db8::1'),
      linkLocal: addressOf('fe80::1'),
      interfaceName: 'eth2',
    });
    expect(formatNextHop(both)).toBe('2001:db8::1');
    // What FRR and others send that have no global address.
    for (const filler of ['fe80::1', '::']) {
      const value = hops.get(internOn(eth1, filler, 'fe80::1'));
      expect(value).toMatchObject({ address: addressOf('fe80::1'), interfaceName: 'eth1' });
    }
    expect(hops.internOn(new Uint8Array(20), 0, 20, eth1)).toBe(-1);
  });

  it('on an interface are forbidden when they are our own address there, not on another one', () => {
    const hops = new NextHops();
    hops.setOwnAddresses([addressOf('fe80::1'), addressOf('fe80::2')]);
    const { bytes } = addressOf('fe80::2');
    const eth1 = hops.internOn(bytes, 0, 16, hops.interfaceNumber('eth1', addressOf('fe80::1')));
    const eth2 = hops.internOn(bytes, 0, 16, hops.interfaceNumber('eth2', addressOf('fe80::2')));
    expect([hops.isForbidden(eth1), hops.isForbidden(eth2)]).toEqual([false, true]);
    hops.interfaceNumber('eth1', addressOf('fe80::2'));
    expect(hops.isForbidden(eth1)).toBe(true);
  });

  it('are forgotten with their last reference, or when they never had one', () => {
    const hops = new NextHops();
    const id = intern(hops, '203.0.113.1');
    hops.retain(id);
    hops.collect(id);
    expect(hops.size).toBe(1);
    hops.release(id);
    expect(hops.size).toBe(0);
    expect(() => hops.get(id)).toThrow(RangeError);
    hops.collect(id);
    hops.collect(-1);
    expect(intern(hops, '203.0.113.2')).toBe(id);
    hops.collect(id);
    expect(hops.size).toBe(0);
  });
});

describe('attributes on their way to a peer', () => {
  const store = new AttributeStore();
  const exportOf = (
    changes: Partial<PathAttributes>,
    profile: {
      peerType?: 'ebgp' | 'ibgp';
      localAs?: number;
      fourOctetAs?: boolean;
      reflection?: Reflection;
      drain?: DrainState;
    } = {},
    {
      local = false,
      kind = AttributeKind.ebgp as AttributeKind,
      nextHop = undefined as Uint8Array | undefined,
      originator = -1,
    } = {},
  ): { attributes: PathAttributes; codes: readonly number[]; hex: string; wire: readonly unknown[] } => {
    const { peerType = 'ebgp', localAs = 64512, fourOctetAs = true, reflection, drain } = profile;
    const id = internAttributes(store, changes, { kind });
    const exporter = new AttributeExporter(store, {
      peerType,
      localAs,
      fourOctetAs,
      reflection,
      ...(drain && { drain }),
    });
    const size = store.attributesEnd(id) - store.attributesStart(id);
    const target = new Uint8Array(size * 2 + EXPORT_OVERHEAD + 7);
    const end = exporter.write(id, target, 7, nextHop, local, originator);
    expect(end).toBeLessThanOrEqual(target.length);
    const context = {
      fourOctetAs,
      addPath: () => false,
      extendedMessage: true,
      extendedNextHop: false,
      peerType,
    };
    const decoded = decodePathAttributes(target, 7, end, context, { hasIpv4Nlri: nextHop !== undefined });
    expect(decoded.errors).toEqual([]);
    return {
      attributes: decoded.attributes,
      codes: decoded.attributeCodes,
      hex: toHex(target, 7, end),
      wire: decoded.wireAsPath ?? [],
    };
  };
  const sequence = (...asns: number[]) => ({ type: 2, asns });

  it('get our AS in front towards external peers', () => {
    const paths: [PathAttributes['asPath'], unknown][] = [
      [[], [sequence(64512)]],
      [[sequence(65001, 65002)], [sequence(64512, 65001, 65002)]],
      [[{ type: 1, asns: [65001] }], [sequence(64512), { type: 1, asns: [65001] }]],
    ];
    for (const [asPath, wanted] of paths) expect(exportOf({ asPath }).attributes.asPath).toEqual(wanted);
    const full = Array.from({ length: 255 }, (_, index) => index + 1);
    const { asPath } = exportOf({ asPath: [sequence(...full), sequence(9)] }).attributes;
    expect(asPath).toEqual([sequence(64512), sequence(...full), sequence(9)]);
    const nearly = full.slice(1);
    expect(exportOf({ asPath: [sequence(...nearly)] }).attributes.asPath).toEqual([
      sequence(64512, ...nearly),
    ]);
  });

  it('lose the segments of a confederation outside of it, and never have them in AS4_PATH (RFC 5065, RFC 6793)', () => {
    const inside = { type: 3, asns: [4200000009] };
    const set = { type: 4, asns: [65010, 65011] };
    const asPath = [inside, sequence(65001), set, { type: 1, asns: [65002] }];
    expect(exportOf({ asPath }).attributes.asPath).toEqual([
      sequence(64512, 65001),
      { type: 1, asns: [65002] },
    ]);
    expect(exportOf({ asPath: [inside, set] }).attributes.asPath).toEqual([sequence(64512)]);
    // Large numbers in them alone need no AS4_PATH.
    expect(exportOf({ asPath }, { fourOctetAs: false }).codes).toEqual([1, 2]);
    const large = [inside, sequence(4200000001), set];
    const narrow = exportOf({ asPath: large }, { fourOctetAs: false });
    expect(narrow.wire).toEqual([sequence(64512, 23456)]);
    expect(narrow.attributes.asPath).toEqual([sequence(64512, 4200000001)]);
  });

  it('keep their path towards internal peers', () => {
    const { attributes } = exportOf({ asPath: [sequence(65001)] }, { peerType: 'ibgp' });
    expect(attributes.asPath).toEqual([sequence(65001)]);
    expect(exportOf({ asPath: [] }, { peerType: 'ibgp' }).attributes.asPath).toEqual([]);
  });

  it('have AS_TRANS and AS4_PATH for a peer with two-octet numbers, only where needed', () => {
    const small = exportOf({ asPath: [sequence(65001)] }, { fourOctetAs: false });
    expect(small.codes).toEqual([1, 2]);
    const large = exportOf({ asPath: [sequence(65001, 4200000001)] }, { fourOctetAs: false });
    expect(large.wire).toEqual([sequence(64512, 65001, 23456)]);
    expect(large.attributes.asPath).toEqual([sequence(64512, 65001, 4200000001)]);
    const own = exportOf({ asPath: [] }, { fourOctetAs: false, localAs: 4200000000 });
    expect(own.attributes.asPath).toEqual([sequence(4200000000)]);
    const internal = { fourOctetAs: false, localAs: 4200000000, peerType: 'ibgp' as const };
    expect(exportOf({ asPath: [] }, internal).codes).toEqual([1, 2, 5]);
    const aggregator = { asn: 4200000001, routerId: 9 };
    expect(exportOf({ aggregator }, { fourOctetAs: false }).attributes.aggregator).toEqual(aggregator);
    expect(exportOf({ aggregator: { asn: 65001, routerId: 9 } }, { fourOctetAs: false }).codes).toEqual([
      1, 2, 7,
    ]);
  });

  it('have MED only for internal peers or when the route is ours', () => {
    expect(exportOf({ med: 5 }).attributes.med).toBeUndefined();
    expect(exportOf({ med: 5 }, {}, { local: true }).attributes.med).toBe(5);
    expect(exportOf({ med: 5 }, { peerType: 'ibgp' }).attributes.med).toBe(5);
    expect(exportOf({}, { peerType: 'ibgp' }).attributes.med).toBeUndefined();
  });

  it('are marked and the worst ones while the router drains (RFC 8326)', () => {
    const drain = { active: true };
    const alone = exportOf({ localPref: 200 }, { drain });
    expect(alone.attributes.communities).toEqual([0xffff0000]);
    const many = Array.from({ length: 63 }, (_, index) => index);
    const more = exportOf({ communities: many, largeCommunities: [] }, { drain, peerType: 'ibgp' });
    expect(more.attributes.communities).toEqual([...many, 0xffff0000]);
    expect(more.attributes.localPref).toBe(0);
    const before = exportOf({ communities: [7], localPref: 200 }, { drain: { active: false } });
    expect(before.attributes.communities).toEqual([7]);
  });

  it('have LOCAL_PREF for internal peers only', () => {
    const ibgp = { kind: AttributeKind.ibgp };
    expect(exportOf({ localPref: 7 }, {}, ibgp).codes).toEqual([1, 2]);
    expect(exportOf({ localPref: 7 }, { peerType: 'ibgp' }, ibgp).attributes.localPref).toBe(7);
    expect(exportOf({}, { peerType: 'ibgp' }).attributes.localPref).toBe(100);
  });

  describe('of another internal peer, when they are reflected (RFC 4456)', () => {
    const reflector = { peerType: 'ibgp' as const, reflection: { clusterId: 0xc0000209, toClient: true } };
    const options = { kind: AttributeKind.ibgp, originator: 0xfffefdfc };

    it('get an ORIGINATOR_ID, and a CLUSTER_LIST with our CLUSTER_ID', () => {
      const changes = {
        communities: [1],
        largeCommunities: [{ globalAdministrator: 1, localData1: 2, localData2: 3 }],
      };
      const { attributes, codes } = exportOf(changes, reflector, options);
      expect(codes).toEqual([1, 2, 5, 8, 9, 10, 32]);
      expect(attributes.originatorId).toBe(0xfffefdfc);
      expect(attributes.clusterList).toEqual([0xc0000209]);
    });

    it('keep the ORIGINATOR_ID that they have, and get our CLUSTER_ID in front', () => {
      const changes = { originatorId: 7, clusterList: [0xf0000001, 2], communities: [1] };
      const { attributes, codes } = exportOf(changes, reflector, options);
      expect(codes).toEqual([1, 2, 5, 8, 9, 10]);
      expect(attributes.originatorId).toBe(7);
      expect(attributes.clusterList).toEqual([0xc0000209, 0xf0000001, 2]);
    });

    it('are as they were for the next set', () => {
      const changes = { originatorId: 7, clusterList: [1] };
      exportOf(changes, reflector, options);
      const { attributes } = exportOf(changes, reflector, { kind: AttributeKind.ibgp });
      expect(attributes).toMatchObject(changes);
    });

    it('have room for a CLUSTER_LIST that needs a length of two octets', () => {
      const clusterList = Array.from({ length: 63 }, (_, index) => index + 1);
      const { attributes } = exportOf({ clusterList }, reflector, options);
      expect(attributes.clusterList).toEqual([0xc0000209, ...clusterList]);
    });
  });

  it('say which clusters they have passed', () => {
    const id = internAttributes(store, { clusterList: [5, 0xf0000001] }, { kind: AttributeKind.ibgp });
    expect([5, 0xf0000001, 6].map((cluster) => store.hasCluster(id, cluster))).toEqual([true, true, false]);
    const none = internAttributes(store, {}, { kind: AttributeKind.ibgp });
    expect(store.hasCluster(none, 5)).toBe(false);
  });

  it('have NEXT_HOP where it is asked for', () => {
    const { bytes } = addressOf('192.0.2.1');
    expect(exportOf({}, {}, { nextHop: bytes }).attributes.nextHop?.bytes).toEqual(bytes);
    expect(exportOf({}).codes).toEqual([1, 2]);
  });

  it('keep unknown transitive attributes as partial, and no others', () => {
    const value = Uint8Array.of(1, 2, 3);
    const unknown = [
      { code: 200, flags: 0xc0, value },
      { code: 201, flags: 0x80, value },
    ];
    for (const peerType of ['ebgp', 'ibgp'] as const) {
      const { attributes } = exportOf({ unknown }, { peerType });
      expect(attributes.unknown).toEqual([{ code: 200, flags: 0xe0, value }]);
    }
    expect(exportOf({ communities: [1] }).hex).toContain('c00804');
  });

  it('lose non-transitive extended communities, reflection and AIGP at the edge of the AS', () => {
    const transitive = Uint8Array.of(0, 2, 0, 1, 0, 0, 0, 1);
    const local = Uint8Array.of(0x40, 4, 0, 1, 0, 0, 0, 1);
    const both = Uint8Array.of(...local, ...transitive);
    const kind = AttributeKind.ibgp;
    const changes = { extendedCommunities: both, originatorId: 1, clusterList: [1], aigp: 5n };
    const external = exportOf(changes, {}, { kind }).attributes;
    expect([external.extendedCommunities, external.aigp]).toEqual([transitive, undefined]);
    expect([external.originatorId, external.clusterList]).toEqual([undefined, []]);
    expect(exportOf({ extendedCommunities: local }).codes).toEqual([1, 2]);
    const internal = exportOf(changes, { peerType: 'ibgp' }, { kind }).attributes;
    expect([internal.extendedCommunities, internal.aigp]).toEqual([both, 5n]);
    expect(exportOf({ aigp: 5n }, { peerType: 'ibgp' }).attributes.aigp).toBeUndefined();
    const many = new Uint8Array(Array.from({ length: 40 }, () => [...transitive]).flat());
    expect(exportOf({ extendedCommunities: many }).attributes.extendedCommunities).toEqual(many);
  });

  it('keep everything else as it is', () => {
    const changes = {
      ...NO_ATTRIBUTES,
      origin: 2 as const,
      asPath: [sequence(65001)],
      communities: [1, 2],
      atomicAggregate: true,
      aggregator: { asn: 65001, routerId: 1 },
    };
    const { attributes } = exportOf(changes);
    expect(attributes).toEqual({ ...changes, asPath: [sequence(64512, 65001)] });
  });
});
