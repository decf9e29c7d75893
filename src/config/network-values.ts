import { type IpAddress, type IpVersion, isLinkLocal } from '../../net/address.ts';
import { networkOf } from '../../net/prefix.ts';
import { readAddress, readPrefix } from './address-notation.ts';
import type { RouteTarget } from './model.ts';
import { integer, parsedText, type Rule, text } from './schema.ts';

/** Names as the kernel accepts them (IFNAMSIZ is 16 with the closing zero), starting with a letter. */
export const interfaceName = text({
  minLength: 1,
  maxLength: 15,
  pattern: /^[a-zA-Z][a-zA-Z0-9._-]*$/,
  allowed: 'an interface name: 1 to 15 letters, digits, ".", "_" or "-", a letter first',
});

/** Names of VRFs and bridges: as {@link interfaceName}, without the dot. */
export const VRF_NAME = /^[a-zA-Z][a-zA-Z0-9_-]*$/;

/** What {@link VRF_NAME} allows, in words. */
export const VRF_NAME_ALLOWED =
  'a name of 1 to 15 letters, digits, "_" or "-", a letter first (it becomes a Linux interface)';

/** The name of a VRF. */
export const vrfName = text({
  minLength: 1,
  maxLength: 15,
  pattern: VRF_NAME,
  allowed: VRF_NAME_ALLOWED,
});

/** An interface name that only leaves out what the kernel refuses. */
export const looseInterfaceName = parsedText({
  minLength: 1,
  maxLength: 15,
  allowed: 'an interface name: 1 to 15 characters without "/", ":" and white space, not "." or ".."',
  rule: 'an interface name for the kernel',
  parse: (name) => (/^[^/:\s]+$/.test(name) && name !== '.' && name !== '..' ? name : undefined),
});

/** 1 to 4294967295 (RFC 6793). */
export const asNumber = integer({ minimum: 1, maximum: 4294967295 });

/** 1 to 16777215 (RFC 7348 §5: 24 bits). */
export const vni = integer({ minimum: 1, maximum: 16777215 });

/** An address of either version. */
export const ipAddress = parsedText({
  minLength: 1,
  maxLength: 39,
  allowed: 'an IPv4 or IPv6 address',
  rule: 'an address',
  parse: readAddress,
});

/** A router or cluster identifier. */
export const ipv4Address = parsedText({
  minLength: 7,
  maxLength: 15,
  allowed: 'an IPv4 address',
  rule: 'an IPv4 address',
  parse: (value) => {
    const address = readAddress(value);
    return address?.version === 4 ? address : undefined;
  },
});

/** A network in CIDR notation, host bits kept, of the given version or of either. */
export function cidr(version?: IpVersion) {
  const family = version === undefined ? 'an IPv4 or IPv6' : `an IPv${version}`;
  const example = version === 6 ? '2001:db8:169:10::/64' : '192.169.10.0/24';
  return parsedText({
    allowed: `${family} network in CIDR notation, such as ${example}`,
    parse: (value) => {
      const prefix = readPrefix(value);
      return prefix && (version ?? prefix.address.version) === prefix.address.version ? prefix : undefined;
    },
  });
}

/** Where dynamic neighbors may come from. */
export const listenRange = parsedText({
  minLength: 1,
  maxLength: 43,
  allowed: 'a network in CIDR notation that is not IPv6 link-local',
  rule: 'a network that is not link-local',
  parse: (value) => {
    const prefix = readPrefix(value);
    return prefix && !isLinkLocal(prefix.address) ? networkOf(prefix) : undefined;
  },
});

const MAX_16_BIT = 65535;
const MAX_32_BIT = 4294967295;

/** Parses `asn:number` or `a.b.c.d:number` (RFC 4360 §3, RFC 5668 §2); undefined when it is neither or out of range. */
export function parseRouteTarget(value: string): RouteTarget | undefined {
  const match = /^([0-9.]+):(\d{1,10})$/.exec(value);
  const [, administrator = '', digits = ''] = match ?? [];
  const number = Number(digits);
  const address = readAddress(administrator);
  if (match && address) return number <= MAX_16_BIT ? { type: 'address', address, number } : undefined;
  if (!match || !/^\d{1,10}$/.test(administrator)) return undefined;
  const asn = Number(administrator);
  if (asn > MAX_32_BIT || number > (asn > MAX_16_BIT ? MAX_16_BIT : MAX_32_BIT)) return undefined;
  return { type: 'as', asn, number };
}

/** A route target. */
export const routeTarget = parsedText({
  maxLength: 21,
  allowed:
    'a route target: asn:number (number up to 4294967295; up to 65535 when asn is above 65535) or a.b.c.d:number (up to 65535)',
  parse: parseRouteTarget,
});

/** UDP port of VXLAN. The resource definition says 32 bits; the protocol has 16. */
export const udpPortRule = <T extends { readonly vxlanPort: number }>(): Rule<T> => ({
  name: 'vxlanPort is a UDP port',
  check: ({ vxlanPort }) =>
    vxlanPort >= 1 && vxlanPort <= MAX_16_BIT
      ? undefined
      : { field: 'vxlanPort', message: `${vxlanPort} is not a UDP port`, allowed: '1 to 65535' },
});

/** True for 0.0.0.0 and ::, which are nobody's address. */
export function isUnspecified(address: IpAddress): boolean {
  return address.bytes.every((byte) => byte === 0);
}
