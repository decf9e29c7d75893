import type { DecisionReason } from '../../bgp/rib/decision.ts';
import type { Role } from '../../bgp/session/roles.ts';
import type { SessionDown, SessionState } from '../../bgp/session/session-events.ts';
import type { AddPathMode } from '../../bgp/wire/capabilities.ts';
import type { Family } from '../../bgp/wire/family.ts';
import type { IpPrefix } from '../../net/prefix.ts';
import type { ConfigurationFinding, FindingLevel } from '../config/model.ts';

/**
 * The daemon as it may be looked at. The control API is the only reader; every type here is also the
 * shape of its JSON, so a renamed field is a changed API.
 *
 * Lists are iterables that are read over many turns of the event loop, at the speed of whoever asked.
 * An iterator therefore copies no table: it keeps its place, and tables may change between two steps.
 * Each element is consistent in itself; one that is added or removed meanwhile may or may not appear.
 */
export interface ControlView {
  status(): StatusView;
  sessions(): Iterable<SessionView>;
  /** Names of the routing tables that {@link routes} knows; the underlay is `default`. */
  vrfs(): readonly string[];
  /**
   * Routes by VRF, then by family. `undefined` elements mean "nothing found yet": an iterator that
   * skips many routes gives one at least every 1000 skipped, so that its reader can let others go first.
   */
  routes(filter: RouteFilter): Iterable<RouteView | undefined>;
  vnis(): Iterable<VniView>;
  /** Names of the sessions. */
  peers(): readonly string[];
  findings(): readonly ConfigurationFinding[];
}

/** Which routes are wanted; absent fields restrict nothing. */
export interface RouteFilter {
  readonly vrf?: string;
  readonly family?: Family;
  /** A network without host bits. Of EVPN routes, those with such a prefix (Type 5) or host address (Type 2). */
  readonly prefix?: IpPrefix;
  /** In each table, only the most specific route that contains {@link prefix}, instead of the route for exactly it. */
  readonly longestMatch?: boolean;
}

/** What a client may have the daemon do. */
export interface ControlActions {
  /** Announces all routes as the worst ones (RFC 8326), and ends all sessions after some seconds. */
  drain(seconds: number): void;
  /** Ends the session of this name, which is there, and lets it come back; also one that is held down. */
  clear(name: string): void;
}

/** The daemon as a whole. */
export interface StatusView {
  readonly version: string;
  readonly pid: number;
  /** Wall-clock milliseconds. */
  readonly startedAt: number;
  /** Seconds since the start. */
  readonly uptime: number;
  readonly node: { readonly name?: string; readonly index: number };
  /** Absent when no Underlay is usable. */
  readonly routerId?: string;
  readonly as?: number;
  readonly vteps: readonly string[];
  /** Absent without a data plane. */
  readonly networkNamespace?: string;
  readonly dataplane: DataplaneStatus;
  /** Findings of the last reading of the configuration, by level. */
  readonly findings: Readonly<Record<FindingLevel, number>>;
  /** The node is being taken out of service: `openpe-routerctl drain`. */
  readonly draining: boolean;
  readonly sessions: {
    readonly established: number;
    readonly total: number;
    /** TCP connections of strangers since the start. */
    readonly refusedConnections: number;
  };
  readonly tables: readonly TableStatus[];
  readonly memory: MemoryStatus;
  readonly eventLoopDelay: EventLoopDelay;
}

/** The kernel side. */
export interface DataplaneStatus {
  /** `none`: runs as a speaker alone. `degraded`: some objects or routes are not as wanted. */
  readonly state: 'none' | 'starting' | 'ready' | 'degraded' | 'failed';
  /** What is wrong and what to do, in one sentence. */
  readonly problem?: string;
}

/** One routing table in numbers. */
export interface TableStatus {
  readonly vrf: string;
  /** Name of the family, such as `ipv4-unicast`. */
  readonly family: string;
  /** Prefixes with a best path. */
  readonly routes: number;
  readonly paths: number;
  /** Routes the kernel has, and those it refused; absent where routes do not go into the kernel. */
  readonly installed?: number;
  readonly failed?: number;
}

/** Bytes. */
export interface MemoryStatus {
  readonly resident: number;
  readonly heapUsed: number;
  readonly arrayBuffers: number;
}

/** Milliseconds by which turns of the event loop came late, since the last look or start. */
export interface EventLoopDelay {
  readonly mean: number;
  readonly p99: number;
  readonly max: number;
}

/** One BGP session. */
export interface SessionView {
  /** Unique name, such as `192.168.11.2` or `red/192.169.10.2`. */
  readonly name: string;
  /** Absent while that of a neighbor on an interface is not found yet. */
  readonly peerAddress?: string;
  /** Interface that the neighbor is found on, where it is not known by its address. */
  readonly interface?: string;
  readonly localAddress?: string;
  /** The negotiated AS number, or what the configuration asks for. */
  readonly remoteAs: number | 'internal' | 'external';
  readonly localAs: number;
  /** BGP identifier of the peer, as an address; absent until its OPEN was seen. */
  readonly remoteRouterId?: string;
  readonly vrf: string;
  readonly state: SessionState;
  /** Wall-clock milliseconds of the last change to or from Established. */
  readonly since: number;
  /**
   * It does not come up, and the peer's connections are refused: until wall-clock milliseconds, or without `until` until it is
   * cleared. Absent when it is not so.
   */
  readonly heldDown?: { readonly until?: number };
  /** Why it last went down or did not come up. */
  readonly lastError?: SessionDown;
  /** The negotiated families while Established, else those that are offered. */
  readonly families: readonly SessionFamilyView[];
  readonly messages: { readonly received: number; readonly sent: number };
  /** Seconds, negotiated while Established, else configured. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  /** How often it was lost since the start. */
  readonly lost: number;
  /** Errors in UPDATEs that did not end it, by the class of RFC 7606, such as `attribute-discard`. */
  readonly updateErrors: Readonly<Record<string, number>>;
  /** What both ends are to each other (RFC 9234); absent where this router has no role. */
  readonly role?: SessionRoleView;
  readonly bfd: 'off' | 'admin-down' | 'down' | 'init' | 'up';
}

/** Roles of a session. */
export interface SessionRoleView {
  readonly local: Role;
  /** What the peer said; absent while there is no session, and when it said nothing. */
  readonly remote?: Role;
  /** A peer that says nothing is refused. */
  readonly strict: boolean;
  /** UPDATEs whose routes were refused as leaks. */
  readonly leaks: number;
}

/** Prefixes of one family on one session. */
export interface SessionFamilyView {
  readonly family: string;
  /** Paths of the peer that are in the routing table; what was refused is in the log. */
  readonly received: number;
  /** Prefixes announced to the peer; paths, where several of a prefix are sent. */
  readonly sent: number;
  /** The most prefixes that are taken from the peer, and from how many on there is a warning; absent when there is no limit. */
  readonly limit?: number;
  readonly warnAt?: number;
  /** Several paths of a prefix may come from the peer, go to it, or both (RFC 7911); absent: neither. */
  readonly addPath?: AddPathMode;
  /** Seconds that routes of the peer are kept as the least preferred ones when it is gone for long (RFC 9494); absent: not at all. */
  readonly longLivedStaleTime?: number;
  /** There are such routes: wall-clock milliseconds until which they stay, unless the peer tells all of the family again. */
  readonly longLivedStaleUntil?: number;
}

/** What the kernel has of a route. */
export type KernelState =
  | { readonly state: 'installed' }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'not-installed' };

/** One prefix of one table. */
export interface RouteView {
  readonly vrf: string;
  readonly family: string;
  /** `address/length`, or for EVPN the route's text, such as `[5]:[0]:[32]:[172.30.0.10]` with the RD in {@link rd}. */
  readonly prefix: string;
  /** Route distinguisher, where the family has one. */
  readonly rd?: string;
  readonly kernel: KernelState;
  /** The step of the decision process that chose the best path over the next one, or `only path`. */
  readonly reason?: DecisionReason;
  /** Best first. */
  readonly paths: readonly PathView[];
}

/** One way to a prefix. */
export interface PathView {
  readonly best: boolean;
  /** Shares the traffic with the best path; the best path has it too. */
  readonly multipath: boolean;
  /** False when it cannot be chosen: its next hop cannot be reached. */
  readonly usable: boolean;
  /** Kept of a session that was lost, or not told again yet (RFC 4724); absent otherwise. */
  readonly stale?: true;
  /** It has the community LLGR_STALE, from here or from elsewhere: any path without is preferred (RFC 9494); absent otherwise. */
  readonly longLivedStale?: true;
  /** The step of the decision process in which the best path beats this one; absent for the best and for one that is not usable. */
  readonly lostBy?: string;
  /** Absent for a path of this router itself. */
  readonly nextHop?: string;
  /** `64512 64514`, a set as `{64520,64521}`; empty for a path that never left its AS. */
  readonly asPath: string;
  readonly origin: 'igp' | 'egp' | 'incomplete';
  readonly med?: number;
  readonly localPref?: number;
  readonly communities: readonly string[];
  readonly largeCommunities?: readonly string[];
  /** The AS number of ONLY_TO_CUSTOMER (RFC 9234). */
  readonly onlyToCustomer?: number;
  /** `rt:64514:100`, `encap:vxlan`, `router-mac:e2:5f:1d:df:b4:69`. */
  readonly extendedCommunities: readonly string[];
  readonly originatorId?: string;
  readonly clusterList?: readonly string[];
  /** What the label field says, for EVPN. */
  readonly vni?: number;
  /** MPLS labels, outermost first, of families that have them. */
  readonly labels?: readonly number[];
  /** The identifier that the peer gave it (RFC 7911); absent for 0 and for none. */
  readonly pathId?: number;
  /** Name of the session that gave it, or what else did. */
  readonly source: string;
  readonly sourceKind: 'local' | 'ebgp' | 'ibgp';
  /** It was imported from another table, such as from EVPN into a VRF. */
  readonly imported: boolean;
  /** Wall-clock milliseconds of its last change. */
  readonly since: number;
}

/** One L3VNI with all that belongs to it. */
export interface VniView {
  readonly vni: number;
  readonly vrf: string;
  /** Number of the VRF's kernel table; absent without a data plane. */
  readonly table?: number;
  readonly bridge: string;
  readonly vxlan: string;
  readonly vtep?: string;
  readonly routerMac?: string;
  readonly rd?: string;
  readonly importRouteTargets: readonly string[];
  readonly exportRouteTargets: readonly string[];
  readonly remoteVteps: readonly RemoteVtepView[];
  readonly routes: {
    /** From EVPN into the VRF. */
    readonly imported: number;
    /** From the VRF into EVPN. */
    readonly exported: number;
  };
  /** Addresses of the veth to the host, with prefix lengths. */
  readonly host: readonly { readonly router: string; readonly host: string }[];
  readonly state: 'ready' | 'pending' | 'failed';
  /** What is wrong and what to do. */
  readonly problem?: string;
}

/** A router at the other end of a VNI. */
export interface RemoteVtepView {
  readonly address: string;
  readonly routerMac: string;
  /** Imported routes that lead to it. */
  readonly routes: number;
}
