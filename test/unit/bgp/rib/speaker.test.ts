import { beforeEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../../../bgp/peer.ts';
import type { Rib } from '../../../../bgp/rib/rib.ts';
import { DEFAULT_INSTANCE, type RoutingInstance } from '../../../../bgp/routing-instance.ts';
import { NO_ATTRIBUTES } from '../../../../bgp/wire/attribute-types.ts';
import { type Family, IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../../../bgp/wire/family.ts';
import type { NlriRoute } from '../../../../bgp/wire/nlri.ts';
import { encodeEndOfRib, encodeUpdate, type UpdateContent } from '../../../../bgp/wire/update.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import { formatPrefix, parsePrefix } from '../../../../net/prefix.ts';
import { EBGP_CONTEXT } from '../wire/contexts.ts';
import { ReceivedRoutes } from './received-routes.ts';
import {
  ALL_FAMILIES,
  addressOf,
  type FakeSession,
  HurriedClock,
  SpeakerBench,
  settingsOf,
} from './speaker-bench.ts';

function unicast(text: string): NlriRoute {
  const prefix = parsePrefix(text);
  if (!prefix) throw new Error(text);
  return { kind: 'unicast', family: IPV4_UNICAST, prefix };
}

describe('a speaker', () => {
  let bench: SpeakerBench;
  let instance: RoutingInstance;
  let seen: Family[];
  const writer = new ByteWriter();
  beforeEach(() => {
    seen = [];
    bench = new SpeakerBench({ endOfRib: (_, family) => seen.push(family) }, new HurriedClock());
    instance = bench.speaker.addInstance(DEFAULT_INSTANCE, ALL_FAMILIES, false);
  });

  const addPeer = (address: string, asn: number): { peer: Peer; session: FakeSession } => {
    const peer = bench.speaker.addPeer({
      settings: settingsOf(address, 64512, asn),
      instance,
      allowOwnAs: 0,
    });
    const session = bench.sessions.at(-1);
    if (!session) throw new Error('no session');
    return { peer, session };
  };
  const ipv4Rib = (): Rib => {
    const rib = instance.ribs.get(IPV4_UNICAST);
    if (!rib) throw new Error('no RIB');
    return rib;
  };
  const receive = (session: FakeSession, content: UpdateContent): void => {
    encodeUpdate(writer.reset(), content, EBGP_CONTEXT);
    expect(session.receive(writer.take())).toBeUndefined();
  };
  const announce = (session: FakeSession, first: number, count: number, asn = 65001): void => {
    const attributes = {
      ...NO_ATTRIBUTES,
      origin: 0 as const,
      asPath: [{ type: 2, asns: [asn] }],
      nextHop: addressOf('203.0.113.1'),
    };
    for (let number = first; number < first + count; number += 500) {
      const nlri = Array.from({ length: Math.min(500, first + count - number) }, (_, index) =>
        unicast(`10.${(number + index) >> 8}.${(number + index) & 0xff}.0/24`),
      );
      receive(session, { attributes, nlri });
    }
  };
  const viewOf = (session: FakeSession): ReceivedRoutes => {
    const view = new ReceivedRoutes(EBGP_CONTEXT);
    for (const bytes of session.sent) view.apply(bytes);
    return view;
  };

  it('hears End-of-RIB for the families of the session only', () => {
    const { peer, session } = addPeer('198.51.100.1', 65001);
    session.up({ families: [IPV4_UNICAST, L2VPN_EVPN] });
    for (const family of [IPV4_UNICAST, IPV6_UNICAST, 0x123456, L2VPN_EVPN]) {
      encodeEndOfRib(writer.reset(), family);
      session.receive(writer.take());
    }
    expect(seen).toEqual([IPV4_UNICAST, L2VPN_EVPN]);
    expect([...peer.endOfRibSeen]).toEqual([IPV4_UNICAST, L2VPN_EVPN]);
    session.down();
    session.up({ families: [IPV4_UNICAST] });
    expect([...peer.endOfRibSeen]).toEqual([]);
  });

  it('takes the routes of a session that comes back while the old ones are being removed', () => {
    const from = addPeer('198.51.100.1', 65001);
    const to = addPeer('198.51.100.2', 65002);
    from.session.up();
    to.session.up();
    announce(from.session, 0, 12_000);
    bench.settle();
    expect([from.peer.received(IPV4_UNICAST), to.peer.advertised(IPV4_UNICAST)]).toEqual([12_000, 12_000]);
    from.session.down();
    bench.turn();
    from.session.up();
    announce(from.session, 6000, 12_000);
    bench.turn();
    bench.settle();
    expect([from.peer.received(IPV4_UNICAST), ipv4Rib().bestCount]).toEqual([12_000, 12_000]);
    const view = viewOf(to.session);
    expect(view.routes.size).toBe(12_000);
    const texts = [...view.routes.values()].map(({ route }) =>
      route.kind === 'unicast' ? formatPrefix(route.prefix) : '',
    );
    expect(texts.includes('10.0.0.0/24')).toBe(false);
    expect(view.endOfRib.get(IPV4_UNICAST)).toBe(1);
    expect(bench.speaker.sources.size).toBe(3);
  });

  it('lets nothing of a large table be lost or left when peers come and go in the middle of it', () => {
    const from = addPeer('198.51.100.1', 65001);
    const others = [2, 3, 4].map((last) => addPeer(`198.51.100.${last}`, 65000 + last));
    from.session.up();
    for (const { session } of others) session.up();
    announce(from.session, 0, 10_000);
    bench.turn();
    others[1]?.session.block();
    others[0]?.session.down();
    bench.turn();
    from.session.down();
    bench.turn();
    others[0]?.session.up();
    bench.turn();
    from.session.up();
    announce(from.session, 5000, 100);
    bench.turn();
    others[1]?.session.unblock();
    bench.settle();
    for (const { session } of others) expect(viewOf(session).routes.size).toBe(100);
    from.session.down();
    bench.settle();
    for (const { session } of others) expect(viewOf(session).routes.size).toBe(0);
    expect([ipv4Rib().prefixes.size, bench.speaker.attributes.size]).toEqual([0, 0]);
  });

  it('does not answer a refresh for a family that the session does not have', () => {
    const { session } = addPeer('198.51.100.1', 65001);
    session.up({ families: [IPV4_UNICAST] });
    bench.settle();
    const { length } = session.sent;
    session.events.routeRefresh(L2VPN_EVPN, 0);
    session.events.routeRefresh(IPV4_UNICAST, 1);
    session.events.routeRefresh(IPV4_UNICAST, 2);
    bench.settle();
    expect(session.sent).toHaveLength(length);
  });

  it('forgets a peer that is removed, with its routes', () => {
    const from = addPeer('198.51.100.1', 65001);
    const to = addPeer('198.51.100.2', 65002);
    from.session.up();
    to.session.up();
    announce(from.session, 0, 3);
    bench.settle();
    bench.speaker.removePeer(from.peer, 3, 'gone');
    bench.settle();
    expect(bench.speaker.peers).toEqual([to.peer]);
    expect(viewOf(to.session).routes.size).toBe(0);
  });

  it('is at rest when nothing is to be done', () => {
    const { session } = addPeer('198.51.100.1', 65001);
    session.up();
    bench.settle();
    session.events.readComplete(100_000);
    expect(bench.turn()).toBe(true);
    expect(bench.turn()).toBe(false);
  });
});
