import { beforeEach, describe, expect, it } from 'vitest';
import type { RouteSource } from '../../../../bgp/rib/sources.ts';
import { UpdateGroup } from '../../../../bgp/rib/update-group.ts';
import type { ExportProfile, GroupMember } from '../../../../bgp/rib/update-stream.ts';
import { IPV4_UNICAST } from '../../../../bgp/wire/family.ts';
import { formatPrefix } from '../../../../net/prefix.ts';
import { EBGP_CONTEXT } from '../wire/contexts.ts';
import { ReceivedRoutes } from './received-routes.ts';
import { internAttributes, RibBench } from './rib-bench.ts';
import { addressOf } from './speaker-bench.ts';

const TOLD = 50;
const ROUND = 100;
const ROUNDS = 200;

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

class Member implements GroupMember {
  readonly sourceId: number;
  readonly view = new ReceivedRoutes(EBGP_CONTEXT);
  bytes = 0;
  blocked = false;

  constructor(source: RouteSource) {
    this.sourceId = source.id;
  }

  get waiting(): boolean {
    return this.blocked;
  }

  send(bytes: Uint8Array): void {
    this.view.apply(bytes);
    this.bytes += bytes.length;
  }

  get prefixes(): string[] {
    const routes = [...this.view.routes.values()];
    return routes.map(({ route }) => (route.kind === 'unicast' ? formatPrefix(route.prefix) : '?')).sort();
  }
}

/** The prefix with a number of its own among all rounds. */
function prefixOf(number: number): string {
  return `10.${number >> 8}.${number & 255}.0/24`;
}

describe.each([
  { kind: 'best paths only', multipath: false },
  { kind: 'with paths that share traffic', multipath: true },
])('a member that takes nothing, $kind', ({ multipath }) => {
  let bench: RibBench;
  let group: UpdateGroup;
  let origin: RouteSource;
  let attributes: number;
  beforeEach(() => {
    bench = new RibBench(IPV4_UNICAST, multipath);
    group = new UpdateGroup(bench.rib, PROFILE);
    origin = bench.source('origin');
    attributes = internAttributes(bench.attributes, {});
    bench.attributes.retain(attributes);
  });

  const join = (name: string): Member => {
    const member = new Member(bench.source(name));
    group.addMember(member);
    return member;
  };
  const settle = (): void => {
    while (bench.rib.undecided) bench.rib.decide(1000);
    while (group.ready) group.flush(1000);
    bench.rib.settle(1_000_000);
  };
  /** Prefixes that were never there before come, and go again once everyone who reads was told. */
  const passBy = (round: number): void => {
    const numbers = Array.from({ length: ROUND }, (_, index) => (round + 1) * ROUND + index);
    for (const number of numbers) bench.announce(prefixOf(number), origin, attributes);
    settle();
    for (const number of numbers) bench.withdraw(prefixOf(number), origin);
    settle();
  };

  it('costs ids for what it was told, not for all that came and went since', () => {
    const quick = join('quick');
    const slow = join('slow');
    settle();
    for (let number = 0; number < TOLD; number++) bench.announce(prefixOf(number), origin, attributes);
    settle();
    slow.blocked = true;
    for (let number = 0; number < TOLD / 2; number++) bench.withdraw(prefixOf(number), origin);
    for (let round = 0; round < ROUNDS; round++) passBy(round);

    expect(quick.view.announcements).toBe(TOLD + ROUNDS * ROUND);
    expect(slow.view.announcements).toBe(TOLD);
    // What it was told, what came and went lately, and as much again until the journal is gone over.
    const bound = 8 * (TOLD + ROUND);
    expect(bench.rib.prefixes.idLimit).toBeLessThan(bound);
    expect(bench.rib.bestChanges.end).toBeLessThan(bound);

    bench.announce(prefixOf(0), origin, attributes);
    slow.blocked = false;
    settle();
    expect(slow.prefixes).toEqual(quick.prefixes);
    expect(slow.prefixes).toHaveLength(TOLD / 2 + 1);
    // It skipped all that came and went.
    expect(slow.view.announcements).toBe(TOLD + 1);
    expect([bench.rib.prefixes.size, bench.rib.bestChanges.end]).toEqual([TOLD / 2 + 1, 0]);
  });

  it('costs no ids when it takes nothing from the start', () => {
    join('quick');
    const slow = join('slow');
    slow.blocked = true;
    for (let round = 0; round < ROUNDS; round++) passBy(round);
    expect(bench.rib.prefixes.idLimit).toBeLessThan(8 * ROUND);
    slow.blocked = false;
    settle();
    expect(slow.prefixes).toEqual([]);
    expect(slow.view.endOfRib.get(IPV4_UNICAST)).toBe(1);
    expect(bench.rib.prefixes.size).toBe(0);
  });
});

describe('one turn of a group', () => {
  const routes = 1200;
  const bound = 1024 * 1024;
  const large = Array.from({ length: 900 }, (_, index) => index);

  const turns: readonly (readonly [string, (bench: RibBench, number: number) => number])[] = [
    [
      'attributes of their own',
      (bench, number) => internAttributes(bench.attributes, { communities: [...large, number] }),
    ],
    // They leave room for two routes in a message.
    [
      'the same attributes',
      (bench) => internAttributes(bench.attributes, { communities: [...large, ...large.slice(0, 110)] }),
    ],
  ];

  it.each(turns)('sends no more than a megabyte of routes with %s', (_, attributesOf) => {
    const bench = new RibBench();
    const group = new UpdateGroup(bench.rib, PROFILE);
    const origin = bench.source('origin');
    const member = new Member(bench.source('member'));
    group.addMember(member);
    const flushAll = (): number => {
      let most = 0;
      while (group.ready) {
        const before = member.bytes;
        group.flush(4096);
        most = Math.max(most, member.bytes - before);
      }
      return most;
    };
    const fill = (): void => {
      for (let number = 0; number < routes; number++) {
        bench.announce(prefixOf(number), origin, attributesOf(bench, number));
      }
      bench.rib.decide(4096);
    };
    fill();
    // The walk over the table, then the same from the journal.
    expect(flushAll()).toBeLessThan(bound);
    expect(member.prefixes).toHaveLength(routes);
    bench.rib.settle(1_000_000);
    for (let number = 0; number < routes; number++) bench.withdraw(prefixOf(number), origin);
    bench.rib.decide(4096);
    flushAll();
    expect(member.prefixes).toEqual([]);
    fill();
    const told = member.view.announcements;
    expect(flushAll()).toBeLessThan(bound);
    expect(member.prefixes).toHaveLength(routes);
    expect(member.view.announcements - told).toBe(routes);
    expect(member.bytes).toBeGreaterThan(4 * bound);
  });
});
