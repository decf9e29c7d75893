import { describe, expect, it } from 'vitest';
import { UpdateBatch } from '../../../../bgp/rib/update-batch.ts';
import { type UpdateSegment, UpdateWriter } from '../../../../bgp/rib/update-writer.ts';
import type { WireContext } from '../../../../bgp/wire/context.ts';
import { type Family, IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../../../bgp/wire/family.ts';
import { type DecodedUpdate, decodeUpdate } from '../../../../bgp/wire/update.ts';
import { fromHex } from '../../../../net/hex.ts';
import { formatPrefix } from '../../../../net/prefix.ts';
import { splitMessages } from './received-routes.ts';
import { unicastKey } from './rib-bench.ts';
import { addressOf } from './speaker-bench.ts';

const CONTEXT: WireContext = {
  fourOctetAs: true,
  addPath: () => false,
  extendedMessage: true,
  extendedNextHop: true,
  peerType: 'ebgp',
};
/** ORIGIN and AS_PATH; NEXT_HOP for IPv4. */
const ATTRIBUTES = fromHex('4001010040020602010000fde9') ?? new Uint8Array(0);
const WITH_NEXT_HOP = Uint8Array.of(...ATTRIBUTES, 0x40, 3, 4, 192, 0, 2, 1);
const NEXT_HOP_6 = addressOf('2001:db8::1').bytes;

interface Sent extends Pick<UpdateSegment, 'except' | 'only'> {
  readonly size: number;
  readonly update: DecodedUpdate;
}

function sent(segments: readonly UpdateSegment[]): Sent[] {
  return segments.flatMap(({ bytes, except, only }) =>
    [...splitMessages(bytes)].map(({ start, end }) => {
      const update = decodeUpdate(bytes, start, end, CONTEXT);
      expect(update.errors).toEqual([]);
      return { except, only, size: end - start, update };
    }),
  );
}

const prefixesOf = (lists: DecodedUpdate['announced']): string[] =>
  lists.flatMap(({ routes }) =>
    routes.map((route) => (route.kind === 'unicast' ? formatPrefix(route.prefix) : `[${route.kind}]`)),
  );

function add(writer: UpdateWriter, text: string): boolean {
  const key = unicastKey(text);
  return writer.addRoute(key, key.length);
}

describe('an update writer', () => {
  it.each([
    [4096, IPV4_UNICAST, false],
    [65535, IPV4_UNICAST, false],
    [4096, IPV4_UNICAST, true],
    [4096, IPV6_UNICAST, true],
    [65535, IPV6_UNICAST, true],
  ] as const)(
    'fills messages up to %i octets (family %i, multiprotocol %s)',
    (most, family, multiprotocol) => {
      const writer = new UpdateWriter(family, most, multiprotocol);
      const textOf = (number: number): string =>
        family === IPV4_UNICAST
          ? `10.${number >> 8}.${number & 0xff}.0/24`
          : `2001:db8:${(number + 1).toString(16)}::/48`;
      const texts = Array.from({ length: 20_000 }, (_, number) => textOf(number));
      if (multiprotocol) writer.beginAnnouncements(ATTRIBUTES, ATTRIBUTES.length, NEXT_HOP_6);
      else writer.beginAnnouncements(WITH_NEXT_HOP, WITH_NEXT_HOP.length, NEXT_HOP_6);
      expect(texts.every((text) => add(writer, text))).toBe(true);
      writer.beginWithdrawals();
      expect(texts.every((text) => add(writer, text))).toBe(true);
      const messages = sent(writer.take());
      expect(messages.flatMap(({ update }) => prefixesOf(update.announced))).toEqual(texts);
      expect(messages.flatMap(({ update }) => prefixesOf(update.withdrawn))).toEqual(texts);
      const routeSize = family === IPV4_UNICAST ? 4 : 7;
      const largest = Math.max(...messages.map(({ size }) => size));
      expect(largest).toBeLessThanOrEqual(most);
      expect(largest).toBeGreaterThan(most - routeSize);
      expect(writer.take()).toEqual([]);
    },
  );

  it('keeps audiences apart and messages of one audience together', () => {
    const writer = new UpdateWriter(IPV4_UNICAST, 4096, false);
    writer.setAudience(7, 0);
    writer.beginAnnouncements(WITH_NEXT_HOP, WITH_NEXT_HOP.length, NEXT_HOP_6);
    add(writer, '10.0.0.0/8');
    writer.setAudience(7, 0);
    add(writer, '10.1.0.0/16');
    writer.setAudience(0, 9);
    writer.beginWithdrawals();
    add(writer, '10.2.0.0/16');
    writer.beginWithdrawals();
    add(writer, '10.3.0.0/16');
    writer.setAudience(0, 0);
    writer.endOfRib();
    expect(writer.pendingBytes).toBeGreaterThan(0);
    const messages = sent(writer.take());
    expect(messages.map(({ except, only }) => [except, only])).toEqual([
      [7, 0],
      [0, 9],
      [0, 0],
    ]);
    expect(prefixesOf(messages[0]?.update.announced ?? [])).toEqual(['10.0.0.0/8', '10.1.0.0/16']);
    expect(prefixesOf(messages[1]?.update.withdrawn ?? [])).toEqual(['10.2.0.0/16', '10.3.0.0/16']);
    expect(messages[2]?.update.endOfRib).toBe(IPV4_UNICAST);
    expect(writer.pendingBytes).toBe(0);
  });

  it.each<[string, Family]>([
    ['IPv4', IPV4_UNICAST],
    ['IPv6', IPV6_UNICAST],
    ['EVPN', L2VPN_EVPN],
  ])('marks the end of the RIB of %s, after routes and before them', (_, family) => {
    const writer = new UpdateWriter(family, 4096, true);
    writer.beginWithdrawals();
    writer.endOfRib();
    writer.endOfRib();
    expect(sent(writer.take()).map(({ update }) => update.endOfRib)).toEqual([family, family]);
    if (family !== IPV6_UNICAST) return;
    writer.beginAnnouncements(ATTRIBUTES, ATTRIBUTES.length, NEXT_HOP_6);
    add(writer, '2001:db8::/32');
    writer.endOfRib();
    const messages = sent(writer.take());
    expect(messages.map(({ update }) => update.endOfRib)).toEqual([undefined, family]);
  });

  it('refuses a route that does not fit beside its attributes, and goes on', () => {
    for (const multiprotocol of [false, true]) {
      const writer = new UpdateWriter(multiprotocol ? IPV6_UNICAST : IPV4_UNICAST, 4096, multiprotocol);
      const size = 4096 - 23 - (multiprotocol ? 4 + 5 + 16 : 0) - 4;
      const filler = Uint8Array.of(
        0xd0,
        200,
        (size - 4) >> 8,
        (size - 4) & 0xff,
        ...new Uint8Array(size - 4),
      );
      writer.beginAnnouncements(filler, filler.length, NEXT_HOP_6);
      const short = unicastKey(multiprotocol ? '2001::/24' : '10.0.0.0/24');
      expect([writer.addRoute(short, 4), writer.addRoute(new Uint8Array(5), 5)]).toEqual([true, false]);
      const huge = new Uint8Array(60_000);
      writer.beginAnnouncements(huge, huge.length, NEXT_HOP_6);
      expect(writer.addRoute(short, 4)).toBe(false);
      writer.beginWithdrawals();
      expect(writer.addRoute(short, 4)).toBe(true);
      const bytes = writer
        .take()
        .map((segment) => [...splitMessages(segment.bytes)].map(({ start, end }) => end - start));
      expect(bytes.flat()[0]).toBe(4096);
      expect(bytes.flat()).toHaveLength(2);
    }
  });

  it('does not change what was taken', () => {
    const writer = new UpdateWriter(IPV4_UNICAST, 4096, false);
    writer.beginWithdrawals();
    add(writer, '10.0.0.0/8');
    const [first] = writer.take();
    const before = first?.bytes.slice();
    for (let number = 0; number < 100_000; number++) add(writer, `10.${number & 0xff}.0.0/16`);
    writer.take();
    expect(first?.bytes).toEqual(before);
  });
});

describe('an update batch', () => {
  it('sorts announcements into buckets of attributes and source, in their order', () => {
    const batch = new UpdateBatch(4096);
    for (let round = 0; round < 3; round++) {
      batch.clear();
      const model = new Map<string, number[]>();
      for (let prefix = 0; prefix < 4096; prefix++) {
        const attributes = (prefix * 31) % (round === 2 ? 4096 : 7);
        const source = prefix % 3;
        batch.add(prefix, attributes, source, prefix + 1);
        const key = `${attributes} ${source}`;
        model.set(key, [...(model.get(key) ?? []), prefix]);
      }
      const got = new Map<string, number[]>();
      for (let bucket = 0; bucket < batch.buckets; bucket++) {
        const prefixes: number[] = [];
        for (let entry = batch.firstEntry(bucket); entry >= 0; entry = batch.nextEntry(entry)) {
          prefixes.push(batch.prefix(entry));
          expect(batch.extra(entry)).toBe(batch.prefix(entry) + 1);
        }
        got.set(`${batch.attributes(bucket)} ${batch.source(bucket)}`, prefixes);
      }
      expect([...got]).toEqual([...model]);
      expect(() => batch.add(0, 0, 0, 0)).toThrow(RangeError);
    }
  });
});
