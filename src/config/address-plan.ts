import { addressPlus, addressSize, type IpAddress } from '../../net/address.ts';
import { type IpPrefix, networkOf, prefixContains, prefixElement } from '../../net/prefix.ts';
import type { HostSessionAddresses } from './model.ts';

/** The router id of a node: element index + 1 of `routerIDCIDR`; undefined when the network is too small. */
export function routerIdOf(network: IpPrefix, nodeIndex: number): IpAddress | undefined {
  return prefixElement(network, nodeIndex + 1);
}

/** The tunnel endpoint of a node: element index of the network; undefined when the network is too small. */
export function vtepOf(network: IpPrefix, nodeIndex: number): IpAddress | undefined {
  return prefixElement(network, nodeIndex);
}

/**
 * Both ends of the veth of a host session. The router has the first address of the network, or the second
 * when the first ends in 0, on every node; the host has the one after that plus the node index. Undefined
 * when the network has no room for the host of this node.
 */
export function hostSessionAddresses(cidr: IpPrefix, nodeIndex: number): HostSessionAddresses | undefined {
  const network = networkOf(cidr);
  const first = network.address;
  const router = first.bytes.at(-1) === 0 ? addressPlus(first, 1) : first;
  const host = router && addressPlus(router, 1 + nodeIndex);
  if (!router || !host || !prefixContains(network, router) || !prefixContains(network, host))
    return undefined;
  if (isBroadcast(network, host)) return undefined;
  const { length } = network;
  return { cidr: network, router: { address: router, length }, host: { address: host, length } };
}

/** RFC 3021: a /31 has no broadcast address, larger IPv4 networks have one. */
function isBroadcast(network: IpPrefix, address: IpAddress): boolean {
  if (address.version === 6 || network.length >= 31) return false;
  const next = addressPlus(address, 1);
  return !next || !prefixContains(network, next);
}

/** How many nodes a network has addresses for, in words, when `used` elements go to other ends. */
export function roomFor(network: IpPrefix, used: number): string {
  const bits = addressSize(network.address.version) * 8 - network.length;
  return bits > 31 ? 'more than 2147483647' : String(Math.max(0, 2 ** bits - used));
}
