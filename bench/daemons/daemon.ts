/** Families as configurations of all daemons name them, one way or another. */
export type FamilyWord = 'ipv4' | 'ipv6' | 'evpn';

/** A neighbor of the daemon: one of the load generator's speakers. It connects; the daemon waits. */
export interface Neighbor {
  readonly address: string;
  readonly as: number;
  readonly families: readonly FamilyWord[];
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
  /** Ends it and everything it started. */
  stop(): Promise<void>;
}

/** How one program is configured and started. */
export interface DaemonKind {
  readonly name: DaemonName;
  /** Families that it can pass on. */
  readonly families: readonly FamilyWord[];
  /** The program and its version as people name it: `BIRD 2.0.12`; undefined when it is not there. */
  version(): Promise<string | undefined>;
  /** Starts it in the foreground. It listens on port 179 soon afterwards. */
  start(plan: DaemonPlan): RunningDaemon;
}
