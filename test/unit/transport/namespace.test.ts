import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { systemClock } from '../../../bgp/session/clock.ts';
import { PeerDirectory } from '../../../bgp/session/peer-directory.ts';
import { Session } from '../../../bgp/session/session.ts';
import type { PeerSettings, SessionDown, SessionEvents } from '../../../bgp/session/session-events.ts';
import type { Connection } from '../../../bgp/session/transport.ts';
import { IPV4_UNICAST } from '../../../bgp/wire/family.ts';
import { InetSocketError } from '../../../dataplane/inet-socket.ts';
import { Collector, deferred, endpoint, makeNamespace, namespaceObstacle, TcpBench } from './tcp-bench.ts';

const obstacle = namespaceObstacle();
if (obstacle) console.log(`test/unit/transport/namespace.test.ts is skipped: ${obstacle}`);

/** Session events of which only the first Established and the first end are of interest. */
class Milestones implements SessionEvents {
  readonly up = deferred<void>();
  readonly gone = deferred<SessionDown>();
  established(): void {
    this.up.resolve();
  }
  update(): undefined {
    return undefined;
  }
  routeRefresh(): void {}
  readComplete(): void {}
  writable(): void {}
  down(reason: SessionDown): void {
    this.gone.resolve(reason);
  }
  stateChanged(): void {}
}

function skipWithoutMd5(context: TestContext, error: unknown): void {
  if (!(error instanceof InetSocketError) || error.code !== 'ENOPROTOOPT') throw error;
  context.skip(`the kernel has no TCP MD5: ${error.message}`);
}

describe.skipIf(obstacle !== undefined)('in a network namespace', () => {
  let namespace: ReturnType<typeof makeNamespace>;
  let bench: TcpBench;
  beforeAll(() => {
    namespace = makeNamespace();
  });
  afterAll(() => namespace.remove());
  beforeEach(() => {
    bench = new TcpBench(500);
  });
  afterEach(() => bench.close());

  it.each(['127.0.0.1', '::1'])('a listener on %s is reached from inside only', async (address) => {
    const inside = { namespace: namespace.name };
    const { near, far } = await bench.pair(address, { near: inside, far: inside });
    const [nearEar, farEar] = [new Collector(), new Collector()];
    near.setHandlers(nearEar);
    far.setHandlers(farEar);
    near.write(Buffer.from('ping'));
    far.write(Buffer.from('pong'));
    await Promise.all([nearEar.bytes(4), farEar.bytes(4)]);
    expect(farEar.content().toString()).toBe('ping');
    await expect(bench.connect(endpoint(address, far.local.port))).rejects.toThrow('connection refused');
  });

  it('a destination without a route is unreachable, in words', async () => {
    await expect(bench.connect(endpoint('192.0.2.1', 179), { namespace: namespace.name })).rejects.toThrow(
      'network of 192.0.2.1:179 is unreachable: no route to it',
    );
  });

  it('a connection needs the MD5 key that the listener has for the peer', async (context) => {
    const inside = { namespace: namespace.name };
    const accepted = deferred<void>();
    const listener = await bench.listen('127.0.0.1', inside, () => accepted.resolve());
    const peer = endpoint('127.0.0.1', 0).address;
    try {
      listener.setPeer(peer, { ...inside, password: 'secret' });
    } catch (error) {
      skipWithoutMd5(context, error);
    }
    await bench.connect(listener.local, { ...inside, password: 'secret' });
    await accepted.promise;
    await expect(bench.connect(listener.local, { ...inside, password: 'wrong' })).rejects.toThrow(
      `no answer from 127.0.0.1:${listener.local.port} within 0.5 s`,
    );
    listener.setPeer(peer, undefined);
    await bench.connect(listener.local, inside);
  });

  it('a range has a key for all its addresses, also for the one that had its own', async (context) => {
    const inside = { namespace: namespace.name };
    const listener = await bench.listen('127.0.0.1', inside, () => {});
    const password = 'secret';
    const address = endpoint('127.0.0.1', 0).address;
    try {
      listener.setRange({ address, length: 32 }, { ...inside, password });
    } catch (error) {
      skipWithoutMd5(context, error);
    }
    for (const before of ['the peer', 'the range']) {
      if (before === 'the peer') listener.setPeer(address, { ...inside, password });
      else listener.setPeer(address, undefined);
      await bench.connect(listener.local, { ...inside, password });
      await expect(bench.connect(listener.local, inside)).rejects.toThrow('no answer');
    }
  });

  it.each([1, 2])(
    'nearness is asked for also where the kernel keeps no SYN (tcp_syncookies %i)',
    async (cookies) => {
      const inside = { namespace: namespace.name };
      const sysctl = ['netns', 'exec', namespace.name, 'sysctl', '-qw', `net.ipv4.tcp_syncookies=${cookies}`];
      execFileSync('ip', sysctl);
      const accepted: Connection[] = [];
      const listener = await bench.listen('127.0.0.1', inside, (connection) => accepted.push(connection));
      listener.setPeer(endpoint('127.0.0.1', 0).address, { ...inside, ttl: 255, minTtl: 255 });
      const near = await bench.connect(listener.local, { ...inside, ttl: 255 });
      await expect.poll(() => accepted.length).toBe(1);
      const collector = new Collector();
      accepted[0]?.setHandlers(collector);
      near.write(Buffer.from('near'));
      await collector.bytes(4);

      const far = await bench.connect(listener.local, { ...inside, ttl: 254 });
      far.write(Buffer.from('far'));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(accepted.length - 1 + bench.refusals.length).toBe(1);
      const ear = new Collector();
      accepted[1]?.setHandlers(ear);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(ear.received).toBe(0);
    },
  );

  it('two sessions that both connect find each other and part with words', async () => {
    const port = 1790;
    const speakers = [
      { own: '127.0.0.1', peer: '127.0.0.2', localAs: 65001, remoteAs: 65002, routerId: 1 },
      { own: '127.0.0.2', peer: '127.0.0.1', localAs: 65002, remoteAs: 65001, routerId: 2 },
    ].map(({ own, peer, ...numbers }) => {
      const settings: PeerSettings = {
        ...numbers,
        name: peer,
        remoteAddress: endpoint(peer, 0).address,
        remotePort: port,
        localAddress: endpoint(own, 0).address,
        holdTime: 9,
        keepaliveTime: 3,
        connectRetryTime: 5,
        passive: false,
        families: [IPV4_UNICAST],
        socket: { namespace: namespace.name, ttl: 1 },
      };
      const events = new Milestones();
      const session = new Session(settings, events, {
        transport: bench.transport,
        clock: systemClock,
        random: Math.random,
      });
      const directory = new PeerDirectory(bench.transport, systemClock);
      return { session, events, directory, listenOn: endpoint(own, port) };
    });
    try {
      for (const { directory, session, listenOn } of speakers) await directory.add(session, listenOn);
      for (const { session } of speakers) session.start();
      await Promise.all(speakers.map(({ events }) => events.up.promise));
      speakers[0]?.session.stop(2, 'the test is over');
      const reasons = await Promise.all(speakers.map(({ events }) => events.gone.promise));
      expect(reasons.map(({ reason }) => reason)).toEqual([
        'sent Cease/Administrative Shutdown: the test is over',
        'peer sent Cease/Administrative Shutdown: the test is over',
      ]);
    } finally {
      for (const { session, directory } of speakers) {
        session.stop(2, '');
        directory.remove(session);
      }
    }
  });
});
