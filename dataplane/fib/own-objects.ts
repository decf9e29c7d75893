/**
 * What marks kernel objects as the daemon's own: it takes over and removes only what carries these.
 */

/**
 * Protocol number of the daemon's routes, next-hop objects and neighbours (`rtm_protocol`, `nh_protocol`,
 * NDA_PROTOCOL). Free in linux/rtnetlink.h and in the lists of iproute2 and FRR; `ip route` prints the
 * number unless /etc/iproute2/rt_protos.d names it. It is the low byte of VXLAN's UDP port 4789.
 */
export const ROUTE_PROTOCOL = 181;

/** RTA_PRIORITY of all routes, the metric that FRR gives to BGP's. */
export const ROUTE_METRIC = 20;

/** Ids of next-hop objects: 2^24 of them from here on, away from those that others count up from 1. */
export const FIRST_NEXTHOP_ID = 0x0e000000;
/** One past the last id of {@link FIRST_NEXTHOP_ID}'s range. */
export const NEXTHOP_ID_LIMIT = 0x0f000000;
