import { beforeEach, describe, expect, it } from 'vitest';
import { AttributeKind } from '../../../../bgp/rib/attribute-store.ts';
import { PathFlag } from '../../../../bgp/rib/path-table.ts';
import { type RouteSource, SourceKind } from '../../../../bgp/rib/sources.ts';
import type { PathAttributes } from '../../../../bgp/wire/attribute-types.ts';
import { IPV4_UNICAST } from '../../../../bgp/wire/family.ts';
import { internAttributes, RibBench } from './rib-bench.ts';

const sequence = (...asns: number[]) => [{ type: 2, asns }];
const PREFIX = '10.0.0.0/8';

describe('the decision process', () => {
  /** One path of the contest. */
  interface Entry {
    readonly kind?: SourceKind;
    readonly changes?: Partial<PathAttributes>;
    readonly routerId?: number;
    readonly address?: string;
    readonly pathId?: number;
  }

  /** The index of the entry that wins, and why, for every order of arrival. */
  function contest(entries: readonly Entry[]): { winner: number; reasons: string[]; multipath: number[] } {
    const results = permutations(entries.map((_, index) => index)).map((order) => {
      const bench = new RibBench(IPV4_UNICAST, true);
      const paths = new Map<number, number>();
      const sources = entries.map(({ kind = SourceKind.ebgp, routerId = 1, address = '198.51.100.1' }) =>
        bench.source('peer', kind, address, routerId),
      );
      for (const index of order) {
        const { kind = SourceKind.ebgp, changes = {}, pathId = 0 } = entries[index] as Entry;
        const attributeKind = kind === SourceKind.ibgp ? AttributeKind.ibgp : AttributeKind.ebgp;
        const attributes = internAttributes(bench.attributes, changes, { kind: attributeKind });
        const source = sources[index] as RouteSource;
        const prefix = bench.announce(PREFIX, source, attributes, pathId);
        paths.set(bench.rib.findPath(prefix, source.id, pathId), index);
      }
      bench.rib.decide(10);
      const best = bench.rib.best(bench.prefix(PREFIX));
      const others = [...paths.keys()].filter((path) => path !== best);
      return {
        winner: paths.get(best) ?? -1,
        reasons: [...new Set(others.map((path) => bench.rib.reason(best, path)))].sort(),
        multipath: [...paths]
          .filter(([path]) => bench.rib.paths.flags(path) & PathFlag.multipath)
          .map(([, index]) => index)
          .sort(),
      };
    });
    expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
    return results[0] ?? { winner: -1, reasons: [], multipath: [] };
  }

  function permutations(items: readonly number[]): number[][] {
    if (items.length < 2) return [[...items]];
    return items.flatMap((item) =>
      permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
    );
  }

  it.each<[string, Entry, Entry, number[]]>([
    [
      'local preference',
      { kind: SourceKind.ibgp, changes: { localPref: 200, asPath: sequence(1, 2, 3) } },
      { changes: { asPath: sequence(1) } },
      [0],
    ],
    ['locally originated', { kind: SourceKind.local }, { changes: {} }, [0]],
    [
      'AS path length',
      { changes: { asPath: sequence(1), origin: 2 } },
      { changes: { asPath: sequence(1, 2) } },
      [0],
    ],
    [
      'AS path length',
      { changes: { asPath: [{ type: 1, asns: [1, 2, 3] }], origin: 2 } },
      { changes: { asPath: sequence(1, 2) } },
      [0],
    ],
    ['origin', { changes: { origin: 0, med: 9 } }, { changes: { origin: 1 } }, [0]],
    [
      'MED',
      { kind: SourceKind.ibgp, changes: { asPath: sequence(1), med: 1 } },
      { changes: { asPath: sequence(1), med: 2 } },
      [0],
    ],
    ['external over internal', { routerId: 9 }, { kind: SourceKind.ibgp, routerId: 1 }, [0]],
    ['router id', { routerId: 0x7fffffff }, { routerId: 0xfffffff0 }, [0, 1]],
    [
      'router id',
      { kind: SourceKind.ibgp, routerId: 9, changes: { originatorId: 1 } },
      { kind: SourceKind.ibgp, routerId: 2 },
      [0, 1],
    ],
    [
      'cluster list length',
      { kind: SourceKind.ibgp, address: '198.51.100.9' },
      { kind: SourceKind.ibgp, changes: { clusterList: [1] } },
      [0, 1],
    ],
    ['peer address', { address: '198.51.100.1' }, { address: '198.51.100.2' }, [0, 1]],
    ['path identifier', { pathId: 1 }, { pathId: 0xfffffff0 }, [0, 1]],
  ])('chooses by %s', (reason, better, worse, multipath) => {
    expect(contest([better, worse])).toEqual({ winner: 0, reasons: [reason], multipath });
  });

  it('compares MED within one neighbour AS only, in whatever order paths come', () => {
    const entries: Entry[] = [
      { changes: { asPath: sequence(1), med: 10 }, routerId: 1 },
      { changes: { asPath: sequence(1), med: 5 }, routerId: 3 },
      { changes: { asPath: sequence(2), med: 100 }, routerId: 2 },
    ];
    // The first would win by its router id, but loses to the second by MED.
    expect(contest(entries).winner).toBe(2);
  });

  it('takes a missing MED for 0', () => {
    const entries: Entry[] = [
      { changes: { asPath: sequence(1), med: 1 }, routerId: 1 },
      { changes: { asPath: sequence(1) }, routerId: 2 },
    ];
    expect(contest(entries)).toEqual({ winner: 1, reasons: ['MED'], multipath: [1] });
  });
});

describe('a RIB', () => {
  let bench: RibBench;
  let a: RouteSource;
  let b: RouteSource;
  beforeEach(() => {
    bench = new RibBench(IPV4_UNICAST, true);
    a = bench.source('a', SourceKind.ebgp, '198.51.100.1', 1);
    b = bench.source('b', SourceKind.ebgp, '198.51.100.2', 2);
  });
  const attributes = (changes: Partial<PathAttributes> = {}): number =>
    internAttributes(bench.attributes, changes);
  const batch = new Int32Array(16);

  it('tells of a prefix once, however often it changed before the decision', () => {
    const reader = bench.rib.readBestChanges();
    const prefix = bench.announce(PREFIX, a, attributes({ med: 1 }));
    bench.announce(PREFIX, a, attributes({ med: 2 }));
    bench.announce(PREFIX, b, attributes({ med: 3 }));
    expect(bench.rib.undecided).toBe(true);
    bench.rib.decide(10);
    expect([...batch.subarray(0, reader.read(batch))]).toEqual([prefix]);
    expect(bench.rib.undecided).toBe(false);
  });

  it('tells nothing when the best path stays what it is', () => {
    bench.announce(PREFIX, a, attributes());
    bench.rib.decide(10);
    const best = bench.rib.readBestChanges();
    const all = bench.rib.pathChanges?.addReader();
    bench.announce(PREFIX, a, attributes());
    bench.rib.decide(10);
    expect(all?.read(batch)).toBe(0);
    bench.announce(PREFIX, b, attributes({ asPath: sequence(1, 2) }));
    bench.rib.decide(10);
    expect([best.read(batch), all?.read(batch)]).toEqual([0, 1]);
  });

  it('tells when the attributes of the best path changed, or it went and came back', () => {
    bench.announce(PREFIX, a, attributes());
    bench.rib.decide(10);
    const reader = bench.rib.readBestChanges();
    bench.announce(PREFIX, a, attributes({ med: 1 }));
    bench.rib.decide(10);
    expect(reader.read(batch)).toBe(1);
    bench.withdraw(PREFIX, a);
    bench.announce(PREFIX, a, attributes({ med: 1 }));
    bench.rib.decide(10);
    expect(reader.read(batch)).toBe(1);
  });

  it('decides in portions, and a prefix that changes again meanwhile once more', () => {
    const texts = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'];
    for (const text of texts) bench.announce(text, a, attributes());
    bench.rib.decide(2);
    expect(bench.rib.undecided).toBe(true);
    bench.withdraw('10.1.0.0/16', a);
    bench.withdraw('10.3.0.0/16', a);
    bench.rib.decide(1);
    bench.rib.decide(1);
    expect(bench.rib.undecided).toBe(false);
    expect([bench.rib.bestCount, bench.rib.best(bench.prefix('10.2.0.0/16')) >= 0]).toEqual([1, true]);
  });

  it('keeps a prefix until everyone has heard that it is gone, then uses its id again', () => {
    const reader = bench.rib.readBestChanges();
    const all = bench.rib.pathChanges?.addReader();
    const prefix = bench.announce(PREFIX, a, attributes());
    bench.rib.decide(10);
    bench.withdraw(PREFIX, a);
    bench.rib.decide(10);
    bench.rib.settle(1_000_000);
    expect(bench.rib.prefixes.keyLength(prefix)).toBe(2);
    reader.read(batch);
    bench.rib.settle(1_000_000);
    expect(bench.rib.prefixes.keyLength(prefix)).toBe(2);
    all?.read(batch);
    bench.rib.settle(1_000_000);
    expect(bench.rib.prefixes.keyLength(prefix)).toBe(-1);
    expect(bench.announce('192.0.2.0/24', a, attributes())).toBe(prefix);
  });

  it('forgets a prefix that came and went before anyone heard of it', () => {
    bench.announce(PREFIX, a, attributes());
    bench.withdraw(PREFIX, a);
    bench.rib.decide(10);
    bench.rib.settle(1_000_000);
    expect([bench.rib.prefixes.size, bench.attributes.size]).toEqual([0, 0]);
  });

  it('does not choose what is not usable, and hears when that changes', () => {
    const prefix = bench.announce(PREFIX, a, attributes());
    bench.announce(PREFIX, b, attributes({ asPath: sequence(1) }));
    bench.rib.decide(10);
    const first = bench.rib.findPath(prefix, a.id, 0);
    const second = bench.rib.findPath(prefix, b.id, 0);
    expect(bench.rib.best(prefix)).toBe(first);
    bench.rib.setUsable(first, false);
    bench.rib.decide(10);
    expect(bench.rib.best(prefix)).toBe(second);
    expect(bench.rib.paths.flags(first) & PathFlag.multipath).toBe(0);
    bench.rib.setUsable(second, false);
    bench.rib.decide(10);
    expect([bench.rib.best(prefix), bench.rib.bestCount]).toEqual([-1, 0]);
    bench.rib.setUsable(first, true);
    bench.rib.decide(10);
    expect(bench.rib.best(prefix)).toBe(first);
    expect(bench.rib.undecided).toBe(false);
    bench.rib.setUsable(first, true);
    expect(bench.rib.undecided).toBe(false);
  });

  it('keeps several paths of one source by their path identifiers', () => {
    const prefix = bench.announce(PREFIX, a, attributes(), 1);
    bench.announce(PREFIX, a, attributes({ med: 1 }), 2);
    expect(bench.rib.pathCount(a)).toBe(2);
    expect(bench.withdraw(PREFIX, a, 3)).toBe(false);
    expect(bench.withdraw(PREFIX, a, 1)).toBe(true);
    expect(bench.rib.findPath(prefix, a.id, 2)).toBe(bench.rib.firstPath(prefix));
  });

  it('sweeps a source in portions and leaves the others', () => {
    for (let number = 0; number < 50; number++) {
      bench.announce(`10.${number}.0.0/16`, a, attributes());
      if (number % 2) bench.announce(`10.${number}.0.0/16`, b, attributes({ med: 1 }));
    }
    bench.rib.decide(100);
    let next = 0;
    let portions = 0;
    while (next >= 0) {
      next = bench.rib.sweepSource(a, next, 10);
      portions++;
    }
    expect(portions).toBeGreaterThan(5);
    expect([bench.rib.pathCount(a), bench.rib.pathCount(b)]).toEqual([0, 25]);
    bench.rib.decide(100);
    bench.rib.settle(1_000_000);
    expect([bench.rib.bestCount, bench.rib.prefixes.size]).toEqual([25, 25]);
  });

  it('loses no decision while changes come as fast as they are decided', () => {
    for (let round = 0; round < 1000; round++) {
      bench.announce(`10.${round % 200}.0.0/16`, a, attributes({ med: round }));
      if (round > 2) bench.rib.decide(1);
    }
    expect(bench.rib.undecided).toBe(true);
    bench.rib.decide(10);
    expect([bench.rib.undecided, bench.rib.bestCount]).toEqual([false, 200]);
  });

  it('knows when a path changed last', () => {
    bench.seconds = 100;
    const prefix = bench.announce(PREFIX, a, attributes());
    bench.seconds = 200;
    bench.announce(PREFIX, a, attributes());
    const path = bench.rib.findPath(prefix, a.id, 0);
    expect(bench.rib.paths.since(path)).toBe(100);
    bench.announce(PREFIX, a, attributes({ med: 1 }));
    expect(bench.rib.paths.since(path)).toBe(200);
  });
});
