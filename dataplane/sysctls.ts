/** A kernel parameter of the router's namespace. */
export interface Sysctl {
  /** Path below /proc/sys. */
  readonly key: string;
  readonly value: string;
  /** Older kernels, or such without IPv6, do without it. */
  readonly optional: boolean;
}

/**
 * What a router needs: forwarding, and neighbours that announce themselves (gratuitous ARP and
 * unsolicited neighbour advertisements) are believed, as OpenPERouter sets it. The order counts:
 * "forwarding" resets others.
 */
export const ROUTER_SYSCTLS: readonly Sysctl[] = [
  { key: 'net/ipv4/conf/all/forwarding', value: '1', optional: false },
  { key: 'net/ipv6/conf/all/forwarding', value: '1', optional: true },
  { key: 'net/ipv4/conf/all/arp_accept', value: '1', optional: false },
  { key: 'net/ipv4/conf/default/arp_accept', value: '1', optional: false },
  { key: 'net/ipv6/conf/default/accept_untracked_na', value: '1', optional: true },
  { key: 'net/ipv6/conf/all/accept_untracked_na', value: '1', optional: true },
];
