import { addressFromBytes, type IpAddress, isLinkLocal } from '../net/address.ts';

/** A Router Advertisement (RFC 4861 §4.2) or a Router Solicitation (§4.1) that came over a link. */
export interface RouterMessage {
  readonly kind: 'advertisement' | 'solicitation';
  /** Who sent it: a link-local address, or `::` of a solicitation. */
  readonly source: IpAddress;
  /** Seconds for which the sender is a default router; 0: it is none. Of a solicitation 0. */
  readonly routerLifetime: number;
}

/** What decoding gives: a message, or why it is to be discarded. */
export type DecodedRouterMessage =
  | { readonly ok: true; readonly message: RouterMessage }
  | { readonly ok: false; readonly reason: string };

/** What an advertisement says of its sender. */
export interface Advertisement {
  /** Seconds, to 65535; 0: the sender is no default router. */
  readonly routerLifetime: number;
  /** Link-layer address of the interface. */
  readonly linkLayerAddress: Uint8Array;
}

/** `ff02::1`. */
export const ALL_NODES = multicast(1);
/** `ff02::2`. */
export const ALL_ROUTERS = multicast(2);

/** Type numbers of ICMPv6. */
export const ROUTER_SOLICITATION = 133;
export const ROUTER_ADVERTISEMENT = 134;

const IPV6_HEADER = 40;
const ICMPV6 = 58;
/** RFC 4861 §6.1: a packet that a router has passed on has less. */
export const FULL_HOP_LIMIT = 255;
const SOURCE_AT = 8;
const ICMP_HEADER = 8;
const ADVERTISEMENT_HEADER = 16;
const SOURCE_LINK_LAYER_ADDRESS = 1;
/** RFC 4861 §6.2.1: what hosts are to put into the hop limit of their packets; the number of today's Internet. */
const CURRENT_HOP_LIMIT = 64;

function multicast(group: number): IpAddress {
  const bytes = new Uint8Array(16);
  bytes.set([0xff, 0x02]);
  bytes[15] = group;
  return { version: 6, bytes };
}

function bad(reason: string): DecodedRouterMessage {
  return { ok: false, reason };
}

/**
 * Reads an IPv6 packet, header included, that holds a Router Advertisement or Solicitation, and checks what RFC 4861
 * §6.1 wants checked. Octets behind the packet (padding of the link) do not matter.
 */
export function decodeRouterMessage(packet: Uint8Array): DecodedRouterMessage {
  if (packet.length < IPV6_HEADER + ICMP_HEADER) return bad(`${packet.length} octets are too few`);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  if (view.getUint8(0) >> 4 !== 6) return bad('it is no IPv6 packet');
  if (view.getUint8(6) !== ICMPV6) return bad(`its next header is ${view.getUint8(6)}, not ICMPv6`);
  if (view.getUint8(7) !== FULL_HOP_LIMIT) return bad(`its hop limit is ${view.getUint8(7)}, not 255`);
  const end = IPV6_HEADER + view.getUint16(4);
  if (end > packet.length) return bad('it is cut off');
  const type = view.getUint8(IPV6_HEADER);
  if (type !== ROUTER_ADVERTISEMENT && type !== ROUTER_SOLICITATION) return bad(`its ICMPv6 type is ${type}`);
  const isAdvertisement = type === ROUTER_ADVERTISEMENT;
  const options = IPV6_HEADER + (isAdvertisement ? ADVERTISEMENT_HEADER : ICMP_HEADER);
  if (options > end) return bad(`its ICMPv6 message has ${end - IPV6_HEADER} octets`);
  if (view.getUint8(IPV6_HEADER + 1) !== 0)
    return bad(`its ICMPv6 code is ${view.getUint8(IPV6_HEADER + 1)}`);
  if (checksumOf(view, end) !== 0) return bad('its checksum is wrong');
  const source = addressFromBytes(packet.subarray(SOURCE_AT, SOURCE_AT + 16));
  const anonymous = source.bytes.every((byte) => byte === 0);
  if (isAdvertisement && !isLinkLocal(source)) return bad('it comes from no link-local address');
  const hasLinkLayerAddress = readOptions(view, options, end);
  if (hasLinkLayerAddress === undefined) return bad('an option has no length, or is cut off');
  if (anonymous && hasLinkLayerAddress) return bad('it has a link-layer address, and no source');
  const routerLifetime = isAdvertisement ? view.getUint16(IPV6_HEADER + 6) : 0;
  return {
    ok: true,
    message: { kind: isAdvertisement ? 'advertisement' : 'solicitation', source, routerLifetime },
  };
}

/** Whether a source link-layer address is among the options; undefined when they are malformed. */
function readOptions(view: DataView, start: number, end: number): boolean | undefined {
  let found = false;
  let at = start;
  while (at < end) {
    // In units of eight octets.
    const size = at + 2 > end ? 0 : view.getUint8(at + 1) * 8;
    if (size === 0 || at + size > end) return undefined;
    found ||= view.getUint8(at) === SOURCE_LINK_LAYER_ADDRESS;
    at += size;
  }
  return found;
}

/** The Internet checksum over the pseudo-header (RFC 8200 §8.1) and the ICMPv6 message: 0 when the one in there is right. */
function checksumOf(view: DataView, end: number): number {
  let sum = end - IPV6_HEADER + ICMPV6;
  let at = SOURCE_AT;
  for (; at + 1 < end; at += 2) sum += view.getUint16(at);
  if (at < end) sum += view.getUint8(at) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The ICMPv6 message of a Router Advertisement; the kernel fills in its checksum. */
export function encodeAdvertisement({ routerLifetime, linkLayerAddress }: Advertisement): Uint8Array {
  const option = linkLayerOption(linkLayerAddress);
  const bytes = new Uint8Array(ADVERTISEMENT_HEADER + option.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, ROUTER_ADVERTISEMENT);
  view.setUint8(4, CURRENT_HOP_LIMIT);
  view.setUint16(6, routerLifetime);
  bytes.set(option, ADVERTISEMENT_HEADER);
  return bytes;
}

/** The ICMPv6 message of a Router Solicitation; the kernel fills in its checksum. */
export function encodeSolicitation(linkLayerAddress: Uint8Array): Uint8Array {
  const option = linkLayerOption(linkLayerAddress);
  const bytes = new Uint8Array(ICMP_HEADER + option.length);
  bytes[0] = ROUTER_SOLICITATION;
  bytes.set(option, ICMP_HEADER);
  return bytes;
}

/** RFC 4861 §4.6.1; nothing for a link without such addresses. */
function linkLayerOption(address: Uint8Array): Uint8Array {
  if (address.length === 0) return address;
  const units = Math.ceil((2 + address.length) / 8);
  const bytes = new Uint8Array(units * 8);
  bytes.set([SOURCE_LINK_LAYER_ADDRESS, units]);
  bytes.set(address, 2);
  return bytes;
}
