import { beforeEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../../bgp/peer.ts';
import { DEFAULT_INSTANCE, type RoutingInstance } from '../../../bgp/routing-instance.ts';
import type { PeerGracefulRestart } from '../../../bgp/session/session-events.ts';
import { NO_ATTRIBUTES } from '../../../bgp/wire/attribute-types.ts';
import { type Family, IPV4_UNICAST, IPV6_UNICAST } from '../../../bgp/wire/family.ts';
import type { NlriRoute } from '../../../bgp/wire/nlri.ts';
import { encodeEndOfRib, encodeUpdate, type UpdateContent } from '../../../bgp/wire/update.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';
import { formatPrefix, parsePrefix } from '../../../net/prefix.ts';
import { ReceivedRoutes } from './rib/received-routes.ts';
import { addressOf, type FakeSession, SpeakerBench, settingsOf } from './rib/speaker-bench.ts';
import { EBGP_CONTEXT } from './wire/contexts.ts';

const FAMILIES = [IPV4_UNICAST, IPV6_UNICAST];
/** Seconds. */
const RESTART_TIME = 120;
const STALE_PATH_TIME = 300;

function offer(changes: Partial<PeerGracefulRestart> = {}): { gracefulRestart: PeerGracefulRestart } {
  const families = FAMILIES.map((family) => ({ family, forwarding: true }));
  return {
    gracefulRestart: {
      restartTime: RESTART_TIME,
      restarting: false,
      notification: true,
      families,
      ...changes,
    },
  };
}

function unicast(text: string): NlriRoute {
  const prefix = parsePrefix(text);
  if (!prefix) throw new Error(text);
  return { kind: 'unicast', family: prefix.address.version === 4 ? IPV4_UNICAST : IPV6_UNICAST, prefix };
}

function messageOf(content: UpdateContent): Uint8Array {
  const writer = new ByteWriter();
  encodeUpdate(writer, content, EBGP_CONTEXT);
  return writer.take();
}

function ipv4(...prefixes: string[]): Uint8Array {
  const nextHop = addressOf('203.0.113.1');
  const attributes = {
    ...NO_ATTRIBUTES,
    origin: 0 as const,
    asPath: [{ type: 2, asns: [65001] }],
    nextHop,
  };
  return messageOf({ attributes, nlri: prefixes.map(unicast) });
}

function ipv6(prefix: string): Uint8Array {
  const nextHop = { address: addressOf('2001:db8::9') };
  const attributes = { ...NO_ATTRIBUTES, origin: 0 as const, asPath: [{ type: 2, asns: [65001] }] };
  return messageOf({ attributes, mpReach: { family: IPV6_UNICAST, nextHop, routes: [unicast(prefix)] } });
}

function endOfRib(family: Family): Uint8Array {
  const writer = new ByteWriter();
  encodeEndOfRib(writer, family);
  return writer.take();
}

describe('a peer that restarts', () => {
  let bench: SpeakerBench;
  let instance: RoutingInstance;
  let peer: Peer;
  let session: FakeSession;
  let other: FakeSession;
  let kept: (readonly [number, number])[];

  beforeEach(() => {
    kept = [];
    bench = new SpeakerBench({ kept: (_, families, seconds) => kept.push([families.length, seconds]) });
    instance = bench.speaker.addInstance(DEFAULT_INSTANCE, FAMILIES, false);
    const gracefulRestart = {
      restartTime: 0,
      families: [],
      restarting: () => false,
      preserved: () => false,
      stalePathTime: STALE_PATH_TIME,
    };
    const add = (address: string, remoteAs: number): Peer =>
      bench.speaker.addPeer({
        settings: { ...settingsOf(address, 64512, remoteAs), families: FAMILIES, gracefulRestart },
        instance,
        allowOwnAs: 0,
      });
    peer = add('198.51.100.1', 65001);
    add('198.51.100.2', 65002);
    [session, other] = bench.sessions as [FakeSession, FakeSession];
    other.up();
    session.up(offer());
    for (const message of [ipv4('10.1.0.0/16', '10.2.0.0/16'), ipv6('2001:db8:1::/48')]) {
      session.receive(message);
    }
    bench.settle();
    other.sent = [];
  });

  /** Prefixes in the RIBs, in order. */
  function prefixes(): string[] {
    return [...instance.ribs.values()].flatMap((rib) =>
      Array.from({ length: rib.prefixes.idLimit }, (_, id) => id)
        .filter((id) => rib.best(id) >= 0)
        .map((id) => {
          const key = new Uint8Array(40);
          const length = rib.prefixes.copyKey(id, key, 0);
          const bytes = new Uint8Array(rib.family === IPV4_UNICAST ? 4 : 16);
          bytes.set(key.subarray(1, length));
          const version = rib.family === IPV4_UNICAST ? 4 : 6;
          return formatPrefix({ address: { version, bytes }, length: key[0] ?? 0 });
        })
        .sort(),
    );
  }

  /** What the other peer was told since the last time. */
  function told(): { announced: number; withdrawn: number } {
    bench.settle();
    const view = new ReceivedRoutes(EBGP_CONTEXT);
    for (const bytes of other.sent.splice(0)) view.apply(bytes);
    return { announced: view.announcements, withdrawn: view.withdrawals };
  }

  const ALL = ['10.1.0.0/16', '10.2.0.0/16', '2001:db8:1::/48'];

  it('keeps what it has just told when it is lost before that was worked off', () => {
    session.down();
    bench.settle();
    session.up(offer());
    // All in one read: the turn of the speaker comes behind them.
    for (const message of [ipv4('10.1.0.0/16', '10.2.0.0/16'), endOfRib(IPV4_UNICAST)]) {
      session.events.update(message, 0, message.length);
    }
    session.down();
    // The IPv6 route alone was stale for the second time.
    expect(told()).toEqual({ announced: 0, withdrawn: 1 });
    expect(prefixes()).toEqual(ALL.slice(0, 2));
  });

  it('keeps its routes in use, and nobody hears of it', () => {
    session.down();
    expect(told()).toEqual({ announced: 0, withdrawn: 0 });
    expect(prefixes()).toEqual(ALL);
    expect(kept).toEqual([[2, RESTART_TIME]]);
    session.up(offer());
    session.receive(ipv4('10.1.0.0/16', '10.2.0.0/16'));
    session.receive(ipv6('2001:db8:1::/48'));
    for (const family of FAMILIES) session.receive(endOfRib(family));
    expect(told()).toEqual({ announced: 0, withdrawn: 0 });
    expect(prefixes()).toEqual(ALL);
    expect(peer.received(IPV4_UNICAST)).toBe(2);
  });

  it('loses what it does not tell again, family by family, at End-of-RIB', () => {
    session.down();
    session.up(offer());
    session.receive(ipv4('10.2.0.0/16', '10.3.0.0/16'));
    bench.settle();
    expect(prefixes()).toEqual(['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16', '2001:db8:1::/48']);
    session.receive(endOfRib(IPV4_UNICAST));
    bench.settle();
    expect(prefixes()).toEqual(['10.2.0.0/16', '10.3.0.0/16', '2001:db8:1::/48']);
    session.receive(endOfRib(IPV6_UNICAST));
    expect(told()).toEqual({ announced: 1, withdrawn: 2 });
    expect(prefixes()).toEqual(['10.2.0.0/16', '10.3.0.0/16']);
  });

  it('loses all when it does not come back in its time', () => {
    session.down();
    bench.clock.advance(RESTART_TIME * 1000 - 1);
    expect(told().withdrawn).toBe(0);
    bench.clock.advance(1);
    expect(told().withdrawn).toBe(3);
    expect(prefixes()).toEqual([]);
  });

  it('loses what is stale when it says no End-of-RIB in time', () => {
    session.down();
    session.up(offer());
    session.receive(ipv4('10.1.0.0/16'));
    bench.clock.advance(STALE_PATH_TIME * 1000 - 1);
    bench.settle();
    expect(prefixes()).toEqual(ALL);
    bench.clock.advance(1);
    bench.settle();
    expect(prefixes()).toEqual(['10.1.0.0/16']);
  });

  it.each([
    ['did not go on forwarding', [{ family: IPV4_UNICAST, forwarding: false }]],
    ['takes no part any more', []],
  ])('loses at once the routes of a family in which it %s', (_, families) => {
    session.down();
    session.up(offer({ families: [...families, { family: IPV6_UNICAST, forwarding: true }] }));
    bench.settle();
    expect(prefixes()).toEqual(['2001:db8:1::/48']);
  });

  it('loses all when another router answers at its address', () => {
    session.down();
    session.up({ ...offer(), remoteRouterId: 99 });
    bench.settle();
    expect(prefixes()).toEqual([]);
    session.receive(ipv4('10.1.0.0/16'));
    bench.settle();
    expect(prefixes()).toEqual(['10.1.0.0/16']);
  });

  it('loses what was stale already when it restarts once more', () => {
    session.down();
    session.up(offer());
    session.receive(ipv4('10.1.0.0/16'));
    bench.settle();
    session.down();
    bench.settle();
    expect(prefixes()).toEqual(['10.1.0.0/16']);
  });

  it.each([
    ['a lost connection', undefined, true, 3],
    ['a lost connection, without the N bit', undefined, false, 3],
    ['Cease/Administrative Shutdown, with the N bit', { code: 6, subcode: 2 }, true, 3],
    ['the hold timer, with the N bit', { code: 4, subcode: 0 }, true, 3],
    ['the hold timer, without the N bit', { code: 4, subcode: 0 }, false, 0],
    ['Hard Reset', { code: 6, subcode: 9 }, true, 0],
    ['BFD', { code: 6, subcode: 10 }, true, 0],
  ])('after %s', (_, notification, bit, left) => {
    session.down();
    bench.settle();
    session.up(offer({ notification: bit }));
    session.receive(ipv4('10.1.0.0/16', '10.2.0.0/16'));
    session.receive(ipv6('2001:db8:1::/48'));
    bench.settle();
    session.down(notification && { direction: 'received', ...notification });
    bench.settle();
    expect(prefixes()).toHaveLength(left);
  });

  it('is forgotten with all its routes when it is not configured any more', () => {
    session.down();
    bench.speaker.removePeer(peer, 3, 'gone');
    bench.settle();
    expect(prefixes()).toEqual([]);
    expect(bench.speaker.sources.size).toBe(2);
  });

  it('may say End-of-RIB and begin refreshes without end: little is done for it', () => {
    const turns = bench.speaker.turns;
    for (let i = 0; i < 1000; i++) session.receive(endOfRib(IPV4_UNICAST));
    for (let i = 0; i < 1000; i++) session.events.routeRefresh(IPV4_UNICAST, 1);
    bench.settle();
    expect(bench.speaker.turns - turns).toBeLessThan(1100);
    expect(prefixes()).toEqual(ALL);
    // End-of-RIB is no end of a refresh.
    session.receive(endOfRib(IPV4_UNICAST));
    bench.settle();
    expect(prefixes()).toEqual(ALL);
  });

  it('leaves no source behind after a hundred restarts', () => {
    const before = bench.speaker.sources.size;
    for (let restarts = 0; restarts < 100; restarts++) {
      session.down();
      session.up(offer());
      bench.settle();
    }
    expect(bench.speaker.sources.size).toBe(before);
  });

  it('tells all again between the marks of an enhanced refresh: the rest goes (RFC 7313)', () => {
    session.events.routeRefresh(IPV4_UNICAST, 1);
    session.receive(ipv4('10.2.0.0/16'));
    bench.settle();
    expect(prefixes()).toEqual(ALL);
    session.events.routeRefresh(IPV4_UNICAST, 2);
    bench.settle();
    expect(prefixes()).toEqual(['10.2.0.0/16', '2001:db8:1::/48']);
    // An end without a beginning is no end of anything.
    session.events.routeRefresh(IPV6_UNICAST, 2);
    bench.settle();
    expect(prefixes()).toEqual(['10.2.0.0/16', '2001:db8:1::/48']);
  });
});

describe('a speaker that has restarted', () => {
  it('announces nothing, not even End-of-RIB, until it speaks up', () => {
    const bench = new SpeakerBench();
    const instance = bench.speaker.addInstance(DEFAULT_INSTANCE, FAMILIES, false);
    bench.speaker.beSilent();
    for (const [address, as] of [
      ['198.51.100.1', 65001],
      ['198.51.100.2', 65002],
    ] as const) {
      bench.speaker.addPeer({
        settings: { ...settingsOf(address, 64512, as), families: FAMILIES },
        instance,
        allowOwnAs: 0,
      });
    }
    const [first, second] = bench.sessions as [FakeSession, FakeSession];
    first.up();
    second.up();
    first.receive(ipv4('10.1.0.0/16'));
    bench.settle();
    expect(second.sent).toEqual([]);
    bench.speaker.speakUp();
    bench.settle();
    const view = new ReceivedRoutes(EBGP_CONTEXT);
    for (const bytes of second.sent) view.apply(bytes);
    expect(view.announcements).toBe(1);
    expect([...view.endOfRib.keys()].sort()).toEqual([...FAMILIES].sort());
  });
});
