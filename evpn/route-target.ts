import type { IpAddress } from '../net/address.ts';

/** A route target as configured: `asn:number` or `a.b.c.d:number`. */
export type RouteTargetValue =
  | { readonly type: 'as'; readonly asn: number; readonly number: number }
  | { readonly type: 'address'; readonly address: IpAddress; readonly number: number };

const ROUTE_TARGET = 0x02;

/**
 * The eight octets of a route target: two-octet AS (RFC 4360 §3.1), IPv4 address (§3.2), or four-octet
 * AS (RFC 5668 §2) when the AS number needs it.
 */
export function encodeRouteTarget(target: RouteTargetValue): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  bytes[1] = ROUTE_TARGET;
  if (target.type === 'address') {
    bytes[0] = 0x01;
    bytes.set(target.address.bytes, 2);
    view.setUint16(6, target.number);
  } else if (target.asn > 0xffff) {
    bytes[0] = 0x02;
    view.setUint32(2, target.asn);
    view.setUint16(6, target.number);
  } else {
    view.setUint16(2, target.asn);
    view.setUint32(4, target.number);
  }
  return bytes;
}

/**
 * The target that is derived for export: the AS number modulo 65536 and the VNI, as FRR derives it
 * (RFC 8365 §5.1.2.1 reserves bits that nobody sets).
 */
export function derivedRouteTarget(asn: number, vni: number): RouteTargetValue {
  return { type: 'as', asn: asn & 0xffff, number: vni };
}

/** What a VRF accepts: exact targets, or any target of a two-octet AS whose number is the VNI. */
export type ImportRule =
  | { readonly type: 'exact'; readonly targets: readonly Uint8Array[] }
  | { readonly type: 'vni'; readonly vni: number };

/** True when one of the extended communities (eight octets each) is a target that the rule accepts. */
export function importMatches(rule: ImportRule, communities: Uint8Array): boolean {
  for (let at = 0; at + 8 <= communities.length; at += 8) {
    if (communities[at + 1] !== ROUTE_TARGET || (communities[at] ?? 0xff) > 2) continue;
    if (rule.type === 'vni' ? hasNumber(communities, at, rule.vni) : isOneOf(communities, at, rule.targets)) {
      return true;
    }
  }
  return false;
}

/** Whatever the AS: leaves and nodes have different ones and still mean the same VNI. */
function hasNumber(communities: Uint8Array, at: number, vni: number): boolean {
  if (communities[at] !== 0x00) return false;
  const number = new DataView(communities.buffer, communities.byteOffset + at + 4, 4).getUint32(0);
  return number === vni;
}

function isOneOf(communities: Uint8Array, at: number, targets: readonly Uint8Array[]): boolean {
  return targets.some((target) => target.every((octet, index) => communities[at + index] === octet));
}
