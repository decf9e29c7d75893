import { execFileSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openIcmpv6Receiver } from '../../../dataplane/link-socket.ts';
import { encodeAdvertisement, ROUTER_ADVERTISEMENT } from '../../../discovery/router-message.ts';
import { readPackets } from '../../../src/discovery/packet-reader.ts';
import { makeNamespace, namespaceObstacle } from '../transport/tcp-bench.ts';
import { addressOf, packetOf } from './packets.ts';

const obstacle = namespaceObstacle();
if (obstacle) console.log(`test/unit/discovery/receiver.test.ts is skipped: ${obstacle}`);

const ALL_NODES_MAC = '333300000001';
const IPV6 = '86dd';
const TAGGED_IPV6 = '8100006486dd';

/** Sends a frame as it is: no other tool of a bare Debian does. */
const SEND = `import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth1', 0))
s.send(bytes.fromhex(sys.argv[1]))`;

describe.skipIf(obstacle !== undefined)('the socket that router advertisements arrive on', () => {
  let near: ReturnType<typeof makeNamespace>;
  let far: ReturnType<typeof makeNamespace>;
  beforeAll(() => {
    near = makeNamespace();
    far = makeNamespace();
    const ip = (...args: string[]): unknown => execFileSync('ip', args);
    ip('link', 'add', 'eth1', 'netns', near.name, 'type', 'veth', 'peer', 'name', 'eth1', 'netns', far.name);
    for (const { name } of [near, far]) ip('-n', name, 'link', 'set', 'eth1', 'up');
  });
  afterAll(() => {
    near.remove();
    far.remove();
  });

  it('takes those that are for this interface, and nothing of its VLANs or for other hosts', async () => {
    const text = execFileSync('ip', ['-n', near.name, '-j', 'link', 'show', 'eth1'], { encoding: 'utf8' });
    const [{ ifindex = 0 } = {}] = JSON.parse(text) as { ifindex?: number }[];
    const place = { namespace: near.name, name: 'eth1', index: ifindex };
    const heard: number[] = [];
    const receiver = openIcmpv6Receiver(place, [ROUTER_ADVERTISEMENT]);
    const reader = readPackets(receiver, {
      packet: (bytes) => heard.push(bytes[23] ?? 0),
      error: () => closeSync(receiver),
    });
    try {
      const send = (to: string, type: string, host: number): void => {
        const advertisement = encodeAdvertisement({
          routerLifetime: 30,
          linkLayerAddress: Uint8Array.of(2, 0, 0, 0, 0, 9),
        });
        const packet = packetOf(advertisement, addressOf(`fe80::${host}`));
        const frame = `${to}020000000009${type}${Buffer.from(packet).toString('hex')}`;
        execFileSync('ip', ['netns', 'exec', far.name, 'python3', '-c', SEND, frame]);
      };
      send(ALL_NODES_MAC, TAGGED_IPV6, 1);
      send('02aabbccddee', IPV6, 2);
      send(ALL_NODES_MAC, IPV6, 3);
      await expect.poll(() => heard).toEqual([3]);
    } finally {
      reader.close();
    }
  });
});
