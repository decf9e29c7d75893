import type { DaemonKind, DaemonName } from '../daemons/daemon.ts';
import type { Layout } from './layout.ts';

/** What one round of a scenario gives for one daemon. */
export interface Measurement {
  /** Seconds from the first byte that is sent until all has arrived. */
  readonly seconds?: number;
  /** CPU seconds of the daemon from then until it has come to rest. */
  readonly cpuSeconds?: number;
  /** Resident bytes after it has come to rest, and the most while it worked. */
  readonly settledBytes?: number;
  readonly peakBytes?: number;
  /** Milliseconds of single updates. */
  readonly latencies?: readonly number[];
  /** Milliseconds of starts, from the start of the process to the first session Established. */
  readonly starts?: readonly number[];
  /** Milliseconds of the longest turn of the event loop; ours alone. */
  readonly longestTurn?: number;
}

/** Where a round takes place. */
export interface RoundPlace {
  readonly daemonNamespace: string;
  /** A directory for the daemon's files. */
  readonly directory: string;
}

/** Something that is done with a daemon and measured. */
export interface Scenario {
  /** As on the command line and in the table. */
  readonly name: string;
  /** What happens, for the table's legend. */
  readonly text: string;
  /** Daemons that cannot take part, and why. */
  readonly without?: Partial<Readonly<Record<DaemonName, string>>>;
  readonly layout: Layout;
  /** One round, in the load generator's namespace. */
  measure(kind: DaemonKind, place: RoundPlace): Promise<Measurement>;
}
