import { describe, expect, it } from 'vitest';
import { CeaseSubcode, MessageType } from '../../../../bgp/wire/constants.ts';
import { IPV6_UNICAST, L2VPN_EVPN } from '../../../../bgp/wire/family.ts';
import type { Notification } from '../../../../bgp/wire/notification.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import {
  keepaliveBytes,
  lastNotification,
  messageBytes,
  notificationBytes,
  openBytes,
  ScriptedPeer,
  updateBytes,
} from './speaker.ts';

const { OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE_REFRESH } = MessageType;

/** An OPEN with a version and optional parameters of its own. */
function rawOpen(version: number, parameters: readonly number[] = []): Uint8Array {
  const body = new ByteWriter().u8(version).u16(65002).u16(90).u32(2).u8(parameters.length);
  return messageBytes(OPEN, body.raw(Uint8Array.from(parameters)).take());
}

function notification(code: number, subcode: number, ...data: number[]): Notification {
  return { code, subcode, data: Uint8Array.from(data) };
}

describe('OPEN errors (RFC 4271 §6.2)', () => {
  const fourOctet = (asn: number) => ({ capabilities: [{ kind: 'four-octet-as', asn } as const], asn });
  it.each([
    ['another version', rawOpen(5), notification(2, 1, 0, 4)],
    ['another AS', openBytes(fourOctet(65009)), notification(2, 2)],
    ['AS 0', openBytes(fourOctet(0)), notification(2, 2)],
    ['identifier 0.0.0.0', openBytes({ routerId: 0 }), notification(2, 3)],
    ['an unknown optional parameter', rawOpen(4, [77, 1, 0]), notification(2, 4)],
    ['a hold time of 1 s', openBytes({ holdTime: 1 }), notification(2, 6)],
    ['a hold time of 2 s', openBytes({ holdTime: 2 }), notification(2, 6)],
    ['a cut-off parameter', rawOpen(4, [2, 9, 1]), notification(2, 0)],
    [
      'no family in common',
      openBytes({ capabilities: [{ kind: 'multiprotocol', family: IPV6_UNICAST }] }),
      notification(2, 7, 1, 4, 0, 1, 0, 1),
    ],
  ])('refuses %s', (_name, open, expected) => {
    const peer = new ScriptedPeer();
    const connection = peer.startActive();
    peer.send(connection, open);
    expect(lastNotification(connection)).toEqual(expected);
    expect(connection.wasEnded).toBe(true);
    expect(peer.session.state).toBe('Idle');
    expect(peer.session.lastDown?.notification).toEqual({
      direction: 'sent',
      code: expected.code,
      subcode: expected.subcode,
    });
    expect(peer.events.downs).toEqual([]);
  });

  it('refuses an iBGP peer with our own identifier, but not an eBGP one (RFC 6286)', () => {
    const internal = new ScriptedPeer({ remoteAs: 'internal' });
    const connection = internal.startActive();
    internal.send(connection, openBytes({ routerId: 1, myAs: 65001, asn: 65001, capabilities: [] }));
    expect(lastNotification(connection)).toEqual(notification(2, 3));
    const external = new ScriptedPeer();
    external.establish({ routerId: 1 });
    expect(external.session.state).toBe('Established');
  });

  it.each([
    ['internal', 65001, 'Established'],
    ['internal', 65002, 'Idle'],
    ['external', 65002, 'Established'],
    ['external', 65001, 'Idle'],
  ] as const)('with remote AS "%s" and a peer of AS %i ends in %s', (remoteAs, asn, state) => {
    const peer = new ScriptedPeer({ remoteAs });
    peer.establish({ myAs: asn, asn, capabilities: [] });
    expect(peer.session.state).toBe(state);
  });

  it('says what was expected', () => {
    const peer = new ScriptedPeer();
    peer.send(peer.startActive(), openBytes({ asn: 65009, myAs: 65009, capabilities: [] }));
    expect(peer.session.lastDown?.reason).toBe(
      'peer has AS 65009, expected 65002 (sent OPEN Message Error/Bad Peer AS)',
    );
    const families = new ScriptedPeer({ families: [L2VPN_EVPN] });
    families.send(families.startActive(), openBytes());
    expect(families.session.lastDown?.reason).toContain(
      'no family in common: this router offers l2vpn-evpn, the peer ipv4-unicast',
    );
  });
});

describe('header errors (RFC 4271 §6.1)', () => {
  it.each([
    ['a bad marker', messageBytes(KEEPALIVE).with(0, 0), notification(1, 1)],
    [
      'a message above 4096 octets',
      messageBytes(UPDATE, new Uint8Array(4078)),
      notification(1, 2, 0x10, 0x01),
    ],
    ['a short OPEN', messageBytes(OPEN, new Uint8Array(9)), notification(1, 2, 0, 28)],
    ['a short UPDATE', messageBytes(UPDATE, new Uint8Array(3)), notification(1, 2, 0, 22)],
    ['a short NOTIFICATION', messageBytes(NOTIFICATION, new Uint8Array(1)), notification(1, 2, 0, 20)],
    ['a long KEEPALIVE', messageBytes(KEEPALIVE, new Uint8Array(1)), notification(1, 2, 0, 20)],
    ['type 0', messageBytes(0), notification(1, 3, 0)],
    ['type 6', messageBytes(6), notification(1, 3, 6)],
  ])('answers %s in OpenSent and in Established', (_name, bad, expected) => {
    const fresh = new ScriptedPeer();
    const connection = fresh.startActive();
    fresh.send(connection, bad);
    expect(lastNotification(connection)).toEqual(expected);
    const peer = new ScriptedPeer();
    const established = peer.establish();
    peer.send(established, bad);
    expect(lastNotification(established)).toEqual(expected);
    expect(peer.events.downs).toHaveLength(1);
  });

  it('takes messages above 4096 octets once both ends offered it (RFC 8654)', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish({
      capabilities: [{ kind: 'extended-message' }, { kind: 'four-octet-as', asn: 65002 }],
    });
    expect(peer.session.negotiated?.maxMessageSize).toBe(65535);
    peer.send(connection, messageBytes(UPDATE, new Uint8Array(65516)));
    expect(peer.events.updates.map((update) => update.length)).toEqual([65535]);
  });
});

describe('messages that a state does not expect (RFC 6608)', () => {
  const refresh = messageBytes(ROUTE_REFRESH, Uint8Array.of(0, 1, 0, 1));
  it.each([
    ['KEEPALIVE', keepaliveBytes(), KEEPALIVE],
    ['UPDATE', updateBytes(), UPDATE],
    ['ROUTE-REFRESH', refresh, ROUTE_REFRESH],
  ])('%s in OpenSent', (_name, message, type) => {
    const peer = new ScriptedPeer();
    const connection = peer.startActive();
    peer.send(connection, message);
    expect(lastNotification(connection)).toEqual(notification(5, 1, type));
  });

  it.each([
    ['OPEN', openBytes(), OPEN],
    ['UPDATE', updateBytes(), UPDATE],
    ['ROUTE-REFRESH', refresh, ROUTE_REFRESH],
  ])('%s in OpenConfirm', (_name, message, type) => {
    const peer = new ScriptedPeer();
    const connection = peer.startActive();
    peer.send(connection, openBytes(), message);
    expect(lastNotification(connection)).toEqual(notification(5, 2, type));
  });

  it('OPEN in Established', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish();
    peer.send(connection, openBytes());
    expect(lastNotification(connection)).toEqual(notification(5, 3, OPEN));
    expect(peer.session.lastDown?.reason).toContain('message of type 1 came in Established');
  });

  it.each(['OpenSent', 'OpenConfirm'] as const)(
    'NOTIFICATION in %s ends the connection in silence',
    (state) => {
      const peer = new ScriptedPeer();
      const connection = peer.startActive();
      if (state === 'OpenConfirm') peer.send(connection, openBytes());
      expect(peer.session.state).toBe(state);
      peer.send(connection, notificationBytes(6, 5));
      expect(lastNotification(connection)).toBeUndefined();
      expect(peer.session.state).toBe('Idle');
      expect(peer.session.lastDown?.reason).toBe('peer sent Cease/Connection Rejected');
    },
  );
});

describe('ROUTE-REFRESH errors (RFC 7313 §5)', () => {
  it('answers a marker of wrong length with the whole message', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish();
    const bad = messageBytes(ROUTE_REFRESH, Uint8Array.of(0, 1, 1, 1, 9));
    peer.send(connection, bad);
    expect(lastNotification(connection)).toEqual({ code: 7, subcode: 1, data: bad });
  });
});

describe('connections that are refused', () => {
  it('are so in Idle, with Cease/Connection Rejected', () => {
    const peer = new ScriptedPeer();
    const connection = peer.connect();
    expect(lastNotification(connection)).toEqual(notification(6, CeaseSubcode.CONNECTION_REJECTED));
    expect(peer.session.state).toBe('Idle');
  });

  it('are so while a peer that fails again and again is held down', () => {
    const peer = new ScriptedPeer({ passive: true });
    peer.session.start();
    for (let attempt = 0; attempt < 4; attempt++) {
      const connection = peer.connect();
      peer.send(connection, openBytes({ holdTime: 1 }));
      expect(lastNotification(connection)).toMatchObject({ code: 2, subcode: 6 });
    }
    expect(lastNotification(peer.connect())).toEqual(notification(6, CeaseSubcode.CONNECTION_REJECTED));
    peer.clock.advance(8000);
    peer.send(peer.connect(), openBytes(), keepaliveBytes());
    expect(peer.session.state).toBe('Established');
  });
});
