/**
 * An address family as BGP names it: `(AFI << 8) | SAFI` (RFC 4760 §3). A number, so that it can be
 * compared, switched on and kept in columns.
 */
export type Family = number;

/** IPv4 unicast (AFI 1, SAFI 1). */
export const IPV4_UNICAST: Family = 0x0101;
/** IPv6 unicast (AFI 2, SAFI 1). */
export const IPV6_UNICAST: Family = 0x0201;
/** IPv4 with MPLS labels (AFI 1, SAFI 4; RFC 8277). */
export const IPV4_LABELED_UNICAST: Family = 0x0104;
/** IPv6 with MPLS labels (AFI 2, SAFI 4; RFC 8277). */
export const IPV6_LABELED_UNICAST: Family = 0x0204;
/** VPNv4 (AFI 1, SAFI 128; RFC 4364). */
export const VPNV4_UNICAST: Family = 0x0180;
/** VPNv6 (AFI 2, SAFI 128; RFC 4659). */
export const VPNV6_UNICAST: Family = 0x0280;
/** L2VPN EVPN (AFI 25, SAFI 70; RFC 7432). */
export const L2VPN_EVPN: Family = 0x1946;

/** The families whose routes are read and written here, and kept for those who ask for them. */
export const CARRIED_FAMILIES: readonly Family[] = [
  IPV4_UNICAST,
  IPV6_UNICAST,
  L2VPN_EVPN,
  VPNV4_UNICAST,
  VPNV6_UNICAST,
  IPV4_LABELED_UNICAST,
  IPV6_LABELED_UNICAST,
];

const SAFI_LABELED = 4;
const SAFI_VPN = 128;

const FAMILY_NAMES = new Map<Family, string>([
  [IPV4_UNICAST, 'ipv4-unicast'],
  [IPV6_UNICAST, 'ipv6-unicast'],
  [IPV4_LABELED_UNICAST, 'ipv4-labeled-unicast'],
  [IPV6_LABELED_UNICAST, 'ipv6-labeled-unicast'],
  [VPNV4_UNICAST, 'vpnv4-unicast'],
  [VPNV6_UNICAST, 'vpnv6-unicast'],
  [L2VPN_EVPN, 'l2vpn-evpn'],
  [0x0102, 'ipv4-multicast'],
  [0x0202, 'ipv6-multicast'],
  [0x0105, 'ipv4-mcast-vpn'],
  [0x0205, 'ipv6-mcast-vpn'],
  [0x0142, 'ipv4-mdt'],
  [0x0184, 'ipv4-rt-constrain'],
  [0x0185, 'ipv4-flowspec'],
  [0x0285, 'ipv6-flowspec'],
  [0x0186, 'vpnv4-flowspec'],
  [0x0286, 'vpnv6-flowspec'],
  [0x1941, 'l2vpn-vpls'],
  [(16388 << 8) | 71, 'bgp-ls'],
  [(16388 << 8) | 72, 'bgp-ls-vpn'],
]);

const FAMILIES_BY_NAME = new Map([...FAMILY_NAMES].map(([family, name]) => [name, family]));

/** The family of an address family identifier and its subsequent identifier. */
export function familyOf(afi: number, safi: number): Family {
  return afi * 256 + safi;
}

/** Address family identifier (IANA address family numbers). */
export function afiOf(family: Family): number {
  return family >>> 8;
}

/** Subsequent address family identifier. */
export function safiOf(family: Family): number {
  return family & 0xff;
}

/** True for routes with MPLS labels, which mean something only with the next hop that they came with. */
export function hasLabels(family: Family): boolean {
  const safi = safiOf(family);
  return safi === SAFI_LABELED || safi === SAFI_VPN;
}

/** True for the families whose routes, and next hops, have a route distinguisher (RFC 4364, RFC 4659). */
export function isVpnFamily(family: Family): boolean {
  return safiOf(family) === SAFI_VPN;
}

/** True for what a kernel forwards by: IPv4 and IPv6 unicast without labels. */
export function isUnicast(family: Family): boolean {
  return family === IPV4_UNICAST || family === IPV6_UNICAST;
}

/** `ipv4-unicast` and the like; `afi-N-safi-M` for a family without a name here. */
export function familyName(family: Family): string {
  return FAMILY_NAMES.get(family) ?? `afi-${afiOf(family)}-safi-${safiOf(family)}`;
}

/** The family of a name that {@link familyName} gives; undefined for any other text. */
export function familyByName(name: string): Family | undefined {
  const known = FAMILIES_BY_NAME.get(name);
  if (known !== undefined) return known;
  const match = /^afi-(\d{1,5})-safi-(\d{1,3})$/.exec(name);
  return match ? familyOf(Number(match[1]), Number(match[2])) : undefined;
}
