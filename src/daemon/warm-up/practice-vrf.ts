import { SourceKind } from '../../../bgp/rib/sources.ts';
import type { RoutingInstance } from '../../../bgp/routing-instance.ts';
import type { Speaker } from '../../../bgp/speaker.ts';
import { IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../../bgp/wire/family.ts';
import { type EvpnInstance, routeDistinguisher } from '../../../evpn/evpn-instance.ts';
import { PrefixImporter } from '../../../evpn/prefix-importer.ts';
import { derivedRouteTarget } from '../../../evpn/route-target.ts';
import { VrfExporter } from '../../../evpn/vrf-exporter.ts';
import { ipv4FromNumber } from '../../../net/address.ts';
import { PRACTICE_AS, PRACTICE_ROUTER_MAC, PRACTICE_VNI } from './practice-messages.ts';

const FAMILIES = [IPV4_UNICAST, IPV6_UNICAST] as const;
const VTEP = ipv4FromNumber(0x0a00_0001);

/** Adds a VRF that the EVPN routes of practice are imported into, and that exports what its own peers announce. */
export function addPracticeVrf(speaker: Speaker, fabric: RoutingInstance): RoutingInstance {
  const evpnRib = fabric.ribs.get(L2VPN_EVPN);
  if (!evpnRib) throw new RangeError('practice with a VRF needs EVPN');
  const vrf = speaker.addInstance('practice-vrf', FAMILIES, true);
  const importer = new PrefixImporter(evpnRib, () => true);
  const instance = evpnInstance(speaker, vrf);
  importer.addInstance(instance);
  speaker.addFollower(importer);
  for (const rib of vrf.ribs.values()) {
    speaker.addFollower(new VrfExporter(instance, rib, evpnRib, fabric.localSource));
  }
  return vrf;
}

function evpnInstance(speaker: Speaker, vrf: RoutingInstance): EvpnInstance {
  const importSource = (kind: SourceKind) =>
    speaker.sources.add({ name: 'practice/evpn', kind, imported: true, routerId: 0, address: undefined });
  return {
    vni: PRACTICE_VNI,
    vrf,
    routeDistinguisher: routeDistinguisher(VTEP, 1),
    exportTargets: [derivedRouteTarget(PRACTICE_AS, PRACTICE_VNI)],
    importRule: { type: 'vni', vni: PRACTICE_VNI },
    vtep: VTEP,
    routerMac: PRACTICE_ROUTER_MAC,
    importSources: { ebgp: importSource(SourceKind.ebgp), ibgp: importSource(SourceKind.ibgp) },
  };
}
