import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttributeKind } from '../../bgp/rib/attribute-store.ts';
import type { RouteSource } from '../../bgp/rib/sources.ts';
import { UpdateGroup } from '../../bgp/rib/update-group.ts';
import type { GroupMember } from '../../bgp/rib/update-stream.ts';
import type { WireContext } from '../../bgp/wire/context.ts';
import { IPV4_UNICAST } from '../../bgp/wire/family.ts';
import { encodeRouteRefresh } from '../../bgp/wire/route-refresh.ts';
import { ByteWriter } from '../../net/byte-writer.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { ReceivedRoutes } from '../unit/bgp/rib/received-routes.ts';
import { internAttributes, RibBench } from '../unit/bgp/rib/rib-bench.ts';
import { addressOf } from '../unit/bgp/rib/speaker-bench.ts';

const CONTEXT: WireContext = {
  fourOctetAs: true,
  addPath: () => false,
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ebgp',
};
const MEMBERS = 5;
const PREFIXES = 5;
const PASSING = 40;

function marker(subtype: 1 | 2): Uint8Array {
  const writer = new ByteWriter();
  encodeRouteRefresh(writer, { family: IPV4_UNICAST, subtype });
  return writer.take();
}

/** A peer that is there: its source, and what it has been told. */
class Member implements GroupMember {
  readonly source: RouteSource;
  readonly view = new ReceivedRoutes(CONTEXT);
  blocked = false;
  /** The kernel takes nothing for now, and little waits. */
  lags = false;
  readonly #waiting: Uint8Array[] = [];

  constructor(source: RouteSource) {
    this.source = source;
  }

  get sourceId(): number {
    return this.source.id;
  }

  get waiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Bytes that wait are looked at when they leave: nobody may have written over them by then. */
  send(bytes: Uint8Array): void {
    if (this.blocked || this.lags || this.waiting) this.#waiting.push(bytes);
    else this.view.apply(bytes);
  }

  /** The kernel takes all that waits. */
  drain(): void {
    for (const bytes of this.#waiting.splice(0)) this.view.apply(bytes);
  }
}

type MemberStep = 'come or go' | 'block' | 'unblock' | 'lag' | 'drain' | 'refresh';

type Step =
  | {
      readonly kind: 'announce';
      readonly member: number;
      readonly prefix: number;
      readonly preference: number;
    }
  | { readonly kind: 'withdraw'; readonly member: number; readonly prefix: number }
  | { readonly kind: MemberStep; readonly member: number }
  | { readonly kind: 'decide' | 'flush' | 'sweep'; readonly limit: number }
  | { readonly kind: 'pass by'; readonly member: number; readonly flushed: boolean }
  | { readonly kind: 'rest' };

const member = fc.nat(MEMBERS - 1);
const prefix = fc.nat(PREFIXES - 1);
const limit = fc.integer({ min: 1, max: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('announce' as const),
      member,
      prefix,
      preference: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), member, prefix }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom<MemberStep>('come or go', 'block', 'unblock', 'lag', 'drain', 'refresh'),
      member,
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constantFrom('decide' as const, 'flush' as const, 'flush' as const, 'sweep' as const),
      limit,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass by' as const), member, flushed: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rest' as const) }) },
);

/** One RIB and one group, worked in small portions in any order. */
class Scenario {
  readonly bench = new RibBench();
  readonly group = new UpdateGroup(this.bench.rib, {
    family: IPV4_UNICAST,
    peerType: 'ebgp',
    localAs: 64512,
    fourOctetAs: true,
    maxMessageSize: 4096,
    selfNextHop: addressOf('192.0.2.1').bytes,
    nextHopUnchanged: false,
  });
  readonly members: (Member | undefined)[] = new Array(MEMBERS).fill(undefined);
  #passed = 0;
  readonly #sweeps: { readonly source: RouteSource; next: number }[] = [];

  run(action: Step): void {
    switch (action.kind) {
      case 'announce':
        this.#announce(action.member, action.prefix, action.preference);
        break;
      case 'withdraw': {
        const source = this.members[action.member]?.source;
        if (source) this.bench.withdraw(`10.0.${action.prefix}.0/24`, source);
        break;
      }
      case 'decide':
        this.bench.rib.decide(action.limit);
        break;
      case 'flush':
        if (this.group.ready) this.group.flush(action.limit);
        break;
      case 'sweep':
        this.#sweep(action.limit);
        break;
      case 'pass by':
        this.#passBy(action.member, action.flushed);
        break;
      case 'rest':
        if (!this.bench.rib.undecided && !this.group.ready) this.bench.rib.settle(1_000_000);
        break;
      default:
        this.#runMember(action.kind, action.member);
    }
  }

  #announce(index: number, number: number, preference: number): void {
    const source = this.members[index]?.source;
    if (!source) return;
    const attributes = internAttributes(
      this.bench.attributes,
      { localPref: preference, communities: [index * 10 + preference] },
      { kind: AttributeKind.ibgp },
    );
    this.bench.announce(`10.0.${number}.0/24`, source, attributes);
  }

  /** Prefixes that were never there before come and go: enough of them that journals are gone over. */
  #passBy(index: number, flushed: boolean): void {
    const source = this.members[index]?.source;
    if (!source) return;
    const first = this.#passed;
    this.#passed += PASSING;
    const attributes = internAttributes(this.bench.attributes, {});
    const names = Array.from(
      { length: PASSING },
      (_, i) => `172.16.${(first + i) >> 8}.${(first + i) & 255}/32`,
    );
    for (const name of names) this.bench.announce(name, source, attributes);
    this.bench.rib.decide(1000);
    if (flushed && this.group.ready) this.group.flush(1000);
    for (const name of names) this.bench.withdraw(name, source);
    this.bench.rib.decide(1000);
  }

  #runMember(kind: MemberStep, index: number): void {
    const there = this.members[index];
    if (kind === 'come or go') {
      if (there) this.#leave(there);
      this.members[index] = there ? undefined : this.#join(index);
    } else if (!there) return;
    else if (kind === 'refresh') this.group.refresh(there, { before: marker(1), after: marker(2) });
    else if (kind === 'lag') there.lags = true;
    else {
      there.blocked = kind === 'block';
      there.lags = false;
      if (kind !== 'block') there.drain();
    }
  }

  #join(index: number): Member {
    const joined = new Member(this.bench.source(`peer ${index}`));
    this.group.addMember(joined);
    return joined;
  }

  #leave(leaver: Member): void {
    this.group.removeMember(leaver);
    this.#sweeps.push({ source: leaver.source, next: 0 });
  }

  #sweep(count: number): boolean {
    const [sweep] = this.#sweeps;
    if (!sweep) return false;
    sweep.next = this.bench.rib.sweepSource(sweep.source, sweep.next, count);
    if (sweep.next >= 0) return true;
    this.#sweeps.shift();
    this.bench.sources.remove(sweep.source);
    return true;
  }

  finish(): void {
    const { rib } = this.bench;
    while (this.#sweep(100));
    for (const there of this.members) {
      if (!there) continue;
      there.blocked = false;
      there.lags = false;
      there.drain();
    }
    rib.decide(1000);
    for (let turns = 0; this.group.ready; turns++) {
      if (turns > 1000) throw new Error('the group does not come to rest');
      this.group.flush(4);
    }
    rib.settle(1_000_000);
  }

  check(): void {
    const { rib, attributes } = this.bench;
    const tables = this.members.map(() => new Map<string, number>());
    for (let number = 0; number < PREFIXES; number++) {
      const text = `10.0.${number}.0/24`;
      const key = Uint8Array.of(24, 10, 0, number);
      const id = rib.prefixes.find(key, 0, 4);
      const best = id < 0 ? -1 : rib.best(id);
      if (best < 0) continue;
      const preference = attributes.localPref(rib.paths.attributes(best));
      const from = this.members.findIndex((there) => there?.source.id === rib.paths.source(best));
      tables.forEach((table, index) => {
        if (index !== from) table.set(text, from * 10 + preference);
      });
    }
    this.members.forEach((there, index) => {
      if (!there) return;
      const has = [...there.view.routes.values()].map(({ route, attributes: got }) => [
        route.kind === 'unicast' ? formatPrefix(route.prefix) : '?',
        got.communities[0],
      ]);
      expect(new Map(has as [string, number][])).toEqual(tables[index]);
      expect(there.view.refreshing).toBe(false);
      expect(there.view.endOfRib.get(IPV4_UNICAST)).toBe(1);
      expect(this.group.advertisedTo(there)).toBe(has.length);
    });
  }
}

describe('update groups', () => {
  it('bring every member to the same table, whatever portions the work comes in', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 60, maxLength: 160 }), (steps) => {
        const scenario = new Scenario();
        for (const index of [0, 1, 2]) scenario.run({ kind: 'come or go', member: index });
        for (const action of steps) scenario.run(action);
        scenario.finish();
        scenario.check();
        for (const [index, there] of scenario.members.entries()) {
          if (there) scenario.run({ kind: 'come or go', member: index });
        }
        scenario.finish();
        expect([scenario.bench.rib.prefixes.size, scenario.bench.attributes.size]).toEqual([0, 0]);
      }),
      { numRuns: 400 },
    );
  });
});
