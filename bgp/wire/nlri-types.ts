import type { IpAddress } from '../../net/address.ts';
import type { IpPrefix } from '../../net/prefix.ts';
import type { Family } from './family.ts';

/** What every route has. */
interface RouteBase {
  readonly family: Family;
  /** Path identifier (RFC 7911), where the session has them for the family. */
  readonly pathId?: number;
}

/** A route of IPv4 or IPv6 unicast. */
export interface UnicastNlri extends RouteBase {
  readonly kind: 'unicast';
  /** Bits after the length are zero. */
  readonly prefix: IpPrefix;
}

/** A route with MPLS labels (RFC 8277). */
export interface LabeledNlri extends RouteBase {
  readonly kind: 'labeled';
  /** 20-bit labels, outermost first; empty in a withdrawal. */
  readonly labels: readonly number[];
  readonly prefix: IpPrefix;
}

/** A VPNv4 or VPNv6 route (RFC 4364, RFC 4659). */
export interface VpnNlri extends RouteBase {
  readonly kind: 'vpn';
  /** Route distinguisher, eight octets. */
  readonly rd: Uint8Array;
  readonly labels: readonly number[];
  readonly prefix: IpPrefix;
}

interface EvpnBase extends RouteBase {
  readonly kind: 'evpn';
  /** Route distinguisher, eight octets. */
  readonly rd: Uint8Array;
}

/** Ethernet Auto-Discovery route (RFC 7432 §7.1). */
export interface EthernetAutoDiscovery extends EvpnBase {
  readonly routeType: 1;
  /** Ethernet segment identifier, ten octets. */
  readonly esi: Uint8Array;
  readonly ethernetTag: number;
  /** The whole 24-bit label field: a VNI with VXLAN (RFC 8365 §5.1.3). */
  readonly label: number;
}

/** MAC/IP Advertisement route (RFC 7432 §7.2). */
export interface MacIpAdvertisement extends EvpnBase {
  readonly routeType: 2;
  readonly esi: Uint8Array;
  readonly ethernetTag: number;
  /** Six octets. */
  readonly mac: Uint8Array;
  readonly ip?: IpAddress;
  /** The whole 24-bit label field. */
  readonly label: number;
  /** The second label field, that of the IP-VRF (RFC 9135 §3). */
  readonly label2?: number;
}

/** Inclusive Multicast Ethernet Tag route (RFC 7432 §7.3). */
export interface InclusiveMulticast extends EvpnBase {
  readonly routeType: 3;
  readonly ethernetTag: number;
  readonly originatingRouter: IpAddress;
}

/** Ethernet Segment route (RFC 7432 §7.4). */
export interface EthernetSegment extends EvpnBase {
  readonly routeType: 4;
  readonly esi: Uint8Array;
  readonly originatingRouter: IpAddress;
}

/** IP Prefix route (RFC 9136 §3.1). */
export interface IpPrefixRoute extends EvpnBase {
  readonly routeType: 5;
  readonly esi: Uint8Array;
  readonly ethernetTag: number;
  /** Bits after the length are zero. */
  readonly prefix: IpPrefix;
  /** Of the prefix's IP version; all zeroes when there is none. */
  readonly gateway: IpAddress;
  /** The whole 24-bit label field. */
  readonly label: number;
}

/** An EVPN route of another type, kept as it came. */
export interface UnknownEvpnRoute extends RouteBase {
  readonly kind: 'evpn-unknown';
  readonly routeType: number;
  /** What follows the length octet. */
  readonly raw: Uint8Array;
}

export type EvpnNlri =
  | EthernetAutoDiscovery
  | MacIpAdvertisement
  | InclusiveMulticast
  | EthernetSegment
  | IpPrefixRoute;

/** One route as it is announced or withdrawn. */
export type NlriRoute = UnicastNlri | LabeledNlri | VpnNlri | EvpnNlri | UnknownEvpnRoute;

/** Announced routes have labels, withdrawn ones do not. */
export type NlriKind = 'announced' | 'withdrawn';

/** Why the routes of a range cannot be read to its end. */
export interface NlriError {
  readonly message: string;
  /** The first octet of the route that is wrong. */
  readonly offset: number;
}
