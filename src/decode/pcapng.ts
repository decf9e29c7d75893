import type { ByteSource } from './byte-source.ts';
import { CaptureError } from './capture-error.ts';
import { type CapturedPacket, MAX_PACKET_SIZE } from './captured-packet.ts';

/** Block types of draft-ietf-opsawg-pcapng. */
const BlockType = {
  SECTION_HEADER: 0x0a0d0d0a,
  INTERFACE_DESCRIPTION: 1,
  PACKET: 2,
  SIMPLE_PACKET: 3,
  ENHANCED_PACKET: 6,
} as const;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION_TIMESTAMP_RESOLUTION = 9;
const BLOCK_HEADER_SIZE = 8;
const MAX_BLOCK_SIZE = MAX_PACKET_SIZE + 65536;

/** An Interface Description Block. */
interface Interface {
  readonly linkType: number;
  readonly snapLength: number;
  /** Seconds that one unit of a timestamp stands for. */
  readonly resolution: number;
}

/** True when a file that starts with these bytes is a pcapng file. */
export function isPcapng(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && viewOf(bytes).getUint32(0) === BlockType.SECTION_HEADER;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The packets of a pcapng file. Throws {@link CaptureError} when the file ends inside a block or makes no sense. */
export async function* readPcapng(source: ByteSource): AsyncGenerator<CapturedPacket> {
  let littleEndian = false;
  let interfaces: Interface[] = [];
  for (;;) {
    const offset = source.position;
    // Twelve, since a Section Header has its byte order only behind its length.
    const head = await source.peek(BLOCK_HEADER_SIZE + 4);
    if (head.length === 0) return;
    if (head.length < BLOCK_HEADER_SIZE + 4) {
      throw new CaptureError('truncated', offset, 'the file ends inside a block header');
    }
    const isSection = viewOf(head).getUint32(0) === BlockType.SECTION_HEADER;
    if (isSection) {
      littleEndian = sectionByteOrder(viewOf(head), offset);
      interfaces = [];
    }
    const type = viewOf(head).getUint32(0, littleEndian);
    const size = viewOf(head).getUint32(4, littleEndian);
    if (size < 12 || size % 4 !== 0 || size > MAX_BLOCK_SIZE) {
      throw new CaptureError('malformed', offset, `a block of ${size} octets makes no sense`);
    }
    const block = await source.read(size);
    if (block.length < size) throw new CaptureError('truncated', offset, 'the file ends inside a block');
    const body = block.subarray(BLOCK_HEADER_SIZE, size - 4);
    if (type === BlockType.INTERFACE_DESCRIPTION) {
      interfaces.push(readInterface(body, littleEndian, offset));
    } else {
      const packet = readPacket(type, body, littleEndian, interfaces, offset);
      if (packet) yield packet;
    }
  }
}

function sectionByteOrder(view: DataView, offset: number): boolean {
  if (view.getUint32(8, true) === BYTE_ORDER_MAGIC) return true;
  if (view.getUint32(8, false) === BYTE_ORDER_MAGIC) return false;
  throw new CaptureError('malformed', offset, 'a section header has no byte-order magic');
}

function readInterface(body: Uint8Array, littleEndian: boolean, offset: number): Interface {
  if (body.length < 8) throw new CaptureError('malformed', offset, 'an interface description is too short');
  const view = viewOf(body);
  const resolution = timestampResolution(body, littleEndian);
  const linkType = view.getUint16(0, littleEndian);
  return { linkType, snapLength: view.getUint32(4, littleEndian), resolution };
}

/** Option if_tsresol: a power of ten, or of two when the top bit is set; microseconds without it. */
function timestampResolution(body: Uint8Array, littleEndian: boolean): number {
  const view = viewOf(body);
  let at = 8;
  while (at + 4 <= body.length) {
    const code = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    if (code === OPTION_TIMESTAMP_RESOLUTION && length === 1 && at + 4 < body.length) {
      const value = view.getUint8(at + 4);
      return value < 0x80 ? 10 ** -value : 2 ** -(value & 0x7f);
    }
    at += 4 + ((length + 3) & ~3);
  }
  return 1e-6;
}

function readPacket(
  type: number,
  body: Uint8Array,
  littleEndian: boolean,
  interfaces: readonly Interface[],
  offset: number,
): CapturedPacket | undefined {
  const view = viewOf(body);
  if (type === BlockType.SIMPLE_PACKET && body.length >= 4) {
    const source = interfaceOf(interfaces, 0, offset);
    const limit = source.snapLength === 0 ? body.length : source.snapLength;
    const size = Math.min(view.getUint32(0, littleEndian), limit, body.length - 4);
    return { time: undefined, linkType: source.linkType, data: body.subarray(4, 4 + size) };
  }
  if ((type !== BlockType.ENHANCED_PACKET && type !== BlockType.PACKET) || body.length < 20) return undefined;
  const index = type === BlockType.PACKET ? view.getUint16(0, littleEndian) : view.getUint32(0, littleEndian);
  const source = interfaceOf(interfaces, index, offset);
  const units = view.getUint32(4, littleEndian) * 2 ** 32 + view.getUint32(8, littleEndian);
  const size = view.getUint32(12, littleEndian);
  if (20 + size > body.length) {
    throw new CaptureError('malformed', offset, `a packet of ${size} octets does not fit its block`);
  }
  return { time: units * source.resolution, linkType: source.linkType, data: body.subarray(20, 20 + size) };
}

function interfaceOf(interfaces: readonly Interface[], index: number, offset: number): Interface {
  const found = interfaces[index];
  if (!found)
    throw new CaptureError('malformed', offset, `a packet is of interface ${index}, which is not described`);
  return found;
}
