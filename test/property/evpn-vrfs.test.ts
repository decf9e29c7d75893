import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PathFlag } from '../../bgp/rib/path-table.ts';
import type { Rib } from '../../bgp/rib/rib.ts';
import { DEFAULT_INSTANCE, type RoutingInstance } from '../../bgp/routing-instance.ts';
import { NO_ATTRIBUTES } from '../../bgp/wire/attribute-types.ts';
import type { WireContext } from '../../bgp/wire/context.ts';
import { IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../bgp/wire/family.ts';
import { decodeNlri, type NlriRoute } from '../../bgp/wire/nlri.ts';
import { encodeUpdate, type UpdateContent } from '../../bgp/wire/update.ts';
import { routerMacCommunity } from '../../evpn/extended-communities.ts';
import { PrefixImporter } from '../../evpn/prefix-importer.ts';
import { encodeRouteTarget, type RouteTargetValue } from '../../evpn/route-target.ts';
import { formatAddress } from '../../net/address.ts';
import { ByteWriter } from '../../net/byte-writer.ts';
import { toHex } from '../../net/hex.ts';
import { formatPrefix, type IpPrefix, parsePrefix } from '../../net/prefix.ts';
import { ReceivedRoutes } from '../unit/bgp/rib/received-routes.ts';
import {
  addressOf,
  type FakeSession,
  HurriedClock,
  SpeakerBench,
  settingsOf,
} from '../unit/bgp/rib/speaker-bench.ts';
import { ribOf, Vrf } from '../unit/evpn/vrf-bench.ts';

const LOCAL_AS = 64514;
const EBGP: WireContext = {
  fourOctetAs: true,
  addPath: () => false,
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ebgp',
};
const PREFIXES = ['10.0.0.0/8', '172.30.0.10/32', '0.0.0.0/0', '2001:db8::/32'].map(prefixOf);
const VTEPS = ['100.64.0.1', '100.64.0.2', '2001:db8:64::1'].map(addressOf);
const MACS = [2, 3].map((last) => Uint8Array.of(0xaa, 0xbb, 0xcc, 0, 0, last));
/** Red takes any AS with its VNI; blue exactly these. */
const TARGETS: readonly RouteTargetValue[] = [
  { type: 'as', asn: 64520, number: 100 },
  { type: 'as', asn: 64520, number: 200 },
  { type: 'as', asn: 64999, number: 7 },
  { type: 'address', address: addressOf('10.0.0.9'), number: 100 },
];
const BLUE_TARGETS = [1, 2];

function prefixOf(text: string): IpPrefix {
  const prefix = parsePrefix(text);
  if (!prefix) throw new Error(text);
  return prefix;
}

interface FabricRoute {
  readonly rd: number;
  readonly prefix: number;
  readonly targets: readonly number[];
  readonly mac: number | undefined;
  readonly encapsulation: 'none' | 'vxlan' | 'mpls' | 'both';
  readonly gateway: boolean;
  readonly vtep: number;
  readonly label: number;
}

const fabricRoute: fc.Arbitrary<FabricRoute> = fc.record({
  rd: fc.nat(2),
  prefix: fc.nat(PREFIXES.length - 1),
  targets: fc.uniqueArray(fc.nat(TARGETS.length - 1), { maxLength: 3 }),
  mac: fc.constantFrom(0, 0, 0, 1, undefined),
  encapsulation: fc.constantFrom('none', 'vxlan', 'vxlan', 'mpls', 'both'),
  gateway: fc.constantFrom(false, false, false, true),
  vtep: fc.nat(VTEPS.length - 1),
  label: fc.constantFrom(100, 200),
});

type Step =
  | { readonly kind: 'announce'; readonly peer: number; readonly route: FabricRoute }
  | { readonly kind: 'withdraw'; readonly peer: number; readonly rd: number; readonly prefix: number }
  | {
      readonly kind: 'host';
      readonly vrf: number;
      readonly prefix: number;
      readonly long: boolean;
      readonly tag: number;
    }
  | { readonly kind: 'host gone'; readonly vrf: number; readonly prefix: number }
  | { readonly kind: 'reachable'; readonly vtep: number }
  | { readonly kind: 'join or leave'; readonly vrf: number }
  | { readonly kind: 'flip'; readonly peer: number }
  | { readonly kind: 'turn'; readonly count: number };

const prefix = fc.nat(PREFIXES.length - 1);
const vrf = fc.nat(1);
const peer = fc.nat(1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('announce' as const), peer, route: fabricRoute }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('withdraw' as const), peer, rd: fc.nat(2), prefix }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('host' as const),
      vrf,
      prefix,
      long: fc.boolean(),
      tag: fc.nat(2),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('host gone' as const), vrf, prefix }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('reachable' as const), vtep: fc.nat(VTEPS.length - 1) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('join or leave' as const), vrf }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flip' as const), peer }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('turn' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
);

/** A route as the model keeps it: what was announced, and a number that tells it from all others. */
interface Announced {
  readonly route: FabricRoute;
  readonly mark: number;
}

interface HostRoute {
  readonly long: boolean;
  readonly tag: number;
}

class Scenario {
  readonly bench = new SpeakerBench({}, new HurriedClock());
  readonly fabric: RoutingInstance;
  readonly importer: PrefixImporter;
  readonly vrfs: readonly Vrf[];
  readonly fabricPeers: readonly FakeSession[];
  readonly hosts: readonly FakeSession[];
  /** By fabric peer, then by route distinguisher and prefix. */
  readonly announced = [new Map<string, Announced>(), new Map<string, Announced>()];
  /** By VRF, then by prefix. */
  readonly hostRoutes = [new Map<number, HostRoute>(), new Map<number, HostRoute>()];
  readonly unreachable = new Set<string>();
  #marks = 1;
  readonly #writer = new ByteWriter();

  constructor() {
    const { speaker } = this.bench;
    this.fabric = speaker.addInstance(DEFAULT_INSTANCE, [IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN], true);
    const reachable = (address: Parameters<typeof formatAddress>[0]) =>
      !this.unreachable.has(formatAddress(address));
    this.importer = new PrefixImporter(ribOf(this.fabric, L2VPN_EVPN), reachable);
    const targets = BLUE_TARGETS.map((index) => encodeRouteTarget(TARGETS[index] as RouteTargetValue));
    this.vrfs = [
      { name: 'red', vni: 100, number: 1, importRule: { type: 'vni', vni: 100 } as const },
      { name: 'blue', vni: 200, number: 2, importRule: { type: 'exact', targets } as const },
    ].map((plan) => {
      const routerMac = Uint8Array.of(0xe2, 0x5f, 0x1d, 0xdf, 0xb4, plan.number);
      return new Vrf(speaker, this.fabric, this.importer, { ...plan, routerMac });
    });
    for (const each of this.vrfs) each.join();
    speaker.addFollower(this.importer);
    this.fabricPeers = [64612, LOCAL_AS].map((asn, index) =>
      this.#peer(`198.51.100.${index + 1}`, asn, this.fabric),
    );
    this.hosts = this.vrfs.map(({ instance }, index) => this.#peer(`192.169.1${index}.2`, 64515, instance));
    for (const session of [...this.fabricPeers, ...this.hosts]) session.up();
  }

  #peer(address: string, asn: number, instance: RoutingInstance): FakeSession {
    const families = [...instance.ribs.keys()];
    const settings = { ...settingsOf(address, LOCAL_AS, asn), families };
    this.bench.speaker.addPeer({ settings, instance, allowOwnAs: 3 });
    const session = this.bench.sessions.at(-1);
    if (!session) throw new Error('no session');
    return session;
  }

  run(action: Step): void {
    switch (action.kind) {
      case 'turn':
        for (let i = 0; i < action.count; i++) this.bench.turn();
        break;
      case 'reachable': {
        const text = formatAddress(VTEPS[action.vtep] ?? addressOf('0.0.0.0'));
        if (!this.unreachable.delete(text)) this.unreachable.add(text);
        this.importer.revalidate();
        this.bench.speaker.schedule();
        break;
      }
      case 'join or leave': {
        const changed = this.vrfs[action.vrf];
        if (changed?.joined) changed.leave();
        else changed?.join();
        break;
      }
      case 'flip': {
        const session = this.fabricPeers[action.peer];
        this.announced[action.peer]?.clear();
        if (session?.state === 'Established') session.down();
        else session?.up();
        break;
      }
      case 'host':
      case 'host gone':
        this.#host(action);
        break;
      default:
        this.#fabric(action);
    }
  }

  #host(action: Extract<Step, { kind: 'host' | 'host gone' }>): void {
    const to = this.hosts[action.vrf];
    const route = unicast(PREFIXES[action.prefix] as IpPrefix);
    const routes = [route];
    if (!to) return;
    if (action.kind === 'host gone') {
      this.hostRoutes[action.vrf]?.delete(action.prefix);
      const ipv4 = route.family === IPV4_UNICAST;
      this.#receive(to, ipv4 ? { withdrawn: routes } : { mpUnreach: { family: route.family, routes } }, EBGP);
      return;
    }
    this.hostRoutes[action.vrf]?.set(action.prefix, { long: action.long, tag: action.tag });
    const attributes = {
      ...NO_ATTRIBUTES,
      origin: 0 as const,
      asPath: [{ type: 2, asns: action.long ? [64515, 64515, 64515, 64515] : [64515] }],
      med: action.tag,
      // A host must not be able to reach into another VRF.
      extendedCommunities: Uint8Array.of(
        ...encodeRouteTarget(TARGETS[1] as RouteTargetValue),
        ...SITE_OF_ORIGIN,
      ),
    };
    const nextHop = addressOf('192.169.10.2');
    this.#receive(
      to,
      route.family === IPV4_UNICAST
        ? { attributes: { ...attributes, nextHop }, nlri: routes }
        : {
            attributes,
            mpReach: { family: route.family, nextHop: { address: addressOf('2001:db8:9::2') }, routes },
          },
      EBGP,
    );
  }

  #fabric(action: Extract<Step, { kind: 'announce' | 'withdraw' }>): void {
    const session = this.fabricPeers[action.peer];
    if (session?.state !== 'Established') return;
    const context: WireContext = { ...EBGP, peerType: action.peer === 0 ? 'ebgp' : 'ibgp' };
    if (action.kind === 'withdraw') {
      this.announced[action.peer]?.delete(`${action.rd} ${action.prefix}`);
      const routes = [typeFive(action.rd, action.prefix, false, 0)];
      this.#receive(session, { mpUnreach: { family: L2VPN_EVPN, routes } }, context);
      return;
    }
    const { route } = action;
    const mark = this.#marks++;
    this.announced[action.peer]?.set(`${route.rd} ${route.prefix}`, { route, mark });
    const attributes = {
      ...NO_ATTRIBUTES,
      origin: 0 as const,
      asPath: [{ type: 2, asns: [64612, 64520] }],
      communities: [mark],
      localPref: action.peer === 0 ? undefined : 100,
      extendedCommunities: communitiesOf(route),
    };
    const routes = [typeFive(route.rd, route.prefix, route.gateway, route.label)];
    const nextHop = { address: VTEPS[route.vtep] ?? addressOf('0.0.0.0') };
    this.#receive(session, { attributes, mpReach: { family: L2VPN_EVPN, nextHop, routes } }, context);
  }

  #receive(session: FakeSession, content: UpdateContent, context: WireContext): void {
    encodeUpdate(this.#writer.reset(), content, context);
    expect(session.receive(this.#writer.take())).toBeUndefined();
  }

  /** What should be imported into a VRF: the external peer's route is better than the internal one's. */
  expectedImports(index: number): string[] {
    if (!this.vrfs[index]?.joined) return [];
    const best = new Map([...(this.announced[1] ?? []), ...(this.announced[0] ?? [])]);
    return [...best.entries()].flatMap(([, { route, mark }]) => {
      const wanted =
        index === 0
          ? route.targets.includes(0)
          : route.targets.some((target) => BLUE_TARGETS.includes(target));
      if (!wanted || route.mac === undefined || route.encapsulation === 'mpls' || route.gateway) return [];
      const vtep = VTEPS[route.vtep] ?? addressOf('0.0.0.0');
      const ownVni = index === 0 ? 100 : 200;
      const reachable = vtep.version === 4 && !this.unreachable.has(formatAddress(vtep));
      const usable = reachable && route.label === ownVni;
      const mac = MACS[route.mac] ?? new Uint8Array(0);
      const text = formatPrefix(PREFIXES[route.prefix] as IpPrefix);
      return [`${text} via ${formatAddress(vtep)} ${toHex(mac)} vni ${route.label} mark ${mark} ${usable}`];
    });
  }

  imports(index: number): string[] {
    const { instance } = this.vrfs[index] as Vrf;
    return [...instance.ribs.values()].flatMap((rib) =>
      pathsOf(rib).flatMap((path) => importText(rib, path)),
    );
  }

  /** What should be exported: host routes that are best in a VRF, as our own Type 5 routes. */
  expectedExports(): string[] {
    return this.vrfs.flatMap((each, index) => {
      if (!each.joined) return [];
      const usable = new Set(
        this.expectedImports(index)
          .filter((text) => text.endsWith('true'))
          .map((text) => text.split(' ')[0]),
      );
      return [...(this.hostRoutes[index] ?? [])].flatMap(([number, { long, tag }]) => {
        const text = formatPrefix(PREFIXES[number] as IpPrefix);
        if (long && usable.has(text)) return [];
        const { vni, routerMac } = each.evpn;
        return [
          `00010a000001000${index + 1} ${text} ${vni} ${toHex(routerMac ?? new Uint8Array(0))} ${tag} ${long}`,
        ];
      });
    });
  }

  /** Our own Type 5 routes as a fabric peer has them. */
  exports(session: FakeSession, context: WireContext): string[] {
    const view = new ReceivedRoutes(context);
    for (const bytes of session.sent) view.apply(bytes);
    return [...view.routes.values()].flatMap(({ route, attributes, nextHop }) => {
      if (route.kind !== 'evpn' || route.routeType !== 5 || !toHex(route.rd).startsWith('00010a000001'))
        return [];
      expect(nextHop && formatAddress(nextHop.address)).toBe('100.65.0.0');
      const { extendedCommunities: communities } = attributes;
      const parts = Array.from({ length: communities.length / 8 }, (_, i) =>
        toHex(communities, i * 8, i * 8 + 8),
      );
      // The host's own site of origin is kept, its route target is not.
      expect(parts).toEqual([
        toHex(SITE_OF_ORIGIN),
        '030c000000000008',
        `0002fc02${route.label.toString(16).padStart(8, '0')}`,
        `0603${parts[3]?.slice(4)}`,
      ]);
      const long =
        (attributes.asPath ?? []).flatMap(({ asns }) => asns).filter((asn) => asn === 64515).length > 1;
      return [
        `${toHex(route.rd)} ${formatPrefix(route.prefix)} ${route.label} ${parts[3]?.slice(4)} ${attributes.med} ${long}`,
      ];
    });
  }

  check(): void {
    this.bench.settle();
    for (const index of [0, 1]) {
      expect(this.imports(index).sort()).toEqual(this.expectedImports(index).sort());
      this.#checkHost(index);
    }
    const [external, internal] = this.fabricPeers;
    // MED is for our neighbour to see: the routes are ours.
    if (external?.state === 'Established') {
      expect(this.exports(external, EBGP).sort()).toEqual(this.expectedExports().sort());
    }
    if (internal?.state === 'Established') {
      const got = this.exports(internal, { ...EBGP, peerType: 'ibgp' });
      expect(got.sort()).toEqual(this.expectedExports().sort());
    }
    expect(
      this.vrfs.flatMap(({ exporters }) => exporters).reduce((sum, { exported }) => sum + exported, 0),
    ).toBe(this.expectedExports().length);
  }

  /** A host gets what its VRF has imported, and nothing of another VRF. */
  #checkHost(index: number): void {
    const view = new ReceivedRoutes(EBGP);
    for (const bytes of this.hosts[index]?.sent ?? []) view.apply(bytes);
    const usable = this.expectedImports(index).filter((text) => text.endsWith('true'));
    const wanted = new Map<string, string[]>();
    for (const text of usable) {
      const [key = '', , , , , , , mark = ''] = text.split(' ');
      wanted.set(key, [...(wanted.get(key) ?? []), mark]);
    }
    for (const [number, { long }] of this.hostRoutes[index] ?? []) {
      if (!long) wanted.delete(formatPrefix(PREFIXES[number] as IpPrefix));
    }
    const got = new Map<string, string>();
    for (const { route, attributes } of view.routes.values()) {
      if (route.kind === 'unicast') got.set(formatPrefix(route.prefix), String(attributes.communities[0]));
      expect(toHex(attributes.extendedCommunities)).toBe('');
    }
    expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort());
    for (const [key, mark] of got) expect(wanted.get(key)).toContain(mark);
  }

  checkNothingLeft(): void {
    for (const session of [...this.fabricPeers, ...this.hosts]) session.down();
    this.bench.settle();
    const { speaker } = this.bench;
    for (const instance of speaker.instances.values()) {
      for (const rib of instance.ribs.values()) {
        expect([rib.name, rib.prefixes.size, rib.paths.size, rib.extras.size]).toEqual([rib.name, 0, 0, 0]);
      }
    }
    expect([speaker.attributes.size, speaker.attributes.nextHops.size]).toEqual([0, 0]);
  }
}

const SITE_OF_ORIGIN = Uint8Array.of(0x00, 0x03, 0xfc, 0x03, 0, 0, 0, 1);

function communitiesOf({ targets, mac, encapsulation }: FabricRoute): Uint8Array {
  const tunnel = (type: number): Uint8Array => Uint8Array.of(3, 0x0c, 0, 0, 0, 0, 0, type);
  return new Uint8Array(
    Buffer.concat([
      ...(encapsulation === 'mpls' || encapsulation === 'both' ? [tunnel(10)] : []),
      ...(encapsulation === 'vxlan' || encapsulation === 'both' ? [tunnel(8)] : []),
      ...targets.map((target) => encodeRouteTarget(TARGETS[target] as RouteTargetValue)),
      ...(mac === undefined ? [] : [routerMacCommunity(MACS[mac] ?? new Uint8Array(6))]),
    ]),
  );
}

function typeFive(rd: number, index: number, gateway: boolean, label: number): NlriRoute {
  const of = PREFIXES[index] as IpPrefix;
  const size = of.address.bytes.length;
  return {
    kind: 'evpn',
    family: L2VPN_EVPN,
    routeType: 5,
    rd: Uint8Array.of(0, 1, 10, 0, 0, 9, 0, rd),
    esi: new Uint8Array(10),
    ethernetTag: 0,
    prefix: of,
    gateway: { version: of.address.version, bytes: new Uint8Array(size).fill(gateway ? 1 : 0) },
    label,
  };
}

function unicast(of: IpPrefix): NlriRoute {
  return { kind: 'unicast', family: of.address.version === 4 ? IPV4_UNICAST : IPV6_UNICAST, prefix: of };
}

function pathsOf(rib: Rib): number[] {
  const used: number[] = [];
  for (let path = 0; path < rib.paths.idLimit; path++) if (rib.paths.source(path) !== 0) used.push(path);
  return used;
}

function importText(rib: Rib, path: number): string[] {
  if (!rib.sources.get(rib.paths.source(path)).imported) return [];
  const key = new Uint8Array(17);
  const end = rib.prefixes.copyKey(rib.paths.prefix(path), key, 0);
  const [route] = decodeNlri(rib.family, key, 0, end, false, 'announced').routes;
  const attributes = rib.paths.attributes(path);
  const hop = formatAddress(rib.attributes.nextHops.get(rib.attributes.nextHop(attributes)).address);
  const start = rib.extras.start(rib.paths.extra(path));
  const { bytes } = rib.extras;
  const vni = ((bytes[start + 6] ?? 0) << 16) | ((bytes[start + 7] ?? 0) << 8) | (bytes[start + 8] ?? 0);
  const usable = (rib.paths.flags(path) & PathFlag.unusable) === 0;
  const mark = communityOf(rib, attributes);
  const text = route?.kind === 'unicast' ? formatPrefix(route.prefix) : '?';
  return [`${text} via ${hop} ${toHex(bytes, start, start + 6)} vni ${vni} mark ${mark} ${usable}`];
}

/** The one community of an attribute set. */
function communityOf(rib: Rib, id: number): number {
  const { attributes: store } = rib;
  const { bytes } = store;
  for (let at = store.attributesStart(id); at < store.attributesEnd(id); ) {
    if (bytes[at + 1] === 8) return new DataView(bytes.buffer, bytes.byteOffset + at + 3).getUint32(0);
    at += 3 + (bytes[at + 2] ?? 0);
  }
  return -1;
}

describe('two VRFs in EVPN', () => {
  it('hold what a naive model says, export only host routes, and never get each other’s routes', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
        const scenario = new Scenario();
        scenario.check();
        steps.forEach((action, index) => {
          scenario.run(action);
          if (index % 16 === 15) scenario.check();
        });
        scenario.check();
        scenario.checkNothingLeft();
      }),
      { numRuns: 150 },
    );
  });
});
