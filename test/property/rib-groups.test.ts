import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttributeKind } from '../../bgp/rib/attribute-store.ts';
import { type RouteSource, SourceKind } from '../../bgp/rib/sources.ts';
import { UpdateGroup } from '../../bgp/rib/update-group.ts';
import type { ExportProfile, GroupMember } from '../../bgp/rib/update-stream.ts';
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
const NO_ADVERTISE = 0xffffff02;

/** How many paths are sent of a prefix: the best one without an identifier, the best two, or all (RFC 7911). */
const SENDING = [undefined, { most: 2 }, { most: Number.POSITIVE_INFINITY }] as const;

function marker(subtype: 1 | 2): Uint8Array {
  const writer = new ByteWriter();
  encodeRouteRefresh(writer, { family: IPV4_UNICAST, subtype });
  return writer.take();
}

/** A peer that is there: its source, and what it has been told. */
class Member implements GroupMember {
  readonly source: RouteSource;
  /** How many came before it. */
  readonly number: number;
  readonly view: ReceivedRoutes;
  blocked = false;
  /** The kernel takes nothing for now, and little waits. */
  lags = false;
  readonly #waiting: Uint8Array[] = [];

  constructor(source: RouteSource, number: number, addPath: boolean) {
    this.source = source;
    this.number = number;
    this.view = new ReceivedRoutes({ ...CONTEXT, addPath: () => addPath });
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
      readonly pathId: number;
      readonly preference: number;
      readonly secret: boolean;
    }
  | {
      readonly kind: 'withdraw' | 'lose next hop' | 'find next hop';
      readonly member: number;
      readonly prefix: number;
      readonly pathId: number;
    }
  | { readonly kind: MemberStep; readonly member: number }
  | { readonly kind: 'decide' | 'flush' | 'sweep'; readonly limit: number }
  | { readonly kind: 'pass by'; readonly member: number; readonly flushed: boolean }
  | { readonly kind: 'rest' };

const member = fc.nat(MEMBERS - 1);
const prefix = fc.nat(PREFIXES - 1);
/** Received: it has nothing to do with those that are sent. */
const pathId = fc.nat(2);
const limit = fc.integer({ min: 1, max: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('announce' as const),
      member,
      prefix,
      pathId,
      preference: fc.integer({ min: 1, max: 3 }),
      secret: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), member, prefix, pathId }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('lose next hop' as const, 'find next hop' as const),
      member,
      prefix,
      pathId,
    }),
  },
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

const PROFILE: ExportProfile = {
  family: IPV4_UNICAST,
  peerType: 'ebgp',
  localAs: 64512,
  fourOctetAs: true,
  maxMessageSize: 4096,
  selfNextHop: addressOf('192.0.2.1').bytes,
  nextHopUnchanged: false,
  longLived: false,
  bilateral: false,
};

type PathStep = Extract<Step, { readonly pathId: number }>;

/** A path as the test knows it. */
interface ModelPath {
  readonly from: Member;
  readonly prefix: number;
  readonly pathId: number;
  readonly preference: number;
  /** Not for any peer. */
  readonly secret: boolean;
  readonly usable: boolean;
}

function keyOf(from: Member, prefix: number, pathId: number): string {
  return `${from.number} ${prefix} ${pathId}`;
}

/** RFC 4271 §9.1.2.2 as far as these paths differ. */
function inOrder(a: ModelPath, b: ModelPath): number {
  return b.preference - a.preference || a.from.number - b.from.number || a.pathId - b.pathId;
}

/** One RIB and one group, worked in small portions in any order. */
class Scenario {
  readonly bench = new RibBench();
  readonly group: UpdateGroup;
  readonly #sending: (typeof SENDING)[number];
  readonly #paths = new Map<string, ModelPath>();
  #joined = 0;

  constructor(sending: (typeof SENDING)[number]) {
    this.#sending = sending;
    this.group = new UpdateGroup(this.bench.rib, { ...PROFILE, addPath: sending });
  }

  readonly members: (Member | undefined)[] = new Array(MEMBERS).fill(undefined);
  #passed = 0;
  readonly #sweeps: { readonly source: RouteSource; next: number }[] = [];

  run(action: Step): void {
    switch (action.kind) {
      case 'announce':
        this.#announce(action);
        break;
      case 'withdraw':
        this.#withdraw(action);
        break;
      case 'lose next hop':
      case 'find next hop':
        this.#setUsable(action, action.kind === 'find next hop');
        break;
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

  #announce({
    member: index,
    prefix: number,
    pathId: id,
    preference,
    secret,
  }: PathStep & { kind: 'announce' }) {
    const from = this.members[index];
    if (!from) return;
    const tag = from.number * 100 + id * 10 + preference;
    const attributes = internAttributes(
      this.bench.attributes,
      { localPref: preference, communities: secret ? [tag, NO_ADVERTISE] : [tag] },
      { kind: AttributeKind.ibgp },
    );
    this.bench.announce(`10.0.${number}.0/24`, from.source, attributes, id);
    const key = keyOf(from, number, id);
    const usable = this.#paths.get(key)?.usable ?? true;
    this.#paths.set(key, { from, prefix: number, pathId: id, preference, secret, usable });
  }

  #withdraw({ member: index, prefix: number, pathId: id }: PathStep): void {
    const from = this.members[index];
    if (!from) return;
    this.bench.withdraw(`10.0.${number}.0/24`, from.source, id);
    this.#paths.delete(keyOf(from, number, id));
  }

  #setUsable({ member: index, prefix: number, pathId: id }: PathStep, usable: boolean): void {
    const from = this.members[index];
    const key = from && keyOf(from, number, id);
    const known = key !== undefined && this.#paths.get(key);
    if (!known) return;
    const { rib } = this.bench;
    rib.setUsable(rib.findPath(this.bench.prefix(`10.0.${number}.0/24`), known.from.source.id, id), usable);
    this.#paths.set(key, { ...known, usable });
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
    const number = this.#joined++;
    const address = `198.51.${number >> 8}.${number & 255}`;
    const source = this.bench.source(`peer ${index}`, SourceKind.ebgp, address);
    const joined = new Member(source, number, this.#sending !== undefined);
    this.group.addMember(joined);
    return joined;
  }

  #leave(leaver: Member): void {
    this.group.removeMember(leaver);
    for (const [key, { from }] of this.#paths) if (from === leaver) this.#paths.delete(key);
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

  /** What a member should have: of the paths that are sent, those that are neither its own nor secret. */
  #expected(there: Member): string[] {
    const most = this.#sending?.most ?? 1;
    const sent = Array.from({ length: PREFIXES }, (_, number) =>
      [...this.#paths.values()]
        .filter(({ prefix: of, usable }) => of === number && usable)
        .sort(inOrder)
        .slice(0, most),
    );
    return sent
      .flat()
      .filter(({ from, secret }) => from !== there && !secret)
      .map(({ from, prefix: number, pathId: id, preference }) => {
        return `10.0.${number}.0/24 ${from.number * 100 + id * 10 + preference}`;
      })
      .sort();
  }

  check(): void {
    for (const there of this.members) {
      if (!there) continue;
      const has = [...there.view.routes.values()].map(({ route, attributes: got }) =>
        route.kind === 'unicast' ? `${formatPrefix(route.prefix)} ${got.communities[0]}` : '?',
      );
      expect(has.sort()).toEqual(this.#expected(there));
      expect(there.view.refreshing).toBe(false);
      expect(there.view.endOfRib.get(IPV4_UNICAST)).toBe(1);
      expect(this.group.advertisedTo(there)).toBe(has.length);
    }
  }
}

describe('update groups', () => {
  for (const sending of SENDING) {
    const most = sending?.most ?? 'the best path';
    const what = most === Number.POSITIVE_INFINITY ? 'all paths' : most === 2 ? 'two paths' : most;
    it(`bring every member to the same table with ${what} of a prefix, whatever portions the work comes in`, () => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 60, maxLength: 160 }), (steps) => {
          const scenario = new Scenario(sending);
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
        { numRuns: 300 },
      );
    });
  }
});
