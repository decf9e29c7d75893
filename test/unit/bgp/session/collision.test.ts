import { describe, expect, it } from 'vitest';
import {
  type Collision,
  preferredInitiator,
  resolveCollision,
  settleUndecided,
} from '../../../../bgp/session/collision.ts';
import type { FakeConnection } from './fake-network.ts';
import { keepaliveBytes, lastNotification, notificationBytes, openBytes, ScriptedPeer } from './speaker.ts';

const COLLISION = { code: 6, subcode: 7, data: new Uint8Array(0) };
const low = { routerId: 1, as: 65001 };
const high = { routerId: 0xfffffffe, as: 65002 };

describe('the verdict', () => {
  it('prefers the connection of the higher identifier, as an unsigned number, then of the higher AS', () => {
    expect(preferredInitiator(high, low)).toBe('local');
    expect(preferredInitiator(low, high)).toBe('peer');
    expect(preferredInitiator({ routerId: 5, as: 2 }, { routerId: 5, as: 1 })).toBe('local');
    expect(preferredInitiator({ routerId: 5, as: 1 }, { routerId: 5, as: 4_200_000_000 })).toBe('peer');
  });

  const collision = (
    initiator: Collision['initiator'],
    state: Collision['existing']['state'],
    winner: 'local' | 'peer',
  ): Collision => ({
    initiator,
    existing: { initiator: initiator === 'local' ? 'peer' : 'local', state },
    local: winner === 'local' ? high : low,
    remote: winner === 'local' ? low : high,
  });

  it.each([
    ['local', 'OpenSent', 'local', 'both stay', 'both stay'],
    ['peer', 'OpenSent', 'peer', 'both stay', 'both stay'],
    ['local', 'OpenConfirm', 'local', 'close existing', 'close existing'],
    ['local', 'OpenConfirm', 'peer', 'close new', 'close new'],
    ['peer', 'OpenConfirm', 'local', 'close new', 'close new'],
    ['peer', 'OpenConfirm', 'peer', 'peer decides', 'close existing'],
    ['local', 'Established', 'local', 'close new', 'close new'],
    ['local', 'Established', 'peer', 'close new', 'close new'],
    ['peer', 'Established', 'local', 'peer decides', 'close new'],
    ['peer', 'Established', 'peer', 'peer decides', 'close new'],
  ] as const)(
    'new one of %s, other one in %s, %s wins: %s, then %s',
    (initiator, state, winner, now, later) => {
      expect(resolveCollision(collision(initiator, state, winner))).toBe(now);
      expect(settleUndecided(collision(initiator, state, winner))).toBe(later);
    },
  );
});

/** Both connections are open and both OPENs of the session are out. */
function colliding(routerId: number): { peer: ScriptedPeer; own: FakeConnection; accepted: FakeConnection } {
  const peer = new ScriptedPeer({ routerId });
  const own = peer.startActive();
  const accepted = peer.connect();
  return { peer, own, accepted };
}

describe('two connections at a time', () => {
  const LOWER = 1;
  const HIGHER = 9;

  it('higher identifier here, OPEN on the accepted one first: the accepted one loses', () => {
    const { peer, own, accepted } = colliding(HIGHER);
    peer.send(accepted, openBytes());
    expect(peer.session.state).toBe('OpenConfirm');
    peer.send(own, openBytes());
    expect(lastNotification(accepted)).toEqual(COLLISION);
    peer.send(own, keepaliveBytes());
    expect(peer.session.negotiated?.active).toBe(true);
  });

  it('higher identifier here, OPEN on our own first: the accepted one loses', () => {
    const { peer, own, accepted } = colliding(HIGHER);
    peer.send(own, openBytes());
    peer.send(accepted, openBytes());
    expect(lastNotification(accepted)).toEqual(COLLISION);
    peer.send(own, keepaliveBytes());
    expect(peer.session.negotiated?.active).toBe(true);
  });

  it('lower identifier here, OPEN on the accepted one first: our own loses', () => {
    const { peer, own, accepted } = colliding(LOWER);
    peer.send(accepted, openBytes());
    peer.send(own, openBytes());
    expect(lastNotification(own)).toEqual(COLLISION);
    peer.send(accepted, keepaliveBytes());
    expect(peer.session.negotiated?.active).toBe(false);
  });

  it('lower identifier here, OPEN on our own first: the peer closes ours (lab recording a)', () => {
    const { peer, own, accepted } = colliding(LOWER);
    peer.send(own, openBytes());
    peer.send(accepted, openBytes(), keepaliveBytes());
    expect(peer.session.state).toBe('OpenConfirm');
    peer.send(own, notificationBytes(6, 7));
    expect(peer.session.negotiated?.active).toBe(false);
    expect(peer.session.lastDown).toBeUndefined();
    expect(peer.events.downs).toEqual([]);
  });

  it('lower identifier here, the peer has established ours already and closes its own', () => {
    const { peer, own, accepted } = colliding(LOWER);
    peer.send(own, openBytes());
    peer.send(accepted, openBytes());
    peer.send(own, keepaliveBytes());
    peer.send(accepted, notificationBytes(6, 7));
    expect(peer.session.negotiated?.active).toBe(true);
    expect(peer.events.established_).toHaveLength(1);
    expect(peer.events.downs).toEqual([]);
  });

  it('lower identifier here, the peer does not decide: our own loses after a while', () => {
    const { peer, own, accepted } = colliding(LOWER);
    peer.send(own, openBytes());
    peer.send(accepted, openBytes());
    peer.clock.advance(1999);
    expect(lastNotification(own)).toBeUndefined();
    peer.clock.advance(1);
    expect(lastNotification(own)).toEqual(COLLISION);
    peer.send(accepted, keepaliveBytes());
    expect(peer.session.negotiated?.active).toBe(false);
  });

  it('equal identifiers: the higher AS wins (RFC 6286 §2.3)', () => {
    const { peer, own, accepted } = colliding(2);
    peer.send(accepted, openBytes());
    peer.send(own, openBytes());
    expect(lastNotification(own)).toEqual(COLLISION);
    expect(accepted.wasEnded).toBe(false);
  });

  it('an established session stays, and the newcomer loses once the peer had its say', () => {
    const peer = new ScriptedPeer({ holdTime: 0 });
    const own = peer.establish();
    const written = own.written.length;
    const late = peer.connect();
    peer.send(late, openBytes());
    // A KEEPALIVE asks whether the peer still knows the old connection.
    expect(own.written).toHaveLength(written + 1);
    expect(peer.session.state).toBe('Established');
    peer.clock.advance(2000);
    expect(lastNotification(late)).toEqual(COLLISION);
    expect(peer.session.state).toBe('Established');
    expect(peer.session.lastDown).toBeUndefined();
  });

  it('a peer that has forgotten the established connection comes back over the newcomer at once', () => {
    const peer = new ScriptedPeer();
    const own = peer.establish();
    const fresh = peer.connect();
    peer.send(fresh, openBytes());
    own.close(new Error('connection reset by 192.0.2.2:179'));
    peer.settle();
    expect(peer.session.state).toBe('OpenConfirm');
    expect(peer.events.downs).toMatchObject([{ reason: 'connection reset by 192.0.2.2:179' }]);
    peer.send(fresh, keepaliveBytes());
    expect(peer.session.negotiated?.active).toBe(false);
    expect(peer.events.established_).toHaveLength(2);
  });

  it('our own connection that comes too late loses to an established one', () => {
    const peer = new ScriptedPeer({ routerId: HIGHER });
    const own = peer.startActive();
    const accepted = peer.connect();
    peer.send(accepted, openBytes(), keepaliveBytes());
    expect(lastNotification(own)).toEqual(COLLISION);
    expect(peer.session.negotiated?.active).toBe(false);
    expect(peer.events.downs).toEqual([]);
  });

  it('a newer connection of the peer replaces one that it has not brought to Established', () => {
    const peer = new ScriptedPeer({ passive: true });
    peer.session.start();
    const first = peer.connect();
    const second = peer.connect();
    expect(lastNotification(first)).toEqual(COLLISION);
    peer.send(second, openBytes(), keepaliveBytes());
    expect(peer.session.state).toBe('Established');
    const third = peer.connect();
    const fourth = peer.connect();
    expect(lastNotification(third)).toEqual(COLLISION);
    expect(fourth.isOpen).toBe(true);
  });

  it('stop and reset close both, without a way back for the one that waited', () => {
    for (const action of ['stop', 'reset'] as const) {
      const peer = new ScriptedPeer();
      const own = peer.establish();
      const waiting = peer.connect();
      peer.send(waiting, openBytes(), keepaliveBytes());
      peer.session[action](2, '');
      expect(lastNotification(own)).toMatchObject({ code: 6, subcode: 2 });
      expect(lastNotification(waiting)).toMatchObject({ code: 6, subcode: 2 });
      expect(peer.events.established_).toHaveLength(1);
      expect(peer.events.downs).toHaveLength(1);
      expect(peer.session.state).toBe('Idle');
    }
  });

  it('an error on one connection leaves the other alone', () => {
    const { peer, own, accepted } = colliding(HIGHER);
    peer.send(accepted, openBytes({ holdTime: 1 }));
    expect(lastNotification(accepted)).toMatchObject({ code: 2, subcode: 6 });
    peer.send(own, openBytes(), keepaliveBytes());
    expect(peer.session.state).toBe('Established');
  });
});
