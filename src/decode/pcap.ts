import type { ByteSource } from './byte-source.ts';
import { CaptureError } from './capture-error.ts';
import { type CapturedPacket, MAX_PACKET_SIZE } from './captured-packet.ts';

/** Magic numbers of draft-ietf-opsawg-pcap, with the fraction of a second that their timestamps count. */
const MAGICS: ReadonlyMap<number, number> = new Map([
  [0xa1b2c3d4, 1e-6],
  [0xa1b23c4d, 1e-9],
]);

const HEADER_SIZE = 24;
const RECORD_HEADER_SIZE = 16;
/** The upper bits of the link type field hold the length of a frame check sequence. */
const LINK_TYPE_MASK = 0xffff;

/** True when a file that starts with these bytes is a pcap file, of either byte order and resolution. */
export function isPcap(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && (MAGICS.has(magic(bytes, false)) || MAGICS.has(magic(bytes, true)));
}

function magic(bytes: Uint8Array, littleEndian: boolean): number {
  return viewOf(bytes).getUint32(0, littleEndian);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The packets of a pcap file. Throws {@link CaptureError} when the file ends inside a packet or makes no sense. */
export async function* readPcap(source: ByteSource): AsyncGenerator<CapturedPacket> {
  const header = await source.read(HEADER_SIZE);
  if (header.length < HEADER_SIZE) {
    throw new CaptureError('truncated', source.position, 'the pcap header is cut off');
  }
  const littleEndian = MAGICS.has(magic(header, true));
  const resolution = MAGICS.get(magic(header, littleEndian)) ?? 1e-6;
  const linkType = viewOf(header).getUint32(20, littleEndian) & LINK_TYPE_MASK;
  for (;;) {
    const record = await source.read(RECORD_HEADER_SIZE);
    if (record.length === 0) return;
    if (record.length < RECORD_HEADER_SIZE) {
      throw new CaptureError('truncated', source.position, 'the file ends inside a packet header');
    }
    const view = viewOf(record);
    const time = view.getUint32(0, littleEndian) + view.getUint32(4, littleEndian) * resolution;
    const size = view.getUint32(8, littleEndian);
    if (size > MAX_PACKET_SIZE) {
      throw new CaptureError('malformed', source.position - 8, `a packet of ${size} octets makes no sense`);
    }
    const data = await source.read(size);
    if (data.length < size) {
      throw new CaptureError('truncated', source.position, 'the file ends inside a packet');
    }
    yield { time, linkType, data };
  }
}
