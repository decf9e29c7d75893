import { AttributeFact, type AttributeStore } from '../../bgp/rib/attribute-store.ts';
import { formatNextHop } from '../../bgp/rib/next-hops.ts';
import { joinNlri, MOST_NLRI_BYTES } from '../../bgp/rib/nlri-key.ts';
import { otcOf } from '../../bgp/rib/only-to-customer.ts';
import { PathFlag, STALE_FLAGS } from '../../bgp/rib/path-table.ts';
import type { Rib } from '../../bgp/rib/rib.ts';
import { SourceKind } from '../../bgp/rib/sources.ts';
import { formatAsPath } from '../../bgp/wire/as-path.ts';
import { formatCommunity, formatLargeCommunity } from '../../bgp/wire/communities.ts';
import type { WireContext } from '../../bgp/wire/context.ts';
import { EXTENDED_COMMUNITY_SIZE, formatExtendedCommunity } from '../../bgp/wire/extended-communities.ts';
import { hasLabels } from '../../bgp/wire/family.ts';
import { decodeNlri, type NlriRoute } from '../../bgp/wire/nlri.ts';
import { decodePathAttributes } from '../../bgp/wire/path-attributes.ts';
import { formatRouteDistinguisher } from '../../bgp/wire/route-distinguisher.ts';
import { formatAddress, ipv4FromNumber } from '../../net/address.ts';
import { formatOctets } from '../../net/mac.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { PathView } from '../control/view.ts';

/** How the attribute store keeps its bytes. */
const STORED: WireContext = {
  fourOctetAs: true,
  addPath: () => false,
  extendedMessage: true,
  extendedNextHop: true,
  peerType: 'ibgp',
};

const ORIGINS = ['igp', 'egp', 'incomplete'] as const;
const SOURCE_KINDS = ['local', 'ebgp', 'ibgp'] as const;

const key = new Uint8Array(MOST_NLRI_BYTES);
const nlri = new Uint8Array(MOST_NLRI_BYTES * 2);

/** The route of a prefix in words: text and, for families that have one, its route distinguisher. */
export interface PrefixText {
  readonly prefix: string;
  readonly rd?: string;
}

/** The route of a prefix; `path` gives what is not part of its key. Undefined for bytes that are no route. */
export function routeOf(rib: Rib, prefix: number, path = -1): NlriRoute | undefined {
  const keyLength = rib.prefixes.copyKey(prefix, key, 0);
  const extra = path < 0 ? 0 : rib.paths.extra(path);
  const { extras } = rib;
  const end = joinNlri(
    rib.family,
    key,
    keyLength,
    extras.bytes,
    extra === 0 ? 0 : extras.start(extra),
    extra === 0 ? 0 : extras.end(extra),
    nlri,
    0,
  );
  // Without what is not part of the key it has the form of a withdrawal.
  return decodeNlri(rib.family, nlri, 0, end, false, extra === 0 ? 'withdrawn' : 'announced').routes[0];
}

/** {@link routeOf} as text; EVPN routes as FRR writes them. */
export function prefixText(route: NlriRoute | undefined): PrefixText {
  if (!route) return { prefix: '?' };
  switch (route.kind) {
    case 'evpn':
      return { prefix: evpnText(route), rd: formatRouteDistinguisher(route.rd, 0) };
    case 'vpn':
      return { prefix: formatPrefix(route.prefix), rd: formatRouteDistinguisher(route.rd, 0) };
    case 'evpn-unknown':
      return { prefix: `[${route.routeType}]:[${Buffer.from(route.raw).toString('hex')}]` };
    default:
      return { prefix: formatPrefix(route.prefix) };
  }
}

function evpnText(route: NlriRoute & { kind: 'evpn' }): string {
  const bracketed = (...parts: (string | number)[]): string => parts.map((part) => `[${part}]`).join(':');
  switch (route.routeType) {
    case 1:
      return bracketed(1, route.ethernetTag, formatOctets(route.esi, 0, 10));
    case 2: {
      const ip = route.ip ? [route.ip.bytes.length * 8, formatAddress(route.ip)] : [];
      return bracketed(2, route.ethernetTag, 48, formatOctets(route.mac), ...ip);
    }
    case 3: {
      const { bytes } = route.originatingRouter;
      return bracketed(3, route.ethernetTag, bytes.length * 8, formatAddress(route.originatingRouter));
    }
    case 4: {
      const { bytes } = route.originatingRouter;
      const esi = formatOctets(route.esi, 0, 10);
      return bracketed(4, esi, bytes.length * 8, formatAddress(route.originatingRouter));
    }
    case 5:
      return bracketed(5, route.ethernetTag, route.prefix.length, formatAddress(route.prefix.address));
  }
}

/** The VNI in the label field of a path's route. */
function vniOf(rib: Rib, prefix: number, path: number): number | undefined {
  const route = routeOf(rib, prefix, path);
  if (route?.kind !== 'evpn') return undefined;
  return route.routeType === 1 || route.routeType === 2 || route.routeType === 5 ? route.label : undefined;
}

/** MPLS labels of a path's route, outermost first. */
function labelsOf(rib: Rib, prefix: number, path: number): readonly number[] | undefined {
  if (!hasLabels(rib.family)) return undefined;
  const route = routeOf(rib, prefix, path);
  return route?.kind === 'vpn' || route?.kind === 'labeled' ? route.labels : undefined;
}

/** All that there is to say about a path. */
export function pathView(rib: Rib, prefix: number, path: number): PathView {
  const { attributes: store, paths } = rib;
  const id = paths.attributes(path);
  const { attributes } = decodePathAttributes(
    store.bytes,
    store.attributesStart(id),
    store.attributesEnd(id),
    STORED,
    { hasIpv4Nlri: false },
  );
  const source = rib.sources.get(paths.source(path));
  const flags = paths.flags(path);
  const bestPath = rib.best(prefix);
  const best = bestPath === path;
  const usable = (flags & PathFlag.unusable) === 0;
  const nextHop = store.nextHop(id);
  const extended = attributes.extendedCommunities;
  const vni = vniOf(rib, prefix, path);
  const labels = labelsOf(rib, prefix, path);
  const pathId = paths.pathId(path);
  return {
    best,
    multipath: best || (flags & PathFlag.multipath) !== 0,
    usable,
    ...((flags & STALE_FLAGS) !== 0 && { stale: true as const }),
    ...((store.flags(id) & AttributeFact.longLivedStale) !== 0 && { longLivedStale: true as const }),
    ...(!best && usable && bestPath >= 0 && { lostBy: rib.reason(bestPath, path) }),
    ...(nextHop >= 0 && { nextHop: formatNextHop(store.nextHops.get(nextHop)) }),
    asPath: formatAsPath(attributes.asPath ?? []),
    origin: ORIGINS[attributes.origin ?? 2],
    ...(attributes.med !== undefined && { med: attributes.med }),
    ...((store.flags(id) & AttributeFact.hasLocalPref) !== 0 && { localPref: store.localPref(id) }),
    communities: attributes.communities.map(formatCommunity),
    ...(attributes.largeCommunities.length > 0 && {
      largeCommunities: attributes.largeCommunities.map(formatLargeCommunity),
    }),
    ...onlyToCustomerView(store, id),
    extendedCommunities: Array.from({ length: extended.length / EXTENDED_COMMUNITY_SIZE }, (_, index) =>
      formatExtendedCommunity(extended, index * EXTENDED_COMMUNITY_SIZE),
    ),
    ...(attributes.originatorId !== undefined && {
      originatorId: formatAddress(ipv4FromNumber(attributes.originatorId)),
    }),
    ...(attributes.clusterList.length > 0 && {
      clusterList: attributes.clusterList.map((cluster) => formatAddress(ipv4FromNumber(cluster))),
    }),
    ...(vni !== undefined && { vni }),
    ...(labels && { labels }),
    // What was imported is told apart by numbers of our own.
    ...(pathId !== 0 && source.kind !== SourceKind.local && !source.imported && { pathId }),
    source: source.name,
    sourceKind: SOURCE_KINDS[source.kind],
    imported: source.imported,
    since: paths.since(path) * 1000,
  };
}

function onlyToCustomerView(store: AttributeStore, id: number): Pick<PathView, 'onlyToCustomer'> {
  return store.flags(id) & AttributeFact.onlyToCustomer ? { onlyToCustomer: otcOf(store, id) } : {};
}
