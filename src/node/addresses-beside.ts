import { networkInterfaces } from 'node:os';
import type { ObservedState } from '../../dataplane/observed.ts';
import {
  addressEquals,
  formatAddress,
  type IpAddress,
  isLinkLocal,
  parseAddress,
} from '../../net/address.ts';
import { parsePrefix, prefixContains } from '../../net/prefix.ts';

/**
 * The other addresses of the device of the router's namespace that has `local`, without link-local ones. `device`: its
 * name, where that is known: several may have the same link-local address.
 */
export function addressesOnDeviceOf(state: ObservedState, local: IpAddress, device?: string): IpAddress[] {
  const found = state.router?.links.find(
    ({ name, addresses }) =>
      (device === undefined || name === device) &&
      addresses.some(({ prefix }) => addressEquals(prefix.address, local)),
  );
  return (found?.addresses ?? [])
    .filter(({ unusable }) => !unusable)
    .map(({ prefix }) => prefix.address)
    .filter((address) => !isLinkLocal(address) && !addressEquals(address, local));
}

/** The same for the process's own namespace; nothing for the loopback device, whose addresses nobody else can reach. */
export function addressesOnInterfaceOf(local: IpAddress, device?: string): IpAddress[] {
  const text = formatAddress(local);
  const found = Object.entries(networkInterfaces()).find(
    ([name, entries]) =>
      (device === undefined || name === device) && entries?.some(({ address }) => address === text),
  );
  return (found?.[1] ?? [])
    .filter(({ internal, address }) => !internal && address !== text)
    .flatMap(({ address }) => parseAddress(address) ?? [])
    .filter((address) => !isLinkLocal(address));
}

/** True when an address is on a network of the process's own namespace. */
export function isOnOwnNetwork(address: IpAddress): boolean {
  return Object.values(networkInterfaces()).some((entries) =>
    entries?.some(({ cidr }) => {
      const network = cidr === null ? undefined : parsePrefix(cidr);
      return network !== undefined && prefixContains(network, address);
    }),
  );
}
