import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ByteSource } from '../../src/decode/byte-source.ts';
import type { CaptureSummary, TimedMessage } from '../../src/decode/capture-summary.ts';
import { decodeCapture } from '../../src/decode/decode-capture.ts';
import {
  ACK,
  type BuiltSegment,
  ethernet,
  ipv4Packet,
  ipv6Packet,
  KEEPALIVE,
  pcap,
  pcapng,
  refresh,
  SYN,
} from './capture-builder.ts';

const ASSUMED = {
  fourOctetAs: true,
  addPath: new Set<number>(),
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ebgp',
} as const;

interface Read {
  readonly messages: readonly TimedMessage[];
  readonly summary: CaptureSummary;
  /** The numbers that {@link refresh} was given. */
  readonly numbers: readonly number[];
}

/** Reads a file that comes in chunks of a few octets. */
async function read(file: Uint8Array, chunkSize = 1000): Promise<Read> {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < file.length; at += chunkSize) chunks.push(file.subarray(at, at + chunkSize));
  const messages: TimedMessage[] = [];
  const summary = await decodeCapture(new ByteSource(Readable.from(chunks)), ASSUMED, {
    message: (message) => messages.push(message),
    ready: () => undefined,
  });
  const numbers = messages.flatMap(({ message }) =>
    message.type === 'route-refresh' ? [message.routeRefresh.family >>> 8] : [],
  );
  return { messages, summary, numbers };
}

function frames(segments: readonly BuiltSegment[]): Uint8Array {
  return pcap(segments.map((segment) => ethernet(0x0800, ipv4Packet(segment))));
}

/** A segment of whole messages; each refresh has 23 octets. */
function messagesAt(sequence: number, ...numbers: number[]): BuiltSegment {
  return { sequence: sequence >>> 0, payload: Buffer.concat(numbers.map(refresh)) };
}

const syn = (sequence: number): BuiltSegment => ({ sequence, flags: SYN });

describe('capture files', () => {
  const packet = ethernet(0x0800, ipv4Packet({ sequence: 1, payload: KEEPALIVE }));
  const next = ethernet(0x0800, ipv4Packet({ sequence: 20, payload: KEEPALIVE }));

  it.each([
    { littleEndian: true, nanoseconds: false },
    { littleEndian: false, nanoseconds: false },
    { littleEndian: true, nanoseconds: true },
    { littleEndian: false, nanoseconds: true },
  ])('pcap of %o', async (form) => {
    for (const chunkSize of [1, 7, 100_000]) {
      const { messages } = await read(pcap([packet], form), chunkSize);
      expect(messages).toHaveLength(1);
      expect(messages[0]?.time).toBeCloseTo(0.25, 6);
    }
  });

  it.each([true, false])('pcapng, little endian: %s', async (littleEndian) => {
    for (const chunkSize of [1, 7, 100_000]) {
      const { messages } = await read(pcapng(packet, next, littleEndian), chunkSize);
      expect(messages.map(({ time }) => time)).toEqual([1.5, undefined]);
    }
  });

  it.each([
    ['a pcapng block cut off', pcapng(packet, next, true).subarray(0, 100), 'truncated'],
    [
      'a pcapng section without byte order',
      Buffer.concat([pcapng(packet, next, true).subarray(0, 8), Buffer.alloc(20)]),
      'malformed',
    ],
    ['a header cut off', pcap([]).subarray(0, 20), 'truncated'],
    ['a packet header cut off', pcap([packet]).subarray(0, 30), 'truncated'],
    ['a packet cut off', pcap([packet]).subarray(0, 60), 'truncated'],
    ['another format', Buffer.from('this is not a capture'), 'unknown-format'],
    ['nothing', Buffer.alloc(0), 'unknown-format'],
    ['a link type that is not read', pcap([packet], { linkType: 147 }), 'unsupported-link-type'],
  ])('%s is a typed error', async (_name, file, kind) => {
    await expect(read(file)).rejects.toMatchObject({ name: 'CaptureError', kind });
  });

  it('gives what came before the error', async () => {
    const file = pcap([packet, packet]);
    const messages: TimedMessage[] = [];
    const source = new ByteSource(Readable.from([file.subarray(0, file.length - 3)]));
    const sink = { message: (message: TimedMessage) => messages.push(message), ready: () => undefined };
    await expect(decodeCapture(source, ASSUMED, sink)).rejects.toMatchObject({ kind: 'truncated' });
    expect(messages).toHaveLength(1);
  });
});

describe('link and network layers', () => {
  const ip = ipv4Packet({ sequence: 1, payload: KEEPALIVE });
  const ip6 = ipv6Packet({ sequence: 1, payload: KEEPALIVE });

  it.each([
    ['Ethernet', 1, ethernet(0x0800, ip)],
    ['Ethernet with padding', 1, Buffer.concat([ethernet(0x0800, ip), Buffer.alloc(9)])],
    ['802.1Q', 1, ethernet(0x0800, ip, [[0x8100, 7]])],
    ['802.1ad over 802.1Q', 1, ethernet(0x0800, ip, [[0x88a8, 200], [0x8100, 7]])], // biome-ignore format: one line
    ['Ethernet and IPv6', 1, ethernet(0x86dd, ip6)],
    ['raw IPv4', 101, ip],
    ['raw IPv6', 101, ip6],
    ['BSD loopback, little endian', 0, Buffer.concat([Buffer.from([2, 0, 0, 0]), ip])],
    ['BSD loopback, big endian', 0, Buffer.concat([Buffer.from([0, 0, 0, 2]), ip])],
    ['BSD loopback and IPv6', 0, Buffer.concat([Buffer.from([30, 0, 0, 0]), ip6])],
    ['OpenBSD loopback', 108, Buffer.concat([Buffer.from([0, 0, 0, 24]), ip6])],
    ['Linux cooked', 113, Buffer.concat([Buffer.alloc(14), Buffer.from([0x08, 0x00]), ip])],
    ['Linux cooked v2', 276, Buffer.concat([Buffer.from([0x08, 0x00]), Buffer.alloc(18), ip])],
  ])('%s', async (_name, linkType, packet) => {
    const { messages } = await read(pcap([packet], { linkType }));
    expect(messages.map(({ message }) => message.type)).toEqual(['keepalive']);
  });

  it('IPv6 extension headers are skipped', async () => {
    const hopByHop = [60, 0, 1, 4, 0, 0, 0, 0];
    const destination = [6, 0, 1, 4, 0, 0, 0, 0];
    const packet = ipv6Packet({ sequence: 1, payload: KEEPALIVE }, 0, [...hopByHop, ...destination]);
    const { messages } = await read(pcap([ethernet(0x86dd, packet)]));
    expect(messages).toHaveLength(1);
    expect(messages[0]?.source).toBe('2001:db8::1 40000');
  });

  it('fragments are counted', async () => {
    const fragment = ipv4Packet({ sequence: 1, payload: KEEPALIVE }, 0x2000);
    const fragment6 = ipv6Packet({ sequence: 1, payload: KEEPALIVE }, 44, [6, 0, 0, 1, 0, 0, 0, 1]);
    const { summary } = await read(pcap([ethernet(0x0800, fragment), ethernet(0x86dd, fragment6)]));
    expect(summary).toMatchObject({ fragments: 2, messages: 0 });
  });

  it('packets cut short in their headers do no harm', async () => {
    const whole = ethernet(0x0800, ip);
    const packets = Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length));
    const { summary } = await read(pcap(packets));
    expect(summary.packets).toBe(whole.length);
    expect(summary.messages).toBe(0);
  });
});

describe('TCP streams', () => {
  it('come in order although their segments do not', async () => {
    const { numbers, summary } = await read(
      frames([syn(99), messagesAt(146, 3), messagesAt(100, 1), messagesAt(123, 2), messagesAt(169, 4)]),
    );
    expect(numbers).toEqual([1, 2, 3, 4]);
    expect(summary.gaps).toBe(0);
  });

  it('show no octet twice', async () => {
    const { numbers } = await read(
      frames([
        syn(99),
        messagesAt(100, 1, 2),
        messagesAt(100, 1),
        messagesAt(123, 2, 3),
        messagesAt(169, 4),
        messagesAt(123, 2, 3, 4),
      ]),
    );
    expect(numbers).toEqual([1, 2, 3, 4]);
  });

  it('go on where sequence numbers start again', async () => {
    const start = 2 ** 32 - 30;
    const { numbers } = await read(
      frames([syn(start - 1), messagesAt(start + 46, 3), messagesAt(start, 1), messagesAt(start + 23, 2)]),
    );
    expect(numbers).toEqual([1, 2, 3]);
  });

  it('go on behind a hole with the next segment that starts with a message', async () => {
    const half = { sequence: 192, payload: refresh(9).subarray(12) };
    const { numbers, summary } = await read(
      frames([syn(99), messagesAt(100, 1), half, messagesAt(203, 5), messagesAt(226, 6)]),
    );
    expect(numbers).toEqual([1, 5, 6]);
    expect(summary.gaps).toBe(1);
  });

  it('go on without waiting for the end once the receiver has acknowledged what is missing', async () => {
    const acknowledgments = Array.from({ length: 70 }, () => ({
      source: ['192.0.2.2', 179] as const,
      destination: ['192.0.2.1', 40000] as const,
      sequence: 1,
      acknowledgment: 169,
    }));
    const { messages } = await read(
      frames([syn(99), messagesAt(100, 1), messagesAt(146, 3), ...acknowledgments, messagesAt(169, 4)]),
    );
    expect(messages.map(({ time }) => Math.floor(time ?? -1))).toEqual([1, 67, 73]);
  });

  it('may have begun before the capture', async () => {
    const middle = { sequence: 500, payload: refresh(9).subarray(5) };
    const { numbers } = await read(frames([middle, messagesAt(518, 1, 2), messagesAt(564, 3)]));
    expect(numbers).toEqual([1, 2, 3]);
  });

  it('are new when the same ports come back with another SYN', async () => {
    const { numbers } = await read(
      frames([syn(99), messagesAt(100, 1), syn(5000), messagesAt(5001, 2), syn(5000), messagesAt(5024, 3)]),
    );
    expect(numbers).toEqual([1, 2, 3]);
  });

  it('show a header that is wrong, then go on with the next segment', async () => {
    const noise = { sequence: 123, payload: Buffer.from('this is not a message at all') };
    const { messages } = await read(frames([syn(99), messagesAt(100, 1), noise, messagesAt(151, 2)]));
    expect(messages.map(({ message }) => message.type)).toEqual(['route-refresh', 'error', 'route-refresh']);
  });

  it('on other ports are read when they start with a message', async () => {
    const segment = {
      ...messagesAt(1, 1),
      source: ['192.0.2.1', 40000] as const,
      destination: ['192.0.2.2', 1790] as const,
      flags: ACK,
    };
    const other = { ...segment, source: ['192.0.2.9', 1] as const, payload: Buffer.from('GET / HTTP/1.1') };
    expect((await read(frames([segment, other]))).numbers).toEqual([1]);
  });

  it('with segments of one octet give whole messages', async () => {
    const stream = Buffer.concat([refresh(1), KEEPALIVE, refresh(2)]);
    const segments = Array.from(stream, (_, index) => ({
      sequence: 100 + index,
      payload: stream.subarray(index, index + 1),
    }));
    const { messages } = await read(frames([syn(99), ...segments.reverse()]));
    expect(messages.map(({ message }) => message.type)).toEqual([
      'route-refresh',
      'keepalive',
      'route-refresh',
    ]);
  });
});
