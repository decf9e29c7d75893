import type { ByteWriter } from '../../net/byte-writer.ts';
import { attributeName } from './attribute-rules.ts';
import { utf8Prefix } from './capabilities.ts';
import {
  CeaseSubcode,
  HEADER_SIZE,
  MessageType,
  NotificationCode,
  OpenErrorSubcode,
  UpdateErrorSubcode,
} from './constants.ts';
import { familyName, familyOf } from './family.ts';
import { badLength, beginMessage, endMessage } from './message-header.ts';
import { copyOctets, readU8, readU16, readU32 } from './octets.ts';
import { printable } from './peer-text.ts';
import type { Decoded } from './protocol-error.ts';

/** A NOTIFICATION message (RFC 4271 §4.5). */
export interface Notification {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** Names as in IANA's registry "BGP Error (Notification) Codes" and its subcode registries. */
const NAMES: ReadonlyMap<number, { readonly name: string; readonly subcodes: readonly string[] }> = new Map([
  [
    1,
    {
      name: 'Message Header Error',
      subcodes: ['', 'Connection Not Synchronized', 'Bad Message Length', 'Bad Message Type'],
    },
  ],
  [
    2,
    {
      name: 'OPEN Message Error',
      subcodes: [
        '',
        'Unsupported Version Number',
        'Bad Peer AS',
        'Bad BGP Identifier',
        'Unsupported Optional Parameter',
        'Authentication Failure',
        'Unacceptable Hold Time',
        'Unsupported Capability',
        '',
        '',
        '',
        'Role Mismatch',
      ],
    },
  ],
  [
    3,
    {
      name: 'UPDATE Message Error',
      subcodes: [
        '',
        'Malformed Attribute List',
        'Unrecognized Well-known Attribute',
        'Missing Well-known Attribute',
        'Attribute Flags Error',
        'Attribute Length Error',
        'Invalid ORIGIN Attribute',
        'AS Routing Loop',
        'Invalid NEXT_HOP Attribute',
        'Optional Attribute Error',
        'Invalid Network Field',
        'Malformed AS_PATH',
      ],
    },
  ],
  [4, { name: 'Hold Timer Expired', subcodes: [] }],
  [
    5,
    {
      name: 'Finite State Machine Error',
      subcodes: [
        '',
        'Unexpected Message in OpenSent',
        'Unexpected Message in OpenConfirm',
        'Unexpected Message in Established',
      ],
    },
  ],
  [
    6,
    {
      name: 'Cease',
      subcodes: [
        '',
        'Maximum Number of Prefixes Reached',
        'Administrative Shutdown',
        'Peer De-configured',
        'Administrative Reset',
        'Connection Rejected',
        'Other Configuration Change',
        'Connection Collision Resolution',
        'Out of Resources',
        'Hard Reset',
        'BFD Down',
      ],
    },
  ],
  [7, { name: 'ROUTE-REFRESH Message Error', subcodes: ['', 'Invalid Message Length'] }],
  [8, { name: 'Send Hold Timer Expired', subcodes: [] }],
]);

/** Decodes the whole NOTIFICATION message at `bytes[start..end)`. */
export function decodeNotification(bytes: Uint8Array, start: number, end: number): Decoded<Notification> {
  if (end - start < HEADER_SIZE + 2) return { ok: false, error: badLength(end - start) };
  const at = start + HEADER_SIZE;
  const data = copyOctets(bytes, at + 2, end);
  return { ok: true, value: { code: readU8(bytes, at), subcode: readU8(bytes, at + 1), data } };
}

/** Writes a NOTIFICATION message. A {@link Notification} may also be a ProtocolError. */
export function encodeNotification(writer: ByteWriter, notification: Notification): void {
  const at = beginMessage(writer, MessageType.NOTIFICATION);
  writer.u8(notification.code).u8(notification.subcode).raw(notification.data);
  endMessage(writer, at);
}

/** Name of a code and subcode, such as `Cease/Administrative Shutdown`. */
export function notificationName(code: number, subcode: number): string {
  const entry = NAMES.get(code);
  if (!entry) return `error code ${code} subcode ${subcode}`;
  const name = entry.subcodes[subcode];
  if (name) return `${entry.name}/${name}`;
  return subcode === 0 ? entry.name : `${entry.name}/subcode ${subcode}`;
}

/** A NOTIFICATION in words, with what its data says where that is known. */
export function notificationText(code: number, subcode: number, data: Uint8Array): string {
  const detail = detailOf(code, subcode, data);
  const name = notificationName(code, subcode);
  return detail === '' ? name : `${name}: ${detail}`;
}

function detailOf(code: number, subcode: number, data: Uint8Array): string {
  if (code === NotificationCode.CEASE) return ceaseDetail(subcode, data);
  if (code === NotificationCode.MESSAGE_HEADER_ERROR) {
    if (subcode === 2 && data.length === 2) return `length ${readU16(data, 0)}`;
    if (subcode === 3 && data.length === 1) return `type ${readU8(data, 0)}`;
  }
  if (code === NotificationCode.OPEN_MESSAGE_ERROR) {
    if (subcode === OpenErrorSubcode.UNSUPPORTED_VERSION_NUMBER && data.length === 2) {
      return `the peer supports up to version ${readU16(data, 0)}`;
    }
    if (subcode === OpenErrorSubcode.UNSUPPORTED_CAPABILITY && data.length >= 2) {
      return `capability ${readU8(data, 0)}`;
    }
  }
  if (code === NotificationCode.UPDATE_MESSAGE_ERROR) return updateDetail(subcode, data);
  return '';
}

/** RFC 4271 §6.3: the type code of a missing attribute; of others the whole: flags, type code, length, value. */
function updateDetail(subcode: number, data: Uint8Array): string {
  const isMissing = subcode === UpdateErrorSubcode.MISSING_WELL_KNOWN_ATTRIBUTE;
  if (isMissing && data.length === 1) return attributeName(readU8(data, 0));
  return data.length >= 3 ? attributeName(readU8(data, 1)) : '';
}

function ceaseDetail(subcode: number, data: Uint8Array): string {
  switch (subcode) {
    case CeaseSubcode.MAXIMUM_NUMBER_OF_PREFIXES_REACHED:
      // RFC 4486 §4: AFI, SAFI, upper bound.
      if (data.length !== 7) return '';
      return `${familyName(familyOf(readU16(data, 0), readU8(data, 2)))}, limit ${readU32(data, 3)}`;
    case CeaseSubcode.ADMINISTRATIVE_SHUTDOWN:
    case CeaseSubcode.ADMINISTRATIVE_RESET:
      return shutdownCommunication(data);
    case CeaseSubcode.HARD_RESET:
      // RFC 8538 §3.1: the data is the code, subcode and data of the reason.
      if (data.length < 2) return '';
      if (readU8(data, 0) === NotificationCode.CEASE && readU8(data, 1) === CeaseSubcode.HARD_RESET) {
        return notificationName(readU8(data, 0), readU8(data, 1));
      }
      return notificationText(readU8(data, 0), readU8(data, 1), data.subarray(2));
    default:
      return '';
  }
}

/**
 * The operator's text in an Administrative Shutdown or Reset (RFC 9003): control characters are
 * replaced, for it goes to logs and terminals; empty when there is none or its length is wrong.
 */
export function shutdownCommunication(data: Uint8Array): string {
  const length = readU8(data, 0);
  if (length === 0 || length + 1 > data.length) return '';
  const text = new TextDecoder('utf-8').decode(data.subarray(1, 1 + length));
  return printable(text);
}

/** The data of an Administrative Shutdown or Reset with a text (RFC 9003), cut at 255 octets of UTF-8. */
export function encodeShutdownCommunication(text: string): Uint8Array {
  if (text === '') return new Uint8Array(0);
  const bytes = utf8Prefix(text, 255);
  const data = new Uint8Array(bytes.length + 1);
  data[0] = bytes.length;
  data.set(bytes, 1);
  return data;
}
