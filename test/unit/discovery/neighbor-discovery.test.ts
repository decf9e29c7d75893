import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../bgp/session/clock.ts';
import { formatAddress } from '../../../net/address.ts';
import { NeighborDiscovery } from '../../../src/discovery/neighbor-discovery.ts';
import { makeNamespace, namespaceObstacle } from '../transport/tcp-bench.ts';

const obstacle = namespaceObstacle();
if (obstacle) console.log(`test/unit/discovery/neighbor-discovery.test.ts is skipped: ${obstacle}`);

function ip(namespace: string, ...args: string[]): string {
  return execFileSync('ip', ['-n', namespace, ...args], { encoding: 'utf8' });
}

/** What an end was told, in order. */
interface End {
  readonly discovery: NeighborDiscovery;
  readonly news: string[];
}

describe.skipIf(obstacle !== undefined)('neighbors on an interface', () => {
  let near: ReturnType<typeof makeNamespace>;
  let far: ReturnType<typeof makeNamespace>;
  const ends: End[] = [];

  beforeAll(() => {
    near = makeNamespace();
    far = makeNamespace();
  });
  afterAll(() => {
    near.remove();
    far.remove();
  });
  beforeEach(() => {
    const [ours, theirs] = [randomUUID().slice(0, 8), randomUUID().slice(0, 8)];
    ip(near.name, 'link', 'add', `a${ours}`, 'type', 'veth', 'peer', 'name', `b${theirs}`);
    ip(near.name, 'link', 'set', `a${ours}`, 'name', 'eth1', 'addrgenmode', 'none');
    ip(near.name, 'link', 'set', `b${theirs}`, 'netns', far.name, 'name', 'eth1', 'addrgenmode', 'none');
    bringUp(near.name, 'fe80::1');
    bringUp(far.name, 'fe80::2');
  });
  afterEach(() => {
    for (const { discovery } of ends.splice(0)) discovery.close();
    for (const name of ['eth1', 'eth2']) {
      // It has one of these names, or is gone.
      spawnSync('ip', ['-n', near.name, 'link', 'delete', name]);
    }
  });

  function bringUp(namespace: string, address: string): void {
    ip(namespace, 'link', 'set', 'eth1', 'up');
    ip(namespace, 'address', 'add', `${address}/64`, 'dev', 'eth1', 'nodad');
  }

  function discover(namespace: string): End {
    const news: string[] = [];
    const discovery = new NeighborDiscovery({
      namespace,
      interfaces: ['eth1'],
      keepKernelOut: true,
      clock: systemClock,
      random: Math.random,
      found: (name, address) => news.push(`${name} ${formatAddress(address)}`),
      lost: (_, reason) => news.push(reason),
      isInUse: () => false,
      warn: (message) => news.push(`warning: ${message}`),
    });
    const end = { discovery, news };
    ends.push(end);
    discovery.start();
    return end;
  }

  it('find each other within a second', async () => {
    const us = discover(near.name);
    await vi.waitFor(() => expect(us.news).toEqual(['waiting for a router advertisement on eth1']));
    const them = discover(far.name);
    await vi.waitFor(() => expect(us.news.at(-1)).toBe('eth1 fe80::2'), 1000);
    await vi.waitFor(() => expect(them.news.at(-1)).toBe('eth1 fe80::1'), 1000);
  });

  it("leave the kernel's own addresses and routes alone", async () => {
    ip(near.name, 'link', 'set', 'eth1', 'down');
    const set = ['sysctl', '-qw', 'net.ipv6.conf.eth1.accept_ra=2'];
    execFileSync('ip', ['netns', 'exec', near.name, ...set]);
    bringUp(near.name, 'fe80::1');
    const us = discover(near.name);
    discover(far.name);
    await vi.waitFor(() => expect(us.news.at(-1)).toBe('eth1 fe80::2'), 1000);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(ip(near.name, '-6', 'route', 'show', 'default')).toBe('');
  });

  it('are lost with the link, and found again', async () => {
    discover(far.name);
    const us = discover(near.name);
    await vi.waitFor(() => expect(us.news.at(-1)).toBe('eth1 fe80::2'), 1000);
    ip(far.name, 'link', 'set', 'eth1', 'down');
    await vi.waitFor(() => expect(us.news.at(-1)).toBe('eth1 has no carrier'));
    bringUp(far.name, 'fe80::2');
    await vi.waitFor(() => expect(us.news.at(-1)).toBe('eth1 fe80::2'), 3000);
    ip(near.name, 'link', 'set', 'eth1', 'down');
    await vi.waitFor(() => expect(us.news.at(-1)).toBe('eth1 is down'));
  });

  it('are lost with the name of the interface, and found when another one gets it', async () => {
    discover(far.name);
    const us = discover(near.name);
    await vi.waitFor(() => expect(us.news.at(-1)).toBe('eth1 fe80::2'), 1000);
    ip(near.name, 'link', 'set', 'eth1', 'down');
    ip(near.name, 'link', 'set', 'eth1', 'name', 'eth2');
    await vi.waitFor(() => expect(us.news.at(-1)).toBe('there is no interface eth1'));
    ip(near.name, 'link', 'set', 'eth2', 'name', 'eth1');
    bringUp(near.name, 'fe80::1');
    await vi.waitFor(() => expect(us.news.at(-1)).toBe('eth1 fe80::2'), 3000);
    ip(near.name, 'link', 'delete', 'eth1');
    await vi.waitFor(() => expect(us.news.at(-1)).toBe('there is no interface eth1'));
  });
});
