/** A TCP segment to be put into a capture. */
export interface BuiltSegment {
  readonly source?: readonly [address: string, port: number];
  readonly destination?: readonly [address: string, port: number];
  readonly sequence: number;
  readonly acknowledgment?: number;
  readonly flags?: number;
  readonly payload?: Uint8Array;
}

export const SYN = 0x02;
export const ACK = 0x10;

const A = ['192.0.2.1', 40000] as const;
const B = ['192.0.2.2', 179] as const;

function u16(value: number): number[] {
  return [(value >>> 8) & 0xff, value & 0xff];
}

function u32(value: number): number[] {
  return [...u16(value >>> 16), ...u16(value)];
}

/** The octets of an IPv4 address. */
function ipv4(text: string): number[] {
  return text.split('.').map(Number);
}

/** A TCP header of 20 octets and its payload. */
export function tcp(segment: BuiltSegment): Uint8Array {
  const [, sourcePort] = segment.source ?? A;
  const [, destinationPort] = segment.destination ?? B;
  return Uint8Array.from([
    ...u16(sourcePort),
    ...u16(destinationPort),
    ...u32(segment.sequence),
    ...u32(segment.acknowledgment ?? 0),
    0x50,
    segment.flags ?? ACK,
    ...u16(65535),
    ...[0, 0, 0, 0],
    ...(segment.payload ?? []),
  ]);
}

/** An IPv4 packet; `fragment` is the field with flags and offset. */
export function ipv4Packet(segment: BuiltSegment, fragment = 0): Uint8Array {
  const content = tcp(segment);
  const [source] = segment.source ?? A;
  const [destination] = segment.destination ?? B;
  return Uint8Array.from([
    ...[0x45, 0],
    ...u16(20 + content.length),
    ...[0, 0],
    ...u16(fragment),
    ...[64, 6, 0, 0],
    ...ipv4(source),
    ...ipv4(destination),
    ...content,
  ]);
}

/** An IPv6 packet of 2001:db8::1 and ::2 whose extension headers, `nextHeader` first, stand before TCP. */
export function ipv6Packet(segment: BuiltSegment, nextHeader = 6, extensions: number[] = []): Uint8Array {
  const content = tcp(segment);
  const host = (last: number): number[] => [0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), last];
  return Uint8Array.from([
    ...[0x60, 0, 0, 0],
    ...u16(extensions.length + content.length),
    ...[nextHeader, 64],
    ...host(1),
    ...host(2),
    ...extensions,
    ...content,
  ]);
}

/** An Ethernet frame of the given type behind tags (their types and numbers). */
export function ethernet(
  type: number,
  packet: Uint8Array,
  tags: readonly (readonly [type: number, tag: number])[] = [],
): Uint8Array {
  const tagged = tags.flatMap(([tagType, tag]) => [...u16(tagType), ...u16(tag)]);
  return Uint8Array.from([...Array<number>(12).fill(2), ...tagged, ...u16(type), ...packet]);
}

/** How a pcap file is written. */
export interface PcapForm {
  readonly littleEndian?: boolean;
  readonly nanoseconds?: boolean;
  readonly linkType?: number;
}

/** A pcap file; packet n has the time n seconds and a quarter. */
export function pcap(packets: readonly Uint8Array[], form: PcapForm = {}): Uint8Array {
  const { littleEndian = true, nanoseconds = false, linkType = 1 } = form;
  const word = (value: number): Buffer => {
    const buffer = Buffer.alloc(4);
    if (littleEndian) buffer.writeUInt32LE(value);
    else buffer.writeUInt32BE(value);
    return buffer;
  };
  const version = littleEndian ? Buffer.from([2, 0, 4, 0]) : Buffer.from([0, 2, 0, 4]);
  const magic = word(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
  const header = Buffer.concat([magic, version, word(0), word(0), word(65535), word(linkType)]);
  const records = packets.map((packet, index) =>
    Buffer.concat([
      word(index),
      word(nanoseconds ? 250_000_000 : 250_000),
      word(packet.length),
      word(packet.length),
      packet,
    ]),
  );
  return Buffer.concat([header, ...records]);
}

/**
 * A pcapng file with one Ethernet interface that counts in milliseconds, one packet in an Enhanced
 * Packet Block at 1.5 s, an unknown block, and another packet in a Simple Packet Block.
 */
export function pcapng(first: Uint8Array, second: Uint8Array, littleEndian: boolean): Uint8Array {
  const word = (value: number): Buffer => {
    const buffer = Buffer.alloc(4);
    if (littleEndian) buffer.writeUInt32LE(value);
    else buffer.writeUInt32BE(value);
    return buffer;
  };
  const half = (value: number): Buffer =>
    Buffer.from(littleEndian ? [value & 0xff, value >> 8] : [value >> 8, value & 0xff]);
  const block = (type: number, ...parts: Uint8Array[]): Buffer => {
    const body = Buffer.concat(parts);
    const padding = Buffer.alloc((4 - (body.length % 4)) % 4);
    const size = word(12 + body.length + padding.length);
    return Buffer.concat([word(type), size, body, padding, size]);
  };
  const resolution = Buffer.concat([half(9), half(1), Buffer.from([3, 0, 0, 0]), word(0)]);
  return Buffer.concat([
    block(0x0a0d0d0a, word(0x1a2b3c4d), half(1), half(0), word(0xffffffff), word(0xffffffff)),
    block(1, half(1), half(0), word(0), resolution),
    block(6, word(0), word(0), word(1500), word(first.length), word(first.length), first),
    block(0xbad, word(0)),
    block(3, word(second.length), second),
  ]);
}

/** A KEEPALIVE. */
export const KEEPALIVE = Uint8Array.from([...Array<number>(16).fill(0xff), 0, 19, 4]);

/** A ROUTE-REFRESH whose family says which one it is. */
export function refresh(number: number): Uint8Array {
  return Uint8Array.from([...Array<number>(16).fill(0xff), 0, 23, 5, ...u16(number), 0, 1]);
}

/** An MRT record (RFC 6396 §2) of second 1000. */
export function mrtRecord(type: number, subtype: number, content: Uint8Array): Uint8Array {
  return Uint8Array.from([...u32(1000), ...u16(type), ...u16(subtype), ...u32(content.length), ...content]);
}
