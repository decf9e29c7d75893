import { formatPrefix, type IpPrefix, parsePrefix } from '../net/prefix.ts';

/**
 * How the daemon knows again what it made, after a restart too: all of it is written on the kernel objects
 * themselves.
 */

/** IFLA_IFALIAS of every link the daemon made, and of `lo` in a namespace it made. */
export const OWNER_ALIAS = 'openpe-routerd';

/** Link group of devices that were moved in from the host's namespace; OpenPERouter uses the same number. */
export const UNDERLAY_GROUP = 4242;

/** IFA_PROTO (linux/if_addr.h, kernel 5.18 and later) of addresses the daemon set; older kernels keep none. */
export const ADDRESS_PROTOCOL = 181;

/** Metric of the unreachable default route of a VRF: any other default route is preferred to it. */
export const UNREACHABLE_METRIC = 4278198272;

/** `IFALIASZ` of linux/if.h less the terminating zero. */
const LONGEST_ALIAS = 255;

/** Every underlay device's alias starts with this. */
const UNDERLAY_ALIAS = `${OWNER_ALIAS} underlay`;

/**
 * Alias of an underlay device: the addresses it came with, as `address/length`, follow the owner's name.
 * The kernel drops a device's addresses when it changes namespace, and sets the alias in the same step:
 * so they are not lost when the daemon dies in between. Those that do not fit are left out.
 */
export function underlayAlias(addresses: readonly IpPrefix[]): string {
  return addresses.map(formatPrefix).reduce((alias, address) => {
    const longer = `${alias} ${address}`;
    return longer.length <= LONGEST_ALIAS ? longer : alias;
  }, UNDERLAY_ALIAS);
}

/** True for an alias that {@link underlayAlias} made. */
export function isUnderlayAlias(alias: string | undefined): boolean {
  return alias === UNDERLAY_ALIAS || (alias?.startsWith(`${UNDERLAY_ALIAS} `) ?? false);
}

/** The addresses that {@link underlayAlias} wrote; none for any other alias. */
export function addressesOfAlias(alias: string | undefined): IpPrefix[] {
  if (!isUnderlayAlias(alias)) return [];
  const words = (alias ?? '').slice(UNDERLAY_ALIAS.length).split(' ');
  return words.flatMap((word) => parsePrefix(word) ?? []);
}
