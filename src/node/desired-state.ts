import type { DesiredL3Vni, DesiredState, DesiredVeth } from '../../dataplane/desired.ts';
import { hostPrefix, type IpPrefix } from '../../net/prefix.ts';
import type { HostSession, L3Vni, NodeConfiguration, Underlay } from '../config/model.ts';
import { deviceNames } from './device-names.ts';

/**
 * The kernel objects that a configuration stands for; a pure function. Without an Underlay nothing is
 * wanted, and an L3VNI whose tunnel endpoint the Underlay does not give is left out (the configuration
 * has said so).
 *
 * @param namespace name of the router's network namespace
 */
export function desiredState(configuration: NodeConfiguration, namespace: string): DesiredState {
  const { underlay, l3vnis } = configuration;
  return {
    namespace,
    underlayInterfaces: underlay?.interfaces ?? [],
    loopbackAddresses: [underlay?.vtepIpv4, underlay?.vtepIpv6].flatMap((vtep) =>
      vtep === undefined ? [] : [hostPrefix(vtep)],
    ),
    vrfs: l3vnis.flatMap((l3vni) => {
      const device = desiredL3Vni(l3vni, underlay);
      return device === undefined ? [] : [{ name: l3vni.vrf, l3vni: device }];
    }),
  };
}

function desiredL3Vni(l3vni: L3Vni, underlay: Underlay | undefined): DesiredL3Vni | undefined {
  const vtep = l3vni.vtepVersion === 4 ? underlay?.vtepIpv4 : underlay?.vtepIpv6;
  if (vtep === undefined) return undefined;
  const { vni, vxlanPort: port, hostSession } = l3vni;
  const { bridge, vxlan } = deviceNames(vni);
  return { vni, bridge, vxlan, vtep, port, ...(hostSession && { veth: desiredVeth(vni, hostSession) }) };
}

function desiredVeth(vni: number, { ipv4, ipv6 }: HostSession): DesiredVeth {
  const { routerVeth, hostVeth } = deviceNames(vni);
  const addressesOf = (end: 'router' | 'host'): IpPrefix[] =>
    [ipv4, ipv6].flatMap((family) => (family === undefined ? [] : [family[end]]));
  return {
    routerName: routerVeth,
    hostName: hostVeth,
    routerAddresses: addressesOf('router'),
    hostAddresses: addressesOf('host'),
  };
}
