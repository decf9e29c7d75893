import { NO_ATTRIBUTES, type PathAttributes } from '../../bgp/wire/attribute-types.ts';
import { MAX_MESSAGE_SIZE } from '../../bgp/wire/constants.ts';
import type { WireContext } from '../../bgp/wire/context.ts';
import { IPV4_UNICAST, L2VPN_EVPN } from '../../bgp/wire/family.ts';
import type { IpPrefixRoute } from '../../bgp/wire/nlri.ts';
import { encodeEndOfRib, encodeUpdate, type UpdateContent } from '../../bgp/wire/update.ts';
import { routeDistinguisher } from '../../evpn/evpn-instance.ts';
import { joinCommunities, routerMacCommunity, VXLAN_ENCAPSULATION } from '../../evpn/extended-communities.ts';
import { encodeRouteTarget } from '../../evpn/route-target.ts';
import { type IpAddress, type IpVersion, ipv4FromNumber } from '../../net/address.ts';
import { ByteWriter } from '../../net/byte-writer.ts';
import { hostPrefix } from '../../net/prefix.ts';

/** Remote tunnel endpoints that the routes are spread over. */
export const VTEPS = 64;
/** Distinct attribute sets of each endpoint: AS paths and communities differ. */
const SETS_PER_VTEP = 8;
const FIRST_VTEP = 0x64400100;
const FABRIC_AS = 64512;
const SPINE_AS = 64612;
const LEAF_AS = 64520;
const FIRST_CUSTOMER_AS = 65000;

/** As a session with an external peer writes it. */
const CONTEXT: WireContext = {
  fourOctetAs: true,
  addPath: () => false,
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ebgp',
};

/** Type 5 routes of one IP version into one VRF, numbered from 0 in the order in which they are sent. */
export interface RoutePlan {
  readonly version: IpVersion;
  readonly count: number;
  readonly vni: number;
}

/** Prefix length of all routes of an IP version. */
export function prefixLength(version: IpVersion): number {
  return version === 4 ? 32 : 64;
}

/** Prefix of route `i`: host routes of IPv4, /64s of IPv6, with gaps as real tables have them. */
export function prefixOf(version: IpVersion, i: number): IpAddress {
  if (version === 4) return ipv4FromNumber(0x0a000000 + i * 3);
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x20010db8);
  view.setUint32(4, i * 3);
  return { version: 6, bytes };
}

export function vtepAddress(vtep: number): IpAddress {
  return ipv4FromNumber(FIRST_VTEP + vtep);
}

export function routerMac(vtep: number): Uint8Array {
  return Uint8Array.of(0xaa, 0xbb, 0xcc, 0, vtep >> 8, vtep & 255);
}

/** First route of each attribute set; its endpoint is `set % VTEPS`. */
function firstOfSet({ count }: RoutePlan, set: number): number {
  return Math.floor((count * set) / (VTEPS * SETS_PER_VTEP));
}

/** Tunnel endpoint of each route. */
export function vtepsOfRoutes(plan: RoutePlan): Uint8Array {
  const vteps = new Uint8Array(plan.count);
  for (let set = 0; set < VTEPS * SETS_PER_VTEP; set++) {
    vteps.fill(set % VTEPS, firstOfSet(plan, set), firstOfSet(plan, set + 1));
  }
  return vteps;
}

function attributesOf(plan: RoutePlan, set: number): PathAttributes {
  const vtep = set % VTEPS;
  const customer = FIRST_CUSTOMER_AS + Math.floor(set / VTEPS);
  return {
    ...NO_ATTRIBUTES,
    origin: 0,
    asPath: [{ type: 2, asns: [FABRIC_AS, SPINE_AS, LEAF_AS, customer] }],
    communities: [FABRIC_AS * 65_536 + customer - FIRST_CUSTOMER_AS],
    extendedCommunities: joinCommunities([
      encodeRouteTarget({ type: 'as', asn: LEAF_AS, number: plan.vni }),
      VXLAN_ENCAPSULATION,
      routerMacCommunity(routerMac(vtep)),
    ]),
  };
}

function routeOf(plan: RoutePlan, i: number, vtep: number): IpPrefixRoute {
  const zero = new Uint8Array(plan.version === 4 ? 4 : 16);
  return {
    family: L2VPN_EVPN,
    kind: 'evpn',
    routeType: 5,
    rd: routeDistinguisher(vtepAddress(vtep), 2),
    esi: new Uint8Array(10),
    ethernetTag: 0,
    prefix: { address: prefixOf(plan.version, i), length: prefixLength(plan.version) },
    gateway: { version: plan.version, bytes: zero },
    label: plan.vni,
  };
}

type ContentOf = (routes: readonly IpPrefixRoute[], set: number) => UpdateContent;

/** Writes the routes of all sets, as many in an UPDATE as fit. */
function encodeAll(plan: RoutePlan, contentOf: ContentOf): Uint8Array {
  const stream = new ByteWriter(1 << 20);
  const probe = new ByteWriter();
  const sizeOf = (routes: readonly IpPrefixRoute[]): number => {
    encodeUpdate(probe.reset(), contentOf(routes, 0), CONTEXT);
    return probe.length;
  };
  const one = routeOf(plan, 0, 0);
  const each = sizeOf([one, one]) - sizeOf([one]);
  // Two octets more: attributes beyond 255 octets have a longer length field.
  const most = Math.floor((MAX_MESSAGE_SIZE - (sizeOf([one]) - each) - 2) / each);
  for (let set = 0; set < VTEPS * SETS_PER_VTEP; set++) {
    const end = firstOfSet(plan, set + 1);
    for (let start = firstOfSet(plan, set); start < end; start += most) {
      const size = Math.min(most, end - start);
      const routes = Array.from({ length: size }, (_, i) => routeOf(plan, start + i, set % VTEPS));
      encodeUpdate(stream, contentOf(routes, set), CONTEXT);
    }
  }
  return stream.take();
}

/** All UPDATEs that announce the routes. */
export function encodeAnnouncements(plan: RoutePlan): Uint8Array {
  return encodeAll(plan, (routes, set) => ({
    mpReach: { family: L2VPN_EVPN, nextHop: { address: vtepAddress(set % VTEPS) }, routes },
    attributes: attributesOf(plan, set),
  }));
}

/** All UPDATEs that take the routes back, in the same order. */
export function encodeWithdrawals(plan: RoutePlan): Uint8Array {
  return encodeAll(plan, (routes) => ({ mpUnreach: { family: L2VPN_EVPN, routes } }));
}

/** What the peer says first: a route to each tunnel endpoint, and the end of both families. */
export function encodeUnderlay(nextHop: IpAddress): Uint8Array {
  const stream = new ByteWriter();
  for (let vtep = 0; vtep < VTEPS; vtep++) {
    const content: UpdateContent = {
      attributes: {
        ...NO_ATTRIBUTES,
        origin: 0,
        asPath: [{ type: 2, asns: [FABRIC_AS, SPINE_AS, LEAF_AS] }],
        nextHop,
      },
      nlri: [{ family: IPV4_UNICAST, kind: 'unicast', prefix: hostPrefix(vtepAddress(vtep)) }],
    };
    encodeUpdate(stream, content, CONTEXT);
  }
  encodeEndOfRib(stream, IPV4_UNICAST);
  encodeEndOfRib(stream, L2VPN_EVPN);
  return stream.take();
}
