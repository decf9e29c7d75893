import { Session } from '../../../../bgp/session/session.ts';
import type {
  NegotiatedSession,
  PeerSettings,
  SessionDown,
  SessionError,
  SessionEvents,
  SessionState,
} from '../../../../bgp/session/session-events.ts';
import type { Transport } from '../../../../bgp/session/transport.ts';
import type { Capability } from '../../../../bgp/wire/capabilities.ts';
import { HEADER_SIZE, MessageType } from '../../../../bgp/wire/constants.ts';
import { IPV4_UNICAST } from '../../../../bgp/wire/family.ts';
import { encodeKeepalive, messageTypeAt } from '../../../../bgp/wire/message-header.ts';
import {
  decodeNotification,
  encodeNotification,
  type Notification,
} from '../../../../bgp/wire/notification.ts';
import { readU16 } from '../../../../bgp/wire/octets.ts';
import { decodeOpen, encodeOpen, type OpenMessage } from '../../../../bgp/wire/open.ts';
import { type IpAddress, parseAddress } from '../../../../net/address.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeConnection, FakeNetwork } from './fake-network.ts';

/** The address of a text that is one. */
export function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (!parsed) throw new Error(`${text} is no address`);
  return parsed;
}

export const LOCAL = address('192.0.2.1');
export const REMOTE = address('192.0.2.2');

/** Settings of a session from {@link LOCAL} (AS 65001, identifier 1) to {@link REMOTE} (AS 65002). */
export function peerSettings(changes: Partial<PeerSettings> = {}): PeerSettings {
  return {
    name: 'peer',
    remoteAddress: REMOTE,
    remotePort: 179,
    localAs: 65001,
    remoteAs: 65002,
    routerId: 1,
    holdTime: 90,
    keepaliveTime: 30,
    connectRetryTime: 120,
    passive: false,
    families: [IPV4_UNICAST],
    socket: {},
    ...changes,
  };
}

/** Session events, written down. */
export class RecordedEvents implements SessionEvents {
  readonly states: SessionState[] = [];
  readonly established_: NegotiatedSession[] = [];
  readonly downs: SessionDown[] = [];
  readonly updates: Uint8Array[] = [];
  readonly refreshes: { family: number; subtype: number }[] = [];
  reads = 0;
  writables = 0;
  /** What `update` answers. */
  updateAnswer: SessionError | undefined;

  established(negotiated: NegotiatedSession): void {
    this.established_.push(negotiated);
  }
  update(bytes: Uint8Array, start: number, end: number): SessionError | undefined {
    this.updates.push(bytes.slice(start, end));
    return this.updateAnswer;
  }
  routeRefresh(family: number, subtype: number): void {
    this.refreshes.push({ family, subtype });
  }
  readComplete(): void {
    this.reads++;
  }
  writable(): void {
    this.writables++;
  }
  down(reason: SessionDown): void {
    this.downs.push(reason);
  }
  stateChanged(state: SessionState): void {
    this.states.push(state);
  }
}

/** The OPEN of a well-behaved peer of {@link peerSettings}. */
export function peerOpen(changes: Partial<OpenMessage> = {}): OpenMessage {
  const capabilities: Capability[] = [
    { kind: 'multiprotocol', family: IPV4_UNICAST },
    { kind: 'route-refresh' },
    { kind: 'four-octet-as', asn: 65002 },
  ];
  return { version: 4, myAs: 65002, asn: 65002, holdTime: 90, routerId: 2, capabilities, ...changes };
}

export function openBytes(changes: Partial<OpenMessage> = {}): Uint8Array {
  const writer = new ByteWriter();
  encodeOpen(writer, peerOpen(changes));
  return writer.take();
}

export function keepaliveBytes(): Uint8Array {
  const writer = new ByteWriter();
  encodeKeepalive(writer);
  return writer.take();
}

export function notificationBytes(
  code: number,
  subcode: number,
  data: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const writer = new ByteWriter();
  encodeNotification(writer, { code, subcode, data });
  return writer.take();
}

/** A message of any type around a body. */
export function messageBytes(type: number, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const length = HEADER_SIZE + body.length;
  return new ByteWriter().fill(0xff, 16).u16(length).u8(type).raw(body).take();
}

/** An empty UPDATE: End-of-RIB of IPv4 unicast. */
export function updateBytes(): Uint8Array {
  return messageBytes(MessageType.UPDATE, new Uint8Array(4));
}

/** The messages that were written to a connection, one by one. */
export function messagesOf(connection: FakeConnection): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (const bytes of connection.written) {
    for (let at = 0; at < bytes.length; ) {
      const end = at + readU16(bytes, at + 16);
      messages.push(bytes.slice(at, end));
      at = end;
    }
  }
  return messages;
}

export function typesOf(connection: FakeConnection): number[] {
  return messagesOf(connection).map((message) => messageTypeAt(message, 0));
}

/** The NOTIFICATION that was the last message on a connection, undefined when another was. */
export function lastNotification(connection: FakeConnection): Notification | undefined {
  const last = messagesOf(connection).at(-1);
  if (!last || messageTypeAt(last, 0) !== MessageType.NOTIFICATION) return undefined;
  const decoded = decodeNotification(last, 0, last.length);
  return decoded.ok ? decoded.value : undefined;
}

/** The OPEN that was the first message on a connection. */
export function sentOpen(connection: FakeConnection): OpenMessage {
  const first = messagesOf(connection)[0];
  const decoded = first && decodeOpen(first, 0, first.length);
  if (!decoded?.ok) throw new Error('the first message is no OPEN');
  return decoded.value;
}

/** A session whose peer is the test: it sees each connection and writes what the peer sends. */
export class ScriptedPeer {
  readonly clock = new FakeClock();
  readonly network = new FakeNetwork(this.clock, () => 0);
  readonly events = new RecordedEvents();
  readonly session: Session;
  /** The session's ends of the connections that it opened. */
  readonly opened: FakeConnection[] = [];
  randomValue = 1;

  constructor(changes: Partial<PeerSettings> = {}, listening = true) {
    this.session = this.sessionOn(this.network.host(LOCAL), changes);
    if (listening) this.listen();
  }

  /** Another session in the same time and with the same events, on a transport of the test's own. */
  sessionOn(transport: Transport, changes: Partial<PeerSettings> = {}): Session {
    const environment = { transport, clock: this.clock, random: () => this.randomValue };
    return new Session(peerSettings(changes), this.events, environment);
  }

  /** Lets connections of the session to the peer succeed from now on. */
  listen(): void {
    this.network.serve({ address: REMOTE, port: 179 }, (far) => {
      const near = (far as FakeConnection).peer;
      if (near) this.opened.push(near);
    });
  }

  /** The session's end of a connection that the peer opens. */
  connect(): FakeConnection {
    const connection = new FakeConnection(
      this.clock,
      () => 0,
      { address: LOCAL, port: 179 },
      { address: REMOTE, port: 50_000 },
      undefined,
    );
    this.session.acceptConnection(connection);
    this.settle();
    return connection;
  }

  /** What the peer sends on a connection. */
  send(connection: FakeConnection, ...messages: Uint8Array[]): void {
    for (const message of messages) connection.receive(message);
    this.settle();
  }

  /** Lets everything happen that takes no time. */
  settle(): void {
    this.clock.advance(0);
  }

  /** Starts the session and gives the connection that it opens. */
  startActive(): FakeConnection {
    this.session.start();
    this.settle();
    return this.lastOpened();
  }

  lastOpened(): FakeConnection {
    const connection = this.opened.at(-1);
    if (!connection) throw new Error('the session has opened no connection');
    return connection;
  }

  /** Starts the session and brings it to Established over its own connection. */
  establish(open: Partial<OpenMessage> = {}): FakeConnection {
    const connection = this.startActive();
    this.send(connection, openBytes(open), keepaliveBytes());
    return connection;
  }
}
