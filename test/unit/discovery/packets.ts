import type { IpAddress } from '../../../net/address.ts';
import { parseAddress } from '../../../net/address.ts';

/** Recorded from FRR 8.4: `neighbor eth1 interface`, without the Ethernet header. */
export const FRR_ADVERTISEMENT = Buffer.from(
  '60026dbe00183afffe800000000000002cc731fffe3aba43ff02000000000000000000000000000186' +
    '00097f4000001e000000000000000001012ec7313aba43',
  'hex',
);
/** Recorded from Linux 6: its solicitation when an interface comes up. */
export const LINUX_SOLICITATION = Buffer.from(
  '6000000000103afffe800000000000002cc731fffe3aba43ff02000000000000000000000000000285' +
    '004aa40000000001012ec7313aba43',
  'hex',
);
/** Who sent both. */
export const SENDER = addressOf('fe80::2cc7:31ff:fe3a:ba43');

export function addressOf(text: string): IpAddress {
  const address = parseAddress(text);
  if (!address) throw new TypeError(`${text} is no address`);
  return address;
}

/** An IPv6 packet with an ICMPv6 message, whose checksum is filled in as the kernel does it. */
export function packetOf(
  message: Uint8Array,
  source: IpAddress,
  options: { readonly hopLimit?: number; readonly destination?: string } = {},
): Uint8Array {
  const packet = new Uint8Array(40 + message.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x60;
  view.setUint16(4, message.length);
  packet[6] = 58;
  packet[7] = options.hopLimit ?? 255;
  packet.set(source.bytes, 8);
  packet.set(addressOf(options.destination ?? 'ff02::1').bytes, 24);
  packet.set(message, 40);
  view.setUint16(42, 0);
  let sum = message.length + 58;
  for (let at = 8; at < packet.length; at++) sum += (packet[at] ?? 0) << (at % 2 === 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(42, ~sum & 0xffff);
  return packet;
}
