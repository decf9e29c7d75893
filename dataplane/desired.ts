import type { IpAddress } from '../net/address.ts';
import type { IpPrefix } from '../net/prefix.ts';

/** A veth pair between a VRF of the router's namespace and the host's namespace. */
export interface DesiredVeth {
  /** `pe-e-<vni>`, in the router's namespace. */
  readonly routerName: string;
  /** `host-e-<vni>`, in the host's namespace. */
  readonly hostName: string;
  readonly routerAddresses: readonly IpPrefix[];
  readonly hostAddresses: readonly IpPrefix[];
}

/** The VXLAN device and the bridge of one L3VNI. */
export interface DesiredL3Vni {
  readonly vni: number;
  /** `br-pe-<vni>`. */
  readonly bridge: string;
  /** `vni<vni>`. */
  readonly vxlan: string;
  /** Source address of the tunnel. */
  readonly vtep: IpAddress;
  /** UDP destination port. */
  readonly port: number;
  readonly veth?: DesiredVeth;
}

/** A VRF with what belongs to it. */
export interface DesiredVrf {
  readonly name: string;
  readonly l3vni: DesiredL3Vni;
}

/** All kernel objects that the daemon wants; a pure function of the configuration. */
export interface DesiredState {
  /** Name of the router's network namespace, such as `perouter`. */
  readonly namespace: string;
  /** Devices moved from the host's namespace. */
  readonly underlayInterfaces: readonly string[];
  /** VTEP addresses, /32 or /128, on `lo` of the router's namespace. */
  readonly loopbackAddresses: readonly IpPrefix[];
  readonly vrfs: readonly DesiredVrf[];
}

/** Names of the devices in the host's namespace that the desired state is about. */
export function hostDevicesOf(desired: DesiredState): string[] {
  const veths = desired.vrfs.flatMap(({ l3vni }) => (l3vni.veth ? [l3vni.veth.hostName] : []));
  return [...desired.underlayInterfaces, ...veths];
}
