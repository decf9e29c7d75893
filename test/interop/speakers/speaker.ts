/** Families of the tests, in short. */
export type FamilyWord = 'ipv4' | 'ipv6' | 'evpn' | LabeledFamilyWord;

/** Families of routes with MPLS labels: they go over IPv6 sessions. */
export type LabeledFamilyWord = 'vpn4' | 'vpn6' | 'labeled4' | 'labeled6';

/** A route with one label that a speaker originates; its route target is its distinguisher. */
export interface OwnLabeledRoute {
  readonly family: LabeledFamilyWord;
  readonly prefix: string;
  /** Empty where the family has none. */
  readonly rd: string;
  readonly label: number;
  readonly nextHop: string;
}

/** A route with labels as a speaker shows it. */
export interface SeenLabeledRoute {
  readonly prefix: string;
  readonly label: number;
  readonly nextHop: string;
  readonly asPath: string;
  readonly routeTargets: readonly string[];
}

/** A route that a speaker originates. */
export interface OwnRoute {
  readonly family: 'ipv4' | 'ipv6';
  readonly prefix: string;
  /** `asn:value` */
  readonly communities?: readonly string[];
  readonly med?: number;
  /** An attribute as ExaBGP has it, which need not be right: `0x63 0xc0 0x010203` is type, flags, value. */
  readonly rawAttribute?: string;
  /** ONLY_TO_CUSTOMER (RFC 9234), from BIRD. */
  readonly onlyToCustomer?: number;
}

/** A Type 5 route that a speaker originates; its next hop is the speaker's address. */
export interface OwnEvpnRoute {
  readonly prefix: string;
  readonly rd: string;
  readonly routeTarget: string;
  readonly vni: number;
  readonly routerMac: string;
}

/** A Type 2 route that a speaker originates, without an Ethernet segment; its next hop is the speaker's address. */
export interface OwnMacRoute {
  readonly mac: string;
  readonly address: string;
  readonly rd: string;
  readonly routeTarget: string;
  readonly vni: number;
}

/** A Type 2 route as a speaker shows it. */
export interface SeenMacRoute {
  readonly mac: string;
  readonly asPath: string;
  /** Of its MAC Mobility community (RFC 7432 §7.7); undefined without one. */
  readonly mobilitySequence: number | undefined;
}

/** BFD with a neighbor; intervals of both directions, in milliseconds. */
export interface BfdTimers {
  readonly interval: number;
  readonly multiplier: number;
  /** Least time-to-live of packets that came over routers, where that can be set. */
  readonly minimumTtl?: number;
}

/** The most prefixes that a speaker takes; `restartSeconds`: until it lets its neighbor come back. */
export interface PrefixLimit {
  readonly limit: number;
  readonly restartSeconds?: number;
}

/** What a speaker is to a neighbor (RFC 9234). */
export interface RoleOf {
  readonly local: 'provider' | 'customer' | 'peer';
  /** A neighbor that says nothing of its role is refused. */
  readonly strict?: boolean;
}

/** One neighbor of a speaker. */
export interface NeighborSettings {
  readonly address: string;
  readonly localAddress: string;
  readonly as: number;
  readonly families: readonly FamilyWord[];
  /** False: waits for the neighbor to connect. */
  readonly connects: boolean;
  /** The neighbor is a client of this route reflector. */
  readonly isClient: boolean;
  /** Key of TCP MD5 signatures (RFC 2385). */
  readonly password?: string;
  readonly bfd?: BfdTimers;
  /** The neighbor is not on the same network. */
  readonly multiHop?: boolean;
  /** The neighbor is proved to be on the same network by its time-to-live (RFC 5082). */
  readonly gtsm?: boolean;
  /** The most prefixes that are taken from the neighbor, and for how many seconds it is left alone when it has more. */
  readonly limit?: PrefixLimit;
  /** All paths of a route are sent, and taken (RFC 7911). */
  readonly addPath?: boolean;
  /** openpe-routerd sends this many of the best ones, not all. */
  readonly bestPaths?: number;
  /** Link-local address of a neighbor that is known by the interface which it is on: `address` is that interface's name. */
  readonly linkLocal?: string;
  readonly role?: RoleOf;
  /** The speaker knows of the neighbor only that it comes from this network. */
  readonly listenRange?: string;
}

/** Long-lived graceful restart of a speaker, in seconds; for openpe-routerd, which only helps, the longest time that it grants. */
export interface LongLivedTimes {
  readonly restartSeconds: number;
  readonly staleSeconds: number;
}

/** What a speaker is to do. */
export interface SpeakerSettings {
  readonly as: number;
  readonly routerId: string;
  readonly neighbors: readonly NeighborSettings[];
  /** Routes from the start. */
  readonly routes: readonly OwnRoute[];
  /** CLUSTER_ID of a route reflector. */
  readonly clusterId?: string;
  /** Its neighbors are to keep its routes when it restarts (RFC 4724). */
  readonly gracefulRestart?: boolean;
  /** Knows only AS numbers of two octets (RFC 4271). */
  readonly twoOctetAs?: boolean;
  /** Its OPEN has more than 255 octets of optional parameters (RFC 9072). */
  readonly longOpen?: boolean;
  /** Its neighbors are to keep its routes for longer than that (RFC 9494). */
  readonly longLived?: LongLivedTimes;
}

/** A unicast route as a speaker shows it, in the same words for all. */
export interface SeenRoute {
  readonly prefix: string;
  readonly nextHop: string;
  /** `65001 65002` */
  readonly asPath: string;
  readonly origin: 'igp' | 'egp' | 'incomplete';
  readonly communities: readonly string[];
  /** The AS number in ONLY_TO_CUSTOMER (RFC 9234), from speakers that show it. */
  readonly onlyToCustomer?: number;
  readonly med?: number;
  readonly localPref?: number;
  /** ORIGINATOR_ID and CLUSTER_LIST of a reflected route, from speakers that show them. */
  readonly originator?: string;
  readonly clusters?: readonly string[];
}

/** A Type 5 route as a speaker shows it. */
export interface SeenEvpnRoute {
  readonly prefix: string;
  readonly rd: string;
  readonly nextHop: string;
  readonly asPath: string;
  readonly vni: number;
  readonly routeTargets: readonly string[];
  readonly routerMac: string;
}

/** Where a speaker runs and keeps its files. */
export interface SpeakerPlace {
  readonly namespace: string;
  /** Exists, and is the speaker's own. */
  readonly directory: string;
}

/** A real BGP speaker in a namespace. Lists show best paths only. */
export interface Speaker {
  readonly program: string;
  /** Starts it and waits until it answers questions. */
  start(): Promise<void>;
  /** Lets it end in order. */
  stop(): Promise<void>;
  /** Ends it without warning. */
  kill(): Promise<void>;
  /** Makes it silent without ending its connections. */
  freeze(): void;
  established(neighbor: string): Promise<boolean>;
  prefixes(family: 'ipv4' | 'ipv6'): Promise<ReadonlySet<string>>;
  route(family: 'ipv4' | 'ipv6', prefix: string): Promise<SeenRoute | undefined>;
  /** Resets a session with a Cease. */
  reset(neighbor: string): Promise<void>;
  /** What it printed, for people. */
  log(): string;
}

/** A speaker that can be asked for more than best paths. */
export interface PathSpeaker extends Speaker {
  /** AS paths of all paths of a route that came from a neighbor. */
  pathsFrom(family: 'ipv4' | 'ipv6', prefix: string, neighbor: string): Promise<readonly string[]>;
}

/** A speaker whose own routes can be changed while it runs. */
export interface Originator extends Speaker {
  announce(route: OwnRoute): Promise<void>;
  withdraw(route: OwnRoute): Promise<void>;
}

/** A speaker that shows EVPN routes. */
export interface EvpnSpeaker extends Speaker {
  evpnRoutes(): Promise<readonly SeenEvpnRoute[]>;
}
