import { formatAddress, type IpAddress, isLinkLocal } from '../net/address.ts';
import { type IpPrefix, networkOf } from '../net/prefix.ts';
import { OWNER_ALIAS } from './ownership.ts';

/** Which of the node's two network namespaces something is in. */
export type Side = 'router' | 'host';

/** An address on a device. */
export interface ObservedAddress {
  /** The device's own address with the length of its subnet. */
  readonly prefix: IpPrefix;
  /** RT_SCOPE_UNIVERSE: not link-local, and not the loopback's own. */
  readonly global: boolean;
  /** IFA_F_TEMPORARY: made by the kernel for privacy (RFC 8981), not configured. */
  readonly temporary: boolean;
  /** Has a lifetime, as DHCP or a router advertisement gave it. */
  readonly expires: boolean;
  /** Set by the daemon; never true on kernels before 5.18. */
  readonly own: boolean;
  /** Duplicate address detection is under way, or has found another user: not to be used. */
  readonly unusable: boolean;
}

/** What a VXLAN device was made with. */
export interface VxlanParameters {
  readonly vni: number;
  /** Source address of the tunnel. */
  readonly local: IpAddress;
  /** UDP destination port. */
  readonly port: number;
}

/** A network device. */
export interface ObservedLink {
  readonly index: number;
  readonly name: string;
  /** Driver, such as `vrf`; undefined for a device without one by that name, as `lo` and hardware. */
  readonly kind: string | undefined;
  readonly alias: string | undefined;
  readonly group: number;
  readonly mtu: number;
  readonly up: boolean;
  /** It is up, and so is what it is plugged into. */
  readonly carrier: boolean;
  /** How often it has lost its carrier so far; also by being set down. 0 on kernels before 4.16. */
  readonly carrierLosses: number;
  /** Index of the VRF or bridge that it belongs to. */
  readonly masterIndex: number | undefined;
  /** IFLA_LINK: of a veth the index of its peer, of a VXLAN device that of the device it sends from. */
  readonly lowerIndex: number | undefined;
  /** Six bytes for an Ethernet device. */
  readonly mac: Uint8Array;
  /** The kernel gives it an IPv6 link-local address (address generation mode other than none). */
  readonly generatesLinkLocal: boolean;
  readonly vrfTable: number | undefined;
  readonly vxlan: (VxlanParameters & { readonly learning: boolean }) | undefined;
  /** As a bridge's port: answers ARP and ND from its own table. */
  readonly suppressesNeighbours: boolean;
  readonly addresses: readonly ObservedAddress[];
}

/** The devices of one namespace. */
export interface ObservedNamespace {
  readonly links: readonly ObservedLink[];
}

/** An unreachable default route that closes a routing table. */
export interface UnreachableDefault {
  readonly table: number;
  readonly version: 4 | 6;
}

/** Everything in the kernel that the plan depends on. */
export interface ObservedState {
  /** undefined: there is no such namespace. */
  readonly router: ObservedNamespace | undefined;
  readonly host: ObservedNamespace;
  /** Values of the sysctls of interest in the router's namespace; undefined: this kernel does not have it. */
  readonly sysctls: ReadonlyMap<string, string | undefined>;
  readonly unreachableDefaults: readonly UnreachableDefault[];
}

/** Devices of a namespace by name and by index; states never change, so each is sorted once. */
interface LinkIndex {
  readonly byName: ReadonlyMap<string, ObservedLink>;
  readonly byIndex: ReadonlyMap<number, ObservedLink>;
}

const indexes = new WeakMap<ObservedNamespace, LinkIndex>();

function indexOf(namespace: ObservedNamespace): LinkIndex {
  const known = indexes.get(namespace);
  if (known !== undefined) return known;
  const made = {
    byName: new Map(namespace.links.map((link) => [link.name, link])),
    byIndex: new Map(namespace.links.map((link) => [link.index, link])),
  };
  indexes.set(namespace, made);
  return made;
}

/** The device of that name. */
export function linkNamed(namespace: ObservedNamespace | undefined, name: string): ObservedLink | undefined {
  return namespace && indexOf(namespace).byName.get(name);
}

/** The device with that index. */
export function linkIndexed(
  namespace: ObservedNamespace | undefined,
  index: number | undefined,
): ObservedLink | undefined {
  return namespace && index !== undefined ? indexOf(namespace).byIndex.get(index) : undefined;
}

/** The other end of a veth, when it is in the other namespace. */
export function peerOf(link: ObservedLink, other: ObservedNamespace): ObservedLink | undefined {
  const peer = linkIndexed(other, link.lowerIndex);
  const paired = link.kind === 'veth' && peer?.kind === 'veth' && peer.lowerIndex === link.index;
  return paired ? peer : undefined;
}

/** True when the daemon made the router's namespace. */
export function isOwnNamespace(namespace: ObservedNamespace | undefined): boolean {
  return linkNamed(namespace, 'lo')?.alias === OWNER_ALIAS;
}

/** Router MAC (RFC 9135 §3.1) of an L3VNI: the address of its bridge, six bytes. */
export function routerMacOf(state: ObservedState, vni: number): Uint8Array | undefined {
  const vxlan = state.router?.links.find((link) => link.vxlan?.vni === vni);
  return linkIndexed(state.router, vxlan?.masterIndex)?.mac;
}

/** Routing table of a VRF. */
export function tableOf(state: ObservedState, vrf: string): number | undefined {
  return linkNamed(state.router, vrf)?.vrfTable;
}

/** IPv6 link-local address of a device, once it may be used. */
export function linkLocalOf(link: ObservedLink): IpAddress | undefined {
  return link.addresses.find(({ prefix, unusable }) => !unusable && isLinkLocal(prefix.address))?.prefix
    .address;
}

/** A subnet that a device is on. */
export interface ConnectedSubnet {
  readonly device: string;
  readonly subnet: IpPrefix;
}

/** Subnets of the devices that are up and in no VRF: where fabric next hops are reached directly. */
export function connectedSubnets(state: ObservedState): ConnectedSubnet[] {
  const links = state.router?.links.filter((link) => link.up && link.masterIndex === undefined) ?? [];
  return links.flatMap((link) =>
    link.addresses.map(({ prefix }) => ({ device: link.name, subnet: networkOf(prefix) })),
  );
}

/** All addresses of the router's namespace, each once: a next hop among them is ourselves. */
export function ownAddresses(state: ObservedState): IpAddress[] {
  const addresses =
    state.router?.links.flatMap((link) => link.addresses.map(({ prefix }) => prefix.address)) ?? [];
  return [...new Map(addresses.map((address) => [formatAddress(address), address])).values()];
}
