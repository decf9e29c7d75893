import { beforeEach, describe, expect, it } from 'vitest';
import { AttributeKind } from '../../../../bgp/rib/attribute-store.ts';
import { type RouteSource, SourceKind } from '../../../../bgp/rib/sources.ts';
import { UpdateGroup } from '../../../../bgp/rib/update-group.ts';
import type { ExportProfile, GroupMember } from '../../../../bgp/rib/update-stream.ts';
import { IPV4_UNICAST } from '../../../../bgp/wire/family.ts';
import { formatAddress } from '../../../../net/address.ts';
import { formatPrefix } from '../../../../net/prefix.ts';
import { EBGP_CONTEXT } from '../wire/contexts.ts';
import { ReceivedRoutes } from './received-routes.ts';
import { internAttributes, RibBench } from './rib-bench.ts';
import { addressOf } from './speaker-bench.ts';

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
  readonly view: ReceivedRoutes;
  blocked = false;
  sends = 0;
  onSend: () => void = () => undefined;

  constructor(source: RouteSource, context = EBGP_CONTEXT) {
    this.sourceId = source.id;
    this.view = new ReceivedRoutes(context);
  }

  get waiting(): boolean {
    return this.blocked;
  }

  send(bytes: Uint8Array): void {
    this.sends++;
    this.view.apply(bytes);
    this.onSend();
  }

  get prefixes(): string[] {
    const routes = [...this.view.routes.values()];
    return routes.map(({ route }) => (route.kind === 'unicast' ? formatPrefix(route.prefix) : '?')).sort();
  }
}

describe('an update group', () => {
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
  const announce = (text: string, med = 0, source = origin): number =>
    bench.announce(text, source, internAttributes(bench.attributes, { communities: [med] }));
  const settle = (): void => {
    bench.rib.decide(1000);
    while (group.ready) group.flush(1000);
    bench.rib.settle(1_000_000);
  };

  it('tells a new member the whole table, then End-of-RIB, then what changes', () => {
    announce('10.0.0.0/8');
    settle();
    const member = join('member');
    settle();
    expect(member.prefixes).toEqual(['10.0.0.0/8']);
    expect(member.view.endOfRib.get(IPV4_UNICAST)).toBe(1);
    announce('10.1.0.0/16');
    bench.withdraw('10.0.0.0/8', origin);
    settle();
    expect(member.prefixes).toEqual(['10.1.0.0/16']);
    expect(member.view.endOfRib.get(IPV4_UNICAST)).toBe(1);
  });

  it('packs what changed in one turn into as few messages as hold it, by attributes', () => {
    const member = join('member');
    settle();
    const before = member.view.sizes.length;
    const count = 1000;
    for (let i = 0; i < count; i++) announce(`10.${i >> 8}.${i & 255}.0/24`, 1 + (i % 2));
    settle();
    expect(member.prefixes).toHaveLength(count);
    // Of 4 octets each, 500 of one kind fit into one message of 4096.
    expect(member.view.sizes.slice(before)).toHaveLength(2);
  });

  it('sends nothing when nothing changed', () => {
    const member = join('member');
    announce('10.0.0.0/8');
    settle();
    const { sends } = member;
    announce('10.0.0.0/8');
    settle();
    expect(member.sends).toBe(sends);
  });

  it('withdraws from every member what went while one of them joined', () => {
    // Streams in their order: one member, the newcomer, and a slow one that was split off last.
    const first = join('first');
    const slow = join('slow');
    announce('10.0.0.0/8');
    settle();
    const newcomer = join('newcomer');
    slow.blocked = true;
    announce('10.2.0.0/16');
    bench.rib.decide(1000);
    newcomer.blocked = true;
    group.flush(1000);
    group.removeMember(first);
    newcomer.blocked = false;
    slow.blocked = false;
    // The path is gone, its prefix not decided yet.
    bench.withdraw('10.0.0.0/8', origin);
    while (group.ready) group.flush(1000);
    settle();
    expect(slow.prefixes).toEqual(['10.2.0.0/16']);
    expect(newcomer.prefixes).toEqual(['10.2.0.0/16']);
  });

  it('lets a slow member skip what was overtaken, and never holds others back', () => {
    const quick = join('quick');
    const slow = join('slow');
    settle();
    slow.blocked = true;
    for (let med = 1; med <= 20; med++) {
      announce('10.0.0.0/8', med);
      settle();
    }
    expect(quick.view.announcements).toBe(20);
    expect(slow.view.announcements).toBe(0);
    slow.blocked = false;
    settle();
    expect(slow.view.announcements).toBe(1);
    announce('10.1.0.0/16');
    settle();
    expect([quick.prefixes, slow.prefixes]).toEqual([quick.prefixes, quick.prefixes]);
  });

  it('goes on with the others when a member leaves while it is sent something', () => {
    const members = ['a', 'b', 'c'].map(join);
    const [a, ...others] = members;
    if (!a) throw new Error('no member');
    a.onSend = () => group.removeMember(a);
    announce('10.0.0.0/8');
    settle();
    for (const other of others) {
      expect(other.prefixes).toEqual(['10.0.0.0/8']);
      expect(other.view.endOfRib.get(IPV4_UNICAST)).toBe(1);
    }
    expect(group.memberCount).toBe(2);
  });

  it('sends back-to-back segments in one piece', () => {
    const members = ['a', 'b', 'c', 'd'].map((name) => ({ name, source: bench.source(name) }));
    const joined = members.map(({ source }) => new Member(source));
    for (const member of joined) group.addMember(member);
    settle();
    // One bucket for each source, each kept from its own peer.
    members.forEach(({ source }, index) => {
      announce(`10.${index}.0.0/16`, index, source);
    });
    const sends = joined.map((member) => member.sends);
    settle();
    expect(joined.map((member, index) => member.sends - (sends[index] ?? 0))).toEqual([1, 2, 2, 1]);
    expect(joined.map(({ prefixes }) => prefixes.length)).toEqual([3, 3, 3, 3]);
  });

  it('tells the peer whose path became the best one to forget the other', () => {
    const source = bench.source('peer');
    const peer = new Member(source);
    group.addMember(peer);
    announce('10.0.0.0/8');
    settle();
    expect(peer.prefixes).toEqual(['10.0.0.0/8']);
    const better = internAttributes(bench.attributes, { localPref: 200 }, { kind: AttributeKind.ibgp });
    bench.announce('10.0.0.0/8', source, better);
    settle();
    expect(peer.prefixes).toEqual([]);
    bench.withdraw('10.0.0.0/8', source);
    settle();
    expect(peer.prefixes).toEqual(['10.0.0.0/8']);
  });

  it('repeats everything on request, once for any number of requests during a pass', () => {
    announce('10.0.0.0/8');
    bench.rib.decide(10);
    const peer = join('peer');
    const other = join('other');
    for (let i = 0; i < 5; i++) group.refresh(peer);
    settle();
    expect(peer.view.announcements).toBe(2);
    expect(other.view.announcements).toBe(1);
    group.refresh(peer);
    settle();
    expect(peer.view.announcements).toBe(3);
    expect(other.view.announcements).toBe(1);
    expect(peer.view.endOfRib.get(IPV4_UNICAST)).toBe(1);
  });

  it('gives up a route whose attributes fit into no message, and withdraws the older path', () => {
    const peer = join('peer');
    announce('10.0.0.0/8');
    announce('10.1.0.0/16');
    settle();
    const communities = Array.from({ length: 1100 }, (_, index) => index);
    bench.announce('10.0.0.0/8', origin, internAttributes(bench.attributes, { communities }));
    announce('10.1.0.0/16', 7);
    settle();
    expect(peer.prefixes).toEqual(['10.1.0.0/16']);
    expect(group.advertisedTo(peer)).toBe(1);
  });

  it('puts its own next hop in place of one that NEXT_HOP cannot hold (RFC 8950)', () => {
    const internal = new UpdateGroup(bench.rib, { ...PROFILE, peerType: 'ibgp', nextHopUnchanged: true });
    const peer = new Member(bench.source('internal', SourceKind.ibgp), { ...EBGP_CONTEXT, peerType: 'ibgp' });
    internal.addMember(peer);
    const attributes = internAttributes(bench.attributes, {}, { nextHop: '2001:db8::7' });
    bench.announce('10.0.0.0/8', origin, attributes);
    bench.announce('10.1.0.0/16', origin, internAttributes(bench.attributes, {}, { nextHop: '203.0.113.7' }));
    bench.rib.decide(10);
    internal.flush(10);
    const hops = [...peer.view.routes.values()].map(
      ({ nextHop }) => nextHop && formatAddress(nextHop.address),
    );
    expect(hops).toEqual(['192.0.2.1', '203.0.113.7']);
  });

  it('tells an internal peer what was imported, with its own next hop', () => {
    const internal = new UpdateGroup(bench.rib, { ...PROFILE, peerType: 'ibgp', nextHopUnchanged: true });
    const peer = new Member(bench.source('internal', SourceKind.ibgp), { ...EBGP_CONTEXT, peerType: 'ibgp' });
    internal.addMember(peer);
    const kind = SourceKind.ibgp;
    const address = undefined;
    const imported = bench.sources.add({ name: 'evpn', kind, imported: true, routerId: 0, address });
    const other = bench.source('other', SourceKind.ibgp);
    const attributes = internAttributes(bench.attributes, {}, { nextHop: '100.64.0.1' });
    bench.announce('10.0.0.0/8', imported, attributes);
    bench.announce('10.1.0.0/16', other, attributes);
    bench.rib.decide(10);
    internal.flush(10);
    expect(peer.prefixes).toEqual(['10.0.0.0/8']);
    const [route] = peer.view.routes.values();
    expect(route?.nextHop && formatAddress(route.nextHop.address)).toBe('192.0.2.1');
  });
});
