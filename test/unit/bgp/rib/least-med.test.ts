import { describe, expect, it } from 'vitest';
import { MOST_PATHS_OF_PEER } from '../../../../bgp/rib/rib.ts';
import { internAttributes, RibBench } from './rib-bench.ts';

describe('MED among many paths of a prefix', () => {
  const bench = new RibBench();
  const peer = bench.source('peer');
  const announce = (pathId: number, neighborAs: number, med: number): number =>
    bench.announce(
      '10.0.0.0/8',
      peer,
      internAttributes(bench.attributes, { asPath: [{ type: 2, asns: [neighborAs] }], med }),
      pathId,
    );

  it('is compared between those of one neighbour AS alone', () => {
    const ases = 40;
    // The least path identifier of each AS has the largest MED: it must not win the tie break.
    for (let as = 0; as < ases; as++) {
      for (let i = 0; i < 10; i++) announce(1 + as * 10 + i, 4_200_000_000 + as, 100 - i);
    }
    const prefix = announce(500, 65000, 7);
    bench.rib.decide(10);
    const best = (): number => bench.rib.paths.pathId(bench.rib.best(prefix));
    expect(best()).toBe(10);
    for (let as = 0; as < ases - 1; as++) {
      bench.withdraw('10.0.0.0/8', peer, 1 + as * 10 + 9);
      bench.rib.decide(10);
      // 91 has gone, 92 to 99 are left of the AS: of those the one with the least MED.
      expect(best()).toBe(9);
    }
  });

  it('holds no more paths of one peer than can be looked at quickly', () => {
    const attributes = internAttributes(bench.attributes, {});
    const prefix = bench.prefix('10.9.0.0/16');
    const taken = Array.from({ length: 600 }, (_, index) =>
      bench.rib.announceFurther(prefix, peer.id, index + 1, attributes, 0),
    );
    expect(taken.filter(Boolean)).toHaveLength(MOST_PATHS_OF_PEER);
    expect(taken.indexOf(false)).toBe(MOST_PATHS_OF_PEER);
    // One that is there is replaced, and another peer has room of its own.
    expect(bench.rib.announceFurther(prefix, peer.id, 5, attributes, 0)).toBe(true);
    expect(bench.rib.announceFurther(prefix, bench.source('other').id, 1, attributes, 0)).toBe(true);
    expect(bench.rib.withdraw(prefix, peer.id, 5)).toBe(true);
    expect(bench.rib.announceFurther(prefix, peer.id, 999, attributes, 0)).toBe(true);
    expect(bench.rib.announceFurther(prefix, peer.id, 5, attributes, 0)).toBe(false);
  });
});
