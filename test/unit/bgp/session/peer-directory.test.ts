import { describe, expect, it } from 'vitest';
import { PeerDirectory, type RefusedConnection } from '../../../../bgp/session/peer-directory.ts';
import type { PeerSettings } from '../../../../bgp/session/session-events.ts';
import type { Connection, Listener, SocketOptions, Transport } from '../../../../bgp/session/transport.ts';
import { addressEquals, formatAddress, type IpAddress } from '../../../../net/address.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeConnection } from './fake-network.ts';
import { address, LOCAL, lastNotification, peerSettings, REMOTE } from './speaker.ts';

const OTHER = address('192.0.2.9');
const ANY = { address: address('0.0.0.0'), port: 179 };

interface FakeListener {
  readonly target: Parameters<Transport['listen']>[0];
  readonly accepted: (connection: Connection) => void;
  readonly peers: (SocketOptions | undefined)[];
  closed: boolean;
}

/** A directory on a transport that only notes who listens. */
class Bench {
  readonly clock = new FakeClock();
  readonly listeners: FakeListener[] = [];
  readonly refused: RefusedConnection[] = [];
  readonly directory: PeerDirectory;
  failure: Error | undefined;
  /** Listeners take no keys. */
  refusesKeys = false;

  constructor() {
    const transport: Transport = {
      connect: () => {
        throw new Error('a directory does not connect');
      },
      listen: async (target, accepted): Promise<Listener> => {
        if (this.failure) throw this.failure;
        const listener: FakeListener = { target, accepted, peers: [], closed: false };
        this.listeners.push(listener);
        return {
          local: target.local,
          setPeer: (_peer, options) => {
            if (this.refusesKeys) throw new Error('no such key here');
            listener.peers.push(options);
          },
          setRange: () => {
            if (this.refusesKeys) throw new Error('no such key here');
          },
          close: () => {
            listener.closed = true;
          },
        };
      },
    };
    this.directory = new PeerDirectory(transport, this.clock, (connection) => this.refused.push(connection));
  }

  session(changes: Partial<PeerSettings> = {}) {
    const connections: Connection[] = [];
    return {
      settings: peerSettings(changes),
      connections,
      acceptConnection: (connection: Connection) => connections.push(connection),
    };
  }

  /** A connection from a remote address to a listener, in the order they were opened. */
  arrive(listener: number, remote = REMOTE, local = LOCAL, zone?: string): FakeConnection {
    const found = this.listeners[listener];
    if (!found) throw new Error(`there is no listener ${listener}`);
    const ends = [
      { address: local, port: 179 },
      { address: remote, port: 51_000, ...(zone !== undefined && { zone }) },
    ] as const;
    const connection = new FakeConnection(this.clock, () => 0, ...ends, found.target.options.device);
    found.accepted(connection);
    this.clock.advance(0);
    return connection;
  }
}

describe('PeerDirectory', () => {
  it('listens once for all sessions of a place and finds the session by the remote address', async () => {
    const bench = new Bench();
    const [first, second] = [bench.session(), bench.session({ remoteAddress: OTHER })];
    await Promise.all([bench.directory.add(first, ANY), bench.directory.add(second, ANY)]);
    expect(bench.listeners).toHaveLength(1);
    const connections = [bench.arrive(0), bench.arrive(0, OTHER)];
    expect(first.connections).toEqual([connections[0]]);
    expect(second.connections).toEqual([connections[1]]);
  });

  it('asks about strangers of a range, and has sessions made for those that are welcome', async () => {
    const bench = new Bench();
    const asked: string[] = [];
    const made = bench.session();
    const range = {
      range: { address: address('192.0.2.0'), length: 24 },
      socket: {},
      welcome: (remote: IpAddress) => {
        asked.push(formatAddress(remote));
        if (!addressEquals(remote, REMOTE)) return false;
        void bench.directory.add(made, ANY);
        return true;
      },
    };
    await bench.directory.addRange(range, ANY);
    const connection = bench.arrive(0);
    bench.arrive(0, OTHER);
    bench.arrive(0, address('198.51.100.1'));
    expect(made.connections).toEqual([connection]);
    expect(asked).toEqual(['192.0.2.2', '192.0.2.9']);
    expect(bench.directory.refusals).toBe(2);
    bench.arrive(0);
    expect(asked).toHaveLength(2);
    bench.directory.remove(made);
    await Promise.resolve();
    expect(bench.listeners[0]?.closed).toBe(false);
    bench.directory.removeRange(range);
    await Promise.resolve();
    expect(bench.listeners[0]?.closed).toBe(true);
  });

  it('lets nobody in whose password could not be set', async () => {
    const bench = new Bench();
    bench.refusesKeys = true;
    const session = bench.session({ socket: { password: 'secret' } });
    const range = {
      range: { address: address('192.0.2.0'), length: 24 },
      socket: { password: 'secret' },
      welcome: () => true,
    };
    await expect(bench.directory.add(session, ANY)).rejects.toThrow('no such key');
    await expect(bench.directory.addRange(range, ANY)).rejects.toThrow('no such key');
    bench.arrive(0);
    bench.arrive(0, OTHER);
    expect(session.connections).toEqual([]);
    expect(bench.directory.refusals).toBe(2);
    // Once it can be set, the session takes connections.
    bench.refusesKeys = false;
    await bench.directory.add(session, ANY);
    expect(session.connections).toEqual([]);
    const connection = bench.arrive(0);
    expect(session.connections).toEqual([connection]);
  });

  it('keeps namespaces, devices, addresses and ports apart', async () => {
    const bench = new Bench();
    const red = bench.session({ socket: { namespace: 'pe', device: 'red' } });
    const blue = bench.session({ socket: { namespace: 'pe', device: 'blue' } });
    const host = bench.session();
    await bench.directory.add(red, ANY);
    await bench.directory.add(blue, ANY);
    await bench.directory.add(host, ANY);
    await bench.directory.add(host, { address: LOCAL, port: 1179 });
    expect(bench.listeners.map(({ target }) => target)).toEqual([
      { local: ANY, options: { namespace: 'pe', device: 'red' } },
      { local: ANY, options: { namespace: 'pe', device: 'blue' } },
      { local: ANY, options: {} },
      { local: { address: LOCAL, port: 1179 }, options: {} },
    ]);
    const connection = bench.arrive(1);
    expect([red.connections, blue.connections, host.connections]).toEqual([[], [connection], []]);
  });

  it('tells link-local addresses apart by their interface', async () => {
    const bench = new Bench();
    const remoteAddress = address('fe80::1');
    const first = bench.session({ remoteAddress, interfaceName: 'eth1' });
    const second = bench.session({ remoteAddress, interfaceName: 'eth2' });
    const global = bench.session({ interfaceName: 'eth1' });
    for (const session of [first, second, global]) await bench.directory.add(session, ANY);
    const connection = bench.arrive(0, remoteAddress, LOCAL, 'eth2');
    expect([first.connections, second.connections]).toEqual([[], [connection]]);
    const elsewhere = bench.arrive(0, remoteAddress, LOCAL, 'eth3');
    expect(lastNotification(elsewhere)).toMatchObject({ code: 6, subcode: 5 });
    bench.directory.remove(second);
    expect(lastNotification(bench.arrive(0, remoteAddress, LOCAL, 'eth2'))).toMatchObject({ code: 6 });
    bench.arrive(0, remoteAddress, LOCAL, 'eth1');
    expect(first.connections).toHaveLength(1);
  });

  it('takes a link-local address over any interface for a session that names none', async () => {
    const bench = new Bench();
    const remoteAddress = address('fe80::1');
    const session = bench.session({ remoteAddress });
    await bench.directory.add(session, ANY);
    const connection = bench.arrive(0, remoteAddress, LOCAL, 'eth2');
    expect(session.connections).toEqual([connection]);
  });

  it('tells two sessions with one peer apart by their local addresses', async () => {
    const bench = new Bench();
    const exact = bench.session({ localAddress: LOCAL });
    const loose = bench.session();
    await bench.directory.add(loose, ANY);
    await bench.directory.add(exact, ANY);
    bench.arrive(0, REMOTE, LOCAL);
    bench.arrive(0, REMOTE, OTHER);
    expect([exact.connections.length, loose.connections.length]).toEqual([1, 1]);
    bench.directory.remove(loose);
    expect(lastNotification(bench.arrive(0, REMOTE, OTHER))).toMatchObject({ code: 6, subcode: 5 });
  });

  it('refuses strangers with Cease/Connection Rejected, counts them, and stays polite to a few a second only', async () => {
    const bench = new Bench();
    await bench.directory.add(bench.session(), ANY);
    expect(lastNotification(bench.arrive(0, OTHER))).toMatchObject({ code: 6, subcode: 5 });
    expect(bench.refused).toMatchObject([{ remote: { address: OTHER, port: 51_000 }, device: undefined }]);
    for (let i = 0; i < 9; i++) bench.arrive(0, OTHER);
    const eleventh = bench.arrive(0, OTHER);
    expect(eleventh.written).toEqual([]);
    expect(eleventh.wasDestroyed).toBe(true);
    expect(bench.directory.refusals).toBe(11);
    bench.clock.advance(1000);
    expect(lastNotification(bench.arrive(0, OTHER))).toMatchObject({ code: 6, subcode: 5 });
  });

  it('tells the listener what the connections of a peer have to be like', async () => {
    const bench = new Bench();
    const first = bench.session({ socket: { password: 'one' } });
    const second = bench.session({ remoteAddress: OTHER, socket: { password: 'two' } });
    await bench.directory.add(first, ANY);
    await bench.directory.add(second, ANY);
    bench.directory.remove(first);
    await Promise.resolve();
    expect(bench.listeners[0]?.peers).toEqual([{ password: 'one' }, { password: 'two' }, undefined]);
  });

  it('closes a listener with its last session, and opens it again', async () => {
    const bench = new Bench();
    const [first, second] = [bench.session(), bench.session({ remoteAddress: OTHER })];
    await bench.directory.add(first, ANY);
    await bench.directory.add(second, ANY);
    bench.directory.remove(first);
    await Promise.resolve();
    expect(bench.listeners[0]?.closed).toBe(false);
    bench.directory.remove(second);
    await Promise.resolve();
    expect(bench.listeners[0]?.closed).toBe(true);
    await bench.directory.add(first, ANY);
    expect(bench.listeners).toHaveLength(2);
  });

  it('says that an address cannot be bound, and may be tried again', async () => {
    const bench = new Bench();
    const session = bench.session();
    bench.failure = new Error('cannot listen on 0.0.0.0:179: another socket listens there');
    await expect(bench.directory.add(session, ANY)).rejects.toThrow('another socket listens there');
    bench.failure = undefined;
    await bench.directory.add(session, ANY);
    bench.arrive(0);
    expect(session.connections).toHaveLength(1);
  });
});
