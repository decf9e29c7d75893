import { readU8, readU16, readU32 } from '../../bgp/wire/octets.ts';
import { formatAddressBytes } from '../../net/address.ts';

/** A TCP segment and the addresses it went between. */
export interface TcpSegment {
  /** `address port`, IPv6 as in RFC 5952. */
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number | undefined;
  readonly syn: boolean;
  /** What of the payload was captured. */
  readonly payload: Uint8Array;
}

/** Why a packet gives no segment. */
export type SkipReason = 'not-tcp' | 'fragment' | 'malformed';

const TCP = 6;
/** IPv6 extension headers that may stand before TCP (RFC 8200 §4, RFC 4302). */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;

/** Where the transport header stands. */
interface IpPayload {
  readonly start: number;
  readonly end: number;
  readonly protocol: number;
}

/** The TCP segment in the IPv4 or IPv6 packet at `data[at..]`. */
export function tcpSegment(data: Uint8Array, at: number): TcpSegment | SkipReason {
  const version = readU8(data, at) >> 4;
  if (version !== 4 && version !== 6) return 'malformed';
  const ip = version === 4 ? ipv4Payload(data, at) : ipv6Payload(data, at);
  if (typeof ip === 'string') return ip;
  if (ip.protocol !== TCP) return 'not-tcp';
  if (ip.start + 20 > ip.end) return 'malformed';
  const headerSize = (readU8(data, ip.start + 12) >> 4) * 4;
  if (headerSize < 20 || ip.start + headerSize > ip.end) return 'malformed';
  const flags = readU8(data, ip.start + 13);
  const sourcePort = readU16(data, ip.start);
  const destinationPort = readU16(data, ip.start + 2);
  const [from, to] = version === 4 ? [at + 12, at + 16] : [at + 8, at + 24];
  return {
    source: `${formatAddressBytes(data, from, version)} ${sourcePort}`,
    destination: `${formatAddressBytes(data, to, version)} ${destinationPort}`,
    sourcePort,
    destinationPort,
    sequence: readU32(data, ip.start + 4),
    acknowledgment: (flags & 0x10) !== 0 ? readU32(data, ip.start + 8) : undefined,
    syn: (flags & 0x02) !== 0,
    payload: data.subarray(ip.start + headerSize, ip.end),
  };
}

function ipv4Payload(data: Uint8Array, at: number): IpPayload | SkipReason {
  const headerSize = (readU8(data, at) & 0x0f) * 4;
  const totalLength = readU16(data, at + 2);
  if (headerSize < 20 || at + headerSize > data.length) return 'malformed';
  const fragment = readU16(data, at + 6);
  // More Fragments, or an offset.
  if ((fragment & 0x3fff) !== 0) return 'fragment';
  // Zero: the card cuts the packet up only behind the capture (TCP segmentation offload).
  const end = totalLength === 0 ? data.length : Math.min(data.length, at + totalLength);
  return { start: at + headerSize, end, protocol: readU8(data, at + 9) };
}

function ipv6Payload(data: Uint8Array, at: number): IpPayload | SkipReason {
  if (at + 40 > data.length) return 'malformed';
  const length = readU16(data, at + 4);
  const end = length === 0 ? data.length : Math.min(data.length, at + 40 + length);
  let protocol = readU8(data, at + 6);
  let start = at + 40;
  while (start + 8 <= end) {
    if (protocol === FRAGMENT) {
      if ((readU16(data, start + 2) & 0xfff9) !== 0) return 'fragment';
      protocol = readU8(data, start);
      start += 8;
    } else if (protocol === AUTHENTICATION) {
      protocol = readU8(data, start);
      start += (readU8(data, start + 1) + 2) * 4;
    } else if (protocol === HOP_BY_HOP || protocol === ROUTING || protocol === DESTINATION_OPTIONS) {
      protocol = readU8(data, start);
      start += (readU8(data, start + 1) + 1) * 8;
    } else {
      break;
    }
  }
  return { start, end, protocol };
}
