import { beforeEach, describe, expect, it } from 'vitest';
import { MOST_PATHS_OF_PEER } from '../../../../bgp/rib/rib.ts';
import { type RouteSource, SourceKind } from '../../../../bgp/rib/sources.ts';
import { UpdateGroup } from '../../../../bgp/rib/update-group.ts';
import type { ExportProfile, GroupMember } from '../../../../bgp/rib/update-stream.ts';
import type { WireContext } from '../../../../bgp/wire/context.ts';
import { type Family, IPV4_UNICAST, IPV6_UNICAST } from '../../../../bgp/wire/family.ts';
import { formatPrefix } from '../../../../net/prefix.ts';
import { ReceivedRoutes } from './received-routes.ts';
import { internAttributes, RibBench } from './rib-bench.ts';
import { addressOf } from './speaker-bench.ts';

const CONTEXT: WireContext = {
  fourOctetAs: true,
  addPath: () => true,
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ebgp',
};

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
  addPath: { most: Number.POSITIVE_INFINITY },
};

class Member implements GroupMember {
  readonly sourceId: number;
  readonly view: ReceivedRoutes;
  readonly blocked = false;
  readonly waiting = false;

  constructor(source: RouteSource, context = CONTEXT) {
    this.sourceId = source.id;
    this.view = new ReceivedRoutes(context);
  }

  send(bytes: Uint8Array): void {
    this.view.apply(bytes);
  }

  /** By path identifier: the first community, which the tests number the paths with. */
  get paths(): ReadonlyMap<number | undefined, number | undefined> {
    return new Map(
      [...this.view.routes.values()].map(({ route, attributes }) => [
        route.pathId,
        attributes.communities[0],
      ]),
    );
  }

  get tags(): readonly (number | undefined)[] {
    return [...this.paths.values()].sort((a = 0, b = 0) => a - b);
  }
}

describe('a stream that tells several paths', () => {
  let bench: RibBench;
  let group: UpdateGroup;
  let origin: RouteSource;
  beforeEach(() => {
    bench = new RibBench();
    group = new UpdateGroup(bench.rib, PROFILE);
    origin = bench.source('origin');
  });

  const join = (name: string): Member => {
    const member = new Member(bench.source(name));
    group.addMember(member);
    return member;
  };
  const announce = (tag: number, pathId = tag, source = origin, med = 0): number =>
    bench.announce(
      '10.0.0.0/8',
      source,
      internAttributes(bench.attributes, { communities: [tag], med }),
      pathId,
    );
  const settle = (): void => {
    bench.rib.decide(1000);
    while (group.ready) group.flush(1000);
    bench.rib.settle(1_000_000);
  };

  it('keeps the identifier of a path while it lives, whatever its own one is', () => {
    const peer = join('peer');
    for (const tag of [1, 2, 3]) announce(tag, 4_000_000_000 + tag);
    settle();
    expect(peer.tags).toEqual([1, 2, 3]);
    const idOf = (tag: number): number | undefined => [...peer.paths].find(([, its]) => its === tag)?.[0];
    const [first, third] = [idOf(1), idOf(3)];
    expect(first).not.toBe(4_000_000_001);
    bench.withdraw('10.0.0.0/8', origin, 4_000_000_002);
    announce(7, 4_000_000_003);
    settle();
    expect(peer.tags).toEqual([1, 7]);
    expect([idOf(1), idOf(7)]).toEqual([first, third]);
  });

  it('gives up a path that no message holds, also when a batch is full in the middle of a prefix', () => {
    const peer = join('peer');
    const attributesOf = (tag: number, count = 1, med = 100): number => {
      const communities = Array.from({ length: count }, (_, index) => tag + index);
      return internAttributes(bench.attributes, { med, communities });
    };
    const tagsOf = (prefix: string): (number | undefined)[] =>
      [...peer.view.routes.values()]
        .filter(({ route }) => route.kind === 'unicast' && formatPrefix(route.prefix) === prefix)
        .map(({ attributes }) => attributes.communities[0]);
    const settleAll = (): void => {
      bench.rib.decide(100_000);
      while (group.ready) group.flush(100_000);
      bench.rib.settle(1_000_000);
    };
    for (const [round, text] of ['20.0.0.0/8', '30.0.0.0/8'].entries()) {
      for (let id = 0; id < 4; id++) bench.announce(text, origin, attributesOf(1), id);
      settleAll();
      let path = bench.rib.firstPath(bench.prefix(text));
      while (bench.rib.paths.next(path) >= 0) path = bench.rib.paths.next(path);
      const last = bench.rib.paths.pathId(path);
      const [gone, ...others] = [0, 1, 2, 3].filter((id) => id !== last);
      // As many others before them as are told at a time, less one.
      for (let i = 0; i < 4095; i++) {
        bench.announce(`10.${i >> 8}.${i & 255}.0/24`, origin, attributesOf(90 + round));
      }
      bench.announce(text, origin, attributesOf(5, 1100, 1), last);
      bench.withdraw(text, origin, gone);
      for (const id of others) bench.announce(text, origin, attributesOf(2), id);
      settleAll();
      expect(tagsOf(text)).toEqual([2, 2]);
    }
  });

  it('says nothing of paths that have not changed', () => {
    const peer = join('peer');
    for (let tag = 0; tag < 20; tag++) announce(tag);
    settle();
    expect(peer.view.announcements).toBe(20);
    announce(100, 3);
    bench.withdraw('10.0.0.0/8', origin, 4);
    settle();
    expect([peer.view.announcements, peer.view.withdrawals]).toEqual([21, 1]);
    group.refresh(peer);
    settle();
    expect(peer.view.announcements).toBe(21 + 19);
    expect(peer.view.endOfRib.get(IPV4_UNICAST)).toBe(1);
  });

  it('tells each peer the paths of the others', () => {
    const [a, b] = [bench.source('a'), bench.source('b')];
    const members = [new Member(a), new Member(b), join('c')];
    for (const member of members.slice(0, 2)) group.addMember(member);
    announce(1, 0, a);
    announce(2, 0, b);
    announce(3);
    settle();
    expect(members.map(({ tags }) => tags)).toEqual([
      [2, 3],
      [1, 3],
      [1, 2, 3],
    ]);
    expect(members.map((member) => group.advertisedTo(member))).toEqual([2, 2, 3]);
  });

  it('takes what another peer had when the place of a path changes hands', () => {
    const [a, b] = [bench.source('a'), bench.source('b')];
    const [first, second] = [new Member(a), new Member(b)];
    for (const member of [first, second]) group.addMember(member);
    announce(1, 0, a);
    settle();
    expect(second.tags).toEqual([1]);
    bench.withdraw('10.0.0.0/8', a, 0);
    announce(2, 0, b);
    settle();
    expect([first.tags, second.tags]).toEqual([[2], []]);
  });

  it('withdraws a path whose place another one of the same peer has taken, as the new one may be refused', () => {
    const peer = join('peer');
    announce(1);
    settle();
    const [id] = peer.paths.keys();
    bench.withdraw('10.0.0.0/8', origin, 1);
    announce(2);
    settle();
    expect([...peer.paths]).toEqual([[id, 2]]);
    expect([peer.view.announcements, peer.view.withdrawals]).toEqual([2, 1]);
    announce(3, 2);
    settle();
    expect([peer.view.announcements, peer.view.withdrawals]).toEqual([3, 1]);
  });

  it('withdraws a path whose place another peer has taken that got the number of the one that is gone', () => {
    const peer = join('peer');
    announce(1, 7);
    settle();
    bench.withdraw('10.0.0.0/8', origin, 7);
    bench.sources.remove(origin);
    const other = bench.source('other');
    expect(other.id).toBe(origin.id);
    announce(2, 7, other);
    settle();
    expect(peer.tags).toEqual([2]);
    expect([peer.view.announcements, peer.view.withdrawals]).toEqual([2, 1]);
  });

  it('tells the best ones in the order of the decision process', () => {
    const best = new UpdateGroup(bench.rib, { ...PROFILE, addPath: { most: 2 } });
    const peer = new Member(bench.source('peer'));
    best.addMember(peer);
    // The same neighbour AS: the order of these is that of their MED, whatever their identifiers.
    for (const [tag, med] of [
      [1, 50],
      [2, 10],
      [3, 30],
      [4, 20],
    ] as const) {
      announce(tag, tag, origin, med);
    }
    const settleBest = (): void => {
      bench.rib.decide(1000);
      while (best.ready) best.flush(1000);
    };
    settleBest();
    expect(peer.tags).toEqual([2, 4]);
    bench.withdraw('10.0.0.0/8', origin, 2);
    settleBest();
    expect(peer.tags).toEqual([3, 4]);
    announce(1, 1, origin, 5);
    settleBest();
    expect(peer.tags).toEqual([1, 4]);
  });

  it('tells no path that a peer of this kind gets nothing of', () => {
    const internal = new UpdateGroup(bench.rib, { ...PROFILE, peerType: 'ibgp', nextHopUnchanged: true });
    const peer = new Member(bench.source('internal', SourceKind.ibgp), { ...CONTEXT, peerType: 'ibgp' });
    internal.addMember(peer);
    announce(1);
    announce(2, 0, bench.source('other', SourceKind.ibgp));
    const secret = { communities: [3, 0xffffff02] };
    bench.announce('10.0.0.0/8', origin, internAttributes(bench.attributes, secret), 3);
    bench.rib.decide(10);
    internal.flush(10);
    expect(peer.tags).toEqual([1]);
  });

  it('gives up a path whose attributes fit into no message, and withdraws what it was before', () => {
    const peer = join('peer');
    for (const tag of [1, 2]) announce(tag);
    settle();
    const communities = Array.from({ length: 1100 }, (_, index) => index);
    bench.announce('10.0.0.0/8', origin, internAttributes(bench.attributes, { communities }), 1);
    announce(5, 2);
    settle();
    expect(peer.tags).toEqual([5]);
    expect(group.advertisedTo(peer)).toBe(1);
  });

  it('announces as many paths of one prefix as there can be', () => {
    const peer = join('peer');
    const sources = Array.from({ length: 10 }, (_, index) => bench.source(`source ${index}`));
    const count = sources.length * MOST_PATHS_OF_PEER;
    sources.forEach((source, index) => {
      for (let id = 0; id < MOST_PATHS_OF_PEER; id++) announce(index % 3, id, source);
    });
    settle();
    expect(peer.view.routes.size).toBe(count);
    expect(group.advertisedTo(peer)).toBe(count);
    for (const source of sources) bench.rib.sweepSource(source, 0, 100_000);
    settle();
    expect([peer.view.routes.size, bench.rib.prefixes.size, bench.attributes.size]).toEqual([0, 0, 0]);
  });

  it('lets go of all that it kept when its last member leaves', () => {
    const peer = join('peer');
    for (const tag of [1, 2]) announce(tag);
    settle();
    for (const tag of [1, 2]) bench.withdraw('10.0.0.0/8', origin, tag);
    group.removeMember(peer);
    settle();
    expect([bench.rib.prefixes.size, bench.attributes.size]).toEqual([0, 0]);
  });

  it.each<[Family, string]>([
    [IPV4_UNICAST, '203.0.113.0/24'],
    [IPV6_UNICAST, '2001:db8::/32'],
  ])('puts the identifier before routes of MP_REACH_NLRI, too: %i %s', (family, prefix) => {
    const other = new RibBench(family);
    const over = new UpdateGroup(other.rib, {
      ...PROFILE,
      family,
      selfNextHop: addressOf('2001:db8::1').bytes,
    });
    const peer = new Member(other.source('peer'), { ...CONTEXT, extendedNextHop: true });
    over.addMember(peer);
    const source = other.source('origin');
    for (const tag of [1, 2]) {
      other.announce(prefix, source, internAttributes(other.attributes, { communities: [tag] }), tag);
    }
    other.rib.decide(10);
    over.flush(10);
    expect(peer.tags).toEqual([1, 2]);
    const prefixes = [...peer.view.routes.values()].map(({ route }) =>
      route.kind === 'unicast' ? formatPrefix(route.prefix) : '?',
    );
    expect(prefixes).toEqual([prefix, prefix]);
    other.withdraw(prefix, source, 1);
    other.rib.decide(10);
    over.flush(10);
    expect(peer.tags).toEqual([2]);
  });
});
