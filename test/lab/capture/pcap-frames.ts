/** Thrown when a file is not a capture that this reader knows. */
export class CaptureFormatError extends Error {
  override readonly name = 'CaptureFormatError';
}

/** An Ethernet frame, as far as the lab looks into it. */
export interface Frame {
  /** Seconds since 1970 by the clock of the capturing kernel. */
  readonly time: number;
  readonly sourceMac: string;
  readonly destinationMac: string;
  readonly ip: IpPacket | undefined;
}

/** An IPv4 packet; other network layers are not looked into. */
export interface IpPacket {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** Bytes, header included. */
  readonly length: number;
  /** True for any part of a packet that was cut in pieces. */
  readonly fragment: boolean;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
  /** What TCP or UDP carries; empty for other protocols. */
  readonly payload: Buffer;
  /** Present when the packet is VXLAN (RFC 7348). */
  readonly vxlan: { readonly vni: number; readonly inner: Frame } | undefined;
}

const MICROSECOND_MAGIC = 0xa1b2c3d4;
const LINK_TYPE_ETHERNET = 1;
const ETHERTYPE_IPV4 = 0x0800;
const MORE_FRAGMENTS_OR_OFFSET = 0x3fff;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
const VXLAN_PORT = 4789;
const VXLAN_HEADER_BYTES = 8;

/**
 * Reads a classic capture file of an Ethernet device, as tcpdump writes it on a little-endian
 * machine. A record that was cut off at the end is left out.
 *
 * @throws CaptureFormatError
 */
export function readFrames(file: Buffer): Frame[] {
  if (file.length < 24 || file.readUInt32LE(0) !== MICROSECOND_MAGIC) {
    throw new CaptureFormatError('not a little-endian capture file with microseconds');
  }
  if (file.readUInt32LE(20) !== LINK_TYPE_ETHERNET) {
    throw new CaptureFormatError(`link type ${file.readUInt32LE(20)}, expected Ethernet (1)`);
  }
  const frames: Frame[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const time = file.readUInt32LE(at) + file.readUInt32LE(at + 4) / 1e6;
    const length = file.readUInt32LE(at + 8);
    if (at + 16 + length > file.length) break;
    const frame = readFrame(file.subarray(at + 16, at + 16 + length), time);
    if (frame !== undefined) frames.push(frame);
    at += 16 + length;
  }
  return frames;
}

function readFrame(bytes: Buffer, time: number): Frame | undefined {
  if (bytes.length < 14) return undefined;
  return {
    time,
    destinationMac: macText(bytes.subarray(0, 6)),
    sourceMac: macText(bytes.subarray(6, 12)),
    ip: bytes.readUInt16BE(12) === ETHERTYPE_IPV4 ? readIp(bytes.subarray(14), time) : undefined,
  };
}

function readIp(bytes: Buffer, time: number): IpPacket | undefined {
  if (bytes.length < 20) return undefined;
  const headerBytes = (bytes.readUInt8(0) & 0x0f) * 4;
  const protocol = bytes.readUInt8(9);
  const length = bytes.readUInt16BE(2);
  const packet = {
    source: addressText(bytes.subarray(12, 16)),
    destination: addressText(bytes.subarray(16, 20)),
    protocol,
    length,
    fragment: (bytes.readUInt16BE(6) & MORE_FRAGMENTS_OR_OFFSET) !== 0,
  };
  // The length of the packet, not of the frame: Ethernet pads short ones.
  const body = bytes.subarray(headerBytes, Math.min(length, bytes.length));
  const isTcp = protocol === PROTOCOL_TCP && body.length >= 20;
  const isUdp = protocol === PROTOCOL_UDP && body.length >= 8;
  if (!isTcp && !isUdp) {
    return {
      ...packet,
      sourcePort: undefined,
      destinationPort: undefined,
      payload: Buffer.alloc(0),
      vxlan: undefined,
    };
  }
  const destinationPort = body.readUInt16BE(2);
  const payload = body.subarray(isUdp ? 8 : (body.readUInt8(12) >> 4) * 4);
  return {
    ...packet,
    sourcePort: body.readUInt16BE(0),
    destinationPort,
    payload,
    vxlan: isUdp && destinationPort === VXLAN_PORT ? readVxlan(payload, time) : undefined,
  };
}

function readVxlan(payload: Buffer, time: number): IpPacket['vxlan'] {
  if (payload.length < VXLAN_HEADER_BYTES) return undefined;
  const inner = readFrame(payload.subarray(VXLAN_HEADER_BYTES), time);
  return inner && { vni: payload.readUIntBE(4, 3), inner };
}

function addressText(bytes: Buffer): string {
  return [...bytes].join('.');
}

function macText(bytes: Buffer): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
