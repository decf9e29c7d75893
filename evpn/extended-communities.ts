/** Octets of one extended community. */
export const EXTENDED_COMMUNITY_SIZE = 8;

/** BGP Encapsulation (RFC 9012 §4.1) with tunnel type 8, VXLAN. */
export const VXLAN_ENCAPSULATION = Uint8Array.of(0x03, 0x0c, 0, 0, 0, 0, 0, 8);

const VXLAN = 8;

/** EVPN Router's MAC (RFC 9135 §8.1). */
export function routerMacCommunity(mac: Uint8Array): Uint8Array {
  return Uint8Array.of(0x06, 0x03, ...mac);
}

/** The router MAC among extended communities (eight octets each), or undefined; one that no interface can have does not count. */
export function findRouterMac(communities: Uint8Array): Uint8Array | undefined {
  for (let at = 0; at + 8 <= communities.length; at += 8) {
    if (communities[at] !== 0x06 || communities[at + 1] !== 0x03) continue;
    const mac = communities.slice(at + 2, at + 8);
    return isUnicastMac(mac) ? mac : undefined;
  }
  return undefined;
}

function isUnicastMac(mac: Uint8Array): boolean {
  return ((mac[0] ?? 1) & 1) === 0 && mac.some((octet) => octet !== 0);
}

/**
 * True unless the route is for another tunnel type than VXLAN: without an encapsulation community it
 * is for whatever the receiver does (RFC 8365 §5.1.3), and FRR drops the community in transit.
 */
export function allowsVxlan(communities: Uint8Array): boolean {
  let others = false;
  for (let at = 0; at + 8 <= communities.length; at += 8) {
    if (communities[at] !== 0x03 || communities[at + 1] !== 0x0c) continue;
    const type = ((communities[at + 6] ?? 0) << 8) | (communities[at + 7] ?? 0);
    if (type === VXLAN) return true;
    others = true;
  }
  return !others;
}

/**
 * The communities that still mean something outside EVPN: route targets, encapsulation and those of
 * type EVPN are left out.
 */
export function withoutEvpnCommunities(communities: Uint8Array): Uint8Array {
  const kept: number[] = [];
  for (let at = 0; at + 8 <= communities.length; at += 8) {
    const type = communities[at] ?? 0;
    const subtype = communities[at + 1];
    const isRouteTarget = (type & 0x3f) <= 2 && subtype === 0x02;
    const isEncapsulation = type === 0x03 && subtype === 0x0c;
    if (isRouteTarget || isEncapsulation || (type & 0x3f) === 0x06) continue;
    for (let i = at; i < at + 8; i++) kept.push(communities[i] ?? 0);
  }
  return Uint8Array.from(kept);
}

/** All communities back to back. */
export function joinCommunities(communities: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(communities));
}
