import type { DesiredL3Vni, DesiredVeth, DesiredVrf } from './desired.ts';
import { linkNamed, type ObservedLink, peerOf } from './observed.ts';
import { OWNER_ALIAS } from './ownership.ts';
import { isConfigured, planAddresses } from './plan-addresses.ts';
import { isVethOf, isVxlanOf, type Remaining } from './plan-removal.ts';
import type { LinkChange, PlanAction, PlanConflict, PlanStep } from './plan-step.ts';
import type { RoutingTables } from './routing-tables.ts';

/** What a tunnel adds to a packet: Ethernet, VXLAN and UDP headers (8 + 8 + 14 bytes) and the outer IP header. */
const ENCAPSULATION_OVERHEAD = { 4: 30 + 20, 6: 30 + 40 } as const;

/** An MTU is set only when it is more than IPv6 needs at least (RFC 8200 §5), as OpenPERouter does. */
const LEAST_MTU = 1280;

/** MTU of a veth whose packets go through a tunnel; undefined: leave it as it is. */
export function vethMtu(underlayMtu: number | undefined, vtepVersion: 4 | 6): number | undefined {
  if (underlayMtu === undefined) return undefined;
  const mtu = underlayMtu - ENCAPSULATION_OVERHEAD[vtepVersion];
  return mtu > LEAST_MTU ? mtu : undefined;
}

/** The steps of one VRF, or what is in their way: then none of them is taken. */
export type VrfPlan =
  | { readonly steps: readonly PlanStep[]; readonly conflict?: undefined }
  | { readonly steps?: undefined; readonly conflict: PlanConflict };

/** Raised inside this file only. */
class Obstacle extends Error {
  readonly conflict: PlanConflict;

  constructor(object: string, reason: string) {
    super(reason);
    this.conflict = { object, reason };
  }
}

/** Plans a VRF with its bridge, VXLAN device and veth; a new VRF takes a table of `tables`. */
export function planVrf(
  vrf: DesiredVrf,
  remaining: Remaining,
  underlayMtu: number | undefined,
  tables: RoutingTables,
): VrfPlan {
  try {
    const { l3vni } = vrf;
    const device = linkNamed(remaining.router, vrf.name);
    const bridge = linkNamed(remaining.router, l3vni.bridge);
    const mtu = vethMtu(underlayMtu, l3vni.vtep.version);
    // The rest comes before the table is taken: a conflict takes none.
    const inside = [
      ...planBridge(vrf, bridge, device),
      ...planVxlan(l3vni, remaining, bridge),
      ...(l3vni.veth ? planVeth(vrf.name, l3vni.veth, remaining, device, mtu) : []),
    ];
    const steps = [...planDevice(vrf.name, device, tables), ...inside];
    const group = `vrf ${vrf.name}`;
    return { steps: steps.map((step) => ({ ...step, group })) };
  } catch (error) {
    if (error instanceof Obstacle) return { conflict: error.conflict };
    throw error;
  }
}

function planDevice(vrf: string, device: ObservedLink | undefined, tables: RoutingTables): PlanAction[] {
  if (device !== undefined) expectKind(device, 'vrf', `vrf ${vrf}`);
  const changes = device === undefined ? [] : reconcile(`vrf ${vrf}`, device, upChange(device));
  const table = device?.vrfTable ?? tables.takeFree();
  const missing = ([4, 6] as const).filter((version) => !tables.isClosed(table, version));
  return [
    ...(device === undefined ? [{ action: 'create vrf', name: vrf, table } as const] : changes),
    ...missing.map((version) => ({ action: 'add unreachable default', vrf, table, version }) as const),
  ];
}

function planBridge(
  vrf: DesiredVrf,
  bridge: ObservedLink | undefined,
  device: ObservedLink | undefined,
): PlanAction[] {
  const name = vrf.l3vni.bridge;
  if (bridge === undefined) return [{ action: 'create bridge', name, vrf: vrf.name }];
  expectKind(bridge, 'bridge', `bridge ${name}`);
  return reconcile(`bridge ${name}`, bridge, {
    ...masterChange(bridge, vrf.name, device),
    ...(bridge.generatesLinkLocal && { withoutLinkLocal: true }),
    ...upChange(bridge),
  });
}

function planVxlan(
  l3vni: DesiredL3Vni,
  remaining: Remaining,
  bridge: ObservedLink | undefined,
): PlanAction[] {
  const name = l3vni.vxlan;
  const object = `vxlan ${name}`;
  const device = linkNamed(remaining.router, name);
  if (device === undefined) {
    const parameters = { vni: l3vni.vni, local: l3vni.vtep, port: l3vni.port };
    return [{ action: 'create vxlan', name, bridge: l3vni.bridge, parameters }];
  }
  expectKind(device, 'vxlan', object);
  if (!isVxlanOf(device, l3vni)) {
    throw new Obstacle(object, `there is a VXLAN device of this name with other parameters: ${REMOVE_IT}`);
  }
  const leaves = bridge === undefined || device.masterIndex !== bridge.index;
  return reconcile(object, device, {
    ...masterChange(device, l3vni.bridge, bridge),
    ...(device.generatesLinkLocal && { withoutLinkLocal: true }),
    // A port that changes its bridge starts with the defaults again.
    ...((leaves || !device.suppressesNeighbours) && { suppressNeighbours: true }),
    ...upChange(device),
  });
}

function planVeth(
  vrf: string,
  veth: DesiredVeth,
  remaining: Remaining,
  device: ObservedLink | undefined,
  mtu: number | undefined,
): PlanAction[] {
  const { routerName, hostName } = veth;
  const object = `veth ${routerName}`;
  const inside = linkNamed(remaining.router, routerName);
  const outside = inside && peerOf(inside, remaining.host);
  if (inside === undefined || outside === undefined || !isVethOf(inside, veth, remaining.host)) {
    if (inside) throw new Obstacle(object, `there is another device of this name: ${REMOVE_IT}`);
    if (linkNamed(remaining.host, hostName)) {
      throw new Obstacle(object, `the host namespace has another device ${hostName}: ${REMOVE_IT}`);
    }
    return [
      { action: 'create veth', routerName, hostName, vrf, mtu },
      ...vethAddresses(veth, undefined, undefined),
    ];
  }
  const joins = masterChange(inside, vrf, device);
  const insideChange = { ...joins, ...mtuChange(inside, mtu), ...upChange(inside) };
  const outsideChange = { ...mtuChange(outside, mtu), ...upChange(outside) };
  const own = inside.alias === OWNER_ALIAS;
  const changes = own
    ? [
        ...changeLink('router', routerName, insideChange),
        ...changeLink('host', hostName, { ...aliasChange(outside), ...outsideChange }),
      ]
    : [
        ...reconcile(object, inside, insideChange),
        ...reconcile(`veth ${hostName}`, outside, outsideChange, 'host'),
      ];
  // Joining a VRF takes the IPv6 addresses away.
  const lost = joins.master !== undefined;
  const kept = lost
    ? inside.addresses.filter(({ prefix }) => prefix.address.version === 4)
    : inside.addresses;
  return [...changes, ...vethAddresses(veth, { ...inside, addresses: kept }, outside)];
}

function vethAddresses(
  veth: DesiredVeth,
  inside: ObservedLink | undefined,
  outside: ObservedLink | undefined,
): PlanStep[] {
  // Only the two ends of the pair are on the link, and both are the daemon's.
  const at = { group: '', unique: true };
  return [
    ...planAddresses(
      { ...at, side: 'router', device: veth.routerName },
      inside?.addresses ?? [],
      veth.routerAddresses,
      isConfigured,
    ),
    ...planAddresses(
      { ...at, side: 'host', device: veth.hostName },
      outside?.addresses ?? [],
      veth.hostAddresses,
      isConfigured,
    ),
  ];
}

const REMOVE_IT = 'remove it, or give this one another name or VNI';

function expectKind(link: ObservedLink, kind: string, object: string): void {
  if (link.kind === kind) return;
  throw new Obstacle(object, `there is a ${link.kind ?? 'network'} device of this name: ${REMOVE_IT}`);
}

/**
 * Changes to a device that is of the right kind: an own one is changed, one that is exactly as wanted is taken over, any
 * other is somebody's.
 */
function reconcile(
  object: string,
  link: ObservedLink,
  change: LinkChange,
  side: 'router' | 'host' = 'router',
): PlanAction[] {
  if (link.alias === OWNER_ALIAS) return changeLink(side, link.name, change);
  const differences = Object.keys(change);
  if (differences.length === 0) return changeLink(side, link.name, { alias: OWNER_ALIAS });
  const words = differences.map((key) => PROPERTY_NAMES[key as keyof LinkChange]).join(', ');
  throw new Obstacle(object, `there is one that is not this daemon's and differs in ${words}: ${REMOVE_IT}`);
}

const PROPERTY_NAMES: Readonly<Record<keyof LinkChange, string>> = {
  alias: 'alias',
  mtu: 'MTU',
  master: 'master device',
  withoutLinkLocal: 'IPv6 address generation',
  suppressNeighbours: 'neighbour suppression',
  up: 'being down',
};

function changeLink(side: 'router' | 'host', device: string, change: LinkChange): PlanAction[] {
  return Object.keys(change).length === 0 ? [] : [{ action: 'change link', side, device, change }];
}

function masterChange(
  link: ObservedLink,
  name: string,
  master: ObservedLink | undefined,
): { master?: string } {
  return master !== undefined && link.masterIndex === master.index ? {} : { master: name };
}

function mtuChange(link: ObservedLink, mtu: number | undefined): { mtu?: number } {
  return mtu === undefined || link.mtu === mtu ? {} : { mtu };
}

function upChange(link: ObservedLink): { up?: true } {
  return link.up ? {} : { up: true };
}

function aliasChange(link: ObservedLink): { alias?: string } {
  return link.alias === OWNER_ALIAS ? {} : { alias: OWNER_ALIAS };
}
