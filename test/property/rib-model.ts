import type { AsPath } from '../../bgp/wire/as-path.ts';
import type { PathAttributes } from '../../bgp/wire/attribute-types.ts';
import { SegmentType } from '../../bgp/wire/constants.ts';
import type { Family } from '../../bgp/wire/family.ts';
import { hasLabels, IPV4_UNICAST, L2VPN_EVPN } from '../../bgp/wire/family.ts';
import { encodeNlri, type NlriRoute } from '../../bgp/wire/nlri.ts';
import { addressEquals, compareBytes, formatAddress, type IpAddress } from '../../net/address.ts';
import { ByteWriter } from '../../net/byte-writer.ts';
import { toHex } from '../../net/hex.ts';

/** A peer as the model knows it. */
export interface ModelPeer {
  readonly address: IpAddress;
  readonly routerId: number;
  /** `local`: this router. */
  readonly type: 'ebgp' | 'ibgp' | 'local';
  readonly allowOwnAs: number;
}

/** A route that a peer has announced and not withdrawn. */
export interface ModelRoute {
  readonly peer: ModelPeer;
  readonly route: NlriRoute;
  readonly attributes: PathAttributes;
  /** Undefined: whatever address the session has. */
  readonly nextHop: IpAddress | undefined;
}

/** What the router is to the model. */
export interface ModelRouter {
  readonly localAs: number;
  readonly routerId: number;
  readonly ownAddresses: readonly IpAddress[];
  /** Next hops that it puts in place of others. */
  readonly nextHops: { readonly ipv4: IpAddress; readonly ipv6: IpAddress };
}

const NO_EXPORT = 0xffffff01;
const NO_ADVERTISE = 0xffffff02;
const NO_EXPORT_SUBCONFED = 0xffffff03;
const LLGR_STALE = 0xffff0006;

function pathLength(path: AsPath): number {
  return path.reduce((sum, { type, asns }) => sum + (type === SegmentType.AS_SEQUENCE ? asns.length : 1), 0);
}

function neighborAs(path: AsPath): number {
  const [first] = path;
  return first?.type === SegmentType.AS_SEQUENCE ? (first.asns[0] ?? 0) : 0;
}

/** RFC 4271 §9.1.2 and §5.1.3, RFC 4456 §8: what is not taken at all. */
export function isAccepted(router: ModelRouter, { peer, attributes, nextHop }: ModelRoute): boolean {
  const own = (attributes.asPath ?? []).flatMap(({ asns }) => asns).filter((asn) => asn === router.localAs);
  if (own.length > peer.allowOwnAs) return false;
  if (nextHop && router.ownAddresses.some((address) => addressEquals(address, nextHop))) return false;
  return peer.type === 'ebgp' || attributes.originatorId !== router.routerId;
}

/** The routes for which `value` is smallest. */
function keepLeast(routes: readonly ModelRoute[], value: (route: ModelRoute) => number): ModelRoute[] {
  const least = Math.min(...routes.map(value));
  return routes.filter((route) => value(route) === least);
}

/** Of MAC/IP Advertisement routes: how the address has moved (RFC 7432 §15). */
function mobility({ route, attributes }: ModelRoute): number {
  if (route.kind !== 'evpn' || route.routeType !== 2) return 0;
  const text = toHex(attributes.extendedCommunities).match(/.{16}/g) ?? [];
  const community = text.find((one) => one.startsWith('0600'));
  if (community === undefined) return 0;
  return (Number.parseInt(community.slice(4, 6), 16) & 1) === 1
    ? Number.POSITIVE_INFINITY
    : Number.parseInt(community.slice(8), 16);
}

/** RFC 4271 §9.1.2.2 word by word, with RFC 4456 §9, RFC 7432 §15 and RFC 9494 §4.4. */
export function decide(routes: readonly ModelRoute[]): ModelRoute | undefined {
  if (routes.length === 0) return undefined;
  const external = ({ peer }: ModelRoute): boolean => peer.type !== 'ibgp';
  let left = keepLeast(routes, ({ attributes }) => Number(attributes.communities.includes(LLGR_STALE)));
  left = keepLeast(left, (route) => -mobility(route));
  left = keepLeast(left, (route) => -(external(route) ? 100 : (route.attributes.localPref ?? 100)));
  left = keepLeast(left, ({ peer }) => (peer.type === 'local' ? 0 : 1));
  left = keepLeast(left, ({ attributes }) => pathLength(attributes.asPath ?? []));
  left = keepLeast(left, ({ attributes }) => attributes.origin ?? 2);
  left = left.filter(
    ({ attributes }) =>
      !left.some(
        (other) =>
          neighborAs(other.attributes.asPath ?? []) === neighborAs(attributes.asPath ?? []) &&
          (other.attributes.med ?? 0) < (attributes.med ?? 0),
      ),
  );
  left = keepLeast(left, (route) => (external(route) ? 0 : 1));
  left = keepLeast(left, (route) =>
    external(route) ? route.peer.routerId : (route.attributes.originatorId ?? route.peer.routerId),
  );
  left = keepLeast(left, (route) => (external(route) ? 0 : route.attributes.clusterList.length));
  return left.toSorted(
    (a, b) =>
      compareBytes(a.peer.address.bytes, b.peer.address.bytes) ||
      (a.route.pathId ?? 0) - (b.route.pathId ?? 0),
  )[0];
}

/** The best routes, so many at most: the best one, the best one of the rest, and so on. */
export function decideSeveral(routes: readonly ModelRoute[], most: number): ModelRoute[] {
  const best = most > 0 ? decide(routes) : undefined;
  if (!best) return [];
  return [
    best,
    ...decideSeveral(
      routes.filter((route) => route !== best),
      most - 1,
    ),
  ];
}

/** A route as it should arrive, in a form that can be compared. */
export type Expected = Readonly<Record<string, unknown>>;

/** What `peer` should be told when `best` is the best route, or one of several that are told; undefined: nothing. */
export function exportTo(router: ModelRouter, peer: ModelPeer, best: ModelRoute): Expected | undefined {
  if (best.peer === peer) return undefined;
  const { communities } = best.attributes;
  // No peer here has long-lived graceful restart (RFC 9494 §4.3).
  if (communities.includes(NO_ADVERTISE) || communities.includes(LLGR_STALE)) return undefined;
  if (peer.type === 'ibgp') {
    if (best.peer.type === 'ibgp') return undefined;
  } else if (communities.includes(NO_EXPORT) || communities.includes(NO_EXPORT_SUBCONFED)) return undefined;
  const { attributes, route } = best;
  const ebgp = peer.type === 'ebgp';
  const keepsNextHop = !ebgp || route.family === L2VPN_EVPN || hasLabels(route.family);
  const nextHop = (keepsNextHop && best.nextHop) || selfNextHop(router, route.family);
  return {
    route: routeText(route),
    origin: attributes.origin,
    asPath: flatPath(
      ebgp ? [{ type: 2, asns: [router.localAs] }, ...(attributes.asPath ?? [])] : attributes.asPath,
    ),
    nextHop: formatAddress(nextHop),
    med: ebgp && best.peer.type !== 'local' ? undefined : attributes.med,
    localPref: ebgp ? undefined : 100,
    communities: attributes.communities,
    extendedCommunities: toHex(
      ebgp ? transitiveOnly(attributes.extendedCommunities) : attributes.extendedCommunities,
    ),
    largeCommunities: attributes.largeCommunities,
    aggregator: attributes.aggregator,
    aigp: undefined,
    unknown: attributes.unknown
      .filter(({ flags }) => flags & 0x40)
      .map(({ code, flags, value }) => [code, flags | 0x20, toHex(value)]),
  };
}

function selfNextHop(router: ModelRouter, family: Family): IpAddress {
  return family === IPV4_UNICAST ? router.nextHops.ipv4 : router.nextHops.ipv6;
}

function transitiveOnly(communities: Uint8Array): Uint8Array {
  const kept: number[] = [];
  for (let at = 0; at < communities.length; at += 8) {
    if (((communities[at] ?? 0) & 0x40) === 0) kept.push(...communities.subarray(at, at + 8));
  }
  return Uint8Array.from(kept);
}

/** The path without regard to where a sequence is split into segments. */
export function flatPath(path: AsPath | undefined): string[] {
  return (path ?? []).flatMap(({ type, asns }) =>
    type === SegmentType.AS_SEQUENCE ? asns.map(String) : [`{${asns.join()}}`],
  );
}

/** The bytes of a route, labels and all. */
export function routeText(route: NlriRoute): string {
  const writer = new ByteWriter();
  encodeNlri(writer, route, false);
  return toHex(writer.bytes());
}

/** What a peer has got, in the form of {@link exportTo}. */
export function arrived(
  route: NlriRoute,
  attributes: PathAttributes,
  nextHop: IpAddress | undefined,
): Expected {
  return {
    route: routeText(route),
    origin: attributes.origin,
    asPath: flatPath(attributes.asPath),
    nextHop: nextHop && formatAddress(nextHop),
    med: attributes.med,
    localPref: attributes.localPref,
    communities: attributes.communities,
    extendedCommunities: toHex(attributes.extendedCommunities),
    largeCommunities: attributes.largeCommunities,
    aggregator: attributes.aggregator,
    aigp: attributes.aigp,
    unknown: attributes.unknown.map(({ code, flags, value }) => [code, flags, toHex(value)]),
  };
}
