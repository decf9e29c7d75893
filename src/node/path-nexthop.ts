import type { Rib } from '../../bgp/rib/rib.ts';
import { SourceKind } from '../../bgp/rib/sources.ts';
import type { RouteNexthop } from '../../dataplane/route-table.ts';
import { ipv4Mapped } from '../../net/address.ts';
import { deviceNames } from './device-names.ts';
import type { NextHopResolver } from './next-hop-resolver.ts';

/**
 * The tunnel that an imported path leads through: its next hop is the remote VTEP, the router MAC comes
 * from the EVPN route. An IPv6 prefix behind an IPv4 VTEP has the IPv4-mapped address as gateway.
 */
export function importedNexthop(rib: Rib, path: number, version: 4 | 6, vni: number): RouteNexthop {
  const { attributes, extras, paths } = rib;
  const vtep = attributes.nextHops.get(attributes.nextHop(paths.attributes(path))).address;
  const start = extras.start(paths.extra(path));
  const { bridge, vxlan } = deviceNames(vni);
  return {
    gateway: version === 6 && vtep.version === 4 ? ipv4Mapped(vtep) : vtep,
    device: bridge,
    onlink: true,
    tunnel: { vtep, routerMac: extras.bytes.slice(start, start + 6), bridge, vxlan, vni },
  };
}

/** The host behind the veth; undefined for what this router originates: the kernel has it as connected. */
export function hostNexthop(rib: Rib, path: number, vni: number): RouteNexthop | undefined {
  const { attributes, paths, sources } = rib;
  if (sources.get(paths.source(path)).kind === SourceKind.local) return undefined;
  const { address, linkLocal } = attributes.nextHops.get(attributes.nextHop(paths.attributes(path)));
  return { gateway: linkLocal ?? address, device: deviceNames(vni).routerVeth, onlink: false };
}

/** A neighbour in the fabric; undefined for our own routes and for what no device leads to. */
export function underlayNexthop(rib: Rib, path: number, resolver: NextHopResolver): RouteNexthop | undefined {
  const { attributes, paths, sources } = rib;
  if (sources.get(paths.source(path)).kind === SourceKind.local) return undefined;
  const nextHop = attributes.nextHops.get(attributes.nextHop(paths.attributes(path)));
  const resolved = resolver.resolveNextHop(nextHop);
  return resolved && { ...resolved, onlink: false };
}
