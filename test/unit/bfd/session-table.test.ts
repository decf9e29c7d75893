import { describe, expect, test } from 'vitest';
import { BfdSession } from '../../../bfd/bfd-session.ts';
import { BfdState, type ControlPacket, encodeControlPacket } from '../../../bfd/control-packet.ts';
import { BfdSessionTable } from '../../../bfd/session-table.ts';
import { FakeClock } from '../bgp/session/fake-clock.ts';
import { DEFAULT_PACKET } from './default-packet.ts';

function session(discriminator: number): BfdSession {
  return new BfdSession(
    discriminator,
    { transmitInterval: 300, receiveInterval: 300, detectMultiplier: 3, passive: true },
    { clock: new FakeClock(), random: () => 0, send: () => {}, changed: () => {} },
  );
}

function bytes(packet: Partial<ControlPacket>): Uint8Array {
  return encodeControlPacket({ ...DEFAULT_PACKET, ...packet });
}

describe('the table of BFD sessions', () => {
  test('finds a session by the path first, then by our discriminator', () => {
    const table = new BfdSessionTable();
    const [first, second] = [session(1), session(2)];
    table.add('listener 10.0.0.1', first);
    table.add('listener 10.0.0.2', second);
    table.receive('listener 10.0.0.2', bytes({}));
    expect([first.status.state, second.status.state]).toEqual([BfdState.down, BfdState.init]);
    table.receive('listener 10.0.0.2', bytes({ state: BfdState.init, yourDiscriminator: 2 }));
    expect(second.status.state).toBe(BfdState.up);
    expect(table.discards.size).toBe(0);
  });

  test('counts what is for nobody, and what comes from elsewhere', () => {
    const table = new BfdSessionTable();
    const only = session(7);
    table.add('listener 10.0.0.1', only);
    table.receive('listener 10.0.0.9', bytes({}));
    table.receive('listener 10.0.0.9', bytes({ yourDiscriminator: 7, state: BfdState.init }));
    table.receive('listener 10.0.0.1', bytes({ yourDiscriminator: 8, state: BfdState.init }));
    for (const length of [3, 5]) table.receive('listener 10.0.0.1', new Uint8Array(length));
    expect(only.status.state).toBe(BfdState.down);
    expect(Object.fromEntries(table.discards)).toEqual({
      'no session with the sender': 1,
      'no session of that discriminator with the sender': 2,
      'n octets are too few': 2,
    });
  });

  test('forgets a session, whose path is free again', () => {
    const table = new BfdSessionTable();
    const first = session(1);
    table.add('a', first);
    expect(() => table.add('a', session(2))).toThrow(RangeError);
    expect(() => table.add('b', session(1))).toThrow(RangeError);
    table.remove(first);
    table.remove(first);
    expect(table.size).toBe(0);
    const next = session(2);
    table.add('a', next);
    table.receive('a', bytes({}));
    expect([first.status.state, next.status.state]).toEqual([BfdState.down, BfdState.init]);
  });
});
