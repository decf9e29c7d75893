import type { PeerEvents } from '../../bgp/peer.ts';
import { internOriginated } from '../../bgp/rib/local-attributes.ts';
import type { Rib } from '../../bgp/rib/rib.ts';
import { SourceKind } from '../../bgp/rib/sources.ts';
import { DEFAULT_INSTANCE, type RoutingInstance } from '../../bgp/routing-instance.ts';
import type { Clock } from '../../bgp/session/clock.ts';
import { Speaker, type SpeakerOptions } from '../../bgp/speaker.ts';
import { IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../bgp/wire/family.ts';
import type { RouteTable } from '../../dataplane/route-table.ts';
import { type EvpnInstance, routeDistinguisher } from '../../evpn/evpn-instance.ts';
import { PrefixImporter } from '../../evpn/prefix-importer.ts';
import { derivedRouteTarget, encodeRouteTarget } from '../../evpn/route-target.ts';
import { VrfExporter } from '../../evpn/vrf-exporter.ts';
import type { IpAddress } from '../../net/address.ts';
import { hostPrefix, type IpPrefix } from '../../net/prefix.ts';
import type { L3Vni, NodeConfiguration, Underlay } from '../config/model.ts';
import { FibFeed } from '../node/fib-feed.ts';
import { type ConnectedSubnet, NextHopResolver, UnderlayWatch } from '../node/next-hop-resolver.ts';
import { hostNexthop, importedNexthop, underlayNexthop } from '../node/path-nexthop.ts';
import { fabricPeers, hostPeers, type PeerPlan, type PeerWorld } from './peer-plan.ts';

/** The kernel's side of the router. */
export interface KernelPort {
  readonly routes: RouteTable;
  /** Number of a VRF's table. */
  tableOf(vrf: string): number | undefined;
  /** MAC address of a VNI's bridge, six octets. */
  routerMacOf(vni: number): Uint8Array | undefined;
  /** Routes were handed to {@link routes}. */
  flushRoutes(): void;
}

/** What a router is made from. */
export interface RouterOptions {
  readonly configuration: NodeConfiguration & { readonly underlay: Underlay };
  readonly world: PeerWorld;
  readonly clock: Clock;
  readonly openSession: SpeakerOptions['openSession'];
  readonly defer: SpeakerOptions['defer'];
  readonly events: PeerEvents;
  /** Undefined: BGP alone, every next hop counts as reachable. */
  readonly kernel: KernelPort | undefined;
}

/** An L3VNI at work. */
export interface VniInService {
  readonly configuration: L3Vni;
  readonly evpn: EvpnInstance;
  readonly instance: RoutingInstance;
}

/** Number of the kernel's main table. */
const MAIN_TABLE = 254;

/** Joins BGP, EVPN and the kernel as the configuration of the node says. */
export class Router {
  readonly speaker: Speaker;
  readonly fabric: RoutingInstance;
  readonly vnis: readonly VniInService[];
  readonly #options: RouterOptions;
  readonly #resolver: NextHopResolver;
  readonly #importer: PrefixImporter;
  readonly #feeds: FibFeed[] = [];
  readonly #underlayFeeds: FibFeed[] = [];

  constructor(options: RouterOptions) {
    this.#options = options;
    const { configuration, kernel, clock, openSession, defer, events } = options;
    this.speaker = new Speaker({ clock, openSession, defer, events });
    const families = [IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN];
    this.fabric = this.speaker.addInstance(DEFAULT_INSTANCE, families, kernel !== undefined);
    const underlayRibs = {
      ipv4: this.fabric.ribs.get(IPV4_UNICAST),
      ipv6: this.fabric.ribs.get(IPV6_UNICAST),
    };
    this.#resolver = new NextHopResolver(underlayRibs);
    this.#importer = new PrefixImporter(
      this.#evpnRib,
      (vtep) => !kernel || this.#resolver.resolve(vtep) !== undefined,
    );
    this.setOwnAddresses([]);
    if (!kernel) this.speaker.attributes.nextHops.allowLoopback();
    this.vnis = configuration.l3vnis.map((vni, index) => this.#addVni(vni, index));
    this.speaker.addFollower(this.#importer);
    if (kernel) {
      this.#feedUnderlay(kernel);
      this.speaker.addFollower(new UnderlayWatch(underlayRibs, () => this.#importer.revalidate()));
    }
    this.#originateVteps();
  }

  get #evpnRib(): Rib {
    const rib = this.fabric.ribs.get(L2VPN_EVPN);
    if (!rib) throw new TypeError('the default instance has no EVPN RIB');
    return rib;
  }

  /** Starts the sessions. */
  start(): void {
    const { configuration, world } = this.#options;
    const { underlay, l3vnis } = configuration;
    const plans = [
      ...fabricPeers(underlay, world),
      ...l3vnis.flatMap((vni) => hostPeers(vni, underlay, world)),
    ];
    for (const plan of plans) this.#addPeer(plan);
    this.speaker.schedule();
  }

  #addPeer({ settings, vrf, allowOwnAs }: PeerPlan): void {
    const instance = vrf === undefined ? this.fabric : this.speaker.instances.get(vrf);
    if (instance) this.speaker.addPeer({ settings, instance, allowOwnAs });
  }

  #addVni(configuration: L3Vni, index: number): VniInService {
    const { kernel } = this.#options;
    const families = [IPV4_UNICAST, IPV6_UNICAST];
    const instance = this.speaker.addInstance(configuration.vrf, families, kernel !== undefined);
    const evpn = this.#evpnInstance(configuration, instance, index);
    for (const rib of instance.ribs.values()) {
      this.speaker.addFollower(new VrfExporter(evpn, rib, this.#evpnRib, this.fabric.localSource));
      const table = kernel?.tableOf(configuration.vrf);
      if (kernel && table !== undefined) this.#feedVrf(kernel, configuration, rib, table);
    }
    this.#importer.addInstance(evpn);
    const { ipv4, ipv6 } = configuration.hostSession ?? {};
    if (ipv4) this.#originate(instance, hostPrefix(ipv4.host.address));
    if (ipv6) this.#originate(instance, hostPrefix(ipv6.host.address));
    return { configuration, evpn, instance };
  }

  #evpnInstance(vni: L3Vni, instance: RoutingInstance, index: number): EvpnInstance {
    const { underlay } = this.#options.configuration;
    const { kernel } = this.#options;
    const vtep = (vni.vtepVersion === 4 ? underlay.vtepIpv4 : underlay.vtepIpv6) ?? underlay.routerId;
    const asn = vni.hostSession?.asn ?? underlay.asn;
    const importSource = (kind: SourceKind) =>
      this.speaker.sources.add({
        name: `${vni.vrf}/evpn`,
        kind,
        imported: true,
        routerId: 0,
        address: undefined,
      });
    const exactTargets = vni.importRouteTargets.map(encodeRouteTarget);
    return {
      vni: vni.vni,
      vrf: instance,
      routeDistinguisher: routeDistinguisher(underlay.routerId, kernel?.tableOf(vni.vrf) ?? index + 1),
      exportTargets:
        vni.exportRouteTargets.length > 0 ? vni.exportRouteTargets : [derivedRouteTarget(asn, vni.vni)],
      importRule:
        exactTargets.length > 0 ? { type: 'exact', targets: exactTargets } : { type: 'vni', vni: vni.vni },
      vtep,
      routerMac: kernel ? kernel.routerMacOf(vni.vni) : routerMacWithoutKernel(vtep),
      importSources: { ebgp: importSource(SourceKind.ebgp), ibgp: importSource(SourceKind.ibgp) },
    };
  }

  #feedVrf(kernel: KernelPort, vni: L3Vni, rib: Rib, table: number): void {
    const version = rib.family === IPV4_UNICAST ? 4 : 6;
    const feed = new FibFeed({
      rib,
      version,
      table,
      routes: kernel.routes,
      nexthopOf: (_, path) =>
        rib.sources.get(rib.paths.source(path)).imported
          ? importedNexthop(rib, path, version, vni.vni)
          : hostNexthop(rib, path, vni.vni),
      handedOver: () => kernel.flushRoutes(),
    });
    this.#feeds.push(feed);
    this.speaker.addFollower(feed);
  }

  #feedUnderlay(kernel: KernelPort): void {
    for (const [family, rib] of this.fabric.ribs) {
      if (family === L2VPN_EVPN) continue;
      const feed = new FibFeed({
        rib,
        version: family === IPV4_UNICAST ? 4 : 6,
        table: MAIN_TABLE,
        routes: kernel.routes,
        nexthopOf: (_, path) => underlayNexthop(rib, path, this.#resolver),
        handedOver: () => kernel.flushRoutes(),
      });
      this.#underlayFeeds.push(feed);
      this.speaker.addFollower(feed);
    }
  }

  /** Addresses of this router besides those of the configuration: no route may have one as next hop. */
  setOwnAddresses(addresses: readonly IpAddress[]): void {
    this.speaker.setOwnAddresses([...configuredAddresses(this.#options.configuration), ...addresses]);
  }

  /** Subnets of the underlay devices as the kernel has them. */
  setConnected(connected: readonly ConnectedSubnet[]): void {
    this.#resolver.setConnected(connected);
    for (const feed of this.#underlayFeeds) feed.refresh();
    this.#importer.revalidate();
    this.speaker.schedule();
  }

  #originateVteps(): void {
    const { vtepIpv4, vtepIpv6 } = this.#options.configuration.underlay;
    if (vtepIpv4) this.#originate(this.fabric, hostPrefix(vtepIpv4));
    if (vtepIpv6) this.#originate(this.fabric, hostPrefix(vtepIpv6));
  }

  #originate(instance: RoutingInstance, prefix: IpPrefix): void {
    const rib = instance.ribs.get(prefix.address.version === 4 ? IPV4_UNICAST : IPV6_UNICAST);
    if (!rib) return;
    const key = Uint8Array.of(prefix.length, ...prefix.address.bytes.subarray(0, (prefix.length + 7) >> 3));
    const id = rib.prefixes.findOrAdd(key, 0, key.length);
    rib.announce(id, instance.localSource.id, 0, internOriginated(this.speaker.attributes), 0);
  }

  /** Ends all sessions with a Cease of this subcode (RFC 4486). */
  stop(subcode: number, reason: string): void {
    for (const peer of [...this.speaker.peers]) this.speaker.removePeer(peer, subcode, reason);
  }
}

/** VTEPs and the router's sides of the host sessions. */
function configuredAddresses({ underlay, l3vnis }: RouterOptions['configuration']): IpAddress[] {
  const { vtepIpv4, vtepIpv6 } = underlay;
  const routerSides = l3vnis.flatMap(({ hostSession }) => [
    hostSession?.ipv4?.router.address,
    hostSession?.ipv6?.router.address,
  ]);
  return [vtepIpv4, vtepIpv6, ...routerSides].filter((address) => address !== undefined);
}

/** Without a kernel there is no bridge: a locally administered address that follows from the tunnel endpoint. */
function routerMacWithoutKernel(vtep: IpAddress): Uint8Array {
  return Uint8Array.of(0x02, 0x00, ...vtep.bytes.subarray(-4));
}
