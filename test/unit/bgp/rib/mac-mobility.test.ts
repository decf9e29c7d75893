import { describe, expect, it } from 'vitest';
import type { Rib } from '../../../../bgp/rib/rib.ts';
import { SourceKind } from '../../../../bgp/rib/sources.ts';
import { WellKnownCommunity } from '../../../../bgp/wire/constants.ts';
import { L2VPN_EVPN } from '../../../../bgp/wire/family.ts';
import { internAttributes, RibBench } from './rib-bench.ts';

/** Key of a MAC/IP Advertisement route, or of an Inclusive Multicast route; its octets are not looked at. */
function keyOf(type: 2 | 3): Uint8Array {
  return Uint8Array.of(type, 0, 1, 10, 0, 0, 1, 0, 1, 0, 0, 0, 0, 48, 2, 0, 0, 0, 0, 1, 0);
}

function mobility(sequence: number, flags = 0): Uint8Array {
  const bytes = Uint8Array.of(0x06, 0x00, flags, 0, 0, 0, 0, 0);
  new DataView(bytes.buffer).setUint32(4, sequence);
  return bytes;
}

/** A route target before the community in question: it is not always the first one. */
function communities(own: Uint8Array): Uint8Array {
  return Uint8Array.of(0, 2, 0xfd, 0xe9, 0, 0, 0, 110, ...own);
}

/** Announces a MAC by two peers, of which the second has the longer AS path; gives the one that wins, and why. */
function contest(
  first: Uint8Array,
  second: Uint8Array,
  type: 2 | 3 = 2,
  ofSecond: readonly number[] = [],
): { winner: string; reason: string } {
  const bench = new RibBench(L2VPN_EVPN);
  const { rib } = bench;
  const key = keyOf(type);
  const prefix = rib.prefixes.findOrAdd(key, 0, key.length);
  for (const [name, own, length] of [['near', first, 1] as const, ['far', second, 2] as const]) {
    const attributes = internAttributes(bench.attributes, {
      asPath: [{ type: 2, asns: Array.from({ length }, () => 65000) }],
      extendedCommunities: communities(own),
      communities: name === 'far' ? ofSecond : [],
    });
    rib.announce(prefix, bench.source(name, SourceKind.ebgp).id, 0, attributes, 0);
  }
  rib.decide(1);
  const best = rib.best(prefix);
  return { winner: bench.sources.get(rib.paths.source(best)).name, reason: reasonOf(rib, prefix, best) };
}

function reasonOf(rib: Rib, prefix: number, best: number): string {
  const first = rib.firstPath(prefix);
  return rib.reason(best, first === best ? rib.paths.next(first) : first);
}

const NONE = new Uint8Array(0);

describe('MAC mobility (RFC 7432 §7.7, §15)', () => {
  it.each([
    ['the higher sequence number', mobility(1), mobility(2), 'far', 'MAC mobility'],
    ['numbers without sign', mobility(1), mobility(0xffffffff), 'far', 'MAC mobility'],
    ['a sequence number over none', NONE, mobility(1), 'far', 'MAC mobility'],
    ['the usual steps where none counts as 0', NONE, mobility(0), 'near', 'AS path length'],
    ['the usual steps where both are the same', mobility(7), mobility(7), 'near', 'AS path length'],
    ['a sticky address over any number', mobility(0xffffffff), mobility(0, 1), 'far', 'MAC mobility'],
    ['the usual steps between two sticky ones', mobility(1, 1), mobility(2, 1), 'near', 'AS path length'],
  ])('prefers %s', (_name, first, second, winner, reason) => {
    expect(contest(first, second)).toEqual({ winner, reason });
  });

  it('is of MAC/IP Advertisement routes alone', () => {
    expect(contest(mobility(1), mobility(2), 3)).toEqual({ winner: 'near', reason: 'AS path length' });
  });

  it('does not help a route that is long-lived stale (RFC 9494 §4.4)', () => {
    expect(contest(mobility(1), mobility(2), 2, [WellKnownCommunity.LLGR_STALE])).toEqual({
      winner: 'near',
      reason: 'long-lived stale',
    });
  });
});
