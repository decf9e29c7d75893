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

/** The other addresses of the device of the router's namespace that has `local`, without link-local ones. */
export function addressesOnDeviceOf(state: ObservedState, local: IpAddress): IpAddress[] {
  const device = state.router?.links.find(({ addresses }) =>
    addresses.some(({ prefix }) => addressEquals(prefix.address, local)),
  );
  return (device?.addresses ?? [])
    .filter(({ unusable }) => !unusable)
    .map(({ prefix }) => prefix.address)
    .filter((address) => !isLinkLocal(address) && !addressEquals(address, local));
}

/** The same for the process's own namespace; nothing for the loopback device, whose addresses nobody else can reach. */
export function addressesOnInterfaceOf(local: IpAddress): IpAddress[] {
  const text = formatAddress(local);
  const entries = Object.values(networkInterfaces()).find((of) =>
    of?.some(({ address }) => address === text),
  );
  return (entries ?? [])
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
