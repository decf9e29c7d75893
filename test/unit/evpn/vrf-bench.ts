import type { Rib } from '../../../bgp/rib/rib.ts';
import { SourceKind } from '../../../bgp/rib/sources.ts';
import type { RoutingInstance } from '../../../bgp/routing-instance.ts';
import type { Speaker } from '../../../bgp/speaker.ts';
import { IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../../bgp/wire/family.ts';
import { type EvpnInstance, routeDistinguisher } from '../../../evpn/evpn-instance.ts';
import type { PrefixImporter } from '../../../evpn/prefix-importer.ts';
import type { ImportRule } from '../../../evpn/route-target.ts';
import { VrfExporter } from '../../../evpn/vrf-exporter.ts';
import { addressOf } from '../bgp/rib/speaker-bench.ts';

export const VTEP = addressOf('100.65.0.0');
export const ROUTER_ID = addressOf('10.0.0.1');

export function ribOf(instance: RoutingInstance, family: number): Rib {
  const rib = instance.ribs.get(family);
  if (!rib) throw new Error(`${instance.name} has no RIB for ${family}`);
  return rib;
}

/** A VRF that can join EVPN and leave it again, as the daemon does. */
export class Vrf {
  readonly instance: RoutingInstance;
  readonly evpn: EvpnInstance;
  exporters: VrfExporter[] = [];
  readonly #speaker: Speaker;
  readonly #fabric: RoutingInstance;
  readonly #importer: PrefixImporter;

  constructor(
    speaker: Speaker,
    fabric: RoutingInstance,
    importer: PrefixImporter,
    { name, vni, number, importRule, routerMac }: VrfPlan,
  ) {
    this.#speaker = speaker;
    this.#fabric = fabric;
    this.#importer = importer;
    this.instance = speaker.addInstance(name, [IPV4_UNICAST, IPV6_UNICAST], true);
    const source = (kind: SourceKind) =>
      speaker.sources.add({ name, kind, imported: true, routerId: 0, address: undefined });
    this.evpn = {
      vni,
      vrf: this.instance,
      routeDistinguisher: routeDistinguisher(ROUTER_ID, number),
      exportTargets: [{ type: 'as', asn: 64514, number: vni }],
      importRule,
      vtep: VTEP,
      routerMac,
      importSources: { ebgp: source(SourceKind.ebgp), ibgp: source(SourceKind.ibgp) },
    };
  }

  get joined(): boolean {
    return this.exporters.length > 0;
  }

  join(): void {
    const evpnRib = ribOf(this.#fabric, L2VPN_EVPN);
    for (const rib of this.instance.ribs.values()) {
      const exporter = new VrfExporter(this.evpn, rib, evpnRib, this.#fabric.localSource);
      this.exporters.push(exporter);
      this.#speaker.addFollower(exporter);
    }
    this.#importer.addInstance(this.evpn);
    this.#speaker.schedule();
  }

  leave(): void {
    this.#importer.removeInstance(this.evpn);
    for (const exporter of this.exporters) {
      exporter.close();
      this.#speaker.removeFollower(exporter);
    }
    this.exporters = [];
    this.#speaker.schedule();
  }
}

/** What a {@link Vrf} is made from. */
export interface VrfPlan {
  readonly name: string;
  readonly vni: number;
  readonly number: number;
  readonly importRule: ImportRule;
  readonly routerMac: Uint8Array | undefined;
}
