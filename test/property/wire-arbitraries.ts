import fc from 'fast-check';
import type { AsPath } from '../../bgp/wire/as-path.ts';
import type { OriginValue, PathAttributes, RawAttribute } from '../../bgp/wire/attribute-types.ts';
import type { Capability } from '../../bgp/wire/capabilities.ts';
import {
  CARRIED_FAMILIES,
  type Family,
  IPV4_LABELED_UNICAST,
  IPV4_UNICAST,
  IPV6_LABELED_UNICAST,
  IPV6_UNICAST,
  L2VPN_EVPN,
  VPNV4_UNICAST,
  VPNV6_UNICAST,
} from '../../bgp/wire/family.ts';
import type { MpNextHop } from '../../bgp/wire/mp-reach.ts';
import type { NlriRoute } from '../../bgp/wire/nlri.ts';
import type { OpenMessage } from '../../bgp/wire/open.ts';
import type { IpAddress, IpVersion } from '../../net/address.ts';
import { type IpPrefix, networkOf } from '../../net/prefix.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u24 = fc.integer({ min: 0, max: 0xffffff });
export const u32 = fc.integer({ min: 0, max: 0xffffffff });

export function octets(size: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: size, maxLength: size });
}

export function address(version: IpVersion): fc.Arbitrary<IpAddress> {
  return octets(version === 4 ? 4 : 16).map((bytes) => ({ version, bytes }));
}

const anyAddress = fc.oneof(address(4), address(6));

function prefix(version: IpVersion): fc.Arbitrary<IpPrefix> {
  return fc
    .record({ address: address(version), length: fc.integer({ min: 0, max: version === 4 ? 32 : 128 }) })
    .map(networkOf);
}

const anyFamily = fc.tuple(u16, u8).map(([afi, safi]) => afi * 256 + safi);

export const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ kind: fc.constant('multiprotocol' as const), family: anyFamily }),
  fc.record({ kind: fc.constantFrom('route-refresh', 'extended-message', 'enhanced-route-refresh') }),
  fc.record({
    kind: fc.constant('extended-next-hop' as const),
    entries: fc.array(fc.record({ family: anyFamily, nextHopAfi: u16 }), { maxLength: 6 }),
  }),
  fc.record({ kind: fc.constant('role' as const), role: u8 }),
  fc.record({
    kind: fc.constant('graceful-restart' as const),
    restartTime: fc.integer({ min: 0, max: 4095 }),
    restarting: fc.boolean(),
    notification: fc.boolean(),
    families: fc.array(fc.record({ family: anyFamily, forwarding: fc.boolean() }), { maxLength: 6 }),
  }),
  fc.record({ kind: fc.constant('four-octet-as' as const), asn: fc.integer({ min: 1, max: 0xffffffff }) }),
  fc.record({
    kind: fc.constant('add-path' as const),
    families: fc.array(fc.record({ family: anyFamily, mode: fc.constantFrom('receive', 'send', 'both') }), {
      maxLength: 6,
    }),
  }),
  fc.record({
    kind: fc.constant('long-lived-graceful-restart' as const),
    families: fc.array(fc.record({ family: anyFamily, forwarding: fc.boolean(), staleTime: u24 }), {
      maxLength: 6,
    }),
  }),
  fc.record({
    kind: fc.constant('fqdn' as const),
    hostname: fc.string({ maxLength: 40, unit: 'grapheme-ascii' }),
    domain: fc.string({ maxLength: 40, unit: 'grapheme-ascii' }),
  }),
  fc.record({
    kind: fc.constant('other' as const),
    code: fc.constantFrom(3, 7, 8, 67, 76, 128, 200),
    value: fc.uint8Array({ maxLength: 40 }),
  }),
);

export const open: fc.Arbitrary<OpenMessage> = fc
  .record({
    myAs: fc.integer({ min: 1, max: 0xffff }),
    holdTime: u16.filter((seconds) => seconds !== 1 && seconds !== 2),
    routerId: fc.integer({ min: 1, max: 0xffffffff }),
    capabilities: fc.array(capability, { maxLength: 30 }),
  })
  .map((fields) => {
    const fourOctet = fields.capabilities.find((entry) => entry.kind === 'four-octet-as');
    return { version: 4, asn: fourOctet?.asn ?? fields.myAs, ...fields };
  });

const label = fc.integer({ min: 0, max: 0xfffff });
const labels = fc.array(label, { minLength: 1, maxLength: 3 });

function evpn(): fc.Arbitrary<NlriRoute> {
  const base = { kind: fc.constant('evpn' as const), family: fc.constant(L2VPN_EVPN), rd: octets(8) };
  const esi = octets(10);
  // RFC 9136 §3.2: a segment or a gateway, not both.
  const ipPrefix = (version: IpVersion): fc.Arbitrary<NlriRoute> => {
    const route = { ...base, routeType: fc.constant(5 as const), ethernetTag: u32, prefix: prefix(version) };
    const none = { version, bytes: new Uint8Array(version === 4 ? 4 : 16) };
    return fc.oneof(
      fc.record({ ...route, esi, gateway: fc.constant(none), label: u24 }),
      fc.record({ ...route, esi: fc.constant(new Uint8Array(10)), gateway: address(version), label: u24 }),
    );
  };
  return fc.oneof(
    fc.record({ ...base, routeType: fc.constant(1 as const), esi, ethernetTag: u32, label: u24 }),
    fc.record(
      {
        ...base,
        routeType: fc.constant(2 as const),
        esi,
        ethernetTag: u32,
        mac: octets(6),
        ip: anyAddress,
        label: u24,
        label2: u24,
      },
      { requiredKeys: ['kind', 'family', 'rd', 'routeType', 'esi', 'ethernetTag', 'mac', 'label'] },
    ),
    fc.record({
      ...base,
      routeType: fc.constant(3 as const),
      ethernetTag: u32,
      originatingRouter: anyAddress,
    }),
    fc.record({ ...base, routeType: fc.constant(4 as const), esi, originatingRouter: anyAddress }),
    ipPrefix(4),
    ipPrefix(6),
    fc.record({
      kind: fc.constant('evpn-unknown' as const),
      family: fc.constant(L2VPN_EVPN),
      routeType: fc.integer({ min: 6, max: 255 }),
      raw: fc.uint8Array({ maxLength: 60 }),
    }),
  );
}

/** Routes of one family without path identifiers; withdrawn ones have no labels. */
export function routeOf(family: Family, kind: 'announced' | 'withdrawn'): fc.Arbitrary<NlriRoute> {
  const stack = kind === 'announced' ? labels : fc.constant([]);
  const version =
    family === IPV6_UNICAST || family === IPV6_LABELED_UNICAST || family === VPNV6_UNICAST ? 6 : 4;
  switch (family) {
    case IPV4_UNICAST:
    case IPV6_UNICAST:
      return fc.record({
        kind: fc.constant('unicast' as const),
        family: fc.constant(family),
        prefix: prefix(version),
      });
    case IPV4_LABELED_UNICAST:
    case IPV6_LABELED_UNICAST:
      return fc.record({
        kind: fc.constant('labeled' as const),
        family: fc.constant(family),
        labels: stack,
        prefix: prefix(version),
      });
    case VPNV4_UNICAST:
    case VPNV6_UNICAST:
      // Label, route distinguisher and prefix share a length of 255 bits at most.
      return fc.record({
        kind: fc.constant('vpn' as const),
        family: fc.constant(family),
        rd: octets(8),
        labels: kind === 'announced' ? fc.array(label, { minLength: 1, maxLength: 2 }) : fc.constant([]),
        prefix: prefix(version),
      });
    default:
      return evpn();
  }
}

export const carriedFamily = fc.constantFrom(...CARRIED_FAMILIES);

/** Next hops that a family may have on a session with RFC 8950. */
export function nextHopOf(family: Family): fc.Arbitrary<MpNextHop> {
  const ipv6 = fc.oneof(
    fc.record({ address: address(6) }),
    fc.record({ address: address(6), linkLocal: address(6) }),
  );
  return family >>> 8 === 2 ? ipv6 : fc.oneof(fc.record({ address: address(4) }), ipv6);
}

const asn = fc.oneof(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 0x10000, max: 0xffffffff }));

/** AS paths of segments of these types. */
export function asPathOf(types: readonly number[]): fc.Arbitrary<AsPath> {
  const segment = fc.record({
    type: fc.constantFrom(...types),
    asns: fc.array(asn, { minLength: 1, maxLength: 8 }),
  });
  return fc.array(segment, { maxLength: 5 });
}

export const asPath = asPathOf([1, 2, 3, 4]);

const aggregator = fc.record({ asn, routerId: u32 });
const largeCommunity = fc.record({ globalAdministrator: u32, localData1: u32, localData2: u32 });
const rawAttribute: fc.Arbitrary<RawAttribute> = fc.record({
  code: fc.constantFrom(20, 21, 29, 33, 40, 128, 200, 255),
  flags: fc.constantFrom(0x80, 0xc0, 0xe0, 0xa0),
  value: fc.uint8Array({ maxLength: 400 }),
});

/** Attributes as an internal peer may send them, unknown ones in the order of their codes. */
export const pathAttributes: fc.Arbitrary<PathAttributes> = fc.record({
  origin: fc.constantFrom<OriginValue>(0, 1, 2),
  asPath,
  nextHop: fc.constant<IpAddress>({ version: 4, bytes: Uint8Array.of(192, 0, 2, 1) }),
  med: fc.option(u32, { nil: undefined }),
  localPref: fc.option(u32, { nil: undefined }),
  atomicAggregate: fc.boolean(),
  aggregator: fc.option(aggregator, { nil: undefined }),
  communities: fc.array(u32, { maxLength: 80 }),
  extendedCommunities: fc.integer({ min: 0, max: 40 }).chain((count) => octets(count * 8)),
  ipv6ExtendedCommunities: fc.integer({ min: 0, max: 3 }).chain((count) => octets(count * 20)),
  largeCommunities: fc.array(largeCommunity, { maxLength: 30 }),
  originatorId: fc.option(u32, { nil: undefined }),
  clusterList: fc.array(u32, { maxLength: 5 }),
  pmsi: fc.option(
    fc.oneof(
      fc.record({
        flags: u8,
        tunnelType: fc.constant(6),
        label: u24,
        tunnelId: fc.oneof(octets(4), octets(16)),
      }),
      fc.record({
        flags: u8,
        tunnelType: fc.constantFrom(0, 1, 2, 3),
        label: u24,
        tunnelId: fc.uint8Array({ maxLength: 24 }),
      }),
    ),
    { nil: undefined },
  ),
  aigp: fc.option(fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }), { nil: undefined }),
  as4Path: fc.constant(undefined),
  as4Aggregator: fc.constant(undefined),
  unknown: fc
    .uniqueArray(rawAttribute, { maxLength: 4, selector: ({ code }) => code })
    .map((list) => list.toSorted((a, b) => a.code - b.code)),
});
