import type { WireContext } from '../../bgp/wire/context.ts';
import { decodeMessage } from '../../bgp/wire/message.ts';
import { readU16, readU32 } from '../../bgp/wire/octets.ts';
import { formatAddressBytes } from '../../net/address.ts';
import type { ByteSource } from './byte-source.ts';
import { CaptureError } from './capture-error.ts';
import type { CaptureSummary, MessageSink } from './capture-summary.ts';
import { type MrtPeer, readPeerIndexTable, readRibRecord } from './mrt-table-dump.ts';

/** MRT record types that carry BGP (RFC 6396 §4, RFC 8050). */
const MrtType = { TABLE_DUMP_V2: 13, BGP4MP: 16, BGP4MP_ET: 17 } as const;
/** All types that IANA has given out: how an MRT file is known, for it has no magic number. */
const KNOWN_TYPES = new Set([11, 12, 13, 16, 17, 32, 33, 48, 49]);
const PEER_INDEX_TABLE = 1;

const HEADER_SIZE = 12;
const MAX_RECORD_SIZE = 64 * 1024 * 1024;

/** Subtypes of BGP4MP that hold a message, and what they say about it (RFC 6396 §4.4, RFC 8050 §3). */
const MESSAGE_SUBTYPES: ReadonlyMap<number, { readonly asSize: 2 | 4; readonly addPath: boolean }> = new Map([
  [1, { asSize: 2, addPath: false }],
  [4, { asSize: 4, addPath: false }],
  [6, { asSize: 2, addPath: false }],
  [7, { asSize: 4, addPath: false }],
  [8, { asSize: 2, addPath: true }],
  [9, { asSize: 4, addPath: true }],
  [10, { asSize: 2, addPath: true }],
  [11, { asSize: 4, addPath: true }],
]);

/** True when a file that starts with these (at least twelve) bytes looks like MRT. */
export function isMrt(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_SIZE) return false;
  return KNOWN_TYPES.has(readU16(bytes, 4)) && readU16(bytes, 6) < 16 && readU32(bytes, 8) <= MAX_RECORD_SIZE;
}

/**
 * Gives the BGP messages of an MRT file, and each path of a table dump as the UPDATE that would
 * announce it. Throws {@link CaptureError} when the file ends inside a record or makes no sense.
 */
export async function decodeMrt(source: ByteSource, sink: MessageSink): Promise<CaptureSummary> {
  const summary: CaptureSummary = { packets: 0, messages: 0, fragments: 0, malformed: 0, gaps: 0 };
  let peers: readonly MrtPeer[] = [];
  for (;;) {
    const offset = source.position;
    const header = await source.read(HEADER_SIZE);
    if (header.length === 0) return summary;
    if (header.length < HEADER_SIZE) throw new CaptureError('truncated', offset, 'an MRT header is cut off');
    const type = readU16(header, 4);
    const subtype = readU16(header, 6);
    const seconds = readU32(header, 0);
    const size = readU32(header, 8);
    if (size > MAX_RECORD_SIZE) {
      throw new CaptureError('malformed', offset, `an MRT record of ${size} octets makes no sense`);
    }
    const record = await source.read(size);
    if (record.length < size) {
      throw new CaptureError('truncated', offset, 'the file ends inside an MRT record');
    }
    summary.packets += 1;
    let found: number | undefined = 0;
    if (type === MrtType.BGP4MP) found = takeMessage(record, subtype, seconds, sink);
    else if (type === MrtType.BGP4MP_ET) {
      const time = seconds + readU32(record, 0) * 1e-6;
      found = takeMessage(record.subarray(4), subtype, time, sink);
    } else if (type === MrtType.TABLE_DUMP_V2 && subtype === PEER_INDEX_TABLE) {
      const table = readPeerIndexTable(record);
      peers = table ?? [];
      found = table && 0;
    } else if (type === MrtType.TABLE_DUMP_V2) {
      found = readRibRecord(record, subtype, peers, (message) => sink.message({ ...message, time: seconds }));
    }
    if (found === undefined) summary.malformed += 1;
    else summary.messages += found;
    await sink.ready();
  }
}

/** The number of messages given, undefined when the record is malformed. */
function takeMessage(
  record: Uint8Array,
  subtype: number,
  time: number,
  sink: MessageSink,
): number | undefined {
  const kind = MESSAGE_SUBTYPES.get(subtype);
  if (!kind) return 0;
  const { asSize, addPath } = kind;
  const afiAt = 2 * asSize + 2;
  const afi = readU16(record, afiAt);
  const addressSize = afi === 1 ? 4 : 16;
  const messageAt = afiAt + 2 + 2 * addressSize;
  if ((afi !== 1 && afi !== 2) || messageAt > record.length) return undefined;
  const version = afi === 1 ? 4 : 6;
  const as = (at: number): number => (asSize === 4 ? readU32(record, at) : readU16(record, at));
  const context: WireContext = {
    fourOctetAs: asSize === 4,
    addPath: () => addPath,
    extendedMessage: true,
    extendedNextHop: true,
    confederation: true,
    peerType: as(0) === as(asSize) ? 'ibgp' : 'ebgp',
  };
  sink.message({
    source: formatAddressBytes(record, afiAt + 2, version),
    destination: formatAddressBytes(record, afiAt + 2 + addressSize, version),
    length: record.length - messageAt,
    message: decodeMessage(record, messageAt, record.length, context),
    time,
  });
  return 1;
}
