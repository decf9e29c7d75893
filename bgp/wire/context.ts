import type { Family } from './family.ts';

/** What the two OPENs of a session decided about how its bytes are read and written. */
export interface WireContext {
  /** AS numbers in AS_PATH and AGGREGATOR have four octets (RFC 6793). */
  readonly fourOctetAs: boolean;
  /** Path identifiers precede the routes of this family in this direction (RFC 7911). */
  addPath(family: Family): boolean;
  /** Messages may have up to 65,535 octets (RFC 8654). */
  readonly extendedMessage: boolean;
  /** IPv4 families may come with IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
  readonly peerType: 'ebgp' | 'ibgp';
  /** An external peer may be of the same confederation, and send its segments in AS_PATH (RFC 5065). Default: no. */
  readonly confederation?: boolean;
  /** UPDATEs may have BGPsec_PATH in place of AS_PATH (RFC 8205); it is shown, never verified. Default: no. */
  readonly bgpsec?: boolean;
}
