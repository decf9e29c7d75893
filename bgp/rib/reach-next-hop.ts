// Hot: runs once per UPDATE. Nothing is allocated.
import { afiOf, hasLabels, IPV4_UNICAST, IPV6_UNICAST, isVpnFamily } from '../wire/family.ts';
import { RD_SIZE } from '../wire/route-distinguisher.ts';
import type { UpdateSections } from '../wire/update-sections.ts';

/**
 * True when the next hop of MP_REACH_NLRI has a length that is usual in its family. The same attributes may have been
 * seen with another family, for which the next hop was right.
 */
export function hasUsualNextHop(sections: UpdateSections, extendedNextHop: boolean): boolean {
  const { reachFamily } = sections;
  const size = sections.reachNextHopEnd - sections.reachNextHopStart;
  if (reachFamily === IPV6_UNICAST) return size === 16 || size === 32;
  if (hasLabels(reachFamily)) {
    const rdSize = isVpnFamily(reachFamily) ? RD_SIZE : 0;
    if (afiOf(reachFamily) === 1 && size === rdSize + 4) return true;
    const takesIpv6 = afiOf(reachFamily) === 2 || extendedNextHop;
    return takesIpv6 && (size === rdSize + 16 || size === 2 * (rdSize + 16));
  }
  if (reachFamily === IPV4_UNICAST && size !== 4) return extendedNextHop;
  return size === 4 || size === 16;
}

/**
 * Copies the addresses of a VPN next hop at `bytes[start..end)`, one or two of them, each behind a route distinguisher of 0
 * (RFC 4364 §4.3.2), to `target`, which has 32 octets; gives how many octets they have. The length was found right before.
 */
export function copyVpnNextHop(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  const size = end - start === RD_SIZE + 4 ? 4 : 16;
  let length = 0;
  for (let at = start + RD_SIZE; at + size <= end; at += size + RD_SIZE) {
    for (let i = 0; i < size; i++) target[length++] = bytes[at + i] as number;
  }
  return length;
}
