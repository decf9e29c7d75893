import { closeSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Connection } from '../../../bgp/session/transport.ts';
import { InetSocketError, setTimeToLive } from '../../../dataplane/inet-socket.ts';
import { systemCalls } from '../../../dataplane/system-calls.ts';
import { openTcpSocket } from '../../../dataplane/tcp-socket.ts';
import { descriptorOf } from '../../../src/transport/socket-descriptor.ts';
import { Collector, deferred, endpoint, TcpBench } from './tcp-bench.ts';

/** What the kernel says of IP_TTL (2) or IPV6_UNICAST_HOPS (16). */
function ttlOf(descriptor: number, version: 4 | 6): number {
  const value = new Uint8Array(4);
  const size = new Uint8Array(4);
  new DataView(size.buffer).setInt32(0, 4, true);
  const [level, option] = version === 4 ? [0, 2] : [41, 16];
  expect(systemCalls().getsockopt(descriptor, level, option, value, size)).toBe(0);
  return new DataView(value.buffer).getInt32(0, true);
}

describe('setTimeToLive', () => {
  it.each([4, 6] as const)('sets it on an IPv%i socket and says why not', (version) => {
    const descriptor = openTcpSocket({ version });
    try {
      setTimeToLive(descriptor, version, 1);
      expect(ttlOf(descriptor, version)).toBe(1);
      expect(() => setTimeToLive(descriptor, version, 256)).toThrow(InetSocketError);
      expect(ttlOf(descriptor, version)).toBe(1);
    } finally {
      closeSync(descriptor);
    }
  });
});

describe('descriptorOf', () => {
  it('knows the descriptor of an accepted socket until it is closed', async () => {
    const accepted = deferred<Socket>();
    const server = createServer(accepted.resolve);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const bench = new TcpBench();
    try {
      await bench.connect(endpoint('127.0.0.1', port));
      const socket = await accepted.promise;
      const descriptor = descriptorOf(socket);
      expect(descriptor).toBeGreaterThan(2);
      expect(ttlOf(descriptor ?? -1, 4)).toBe(64);
      socket.destroy();
      expect(descriptorOf(socket)).toBeUndefined();
    } finally {
      bench.close();
      server.close();
    }
  });
});

describe('a listener', () => {
  let bench: TcpBench;
  beforeEach(() => {
    bench = new TcpBench();
  });
  afterEach(() => bench.close());

  it.each([
    ['accepts a peer with the time-to-live of its own', 64, []],
    [
      'accepts a peer all the same when the kernel refuses the time-to-live',
      256,
      [/cannot set the time-to-live/],
    ],
  ])('%s', async (_name, ttl, warnings) => {
    const accepted = deferred<Collector>();
    const listener = await bench.listen('127.0.0.1', {}, (connection) => {
      const collector = new Collector();
      connection.setHandlers(collector);
      accepted.resolve(collector);
    });
    listener.setPeer(endpoint('127.0.0.1', 0).address, { ttl });
    const near = await bench.connect(listener.local);
    near.write(Buffer.from('hello'));
    await (await accepted.promise).bytes(5);
    expect(bench.warnings).toEqual(warnings.map((pattern) => expect.stringMatching(pattern)));
  });

  describe.each(['127.0.0.1', '::1'])('at %s, of a peer that is near (RFC 5082)', (address) => {
    it('accepts what begins with a time-to-live that is large enough, and drops what comes with less later', async () => {
      const accepted = deferred<Connection>();
      const listener = await bench.listen(address, {}, accepted.resolve);
      listener.setPeer(endpoint(address, 0).address, { ttl: 255, minTtl: 254 });
      const version = address === '::1' ? 6 : 4;
      const descriptor = openTcpSocket({ version, ttl: 254, minTtl: 255 });
      const near = new Socket({ fd: descriptor }).connect({ host: address, port: listener.local.port });
      onTestFinished(() => {
        near.destroy();
      });
      const far = await accepted.promise;
      const collector = new Collector();
      far.setHandlers(collector);
      near.write(Buffer.from('hello'));
      await collector.bytes(5);
      expect(bench.refusals).toEqual([]);

      setTimeToLive(descriptor, version, 253);
      near.write(Buffer.from('from afar'));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(collector.received).toBe(5);
    });

    it('refuses what comes from too far away', async () => {
      const listener = await bench.listen(address, {}, () => expect.unreachable());
      listener.setPeer(endpoint(address, 0).address, { ttl: 255, minTtl: 255 });
      const collector = new Collector();
      (await bench.connect(listener.local, { ttl: 64 })).setHandlers(collector);
      await collector.end;
      const reason = 'the time-to-live of its SYN is 64, and must be 255 at least (RFC 5082)';
      expect(bench.refusals).toEqual([`${address}: ${reason}`]);
      expect(bench.warnings).toEqual([]);
    });

    it('asks the same of every address of a range', async () => {
      const listener = await bench.listen(address, {}, () => expect.unreachable());
      const range = { address: endpoint(address, 0).address, length: 8 };
      listener.setRange(range, { ttl: 255, minTtl: 255 });
      const collector = new Collector();
      (await bench.connect(listener.local, { ttl: 254 })).setHandlers(collector);
      await collector.end;
      expect(bench.refusals).toHaveLength(1);
    });

    it('is not reached when it answers from too far away', async () => {
      const impatient = new TcpBench(300);
      try {
        const listener = await impatient.listen(address);
        await expect(impatient.connect(listener.local, { ttl: 255, minTtl: 255 })).rejects.toThrow(
          'within 0.3 s: it must have a time-to-live of 255 at least (RFC 5082)',
        );
      } finally {
        impatient.close();
      }
    });
  });
});
