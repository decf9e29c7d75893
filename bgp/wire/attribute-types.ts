import type { IpAddress } from '../../net/address.ts';
import type { AsPath } from './as-path.ts';
import type { LargeCommunity } from './communities.ts';
import type { PmsiTunnel } from './pmsi.ts';

/** ORIGIN: 0 IGP, 1 EGP, 2 INCOMPLETE. */
export type OriginValue = 0 | 1 | 2;

/** The AGGREGATOR: its AS and its BGP identifier. */
export interface Aggregator {
  readonly asn: number;
  /** BGP identifier as an unsigned 32-bit number. */
  readonly routerId: number;
}

/** An attribute that is carried as it came. */
export interface RawAttribute {
  readonly code: number;
  /** The flags octet with OPTIONAL, TRANSITIVE and PARTIAL; EXTENDED_LENGTH is not kept. */
  readonly flags: number;
  readonly value: Uint8Array;
}

/**
 * The path attributes of an UPDATE, MP_REACH_NLRI and MP_UNREACH_NLRI apart. An attribute that is
 * absent, or was discarded, is undefined or an empty list.
 */
export interface PathAttributes {
  readonly origin: OriginValue | undefined;
  /** On 2-octet sessions already merged with {@link as4Path} (RFC 6793 §4.2.3). */
  readonly asPath: AsPath | undefined;
  /** NEXT_HOP: always IPv4. */
  readonly nextHop: IpAddress | undefined;
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  readonly atomicAggregate: boolean;
  /** On 2-octet sessions already replaced by {@link as4Aggregator} where RFC 6793 §4.2.3 says so. */
  readonly aggregator: Aggregator | undefined;
  /** Unsigned 32-bit numbers, in wire order. */
  readonly communities: readonly number[];
  /** Eight octets for each, in wire order. */
  readonly extendedCommunities: Uint8Array;
  /** Twenty octets for each (RFC 5701), in wire order. */
  readonly ipv6ExtendedCommunities: Uint8Array;
  readonly largeCommunities: readonly LargeCommunity[];
  /** BGP identifier as an unsigned 32-bit number. */
  readonly originatorId: number | undefined;
  /** Unsigned 32-bit numbers, in wire order. */
  readonly clusterList: readonly number[];
  readonly pmsi: PmsiTunnel | undefined;
  /** The 64-bit accumulated metric (RFC 7311). */
  readonly aigp: bigint | undefined;
  /** AS4_PATH as received from a 2-octet speaker; not written by the encoder, which makes its own. */
  readonly as4Path: AsPath | undefined;
  /** AS4_AGGREGATOR likewise. */
  readonly as4Aggregator: Aggregator | undefined;
  /** All other attributes, in wire order. */
  readonly unknown: readonly RawAttribute[];
}

const NO_BYTES = new Uint8Array(0);

/** No attribute at all: what a set of attributes to be sent is spread from. */
export const NO_ATTRIBUTES: PathAttributes = {
  origin: undefined,
  asPath: undefined,
  nextHop: undefined,
  med: undefined,
  localPref: undefined,
  atomicAggregate: false,
  aggregator: undefined,
  communities: [],
  extendedCommunities: NO_BYTES,
  ipv6ExtendedCommunities: NO_BYTES,
  largeCommunities: [],
  originatorId: undefined,
  clusterList: [],
  pmsi: undefined,
  aigp: undefined,
  as4Path: undefined,
  as4Aggregator: undefined,
  unknown: [],
};
