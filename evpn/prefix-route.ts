// Hot: runs once per route. Copies between scratch buffers; nothing is allocated.

/** Route type of an IP prefix route (RFC 9136 §3.1). */
export const PREFIX_ROUTE = 5;

/** Octets of the key of a Type 5 route: type, RD, tag, prefix length, prefix (IPv4 or IPv6). */
export const IPV4_KEY_SIZE = 18;
export const IPV6_KEY_SIZE = 30;
/** Octets of what the key leaves out: ESI, gateway, label. */
export const IPV4_REST_SIZE = 17;
export const IPV6_REST_SIZE = 29;

const PREFIX_LENGTH_AT = 13;
const PREFIX_AT = 14;

/**
 * Writes the EVPN key for a unicast key (length octet and prefix octets at `unicast[0..length)`) under
 * a route distinguisher; returns its length. Ethernet tag 0.
 */
export function writePrefixRouteKey(
  target: Uint8Array,
  routeDistinguisher: Uint8Array,
  unicast: Uint8Array,
  unicastLength: number,
  version: 4 | 6,
): number {
  const size = version === 4 ? IPV4_KEY_SIZE : IPV6_KEY_SIZE;
  target.fill(0, 0, size);
  target[0] = PREFIX_ROUTE;
  for (let i = 0; i < 8; i++) target[1 + i] = routeDistinguisher[i] as number;
  target[PREFIX_LENGTH_AT] = unicast[0] as number;
  for (let i = 1; i < unicastLength; i++) target[PREFIX_AT + i - 1] = unicast[i] as number;
  return size;
}

/** ESI 0, gateway 0 and the VNI in all 24 bits of the label field (RFC 9136 §3.1, RFC 8365 §5.1.3). */
export function prefixRouteRest(vni: number, version: 4 | 6): Uint8Array {
  const rest = new Uint8Array(version === 4 ? IPV4_REST_SIZE : IPV6_REST_SIZE);
  rest[rest.length - 3] = vni >>> 16;
  rest[rest.length - 2] = (vni >>> 8) & 0xff;
  rest[rest.length - 1] = vni & 0xff;
  return rest;
}

/** The IP version of the prefix in an EVPN key; undefined when the key is not that of a Type 5 route. */
export function prefixRouteVersion(key: Uint8Array, length: number): 4 | 6 | undefined {
  if (key[0] !== PREFIX_ROUTE) return undefined;
  if (length === IPV4_KEY_SIZE && (key[PREFIX_LENGTH_AT] as number) <= 32) return 4;
  if (length === IPV6_KEY_SIZE && (key[PREFIX_LENGTH_AT] as number) <= 128) return 6;
  return undefined;
}

/** Writes the unicast key of a Type 5 key to `target`, host bits cleared; returns its length. */
export function writeUnicastKey(target: Uint8Array, key: Uint8Array): number {
  const length = key[PREFIX_LENGTH_AT] as number;
  const size = (length + 7) >> 3;
  target[0] = length;
  for (let i = 0; i < size; i++) target[1 + i] = key[PREFIX_AT + i] as number;
  const spare = size * 8 - length;
  if (spare > 0) target[size] = (target[size] as number) & (0xff << spare);
  return size + 1;
}

/** True when ESI and gateway are zero: an interface-less route (RFC 9136 §4.4.1). */
export function isInterfaceLess(rest: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end - 3; i++) if (rest[i] !== 0) return false;
  return end - start === IPV4_REST_SIZE || end - start === IPV6_REST_SIZE;
}

/** The 24 bits of the label field. */
export function prefixRouteVni(rest: Uint8Array, end: number): number {
  return ((rest[end - 3] as number) << 16) | ((rest[end - 2] as number) << 8) | (rest[end - 1] as number);
}
