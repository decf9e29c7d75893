import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { InetSocketError } from '../../../dataplane/inet-socket.ts';
import { formatAddress } from '../../../net/address.ts';
import { formatEndpoint } from '../../../src/transport/socket-errors.ts';
import { Collector, deferred, endpoint, makeNamespace, namespaceObstacle, TcpBench } from './tcp-bench.ts';

const obstacle = namespaceObstacle();
if (obstacle) console.log(`test/unit/transport/link-local.test.ts is skipped: ${obstacle}`);

function skipWithoutMd5(context: TestContext, error: unknown): void {
  if (!(error instanceof InetSocketError) || error.code !== 'ENOPROTOOPT') throw error;
  context.skip(`the kernel has no TCP MD5: ${error.message}`);
}

/** Two links between the namespaces; both ends of each have the same addresses as those of the other one. */
describe.skipIf(obstacle !== undefined)('link-local addresses on interfaces of another namespace', () => {
  let near: ReturnType<typeof makeNamespace>;
  let far: ReturnType<typeof makeNamespace>;
  let bench: TcpBench;

  beforeAll(() => {
    near = makeNamespace();
    far = makeNamespace();
    const ip = (...args: string[]) => execFileSync('ip', args);
    // Interfaces of ours whose numbers are none of the process's namespace.
    for (let i = 0; i < 40; i++) ip('-n', near.name, 'link', 'add', `spare${i}`, 'type', 'bridge');
    for (const name of ['fabric1', 'fabric2']) {
      ip('-n', near.name, 'link', 'add', name, 'type', 'veth', 'peer', name, 'netns', far.name);
      for (const [namespace, address] of [
        [near.name, 'fe80::1/64'],
        [far.name, 'fe80::2/64'],
      ] as const) {
        ip('-n', namespace, 'link', 'set', name, 'addrgenmode', 'none');
        ip('-n', namespace, 'link', 'set', name, 'up');
        ip('-n', namespace, 'address', 'add', address, 'dev', name, 'nodad');
      }
    }
  });
  afterAll(() => {
    near.remove();
    far.remove();
  });
  beforeEach(() => {
    bench = new TcpBench(2000);
  });
  afterEach(() => bench.close());

  it.each(['fabric1', 'fabric2'])('are told apart by the interface: %s', async (zone) => {
    const accepted = deferred<Parameters<Parameters<TcpBench['listen']>[2] & object>[0]>();
    const listener = await bench.listen('::', { namespace: near.name }, accepted.resolve);
    const remote = { ...endpoint('fe80::1', listener.local.port), zone };
    const connection = await bench.connect(remote, { namespace: far.name, ttl: 1 });
    expect(connection.remote).toEqual(remote);
    expect(formatAddress(connection.local.address)).toBe('fe80::2');
    expect(connection.local.zone).toBe(zone);
    const other = await accepted.promise;
    expect(other.remote).toEqual({ ...connection.local });
    expect(other.local.zone).toBe(zone);
    expect(formatEndpoint(other.local)).toBe(`[fe80::1%${zone}]:${listener.local.port}`);
    const ear = new Collector();
    other.setHandlers(ear);
    connection.write(Buffer.from('hello'));
    await ear.bytes(5);
    expect(ear.content().toString()).toBe('hello');
  });

  it('cannot be reached over an interface that is not there', async () => {
    const remote = { ...endpoint('fe80::1', 179), zone: 'fabric3' };
    await expect(bench.connect(remote, { namespace: far.name })).rejects.toThrow(
      'cannot connect to [fe80::1%fabric3]:179: the device to bind to does not exist',
    );
  });

  it('may need an MD5 key', async (context) => {
    const accepted = deferred<void>();
    const inside = { namespace: near.name };
    const listener = await bench.listen('::', inside, () => accepted.resolve());
    try {
      listener.setPeer(endpoint('fe80::2', 0).address, { ...inside, password: 'secret' });
    } catch (error) {
      skipWithoutMd5(context, error);
    }
    const remote = { ...endpoint('fe80::1', listener.local.port), zone: 'fabric1' };
    await bench.connect(remote, { namespace: far.name, password: 'secret' });
    await accepted.promise;
    const wrong = bench.connect(remote, { namespace: far.name, password: 'wrong' });
    await expect(wrong).rejects.toThrow('no answer');
  });
});
