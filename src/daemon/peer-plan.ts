import type { PeerReflection } from '../../bgp/peer.ts';
import type { PrefixLimit } from '../../bgp/prefix-limits.ts';
import type { Role } from '../../bgp/session/roles.ts';
import type { GracefulRestartOffer, PeerSettings } from '../../bgp/session/session-events.ts';
import type { Endpoint, SocketOptions } from '../../bgp/session/transport.ts';
import {
  type Family,
  IPV4_LABELED_UNICAST,
  IPV4_UNICAST,
  IPV6_LABELED_UNICAST,
  IPV6_UNICAST,
  L2VPN_EVPN,
  VPNV4_UNICAST,
  VPNV6_UNICAST,
} from '../../bgp/wire/family.ts';
import { formatAddress, type IpAddress, ipv4ToNumber } from '../../net/address.ts';
import type {
  HostSessionAddresses,
  L3Vni,
  Neighbor,
  NeighborFamily,
  NeighborRole,
  Underlay,
} from '../config/model.ts';
import type { BfdPlan } from './bfd-watch.ts';
import type { RangePlan } from './dynamic-neighbors.ts';

/** A peer as it follows from the configuration: the session, and how its routes are treated. */
export interface PeerPlan {
  readonly settings: PeerSettings;
  /** Name of the VRF; undefined: the default instance. */
  readonly vrf: string | undefined;
  readonly allowOwnAs: number;
  readonly reflection?: PeerReflection;
  /** By family in which several paths of a route are sent: the most of them, Infinity for all. */
  readonly addPath?: ReadonlyMap<Family, number>;
  readonly bfd?: BfdPlan;
  readonly prefixLimits?: ReadonlyMap<Family, PrefixLimit>;
}

/** Where sessions run. */
export interface PeerWorld {
  /** The router's network namespace; undefined without a data plane. */
  readonly namespace: string | undefined;
  /** Addresses that were given to listen on; without a data plane a session also starts from there. */
  readonly listen: readonly Endpoint[];
  /** True while this router has restarted and does not know its routes again. */
  readonly isRestarting: () => boolean;
  /** True when forwarding went on through the last restart. */
  readonly isPreserved: () => boolean;
}

/** Occurrences of our own AS in paths from the fabric: all nodes share one AS (FRR's default for `allowas-in`). */
const FABRIC_OWN_AS = 3;

/** Timers of host sessions in seconds; hold and keepalive time are FRR's defaults. */
const HOST_HOLD_TIME = 180;
const HOST_KEEPALIVE_TIME = 60;
const HOST_CONNECT_RETRY_TIME = 5;

const BGP_PORT = 179;

const LARGEST_TTL = 255;

/** Seconds; FRR's default. */
const DEFAULT_STALE_PATH_TIME = 360;

const FAMILIES: Readonly<Record<NeighborFamily, Family>> = {
  ipv4unicast: IPV4_UNICAST,
  ipv6unicast: IPV6_UNICAST,
  evpn: L2VPN_EVPN,
  ipv4vpn: VPNV4_UNICAST,
  ipv6vpn: VPNV6_UNICAST,
  ipv4labeledunicast: IPV4_LABELED_UNICAST,
  ipv6labeledunicast: IPV6_LABELED_UNICAST,
};

/** Families that routes of the fabric are kept of: those that the node has to do with, and what neighbors are to be told. */
export function fabricFamilies({ neighbors }: Underlay): Family[] {
  const told = neighbors.flatMap(({ families }) => families.map(({ family }) => FAMILIES[family]));
  return [...new Set([IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN, ...told])];
}

/** Of a neighbor on an interface, until its link-local address is found. */
const UNKNOWN_ADDRESS: IpAddress = { version: 6, bytes: new Uint8Array(16) };

const ROLES: Readonly<Record<NeighborRole['local'], Role>> = {
  Provider: 'provider',
  Customer: 'customer',
  Peer: 'peer',
  RouteServer: 'route-server',
  RouteServerClient: 'route-server-client',
};

/** The sessions to the fabric, but for those of ranges. */
export function fabricPeers(underlay: Underlay, world: PeerWorld): PeerPlan[] {
  return underlay.neighbors.flatMap((neighbor) => {
    const plan = fabricPeer(underlay, neighbor, world);
    return plan ? [plan] : [];
  });
}

/** The interfaces that neighbors in the fabric are on. */
export function fabricInterfaces({ neighbors }: Underlay): string[] {
  return neighbors.flatMap(({ peer }) => (peer.by === 'interface' ? [peer.interfaceName] : []));
}

/** The ranges that neighbors in the fabric may come from. */
export function fabricRanges(underlay: Underlay, world: PeerWorld): RangePlan[] {
  return underlay.neighbors.flatMap((neighbor) =>
    neighbor.peer.by === 'listenRange'
      ? [
          {
            range: neighbor.peer.range,
            planFor: (address) => peerAt(address, underlay, neighbor, world, true),
          },
        ]
      : [],
  );
}

function fabricPeer(underlay: Underlay, neighbor: Neighbor, world: PeerWorld): PeerPlan | undefined {
  const { peer } = neighbor;
  if (peer.by === 'listenRange') return undefined;
  if (peer.by === 'address') return peerAt(peer.address, underlay, neighbor, world, false);
  const { settings, ...plan } = peerAt(UNKNOWN_ADDRESS, underlay, neighbor, world, false);
  return {
    ...plan,
    settings: { ...settings, name: peer.interfaceName, interfaceName: peer.interfaceName },
    ...(plan.bfd && { bfd: { ...plan.bfd, multiHop: false } }),
  };
}

function peerAt(
  remoteAddress: IpAddress,
  underlay: Underlay,
  neighbor: Neighbor,
  world: PeerWorld,
  passive: boolean,
): PeerPlan {
  const internal = neighbor.asn === 'internal' || neighbor.asn === underlay.asn;
  const localAddress = localAddressFor(remoteAddress, world);
  const families = neighbor.families.map(({ family }) => FAMILIES[family]);
  const addPath = addPathOf(neighbor);
  const settings: PeerSettings = {
    name: formatAddress(remoteAddress),
    remoteAddress,
    remotePort: neighbor.port,
    ...(localAddress && { localAddress }),
    localAs: underlay.asn,
    remoteAs: neighbor.asn,
    routerId: ipv4ToNumber(underlay.routerId),
    holdTime: neighbor.holdTime,
    keepaliveTime: neighbor.keepaliveTime,
    connectRetryTime: neighbor.connectRetryTime,
    passive,
    families,
    ...(neighbor.role && { role: { ...neighbor.role, local: ROLES[neighbor.role.local] } }),
    addPathSend: [...addPath.keys()],
    longLivedGracefulRestart: longLivedOf(neighbor),
    gracefulRestart: gracefulRestartOffer(underlay, families, world),
    socket: {
      ...(world.namespace !== undefined && { namespace: world.namespace }),
      ...timesToLive(neighbor, internal),
      ...(neighbor.password !== undefined && { password: neighbor.password }),
    },
  };
  return {
    settings,
    vrf: undefined,
    allowOwnAs: FABRIC_OWN_AS,
    prefixLimits: prefixLimits(neighbor),
    addPath,
    ...(neighbor.bfd && {
      bfd: {
        ...neighbor.bfd,
        multiHop: internal ? ('unless connected' as const) : (neighbor.gtsmHops ?? neighbor.ebgpTtl) > 1,
      },
    }),
    ...(underlay.routeReflector && { reflection: reflectionOf(underlay.routeReflector.clusterId, neighbor) }),
  };
}

function prefixLimits({ families }: Neighbor): ReadonlyMap<Family, PrefixLimit> {
  return new Map(
    families.flatMap(({ family, maximumPrefixes }) =>
      maximumPrefixes ? [[FAMILIES[family], maximumPrefixes] as const] : [],
    ),
  );
}

function longLivedOf({ families }: Neighbor): ReadonlyMap<Family, number> {
  return new Map(
    families.flatMap(({ family, longLivedStaleTime }) =>
      longLivedStaleTime === undefined ? [] : [[FAMILIES[family], longLivedStaleTime] as const],
    ),
  );
}

function addPathOf({ families }: Neighbor): ReadonlyMap<Family, number> {
  return new Map(
    families.flatMap(({ family, addPath }) => (addPath ? [[FAMILIES[family], addPath.most] as const] : [])),
  );
}

/** With GTSM everything is sent with the largest time-to-live, of which each router on the way takes one (RFC 5082 §3). */
function timesToLive(
  { gtsmHops, ebgpTtl }: Neighbor,
  internal: boolean,
): Pick<SocketOptions, 'ttl' | 'minTtl'> {
  if (gtsmHops !== undefined) return { ttl: LARGEST_TTL, minTtl: LARGEST_TTL + 1 - gtsmHops };
  return internal ? {} : { ttl: ebgpTtl };
}

/** Without `gracefulRestart` in the Underlay, peers that restart are helped, as FRR does, and no more. */
function gracefulRestartOffer(
  { gracefulRestart }: Underlay,
  families: readonly Family[],
  { isRestarting, isPreserved }: PeerWorld,
): GracefulRestartOffer {
  return {
    restartTime: gracefulRestart?.restartTime ?? 0,
    families: gracefulRestart ? families : [],
    restarting: isRestarting,
    preserved: isPreserved,
    stalePathTime: gracefulRestart?.stalePathTime ?? DEFAULT_STALE_PATH_TIME,
  };
}

function reflectionOf(clusterId: IpAddress, { families }: Neighbor): PeerReflection {
  return {
    clusterId: ipv4ToNumber(clusterId),
    clientOf: families.flatMap(({ family, routeReflectorClient }) =>
      routeReflectorClient ? FAMILIES[family] : [],
    ),
  };
}

/**
 * The one listening address of the peer's version, unless that is a wildcard: then the kernel chooses, as it does among
 * those on a neighbor's interface.
 */
function localAddressFor(remote: IpAddress, world: PeerWorld): IpAddress | undefined {
  if (remote === UNKNOWN_ADDRESS) return undefined;
  const candidates = world.listen.filter(({ address }) => address.version === remote.version);
  const [only] = candidates;
  if (world.namespace !== undefined || candidates.length !== 1 || !only) return undefined;
  return only.address.bytes.some((byte) => byte !== 0) ? only.address : undefined;
}

/** The sessions of an L3VNI to the host: one for each IP version. */
export function hostPeers(vni: L3Vni, underlay: Underlay, world: PeerWorld): PeerPlan[] {
  const { hostSession } = vni;
  if (!hostSession) return [];
  const peer = (addresses: HostSessionAddresses | undefined, family: Family): PeerPlan[] =>
    addresses ? [hostPeer(vni, underlay, world, addresses, family)] : [];
  return [...peer(hostSession.ipv4, IPV4_UNICAST), ...peer(hostSession.ipv6, IPV6_UNICAST)];
}

function hostPeer(
  vni: L3Vni,
  underlay: Underlay,
  world: PeerWorld,
  addresses: HostSessionAddresses,
  family: Family,
): PeerPlan {
  const remoteAddress = addresses.host.address;
  const asn = vni.hostSession?.asn ?? underlay.asn;
  const remoteAs = vni.hostSession?.hostAsn ?? 'external';
  const settings: PeerSettings = {
    name: `${vni.vrf}/${formatAddress(remoteAddress)}`,
    remoteAddress,
    remotePort: BGP_PORT,
    localAddress: addresses.router.address,
    localAs: asn,
    remoteAs,
    routerId: ipv4ToNumber(underlay.routerId),
    holdTime: HOST_HOLD_TIME,
    keepaliveTime: HOST_KEEPALIVE_TIME,
    connectRetryTime: HOST_CONNECT_RETRY_TIME,
    passive: false,
    families: [family],
    gracefulRestart: gracefulRestartOffer(underlay, [family], world),
    socket: {
      ...(world.namespace !== undefined && { namespace: world.namespace, device: vni.vrf }),
      ...(remoteAs !== 'internal' && remoteAs !== asn && { ttl: 1 }),
    },
  };
  return { settings, vrf: vni.vrf, allowOwnAs: 0 };
}

/** Where to accept connections of a peer at this address. */
export function listenEndpoints(
  { remoteAddress }: Pick<PeerSettings, 'remoteAddress'>,
  world: PeerWorld,
): readonly Endpoint[] {
  const { version, bytes } = remoteAddress;
  if (world.listen.length > 0) return world.listen.filter(({ address }) => address.version === version);
  return [{ address: { version, bytes: new Uint8Array(bytes.length) }, port: BGP_PORT }];
}
