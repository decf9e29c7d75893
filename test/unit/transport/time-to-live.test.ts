import { closeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
});
