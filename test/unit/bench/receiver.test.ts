import { describe, expect, test } from 'vitest';
import { Random } from '../../../bench/load/random.ts';
import { Receiver } from '../../../bench/load/receiver.ts';
import { internetRoutes, prefixRoutes } from '../../../bench/load/route-set.ts';
import { announcements, withdrawals } from '../../../bench/load/update-stream.ts';

const SENDER = { as: 64_512, prepends: 1, nextHop: Uint8Array.of(10, 98, 1, 1) };
const KEEPALIVE = Buffer.from(`${'ff'.repeat(16)}001304`, 'hex');
const READ_SIZE = 4096;

/** Gives a receiver the bytes in reads of these sizes, over and over. */
function feed(receiver: Receiver, bytes: Uint8Array, sizeOf: () => number): void {
  for (let at = 0; at < bytes.length; ) {
    const part = bytes.subarray(at, at + Math.min(sizeOf(), READ_SIZE));
    receiver.room(READ_SIZE).set(part);
    receiver.received(part.length);
    at += part.length;
  }
}

const IPV4 = internetRoutes('ipv4', 700);
const EVPN = prefixRoutes({ vnis: 3, vteps: 2, routes: 40, as: 64_700 });

describe.each([
  ['IPv4', IPV4, false],
  ['IPv6', internetRoutes('ipv6', 700), false],
  ['EVPN', EVPN, true],
] as const)('receiver of %s', (_, set, evpn) => {
  const stream = Buffer.concat([announcements(set, SENDER), KEEPALIVE, withdrawals(set, 0, 100)]);

  test.each([
    ['one octet at a time', () => () => 1],
    [
      'messages cut anywhere',
      () => {
        const random = new Random(7);
        return () => 1 + random.below(900);
      },
    ],
    ['many messages at a time', () => () => READ_SIZE],
  ])('counts the same: %s', (_name, sizes) => {
    const receiver = new Receiver(stream.length + READ_SIZE, evpn);
    feed(receiver, stream, sizes());
    expect(receiver).toMatchObject({ announced: set.count, withdrawn: 100, keepalives: 1, opens: 0 });
    expect(receiver.bytes.equals(stream)).toBe(true);
  });
});

describe('receiver', () => {
  test('forgets what was before, but not the half of a message that came already', () => {
    const stream = announcements(IPV4, SENDER);
    const receiver = new Receiver(2 * stream.length + READ_SIZE, false);
    feed(receiver, stream.subarray(0, 30), () => 30);
    receiver.clear();
    feed(receiver, stream.subarray(30), () => 1000);
    expect(receiver.announced).toBe(IPV4.count);
    receiver.clear();
    expect(receiver).toMatchObject({ announced: 0, updates: 0 });
    expect(receiver.bytes).toHaveLength(0);
  });

  test('counts the routes of one speaker alone', () => {
    // The second AS of a path that a daemon passes on is the one of the speaker that sent it.
    const relayed = announcements(IPV4, { ...SENDER, prepends: 2 });
    const receiver = new Receiver(1_000_000, false);
    receiver.countedAs = SENDER.as;
    feed(receiver, relayed, () => 500);
    expect(receiver.announced).toBe(IPV4.count);
    receiver.clear();
    receiver.countedAs = SENDER.as + 1;
    feed(receiver, relayed, () => 500);
    expect(receiver.announced).toBe(0);
  });

  test('refuses a NOTIFICATION, and more bytes than there is room for', () => {
    const receiver = new Receiver(READ_SIZE, false);
    const notification = Buffer.from(`${'ff'.repeat(16)}0015030602`, 'hex');
    expect(() => feed(receiver, notification, () => 21)).toThrow('NOTIFICATION 0602');
    expect(() => receiver.room(READ_SIZE)).toThrow(`more than ${READ_SIZE} bytes`);
  });
});
