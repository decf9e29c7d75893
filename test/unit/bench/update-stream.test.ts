import { describe, expect, test } from 'vitest';
import { internetRoutes, prefixRoutes, type RouteSet } from '../../../bench/load/route-set.ts';
import { announcements, type Sender, withdrawals } from '../../../bench/load/update-stream.ts';
import type { NlriRoute } from '../../../bgp/wire/nlri.ts';
import { type DecodedUpdate, decodeUpdate } from '../../../bgp/wire/update.ts';
import { formatAddress } from '../../../net/address.ts';
import { formatPrefix } from '../../../net/prefix.ts';
import { EBGP_CONTEXT } from '../bgp/wire/contexts.ts';

const IPV4_SENDER: Sender = { as: 64_512, prepends: 2, nextHop: Uint8Array.of(10, 98, 1, 1) };
const IPV6_SENDER: Sender = {
  as: 4_200_000_001,
  prepends: 1,
  nextHop: Uint8Array.of(0xfd, 0x98, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
};

/** Every UPDATE of a stream as the daemon's own decoder reads it; throws for what it finds fault with. */
function decode(stream: Uint8Array): DecodedUpdate[] {
  const updates: DecodedUpdate[] = [];
  for (let at = 0, next = 0; at < stream.length; at = next) {
    const length = ((stream[at + 16] as number) << 8) | (stream[at + 17] as number);
    expect(length).toBeLessThanOrEqual(4096);
    next = at + length;
    const update = decodeUpdate(stream, at, next, EBGP_CONTEXT);
    expect(update.errors).toEqual([]);
    updates.push(update);
  }
  return updates;
}

/** The prefix of a route, in EVPN behind its route distinguisher. */
function nameOf(route: NlriRoute): string {
  if (route.kind === 'unicast') return formatPrefix(route.prefix);
  if (route.kind !== 'evpn' || route.routeType !== 5) throw new TypeError(route.kind);
  return `${Buffer.from(route.rd).toString('hex')} ${formatPrefix(route.prefix)} ${route.label}`;
}

interface Heard {
  readonly name: string;
  readonly path: readonly number[];
  readonly nextHop: string;
  readonly update: DecodedUpdate;
}

function heard(stream: Uint8Array): Heard[] {
  return decode(stream).flatMap((update) =>
    update.announced.flatMap(({ routes, nextHop }) =>
      routes.map((route) => {
        const address = nextHop?.address ?? update.attributes.nextHop;
        return {
          name: nameOf(route),
          path: (update.attributes.asPath ?? []).flatMap(({ asns }) => asns),
          nextHop: address ? formatAddress(address) : '',
          update,
        };
      }),
    ),
  );
}

/** The attributes that each route of a set is to have, in the set's order. */
function meant(set: RouteSet): RouteSet['attributes'][number][] {
  return set.attributes.flatMap((one, index) => {
    const count = (set.firstRoute[index + 1] as number) - (set.firstRoute[index] as number);
    return Array.from({ length: count }, () => one);
  });
}

describe.each([
  ['IPv4', internetRoutes('ipv4', 6000), IPV4_SENDER, '10.98.1.1'],
  ['IPv6', internetRoutes('ipv6', 6000), IPV6_SENDER, 'fd98::1'],
  ['EVPN', prefixRoutes({ vnis: 5, vteps: 4, routes: 50, as: 64_700 }), IPV4_SENDER, undefined],
] as const)('stream of %s', (_, set, sender, nextHop) => {
  const routes = heard(announcements(set, sender));

  test('every route decodes, once', () => {
    expect(routes).toHaveLength(set.count);
    expect(new Set(routes.map(({ name }) => name)).size).toBe(set.count);
  });

  test('with the attributes that were meant', () => {
    meant(set).forEach((attributes, index) => {
      const { path, update, nextHop: hop } = routes[index] as Heard;
      expect(path).toEqual([...new Array(sender.prepends).fill(sender.as), ...attributes.asPath]);
      expect(hop).toBe(nextHop ?? attributes.nextHop?.join('.'));
      expect(update.attributes.origin).toBe(attributes.origin);
      expect(update.attributes.communities).toEqual(attributes.communities);
      const extended = Buffer.from(update.attributes.extendedCommunities).toString('hex');
      expect(extended).toBe(attributes.extendedCommunities.join(''));
    });
  });

  test('withdrawals name the same routes', () => {
    const gone = decode(withdrawals(set)).flatMap(({ withdrawn }) =>
      withdrawn.flatMap((list) => list.routes.map(nameOf)),
    );
    expect(gone).toEqual(routes.map(({ name }) => name));
  });

  test('a part of the set is that part', () => {
    const part = heard(announcements(set, sender, 17, 131)).map(({ name }) => name);
    expect(part).toEqual(routes.slice(17, 131).map(({ name }) => name));
  });
});

describe('routes', () => {
  test('are the same in each run', () => {
    const [one, other] = [internetRoutes('ipv4', 1000), internetRoutes('ipv4', 1000)];
    expect(Buffer.from(one.nlri).equals(other.nlri)).toBe(true);
    expect(one.attributes).toEqual(other.attributes);
  });

  test('no two sets of attributes are the same', () => {
    const { attributes } = internetRoutes('ipv4', 6000);
    expect(attributes).toHaveLength(1000);
    expect(new Set(attributes.map((one) => JSON.stringify(one))).size).toBe(1000);
  });

  test('have the lengths of the global tables', () => {
    const shares = (family: 'ipv4' | 'ipv6'): Map<number, number> => {
      const set = internetRoutes(family, 20_000);
      const counts = new Map<number, number>();
      for (let route = 0; route < set.count; route++) {
        const length = set.nlri[set.nlriStart[route] as number] as number;
        counts.set(length, (counts.get(length) ?? 0) + 1 / set.count);
      }
      return counts;
    };
    const ipv4 = shares('ipv4');
    expect(ipv4.get(24)).toBeCloseTo(0.607, 1);
    expect(ipv4.get(22)).toBeCloseTo(0.118, 1);
    expect(Math.min(...ipv4.keys())).toBeGreaterThanOrEqual(8);
    expect(Math.max(...ipv4.keys())).toBe(24);
    const ipv6 = shares('ipv6');
    expect(ipv6.get(48)).toBeCloseTo(0.5, 1);
    expect(ipv6.get(32)).toBeCloseTo(0.13, 1);
  });

  test('a marked route tells its VNI', () => {
    const set = prefixRoutes({ vnis: 2, vteps: 1, routes: 1, as: 64_700, firstVni: 300, marked: true });
    expect(set.attributes.map(({ communities }) => communities)).toEqual([
      [64_700 * 65_536 + 300],
      [64_700 * 65_536 + 301],
    ]);
  });
});
