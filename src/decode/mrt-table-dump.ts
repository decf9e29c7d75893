import { AttributeCode, AttributeFlag, MessageType } from '../../bgp/wire/constants.ts';
import type { WireContext } from '../../bgp/wire/context.ts';
import { writeAttribute } from '../../bgp/wire/encode-path-attributes.ts';
import { afiOf, type Family, familyOf, IPV4_UNICAST, IPV6_UNICAST, safiOf } from '../../bgp/wire/family.ts';
import { decodeMessage } from '../../bgp/wire/message.ts';
import { beginMessage, endMessage } from '../../bgp/wire/message-header.ts';
import { octetsOf } from '../../bgp/wire/nlri-prefix.ts';
import { readU8, readU16, readU32 } from '../../bgp/wire/octets.ts';
import { formatAddressBytes } from '../../net/address.ts';
import { ByteWriter } from '../../net/byte-writer.ts';
import type { SeenMessage } from './conversation.ts';

/** A peer of the collector (RFC 6396 §4.3.1). */
export interface MrtPeer {
  readonly address: string;
  readonly asn: number;
}

/** A RIB subtype: its family (undefined: it is in the record) and whether entries have path identifiers (RFC 8050 §4). */
interface RibKind {
  readonly family: Family | undefined;
  readonly addPath: boolean;
}

const RIB_SUBTYPES: ReadonlyMap<number, RibKind> = new Map([
  [2, { family: IPV4_UNICAST, addPath: false }],
  [4, { family: IPV6_UNICAST, addPath: false }],
  [6, { family: undefined, addPath: false }],
  [8, { family: IPV4_UNICAST, addPath: true }],
  [10, { family: IPV6_UNICAST, addPath: true }],
  [12, { family: undefined, addPath: true }],
]);

const IPV6_PEER = 0x01;
const FOUR_OCTET_PEER = 0x02;

/** Reads a PEER_INDEX_TABLE; undefined when it is malformed. */
export function readPeerIndexTable(record: Uint8Array): MrtPeer[] | undefined {
  const peers: MrtPeer[] = [];
  // Collector identifier, view name with its length, count of peers.
  let at = 6 + readU16(record, 4);
  const count = readU16(record, at);
  at += 2;
  for (let i = 0; i < count; i++) {
    const type = readU8(record, at);
    const version = (type & IPV6_PEER) !== 0 ? 6 : 4;
    const addressAt = at + 5;
    const asAt = addressAt + (version === 6 ? 16 : 4);
    const wide = (type & FOUR_OCTET_PEER) !== 0;
    at = asAt + (wide ? 4 : 2);
    if (at > record.length) return undefined;
    const asn = wide ? readU32(record, asAt) : readU16(record, asAt);
    peers.push({ address: formatAddressBytes(record, addressAt, version), asn });
  }
  return peers;
}

/** LOCAL_PREF and the like are shown whoever the collector's peer is; AS numbers always have four octets. */
function contextOf(addPath: boolean): WireContext {
  return {
    fourOctetAs: true,
    addPath: () => addPath,
    extendedMessage: true,
    extendedNextHop: true,
    peerType: 'ibgp',
  };
}

/**
 * Gives each entry of a RIB record as an UPDATE from its peer. The number of entries; undefined when
 * the record is malformed, 0 for a subtype that is not read.
 */
export function readRibRecord(
  record: Uint8Array,
  subtype: number,
  peers: readonly MrtPeer[],
  seen: (message: SeenMessage) => void,
): number | undefined {
  const kind = RIB_SUBTYPES.get(subtype);
  if (!kind) return 0;
  // RIB_GENERIC names its family behind the sequence number.
  const prefixAt = kind.family === undefined ? 7 : 4;
  const family = kind.family ?? familyOf(readU16(record, 4), readU8(record, 6));
  const prefixEnd = prefixAt + 1 + octetsOf(readU8(record, prefixAt));
  if (prefixEnd + 2 > record.length) return undefined;
  const prefix = record.subarray(prefixAt, prefixEnd);
  const count = readU16(record, prefixEnd);
  let at = prefixEnd + 2;
  for (let i = 0; i < count; i++) {
    const pathAt = at + 6;
    const lengthAt = kind.addPath ? pathAt + 4 : pathAt;
    const end = lengthAt + 2 + readU16(record, lengthAt);
    if (lengthAt + 2 > record.length || end > record.length) return undefined;
    const nlri = kind.addPath ? Buffer.concat([record.subarray(pathAt, pathAt + 4), prefix]) : prefix;
    const bytes = updateOf(family, nlri, record.subarray(lengthAt + 2, end));
    const message = decodeMessage(bytes, 0, bytes.length, contextOf(kind.addPath));
    const peer = peers[readU16(record, at)];
    seen({ source: peer?.address ?? 'unknown', destination: 'table', length: bytes.length, message });
    at = end;
  }
  return count;
}

/** The UPDATE that announces a path: MP_REACH_NLRI, which the dump shortens to its next hop, is made whole. */
function updateOf(family: Family, nlri: Uint8Array, attributes: Uint8Array): Uint8Array {
  const writer = new ByteWriter(256);
  const message = beginMessage(writer, MessageType.UPDATE);
  const sizeAt = writer.u16(0).length;
  writer.u16(0);
  for (let at = 0; at < attributes.length; ) {
    const extended = (readU8(attributes, at) & AttributeFlag.EXTENDED_LENGTH) !== 0;
    const valueAt = at + (extended ? 4 : 3);
    const size = extended ? readU16(attributes, at + 2) : readU8(attributes, at + 2);
    const end = Math.min(attributes.length, valueAt + size);
    if (readU8(attributes, at + 1) === AttributeCode.MP_REACH_NLRI) {
      const value = wholeMpReach(family, attributes.subarray(valueAt, end), nlri);
      writeAttribute(writer, AttributeFlag.OPTIONAL, AttributeCode.MP_REACH_NLRI, value);
    } else {
      writer.raw(attributes, at, end);
    }
    at = end;
  }
  writer.patchU16(sizeAt, writer.length - sizeAt - 2);
  if (family === IPV4_UNICAST) writer.raw(nlri);
  endMessage(writer, message);
  return writer.take();
}

/** RFC 6396 §4.3.4: only the length of the next hop and the next hop; some writers leave the attribute whole. */
function wholeMpReach(family: Family, value: Uint8Array, nlri: Uint8Array): Uint8Array {
  const isShort = readU8(value, 0) === value.length - 1;
  if (!isShort) return value;
  const writer = new ByteWriter(64);
  writer.u16(afiOf(family)).u8(safiOf(family)).raw(value).u8(0).raw(nlri);
  return writer.take();
}
