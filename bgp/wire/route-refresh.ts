import type { ByteWriter } from '../../net/byte-writer.ts';
import {
  HEADER_SIZE,
  MessageType,
  NotificationCode,
  RouteRefreshErrorSubcode,
  RouteRefreshSubtype,
} from './constants.ts';
import { afiOf, type Family, familyOf, safiOf } from './family.ts';
import { badLength, beginMessage, endMessage } from './message-header.ts';
import { copyOctets, readU8, readU16 } from './octets.ts';
import { type Decoded, failed } from './protocol-error.ts';

/** A ROUTE-REFRESH message (RFC 2918 §3, RFC 7313 §3.2). Outbound route filters (RFC 5291) are not kept. */
export interface RouteRefresh {
  readonly family: Family;
  /** 0 request, 1 beginning of refresh, 2 end of refresh; others are to be ignored. */
  readonly subtype: number;
}

const ROUTE_REFRESH_SIZE = HEADER_SIZE + 4;

/** Decodes the whole ROUTE-REFRESH message at `bytes[start..end)`. */
export function decodeRouteRefresh(bytes: Uint8Array, start: number, end: number): Decoded<RouteRefresh> {
  const length = end - start;
  const subtype = length >= HEADER_SIZE + 3 ? readU8(bytes, start + HEADER_SIZE + 2) : 0;
  const isMarker = subtype === RouteRefreshSubtype.BEGINNING || subtype === RouteRefreshSubtype.END;
  if (isMarker && length !== ROUTE_REFRESH_SIZE) {
    // RFC 7313 §5: the Data field has the complete message.
    return failed(
      NotificationCode.ROUTE_REFRESH_MESSAGE_ERROR,
      RouteRefreshErrorSubcode.INVALID_MESSAGE_LENGTH,
      `ROUTE-REFRESH of subtype ${subtype} has ${length} octets instead of ${ROUTE_REFRESH_SIZE}`,
      copyOctets(bytes, start, end),
    );
  }
  if (length < ROUTE_REFRESH_SIZE) return { ok: false, error: badLength(length) };
  const family = familyOf(readU16(bytes, start + HEADER_SIZE), readU8(bytes, start + HEADER_SIZE + 3));
  return { ok: true, value: { family, subtype } };
}

/** Writes a ROUTE-REFRESH message. */
export function encodeRouteRefresh(writer: ByteWriter, refresh: RouteRefresh): void {
  const at = beginMessage(writer, MessageType.ROUTE_REFRESH);
  writer.u16(afiOf(refresh.family)).u8(refresh.subtype).u8(safiOf(refresh.family));
  endMessage(writer, at);
}
