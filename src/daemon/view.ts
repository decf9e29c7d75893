import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Rib } from '../../bgp/rib/rib.ts';
import type { RoutingInstance } from '../../bgp/routing-instance.ts';
import { formatExtendedCommunity } from '../../bgp/wire/extended-communities.ts';
import { familyName, isUnicast, isVpnFamily, L2VPN_EVPN } from '../../bgp/wire/family.ts';
import { formatRouteDistinguisher } from '../../bgp/wire/route-distinguisher.ts';
import { encodeRouteTarget } from '../../evpn/route-target.ts';
import { formatAddress } from '../../net/address.ts';
import { formatOctets } from '../../net/mac.ts';
import { formatPrefix, type IpPrefix, prefixEquals } from '../../net/prefix.ts';
import type { ConfigurationFinding, ConfigurationResult, FindingLevel } from '../config/model.ts';
import type {
  ControlView,
  RemoteVtepView,
  RouteFilter,
  RouteView,
  SessionView,
  StatusView,
  TableStatus,
  VniView,
} from '../control/view.ts';
import { deviceNames } from '../node/device-names.ts';
import type { KernelView } from '../node/kernel-port.ts';
import type { BfdWatch } from './bfd-watch.ts';
import { pathView, prefixText, routeOf } from './path-view.ts';
import type { Router } from './router.ts';
import { sessionView } from './session-view.ts';
import type { VniService } from './vni-service.ts';

/** What {@link DaemonView} shows. */
export interface DaemonViewOptions {
  readonly version: string;
  readonly router: Router;
  readonly result: ConfigurationResult;
  readonly networkNamespace: string | undefined;
  readonly kernel: KernelView | undefined;
  readonly bfd?: BfdWatch;
  /** Connections that belonged to no session. */
  readonly refusals?: () => number;
  /** Wall-clock milliseconds. */
  readonly wallTime: () => number;
}

/** Milliseconds between two looks at the event loop. */
const LOOP_RESOLUTION = 20;

/** Skipped routes after which an iterator lets others go first. */
const SKIPPED_BEFORE_YIELD = 500;

/** The running daemon as the control API shows it. */
export class DaemonView implements ControlView {
  readonly #options: DaemonViewOptions;
  readonly #startedAt: number;
  readonly #loopDelay: IntervalHistogram;

  constructor(options: DaemonViewOptions) {
    this.#options = options;
    this.#startedAt = options.wallTime();
    this.#loopDelay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION });
    this.#loopDelay.enable();
  }

  status(): StatusView {
    const { version, router, result, networkNamespace, kernel, wallTime } = this.#options;
    const { configuration } = result;
    const { underlay } = configuration;
    const { peers } = router.speaker;
    const vteps = [underlay?.vtepIpv4, underlay?.vtepIpv6].flatMap((vtep) =>
      vtep ? [formatAddress(vtep)] : [],
    );
    const memory = process.memoryUsage();
    return {
      version,
      pid: process.pid,
      startedAt: this.#startedAt,
      uptime: Math.floor((wallTime() - this.#startedAt) / 1000),
      node: {
        index: configuration.nodeIndex,
        ...(configuration.nodeName !== undefined && { name: configuration.nodeName }),
      },
      ...(underlay && { routerId: formatAddress(underlay.routerId), as: underlay.asn }),
      vteps,
      ...(networkNamespace !== undefined && { networkNamespace }),
      dataplane: kernel?.status ?? { state: 'none' },
      findings: countFindings(result.findings),
      draining: router.speaker.draining,
      sessions: {
        established: peers.filter((peer) => peer.session?.state === 'Established').length,
        total: peers.length,
        refusedConnections: this.#options.refusals?.() ?? 0,
      },
      tables: [...this.#tables()],
      memory: { resident: memory.rss, heapUsed: memory.heapUsed, arrayBuffers: memory.arrayBuffers },
      eventLoopDelay: this.#takeLoopDelay(),
    };
  }

  #takeLoopDelay(): StatusView['eventLoopDelay'] {
    // The histogram counts from one tick of its timer to the next: the lateness is what goes beyond that.
    const milliseconds = (nanoseconds: number) =>
      Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e6 - LOOP_RESOLUTION) : 0;
    const { mean, max } = this.#loopDelay;
    const p99 = this.#loopDelay.percentile(99);
    this.#loopDelay.reset();
    return { mean: milliseconds(mean), p99: milliseconds(p99), max: milliseconds(max) };
  }

  *#tables(): Iterable<TableStatus> {
    const { router, kernel } = this.#options;
    for (const instance of router.speaker.instances.values()) {
      for (const rib of instance.ribs.values()) {
        const family = familyName(rib.family);
        const counts =
          kernel && isUnicast(rib.family)
            ? kernel.routeCounts(instance.name, rib.family >> 8 === 1 ? 4 : 6)
            : undefined;
        yield { vrf: instance.name, family, routes: rib.bestCount, paths: rib.paths.size, ...counts };
      }
    }
  }

  *sessions(): Iterable<SessionView> {
    for (const peer of this.#options.router.speaker.peers) {
      const view = sessionView(peer, this.#options.bfd);
      if (view) yield view;
    }
  }

  peers(): readonly string[] {
    return this.#options.router.speaker.peers.map(({ name }) => name);
  }

  vrfs(): readonly string[] {
    return [...this.#options.router.speaker.instances.keys()];
  }

  *routes(filter: RouteFilter): Iterable<RouteView | undefined> {
    for (const instance of this.#options.router.speaker.instances.values()) {
      if (filter.vrf !== undefined && filter.vrf !== instance.name) continue;
      for (const rib of instance.ribs.values()) {
        if (filter.family !== undefined && filter.family !== rib.family) continue;
        if (filter.prefix && rib.family !== L2VPN_EVPN && !isVpnFamily(rib.family))
          yield* this.#lookUp(instance, rib, filter.prefix, filter);
        else yield* this.#scan(instance, rib, filter.prefix);
      }
    }
  }

  /** The route for a prefix, or the most specific one that contains it. */
  *#lookUp(instance: RoutingInstance, rib: Rib, prefix: IpPrefix, filter: RouteFilter): Iterable<RouteView> {
    if ((rib.family >> 8 === 1 ? 4 : 6) !== prefix.address.version) return;
    const shortest = filter.longestMatch ? 0 : prefix.length;
    for (let length = prefix.length; length >= shortest; length--) {
      const id = findUnicast(rib, prefix, length);
      if (id < 0 || rib.firstPath(id) < 0) continue;
      yield this.#routeView(instance, rib, id);
      return;
    }
  }

  *#scan(instance: RoutingInstance, rib: Rib, wanted: IpPrefix | undefined): Iterable<RouteView | undefined> {
    let skipped = 0;
    for (let prefix = 0; prefix < rib.prefixes.idLimit; prefix++) {
      if (
        rib.prefixes.keyLength(prefix) >= 0 &&
        rib.firstPath(prefix) >= 0 &&
        isWanted(rib, prefix, wanted)
      ) {
        skipped = 0;
        yield this.#routeView(instance, rib, prefix);
      } else if (++skipped % SKIPPED_BEFORE_YIELD === 0) yield undefined;
    }
  }

  #routeView(instance: RoutingInstance, rib: Rib, prefix: number): RouteView {
    const best = rib.best(prefix);
    const paths: number[] = [];
    for (let path = rib.firstPath(prefix); path >= 0; path = rib.paths.next(path)) paths.push(path);
    paths.sort((a, b) => Number(b === best) - Number(a === best));
    const reason = this.#reason(rib, best, paths);
    const route = routeOf(rib, prefix);
    return {
      vrf: instance.name,
      family: familyName(rib.family),
      ...prefixText(route),
      kernel:
        route?.kind === 'unicast' && this.#options.kernel
          ? this.#options.kernel.routeState(instance.name, route.prefix)
          : { state: 'not-installed' },
      ...(reason && { reason }),
      paths: paths.map((path) => pathView(rib, prefix, path)),
    };
  }

  #reason(rib: Rib, best: number, paths: readonly number[]): RouteView['reason'] {
    const [, second] = paths;
    if (best < 0) return undefined;
    return second === undefined ? 'only path' : rib.reason(best, second);
  }

  *vnis(): Iterable<VniView> {
    for (const vni of this.#options.router.vnis) yield this.#vniView(vni);
  }

  #vniView(service: VniService): VniView {
    const { configuration, evpn, instance } = service;
    const { kernel } = this.#options;
    const { vni, vrf, hostSession } = configuration;
    const { bridge, vxlan } = deviceNames(vni);
    const table = kernel?.tableOf(vrf);
    const { importRule, routerMac } = evpn;
    const remote = countImported(instance);
    return {
      vni,
      vrf,
      ...(table !== undefined && { table }),
      bridge,
      vxlan,
      vtep: formatAddress(evpn.vtep),
      ...(routerMac && { routerMac: formatOctets(routerMac) }),
      rd: formatRouteDistinguisher(evpn.routeDistinguisher, 0),
      importRouteTargets:
        importRule.type === 'vni'
          ? [`*:${importRule.vni}`]
          : importRule.targets.map((target) => formatExtendedCommunity(target, 0).replace(/^rt:/, '')),
      exportRouteTargets: evpn.exportTargets.map((target) =>
        formatExtendedCommunity(encodeRouteTarget(target), 0).replace(/^rt:/, ''),
      ),
      remoteVteps: remote,
      routes: {
        imported: remote.reduce((sum, { routes }) => sum + routes, 0),
        exported: service.exported,
      },
      host: [hostSession?.ipv4, hostSession?.ipv6].flatMap((addresses) =>
        addresses ? [{ router: formatPrefix(addresses.router), host: formatPrefix(addresses.host) }] : [],
      ),
      state: routerMac ? 'ready' : 'pending',
      ...(!routerMac && { problem: 'the MAC address of the bridge is not known yet: nothing is exported' }),
    };
  }

  findings(): readonly ConfigurationFinding[] {
    return this.#options.result.findings;
  }
}

function countFindings(findings: readonly ConfigurationFinding[]): Record<FindingLevel, number> {
  const counts = { error: 0, unsupported: 0, warning: 0 };
  for (const { level } of findings) counts[level]++;
  return counts;
}

function findUnicast(rib: Rib, prefix: IpPrefix, length: number): number {
  const size = (length + 7) >> 3;
  const key = Uint8Array.of(length, ...prefix.address.bytes.subarray(0, size));
  const spare = size * 8 - length;
  if (spare > 0) key[size] = (key[size] ?? 0) & (0xff << spare);
  return rib.prefixes.find(key, 0, key.length);
}

/** VPN routes by their prefix, EVPN routes by the one that they carry (Type 5) or their host address (Type 2). */
function isWanted(rib: Rib, prefix: number, wanted: IpPrefix | undefined): boolean {
  if (!wanted) return true;
  const route = routeOf(rib, prefix);
  if (route?.kind === 'vpn') return prefixEquals(route.prefix, wanted);
  if (route?.kind !== 'evpn') return false;
  if (route.routeType === 5) return prefixEquals(route.prefix, wanted);
  if (route.routeType !== 2 || !route.ip) return false;
  return prefixEquals({ address: route.ip, length: route.ip.bytes.length * 8 }, wanted);
}

/** Imported routes of a VRF by the tunnel endpoint that they lead to. */
function countImported(instance: RoutingInstance): RemoteVtepView[] {
  const vteps = new Map<string, { address: string; routerMac: string; routes: number }>();
  for (const rib of instance.ribs.values()) {
    for (const [path, routes] of importedByNextHop(rib)) {
      const nextHop = rib.attributes.nextHop(rib.paths.attributes(path));
      const address = formatAddress(rib.attributes.nextHops.get(nextHop).address);
      const known = vteps.get(address);
      if (known) known.routes += routes;
      else vteps.set(address, { address, routerMac: routerMacOf(rib, path), routes });
    }
  }
  return [...vteps.values()];
}

/** For each next hop of imported paths: one of them, and how many there are. */
function importedByNextHop(rib: Rib): Iterable<[path: number, routes: number]> {
  const found = new Map<number, [path: number, routes: number]>();
  for (let path = 0; path < rib.paths.idLimit; path++) {
    const source = rib.paths.source(path);
    if (source === 0 || !rib.sources.get(source).imported) continue;
    const nextHop = rib.attributes.nextHop(rib.paths.attributes(path));
    const known = found.get(nextHop);
    if (known) known[1]++;
    else found.set(nextHop, [path, 1]);
  }
  return found.values();
}

function routerMacOf(rib: Rib, path: number): string {
  return formatOctets(rib.extras.bytes, rib.extras.start(rib.paths.extra(path)));
}
