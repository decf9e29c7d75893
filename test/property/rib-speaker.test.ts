import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { internOriginated } from '../../bgp/rib/local-attributes.ts';
import { DEFAULT_INSTANCE } from '../../bgp/routing-instance.ts';
import type { AsPath } from '../../bgp/wire/as-path.ts';
import { NO_ATTRIBUTES, type PathAttributes } from '../../bgp/wire/attribute-types.ts';
import type { WireContext } from '../../bgp/wire/context.ts';
import {
  type Family,
  IPV4_UNICAST,
  IPV6_LABELED_UNICAST,
  IPV6_UNICAST,
  L2VPN_EVPN,
  VPNV4_UNICAST,
} from '../../bgp/wire/family.ts';
import { encodeNlri, type NlriRoute } from '../../bgp/wire/nlri.ts';
import { encodeUpdate, type UpdateContent } from '../../bgp/wire/update.ts';
import { ipv4ToNumber } from '../../net/address.ts';
import { ByteWriter } from '../../net/byte-writer.ts';
import { parsePrefix } from '../../net/prefix.ts';
import { ReceivedRoutes, routeKey } from '../unit/bgp/rib/received-routes.ts';
import {
  ALL_FAMILIES,
  addressOf,
  type FakeSession,
  HurriedClock,
  SpeakerBench,
  settingsOf,
} from '../unit/bgp/rib/speaker-bench.ts';
import {
  arrived,
  decideSeveral,
  type Expected,
  exportTo,
  isAccepted,
  type ModelPeer,
  type ModelRoute,
  type ModelRouter,
} from './rib-model.ts';

/** A peer of the test: what the model knows, its session, and what it was sent. */
interface TestPeer extends ModelPeer {
  readonly asn: number;
  readonly session: FakeSession;
  /** Of what it is sent, and of what it sends. */
  readonly context: WireContext;
  readonly ownContext: WireContext;
  readonly told: number | undefined;
  readonly maxMessageSize: number;
  readonly enhanced: boolean;
  /** What it announces, by route. */
  readonly announced: Map<string, ModelRoute>;
  view: ReceivedRoutes;
  read: number;
}

/** `identifies`: it gives path identifiers; `told`: how many paths of a route it is told, with identifiers of ours (RFC 7911). */
const PEERS = [
  {
    address: '198.51.100.1',
    asn: 65001,
    fourOctetAs: true,
    max: 4096,
    enhanced: false,
    allowOwnAs: 0,
    identifies: false,
    told: undefined,
  },
  {
    address: '198.51.100.2',
    asn: 65001,
    fourOctetAs: true,
    max: 4096,
    enhanced: true,
    allowOwnAs: 3,
    identifies: true,
    told: Number.POSITIVE_INFINITY,
  },
  {
    address: '198.51.100.3',
    asn: 65002,
    fourOctetAs: false,
    max: 65535,
    enhanced: true,
    allowOwnAs: 0,
    identifies: false,
    told: 3,
  },
  {
    address: '198.51.100.4',
    asn: 0,
    fourOctetAs: true,
    max: 4096,
    enhanced: true,
    allowOwnAs: 0,
    identifies: false,
    told: Number.POSITIVE_INFINITY,
  },
  {
    address: '198.51.100.5',
    asn: 0,
    fourOctetAs: false,
    max: 4096,
    enhanced: false,
    allowOwnAs: 0,
    identifies: true,
    told: undefined,
  },
];

const LOCAL: ModelPeer = { address: addressOf('0.0.0.0'), routerId: 0, type: 'local', allowOwnAs: 0 };

const rd = (number: number): Uint8Array => Uint8Array.of(0, 1, 10, 0, 0, 1, 0, number);
const unicast = (family: Family, text: string): NlriRoute => ({
  kind: 'unicast',
  family,
  prefix: prefixOf(text),
});

function prefixOf(text: string) {
  const prefix = parsePrefix(text);
  if (!prefix) throw new Error(`${text} is no prefix`);
  return prefix;
}

function typeFive(number: number, text: string, label: number): NlriRoute {
  const prefix = prefixOf(text);
  return {
    kind: 'evpn',
    family: L2VPN_EVPN,
    routeType: 5,
    rd: rd(number),
    esi: new Uint8Array(10),
    ethernetTag: 0,
    prefix,
    gateway: { version: prefix.address.version, bytes: new Uint8Array(prefix.address.bytes.length) },
    label,
  };
}

const FAMILIES: readonly Family[] = [...ALL_FAMILIES, VPNV4_UNICAST, IPV6_LABELED_UNICAST];

const evpn = { kind: 'evpn' as const, family: L2VPN_EVPN, rd: rd(9), ethernetTag: 7 };
const esi = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
const ROUTES: ReadonlyMap<Family, readonly NlriRoute[]> = new Map([
  [
    IPV4_UNICAST,
    ['0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/9', '10.1.2.3/32'].map((t) => unicast(IPV4_UNICAST, t)),
  ],
  [
    VPNV4_UNICAST,
    [
      { kind: 'vpn', family: VPNV4_UNICAST, rd: rd(9), labels: [16], prefix: prefixOf('10.0.0.0/8') },
      { kind: 'vpn', family: VPNV4_UNICAST, rd: rd(9), labels: [17], prefix: prefixOf('10.0.0.0/8') },
      { kind: 'vpn', family: VPNV4_UNICAST, rd: rd(8), labels: [16], prefix: prefixOf('10.0.0.0/8') },
      { kind: 'vpn', family: VPNV4_UNICAST, rd: rd(8), labels: [1048575], prefix: prefixOf('0.0.0.0/0') },
    ],
  ],
  [
    IPV6_LABELED_UNICAST,
    [
      { kind: 'labeled', family: IPV6_LABELED_UNICAST, labels: [3], prefix: prefixOf('2001:db8::/32') },
      { kind: 'labeled', family: IPV6_LABELED_UNICAST, labels: [1048575], prefix: prefixOf('2001:db8::/32') },
      { kind: 'labeled', family: IPV6_LABELED_UNICAST, labels: [3], prefix: prefixOf('::/0') },
    ],
  ],
  [IPV6_UNICAST, ['::/0', '2001:db8::/32', '2001:db8::1/128'].map((t) => unicast(IPV6_UNICAST, t))],
  [
    L2VPN_EVPN,
    [
      typeFive(1, '10.0.0.0/8', 100),
      typeFive(1, '10.0.0.0/8', 200),
      typeFive(2, '2001:db8::/33', 100),
      { ...evpn, routeType: 1, esi, label: 5 },
      { ...evpn, routeType: 2, esi, mac, ip: addressOf('10.0.0.9'), label: 6 },
      { ...evpn, routeType: 2, esi, mac, label: 6, label2: 7 },
      { ...evpn, routeType: 3, originatingRouter: addressOf('10.0.0.1') },
      {
        kind: 'evpn',
        family: L2VPN_EVPN,
        rd: rd(9),
        routeType: 4,
        esi,
        originatingRouter: addressOf('10.0.0.1'),
      },
    ],
  ],
]);

const NEXT_HOPS = ['203.0.113.1', '203.0.113.2', '192.0.2.1'];
const NEXT_HOPS_6 = ['2001:db8:1::1', '2001:db8:1::2', '2001:db8::1'];
const RD_COMMUNITY = Uint8Array.of(0, 2, 0xfd, 0xe9, 0, 0, 0, 1);
const NON_TRANSITIVE = Uint8Array.of(0x40, 4, 0, 0, 0, 0, 0, 1);

// MAC Mobility (RFC 7432 §7.7).
const MOVED_TWICE = Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 2);
const STICKY = Uint8Array.of(6, 0, 1, 0, 0, 0, 0, 0);

const peerIndex = fc.nat(PEERS.length - 1);
const family = fc.constantFrom(...FAMILIES);
const unicastFamily = fc.constantFrom(IPV4_UNICAST, IPV6_UNICAST);
const routeIndexes = fc.array(fc.nat(7), { minLength: 1, maxLength: 3 });
/** Ignored for peers that give none. */
const pathId = fc.nat(2);
const hop = fc.oneof({ weight: 8, arbitrary: fc.nat(1) }, { weight: 1, arbitrary: fc.constant(2) });
const path: fc.Arbitrary<AsPath> = fc.constantFrom<AsPath>(
  [],
  [{ type: 2, asns: [64700] }],
  [{ type: 2, asns: [64700, 4200000001] }],
  [
    { type: 2, asns: [64700] },
    { type: 1, asns: [64701, 64702] },
  ],
  [{ type: 1, asns: [64701, 64702] }],
  [{ type: 2, asns: [64512] }],
  [{ type: 2, asns: Array.from({ length: 255 }, (_, index) => 64000 + index) }],
);
const attributes = fc.record({
  path,
  origin: fc.constantFrom<0 | 1 | 2>(0, 0, 0, 2),
  med: fc.constantFrom(undefined, 0, 10),
  localPref: fc.constantFrom(undefined, undefined, 50, 200),
  communities: fc.constantFrom<readonly number[]>(
    [],
    [],
    [0xfde80001],
    [0xffffff01],
    [0xffffff02, 7],
    [0xffff0006],
  ),
  extended: fc.constantFrom(
    new Uint8Array(0),
    RD_COMMUNITY,
    NON_TRANSITIVE,
    Uint8Array.of(...NON_TRANSITIVE, ...RD_COMMUNITY),
    MOVED_TWICE,
    Uint8Array.of(...RD_COMMUNITY, ...STICKY),
  ),
  originatorId: fc.constantFrom(undefined, undefined, 0x0a000001, 0x01010101),
  clusters: fc.constantFrom<readonly number[]>([], [], [1], [1, 2]),
  aggregator: fc.constantFrom(
    undefined,
    undefined,
    { asn: 65009, routerId: 9 },
    { asn: 4200000009, routerId: 9 },
  ),
  aigp: fc.constantFrom(undefined, undefined, undefined, 5n),
  extra: fc.constantFrom('none', 'none', 'transitive', 'non-transitive'),
});
type Drawn = typeof attributes extends fc.Arbitrary<infer Value> ? Value : never;

type Step =
  | {
      readonly kind: 'announce';
      readonly peer: number;
      readonly family: Family;
      readonly routes: readonly number[];
      readonly pathId: number;
      readonly hop: number;
      readonly attributes: Drawn;
    }
  | {
      readonly kind: 'withdraw';
      readonly peer: number;
      readonly family: Family;
      readonly routes: readonly number[];
      readonly pathId: number;
    }
  | { readonly kind: 'flip' | 'slow' | 'writable'; readonly peer: number }
  | { readonly kind: 'refresh'; readonly peer: number; readonly family: Family }
  | { readonly kind: 'originate'; readonly family: Family; readonly route: number }
  | { readonly kind: 'turn'; readonly count: number };

type PeerStep = Exclude<Step, { kind: 'turn' | 'originate' }>;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('announce' as const),
      peer: peerIndex,
      family,
      routes: routeIndexes,
      pathId,
      hop,
      attributes,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('withdraw' as const),
      peer: peerIndex,
      family,
      routes: routeIndexes,
      pathId,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('flip' as const, 'slow' as const, 'writable' as const),
      peer: peerIndex,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refresh' as const), peer: peerIndex, family }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('originate' as const),
      family: unicastFamily,
      route: fc.nat(3),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('turn' as const), count: fc.integer({ min: 1, max: 4 }) }),
  },
);

/** A withdrawal has no labels (RFC 8277 §2.4). */
function withoutLabels(route: NlriRoute): NlriRoute {
  return 'labels' in route ? { ...route, labels: [] } : route;
}

/** The speaker with its peers, and the model beside it. */
class Scenario {
  readonly bench = new SpeakerBench({}, new HurriedClock());
  readonly router: ModelRouter;
  readonly peers: readonly TestPeer[];
  /** What the router originates, by route. */
  readonly originated = new Map<string, ModelRoute>();
  readonly #writer = new ByteWriter();

  constructor(localAs: number) {
    const { speaker } = this.bench;
    const nextHops = { ipv4: addressOf('192.0.2.1'), ipv6: addressOf('2001:db8::1') };
    const ownAddresses = [nextHops.ipv4, nextHops.ipv6];
    this.router = { localAs, routerId: 0x0a000001, ownAddresses, nextHops };
    speaker.setOwnAddresses(ownAddresses);
    const instance = speaker.addInstance(DEFAULT_INSTANCE, FAMILIES, true);
    this.peers = PEERS.map((one): TestPeer => {
      const { address, asn, fourOctetAs, max, enhanced, allowOwnAs, identifies, told } = one;
      const remoteAs = asn === 0 ? localAs : asn;
      const settings = { ...settingsOf(address, localAs, remoteAs), families: FAMILIES };
      speaker.addPeer({
        settings,
        instance,
        allowOwnAs,
        addressesBeside: () => ownAddresses,
        ...(told !== undefined && { addPath: new Map(FAMILIES.map((of) => [of, told])) }),
      });
      const session = this.bench.sessions.at(-1);
      if (!session) throw new Error('no session was opened');
      const type = asn === 0 ? 'ibgp' : 'ebgp';
      const context: WireContext = {
        fourOctetAs,
        addPath: () => told !== undefined,
        extendedMessage: max > 4096,
        extendedNextHop: false,
        peerType: type,
      };
      return {
        address: settings.remoteAddress,
        routerId: ipv4ToNumber(settings.remoteAddress),
        type,
        allowOwnAs,
        asn: remoteAs,
        session,
        context,
        ownContext: { ...context, addPath: () => identifies },
        told,
        maxMessageSize: max,
        enhanced,
        announced: new Map(),
        view: new ReceivedRoutes(context),
        read: 0,
      };
    });
    for (const peer of this.peers) this.#up(peer);
  }

  #up(peer: TestPeer): void {
    peer.view = new ReceivedRoutes(peer.context);
    peer.read = 0;
    peer.session.up({
      fourOctetAs: peer.context.fourOctetAs,
      maxMessageSize: peer.maxMessageSize,
      enhancedRouteRefresh: peer.enhanced,
      addPath: {
        receive: FAMILIES.filter((of) => peer.ownContext.addPath(of)),
        send: FAMILIES.filter((of) => peer.context.addPath(of)),
      },
    });
  }

  run(action: Step): void {
    if (action.kind === 'turn') {
      for (let i = 0; i < action.count; i++) this.bench.turn();
      return;
    }
    if (action.kind === 'originate') {
      this.#toggleOrigination(action.family, action.route);
      return;
    }
    const peer = this.peers[action.peer];
    if (!peer) throw new Error('no such peer');
    if (action.kind === 'flip') this.#flip(peer);
    else if (peer.session.state === 'Established') this.#runUp(peer, action);
  }

  /** Originates a route of this router, or takes it back. */
  #toggleOrigination(of: Family, index: number): void {
    const { speaker } = this.bench;
    const instance = speaker.instances.get(DEFAULT_INSTANCE);
    const rib = instance?.ribs.get(of);
    const [route] = routesOf(of, [index]);
    if (!instance || !rib || !route) throw new Error('nothing to originate');
    encodeNlri(this.#writer.reset(), route, false);
    const prefix = rib.prefixes.findOrAdd(this.#writer.bytes(), 0, this.#writer.length);
    if (this.originated.delete(routeKey(route))) rib.withdraw(prefix, instance.localSource.id, 0);
    else {
      rib.announce(prefix, instance.localSource.id, 0, internOriginated(speaker.attributes), 0);
      const attributes = { ...NO_ATTRIBUTES, origin: 0 as const, asPath: [], med: 0 };
      this.originated.set(routeKey(route), { peer: LOCAL, route, attributes, nextHop: undefined });
    }
    speaker.schedule();
  }

  #flip(peer: TestPeer): void {
    if (peer.session.state !== 'Established') this.#up(peer);
    else {
      peer.session.down();
      peer.announced.clear();
    }
  }

  #runUp(peer: TestPeer, action: PeerStep): void {
    switch (action.kind) {
      case 'announce':
        this.#announce(peer, action);
        break;
      case 'withdraw': {
        const routes = announcedRoutes(peer, action);
        for (const route of routes) peer.announced.delete(routeKey(route));
        const content =
          action.family === IPV4_UNICAST
            ? { withdrawn: routes }
            : { mpUnreach: { family: action.family, routes: routes.map(withoutLabels) } };
        this.#receive(peer, content);
        break;
      }
      case 'slow':
        peer.session.block();
        break;
      case 'writable':
        peer.session.unblock();
        break;
      case 'refresh':
        peer.session.events.routeRefresh(action.family, 0);
        break;
    }
  }

  #announce(peer: TestPeer, action: Step & { kind: 'announce' }) {
    const { family: of, hop: index, attributes: drawn } = action;
    const nextHop = addressOf(
      (of === IPV6_UNICAST || of === IPV6_LABELED_UNICAST ? NEXT_HOPS_6 : NEXT_HOPS)[index] ?? '203.0.113.1',
    );
    const own = this.#attributesOf(peer, drawn);
    const routes = announcedRoutes(peer, action);
    for (const route of routes) {
      // A later route of the same message replaces an earlier one.
      const kept: ModelRoute = { peer, route, attributes: own, nextHop };
      if (isAccepted(this.router, kept)) peer.announced.set(routeKey(route), kept);
      else peer.announced.delete(routeKey(route));
    }
    const ipv4 = of === IPV4_UNICAST;
    this.#receive(
      peer,
      ipv4
        ? { attributes: { ...own, nextHop }, nlri: routes }
        : { attributes: own, mpReach: { family: of, nextHop: { address: nextHop }, routes } },
    );
  }

  #attributesOf(peer: TestPeer, drawn: Drawn): PathAttributes {
    const ibgp = peer.type === 'ibgp';
    const asPath = ibgp ? drawn.path : [{ type: 2, asns: [peer.asn] }, ...drawn.path];
    const unknown = { code: 200, flags: 0xc0, value: Uint8Array.of(1, 2) };
    return {
      ...NO_ATTRIBUTES,
      origin: drawn.origin,
      asPath,
      med: drawn.med,
      localPref: drawn.localPref ?? (ibgp ? 100 : undefined),
      communities: drawn.communities,
      extendedCommunities: drawn.extended,
      aggregator: drawn.aggregator,
      aigp: drawn.aigp,
      originatorId: ibgp ? drawn.originatorId : undefined,
      clusterList: ibgp ? drawn.clusters : [],
      unknown:
        drawn.extra === 'none'
          ? []
          : drawn.extra === 'transitive'
            ? [unknown]
            : [{ ...unknown, flags: 0x80 }],
    };
  }

  #receive(peer: TestPeer, content: UpdateContent): void {
    encodeUpdate(this.#writer.reset(), content, peer.ownContext);
    expect(peer.session.receive(this.#writer.take())).toBeUndefined();
  }

  settle(): void {
    for (const { session } of this.peers) if (session.state === 'Established') session.unblock();
    this.bench.settle();
  }

  expected(peer: TestPeer): Expected[] {
    const byRoute = new Map<string, ModelRoute[]>();
    for (const announced of [this.originated, ...this.peers.map((other) => other.announced)]) {
      for (const route of announced.values()) {
        const key = routeKey(withoutId(route.route));
        byRoute.set(key, [...(byRoute.get(key) ?? []), route]);
      }
    }
    return [...byRoute.values()].flatMap((routes) =>
      decideSeveral(routes, peer.told ?? 1).flatMap((route) => {
        const told = exportTo(this.router, peer, route);
        return told ? [told] : [];
      }),
    );
  }

  check(): void {
    for (const peer of this.peers) {
      if (peer.session.state !== 'Established') continue;
      for (; peer.read < peer.session.sent.length; peer.read++) {
        peer.view.apply(peer.session.sent[peer.read] ?? new Uint8Array(0));
      }
      const has = [...peer.view.routes.values()].map(({ route, attributes: got, nextHop }) =>
        arrived(route, got, nextHop?.address),
      );
      expect(sorted(has)).toEqual(sorted(this.expected(peer)));
      expect([...peer.view.endOfRib].sort()).toEqual(FAMILIES.map((of) => [of, 1]).sort());
      expect(peer.view.refreshing).toBe(false);
      expect(Math.max(0, ...peer.view.sizes)).toBeLessThanOrEqual(peer.maxMessageSize);
      for (const [index, of] of FAMILIES.entries()) {
        const told = [...peer.view.routes.values()].filter(({ route }) => route.family === of).length;
        expect(this.bench.speaker.peers[this.peers.indexOf(peer)]?.advertised(of), `${index}`).toBe(told);
      }
    }
  }

  /** Everyone leaves: nothing may be left behind. */
  checkNothingLeft(): void {
    for (const { route } of [...this.originated.values()]) {
      this.#toggleOrigination(route.family, routesOf(route.family, [0, 1, 2, 3]).indexOf(route));
    }
    for (const { session } of this.peers) session.down();
    this.bench.settle();
    const { speaker } = this.bench;
    for (const instance of speaker.instances.values()) {
      expect(instance.groups).toHaveLength(0);
      for (const rib of instance.ribs.values()) {
        expect([rib.name, rib.prefixes.size, rib.paths.size, rib.extras.size, rib.bestCount]).toEqual([
          rib.name,
          0,
          0,
          0,
          0,
        ]);
        expect([rib.bestChanges.end, rib.pathChanges?.end ?? 0]).toEqual([0, 0]);
      }
    }
    expect(speaker.attributes.size).toBe(0);
    expect(speaker.attributes.nextHops.size).toBe(0);
    expect(speaker.sources.size).toBe(1);
  }
}

function routesOf(of: Family, indexes: readonly number[]): NlriRoute[] {
  const known = ROUTES.get(of) ?? [];
  return indexes.flatMap((index) => known[index % known.length] ?? []);
}

/** The routes of a step, with the path identifier that the peer gives, if it does. */
function announcedRoutes(
  peer: TestPeer,
  { family: of, routes, pathId: id }: Extract<Step, { readonly pathId: number }>,
): NlriRoute[] {
  const identified = peer.ownContext.addPath(of);
  return routesOf(of, routes).map((route) => (identified ? { ...route, pathId: id } : route));
}

function withoutId({ pathId: _, ...route }: NlriRoute): NlriRoute {
  return route;
}

function sorted(routes: readonly Expected[]): Expected[] {
  return routes.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

describe('the speaker against a model of RFC 4271', () => {
  it('tells every peer what it should have, and forgets everything with the peers', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(64512, 4200000000),
        fc.array(step, { minLength: 1, maxLength: 60 }),
        (localAs, steps) => {
          const scenario = new Scenario(localAs);
          steps.forEach((action, index) => {
            scenario.run(action);
            if (index % 20 !== 19) return;
            scenario.settle();
            scenario.check();
          });
          scenario.settle();
          scenario.check();
          scenario.checkNothingLeft();
        },
      ),
      { numRuns: 200 },
    );
  });
});
