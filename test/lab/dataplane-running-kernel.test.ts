import { execFileSync, spawnSync } from 'node:child_process';
import { readlinkSync, rmSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { DesiredState } from '../../dataplane/desired.ts';
import { KernelNetwork } from '../../dataplane/kernel-network.ts';
import { describeMissingDriver } from '../../dataplane/kernel-support.ts';
import { MessageBuilder } from '../../dataplane/netlink/message-builder.ts';
import { RouteSocket } from '../../dataplane/netlink/route-socket.ts';
import {
  createNamespace,
  deleteNamespace,
  inNamespace,
  NAMESPACE_DIRECTORY,
  namespaceExists,
} from '../../dataplane/network-namespace.ts';
import { cleanup, plan } from '../../dataplane/plan.ts';
import { openTcpSocket } from '../../dataplane/tcp-socket.ts';
import { address, desiredVrf, prefix } from '../unit/dataplane/states.ts';
import { chooseKernel } from './machine/kernel-choice.ts';

const withoutRoot = process.getuid?.() !== 0;
const title = `the running kernel${withoutRoot ? ' (skipped: it takes root)' : ''}`;
if (withoutRoot) process.stderr.write('lab: kernel objects on the running kernel: skipped: it takes root\n');

const ROUTER = `openpe-r-${process.pid}`;
const HOST = `openpe-h-${process.pid}`;
const OWN = '/proc/thread-self/ns/net';

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}

/** A host namespace with an underlay device `up0`, whose other end `up1` stays there. */
function makeHost(): void {
  createNamespace(HOST);
  ip('-n', HOST, 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1');
  for (const device of ['up0', 'up1']) ip('-n', HOST, 'link', 'set', device, 'up');
  ip('-n', HOST, 'address', 'add', '192.0.2.1/24', 'dev', 'up0');
  ip('-n', HOST, 'address', 'add', '2001:db8::1/64', 'dev', 'up0');
}

const DESIRED: DesiredState = {
  namespace: ROUTER,
  underlayInterfaces: ['up0'],
  loopbackAddresses: [prefix('100.65.0.0/32'), prefix('2001:db8:65::/128')],
  vrfs: [],
};

describe.skipIf(withoutRoot)(title, () => {
  const networks: KernelNetwork[] = [];
  const network = (): KernelNetwork => {
    const made = new KernelNetwork({ router: ROUTER, host: HOST });
    networks.push(made);
    return made;
  };

  afterEach(() => {
    for (const one of networks.splice(0)) one.close();
    for (const name of [ROUTER, HOST]) {
      if (namespaceExists(name)) deleteNamespace(name);
      rmSync(`${NAMESPACE_DIRECTORY}/${name}`, { force: true });
    }
  });

  it('gets a named namespace that ip netns knows, and this process stays where it is', () => {
    const before = readlinkSync(OWN);
    createNamespace(ROUTER);
    expect(readlinkSync(OWN)).toBe(before);
    expect(ip('netns', 'list')).toContain(ROUTER);
    const inside = inNamespace(ROUTER, () => readlinkSync(OWN));
    expect(inside).not.toBe(before);
    expect(inNamespace(ROUTER, () => inNamespace(undefined, () => readlinkSync(OWN)))).toBe(before);
    expect(() =>
      inNamespace(ROUTER, () => {
        throw new Error('from inside');
      }),
    ).toThrow('from inside');
    expect(readlinkSync(OWN)).toBe(before);
    expect(() => createNamespace(ROUTER)).toThrow('is there already');
    deleteNamespace(ROUTER);
    expect(ip('netns', 'list')).not.toContain(ROUTER);
  });

  it('takes and gives back the underlay device with its addresses; nothing is written twice', async () => {
    makeHost();
    const kernel = network();
    const first = await kernel.apply(plan(DESIRED, await kernel.observe()).steps);
    expect(first.failures).toEqual([]);
    expect(ip('-n', ROUTER, '-br', 'address', 'show', 'up0')).toMatch(/192\.0\.2\.1\/24 2001:db8::1\/64/);
    expect(ip('-n', ROUTER, '-d', 'link', 'show', 'up0')).toMatch(/ group 4242 /);
    expect(ip('-n', ROUTER, '-br', 'address', 'show', 'lo')).toContain('100.65.0.0/32');
    expect(ip('netns', 'exec', ROUTER, 'cat', '/proc/sys/net/ipv4/conf/all/forwarding')).toBe('1\n');
    let changes = 0;
    const watching = kernel.watch(() => changes++);
    expect(plan(DESIRED, await kernel.observe())).toEqual({ steps: [], conflicts: [] });
    expect(changes).toBe(0);
    // The answer comes after the notification: they are sent in that order.
    ip('-n', ROUTER, 'address', 'del', '192.0.2.1/24', 'dev', 'up0');
    await expect.poll(() => changes).toBeGreaterThan(0);
    watching.close();
    const repair = plan(DESIRED, await kernel.observe()).steps;
    expect(repair).toEqual([
      expect.objectContaining({ action: 'add address', prefix: prefix('192.0.2.1/24') }),
    ]);
    expect((await kernel.apply(repair)).failures).toEqual([]);
    const undo = await kernel.apply(cleanup(await kernel.observe()).steps);
    expect(undo.failures).toEqual([]);
    expect(namespaceExists(ROUTER)).toBe(false);
    expect(ip('-n', HOST, '-br', 'address', 'show', 'up0')).toMatch(/UP .*192\.0\.2\.1\/24 2001:db8::1\/64/);
    expect(ip('-n', HOST, '-d', 'link', 'show', 'up0')).not.toMatch(/4242|alias/);
  });

  it('notices that the namespace is another one of the same name', async () => {
    makeHost();
    const kernel = network();
    const desired = { ...DESIRED, underlayInterfaces: [] };
    await kernel.apply(plan(desired, await kernel.observe()).steps);
    deleteNamespace(ROUTER);
    createNamespace(ROUTER);
    const { steps } = plan(desired, await kernel.observe());
    expect(steps).toContainEqual(expect.objectContaining({ action: 'add address', device: 'lo' }));
  });

  const lacksVrf = chooseKernel().reason.includes(' type vrf ');
  it.skipIf(!lacksVrf)(
    `says in a sentence that it has no VRF${lacksVrf ? '' : ' (skipped: it has)'}`,
    async () => {
      makeHost();
      const kernel = network();
      const desired = { ...DESIRED, vrfs: [desiredVrf('red', 100, 10)] };
      const { failures, skipped } = await kernel.apply(plan(desired, await kernel.observe()).steps);
      expect(failures).toEqual([
        expect.objectContaining({ object: 'vrf red', reason: describeMissingDriver('vrf') }),
      ]);
      expect(skipped.length).toBeGreaterThan(0);
      expect(ip('-n', ROUTER, '-br', 'address', 'show', 'up0')).toContain('192.0.2.1/24');
    },
  );

  it('takes 20,000 routes as one batch and names each that it refuses', async () => {
    createNamespace(ROUTER);
    ip('-n', ROUTER, 'link', 'set', 'lo', 'up');
    const socket = RouteSocket.open(ROUTER);
    try {
      const builder = new MessageBuilder();
      const destination = new Uint8Array(4);
      for (let i = 0; i < 20_000; i++) {
        new DataView(destination.buffer).setUint32(0, 0x0a000000 + i);
        // Every thousandth goes out of a device that is not there.
        const device = i % 1000 === 500 ? 4711 : 1;
        builder.begin(24, 0x500).routeHeader(2, 32, 254, 181, 253, 1, 0);
        builder.attributeBytes(1, destination).attributeU32(4, device).end();
      }
      const errors = await socket.sendBatch(builder.bytes());
      expect(errors.map(({ index }) => index)).toEqual(Array.from({ length: 20 }, (_, i) => i * 1000 + 500));
      expect(errors[0]?.reason).toMatch(/^ENODEV/);
      const routes = ip('-n', ROUTER, 'route', 'show', 'proto', '181').trim().split('\n');
      expect(routes).toHaveLength(19_980);
    } finally {
      socket.close();
    }
  });

  it.each(['leave', 'throw'])('does not abort the process: listeners that %s', (how) => {
    const program = `${process.cwd()}/test/lab/dataplane/ending.mjs`;
    const ended = spawnSync('unshare', ['--net', process.execPath, program, process.cwd(), how], {
      encoding: 'utf8',
    });
    expect({ status: ended.status, signal: ended.signal, stderr: ended.stderr }).toEqual({
      status: 0,
      signal: null,
      stderr: '',
    });
    expect(ended.stdout).toBe(how === 'throw' ? 'uncaught: from a listener\n' : 'heard\n');
  });

  it('connects TCP inside a namespace, with a key and with all the hops left', async () => {
    createNamespace(ROUTER);
    ip('-n', ROUTER, 'link', 'set', 'lo', 'up');
    const local = address('127.0.0.1');
    const options = {
      version: 4,
      namespace: ROUTER,
      md5Keys: [{ peer: local, password: 'secret' }],
    } as const;
    const listening = openTcpSocket({ ...options, minTtl: 255, bindAddress: local, bindPort: 179 });
    const server = createServer((connection) => connection.end('hello'));
    await new Promise<void>((resolve) => server.listen({ fd: listening }, resolve));
    try {
      const fetch = (ttl: number): Promise<string> =>
        new Promise((resolve) => {
          const client = new Socket({ fd: openTcpSocket({ ...options, ttl }) });
          let text = '';
          client.on('data', (bytes) => {
            text += String(bytes);
          });
          client.on('error', (error) => resolve(error.message)).on('close', () => resolve(text));
          client.setTimeout(300, () => client.destroy());
          client.connect(179, '127.0.0.1');
        });
      expect(await fetch(255)).toBe('hello');
      expect(await fetch(254)).toBe('');
    } finally {
      server.close();
    }
  });
});
