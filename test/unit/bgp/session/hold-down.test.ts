import { describe, expect, it } from 'vitest';
import {
  keepaliveBytes,
  lastNotification,
  openBytes,
  ScriptedPeer,
  sentOpen,
  updateBytes,
} from './speaker.ts';

/** What a peer gets that has announced too much. */
const TOO_MANY = { code: 6, subcode: 1, data: Uint8Array.of(0, 1, 1, 0, 0, 0, 9), message: 'too many' };

/** A session that the peer has just lost for so many milliseconds. */
function heldDown(heldFor: number): ScriptedPeer {
  const peer = new ScriptedPeer({ connectRetryTime: 1 });
  const connection = peer.establish();
  peer.events.updateAnswer = { ...TOO_MANY, heldFor };
  peer.send(connection, updateBytes());
  expect(lastNotification(connection)).toEqual({ code: 6, subcode: 1, data: TOO_MANY.data });
  peer.events.updateAnswer = undefined;
  return peer;
}

describe('a session that is held down', () => {
  it('stays in Idle and refuses connections until the time is over', () => {
    const peer = heldDown(60_000);
    expect(peer.events.downs).toMatchObject([{ notification: { code: 6, subcode: 1 }, heldFor: 60_000 }]);
    expect(peer.session.heldUntil).toBe(peer.clock.wallTime() + 60_000);
    const opened = peer.opened.length;
    peer.clock.advance(59_000);
    expect(peer.session.state).toBe('Idle');
    expect(lastNotification(peer.connect())).toMatchObject({ code: 6, subcode: 5 });
    expect(peer.opened.length).toBe(opened);
    peer.clock.advance(1000);
    expect(peer.session.heldUntil).toBeUndefined();
    peer.send(peer.lastOpened(), openBytes(), keepaliveBytes());
    expect(peer.session.state).toBe('Established');
  });

  it('stays so without end until it is cleared', () => {
    const peer = heldDown(Number.POSITIVE_INFINITY);
    peer.clock.advance(1e9);
    expect([peer.session.state, peer.session.heldUntil]).toEqual(['Idle', Number.POSITIVE_INFINITY]);
    // BFD, say, has nothing to say about this.
    peer.session.reset(10, 'BFD down');
    expect(peer.session.state).toBe('Idle');
    peer.session.clear(4, 'cleared');
    peer.settle();
    peer.send(peer.lastOpened(), openBytes(), keepaliveBytes());
    expect([peer.session.state, peer.session.heldUntil]).toEqual(['Established', undefined]);
  });

  it('forgets about it when it is stopped', () => {
    const peer = heldDown(60_000);
    peer.session.stop(2, 'over');
    peer.clock.advance(100_000);
    expect([peer.session.state, peer.session.heldUntil, peer.clock.pending]).toEqual(['Idle', undefined, 0]);
  });

  it('gives up a connection that the peer has opened meanwhile', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish();
    const other = peer.connect();
    expect(sentOpen(other)).toBeDefined();
    peer.events.updateAnswer = { ...TOO_MANY, heldFor: 5000 };
    peer.send(connection, updateBytes());
    expect(lastNotification(other)).toMatchObject({ code: 6, subcode: 5 });
    expect(peer.session.state).toBe('Idle');
    peer.clock.advance(4999);
    expect(peer.session.state).toBe('Idle');
  });

  it('says so by a Hard Reset to a peer that would keep its routes (RFC 8538)', () => {
    const gracefulRestart = {
      restartTime: 120,
      families: [],
      restarting: () => false,
      preserved: () => false,
      stalePathTime: 360,
    };
    const peer = new ScriptedPeer({ gracefulRestart });
    const capabilities = [
      { kind: 'multiprotocol' as const, family: 0x0101 },
      {
        kind: 'graceful-restart' as const,
        restartTime: 120,
        restarting: false,
        notification: true,
        families: [],
      },
    ];
    const connection = peer.establish({ capabilities, asn: 65002 });
    peer.events.updateAnswer = { ...TOO_MANY, heldFor: 5000 };
    peer.send(connection, updateBytes());
    const data = Uint8Array.of(6, 1, ...TOO_MANY.data);
    expect(lastNotification(connection)).toEqual({ code: 6, subcode: 9, data });
  });
});
