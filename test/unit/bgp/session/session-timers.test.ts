import { describe, expect, it } from 'vitest';
import type { Transport } from '../../../../bgp/session/transport.ts';
import { MessageType } from '../../../../bgp/wire/constants.ts';
import {
  keepaliveBytes,
  lastNotification,
  notificationBytes,
  openBytes,
  ScriptedPeer,
  typesOf,
  updateBytes,
} from './speaker.ts';

const { KEEPALIVE } = MessageType;

function keepalivesOn(connection: Parameters<typeof typesOf>[0]): number {
  return typesOf(connection).filter((type) => type === KEEPALIVE).length;
}

describe('hold timer', () => {
  it('waits 240 s for the OPEN of a peer that never sends', () => {
    const peer = new ScriptedPeer();
    const connection = peer.startActive();
    peer.clock.advance(239_999);
    expect(peer.session.state).toBe('OpenSent');
    peer.clock.advance(1);
    expect(lastNotification(connection)).toMatchObject({ code: 4, subcode: 0 });
    expect(peer.session.lastDown?.reason).toBe(
      'hold timer expired: nothing heard for 240 s in OpenSent (sent Hold Timer Expired)',
    );
  });

  it('ends OpenConfirm and Established after the smaller of both hold times', () => {
    for (const messages of [[openBytes({ holdTime: 9 })], [openBytes({ holdTime: 9 }), keepaliveBytes()]]) {
      const peer = new ScriptedPeer();
      const connection = peer.startActive();
      peer.send(connection, ...messages);
      const { state } = peer.session;
      peer.clock.advance(8_999);
      expect(peer.session.state).toBe(state);
      peer.clock.advance(1);
      expect(lastNotification(connection)).toMatchObject({ code: 4 });
      expect(peer.session.state).toBe('Idle');
    }
  });

  it('is started again by every message, without a timer for each', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish({ holdTime: 9 });
    for (let round = 0; round < 10; round++) {
      peer.clock.advance(8_000);
      peer.send(connection, round % 2 ? keepaliveBytes() : updateBytes());
    }
    expect(peer.session.state).toBe('Established');
    const before = peer.clock.timersSet;
    for (let message = 0; message < 1000; message++) connection.receive(updateBytes());
    expect(peer.clock.timersSet).toBe(before);
    peer.clock.advance(8_999);
    expect(peer.session.state).toBe('Established');
    peer.clock.advance(1);
    expect(peer.session.lastDown?.reason).toContain(
      'hold timer expired: nothing heard for 9 s in Established',
    );
  });

  it('is not started again by a part of a message', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish({ holdTime: 9 });
    peer.clock.advance(5_000);
    peer.send(connection, updateBytes().slice(0, 20));
    peer.clock.advance(4_000);
    expect(peer.session.state).toBe('Idle');
  });

  it('is off with a hold time of 0, and so are keepalives', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish({ holdTime: 0 });
    const sent = typesOf(connection).length;
    peer.clock.advance(10_000_000);
    expect(peer.session.state).toBe('Established');
    expect(typesOf(connection)).toHaveLength(sent);
    expect(peer.session.negotiated).toMatchObject({ holdTime: 0, keepaliveTime: 0 });
  });

  it('gives what came in during a blocked event loop the chance to be read', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish({ holdTime: 9 });
    peer.clock.jump(20_000);
    expect(peer.session.state).toBe('Established');
    peer.send(connection, keepaliveBytes());
    peer.clock.advance(8_999);
    expect(peer.session.state).toBe('Established');
    peer.clock.jump(20_000);
    peer.clock.advance(1_000);
    expect(peer.session.state).toBe('Idle');
  });

  it('does not blame the peer while reading is paused', () => {
    const peer = new ScriptedPeer();
    peer.establish({ holdTime: 9 });
    peer.session.pauseReading();
    peer.clock.advance(100_000);
    expect(peer.session.state).toBe('Established');
    peer.session.resumeReading();
    peer.clock.advance(8_999);
    expect(peer.session.state).toBe('Established');
    peer.clock.advance(1);
    expect(peer.session.state).toBe('Idle');
  });
});

describe('keepalive timer', () => {
  it.each([
    ['a third of the hold time', 60, 9, 3],
    ['the configured time when that is less', 10, 90, 10],
    ['a third of the hold time when none is configured', 0, 90, 30],
  ])('fires after %s', (_name, keepaliveTime, holdTime, seconds) => {
    const peer = new ScriptedPeer({ keepaliveTime });
    const connection = peer.establish({ holdTime });
    expect(peer.session.negotiated?.keepaliveTime).toBe(seconds);
    const before = keepalivesOn(connection);
    peer.clock.advance(seconds * 1000 - 1);
    expect(keepalivesOn(connection)).toBe(before);
    peer.clock.advance(1);
    expect(keepalivesOn(connection)).toBe(before + 1);
  });

  it('is spread down to three quarters', () => {
    const peer = new ScriptedPeer();
    peer.randomValue = 0;
    const connection = peer.establish({ holdTime: 12 });
    const before = keepalivesOn(connection);
    peer.clock.advance(3_000);
    expect(keepalivesOn(connection)).toBe(before + 1);
  });

  it('starts again when an UPDATE is sent', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish({ holdTime: 9 });
    const before = keepalivesOn(connection);
    for (let round = 0; round < 4; round++) {
      peer.clock.advance(2_000);
      peer.session.send(updateBytes());
    }
    expect(keepalivesOn(connection)).toBe(before);
    peer.send(connection, keepaliveBytes());
    peer.clock.advance(3_000);
    expect(keepalivesOn(connection)).toBe(before + 1);
  });

  it('adds nothing to what a slow peer has not read yet, and gives up after 8 minutes (RFC 9687)', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish({ holdTime: 9 });
    connection.bufferedBytes = 50;
    const before = keepalivesOn(connection);
    const reading = (seconds: number): void => {
      for (let second = 0; second < seconds; second += 3) {
        peer.clock.advance(3_000);
        peer.send(connection, keepaliveBytes());
      }
    };
    reading(300);
    expect(keepalivesOn(connection)).toBe(before);
    // Some bytes leave: the patience begins anew.
    connection.bufferedBytes = 40;
    reading(480);
    expect(peer.session.state).toBe('Established');
    reading(3);
    expect(peer.session.state).toBe('Idle');
    expect(connection.wasDestroyed).toBe(true);
    expect(peer.session.lastDown?.reason).toBe('Send Hold Timer Expired: peer has read nothing for 480 s');
  });
});

describe('connect retry timer', () => {
  it('tries again after 1, 2, 4, ... seconds, at most the connect-retry time', () => {
    const peer = new ScriptedPeer({ connectRetryTime: 5 }, false);
    const attempts: number[] = [];
    const start = peer.clock.now();
    peer.events.stateChanged = (state) => {
      if (state === 'Connect') attempts.push(peer.clock.now() - start);
    };
    peer.session.start();
    peer.clock.advance(20_000);
    expect(attempts).toEqual([0, 1000, 3000, 7000, 12_000, 17_000]);
    expect(peer.session.state).toBe('Active');
    expect(peer.session.lastDown?.reason).toBe('connection refused by 192.0.2.2:179');
  });

  it('gives an attempt without any answer up and starts another', () => {
    const peer = new ScriptedPeer();
    let attempts = 0;
    let cancelled = 0;
    const silence: Transport = {
      connect: () => {
        attempts++;
        return { cancel: () => cancelled++ };
      },
      listen: () => Promise.reject(new Error('not here')),
    };
    const session = peer.sessionOn(silence, { connectRetryTime: 5 });
    session.start();
    peer.clock.advance(14_999);
    expect(attempts).toBe(3);
    expect(cancelled).toBe(2);
    expect(session.state).toBe('Connect');
  });

  it('tries again while the connection of a peer that says nothing is open', () => {
    const peer = new ScriptedPeer({ connectRetryTime: 5 });
    const own = peer.startActive();
    const silent = peer.connect();
    own.close(new Error('connection reset by 192.0.2.2:179'));
    peer.settle();
    expect(peer.session.state).toBe('OpenSent');
    expect(silent.isOpen).toBe(true);
    peer.clock.advance(1000);
    expect(peer.opened).toHaveLength(2);
    peer.send(peer.lastOpened(), openBytes(), keepaliveBytes());
    expect(peer.session.negotiated?.active).toBe(true);
  });

  it('does not open a second connection while the one of the peer makes its way', () => {
    const peer = new ScriptedPeer({ connectRetryTime: 5 }, false);
    peer.session.start();
    peer.settle();
    const connection = peer.connect();
    peer.send(connection, openBytes());
    peer.listen();
    peer.clock.advance(60_000);
    expect(peer.opened).toEqual([]);
    peer.send(connection, keepaliveBytes());
    expect(peer.session.state).toBe('Established');
  });
});

describe('the wait in Idle', () => {
  it('doubles with each failure in a row up to a minute', () => {
    const peer = new ScriptedPeer();
    const attempts: number[] = [];
    const start = peer.clock.now();
    peer.session.start();
    for (let attempt = 0; attempt < 9; attempt++) {
      peer.settle();
      attempts.push((peer.clock.now() - start) / 1000);
      peer.send(peer.lastOpened(), notificationBytes(2, 2));
      expect(peer.session.state).toBe('Idle');
      while (peer.session.state === 'Idle') peer.clock.step();
    }
    expect(attempts).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183]);
  });

  it('is short again after a session that stood for a minute', () => {
    const peer = new ScriptedPeer();
    for (let round = 0; round < 5; round++) {
      peer.session.start();
      peer.settle();
      const connection = peer.lastOpened();
      peer.send(connection, openBytes({ holdTime: 0 }), keepaliveBytes());
      peer.clock.advance(60_000);
      connection.close(undefined);
      peer.settle();
      expect(peer.session.state).toBe('Idle');
      peer.clock.advance(1_000);
      expect(peer.session.state).toBe('OpenSent');
    }
  });
});
