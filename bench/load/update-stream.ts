import { ByteWriter } from '../../net/byte-writer.ts';
import type { RouteAttributes, RouteSet } from './route-set.ts';

/** The speaker in whose name routes are sent. */
export interface Sender {
  readonly as: number;
  /** How often it puts its AS before the path: once at least. */
  readonly prepends: number;
  /** Its address: the next hop of unicast routes. */
  readonly nextHop: Uint8Array;
}

const LONGEST_MESSAGE = 4096;
const HEADER = Uint8Array.of(...new Array<number>(16).fill(0xff), 0, 0, 2);

const FAMILY_NUMBERS = { ipv4: [1, 1], ipv6: [2, 1], evpn: [25, 70] } as const;

/** UPDATEs that announce routes `from` to `to` of a set, packed as full as they can be. */
export function announcements(set: RouteSet, sender: Sender, from = 0, to = set.count): Uint8Array {
  const writer = new ByteWriter();
  for (let index = 0; index < set.attributes.length; index++) {
    const first = Math.max(from, set.firstRoute[index] as number);
    const end = Math.min(to, set.firstRoute[index + 1] as number);
    for (let route = first; route < end; ) {
      route = announce(writer, set, set.attributes[index] as RouteAttributes, sender, route, end);
    }
  }
  return writer.take();
}

/** One message with as many routes as fit; gives the first that did not. */
function announce(
  writer: ByteWriter,
  set: RouteSet,
  attributes: RouteAttributes,
  sender: Sender,
  from: number,
  end: number,
): number {
  const start = writer.length;
  writer.raw(HEADER).u16(0);
  const attributesAt = writer.length;
  writer.u16(0);
  if (set.family === 'ipv4') {
    writeAttributes(writer, attributes, sender, true);
    writer.patchU16(attributesAt, writer.length - attributesAt - 2);
    return finish(writer, start, writeNlri(writer, set, from, end, start + LONGEST_MESSAGE));
  }
  const common = new ByteWriter();
  writeAttributes(common, attributes, sender, false);
  const [afi, safi] = FAMILY_NUMBERS[set.family];
  const nextHop = attributes.nextHop ? Uint8Array.from(attributes.nextHop) : sender.nextHop;
  writer.u8(0x90).u8(14).u16(0);
  const reachAt = writer.length;
  writer.u16(afi).u8(safi).u8(nextHop.length).raw(nextHop).u8(0);
  const next = writeNlri(writer, set, from, end, start + LONGEST_MESSAGE - common.length);
  writer.patchU16(reachAt - 2, writer.length - reachAt);
  writer.raw(common.bytes());
  writer.patchU16(attributesAt, writer.length - attributesAt - 2);
  return finish(writer, start, next);
}

function finish(writer: ByteWriter, start: number, next: number): number {
  writer.patchU16(start + 16, writer.length - start);
  return next;
}

function writeNlri(writer: ByteWriter, set: RouteSet, from: number, end: number, limit: number): number {
  let route = from;
  const start = set.nlriStart[from] as number;
  while (route < end && writer.length + (set.nlriStart[route + 1] as number) - start <= limit) route++;
  writer.raw(set.nlri.subarray(start, set.nlriStart[route]));
  return route;
}

function writeAttributes(
  writer: ByteWriter,
  attributes: RouteAttributes,
  sender: Sender,
  withNextHop: boolean,
): void {
  writer.u8(0x40).u8(1).u8(1).u8(attributes.origin);
  const path = [...new Array<number>(sender.prepends).fill(sender.as), ...attributes.asPath];
  writer
    .u8(0x40)
    .u8(2)
    .u8(2 + path.length * 4)
    .u8(2)
    .u8(path.length);
  for (const as of path) writer.u32(as);
  if (withNextHop) writer.u8(0x40).u8(3).u8(4).raw(sender.nextHop);
  const { communities, extendedCommunities } = attributes;
  if (communities.length > 0)
    writer
      .u8(0xc0)
      .u8(8)
      .u8(communities.length * 4);
  for (const community of communities) writer.u32(community);
  if (extendedCommunities.length > 0)
    writer
      .u8(0xc0)
      .u8(16)
      .u8(extendedCommunities.length * 8);
  for (const community of extendedCommunities) writer.raw(Buffer.from(community, 'hex'));
}

/** UPDATEs that withdraw routes `from` to `to` of a set. */
export function withdrawals(set: RouteSet, from = 0, to = set.count): Uint8Array {
  const writer = new ByteWriter();
  for (let route = from; route < to; ) {
    const start = writer.length;
    writer.raw(HEADER);
    if (set.family === 'ipv4') {
      writer.u16(0);
      route = writeNlri(writer, set, route, to, start + LONGEST_MESSAGE - 2);
      writer.patchU16(start + 19, writer.length - start - 21);
      writer.u16(0);
    } else {
      const [afi, safi] = FAMILY_NUMBERS[set.family];
      writer.u16(0).u16(0).u8(0x90).u8(15).u16(0).u16(afi).u8(safi);
      route = writeNlri(writer, set, route, to, start + LONGEST_MESSAGE);
      writer.patchU16(start + 25, writer.length - start - 27);
      writer.patchU16(start + 21, writer.length - start - 23);
    }
    finish(writer, start, route);
  }
  return writer.take();
}
