import type { Rib } from '../../bgp/rib/rib.ts';
import { SourceKind } from '../../bgp/rib/sources.ts';
import type { RoutingInstance } from '../../bgp/routing-instance.ts';
import type { Speaker } from '../../bgp/speaker.ts';
import { IPV4_UNICAST } from '../../bgp/wire/family.ts';
import { type EvpnInstance, routeDistinguisher } from '../../evpn/evpn-instance.ts';
import type { PrefixImporter } from '../../evpn/prefix-importer.ts';
import { derivedRouteTarget, encodeRouteTarget } from '../../evpn/route-target.ts';
import { VrfExporter } from '../../evpn/vrf-exporter.ts';
import { compareBytes, type IpAddress } from '../../net/address.ts';
import type { L3Vni, Underlay } from '../config/model.ts';
import { FibFeed } from '../node/fib-feed.ts';
import type { KernelPort } from '../node/kernel-port.ts';
import { hostNexthop, importedNexthop } from '../node/path-nexthop.ts';

/** What an L3VNI works with. */
export interface VniContext {
  readonly speaker: Speaker;
  readonly fabric: RoutingInstance;
  readonly evpnRib: Rib;
  readonly importer: PrefixImporter;
  readonly underlay: Underlay;
  /** Undefined: BGP alone. */
  readonly kernel: KernelPort | undefined;
}

/** What of the kernel the BGP side of a VNI depends on. */
interface KernelIdentity {
  readonly table: number | undefined;
  readonly routerMac: Uint8Array | undefined;
}

/** One L3VNI: joins its VRF to EVPN and, once the kernel has the VRF, to the kernel's table. */
export class VniService {
  readonly configuration: L3Vni;
  readonly instance: RoutingInstance;
  readonly #context: VniContext;
  readonly #number: number;
  readonly #importSources: EvpnInstance['importSources'];
  #identity: KernelIdentity;
  #evpn: EvpnInstance;
  #exporters: VrfExporter[] = [];
  #feeds: FibFeed[] = [];

  /** `number`: tells the VNIs of a node apart in route distinguishers while there is no kernel table. */
  constructor(configuration: L3Vni, instance: RoutingInstance, number: number, context: VniContext) {
    this.configuration = configuration;
    this.instance = instance;
    this.#context = context;
    this.#number = number;
    const importSource = (kind: SourceKind) =>
      context.speaker.sources.add({
        name: `${configuration.vrf}/evpn`,
        kind,
        imported: true,
        routerId: 0,
        address: undefined,
      });
    this.#importSources = { ebgp: importSource(SourceKind.ebgp), ibgp: importSource(SourceKind.ibgp) };
    this.#identity = this.#readIdentity();
    this.#evpn = this.#makeEvpn();
    this.#join();
  }

  get evpn(): EvpnInstance {
    return this.#evpn;
  }

  /** Routes of the VRF that are in EVPN. */
  get exported(): number {
    return this.#exporters.reduce((sum, exporter) => sum + exporter.exported, 0);
  }

  /** Looks whether the kernel's VRF or bridge is another one now; if so, starts anew with it. */
  followKernel(): void {
    const identity = this.#readIdentity();
    if (isSameIdentity(identity, this.#identity)) return;
    this.#leave();
    this.#identity = identity;
    this.#evpn = this.#makeEvpn();
    this.#join();
    this.#context.speaker.schedule();
  }

  #readIdentity(): KernelIdentity {
    const { kernel } = this.#context;
    if (!kernel) return { table: undefined, routerMac: routerMacWithoutKernel(this.#vtep) };
    const { facts } = kernel;
    return {
      table: facts.tableOf(this.configuration.vrf),
      routerMac: facts.routerMacOf(this.configuration.vni),
    };
  }

  get #vtep(): IpAddress {
    const { vtepIpv4, vtepIpv6, routerId } = this.#context.underlay;
    return (this.configuration.vtepVersion === 4 ? vtepIpv4 : vtepIpv6) ?? routerId;
  }

  #makeEvpn(): EvpnInstance {
    const { underlay } = this.#context;
    const { vni, hostSession, exportRouteTargets, importRouteTargets } = this.configuration;
    const { table, routerMac } = this.#identity;
    const targets = importRouteTargets.map(encodeRouteTarget);
    return {
      vni,
      vrf: this.instance,
      routeDistinguisher: routeDistinguisher(underlay.routerId, table ?? this.#number),
      exportTargets:
        exportRouteTargets.length > 0
          ? exportRouteTargets
          : [derivedRouteTarget(hostSession?.asn ?? underlay.asn, vni)],
      importRule: targets.length > 0 ? { type: 'exact', targets } : { type: 'vni', vni },
      vtep: this.#vtep,
      routerMac,
      importSources: this.#importSources,
    };
  }

  #join(): void {
    const { speaker, fabric, evpnRib, importer, kernel } = this.#context;
    const { table } = this.#identity;
    for (const rib of this.instance.ribs.values()) {
      this.#exporters.push(new VrfExporter(this.#evpn, rib, evpnRib, fabric.localSource));
      if (kernel && table !== undefined) this.#feeds.push(this.#makeFeed(rib, table, kernel));
    }
    for (const follower of [...this.#exporters, ...this.#feeds]) speaker.addFollower(follower);
    importer.addInstance(this.#evpn);
  }

  #makeFeed(rib: Rib, table: number, kernel: KernelPort): FibFeed {
    const version = rib.family === IPV4_UNICAST ? 4 : 6;
    const { vni } = this.configuration;
    return new FibFeed({
      rib,
      version,
      table,
      routes: kernel.routes,
      nexthopOf: (_, path) =>
        rib.sources.get(rib.paths.source(path)).imported
          ? importedNexthop(rib, path, version, vni)
          : hostNexthop(rib, path, vni),
      handedOver: () => kernel.flushRoutes(),
    });
  }

  #leave(): void {
    const { speaker, importer } = this.#context;
    importer.removeInstance(this.#evpn);
    for (const follower of [...this.#exporters, ...this.#feeds]) {
      follower.close();
      speaker.removeFollower(follower);
    }
    this.#exporters = [];
    this.#feeds = [];
  }
}

function isSameIdentity(a: KernelIdentity, b: KernelIdentity): boolean {
  if (a.table !== b.table || !a.routerMac !== !b.routerMac) return false;
  return !a.routerMac || !b.routerMac || compareBytes(a.routerMac, b.routerMac) === 0;
}

/** Without a kernel there is no bridge: a locally administered address that follows from the tunnel endpoint. */
function routerMacWithoutKernel(vtep: IpAddress): Uint8Array {
  return Uint8Array.of(0x02, 0x00, ...vtep.bytes.subarray(-4));
}
