import { ByteWriter } from '../../net/byte-writer.ts';
import { CeaseSubcode, NotificationCode } from '../wire/constants.ts';
import { encodeNotification, encodeShutdownCommunication, type Notification } from '../wire/notification.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './transport.ts';

/** Milliseconds that the peer has to close its side and to read our last words. */
const LINGER_TIME = 2000;

/**
 * Ends a connection, after a NOTIFICATION where there is one. What the peer still sends is read and
 * dropped meanwhile: a socket that is closed with unread bytes resets the connection, and the reset
 * may overtake the NOTIFICATION. Dropped for good when the peer does not close within two seconds.
 */
export function sayFarewell(connection: Connection, clock: Clock, notification?: Notification): void {
  const linger = clock.setTimer(LINGER_TIME, () => connection.destroy());
  connection.setHandlers({
    data: () => {},
    drain: () => {},
    closed: () => linger.cancel(),
  });
  if (notification) {
    const writer = new ByteWriter(64);
    encodeNotification(writer, notification);
    connection.write(writer.take());
  }
  connection.resume();
  connection.end();
}

/**
 * A Cease with a subcode of RFC 4486; the text is sent along where the subcode has a place for it
 * (RFC 9003).
 */
export function cease(subcode: number, text: string): Notification {
  const hasText =
    subcode === CeaseSubcode.ADMINISTRATIVE_SHUTDOWN || subcode === CeaseSubcode.ADMINISTRATIVE_RESET;
  const data = hasText ? encodeShutdownCommunication(text) : new Uint8Array(0);
  return { code: NotificationCode.CEASE, subcode, data };
}

/** The Cease inside a Hard Reset, for peers that agreed on the N bit (RFC 8538 §3.1). */
export function hardReset(inner: Notification): Notification {
  const data = new Uint8Array(inner.data.length + 2);
  data[0] = inner.code;
  data[1] = inner.subcode;
  data.set(inner.data, 2);
  return { code: NotificationCode.CEASE, subcode: CeaseSubcode.HARD_RESET, data };
}

/** Turns a connection away that no session wants: Cease/Connection Rejected (RFC 4486 §4). */
export function refuseConnection(connection: Connection, clock: Clock): void {
  sayFarewell(connection, clock, cease(CeaseSubcode.CONNECTION_REJECTED, ''));
}
