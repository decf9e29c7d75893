/** Families as configurations of all daemons name them, one way or another. */
export type FamilyWord = 'ipv4' | 'ipv6' | 'evpn';

/** A neighbor of the daemon: one of the load generator's speakers. It connects; the daemon waits. */
export interface Neighbor {
  readonly address: string;
  readonly as: number;
  readonly families: readonly FamilyWord[];
}

/** The first VNI of all that carry VNIs. */
export const FIRST_VNI = 100;

/** A VNI with a VRF and, in it, one BGP peer on the host, which connects. Its address is the second of the network. */
export interface VniPlan {
  readonly vni: number;
  readonly hostAs: number;
  /** IPv4 network of the host session: the daemon has the first address. */
  readonly network: string;
}

/** What a daemon is to be: a router between external peers that passes on all it hears, without delay. */
export interface DaemonPlan {
  /** Network namespace it runs in, below /run/netns. */
  readonly namespace: string;
  /** A directory of its own. */
  readonly directory: string;
  readonly as: number;
  /** Its own address for neighbors of IPv4, and its router id. */
  readonly ipv4: string;
  /** Its own address for neighbors of IPv6. */
  readonly ipv6: string;
  readonly neighbors: readonly Neighbor[];
  /** VRFs that take part in EVPN. */
  readonly vnis?: readonly VniPlan[];
  /** Nothing is loaded into it to watch it: it starts as fast as it can. */
  readonly unwatched?: boolean;
}

/** Seconds of hold time that all daemons offer: BIRD's default, the longest, so that none drops a session under load. */
export const HOLD_TIME = 240;

/** Names of the daemons on the command line. */
export type DaemonName = 'openpe' | 'bird' | 'bird3' | 'frr' | 'gobgp' | 'openbgpd';

/** A running daemon. */
export interface RunningDaemon {
  /** False: it has ended, or could not be started. */
  readonly running: boolean;
  /** Process ids of all processes that it consists of now. */
  pids(): readonly number[];
  /** The end of what it printed. */
  log(): string;
  /** Milliseconds of the longest turn of its event loop since it was last asked; only ours can tell. */
  longestTurn?(): Promise<number>;
  /** Ends it and everything it started. */
  stop(): Promise<void>;
}

/** What a daemon is known to do otherwise than the others with routes it passes on. Nothing else is let pass. */
export interface Deviations {
  /** It puts its own address as next hop into EVPN routes, for which RFC 8365 §5.1.3 wants the tunnel endpoint kept. */
  readonly evpnNextHopSelf?: boolean;
  /** Extended communities of EVPN routes that it does not pass on, in hexadecimal. */
  readonly dropsExtendedCommunities?: readonly string[];
}

/** How one program is configured and started. */
export interface DaemonKind {
  readonly name: DaemonName;
  /** Families that it can pass on. */
  readonly families: readonly FamilyWord[];
  /** The program and its version as people name it: `BIRD 2.0.12`; undefined when it is not there. */
  version(): Promise<string | undefined>;
  /** Absent: none. */
  deviations?(): Promise<Deviations>;
  /** Starts it in the foreground. It listens on port 179 soon afterwards. */
  start(plan: DaemonPlan): RunningDaemon;
}
