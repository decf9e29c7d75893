import type { Peer, PeerEvents } from '../../bgp/peer.ts';
import { internOriginated } from '../../bgp/rib/local-attributes.ts';
import type { Rib } from '../../bgp/rib/rib.ts';
import { DEFAULT_INSTANCE, type RoutingInstance } from '../../bgp/routing-instance.ts';
import type { Clock } from '../../bgp/session/clock.ts';
import { Speaker, type SpeakerOptions } from '../../bgp/speaker.ts';
import { IPV4_UNICAST, IPV6_UNICAST, isUnicast, L2VPN_EVPN } from '../../bgp/wire/family.ts';
import { PrefixImporter } from '../../evpn/prefix-importer.ts';
import type { IpAddress } from '../../net/address.ts';
import { hostPrefix, type IpPrefix } from '../../net/prefix.ts';
import type { L3Vni, NodeConfiguration, Underlay } from '../config/model.ts';
import { addressesOnInterfaceOf } from '../node/addresses-beside.ts';
import { FibFeed } from '../node/fib-feed.ts';
import type { KernelPort } from '../node/kernel-port.ts';
import { NextHopResolver, type UnderlayRibs, UnderlayWatch } from '../node/next-hop-resolver.ts';
import { underlayNexthop } from '../node/path-nexthop.ts';
import type { BfdPlan } from './bfd-watch.ts';
import { fabricFamilies, fabricPeers, hostPeers, type PeerPlan, type PeerWorld } from './peer-plan.ts';
import { VniService } from './vni-service.ts';

/** What a router is made from. */
export interface RouterOptions {
  readonly configuration: NodeConfiguration & { readonly underlay: Underlay };
  readonly world: PeerWorld;
  readonly clock: Clock;
  readonly openSession: SpeakerOptions['openSession'];
  readonly defer: SpeakerOptions['defer'];
  readonly events: PeerEvents;
  /** Has the paths to peers watched; absent: no BFD. */
  readonly bfd?: { add(peer: Peer, plan: BfdPlan): void };
  /** Undefined: BGP alone, every next hop counts as reachable. */
  readonly kernel: KernelPort | undefined;
}

/** Number of the kernel's main table. */
const MAIN_TABLE = 254;

/** Joins BGP, EVPN and the kernel as the configuration of the node says. */
export class Router {
  readonly speaker: Speaker;
  readonly fabric: RoutingInstance;
  readonly vnis: readonly VniService[];
  readonly #options: RouterOptions;
  readonly #resolver: NextHopResolver;
  readonly #importer: PrefixImporter;
  readonly #underlayFeeds: FibFeed[] = [];

  constructor(options: RouterOptions) {
    this.#options = options;
    const { configuration, kernel, clock, openSession, defer, events } = options;
    this.speaker = new Speaker({ clock, openSession, defer, events });
    const families = fabricFamilies(configuration.underlay);
    this.fabric = this.speaker.addInstance(DEFAULT_INSTANCE, families, kernel !== undefined);
    const underlayRibs: UnderlayRibs = {
      ipv4: this.fabric.ribs.get(IPV4_UNICAST),
      ipv6: this.fabric.ribs.get(IPV6_UNICAST),
    };
    this.#resolver = new NextHopResolver(underlayRibs);
    this.#importer = new PrefixImporter(
      this.#evpnRib,
      (vtep) => !kernel || this.#resolver.resolve(vtep) !== undefined,
    );
    if (kernel) this.#joinKernel(kernel, underlayRibs);
    else this.speaker.attributes.nextHops.allowLoopback();
    this.#learnAddresses();
    this.vnis = configuration.l3vnis.map((vni, index) => this.#addVni(vni, index));
    this.speaker.addFollower(this.#importer);
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
    for (const plan of plans) this.addPeer(plan);
    this.speaker.schedule();
  }

  /** Adds a peer and starts its session; undefined when there is no such VRF. */
  addPeer({ vrf, bfd, ...plan }: PeerPlan): Peer | undefined {
    const instance = vrf === undefined ? this.fabric : this.speaker.instances.get(vrf);
    if (!instance) return undefined;
    const { kernel } = this.#options;
    const addressesBeside = (local: IpAddress, interfaceName?: string) =>
      kernel
        ? kernel.facts.addressesBeside(local, interfaceName)
        : addressesOnInterfaceOf(local, interfaceName);
    const peer = this.speaker.addPeer({ ...plan, instance, addressesBeside });
    if (bfd) this.#options.bfd?.add(peer, bfd);
    return peer;
  }

  #addVni(configuration: L3Vni, index: number): VniService {
    const { kernel, configuration: node } = this.#options;
    const families = [IPV4_UNICAST, IPV6_UNICAST];
    const instance = this.speaker.addInstance(configuration.vrf, families, kernel !== undefined);
    const { ipv4, ipv6 } = configuration.hostSession ?? {};
    if (ipv4) this.#originate(instance, hostPrefix(ipv4.host.address));
    if (ipv6) this.#originate(instance, hostPrefix(ipv6.host.address));
    return new VniService(configuration, instance, index + 1, {
      speaker: this.speaker,
      fabric: this.fabric,
      evpnRib: this.#evpnRib,
      importer: this.#importer,
      underlay: node.underlay,
      kernel,
    });
  }

  #joinKernel(kernel: KernelPort, underlayRibs: UnderlayRibs): void {
    this.#resolver.setConnected(kernel.facts.connected);
    for (const [family, rib] of this.fabric.ribs) {
      if (!isUnicast(family)) continue;
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
    this.speaker.addFollower(new UnderlayWatch(underlayRibs, () => this.#followUnderlay()));
  }

  /** Routes of the underlay changed: next hops that are reached through others may lead elsewhere now. */
  #followUnderlay(): void {
    if (!this.#resolver.recheck()) return;
    for (const feed of this.#underlayFeeds) feed.refresh();
    this.#importer.revalidate();
  }

  /** Takes note of what changed in the kernel: devices, addresses, MAC addresses. */
  followKernel(): void {
    const { kernel } = this.#options;
    if (!kernel) return;
    this.#learnAddresses();
    this.#resolver.setConnected(kernel.facts.connected);
    for (const vni of this.vnis) vni.followKernel();
    for (const feed of this.#underlayFeeds) feed.refresh();
    this.#importer.revalidate();
    this.speaker.schedule();
  }

  /** No route may have one of our addresses as next hop. */
  #learnAddresses(): void {
    const { configuration, kernel } = this.#options;
    this.speaker.setOwnAddresses([
      ...configuredAddresses(configuration),
      ...(kernel?.facts.ownAddresses ?? []),
    ]);
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

  /** True when every configured peer is there and has sent all it had: what is not there by now is gone. */
  get converged(): boolean {
    const { peers } = this.speaker;
    const { neighbors } = this.#options.configuration.underlay;
    // Who may come from a range and has not come yet is not known.
    if (neighbors.some(({ peer }) => peer.by === 'listenRange')) return false;
    return peers.every(({ session, endOfRibSeen }) =>
      session?.negotiated?.families.every((family) => endOfRibSeen.has(family)),
    );
  }

  /** Ends all sessions as one that will be back: peers that help keep its routes (RFC 4724). */
  leave(subcode: number, reason: string): void {
    this.speaker.leave(subcode, reason);
  }

  /** Ends all sessions for good, and shows why; the peers stay known. */
  shutDown(subcode: number, reason: string): void {
    for (const { session } of this.speaker.peers) session?.stop(subcode, reason);
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
