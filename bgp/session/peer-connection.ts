// Hot: `data`, `message` and `send` run per read, message and batch; they allocate nothing.
import { ByteWriter } from '../../net/byte-writer.ts';
import { FsmErrorSubcode, HEADER_SIZE, MessageType, NotificationCode } from '../wire/constants.ts';
import { encodeKeepalive } from '../wire/message-header.ts';
import { decodeNotification, type Notification, notificationText } from '../wire/notification.ts';
import { decodeOpen, encodeOpen, type OpenMessage } from '../wire/open.ts';
import type { ProtocolError } from '../wire/protocol-error.ts';
import { decodeRouteRefresh } from '../wire/route-refresh.ts';
import type { Clock } from './clock.ts';
import type { Initiator } from './collision.ts';
import { ConnectionTimers, SendProgress, sendHoldTime } from './connection-timers.ts';
import type { ConnectionEnd } from './down-history.ts';
import { hardReset, sayFarewell } from './farewell.ts';
import type { MessageCounter } from './message-counters.ts';
import { MessageFramer, type MessageSink } from './message-framer.ts';
import {
  hardResetNegotiated,
  localOpen,
  type NegotiatedParameters,
  negotiate,
  peerHelps,
} from './open-negotiation.ts';
import type { RandomSource } from './retry-backoff.ts';
import type { NegotiatedSession, PeerSettings, SessionEvents } from './session-events.ts';
import type { Connection, ConnectionHandlers } from './transport.ts';

/** States of a connection that TCP has opened (RFC 4271 §8.2.2), and its end. */
export type ConnectionState = 'OpenSent' | 'OpenConfirm' | 'Established' | 'Closed';

/** What a connection uses of its session, and tells it. */
export interface ConnectionOwner {
  readonly settings: PeerSettings;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly received: MessageCounter;
  readonly sent: MessageCounter;
  readonly events: Pick<SessionEvents, 'update' | 'routeRefresh' | 'readComplete' | 'writable'>;
  /** A valid OPEN came in. The connection stays in OpenSent until {@link PeerConnection.confirm}. */
  openReceived(connection: PeerConnection, open: OpenMessage): void;
  established(connection: PeerConnection, negotiated: NegotiatedSession): void;
  /** The connection is over. Called once; nothing follows. */
  ended(connection: PeerConnection, end: ConnectionEnd): void;
}

const NO_DATA = new Uint8Array(0);
const KEEPALIVE = encodedKeepalive();

function encodedKeepalive(): Uint8Array {
  const writer = new ByteWriter(HEADER_SIZE);
  encodeKeepalive(writer);
  return writer.take();
}

/**
 * One TCP connection to a peer, from OpenSent on: exchanges OPENs, keeps the timers of the
 * connection, frames what comes in and answers errors with NOTIFICATIONs. Which of two connections
 * stays, and when to connect again, is the session's to decide.
 */
export class PeerConnection implements MessageSink, ConnectionHandlers {
  readonly initiator: Initiator;
  /** True when our OPEN had capabilities. */
  readonly offersCapabilities: boolean;
  readonly #owner: ConnectionOwner;
  readonly #connection: Connection;
  readonly #framer = new MessageFramer(this);
  readonly #timers: ConnectionTimers;
  readonly #sendProgress = new SendProgress();
  readonly #sentOpen: OpenMessage;
  #receivedOpen: OpenMessage | undefined;
  #parameters: NegotiatedParameters | undefined;
  #state: ConnectionState = 'OpenSent';
  /** The peer answered our OPEN with KEEPALIVE before we answered its own. */
  #confirmedByPeer = false;
  #paused = false;

  constructor(owner: ConnectionOwner, connection: Connection, initiator: Initiator, capabilities: boolean) {
    this.#owner = owner;
    this.#connection = connection;
    this.initiator = initiator;
    this.offersCapabilities = capabilities;
    this.#sentOpen = localOpen(owner.settings, capabilities);
    this.#timers = new ConnectionTimers(owner.clock, owner.random, {
      holdTimeOver: (seconds) => this.#holdTimeOver(seconds),
      keepaliveDue: () => this.#keepaliveDue(),
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** The peer's OPEN, once a valid one came in. */
  get receivedOpen(): OpenMessage | undefined {
    return this.#receivedOpen;
  }

  /** True when the peer's OPEN is in and has not been answered yet. */
  get awaitsConfirmation(): boolean {
    return this.#state === 'OpenSent' && this.#receivedOpen !== undefined;
  }

  get bufferedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  /** Sends our OPEN and starts to read. */
  open(): void {
    const writer = new ByteWriter(128);
    encodeOpen(writer, this.#sentOpen);
    this.#timers.awaitOpen();
    this.#write(writer.take());
    this.#connection.setHandlers(this);
  }

  /** Answers the peer's OPEN with KEEPALIVE: the step to OpenConfirm. */
  confirm(): void {
    const parameters = this.#parameters;
    if (!this.awaitsConfirmation || parameters === undefined) return;
    this.#state = 'OpenConfirm';
    this.#framer.maxMessageSize = parameters.maxMessageSize;
    this.#timers.start(parameters.holdTime, parameters.keepaliveTime);
    this.#write(KEEPALIVE);
    if (this.#confirmedByPeer) this.#establish();
  }

  /** Sends whole messages; false when the kernel's buffer is full. */
  send(bytes: Uint8Array): boolean {
    if (this.#state !== 'Established') return true;
    this.#timers.messageSent();
    return this.#write(bytes);
  }

  /** A KEEPALIVE out of turn: a peer that has forgotten the connection answers with a TCP reset. */
  probe(): void {
    if (this.#state === 'Established' && this.#connection.bufferedBytes === 0) this.#write(KEEPALIVE);
  }

  pauseReading(): void {
    this.#paused = true;
    this.#connection.pause();
  }

  resumeReading(): void {
    this.#paused = false;
    this.#timers.messageReceived();
    this.#connection.resume();
  }

  /** Sends a NOTIFICATION and ends the connection. `explanation`: what the NOTIFICATION cannot say. */
  close(notification: Notification, explanation = '', heldFor?: number): void {
    if (this.#state === 'Closed') return;
    const text = notificationText(notification.code, notification.subcode, notification.data);
    const reason = explanation === '' ? `sent ${text}` : `${explanation} (sent ${text})`;
    this.#owner.sent.count(MessageType.NOTIFICATION);
    this.#end(
      () => sayFarewell(this.#connection, this.#owner.clock, notification),
      reason,
      'sent',
      notification,
      heldFor,
    );
  }

  /**
   * Like {@link close}, wrapped into a Hard Reset where both ends know it (RFC 8538). `heldFor`: milliseconds for which
   * the session must not come back.
   */
  closeHard(notification: Notification, explanation: string, heldFor?: number): void {
    const received = this.#receivedOpen;
    const hard = received !== undefined && hardResetNegotiated(this.#sentOpen, received);
    this.close(hard ? hardReset(notification) : notification, explanation, heldFor);
  }

  /** Ends the connection without a word where the peer helps when we restart (RFC 4724 §4.2); else by {@link closeHard}. */
  leave(notification: Notification, explanation: string): void {
    const received = this.#receivedOpen;
    if (this.#state !== 'Established' || !received || !peerHelps(this.#sentOpen, received)) {
      this.closeHard(notification, explanation);
      return;
    }
    this.#end(() => sayFarewell(this.#connection, this.#owner.clock), explanation);
  }

  /** Ends the connection without a word: the peer does not know it any more. */
  abandon(reason: string): void {
    this.#end(() => this.#connection.destroy(), reason);
  }

  // What the transport tells.

  data(bytes: Uint8Array): void {
    if (this.#state === 'Closed') return;
    const before = this.#owner.received.total;
    this.#framer.push(bytes);
    if (this.#owner.received.total !== before) this.#timers.messageReceived();
    if (this.#isEstablished()) this.#owner.events.readComplete(bytes.length);
  }

  drain(): void {
    if (this.#state === 'Established') this.#owner.events.writable();
  }

  closed(error: Error | undefined): void {
    this.#end(() => {}, error?.message ?? `peer closed the TCP connection in ${this.#state}`);
  }

  // What the framer tells.

  message(type: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.#owner.received.count(type);
    if (type === MessageType.NOTIFICATION) {
      this.#receiveNotification(bytes, start, end);
    } else if (this.#state === 'Established') {
      this.#receiveEstablished(type, bytes, start, end);
    } else if (type === MessageType.OPEN && this.#receivedOpen === undefined) {
      this.#receiveOpen(bytes, start, end);
    } else if (type === MessageType.KEEPALIVE && this.#receivedOpen !== undefined) {
      this.#receiveConfirmation();
    } else {
      this.#unexpected(type);
    }
    return !this.#isClosed();
  }

  invalidHeader(error: ProtocolError): void {
    this.#fail(error);
  }

  // State machine.

  #receiveEstablished(type: number, bytes: Uint8Array, start: number, end: number): void {
    switch (type) {
      case MessageType.UPDATE: {
        const error = this.#owner.events.update(bytes, start, end);
        if (error?.heldFor !== undefined) this.closeHard(error, error.message, error.heldFor);
        else if (error) this.#fail(error);
        break;
      }
      case MessageType.KEEPALIVE:
        break;
      case MessageType.ROUTE_REFRESH:
        this.#receiveRouteRefresh(bytes, start, end);
        break;
      default:
        this.#unexpected(type);
    }
  }

  #receiveOpen(bytes: Uint8Array, start: number, end: number): void {
    const decoded = decodeOpen(bytes, start, end);
    if (!decoded.ok) {
      this.#fail(decoded.error);
      return;
    }
    const parameters = negotiate(this.#owner.settings, this.#sentOpen, decoded.value);
    if (!parameters.ok) {
      this.#fail(parameters.error);
      return;
    }
    this.#receivedOpen = decoded.value;
    this.#parameters = parameters.value;
    this.#owner.openReceived(this, decoded.value);
  }

  #receiveConfirmation(): void {
    if (this.#state === 'OpenConfirm') this.#establish();
    else if (this.#confirmedByPeer) this.#unexpected(MessageType.KEEPALIVE);
    else this.#confirmedByPeer = true;
  }

  #receiveRouteRefresh(bytes: Uint8Array, start: number, end: number): void {
    const decoded = decodeRouteRefresh(bytes, start, end);
    if (!decoded.ok) {
      this.#fail(decoded.error);
      return;
    }
    const { family, subtype } = decoded.value;
    // RFC 2918 §4: a family that was not agreed on is ignored.
    if (this.#parameters?.families.includes(family)) this.#owner.events.routeRefresh(family, subtype);
  }

  #receiveNotification(bytes: Uint8Array, start: number, end: number): void {
    const decoded = decodeNotification(bytes, start, end);
    const hangUp = (): void => sayFarewell(this.#connection, this.#owner.clock);
    // RFC 4271 §6.4: an error in a NOTIFICATION is not answered with another one.
    if (!decoded.ok) {
      this.#end(hangUp, `peer sent a bad NOTIFICATION: ${decoded.error.message}`);
      return;
    }
    const { code, subcode, data } = decoded.value;
    this.#end(hangUp, `peer sent ${notificationText(code, subcode, data)}`, 'received', decoded.value);
  }

  #establish(): void {
    const parameters = this.#parameters;
    if (parameters === undefined) return;
    this.#state = 'Established';
    this.#owner.established(this, {
      ...parameters,
      localAddress: this.#connection.local.address,
      remoteAddress: this.#connection.remote.address,
      interfaceName: this.#connection.remote.zone,
      active: this.initiator === 'local',
    });
  }

  /** RFC 6608: the subcode says the state, the data the type of the message. */
  #unexpected(type: number): void {
    const subcode = {
      OpenSent: FsmErrorSubcode.UNEXPECTED_MESSAGE_IN_OPEN_SENT,
      OpenConfirm: FsmErrorSubcode.UNEXPECTED_MESSAGE_IN_OPEN_CONFIRM,
      Established: FsmErrorSubcode.UNEXPECTED_MESSAGE_IN_ESTABLISHED,
      Closed: FsmErrorSubcode.UNSPECIFIED,
    }[this.#state];
    this.#fail({
      code: NotificationCode.FINITE_STATE_MACHINE_ERROR,
      subcode,
      data: Uint8Array.of(type),
      message: `message of type ${type} came in ${this.#state}`,
    });
  }

  #fail(error: ProtocolError): void {
    this.close(error, error.message);
  }

  #end(
    hangUp: () => void,
    reason: string,
    direction?: 'sent' | 'received',
    notification?: Notification,
    heldFor?: number,
  ): void {
    if (this.#state === 'Closed') return;
    this.#timers.stop();
    const end: ConnectionEnd = {
      reason,
      ...(direction &&
        notification && {
          notification: { direction, code: notification.code, subcode: notification.subcode },
        }),
      ...(heldFor !== undefined && { heldFor }),
    };
    this.#state = 'Closed';
    hangUp();
    this.#owner.ended(this, end);
  }

  // Narrowing by an earlier check of the state does not hold after a call; these look again.

  #isClosed(): boolean {
    return this.#state === 'Closed';
  }

  #isEstablished(): boolean {
    return this.#state === 'Established';
  }

  // Timers.

  #holdTimeOver(seconds: number): void {
    // While reading is paused the peer's messages wait in the kernel: silence says nothing.
    if (this.#paused) {
      this.#timers.restartHold();
      return;
    }
    this.#fail({
      code: NotificationCode.HOLD_TIMER_EXPIRED,
      subcode: 0,
      data: NO_DATA,
      message: `hold timer expired: nothing heard for ${seconds} s in ${this.#state}`,
    });
  }

  #keepaliveDue(): void {
    const buffered = this.#connection.bufferedBytes;
    const stalled = this.#sendProgress.stalledFor(this.#owner.clock.now(), buffered);
    // Bytes that wait are as good as a KEEPALIVE once the peer reads them, and one more would only pile up.
    if (buffered === 0) this.#write(KEEPALIVE);
    else if (stalled >= sendHoldTime(this.#parameters?.holdTime ?? 0)) this.#giveUpSending(stalled);
  }

  /** RFC 9687. A NOTIFICATION could not get through either, so there is none. */
  #giveUpSending(milliseconds: number): void {
    const text = notificationText(NotificationCode.SEND_HOLD_TIMER_EXPIRED, 0, NO_DATA);
    const seconds = Math.round(milliseconds / 1000);
    this.#end(() => this.#connection.destroy(), `${text}: peer has read nothing for ${seconds} s`);
  }

  #write(bytes: Uint8Array): boolean {
    this.#owner.sent.countAll(bytes);
    this.#sendProgress.wrote(bytes.length);
    return this.#connection.write(bytes);
  }
}
