import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RouteSource } from '../../bgp/rib/sources.ts';
import { IPV4_UNICAST } from '../../bgp/wire/family.ts';
import type { RouteNexthop } from '../../dataplane/route-table.ts';
import { FibFeed } from '../../src/node/fib-feed.ts';
import { internAttributes, RibBench } from '../unit/bgp/rib/rib-bench.ts';
import { addressOf } from '../unit/bgp/rib/speaker-bench.ts';
import { FakeRouteTable, nexthopText } from '../unit/node/fake-route-table.ts';

/** Each has two paths of a prefix, told apart by their identifiers (RFC 7911). */
const SOURCES = 2;
const HOPS = ['203.0.113.1', '203.0.113.2', '203.0.113.3'];
const PREFIXES = ['0.0.0.0/0', '10.0.0.0/9', '10.1.2.3/32'];
const MACS = 3;

interface Path {
  readonly hop: number;
  readonly mac: number;
  readonly long: boolean;
}

type Step =
  | { readonly kind: 'announce'; readonly prefix: number; readonly source: number; readonly path: Path }
  | { readonly kind: 'withdraw'; readonly prefix: number; readonly source: number }
  | { readonly kind: 'usable'; readonly prefix: number; readonly source: number; readonly usable: boolean }
  | { readonly kind: 'resolve'; readonly hop: number }
  | { readonly kind: 'decide' | 'follow' | 'rest' | 'reopen' };

const prefix = fc.nat(PREFIXES.length - 1);
/** A path: its source, and its identifier. */
const source = fc.nat(SOURCES * 2 - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('announce' as const),
      prefix,
      source,
      path: fc.record({ hop: fc.nat(HOPS.length - 1), mac: fc.nat(MACS), long: fc.boolean() }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), prefix, source }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('usable' as const), prefix, source, usable: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('resolve' as const), hop: fc.nat(HOPS.length - 1) }),
  },
  {
    weight: 10,
    arbitrary: fc.record({ kind: fc.constantFrom('decide' as const, 'follow' as const, 'rest' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);

/** A RIB, its feed, and what a map says that the kernel should have. */
class Scenario {
  readonly bench = new RibBench(IPV4_UNICAST, true);
  readonly table = new FakeRouteTable();
  readonly sources: readonly RouteSource[];
  readonly model = PREFIXES.map(() => new Map<number, Path & { usable: boolean }>());
  /** Device of each next hop; undefined: no way there. */
  readonly devices: (string | undefined)[] = HOPS.map(() => 'eth0');
  feed: FibFeed;

  constructor() {
    this.sources = Array.from({ length: SOURCES }, (_, index) => this.bench.source(`source ${index}`));
    this.feed = this.#open();
  }

  #open(): FibFeed {
    const { rib } = this.bench;
    return new FibFeed({
      rib,
      version: 4,
      table: 7,
      routes: this.table,
      nexthopOf: (_, path) => {
        const { address } = rib.attributes.nextHops.get(rib.attributes.nextHop(rib.paths.attributes(path)));
        const extra = rib.paths.extra(path);
        const mac = extra === 0 ? 0 : (rib.extras.bytes[rib.extras.start(extra)] ?? 0);
        return this.#nexthop((address.bytes[3] ?? 1) - 1, mac);
      },
      handedOver: () => undefined,
    });
  }

  #nexthop(hop: number, mac: number): RouteNexthop | undefined {
    const device = this.devices[hop];
    if (device === undefined) return undefined;
    const gateway = addressOf(HOPS[hop] ?? '203.0.113.1');
    if (mac === 0) return { gateway, device, onlink: false };
    const routerMac = new Uint8Array(6).fill(mac);
    return {
      gateway,
      device,
      onlink: true,
      tunnel: { vtep: gateway, routerMac, bridge: 'b', vxlan: 'v', vni: 1 },
    };
  }

  run(action: Step): void {
    const { rib } = this.bench;
    switch (action.kind) {
      case 'announce':
        this.#announce(action.prefix, action.source, action.path);
        break;
      case 'withdraw':
        this.model[action.prefix]?.delete(action.source);
        this.bench.withdraw(
          PREFIXES[action.prefix] ?? '',
          this.#sourceOf(action.source),
          pathIdOf(action.source),
        );
        break;
      case 'usable': {
        const known = this.model[action.prefix]?.get(action.source);
        if (!known) break;
        known.usable = action.usable;
        const id = this.bench.prefix(PREFIXES[action.prefix] ?? '');
        const path = rib.findPath(id, this.#sourceOf(action.source).id, pathIdOf(action.source));
        rib.setUsable(path, action.usable);
        break;
      }
      case 'resolve':
        this.devices[action.hop] = deviceAfter(this.devices[action.hop]);
        this.feed.refresh();
        break;
      case 'decide':
        rib.decide(2);
        break;
      case 'follow':
        if (this.feed.pending) this.feed.follow(2);
        break;
      case 'rest':
        if (!rib.undecided) rib.settle(1_000_000);
        break;
      case 'reopen':
        this.feed.close();
        expect([this.table.routes.size, this.table.references]).toEqual([0, 0]);
        this.feed = this.#open();
        break;
    }
  }

  #announce(number: number, from: number, path: Path): void {
    const { rib, attributes } = this.bench;
    const usable = this.model[number]?.get(from)?.usable ?? true;
    this.model[number]?.set(from, { ...path, usable });
    const asns = path.long ? [65001, 65002] : [65001];
    const set = internAttributes(
      attributes,
      { asPath: [{ type: 2, asns }] },
      { nextHop: HOPS[path.hop] ?? '' },
    );
    const extra = path.mac === 0 ? 0 : rib.extras.intern(new Uint8Array(9).fill(path.mac), 0, 9);
    const id = this.bench.prefix(PREFIXES[number] ?? '');
    rib.announce(id, this.#sourceOf(from).id, pathIdOf(from), set, extra);
  }

  #sourceOf(from: number): RouteSource {
    return this.sources[from >> 1] as RouteSource;
  }

  settle(): void {
    this.bench.rib.decide(1000);
    while (this.feed.pending) this.feed.follow(3);
    this.bench.rib.settle(1_000_000);
  }

  expected(): Map<string, string[]> {
    const wanted = new Map<string, string[]>();
    this.model.forEach((paths, number) => {
      const usable = [...paths.values()].filter((path) => path.usable);
      const best = usable.some(({ long }) => !long) ? usable.filter(({ long }) => !long) : usable;
      const hops = best.flatMap(({ hop, mac }) => this.#nexthop(hop, mac) ?? []).map(nexthopText);
      if (hops.length > 0) wanted.set(`7 ${PREFIXES[number]}`, [...new Set(hops)].sort());
    });
    return wanted;
  }

  check(): void {
    this.settle();
    expect(this.table.routes).toEqual(this.expected());
  }

  checkNothingLeft(): void {
    for (const [number, paths] of this.model.entries()) {
      for (const from of [...paths.keys()]) this.run({ kind: 'withdraw', prefix: number, source: from });
    }
    this.check();
    expect(this.table.references).toBe(0);
    const { rib, attributes } = this.bench;
    expect([rib.extras.size, attributes.size, attributes.nextHops.size, rib.prefixes.size]).toEqual([
      0, 0, 0, 0,
    ]);
  }
}

function pathIdOf(from: number): number {
  return from & 1;
}

/** The way to a next hop moves to another device, is lost, and comes back. */
function deviceAfter(device: string | undefined): string | undefined {
  if (device === undefined) return 'eth0';
  return device === 'eth0' ? 'eth1' : undefined;
}

describe('the feed of the kernel', () => {
  it('gives the kernel what the RIB has, shares next-hop sets and lets go of all', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        const scenario = new Scenario();
        steps.forEach((action, index) => {
          scenario.run(action);
          if (index % 30 === 29) scenario.check();
        });
        scenario.check();
        scenario.checkNothingLeft();
      }),
      { numRuns: 300 },
    );
  });
});
