import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageType } from '../../../../bgp/wire/constants.ts';
import { checkHeader, messageTypeAt } from '../../../../bgp/wire/message-header.ts';
import type { FakeConnection } from './fake-network.ts';
import {
  keepaliveBytes,
  messageBytes,
  messagesOf,
  notificationBytes,
  openBytes,
  ScriptedPeer,
  updateBytes,
} from './speaker.ts';

const anyMessage = fc.oneof(
  fc.constantFrom(
    openBytes(),
    keepaliveBytes(),
    updateBytes(),
    notificationBytes(6, 2),
    openBytes({ holdTime: 1 }),
  ),
  fc
    .tuple(fc.integer({ min: 0, max: 7 }), fc.uint8Array({ maxLength: 60 }))
    .map(([type, body]) => messageBytes(type, body)),
);

/** Messages of all kinds in any order, some with octets changed. */
const anyStream = fc
  .tuple(
    fc.array(anyMessage, { maxLength: 12 }),
    fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 3 }),
  )
  .map(([messages, changes]) => {
    const stream = Uint8Array.from(messages.flatMap((message) => [...message]));
    for (const [at, value] of changes) if (at < stream.length) stream[at] = value;
    return stream;
  });

/** True when all that was sent is well-formed and a NOTIFICATION, if any, is the last message. */
function isOrderly(connection: FakeConnection): boolean {
  const messages = messagesOf(connection);
  return messages.every((message, index) => {
    const wellFormed = checkHeader(message, 0, message.length, 4096) === message.length;
    const isLast = index === messages.length - 1;
    return wellFormed && (messageTypeAt(message, 0) !== MessageType.NOTIFICATION || isLast);
  });
}

describe('whatever a peer sends', () => {
  it('nothing is thrown, at most one NOTIFICATION is sent, and the session recovers', () => {
    fc.assert(
      fc.property(
        anyStream,
        fc.boolean(),
        fc.integer({ min: 1, max: 200 }),
        fc.boolean(),
        (stream, established, pieceSize, hangsUp) => {
          const peer = new ScriptedPeer();
          const connection = established ? peer.establish() : peer.startActive();
          for (let at = 0; at < stream.length; at += pieceSize) {
            connection.receive(stream.slice(at, at + pieceSize));
          }
          if (hangsUp) connection.receiveEnd();
          peer.settle();
          expect(isOrderly(connection)).toBe(true);
          expect(peer.events.downs.length).toBeLessThanOrEqual(peer.events.established_.length);
          // Some minutes later, a well-behaved connection of the same peer is accepted and works.
          peer.clock.advance(400_000);
          peer.send(peer.connect(), openBytes(), keepaliveBytes());
          peer.clock.advance(2000);
          peer.send(peer.connect(), openBytes(), keepaliveBytes());
          peer.clock.advance(2000);
          expect(peer.session.state).toBe('Established');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('many connections at a time are never more than two that are open', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5), fc.constantFrom('open', 'keepalive', 'new', 'close', 'time')), {
          maxLength: 40,
        }),
        (steps) => {
          const peer = new ScriptedPeer();
          const own = peer.startActive();
          const connections = [own];
          for (const [which, action] of steps) {
            const connection = connections[which % connections.length] ?? own;
            if (action === 'new') connections.push(peer.connect());
            else if (action === 'open') peer.send(connection, openBytes());
            else if (action === 'keepalive') peer.send(connection, keepaliveBytes());
            else if (action === 'close') connection.receiveEnd();
            else peer.clock.advance(700);
            const open = [...new Set([...connections, ...peer.opened])].filter((each) => !each.wasEnded);
            expect(open.length).toBeLessThanOrEqual(2);
            expect(peer.events.established_.length - peer.events.downs.length).toBe(
              peer.session.state === 'Established' ? 1 : 0,
            );
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
