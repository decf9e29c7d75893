import { describe, expect, test } from 'vitest';
import type { Deviations } from '../../../bench/daemons/daemon.ts';
import { RouteCheck } from '../../../bench/load/check.ts';
import { Receiver } from '../../../bench/load/receiver.ts';
import { type RouteAttributes, RouteSet } from '../../../bench/load/route-set.ts';
import { announcements, type Sender, withdrawals } from '../../../bench/load/update-stream.ts';

const SENDER: Sender = { as: 64_512, prepends: 1, nextHop: Uint8Array.of(10, 98, 1, 1) };
const DAEMON: Sender = { as: 65_000, prepends: 1, nextHop: Uint8Array.of(10, 98, 0, 1) };
const NEXT_HOP = '0a620001';

const NOTHING: RouteAttributes = {
  origin: 0,
  asPath: [64_700],
  communities: [],
  extendedCommunities: [],
  nextHop: undefined,
};

const ATTRIBUTES: readonly RouteAttributes[] = [
  { ...NOTHING, asPath: [1, 2], communities: [100, 200, 300] },
  { ...NOTHING, asPath: [3], communities: [100] },
  { ...NOTHING, asPath: [4], origin: 2 },
];

const NLRI = [
  [Uint8Array.of(24, 11, 0, 0), Uint8Array.of(16, 12, 0)],
  [Uint8Array.of(24, 11, 0, 1)],
  [Uint8Array.of(22, 11, 0, 4)],
];

const SENT = new RouteSet('ipv4', ATTRIBUTES, NLRI);

type Change = Partial<RouteAttributes>;

/** As a daemon passes the routes on: with the sender's AS in the path, and with changes of attributes by their index. */
function relayed(
  set: RouteSet,
  nlri: Uint8Array[][],
  changes: readonly (Change | undefined)[] = [],
): RouteSet {
  const attributes = set.attributes.map((one, index) => {
    const changed = { ...one, ...changes[index] };
    return { ...changed, asPath: [SENDER.as, ...changed.asPath] };
  });
  return new RouteSet(set.family, attributes, nlri);
}

function complaintOf(
  set: RouteSet,
  messages: readonly Uint8Array[],
  { deviations = {}, present = true }: { readonly deviations?: Deviations; readonly present?: boolean } = {},
): string | undefined {
  const stream = Buffer.concat(messages);
  const receiver = new Receiver(stream.length, set.family === 'evpn');
  receiver.room(stream.length).set(stream);
  receiver.received(stream.length);
  const check = new RouteCheck({ set, sender: SENDER, daemonAs: DAEMON.as, deviations }, NEXT_HOP);
  return check.complaint(receiver, present);
}

const GOOD = announcements(relayed(SENT, NLRI), DAEMON);

describe('check of received routes', () => {
  test('nothing to complain of', () => {
    expect(complaintOf(SENT, [GOOD])).toBeUndefined();
  });

  test('communities may come in another order', () => {
    const routes = relayed(SENT, NLRI, [{ communities: [300, 100, 200] }]);
    expect(complaintOf(SENT, [announcements(routes, DAEMON)])).toBeUndefined();
  });

  test('a missing route', () => {
    const fewer = NLRI.map((routes, index) => (index === 0 ? routes.slice(0, 1) : routes));
    const complaint = complaintOf(SENT, [announcements(relayed(SENT, fewer), DAEMON)]);
    expect(complaint).toMatch(/^1 of 4 routes .* 100c00, is missing$/);
  });

  test.each<[string, Change]>([
    ['community', { communities: [100, 200, 301] }],
    ['community that is not there', { communities: [100, 200] }],
    ['community too many', { communities: [100, 200, 300, 400] }],
    ['path', { asPath: [1, 3] }],
    ['origin', { origin: 1 }],
  ])('a wrong %s', (_, change) => {
    const complaint = complaintOf(SENT, [announcements(relayed(SENT, NLRI, [change]), DAEMON)]);
    expect(complaint).toMatch(/^2 of 4 routes are not as sent, the first, 180b0000, has "/);
  });

  test('a wrong next hop', () => {
    const other = { ...DAEMON, nextHop: SENDER.nextHop };
    expect(complaintOf(SENT, [announcements(relayed(SENT, NLRI), other)])).toContain('4 of 4 routes');
  });

  test('a path without the daemon, or with it twice', () => {
    expect(complaintOf(SENT, [announcements(SENT, SENDER)])).toContain('4 of 4 routes');
    const twice = announcements(relayed(SENT, NLRI), { ...DAEMON, prepends: 2 });
    expect(complaintOf(SENT, [twice])).toContain('4 of 4 routes');
  });

  test('attributes of another route', () => {
    const mixed = [NLRI[1] ?? [], NLRI[0] ?? [], NLRI[2] ?? []];
    const complaint = complaintOf(SENT, [announcements(relayed(SENT, mixed), DAEMON)]);
    expect(complaint).toMatch(/^3 of 4 routes/);
  });

  test('a route that was never sent', () => {
    const more = NLRI.map((routes, index) =>
      index === 2 ? [...routes, Uint8Array.of(24, 99, 0, 0)] : routes,
    );
    expect(complaintOf(SENT, [announcements(relayed(SENT, more), DAEMON)])).toBe(
      'a route that was not sent: 18630000',
    );
  });

  test('the last word on a route counts', () => {
    const wrong = announcements(relayed(SENT, NLRI, [{ communities: [1] }]), DAEMON);
    expect(complaintOf(SENT, [wrong, GOOD])).toBeUndefined();
    expect(complaintOf(SENT, [GOOD, wrong])).toContain('2 of 4 routes');
    expect(complaintOf(SENT, [GOOD, withdrawals(SENT, 1, 2)])).toMatch(/^1 of 4 routes .* is missing$/);
    expect(complaintOf(SENT, [GOOD, withdrawals(SENT), GOOD])).toBeUndefined();
  });

  test('routes that are to be gone', () => {
    expect(complaintOf(SENT, [GOOD, withdrawals(SENT)], { present: false })).toBeUndefined();
    expect(complaintOf(SENT, [GOOD, withdrawals(SENT, 0, 3)], { present: false })).toMatch(/is still there$/);
  });
});

describe('check of EVPN routes', () => {
  const ENCAPSULATION = '030c000000000008';
  const tunnel = (host: number): RouteAttributes => ({
    ...NOTHING,
    extendedCommunities: ['0002fcbc00000064', ENCAPSULATION, `060302aa0064000${host}`],
    nextHop: [100, 64, 0, host],
  });
  const prefixRoute = (host: number): Uint8Array => {
    const bytes = new Uint8Array(36);
    bytes.set([5, 34, 0, 1, 100, 64, 0, host]);
    bytes[24] = 32;
    return bytes;
  };
  const nlri = [[prefixRoute(1)], [prefixRoute(2)]];
  const sent = new RouteSet('evpn', [tunnel(1), tunnel(2)], nlri);
  const passedOn = (changes: readonly Change[] = []) => announcements(relayed(sent, nlri, changes), DAEMON);
  const own = { nextHop: [...DAEMON.nextHop] };
  const without = (host: number) => ({
    extendedCommunities: tunnel(host).extendedCommunities.filter((one) => one !== ENCAPSULATION),
  });

  test('the next hop is the one that was sent', () => {
    expect(complaintOf(sent, [passedOn()])).toBeUndefined();
    expect(complaintOf(sent, [passedOn([own, own])])).toContain('2 of 2 routes');
  });

  test('a daemon that is known to put itself there has to do so', () => {
    const deviations = { evpnNextHopSelf: true };
    expect(complaintOf(sent, [passedOn([own, own])], { deviations })).toBeUndefined();
    expect(complaintOf(sent, [passedOn()], { deviations })).toContain('2 of 2 routes');
  });

  test('all extended communities come, less those that a daemon is known to drop', () => {
    const changed = [passedOn([without(1), without(2)])];
    expect(complaintOf(sent, changed)).toContain('2 of 2 routes');
    const deviations = { dropsExtendedCommunities: [ENCAPSULATION] };
    expect(complaintOf(sent, changed, { deviations })).toBeUndefined();
    expect(complaintOf(sent, [passedOn()], { deviations })).toContain('2 of 2 routes');
  });

  test('attributes that differ in the octet before a short MP_REACH_NLRI are told apart', () => {
    // As GoBGP writes it: MP_REACH_NLRI last, its length in one octet.
    const message = (host: number, mac: number): Buffer => {
      const extended = tunnel(mac).extendedCommunities.join('');
      const path = `40020e0203${[DAEMON.as, SENDER.as, 64_700].map((as) => as.toString(16).padStart(8, '0')).join('')}`;
      const reach = `800e2d001946040a62000100${Buffer.from(prefixRoute(host)).toString('hex')}`;
      const attributes = `400101 00${path}c01018${extended}${reach}`.replace(' ', '');
      const size = attributes.length / 2;
      const head = `${'ff'.repeat(16)}${(23 + size).toString(16).padStart(4, '0')}020000`;
      return Buffer.from(`${head}${size.toString(16).padStart(4, '0')}${attributes}`, 'hex');
    };
    const deviations = { evpnNextHopSelf: true };
    expect(complaintOf(sent, [message(1, 1), message(2, 2)], { deviations })).toBeUndefined();
    expect(complaintOf(sent, [message(1, 1), message(2, 1)], { deviations })).toContain('1 of 2 routes');
  });
});
