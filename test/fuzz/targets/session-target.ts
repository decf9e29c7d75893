import { Random } from '../../../bench/load/random.ts';
import { MessageType } from '../../../bgp/wire/constants.ts';
import { messageTypeAt } from '../../../bgp/wire/message-header.ts';
import type { FakeConnection } from '../../unit/bgp/session/fake-network.ts';
import {
  keepaliveBytes,
  lastNotification,
  messagesOf,
  openBytes,
  ScriptedPeer,
} from '../../unit/bgp/session/speaker.ts';
import { type FuzzTarget, must } from './target.ts';

/** Messages of one session before a new one is made. */
const MESSAGES_OF_A_SESSION = 20;

/**
 * The session: its state machine takes the bytes in pieces, in any state. It never throws, says at most one
 * NOTIFICATION, as the last thing on a connection, and closes the connection after it.
 */
export class SessionTarget implements FuzzTarget {
  readonly name = 'session';
  readonly #random: Random;
  #peer = new ScriptedPeer();
  #connection: FakeConnection | undefined;
  #taken = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  take(message: Uint8Array): string {
    const connection = this.#openConnection();
    const size = 1 + this.#random.below(message.length);
    for (let at = 0; at < message.length; at += size) connection.receive(message.subarray(at, at + size));
    this.#peer.settle();
    const written = messagesOf(connection);
    written.forEach((each, index) => {
      const last = index === written.length - 1;
      must(last || messageTypeAt(each, 0) !== MessageType.NOTIFICATION, 'something followed a NOTIFICATION');
    });
    const notification = lastNotification(connection);
    if (notification) must(connection.wasEnded, 'a connection stays open after a NOTIFICATION');
    return `session ${this.#peer.session.state} ${notification?.code}/${notification?.subcode}`;
  }

  /** A connection that waits for an OPEN, for a KEEPALIVE, or that is established. */
  #openConnection(): FakeConnection {
    if (this.#connection && !this.#connection.wasEnded && this.#taken++ % MESSAGES_OF_A_SESSION !== 0) {
      return this.#connection;
    }
    const peer = new ScriptedPeer();
    this.#peer = peer;
    const connection = peer.startActive();
    const state = this.#random.below(4);
    if (state >= 1) peer.send(connection, openBytes());
    if (state >= 2) peer.send(connection, keepaliveBytes());
    this.#connection = connection;
    return connection;
  }

  inspect(): void {}
}
