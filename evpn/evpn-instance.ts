import type { RouteSource } from '../bgp/rib/sources.ts';
import type { RoutingInstance } from '../bgp/routing-instance.ts';
import type { IpAddress } from '../net/address.ts';
import type { ImportRule, RouteTargetValue } from './route-target.ts';

/** What an L3 VNI means to BGP: how its VRF's routes look in EVPN, and which EVPN routes it takes. */
export interface EvpnInstance {
  readonly vni: number;
  /** The VRF's RIBs. */
  readonly vrf: RoutingInstance;
  /** Eight octets (RFC 4364 §4.2). */
  readonly routeDistinguisher: Uint8Array;
  readonly exportTargets: readonly RouteTargetValue[];
  readonly importRule: ImportRule;
  /** This node's tunnel endpoint: the next hop of what is exported. */
  readonly vtep: IpAddress;
  /** MAC address of the VNI's bridge, six octets; undefined while it is not known, nothing is exported then. */
  readonly routerMac: Uint8Array | undefined;
  /** Sources of imported paths: from external and from internal peers. */
  readonly importSources: { readonly ebgp: RouteSource; readonly ibgp: RouteSource };
}

/** Route distinguisher type 1 (RFC 4364 §4.2): a BGP identifier and a number that is unique on the router. */
export function routeDistinguisher(routerId: IpAddress, number: number): Uint8Array {
  const bytes = new Uint8Array(8);
  bytes[1] = 1;
  bytes.set(routerId.bytes, 2);
  bytes[6] = number >>> 8;
  bytes[7] = number & 0xff;
  return bytes;
}
