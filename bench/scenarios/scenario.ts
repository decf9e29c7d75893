import type { DaemonName, FamilyWord, Neighbor } from '../daemons/daemon.ts';
import type { Fixture } from './fixture.ts';

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
  /** Milliseconds of the longest turn of the event loop; ours alone. */
  readonly longestTurn?: number;
}

/** A load and what is measured of it. */
export interface Scenario {
  /** As on the command line and in the table. */
  readonly name: string;
  /** What happens, for the table's legend. */
  readonly text: string;
  readonly family: FamilyWord;
  /** How many speakers take part. */
  readonly speakers: number;
  /** Daemons that cannot take part, and why. */
  readonly without?: Partial<Readonly<Record<DaemonName, string>>>;
  run(fixture: Fixture): Promise<Measurement>;
}

/** AS number of the daemon; speaker n has the AS {@link FIRST_SPEAKER_AS} + n. */
export const DAEMON_AS = 65_000;
export const FIRST_SPEAKER_AS = 64_512;

/** Addresses on the link between the daemon and the load generator. */
export const DAEMON_IPV4 = '10.98.0.1';
export const DAEMON_IPV6 = 'fd98::1';

/** The neighbor that speaker `index` is to the daemon. */
export function neighborOf(index: number, family: FamilyWord): Neighbor {
  return {
    address: family === 'ipv6' ? `fd98::1:${index.toString(16)}` : speakerIpv4(index),
    as: FIRST_SPEAKER_AS + index,
    families: [family],
  };
}

/** IPv4 address and BGP identifier of speaker `index`. */
export function speakerIpv4(index: number): string {
  return `10.98.${1 + (index >> 7)}.${1 + (index & 127)}`;
}
