import { randomFillSync } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../bgp/session/transport.ts';
import { formatAddress } from '../../../net/address.ts';
import { Collector, deferred, endpoint, TcpBench } from './tcp-bench.ts';

let bench: TcpBench;
beforeEach(() => {
  bench = new TcpBench();
});
afterEach(() => bench.close());

/** A port on which nobody listens: one that was just given back. */
async function freePort(): Promise<number> {
  const listener = await bench.listen('127.0.0.1');
  listener.close();
  await nextTurn();
  return listener.local.port;
}

describe.each([
  ['plain sockets over IPv4', '127.0.0.1', {}],
  ['plain sockets over IPv6', '::1', {}],
  ['sockets by system calls over IPv4', '127.0.0.1', { ttl: 64 }],
  ['sockets by system calls over IPv6', '::1', { ttl: 64 }],
])('%s', (_name, address, options) => {
  it('know both ends', async () => {
    const { near, far } = await bench.pair(address, { near: options, far: options });
    expect(formatAddress(near.remote.address)).toBe(address);
    expect(formatAddress(far.local.address)).toBe(address);
    expect(near.local).toEqual(far.remote);
    expect(near.remote).toEqual(far.local);
    expect(near.device).toBeUndefined();
  });

  it('carry megabytes in both directions unchanged, with back pressure', async () => {
    const { near, far } = await bench.pair(address, { near: options, far: options });
    const ends = [
      { connection: near, collector: new Collector(), sent: randomFillSync(Buffer.alloc(6_000_000)) },
      { connection: far, collector: new Collector(), sent: randomFillSync(Buffer.alloc(6_000_000)) },
    ];
    for (const { connection, collector } of ends) connection.setHandlers(collector);
    await Promise.all(
      ends.map(async ({ connection, collector, sent }) => {
        for (let at = 0; at < sent.length; at += 300_001) {
          const drained = collector.nextDrain();
          const tookAll = connection.write(sent.subarray(at, at + 300_001));
          expect(tookAll).toBe(connection.bufferedBytes === 0);
          if (!tookAll) await drained;
          expect(connection.bufferedBytes).toBe(0);
        }
      }),
    );
    await Promise.all(ends.map(({ collector }) => collector.bytes(6_000_000)));
    expect(ends[1]?.collector.content().equals(ends[0]?.sent ?? Buffer.alloc(0))).toBe(true);
    expect(ends[0]?.collector.content().equals(ends[1]?.sent ?? Buffer.alloc(0))).toBe(true);
  });

  it('keep what came before there was anyone to hear it', async () => {
    const { near, far } = await bench.pair(address, { near: options, far: options });
    near.write(Buffer.from('early'));
    far.write(Buffer.from('bird'));
    await nextTurn();
    await nextTurn();
    const [nearEar, farEar] = [new Collector(), new Collector()];
    near.setHandlers(nearEar);
    far.setHandlers(farEar);
    await Promise.all([nearEar.bytes(4), farEar.bytes(5)]);
    expect([nearEar.content().toString(), farEar.content().toString()]).toEqual(['bird', 'early']);
  });

  it('stop reading while paused, so that the sender has to wait', async () => {
    const { near, far } = await bench.pair(address, { near: options, far: options });
    const collectors = { near: new Collector(), far: new Collector() };
    near.setHandlers(collectors.near);
    far.setHandlers(collectors.far);
    for (const [reader, writer] of [
      ['near', 'far'],
      ['far', 'near'],
    ] as const) {
      const [readerEnd, writerEnd] = reader === 'near' ? [near, far] : [far, near];
      readerEnd.pause();
      const before = collectors[reader].received;
      const drained = collectors[writer].nextDrain();
      const size = 32_000_000;
      expect(writerEnd.write(Buffer.alloc(size))).toBe(false);
      for (let turn = 0; turn < 50; turn++) await nextTurn();
      expect(collectors[reader].received - before).toBeLessThanOrEqual(65_536);
      expect(writerEnd.bufferedBytes).toBeGreaterThan(0);
      readerEnd.resume();
      await Promise.all([drained, collectors[reader].bytes(size)]);
      expect(writerEnd.bufferedBytes).toBe(0);
    }
  });

  it('tell both ends once that one of them has ended it, after all bytes', async () => {
    const { near, far } = await bench.pair(address, { near: options, far: options });
    const [nearEar, farEar] = [new Collector(), new Collector()];
    near.setHandlers(nearEar);
    far.setHandlers(farEar);
    near.write(Buffer.alloc(3_000_000));
    near.end();
    expect(await Promise.all([nearEar.end, farEar.end])).toEqual([undefined, undefined]);
    expect(farEar.received).toBe(3_000_000);
    expect(near.write(Buffer.from('too late'))).toBe(true);
  });

  it('say in words that the other end has reset the connection', async () => {
    const { near, far } = await bench.pair(address, { near: options, far: options });
    const [nearEar, farEar] = [new Collector(), new Collector()];
    near.setHandlers(nearEar);
    // Unread bytes turn the close into a reset.
    near.write(Buffer.from('nobody reads this'));
    await nextTurn();
    far.destroy();
    const words = address === '::1' ? `[::1]:${far.local.port}` : `127.0.0.1:${far.local.port}`;
    expect((await nearEar.end)?.message).toBe(`connection reset by ${words}`);
    far.setHandlers(farEar);
    expect(await farEar.end).toBeUndefined();
  });
});

describe('connecting', () => {
  it.each([{}, { ttl: 1 }])('says who refused it (options %o)', async (options) => {
    const port = await freePort();
    await expect(bench.connect(endpoint('127.0.0.1', port), options)).rejects.toThrow(
      `connection refused by 127.0.0.1:${port}`,
    );
    await expect(bench.connect(endpoint('::1', port), options)).rejects.toThrow(
      `connection refused by [::1]:${port}`,
    );
  });

  it.each([{}, { ttl: 64 }])('uses the source address that it is given (options %o)', async (options) => {
    const local = endpoint('127.0.0.9', 0).address;
    const { near, far } = await bench.pair('127.0.0.1', { near: options, local });
    expect(near.local.address).toEqual(local);
    expect(far.remote.address).toEqual(local);
  });

  it.each([{}, { ttl: 64 }])('says that a source address is not its own (options %o)', async (options) => {
    const listener = await bench.listen('127.0.0.1');
    await expect(bench.connect(listener.local, options, endpoint('192.0.2.77', 0).address)).rejects.toThrow(
      `cannot connect to 127.0.0.1:${listener.local.port} from 192.0.2.77: not an address of this host`,
    );
  });

  it('reports a namespace and a device that do not exist instead of throwing', async () => {
    const remote = endpoint('127.0.0.1', 179);
    await expect(bench.connect(remote, { namespace: 'no-such-namespace' })).rejects.toThrow(
      /cannot connect to 127.0.0.1:179: network namespace "no-such-namespace"/,
    );
    await expect(bench.connect(remote, { device: 'no-such-device' })).rejects.toThrow(
      /cannot connect to 127.0.0.1:179/,
    );
  });

  it.each([{}, { ttl: 64 }])('calls nobody after it was given up (options %o)', async (options) => {
    const accepted = deferred<Collector>();
    const listener = await bench.listen('127.0.0.1', {}, (connection) => {
      const collector = new Collector();
      connection.setHandlers(collector);
      accepted.resolve(collector);
    });
    const calls: string[] = [];
    const pending = bench.transport.connect(
      { remote: listener.local, options },
      { connected: () => calls.push('connected'), failed: () => calls.push('failed') },
    );
    pending.cancel();
    // A second attempt that succeeds shows that the first had its time.
    await bench.connect(listener.local, options);
    await accepted.promise;
    expect(calls).toEqual([]);
  });

  it('keeps the connection when an attempt is given up after it has succeeded', async () => {
    const listener = await bench.listen('127.0.0.1', {}, (connection) =>
      connection.setHandlers(new Collector()),
    );
    const collector = new Collector();
    const attempt = deferred<Connection>();
    const pending = bench.transport.connect(
      { remote: listener.local, options: {} },
      { connected: attempt.resolve, failed: () => {} },
    );
    const connection = await attempt.promise;
    connection.setHandlers(collector);
    pending.cancel();
    connection.write(Buffer.alloc(10));
    connection.end();
    expect(await collector.end).toBeUndefined();
  });

  it('calls nobody after a failed attempt was given up', async () => {
    const calls: string[] = [];
    const pending = bench.transport.connect(
      { remote: endpoint('127.0.0.1', 179), options: { namespace: 'no-such-namespace' } },
      { connected: () => calls.push('connected'), failed: () => calls.push('failed') },
    );
    pending.cancel();
    await nextTurn();
    await nextTurn();
    expect(calls).toEqual([]);
  });
});

describe('listening', () => {
  it.each([{}, { ttl: 64 }])('says what is wrong with the address (options %o)', async (options) => {
    const { local } = await bench.listen('127.0.0.1');
    await expect(bench.transport.listen({ local, options }, () => {})).rejects.toThrow(
      `cannot listen on 127.0.0.1:${local.port}: another socket listens there`,
    );
    const foreign = endpoint('192.0.2.77', 0);
    await expect(bench.transport.listen({ local: foreign, options }, () => {})).rejects.toThrow(
      'cannot listen on 192.0.2.77:0: the address is not on any interface',
    );
  });

  it('ends with close', async () => {
    const listener = await bench.listen('127.0.0.1');
    listener.close();
    await nextTurn();
    await expect(bench.connect(listener.local)).rejects.toThrow('connection refused');
  });

  it('takes IPv4 and IPv6 on the same port by two listeners', async () => {
    const first = await bench.listen('0.0.0.0');
    const second = await bench.transport.listen(
      { local: endpoint('::', first.local.port), options: {} },
      () => {},
    );
    expect(second.local.port).toBe(first.local.port);
    second.close();
  });
});
