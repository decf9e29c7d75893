import { createSocket, type Socket } from 'node:dgram';
import { closeSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { type AllowedSource, allowSources, openUdpSocket } from '../../../dataplane/udp-socket.ts';
import { formatAddress, type IpAddress, parseAddress } from '../../../net/address.ts';

const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (!parsed) throw new Error(`${text} is no address`);
  return parsed;
}

/** A socket of ours in the hands of node:dgram. */
function adopt(descriptor: number, version: 4 | 6): Socket {
  const socket = createSocket(version === 4 ? 'udp4' : 'udp6');
  sockets.push(socket);
  socket.bind({ fd: descriptor });
  return socket;
}

function sender(from: string, ttl: number): Socket {
  const bindAddress = address(from);
  return adopt(openUdpSocket({ version: bindAddress.version, bindAddress, ttl }), bindAddress.version);
}

/** A socket that takes only what comes from some sources; what it got, each as `address text`. */
function receiver(at: string, sources: readonly AllowedSource[]) {
  const bindAddress = address(at);
  const { version } = bindAddress;
  const descriptor = openUdpSocket({ version, bindAddress });
  allowSources(descriptor, version, sources);
  const socket = adopt(descriptor, version);
  const got: string[] = [];
  socket.on('message', (payload, from) => got.push(`${from.address} ${payload}`));
  const sendFrom = (source: string, ttl: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const text = `ttl ${ttl}`;
      const done = (error: Error | null): void => (error ? reject(error) : resolve());
      sender(source, ttl).send(text, socket.address().port, at, done);
    });
  return { got, sendFrom, descriptor };
}

/** Loopback delivers at once; what was dropped would be there by now. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}

describe('a UDP socket that allows some sources', () => {
  it('takes their datagrams if those came over few enough hops', async () => {
    const { got, sendFrom } = receiver('127.0.0.1', [
      { address: address('127.0.0.2'), minTtl: 255 },
      { address: address('127.0.0.3'), minTtl: 250 },
    ]);
    for (const [source, ttl] of [
      ['127.0.0.2', 255],
      ['127.0.0.2', 254],
      ['127.0.0.3', 250],
      ['127.0.0.3', 249],
      ['127.0.0.4', 255],
    ] as const) {
      await sendFrom(source, ttl);
    }
    await settled();
    expect(got.sort()).toEqual(['127.0.0.2 ttl 255', '127.0.0.3 ttl 250']);
  });

  it('does so over IPv6', async () => {
    const other = { ...address('2001:db8::1'), minTtl: 1 };
    const { got, sendFrom } = receiver('::1', [
      { address: { version: 6, bytes: other.bytes }, minTtl: 1 },
      { address: address('::1'), minTtl: 255 },
    ]);
    await sendFrom('::1', 255);
    await sendFrom('::1', 64);
    await settled();
    expect(got).toEqual(['::1 ttl 255']);
  });

  it('takes none without sources, and others after a change', async () => {
    const { got, sendFrom, descriptor } = receiver('127.0.0.1', []);
    await sendFrom('127.0.0.2', 255);
    await settled();
    expect(got).toEqual([]);
    allowSources(descriptor, 4, [{ address: address('127.0.0.2'), minTtl: 255 }]);
    await sendFrom('127.0.0.2', 255);
    await settled();
    expect(got).toEqual(['127.0.0.2 ttl 255']);
  });

  it('takes as many as there may be neighbors', () => {
    const bindAddress = address('::1');
    const descriptor = openUdpSocket({ version: 6, bindAddress });
    const sources = Array.from({ length: 128 }, (_, index) => ({
      address: address(`2001:db8::${(index + 1).toString(16)}`),
      minTtl: 255,
    }));
    expect(() => allowSources(descriptor, 6, sources)).not.toThrow();
    expect(formatAddress(sources[127]?.address ?? bindAddress)).toBe('2001:db8::80');
    closeSync(descriptor);
  });
});
