import type { IpAddress } from '../../net/address.ts';
import type { IpPrefix } from '../../net/prefix.ts';

/** Where a value stands in the configuration, for messages to people. Lines and columns count from 1. */
export interface SourceLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Which resource something came from. */
export interface ResourceReference {
  readonly kind: 'Underlay' | 'L3VNI' | 'L2VNI' | 'L3Passthrough' | 'L3VPN' | 'RawFRRConfig' | 'NodeConfig';
  readonly name: string;
  readonly location: SourceLocation;
}

/** An address family of a neighbor, by OpenPERouter's words; those with labels are ours. */
export type NeighborFamily =
  | 'ipv4unicast'
  | 'ipv6unicast'
  | 'evpn'
  | 'ipv4vpn'
  | 'ipv6vpn'
  | 'ipv4labeledunicast'
  | 'ipv6labeledunicast';

/** BFD settings of a neighbor; intervals in milliseconds. */
export interface BfdSettings {
  readonly receiveInterval: number;
  readonly transmitInterval: number;
  readonly detectMultiplier: number;
  readonly passive: boolean;
  readonly minimumTtl?: number;
}

/** How many prefixes a neighbor may announce in a family, and what happens then. */
export interface MaximumPrefixes {
  readonly limit: number;
  /** From here on there is a warning. */
  readonly warnAt: number;
  /** Beyond the limit: a warning only, or the session is held down for so many milliseconds, Infinity: until an operator clears it. */
  readonly answer: 'warn' | { readonly heldFor: number };
}

/** A role in OpenPERouter's spelling of words; `strict`: the neighbor has to say its own. */
export interface NeighborRole {
  readonly local: 'Provider' | 'Customer' | 'Peer' | 'RouteServer' | 'RouteServerClient';
  readonly strict: boolean;
}

/** A BGP neighbor in the fabric. */
export interface Neighbor {
  /** How the peer is found: by address, by any address of a range, or by an interface (unnumbered). */
  readonly peer:
    | { readonly by: 'address'; readonly address: IpAddress }
    | { readonly by: 'listenRange'; readonly range: IpPrefix }
    | { readonly by: 'interface'; readonly interfaceName: string };
  readonly asn: number | 'internal' | 'external';
  /** TCP port, 179 by default. */
  readonly port: number;
  /** Seconds. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  readonly connectRetryTime: number;
  /** Allowed hops of an eBGP session: 1, or the TTL of ebgpMultiHop. */
  readonly ebgpTtl: number;
  /** How many hops away the neighbor may be, 1 to 254: less is proved by the time-to-live (RFC 5082). */
  readonly gtsmHops?: number;
  /** What the node is to the neighbor (RFC 9234). */
  readonly role?: NeighborRole;
  readonly password?: string;
  readonly bfd?: BfdSettings;
  /** Families with defaults already filled in. */
  readonly families: ReadonlyArray<{
    readonly family: NeighborFamily;
    readonly routeReflectorClient: boolean;
    readonly maximumPrefixes?: MaximumPrefixes;
    /** Several paths of a route are sent (RFC 7911): the best ones, so many at most, or Infinity for all. */
    readonly addPath?: { readonly most: number };
    /** Routes of the neighbor are kept when it is gone for long (RFC 9494), so many seconds at most; Infinity: for as long as it asks. */
    readonly longLivedStaleTime?: number;
  }>;
}

/** The Underlay that applies to this node, with the node's own values computed. */
export interface Underlay {
  readonly source: ResourceReference;
  readonly asn: number;
  readonly routerId: IpAddress;
  /** Tunnel endpoint of this node per family; both absent: the node has no data plane of its own. */
  readonly vtepIpv4?: IpAddress;
  readonly vtepIpv6?: IpAddress;
  /** Host devices that are moved into the router's namespace. */
  readonly interfaces: readonly string[];
  readonly neighbors: readonly Neighbor[];
  readonly gracefulRestart?: { readonly restartTime: number; readonly stalePathTime: number };
  readonly routeReflector?: { readonly clusterId: IpAddress };
}

/** The addresses of one family on the veth between router and host. */
export interface HostSessionAddresses {
  /** The localCIDR. */
  readonly cidr: IpPrefix;
  /** Router side with the CIDR's length, the same on every node. */
  readonly router: IpPrefix;
  /** Host side with the CIDR's length: router side + 1 + node index. */
  readonly host: IpPrefix;
}

/** BGP between the router and what speaks BGP on the host. */
export interface HostSession {
  readonly asn: number;
  readonly hostAsn: number | 'internal' | 'external';
  readonly ipv4?: HostSessionAddresses;
  readonly ipv6?: HostSessionAddresses;
}

/** A route target: `admin:number`. */
export type RouteTarget =
  | { readonly type: 'as'; readonly asn: number; readonly number: number }
  | { readonly type: 'address'; readonly address: IpAddress; readonly number: number };

/** An L3VNI that applies to this node. */
export interface L3Vni {
  readonly source: ResourceReference;
  readonly vrf: string;
  readonly vni: number;
  readonly vxlanPort: number;
  readonly vtepVersion: 4 | 6;
  /** Empty: derived from AS number and VNI. */
  readonly exportRouteTargets: readonly RouteTarget[];
  /** Empty: any AS number with the VNI. */
  readonly importRouteTargets: readonly RouteTarget[];
  readonly hostSession?: HostSession;
}

/** The one internal model that all forms of configuration become. */
export interface NodeConfiguration {
  readonly nodeIndex: number;
  readonly nodeName?: string;
  readonly logLevel?: string;
  readonly underlay?: Underlay;
  readonly l3vnis: readonly L3Vni[];
}

/** Severity: `error` (the resource is skipped), `unsupported` (accepted by the schema, not built yet, the rest of the resource is used or the resource skipped as the text says), `warning`. */
export type FindingLevel = 'error' | 'unsupported' | 'warning';

/** Something to tell the user about the configuration. */
export interface ConfigurationFinding {
  readonly level: FindingLevel;
  /** OpenPERouter's reason word. */
  readonly reason: 'ValidationFailed' | 'DependencyFailed' | 'Unsupported' | 'Unreadable';
  readonly resource?: { readonly kind: string; readonly name: string };
  readonly location: SourceLocation;
  /** Path of the field, such as `spec.hostSession.localCIDR.ipv4`; undefined for a whole document. */
  readonly field?: string;
  /** What was found, as text; undefined when something is missing. */
  readonly found?: string;
  /** What is allowed. */
  readonly allowed?: string;
  readonly message: string;
}

/** What reading a configuration gives: the usable part, and all that is to say about the rest. */
export interface ConfigurationResult {
  readonly configuration: NodeConfiguration;
  readonly findings: readonly ConfigurationFinding[];
  /** Documents that are not OpenPERouter's, skipped. */
  readonly skippedDocuments: ReadonlyArray<{
    readonly kind: string;
    readonly name: string;
    readonly location: SourceLocation;
  }>;
  /** Resources that were read and are usable. */
  readonly accepted: readonly ResourceReference[];
  /** Valid resources whose nodeSelector does not match this node, or whose match cannot be told. */
  readonly notForThisNode: readonly ResourceReference[];
}
