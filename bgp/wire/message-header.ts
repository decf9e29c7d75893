// Hot: runs once per message, so the good case is a number and allocates nothing.
import type { ByteWriter } from '../../net/byte-writer.ts';
import {
  HEADER_SIZE,
  HeaderErrorSubcode,
  MARKER_SIZE,
  MAX_MESSAGE_SIZE,
  MessageType,
  NotificationCode,
} from './constants.ts';
import { readU16 } from './octets.ts';
import type { ProtocolError } from './protocol-error.ts';

/** {@link checkHeader} needs all 19 octets of a header before it says anything. */
export const NEED_MORE = 0;

/**
 * Checks the message header at `offset`, of which `available` octets have arrived.
 * Gives {@link NEED_MORE} while the header is incomplete, else the length of the whole message in
 * octets (which may be more than `available`), or the error of RFC 4271 §6.1. The type is
 * {@link messageTypeAt}. `maxMessageSize`: 4096, or 65535 after RFC 8654 was negotiated.
 */
export function checkHeader(
  bytes: Uint8Array,
  offset: number,
  available: number,
  maxMessageSize: number,
): number | ProtocolError {
  if (available < HEADER_SIZE) return NEED_MORE;
  for (let i = 0; i < MARKER_SIZE; i++) {
    if (bytes[offset + i] !== 0xff) return notSynchronized(i);
  }
  const length = readU16(bytes, offset + MARKER_SIZE);
  if (length < HEADER_SIZE || length > maxMessageSize) return badLength(length);
  const type = messageTypeAt(bytes, offset);
  if (!lengthFitsType(type, length)) {
    return isMessageType(type) ? badLength(length) : badType(type);
  }
  return length;
}

/** The type octet of the message at `offset`. */
export function messageTypeAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset + MARKER_SIZE + 2] ?? 0;
}

/** True for the types of {@link MessageType}. */
export function isMessageType(type: number): boolean {
  return type >= MessageType.OPEN && type <= MessageType.ROUTE_REFRESH;
}

/** RFC 4271 §6.1 and §4; a short ROUTE-REFRESH has an error code of its own and is left to its decoder. */
function lengthFitsType(type: number, length: number): boolean {
  switch (type) {
    case MessageType.OPEN:
      return length >= 29 && length <= MAX_MESSAGE_SIZE;
    case MessageType.UPDATE:
      return length >= 23;
    case MessageType.NOTIFICATION:
      return length >= 21;
    case MessageType.KEEPALIVE:
      return length === HEADER_SIZE;
    case MessageType.ROUTE_REFRESH:
      return true;
    default:
      return false;
  }
}

function notSynchronized(index: number): ProtocolError {
  return {
    code: NotificationCode.MESSAGE_HEADER_ERROR,
    subcode: HeaderErrorSubcode.CONNECTION_NOT_SYNCHRONIZED,
    data: new Uint8Array(0),
    message: `octet ${index} of the marker is not 0xff`,
  };
}

/** The Data field has the erroneous length (RFC 4271 §6.1). */
export function badLength(length: number): ProtocolError {
  return {
    code: NotificationCode.MESSAGE_HEADER_ERROR,
    subcode: HeaderErrorSubcode.BAD_MESSAGE_LENGTH,
    data: Uint8Array.of(length >>> 8, length & 0xff),
    message: `message length ${length} is not allowed here`,
  };
}

function badType(type: number): ProtocolError {
  return {
    code: NotificationCode.MESSAGE_HEADER_ERROR,
    subcode: HeaderErrorSubcode.BAD_MESSAGE_TYPE,
    data: Uint8Array.of(type),
    message: `message type ${type} is unknown`,
  };
}

/** Writes a header with length 0; {@link endMessage} fills it in. Gives the position that it wants. */
export function beginMessage(writer: ByteWriter, type: number): number {
  const at = writer.length;
  writer.fill(0xff, MARKER_SIZE).u16(0).u8(type);
  return at;
}

/** Sets the length of the message that began at `at` and ends where the writer stands. */
export function endMessage(writer: ByteWriter, at: number): void {
  writer.patchU16(at + MARKER_SIZE, writer.length - at);
}

/** Writes a KEEPALIVE: a header and nothing else (RFC 4271 §4.4). */
export function encodeKeepalive(writer: ByteWriter): void {
  endMessage(writer, beginMessage(writer, MessageType.KEEPALIVE));
}
