import { describe, expect, it } from 'vitest';
import { CeaseSubcode, MessageType } from '../../../../bgp/wire/constants.ts';
import { IPV4_UNICAST } from '../../../../bgp/wire/family.ts';
import {
  keepaliveBytes,
  LOCAL,
  lastNotification,
  messageBytes,
  notificationBytes,
  openBytes,
  REMOTE,
  ScriptedPeer,
  sentOpen,
  typesOf,
  updateBytes,
} from './speaker.ts';

/** Graceful restart of a router that only helps others. */
const HELPER = {
  restartTime: 0,
  families: [],
  restarting: () => false,
  preserved: () => false,
  stalePathTime: 360,
};

const { OPEN, UPDATE, KEEPALIVE, ROUTE_REFRESH } = MessageType;

describe('the way to Established', () => {
  it('leads an active session through Connect, OpenSent and OpenConfirm', () => {
    const peer = new ScriptedPeer();
    peer.session.start();
    expect(peer.session.state).toBe('Connect');
    peer.settle();
    expect(peer.session.state).toBe('OpenSent');
    const connection = peer.lastOpened();
    peer.send(connection, openBytes());
    expect(peer.session.state).toBe('OpenConfirm');
    peer.send(connection, keepaliveBytes());
    expect(peer.session.state).toBe('Established');
    expect(peer.events.states).toEqual(['Connect', 'OpenSent', 'OpenConfirm', 'Established']);
    expect(typesOf(connection)).toEqual([OPEN, KEEPALIVE]);
    expect(peer.events.established_).toMatchObject([
      {
        localAddress: LOCAL,
        remoteAddress: REMOTE,
        peerType: 'ebgp',
        localAs: 65001,
        remoteAs: 65002,
        remoteRouterId: 2,
        holdTime: 90,
        keepaliveTime: 30,
        active: true,
      },
    ]);
    expect(peer.session.negotiated).toBe(peer.events.established_[0]);
  });

  it('lets a passive session wait in Active and take the connection of the peer', () => {
    const peer = new ScriptedPeer({ passive: true });
    peer.session.start();
    peer.clock.advance(1_000_000);
    expect(peer.session.state).toBe('Active');
    expect(peer.opened).toEqual([]);
    const connection = peer.connect();
    expect(peer.session.state).toBe('OpenSent');
    peer.send(connection, openBytes(), keepaliveBytes());
    expect(peer.session.state).toBe('Established');
    expect(peer.session.negotiated?.active).toBe(false);
  });

  it('sends the OPEN of its settings', () => {
    const peer = new ScriptedPeer({ localAs: 4_200_000_001, holdTime: 9 });
    expect(sentOpen(peer.startActive())).toMatchObject({
      version: 4,
      myAs: 23456,
      asn: 4_200_000_001,
      holdTime: 9,
      routerId: 1,
      capabilities: [
        { kind: 'multiprotocol', family: 0x0101 },
        { kind: 'route-refresh' },
        { kind: 'enhanced-route-refresh' },
        { kind: 'four-octet-as', asn: 4_200_000_001 },
        { kind: 'extended-message' },
        { kind: 'add-path', families: [{ family: IPV4_UNICAST, mode: 'receive' }] },
      ],
    });
  });

  it('stops trying to connect once the connection of the peer is established', () => {
    const peer = new ScriptedPeer({ holdTime: 0 }, false);
    peer.session.start();
    peer.settle();
    expect(peer.session.state).toBe('Active');
    peer.send(peer.connect(), openBytes(), keepaliveBytes());
    peer.listen();
    peer.clock.advance(1_000_000);
    expect(peer.opened).toEqual([]);
    expect(peer.session.state).toBe('Established');
  });
});

describe('Established', () => {
  it('delivers UPDATEs, then the end of the read, and nothing for KEEPALIVEs', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish();
    const reads = peer.events.reads;
    peer.send(connection, Uint8Array.from([...updateBytes(), ...keepaliveBytes(), ...updateBytes()]));
    expect(peer.events.updates).toEqual([updateBytes(), updateBytes()]);
    expect(peer.events.reads).toBe(reads + 1);
    expect(peer.session.received.counts()).toEqual({
      open: 1,
      update: 2,
      notification: 0,
      keepalive: 2,
      routeRefresh: 0,
    });
    expect(peer.session.messagesIn).toBe(5);
  });

  it('delivers ROUTE-REFRESH of negotiated families and ignores others', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish();
    peer.send(
      connection,
      messageBytes(ROUTE_REFRESH, Uint8Array.of(0, 1, 0, 1)),
      messageBytes(ROUTE_REFRESH, Uint8Array.of(0, 1, 2, 1)),
      messageBytes(ROUTE_REFRESH, Uint8Array.of(0, 2, 0, 1)),
    );
    expect(peer.events.refreshes).toEqual([
      { family: 0x0101, subtype: 0 },
      { family: 0x0101, subtype: 2 },
    ]);
    expect(peer.session.state).toBe('Established');
  });

  it('sends whole messages, counts them, and says when the kernel is full and takes more again', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish();
    const two = Uint8Array.from([...updateBytes(), ...updateBytes()]);
    expect(peer.session.send(two)).toBe(true);
    expect(peer.session.sent.counts().update).toBe(2);
    connection.bufferedBytes = 100;
    expect(peer.session.send(updateBytes())).toBe(false);
    expect(peer.session.bufferedBytes).toBe(100);
    connection.releaseBuffer();
    expect(peer.events.writables).toBe(1);
    expect(typesOf(connection)).toEqual([OPEN, KEEPALIVE, UPDATE, UPDATE, UPDATE]);
  });

  it('pauses and resumes the reading', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish();
    peer.session.pauseReading();
    peer.send(connection, updateBytes());
    expect(peer.events.updates).toEqual([]);
    peer.session.resumeReading();
    peer.settle();
    expect(peer.events.updates).toHaveLength(1);
  });

  it('resets with the error that the speaker finds in an UPDATE, and reads no further', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish();
    peer.events.updateAnswer = { code: 3, subcode: 11, data: Uint8Array.of(1), message: 'bad path' };
    peer.send(connection, Uint8Array.from([...updateBytes(), ...updateBytes()]));
    expect(peer.events.updates).toHaveLength(1);
    expect(lastNotification(connection)).toEqual({ code: 3, subcode: 11, data: Uint8Array.of(1) });
    expect(peer.events.downs).toMatchObject([
      {
        reason: 'bad path (sent UPDATE Message Error/Malformed AS_PATH)',
        notification: { direction: 'sent', code: 3, subcode: 11 },
      },
    ]);
    expect(peer.session.lastDown).toEqual(peer.events.downs[0]);
    expect(peer.session.state).toBe('Idle');
    expect(peer.session.negotiated).toBeUndefined();
  });
});

describe('the end of a session', () => {
  it('says in words which NOTIFICATION the peer sent', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish();
    const text = new TextEncoder().encode('maintenance');
    peer.send(connection, notificationBytes(6, 2, Uint8Array.of(text.length, ...text)));
    expect(peer.session.lastDown).toMatchObject({
      reason: 'peer sent Cease/Administrative Shutdown: maintenance',
      notification: { direction: 'received', code: 6, subcode: 2 },
    });
    expect(lastNotification(connection)).toBeUndefined();
    expect(connection.wasEnded).toBe(true);
    expect(peer.events.downs).toHaveLength(1);
  });

  it('takes the words of a TCP error, and says where the peer closed', () => {
    const peer = new ScriptedPeer();
    peer.establish().close(new Error('connection reset by 192.0.2.2:179'));
    peer.settle();
    expect(peer.session.lastDown?.reason).toBe('connection reset by 192.0.2.2:179');
    peer.clock.advance(1000);
    peer.lastOpened().receiveEnd();
    peer.settle();
    expect(peer.session.lastDown?.reason).toBe('peer closed the TCP connection in OpenSent');
    expect(peer.events.downs).toHaveLength(1);
  });

  it('remembers what the NOTIFICATION said while the peer cannot be reached since', () => {
    const peer = new ScriptedPeer();
    peer.send(peer.establish(), notificationBytes(6, 2));
    peer.clock.advance(1000);
    peer.lastOpened().close(new Error('connection reset by 192.0.2.2:179'));
    peer.settle();
    expect(peer.session.state).toBe('Active');
    expect(peer.session.lastDown).toMatchObject({
      reason: 'peer sent Cease/Administrative Shutdown; since then: connection reset by 192.0.2.2:179',
      notification: { direction: 'received', code: 6, subcode: 2 },
    });
    peer.clock.advance(2000);
    peer.send(peer.lastOpened(), openBytes(), keepaliveBytes());
    peer.lastOpened().close(new Error('connection reset by 192.0.2.2:179'));
    peer.settle();
    expect(peer.session.state).toBe('Idle');
    expect(peer.session.lastDown?.reason).toBe('connection reset by 192.0.2.2:179');
  });

  it('stops with a Cease and its text, and stays Idle', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish();
    peer.session.stop(CeaseSubcode.ADMINISTRATIVE_SHUTDOWN, 'node drains');
    expect(lastNotification(connection)).toMatchObject({ code: 6, subcode: 2 });
    expect(peer.session.lastDown).toMatchObject({
      reason: 'sent Cease/Administrative Shutdown: node drains',
    });
    expect(peer.events.downs).toHaveLength(1);
    peer.clock.advance(1_000_000);
    expect(peer.session.state).toBe('Idle');
    expect(peer.opened).toHaveLength(1);
    expect(peer.clock.pending).toBe(0);
    peer.session.start();
    peer.settle();
    expect(peer.session.state).toBe('OpenSent');
  });

  it('stops while it connects', () => {
    const peer = new ScriptedPeer();
    peer.session.start();
    peer.session.stop(CeaseSubcode.PEER_DECONFIGURED, 'removed from the configuration');
    peer.clock.advance(1_000_000);
    expect(peer.session.state).toBe('Idle');
    expect(peer.session.lastDown?.reason).toBe('stopped: removed from the configuration');
    expect(peer.events.established_).toEqual([]);
  });

  it('names the reason where the NOTIFICATION has no place for a text', () => {
    const peer = new ScriptedPeer();
    peer.establish();
    peer.session.stop(CeaseSubcode.PEER_DECONFIGURED, 'removed from the configuration');
    expect(peer.session.lastDown?.reason).toBe(
      'removed from the configuration (sent Cease/Peer De-configured)',
    );
  });

  it('comes back after a reset', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish();
    peer.session.reset(CeaseSubcode.ADMINISTRATIVE_RESET, 'asked for');
    expect(lastNotification(connection)).toMatchObject({ code: 6, subcode: 4 });
    expect(peer.session.state).toBe('Idle');
    peer.clock.advance(1000);
    peer.send(peer.lastOpened(), openBytes(), keepaliveBytes());
    expect(peer.session.state).toBe('Established');
    expect(peer.opened).toHaveLength(2);
  });

  it('wraps its Cease into a Hard Reset when both ends know RFC 8538', () => {
    const peer = new ScriptedPeer({ gracefulRestart: HELPER });
    const connection = peer.establish({
      capabilities: [
        { kind: 'graceful-restart', restartTime: 120, restarting: false, notification: true, families: [] },
        { kind: 'four-octet-as', asn: 65002 },
      ],
    });
    peer.session.reset(CeaseSubcode.ADMINISTRATIVE_RESET, '');
    expect(lastNotification(connection)).toEqual({ code: 6, subcode: 9, data: Uint8Array.of(6, 4) });
  });

  it('gives way to a new connection of a peer that says it has restarted (RFC 4724 §5)', () => {
    const families = [{ family: IPV4_UNICAST, forwarding: true }];
    const capabilities = (restarting: boolean) => [
      { kind: 'graceful-restart' as const, restartTime: 120, restarting, notification: true, families },
      { kind: 'four-octet-as' as const, asn: 65002 },
    ];
    const peer = new ScriptedPeer({ gracefulRestart: HELPER });
    const old = peer.establish({ capabilities: capabilities(false) });
    // Both sides may have connected at once: that is a collision.
    peer.send(peer.connect(), openBytes({ capabilities: capabilities(true) }));
    peer.clock.advance(10_000);
    expect(old.wasEnded).toBe(false);
    const messages = old.written.length;
    const next = peer.connect();
    peer.send(next, openBytes({ capabilities: capabilities(true) }), keepaliveBytes());
    expect(old.wasDestroyed).toBe(true);
    expect(old.written.slice(messages).every((bytes) => bytes[18] !== 3)).toBe(true);
    expect(peer.events.downs.at(-1)).toMatchObject({ reason: expect.stringContaining('has restarted') });
    expect(peer.events.downs.at(-1)?.notification).toBeUndefined();
    expect(peer.session.state).toBe('Established');
    expect(peer.events.established_).toHaveLength(2);
  });

  it('drops the connection when the peer does not close it', () => {
    const peer = new ScriptedPeer();
    const connection = peer.establish();
    connection.peer = undefined;
    peer.session.stop(CeaseSubcode.ADMINISTRATIVE_SHUTDOWN, '');
    peer.clock.advance(1999);
    expect(connection.wasDestroyed).toBe(false);
    peer.clock.advance(1);
    expect(connection.wasDestroyed).toBe(true);
  });

  it('may be stopped from within its own events', () => {
    const peer = new ScriptedPeer();
    peer.events.update = () => {
      peer.session.stop(CeaseSubcode.MAXIMUM_NUMBER_OF_PREFIXES_REACHED, 'too many');
      return undefined;
    };
    const connection = peer.establish();
    const reads = peer.events.reads;
    peer.send(connection, Uint8Array.from([...updateBytes(), ...updateBytes()]));
    expect(peer.session.state).toBe('Idle');
    expect(peer.events.downs).toHaveLength(1);
    expect(peer.events.reads).toBe(reads);
    expect(lastNotification(connection)).toMatchObject({ code: 6, subcode: 1 });
  });
});

describe('a peer without capabilities', () => {
  it('is spoken to without any when it refuses the parameter, once', () => {
    const peer = new ScriptedPeer();
    peer.send(peer.startActive(), notificationBytes(2, 4));
    peer.clock.advance(1000);
    const second = peer.lastOpened();
    expect(sentOpen(second).capabilities).toEqual([]);
    peer.send(second, openBytes({ capabilities: [] }), keepaliveBytes());
    expect(peer.session.negotiated).toMatchObject({
      families: [0x0101],
      fourOctetAs: false,
      routeRefresh: false,
      maxMessageSize: 4096,
    });
    second.close(undefined);
    peer.clock.advance(4000);
    expect(sentOpen(peer.lastOpened()).capabilities).not.toEqual([]);
  });

  it('gets IPv4 unicast alone when its OPEN has none', () => {
    const peer = new ScriptedPeer({ families: [0x0101, 0x1946] });
    peer.establish({ capabilities: [] });
    expect(peer.session.negotiated?.families).toEqual([0x0101]);
  });
});
