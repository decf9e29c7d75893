import { formatAddress, type IpAddress } from '../../net/address.ts';
import { formatPrefix, networkOf } from '../../net/prefix.ts';
import { roomFor, routerIdOf, vtepOf } from './address-plan.ts';
import type { TreeMap } from './document-tree.ts';
import { locateViolation, type ResourceReporter } from './findings.ts';
import type {
  BfdSettings,
  MaximumPrefixes,
  Neighbor,
  NeighborFamily,
  ResourceReference,
  Underlay,
} from './model.ts';
import type { MaximumPrefixesSpec } from './neighbor-properties.ts';
import { isUnspecified } from './network-values.ts';
import type { NeighborSpec, UnderlaySpec } from './underlay-schema.ts';

/** RFC 4271 §8: the port of BGP. */
const BGP_PORT = 179;

/** Seconds; OpenPERouter's defaults, which are FRR's. */
const DEFAULT_HOLD_TIME = 180;
const DEFAULT_KEEPALIVE_TIME = 60;

/** Seconds. FRR waits 120 by default, which makes a node that boots before its switch wait for two minutes. */
const DEFAULT_CONNECT_RETRY_TIME = 10;

/** Hops when ebgpMultiHop names none: as many as the TTL field holds. */
const DEFAULT_MULTI_HOP_TTL = 255;

/** Paths of a route that are sent where Best says no number. */
const DEFAULT_BEST_PATHS = 2;

/** Milliseconds; the defaults of the resource definition. */
const DEFAULT_BFD_INTERVAL = 300;
const DEFAULT_DETECT_MULTIPLIER = 3;

/** Which other resources are there: the default families of a neighbor depend on them. */
export interface FamilyContext {
  /** An L3VNI or L2VNI applies to this node. */
  readonly hasVnis: boolean;
  readonly passthroughIpv4: boolean;
  readonly passthroughIpv6: boolean;
}

type FamilySpec = NonNullable<NeighborSpec['addressFamilies']>[number];

/** Computes this node's Underlay; undefined when an error was reported. */
export function buildUnderlay(
  source: ResourceReference,
  spec: UnderlaySpec,
  tree: TreeMap,
  nodeIndex: number,
  families: FamilyContext,
  reporter: ResourceReporter,
): Underlay | undefined {
  const vtepIpv4 = buildVtep(4, spec, tree, nodeIndex, reporter);
  const vtepIpv6 = buildVtep(6, spec, tree, nodeIndex, reporter);
  const routerId = routerIdOf(spec.routerIDCIDR, nodeIndex);
  if (!routerId) {
    reporter.violation(tree, {
      field: 'routerIDCIDR',
      message: `${formatPrefix(networkOf(spec.routerIDCIDR))} has no router id for node index ${nodeIndex}`,
      allowed: `a network of more than ${nodeIndex + 1} addresses; this one has ${roomFor(spec.routerIDCIDR, 0)}`,
    });
  }
  checkNeighbors(spec, tree, reporter);
  const interfaces = interfaceNames(spec, tree, reporter);
  warnOfOtherInterfaces(spec, interfaces, tree, reporter);
  if (reporter.failed || !routerId) return undefined;
  const { gracefulRestart, routeReflector } = spec;
  return {
    source,
    asn: spec.asn,
    routerId,
    ...(vtepIpv4 && { vtepIpv4 }),
    ...(vtepIpv6 && { vtepIpv6 }),
    interfaces,
    neighbors: spec.neighbors.flatMap((neighbor) => buildNeighbor(neighbor, families) ?? []),
    ...(gracefulRestart && {
      gracefulRestart: {
        restartTime: gracefulRestart.restartTimeSeconds,
        stalePathTime: gracefulRestart.stalePathTimeSeconds,
      },
    }),
    ...(routeReflector && { routeReflector: { clusterId: routeReflector.clusterID } }),
  };
}

function buildVtep(
  version: 4 | 6,
  spec: UnderlaySpec,
  tree: TreeMap,
  nodeIndex: number,
  reporter: ResourceReporter,
): IpAddress | undefined {
  const cidrs = spec.tunnelEndpoint?.cidrs ?? [];
  const index = cidrs.findIndex(({ address }) => address.version === version);
  const network = cidrs[index];
  if (!network) return undefined;
  const vtep = vtepOf(network, nodeIndex);
  if (vtep) return vtep;
  reporter.violation(tree, {
    field: `tunnelEndpoint.cidrs[${index}]`,
    message: `${formatPrefix(networkOf(network))} has no tunnel endpoint for node index ${nodeIndex}`,
    allowed: `a network of at least ${nodeIndex + 1} addresses; this one has ${roomFor(network, 0)}`,
  });
  return undefined;
}

function interfaceNames(spec: UnderlaySpec, tree: TreeMap, reporter: ResourceReporter): string[] {
  const names: string[] = [];
  spec.interfaces.forEach((item, index) => {
    const name = item.networkDevice?.interfaceName;
    if (name === undefined) return;
    if (names.includes(name)) {
      const field = `interfaces[${index}].networkDevice.interfaceName`;
      reporter.violation(tree, {
        field,
        message: `the interface ${name} is listed twice`,
        allowed: 'each once',
      });
    } else names.push(name);
  });
  return names;
}

/** Only the interfaces of the Underlay are moved to where the router looks for neighbors. */
function warnOfOtherInterfaces(
  { neighbors }: UnderlaySpec,
  interfaces: readonly string[],
  tree: TreeMap,
  reporter: ResourceReporter,
): void {
  neighbors.forEach(({ interface: name }, index) => {
    if (name === undefined || interfaces.includes(name)) return;
    const violation = {
      field: `neighbors[${index}].interface`,
      message: `the interface ${name} is not among those that this Underlay gives the router`,
      allowed: interfaces.join(', '),
    };
    reporter.report('warning', 'DependencyFailed', locateViolation(tree, violation));
  });
}

function checkNeighbors(spec: UnderlaySpec, tree: TreeMap, reporter: ResourceReporter): void {
  const seen = new Map<string, number>();
  spec.neighbors.forEach((neighbor, index) => {
    const { address } = neighbor;
    const form = address ? 'address' : neighbor.listenRange ? 'listenRange' : 'interface';
    const field = `neighbors[${index}].${form}`;
    if (address && (isUnspecified(address) || isMulticast(address))) {
      const message = `${formatAddress(address)} is no address a neighbor can have`;
      reporter.violation(tree, { field, message, allowed: 'a unicast address' });
    }
    checkRole(neighbor, index, spec, tree, reporter);
    const key = peerText(neighbor);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, index);
    else {
      const message = `the neighbor ${key} is given twice; it is neighbors[${before}] already`;
      reporter.violation(tree, { field, message, allowed: 'each neighbor once' });
    }
  });
}

/** RFC 9234 §3: roles are between autonomous systems. */
function checkRole(
  { type, asn, properties = [] }: NeighborSpec,
  index: number,
  spec: UnderlaySpec,
  tree: TreeMap,
  reporter: ResourceReporter,
): void {
  const at = properties.findIndex((property) => property.type === 'role');
  if (at < 0 || (type !== 'Internal' && asn !== spec.asn)) return;
  reporter.violation(tree, {
    field: `neighbors[${index}].properties[${at}].type`,
    message: 'an internal neighbor has no role',
    allowed: 'role, for a neighbor of another AS',
  });
}

function peerText({ address, listenRange, interface: name }: NeighborSpec): string {
  if (address) return formatAddress(address);
  return listenRange ? formatPrefix(listenRange) : (name ?? '');
}

/** RFC 5771 (224.0.0.0/4, and the reserved block after it) and RFC 4291 §2.7 (ff00::/8). */
function isMulticast({ version, bytes }: IpAddress): boolean {
  return version === 4 ? (bytes[0] ?? 0) >= 224 : bytes[0] === 0xff;
}

function buildNeighbor(spec: NeighborSpec, context: FamilyContext): Neighbor | undefined {
  const peer = peerOf(spec);
  const asn = spec.asn ?? (spec.type === 'Internal' ? 'internal' : 'external');
  if (!peer) return undefined;
  const multiHop = spec.properties?.find(({ type }) => type === 'ebgpMultiHop');
  const gtsm = spec.properties?.find(({ type }) => type === 'gtsm');
  const role = spec.properties?.find(({ type }) => type === 'role')?.role;
  const given = spec.addressFamilies ?? [];
  const families: Neighbor['families'] =
    given.length > 0
      ? given.map(({ type, properties = [] }) => {
          const limit = properties.find((property) => property.maximumPrefixes)?.maximumPrefixes;
          return {
            family: type,
            routeReflectorClient: properties.some((property) => property.type === 'routeReflectorClient'),
            ...(limit && { maximumPrefixes: buildLimit(limit) }),
            ...addPathOf(properties),
            ...longLivedOf(properties),
          };
        })
      : defaultFamilies(spec, context).map((family) => ({ family, routeReflectorClient: false }));
  return {
    peer,
    asn,
    // As FRR, 0 is taken for the default.
    port: spec.port || BGP_PORT,
    holdTime: spec.holdTimeSeconds ?? DEFAULT_HOLD_TIME,
    keepaliveTime: spec.keepaliveTimeSeconds ?? DEFAULT_KEEPALIVE_TIME,
    connectRetryTime: spec.connectTimeSeconds ?? DEFAULT_CONNECT_RETRY_TIME,
    ebgpTtl: multiHop ? (multiHop.ebgpMultiHop?.ttl ?? DEFAULT_MULTI_HOP_TTL) : 1,
    ...(gtsm && { gtsmHops: gtsm.gtsm?.hops ?? 1 }),
    ...(role && { role }),
    ...(spec.password !== undefined && { password: spec.password }),
    ...(spec.bfd && { bfd: buildBfd(spec.bfd) }),
    families,
  };
}

function longLivedOf(
  properties: FamilySpec['properties'],
): Pick<Neighbor['families'][number], 'longLivedStaleTime'> {
  const found = properties?.find(({ type }) => type === 'longLivedGracefulRestart');
  if (!found) return {};
  return {
    longLivedStaleTime: found.longLivedGracefulRestart?.maxStaleTimeSeconds ?? Number.POSITIVE_INFINITY,
  };
}

function addPathOf(properties: FamilySpec['properties']): Pick<Neighbor['families'][number], 'addPath'> {
  const send = properties?.find(({ type }) => type === 'addPath')?.addPath;
  if (!send) return {};
  const most = send.send === 'All' ? Number.POSITIVE_INFINITY : (send.paths ?? DEFAULT_BEST_PATHS);
  return { addPath: { most } };
}

function peerOf({
  address,
  listenRange,
  interface: interfaceName,
}: NeighborSpec): Neighbor['peer'] | undefined {
  if (address) return { by: 'address', address };
  if (listenRange) return { by: 'listenRange', range: listenRange };
  return interfaceName === undefined ? undefined : { by: 'interface', interfaceName };
}

function defaultFamilies(spec: NeighborSpec, context: FamilyContext): NeighborFamily[] {
  const version = spec.address?.version ?? spec.listenRange?.address.version ?? 4;
  const ipv4 = version === 4 || context.hasVnis || context.passthroughIpv4;
  const ipv6 = version === 6 || context.passthroughIpv6;
  return [
    ...(ipv4 ? (['ipv4unicast'] as const) : []),
    ...(ipv6 ? (['ipv6unicast'] as const) : []),
    ...(context.hasVnis ? (['evpn'] as const) : []),
  ];
}

function buildLimit({ limit, warnPercent, action, restartSeconds }: MaximumPrefixesSpec): MaximumPrefixes {
  const heldFor = restartSeconds === undefined ? Number.POSITIVE_INFINITY : restartSeconds * 1000;
  return {
    limit,
    warnAt: Math.ceil((limit * warnPercent) / 100),
    answer: action === 'Warn' ? 'warn' : { heldFor },
  };
}

function buildBfd(spec: NonNullable<NeighborSpec['bfd']>): BfdSettings {
  return {
    receiveInterval: spec.receiveInterval ?? DEFAULT_BFD_INTERVAL,
    transmitInterval: spec.transmitInterval ?? DEFAULT_BFD_INTERVAL,
    detectMultiplier: spec.detectMultiplier ?? DEFAULT_DETECT_MULTIPLIER,
    passive: spec.sessionMode === 'Passive',
    ...(spec.minimumTTL !== undefined && { minimumTtl: spec.minimumTTL }),
  };
}
