import type { DesiredState } from './desired.ts';
import { linkNamed, type ObservedLink, type ObservedNamespace } from './observed.ts';
import { addressesOfAlias, isUnderlayAlias, UNDERLAY_GROUP, underlayAlias } from './ownership.ts';
import { planAddresses, portableAddresses } from './plan-addresses.ts';
import type { Remaining } from './plan-removal.ts';
import type { LinkChange, Plan, PlanConflict, PlanStep } from './plan-step.ts';

/** Steps that move the underlay devices in, with their addresses, and those back that are not wanted any more. */
export function planUnderlay(desired: DesiredState, remaining: Remaining): Plan {
  const unwanted = movedIn(remaining.router).filter(({ name }) => !desired.underlayInterfaces.includes(name));
  const parts = desired.underlayInterfaces.map((device) => planDevice(device, remaining));
  return {
    steps: [...unwanted.flatMap(moveBack), ...parts.flatMap(({ steps }) => steps)],
    conflicts: parts.flatMap(({ conflicts }) => conflicts),
  };
}

/** Devices that the daemon moved into the router's namespace. */
export function movedIn(router: ObservedNamespace): readonly ObservedLink[] {
  return router.links.filter(({ group, alias }) => group === UNDERLAY_GROUP && isUnderlayAlias(alias));
}

/** Steps that give a device back to the host. */
export function moveBack(link: ObservedLink): PlanStep[] {
  const current = portableAddresses(link.addresses);
  const addresses = current.length > 0 ? current : addressesOfAlias(link.alias);
  const group = `underlay ${link.name}`;
  const place = { side: 'host', device: link.name, group, unique: false } as const;
  return [
    { action: 'move device', device: link.name, to: 'host', addresses, group },
    ...planAddresses(place, [], addresses, () => false),
  ];
}

/** MTU that the tunnel has to fit in: the lowest of the underlay devices'; undefined when none is there. */
export function lowestUnderlayMtu(desired: DesiredState, remaining: Remaining): number | undefined {
  const mtus = desired.underlayInterfaces.flatMap((device) => {
    const link = linkNamed(remaining.router, device) ?? linkNamed(remaining.host, device);
    return link === undefined ? [] : [link.mtu];
  });
  return mtus.length === 0 ? undefined : Math.min(...mtus);
}

function planDevice(device: string, { router, host }: Remaining): Plan {
  const group = `underlay ${device}`;
  const present = linkNamed(router, device);
  if (present !== undefined) return { steps: keepUp(present, group), conflicts: [] };
  const link = linkNamed(host, device);
  const obstacle = obstacleTo(link, host);
  if (link === undefined || obstacle !== undefined) {
    const reason =
      obstacle ?? 'it is neither in the host namespace nor in the router namespace: check its name';
    return { steps: [], conflicts: [conflict(device, reason)] };
  }
  const addresses = portableAddresses(link.addresses);
  const place = { side: 'router', device, group, unique: false } as const;
  return {
    steps: [
      { action: 'move device', device, to: 'router', addresses, group },
      ...planAddresses(place, [], addresses, () => false),
    ],
    conflicts: [],
  };
}

/** A device that someone else put into the namespace is used and stays someone else's. */
function keepUp(link: ObservedLink, group: string): PlanStep[] {
  // OpenPERouter marks by group alone: such a device is taken over with the addresses it has.
  const unmarked = link.group === UNDERLAY_GROUP && (link.alias ?? '') === '';
  const alias = unmarked ? underlayAlias(portableAddresses(link.addresses)) : undefined;
  const change: LinkChange = {
    ...(alias !== undefined && { alias }),
    ...(!link.up && { up: true }),
  };
  const place = { side: 'router', device: link.name, group, unique: false } as const;
  return [
    ...(Object.keys(change).length > 0
      ? [{ action: 'change link', side: 'router', device: link.name, change, group } as const]
      : []),
    ...planAddresses(place, link.addresses, addressesOfAlias(link.alias), () => false),
  ];
}

function obstacleTo(link: ObservedLink | undefined, host: ObservedNamespace): string | undefined {
  if (link === undefined) return undefined;
  if (link.name === 'lo') return 'the loopback device cannot be moved';
  if (link.masterIndex === undefined) return undefined;
  const master = host.links.find(({ index }) => index === link.masterIndex)?.name ?? 'another device';
  return `it belongs to ${master} in the host namespace: release it first (ip link set ${link.name} nomaster)`;
}

function conflict(device: string, reason: string): PlanConflict {
  return { object: `device ${device}`, reason };
}
