import { formatAddress, type IpAddress } from '../net/address.ts';
import { formatPrefix, type IpPrefix } from '../net/prefix.ts';
import type { Side, VxlanParameters } from './observed.ts';

/** Properties of a device to change; absent ones stay as they are. */
export interface LinkChange {
  readonly alias?: string;
  readonly mtu?: number;
  /** Name of the VRF or bridge to join. */
  readonly master?: string;
  /** Address generation mode none: no IPv6 link-local address. */
  readonly withoutLinkLocal?: true;
  readonly suppressNeighbours?: true;
  readonly up?: true;
}

/** One change of the kernel's state. What a step makes, it leaves marked as the daemon's own. */
export type PlanAction =
  | { readonly action: 'create namespace' }
  | { readonly action: 'delete namespace' }
  | {
      readonly action: 'set sysctl';
      readonly key: string;
      readonly value: string;
      readonly optional: boolean;
    }
  /** Moves a device, marks it (into `router`) or unmarks it, and brings it up; its addresses are lost. */
  | {
      readonly action: 'move device';
      readonly device: string;
      readonly to: Side;
      /** Addresses it has, to be remembered on it. */
      readonly addresses: readonly IpPrefix[];
    }
  | {
      readonly action: 'add address';
      readonly side: Side;
      readonly device: string;
      readonly prefix: IpPrefix;
      /** No other node can have it: no waiting for duplicate address detection. */
      readonly unique: boolean;
    }
  | {
      readonly action: 'remove address';
      readonly side: Side;
      readonly device: string;
      readonly prefix: IpPrefix;
    }
  | { readonly action: 'create vrf'; readonly name: string; readonly table: number }
  | {
      readonly action: 'add unreachable default' | 'remove unreachable default';
      readonly vrf: string;
      readonly table: number;
      readonly version: 4 | 6;
    }
  | { readonly action: 'create bridge'; readonly name: string; readonly vrf: string }
  | {
      readonly action: 'create vxlan';
      readonly name: string;
      readonly bridge: string;
      readonly parameters: VxlanParameters;
    }
  | {
      readonly action: 'create veth';
      readonly routerName: string;
      readonly hostName: string;
      readonly vrf: string;
      readonly mtu: number | undefined;
    }
  | {
      readonly action: 'change link';
      readonly side: Side;
      readonly device: string;
      readonly change: LinkChange;
    }
  | { readonly action: 'remove link'; readonly side: Side; readonly device: string; readonly kind: string };

/** A change, and the group it belongs to: when one fails, the rest of its group is not tried. */
export type PlanStep = PlanAction & {
  /** `namespace` (everything depends on it), or such as `vrf red`, `underlay eth1`, `loopback`. */
  readonly group: string;
};

/** Something that is in the way, or missing, and that the plan leaves alone. */
export interface PlanConflict {
  /** Such as `vrf red`. */
  readonly object: string;
  /** What was found and what to do. */
  readonly reason: string;
}

/** Ordered steps from what is to what is wanted, and what they cannot reach. */
export interface Plan {
  readonly steps: readonly PlanStep[];
  readonly conflicts: readonly PlanConflict[];
}

/** Names of the two namespaces, for messages; undefined: the one the process runs in. */
export interface NamespaceNames {
  readonly router: string;
  readonly host: string | undefined;
}

/** The object of a step, such as `vrf red` or `address 192.0.2.1/32 on lo`. */
export function objectOf(step: PlanAction, names: NamespaceNames): string {
  switch (step.action) {
    case 'create namespace':
    case 'delete namespace':
      return `namespace ${names.router}`;
    case 'set sysctl':
      return `sysctl ${step.key}`;
    case 'move device':
      return `device ${step.device}`;
    case 'add address':
    case 'remove address':
      return `address ${formatPrefix(step.prefix)} on ${step.device}`;
    case 'create vrf':
      return `vrf ${step.name}`;
    case 'add unreachable default':
    case 'remove unreachable default':
      return `unreachable IPv${step.version} default of vrf ${step.vrf}`;
    case 'create bridge':
      return `bridge ${step.name}`;
    case 'create vxlan':
      return `vxlan ${step.name}`;
    case 'create veth':
      return `veth ${step.routerName}`;
    case 'change link':
      return `device ${step.device}`;
    case 'remove link':
      return `${step.kind} ${step.device}`;
  }
}

/** One line for a person: `+ vrf red (table 1) in perouter`. */
export function describeStep(step: PlanAction, names: NamespaceNames): string {
  const place = (side: Side): string =>
    side === 'router' ? names.router : (names.host ?? 'the host namespace');
  const object = objectOf(step, names);
  switch (step.action) {
    case 'create namespace':
      return `+ ${object}`;
    case 'delete namespace':
      return `- ${object}`;
    case 'set sysctl':
      return `~ ${object} = ${step.value} in ${names.router}`;
    case 'move device':
      return `> ${object} to ${place(step.to)}`;
    case 'add address':
      return `+ ${object} in ${place(step.side)}`;
    case 'remove address':
    case 'remove link':
      return `- ${object} in ${place(step.side)}`;
    case 'create vrf':
      return `+ ${object} (table ${step.table}) in ${names.router}`;
    case 'add unreachable default':
      return `+ ${object} (table ${step.table}) in ${names.router}`;
    case 'remove unreachable default':
      return `- ${object} (table ${step.table}) in ${names.router}`;
    case 'create bridge':
      return `+ ${object} (in vrf ${step.vrf}) in ${names.router}`;
    case 'create vxlan': {
      const { vni, local, port } = step.parameters;
      const tunnel = `VNI ${vni} from ${formatAddress(local)}, UDP port ${port}`;
      return `+ ${object} (${tunnel}, port of ${step.bridge}) in ${names.router}`;
    }
    case 'create veth': {
      const mtu = step.mtu === undefined ? '' : `, MTU ${step.mtu}`;
      return `+ ${object} (in vrf ${step.vrf}${mtu}) in ${names.router}, with ${step.hostName} in ${place('host')}`;
    }
    case 'change link':
      return `~ ${object} in ${place(step.side)}: ${describeChange(step.change)}`;
  }
}

function describeChange(change: LinkChange): string {
  const parts = [
    change.alias === undefined ? undefined : `alias "${change.alias}"`,
    change.mtu === undefined ? undefined : `MTU ${change.mtu}`,
    change.master === undefined ? undefined : `master ${change.master}`,
    change.withoutLinkLocal && 'no link-local address',
    change.suppressNeighbours && 'neighbour suppression',
    change.up && 'up',
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

/** A step as plain JSON: addresses and prefixes as text. */
export function stepToJson(step: PlanStep): Record<string, unknown> {
  return Object.fromEntries(Object.entries(step).map(([key, value]) => [key, plain(value)]));
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if ('version' in value && 'bytes' in value) return formatAddress(value as IpAddress);
  if ('address' in value && 'length' in value) return formatPrefix(value as IpPrefix);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}
