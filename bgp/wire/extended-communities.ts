import { formatAddressBytes } from '../../net/address.ts';
import { toHex } from '../../net/hex.ts';
import { formatOctets } from '../../net/mac.ts';
import { readU8, readU16, readU24, readU32 } from './octets.ts';

/** Octets of an extended community (RFC 4360 §2). */
export const EXTENDED_COMMUNITY_SIZE = 8;

/** Type octets with the structure of what follows (RFC 7153 §5.1). */
const TWO_OCTET_AS = 0x00;
const IPV4_ADDRESS = 0x01;
const FOUR_OCTET_AS = 0x02;
const OPAQUE = 0x03;
const EVPN = 0x06;

const ROUTE_TARGET = 0x02;
const ROUTE_ORIGIN = 0x03;

/** Tunnel types of the Encapsulation community (RFC 9012 §4.1) by IANA's registry. */
const TUNNEL_TYPES: ReadonlyMap<number, string> = new Map([
  [1, 'l2tpv3'],
  [2, 'gre'],
  [7, 'ip-in-ip'],
  [8, 'vxlan'],
  [9, 'nvgre'],
  [10, 'mpls'],
  [12, 'vxlan-gpe'],
  [19, 'geneve'],
]);

/**
 * Text of the extended community at `at`, such as `rt:65000:100`, `router-mac:…`, `encap:vxlan`;
 * `raw:` and 16 hex digits for one that has no text here.
 */
export function formatExtendedCommunity(bytes: Uint8Array, at: number): string {
  const type = readU8(bytes, at);
  const subtype = readU8(bytes, at + 1);
  return (
    formatTargetOrOrigin(type, subtype, bytes, at + 2) ??
    (type === OPAQUE ? formatOpaque(subtype, bytes, at + 2) : undefined) ??
    (type === EVPN ? formatEvpn(subtype, bytes, at + 2) : undefined) ??
    `raw:${toHex(bytes, at, at + EXTENDED_COMMUNITY_SIZE)}`
  );
}

function formatTargetOrOrigin(
  type: number,
  subtype: number,
  bytes: Uint8Array,
  at: number,
): string | undefined {
  if (subtype !== ROUTE_TARGET && subtype !== ROUTE_ORIGIN) return undefined;
  const name = subtype === ROUTE_TARGET ? 'rt' : 'soo';
  switch (type) {
    case TWO_OCTET_AS:
      return `${name}:${readU16(bytes, at)}:${readU32(bytes, at + 2)}`;
    case IPV4_ADDRESS:
      return `${name}:${formatAddressBytes(bytes, at, 4)}:${readU16(bytes, at + 4)}`;
    case FOUR_OCTET_AS:
      return `${name}:${readU32(bytes, at)}:${readU16(bytes, at + 4)}`;
    default:
      return undefined;
  }
}

/** Color (RFC 9012 §4.3), Encapsulation (§4.1), Default Gateway (RFC 7432 §7.8). */
function formatOpaque(subtype: number, bytes: Uint8Array, at: number): string | undefined {
  switch (subtype) {
    case 0x0b:
      return `color:${readU32(bytes, at + 2)}`;
    case 0x0c: {
      const tunnelType = readU16(bytes, at + 4);
      return `encap:${TUNNEL_TYPES.get(tunnelType) ?? tunnelType}`;
    }
    case 0x0d:
      return 'default-gateway';
    default:
      return undefined;
  }
}

/** RFC 7432 §7.5 to §7.7, RFC 9135 §8.1. */
function formatEvpn(subtype: number, bytes: Uint8Array, at: number): string | undefined {
  const flag = (readU8(bytes, at) & 1) !== 0;
  switch (subtype) {
    case 0x00:
      return `mac-mobility:${readU32(bytes, at + 2)}${flag ? ':sticky' : ''}`;
    case 0x01:
      return `esi-label:${readU24(bytes, at + 3) >>> 4}${flag ? ':single-active' : ''}`;
    case 0x02:
      return `es-import:${formatOctets(bytes, at)}`;
    case 0x03:
      return `router-mac:${formatOctets(bytes, at)}`;
    default:
      return undefined;
  }
}
