import type { RouteTable } from '../../dataplane/route-table.ts';
import type { IpAddress } from '../../net/address.ts';
import type { IpPrefix } from '../../net/prefix.ts';
import type { DataplaneStatus, KernelState } from '../control/view.ts';
import type { ConnectedSubnet } from './next-hop-resolver.ts';

/** What BGP needs to know of the kernel, as it is at the moment. */
export interface KernelFacts {
  /** Number of a VRF's table; undefined while there is no such VRF. */
  tableOf(vrf: string): number | undefined;
  /** MAC address of a VNI's bridge, six octets; undefined while there is none. */
  routerMacOf(vni: number): Uint8Array | undefined;
  /** Subnets of the devices of the underlay. */
  readonly connected: readonly ConnectedSubnet[];
  /** All addresses in the router's namespace. */
  readonly ownAddresses: readonly IpAddress[];
  /** Other addresses of the device that has an address. */
  addressesBeside(local: IpAddress, interfaceName?: string): readonly IpAddress[];
}

/** The kernel as the router uses it. */
export interface KernelPort {
  readonly facts: KernelFacts;
  readonly routes: RouteTable;
  /** Routes were handed to {@link routes}: they are on their way after this. */
  flushRoutes(): void;
}

/** What the kernel says of routes and objects, to be looked at. */
export interface KernelView {
  readonly status: DataplaneStatus;
  tableOf(vrf: string): number | undefined;
  /** `vrf`: name, or `default`. */
  routeState(vrf: string, prefix: IpPrefix): KernelState;
  routeCounts(vrf: string, version: 4 | 6): { readonly installed: number; readonly failed: number };
}
