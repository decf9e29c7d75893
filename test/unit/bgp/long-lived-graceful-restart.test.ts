import { beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_INSTANCE, type RoutingInstance } from '../../../bgp/routing-instance.ts';
import type { PeerLongLived } from '../../../bgp/session/long-lived-negotiation.ts';
import type { NegotiatedSession } from '../../../bgp/session/session-events.ts';
import { NO_ATTRIBUTES } from '../../../bgp/wire/attribute-types.ts';
import { WellKnownCommunity } from '../../../bgp/wire/constants.ts';
import { type Family, IPV4_UNICAST, IPV6_UNICAST } from '../../../bgp/wire/family.ts';
import type { NlriRoute } from '../../../bgp/wire/nlri.ts';
import { encodeEndOfRib, encodeUpdate, type UpdateContent } from '../../../bgp/wire/update.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';
import { formatPrefix, parsePrefix } from '../../../net/prefix.ts';
import { ReceivedRoutes } from './rib/received-routes.ts';
import { addressOf, type FakeSession, HurriedClock, SpeakerBench, settingsOf } from './rib/speaker-bench.ts';
import type { FakeClock } from './session/fake-clock.ts';
import { EBGP_CONTEXT } from './wire/contexts.ts';

const { LLGR_STALE, NO_LLGR } = WellKnownCommunity;
const FAMILIES = [IPV4_UNICAST, IPV6_UNICAST];
const LOCAL_AS = 64512;
/** Seconds. */
const RESTART_TIME = 120;
const IPV4_TIME = 3600;
const IPV6_TIME = 7200;

interface Offer {
  readonly restartTime?: number;
  /** Families of graceful restart, all with forwarding. */
  readonly restarting?: readonly Family[];
  readonly longLived?: PeerLongLived | undefined;
}

const LONG_LIVED: PeerLongLived = {
  families: [
    { family: IPV4_UNICAST, forwarding: true, staleTime: IPV4_TIME },
    { family: IPV6_UNICAST, forwarding: true, staleTime: IPV6_TIME },
  ],
};

function offer(changes: Offer = {}): Partial<NegotiatedSession> {
  const { restartTime = RESTART_TIME, restarting = FAMILIES, longLived = LONG_LIVED } = changes;
  const families = restarting.map((family) => ({ family, forwarding: true }));
  return {
    gracefulRestart: { restartTime, restarting: false, notification: true, families },
    longLived: 'longLived' in changes ? changes.longLived : longLived,
  };
}

/** Understands what is long-lived stale, and asks for nothing itself. */
const AWARE: Partial<NegotiatedSession> = offer({ restarting: [], longLived: { families: [] } });

function messageOf(content: UpdateContent): Uint8Array {
  const writer = new ByteWriter();
  encodeUpdate(writer, content, EBGP_CONTEXT);
  return writer.take();
}

function route(text: string, ...communities: number[]): Uint8Array {
  const prefix = parsePrefix(text);
  if (!prefix) throw new Error(text);
  const family = prefix.address.version === 4 ? IPV4_UNICAST : IPV6_UNICAST;
  const routes: NlriRoute[] = [{ kind: 'unicast', family, prefix }];
  const attributes = {
    ...NO_ATTRIBUTES,
    origin: 0 as const,
    asPath: [{ type: 2, asns: [65001] }],
    communities,
  };
  return family === IPV4_UNICAST
    ? messageOf({ attributes: { ...attributes, nextHop: addressOf('203.0.113.1') }, nlri: routes })
    : messageOf({ attributes, mpReach: { family, nextHop: { address: addressOf('2001:db8::9') }, routes } });
}

function endOfRib(family: Family): Uint8Array {
  const writer = new ByteWriter();
  encodeEndOfRib(writer, family);
  return writer.take();
}

/** What one peer has been told: prefixes, those with LLGR_STALE with a star. */
class View {
  readonly #routes = new ReceivedRoutes(EBGP_CONTEXT);
  readonly #session: FakeSession;

  constructor(session: FakeSession) {
    this.#session = session;
  }

  get prefixes(): readonly string[] {
    for (const bytes of this.#session.sent.splice(0)) this.#routes.apply(bytes);
    return [...this.#routes.routes.values()]
      .map(({ route: told, attributes }) => {
        if (told.kind !== 'unicast') throw new Error(told.kind);
        return `${formatPrefix(told.prefix)}${attributes.communities.includes(LLGR_STALE) ? '*' : ''}`;
      })
      .sort();
  }
}

const V4 = '10.1.0.0/16';
const V6 = '2001:db8:1::/48';

describe('a peer that is gone for long (RFC 9494)', () => {
  let bench: SpeakerBench;
  let instance: RoutingInstance;
  let session: FakeSession;
  let another: FakeSession;
  let aware: View;
  let unaware: View;
  let begun: (readonly [readonly Family[], number])[];

  function start(clock?: FakeClock): void {
    begun = [];
    bench = new SpeakerBench({ longLived: (_, families, seconds) => begun.push([families, seconds]) }, clock);
    instance = bench.speaker.addInstance(DEFAULT_INSTANCE, FAMILIES, false);
    const gracefulRestart = {
      restartTime: 0,
      families: [],
      restarting: () => false,
      preserved: () => false,
      stalePathTime: 300,
    };
    for (const [index, asn] of [65001, 65002, 65003, 65004].entries()) {
      bench.speaker.addPeer({
        settings: {
          ...settingsOf(`198.51.100.${index + 1}`, LOCAL_AS, asn),
          families: FAMILIES,
          gracefulRestart,
        },
        instance,
        allowOwnAs: 0,
      });
    }
    const sessions = bench.sessions as [FakeSession, FakeSession, FakeSession, FakeSession];
    [session, another] = sessions;
    another.up();
    sessions[2].up(AWARE);
    sessions[3].up(offer({ longLived: undefined }));
    aware = new View(sessions[2]);
    unaware = new View(sessions[3]);
  }

  beforeEach(() => start());

  function tell(...messages: readonly Uint8Array[]): void {
    for (const message of messages) session.receive(message);
    bench.settle();
  }

  function pass(seconds: number): void {
    bench.clock.advance(seconds * 1000);
    bench.settle();
  }

  function lose(): void {
    session.down();
    bench.settle();
  }

  function comeBack(changes: Offer = {}): void {
    session.up(offer(changes));
    bench.settle();
  }

  it('keeps its routes as they are for the restart time, then marked for those who understand it', () => {
    session.up(offer());
    tell(route(V4), route(V6));
    lose();
    pass(RESTART_TIME - 1);
    expect(aware.prefixes).toEqual([V4, V6]);
    expect(unaware.prefixes).toEqual([V4, V6]);
    expect(begun).toEqual([]);
    pass(1);
    expect(aware.prefixes).toEqual([`${V4}*`, `${V6}*`]);
    expect(unaware.prefixes).toEqual([]);
    expect(begun).toEqual([[FAMILIES, IPV6_TIME]]);
  });

  it('loses them family by family when their times are over', () => {
    session.up(offer());
    tell(route(V4), route(V6));
    lose();
    pass(RESTART_TIME);
    pass(IPV4_TIME - 1);
    expect(aware.prefixes).toEqual([`${V4}*`, `${V6}*`]);
    expect([...(bench.speaker.peers[0]?.longLivedEnds.keys() ?? [])]).toEqual(FAMILIES);
    pass(1);
    expect(aware.prefixes).toEqual([`${V6}*`]);
    pass(IPV6_TIME - IPV4_TIME - 1);
    expect(aware.prefixes).toEqual([`${V6}*`]);
    pass(1);
    expect(aware.prefixes).toEqual([]);
    expect(bench.speaker.attributes.size).toBe(0);
    // Those of the three other sessions, and the local one.
    expect(bench.speaker.sources.size).toBe(4);
    expect(bench.speaker.peers[0]?.longLivedEnds.size).toBe(0);
  });

  it.each<[string, Offer, readonly string[]]>([
    ['the restart time is 0', { restartTime: 0 }, [`${V4}*`, `${V6}*`]],
    ['a family is not one of graceful restart', { restarting: [IPV6_UNICAST] }, [`${V4}*`, V6]],
    [
      'the long-lived time of a family is 0',
      {
        restartTime: 0,
        longLived: {
          families: [
            { family: IPV4_UNICAST, forwarding: true, staleTime: 0 },
            { family: IPV6_UNICAST, forwarding: true, staleTime: 5 },
          ],
        },
      },
      [`${V6}*`],
    ],
    ['nothing was agreed on', { restartTime: 0, longLived: undefined }, []],
  ])('at once, when %s', (_, changes, left) => {
    session.up(offer(changes));
    tell(route(V4), route(V6));
    lose();
    pass(0);
    expect(aware.prefixes).toEqual(left);
  });

  it('loses at once those that are not to be kept', () => {
    session.up(offer());
    tell(route(V4, NO_LLGR), route('10.2.0.0/16'));
    lose();
    expect(aware.prefixes).toEqual(['10.2.0.0/16', V4].sort());
    pass(RESTART_TIME);
    expect(aware.prefixes).toEqual(['10.2.0.0/16*']);
  });

  it('they lose against any other path, and say so', () => {
    session.up(offer());
    tell(route(V4));
    const longer = {
      ...NO_ATTRIBUTES,
      origin: 2 as const,
      asPath: [{ type: 2, asns: [65002, 65009, 65010] }],
    };
    const prefix = parsePrefix(V4);
    if (!prefix) throw new Error(V4);
    another.receive(
      messageOf({
        attributes: { ...longer, nextHop: addressOf('203.0.113.2') },
        nlri: [{ kind: 'unicast', family: IPV4_UNICAST, prefix }],
      }),
    );
    bench.settle();
    const rib = instance.ribs.get(IPV4_UNICAST);
    const sourceOfBest = (): string => rib?.sources.get(rib.paths.source(rib.best(0))).name ?? '';
    expect(sourceOfBest()).toBe('198.51.100.1');
    lose();
    pass(RESTART_TIME);
    expect(sourceOfBest()).toBe('198.51.100.2');
    expect(rib?.reason(rib.best(0), rib.paths.next(rib.best(0)))).toBe('long-lived stale');
    expect(aware.prefixes).toEqual([V4]);
    expect(unaware.prefixes).toEqual([V4]);
    another.down();
    bench.settle();
    expect(aware.prefixes).toEqual([`${V4}*`]);
    expect(unaware.prefixes).toEqual([]);
  });

  it('what it tells again is as before, the rest goes at End-of-RIB', () => {
    session.up(offer());
    tell(route(V4), route('10.2.0.0/16'), route(V6));
    lose();
    pass(RESTART_TIME + 100);
    comeBack();
    expect(aware.prefixes).toEqual([`${V4}*`, '10.2.0.0/16*', `${V6}*`].sort());
    tell(route(V4));
    expect(aware.prefixes).toEqual([V4, '10.2.0.0/16*', `${V6}*`].sort());
    expect(unaware.prefixes).toEqual([V4]);
    tell(endOfRib(IPV4_UNICAST));
    expect(aware.prefixes).toEqual([V4, `${V6}*`]);
    tell(route(V6), endOfRib(IPV6_UNICAST));
    expect(aware.prefixes).toEqual([V4, V6]);
    pass(IPV6_TIME * 2);
    expect(aware.prefixes).toEqual([V4, V6]);
  });

  const forwarding = (family: Family, yes: boolean) => ({ family, forwarding: yes, staleTime: 9999 });
  it.each<[string, Offer]>([
    [
      'without the F bit of a family',
      { longLived: { families: [forwarding(IPV4_UNICAST, false), forwarding(IPV6_UNICAST, true)] } },
    ],
    ['without a family', { longLived: { families: [forwarding(IPV6_UNICAST, true)] } }],
  ])('when it comes back %s, the routes of that go at once', (_, changes) => {
    session.up(offer());
    tell(route(V4), route(V6));
    lose();
    pass(RESTART_TIME);
    comeBack(changes);
    expect(aware.prefixes).toEqual([`${V6}*`]);
  });

  it('when it comes back without the capability, all go at once', () => {
    session.up(offer());
    tell(route(V4), route(V6));
    lose();
    pass(RESTART_TIME);
    comeBack({ longLived: undefined });
    expect(aware.prefixes).toEqual([]);
    tell(route(V4));
    expect(aware.prefixes).toEqual([V4]);
  });

  it('lost again before it has told all: nothing goes sooner, nothing stays longer, new routes are marked at once', () => {
    session.up(offer());
    tell(route(V4));
    lose();
    pass(RESTART_TIME + 1000);
    comeBack();
    tell(route('10.2.0.0/16'));
    expect(aware.prefixes).toEqual([`${V4}*`, '10.2.0.0/16'].sort());
    lose();
    expect(aware.prefixes).toEqual([`${V4}*`, '10.2.0.0/16*'].sort());
    expect(begun.at(-1)).toEqual([FAMILIES, IPV6_TIME - 1000]);
    pass(IPV4_TIME - 1000 - 1);
    expect(aware.prefixes).toHaveLength(2);
    pass(1);
    expect(aware.prefixes).toEqual([]);
  });

  it('a time that runs is not changed by a session that does not tell all', () => {
    session.up(offer());
    tell(route(V4));
    lose();
    pass(RESTART_TIME + 1000);
    const families = [
      { family: IPV4_UNICAST, forwarding: true, staleTime: 0 },
      { family: IPV6_UNICAST, forwarding: true, staleTime: 10 },
    ];
    comeBack({ longLived: { families } });
    lose();
    pass(IPV4_TIME - 1000 - 1);
    expect(aware.prefixes).toEqual([`${V4}*`]);
    pass(1);
    expect(aware.prefixes).toEqual([]);
  });

  it('the time is over while it tells its routes: what is stale goes; lost then, all goes at once', () => {
    session.up(offer());
    tell(route(V4), route('10.2.0.0/16'));
    lose();
    pass(RESTART_TIME + IPV4_TIME - 10);
    comeBack();
    tell(route('10.2.0.0/16'));
    pass(10);
    expect(aware.prefixes).toEqual(['10.2.0.0/16']);
    lose();
    expect(aware.prefixes).toEqual([]);
    // Once it has told all, it starts afresh.
    comeBack();
    tell(route(V4), endOfRib(IPV4_UNICAST));
    lose();
    pass(RESTART_TIME);
    expect(aware.prefixes).toEqual([`${V4}*`]);
  });

  it('its End-of-RIB sets the restart time going again', () => {
    session.up(offer());
    tell(route(V4));
    lose();
    pass(RESTART_TIME);
    comeBack();
    tell(route(V4), endOfRib(IPV4_UNICAST), endOfRib(IPV6_UNICAST));
    lose();
    expect(aware.prefixes).toEqual([V4]);
    pass(RESTART_TIME);
    expect(aware.prefixes).toEqual([`${V4}*`]);
  });

  it('is forgotten with all its routes when it is not configured any more', () => {
    session.up(offer());
    tell(route(V4), route(V6));
    lose();
    pass(RESTART_TIME);
    const [peer] = bench.speaker.peers;
    if (peer) bench.speaker.removePeer(peer, 3, 'gone');
    bench.settle();
    expect(aware.prefixes).toEqual([]);
    expect(bench.speaker.attributes.size).toBe(0);
    pass(IPV6_TIME * 2);
  });

  it('another router at its address has none of them', () => {
    session.up(offer());
    tell(route(V4));
    lose();
    pass(RESTART_TIME);
    session.up({ ...offer(), remoteRouterId: 99 });
    bench.settle();
    expect(aware.prefixes).toEqual([]);
  });

  it('a route that comes marked is not told to those who do not understand it, and loses', () => {
    session.up(AWARE);
    tell(route(V4, LLGR_STALE));
    expect(aware.prefixes).toEqual([`${V4}*`]);
    expect(unaware.prefixes).toEqual([]);
    another.receive(route(V4));
    bench.settle();
    expect(aware.prefixes).toEqual([V4]);
    expect(unaware.prefixes).toEqual([V4]);
  });

  it('other communities stay, and paths that had the mark already', () => {
    session.up(offer());
    const many = Array.from({ length: 80 }, (_, index) => 0x10000 + index);
    tell(route(V4, ...many), route('10.2.0.0/16', 7, LLGR_STALE));
    lose();
    pass(RESTART_TIME);
    const { attributes } = bench.speaker;
    const rib = instance.ribs.get(IPV4_UNICAST);
    const sizes = [0, 1].map((prefix) => {
      const id = rib?.paths.attributes(rib.best(prefix)) ?? -1;
      return attributes.attributesEnd(id) - attributes.attributesStart(id);
    });
    // ORIGIN, AS_PATH, and COMMUNITIES with one more of four octets, or none more.
    expect(sizes).toEqual([4 + 9 + 4 + 81 * 4, 4 + 9 + 3 + 8]);
    expect(aware.prefixes).toEqual([`${V4}*`, '10.2.0.0/16*'].sort());
  });

  it('many routes are marked in slices', () => {
    start(new HurriedClock());
    session.up(offer());
    const prefixes = Array.from({ length: 5000 }, (_, index) => {
      const prefix = parsePrefix(`10.${index >> 8}.${index & 255}.0/24`);
      if (!prefix) throw new Error('no prefix');
      return { kind: 'unicast', family: IPV4_UNICAST, prefix } as const;
    });
    const attributes = {
      ...NO_ATTRIBUTES,
      origin: 0 as const,
      asPath: [],
      nextHop: addressOf('203.0.113.1'),
    };
    for (let at = 0; at < prefixes.length; at += 500) {
      tell(messageOf({ attributes, nlri: prefixes.slice(at, at + 500) }));
    }
    expect(unaware.prefixes).toHaveLength(5000);
    lose();
    const before = bench.speaker.turns;
    pass(RESTART_TIME);
    expect(aware.prefixes.filter((text) => text.endsWith('*'))).toHaveLength(5000);
    expect(bench.speaker.turns - before).toBeGreaterThan(5);
    expect(unaware.prefixes).toEqual([]);
    expect(bench.speaker.attributes.size).toBe(1);
  });
});
