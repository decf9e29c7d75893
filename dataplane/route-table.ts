import type { IpAddress } from '../net/address.ts';

/** One way to a destination. */
export interface RouteNexthop {
  /** Gateway; of the other version than the route's (RFC 8950 style) is allowed. */
  readonly gateway: IpAddress;
  /** Output device in the router's namespace. */
  readonly device: string;
  /** The gateway is in no subnet of the device: needed for tunnel endpoints. */
  readonly onlink: boolean;
  /** Set for a next hop behind a VXLAN tunnel: neighbour and FDB entries are kept for it. */
  readonly tunnel?: {
    /** Remote tunnel endpoint: destination of the FDB entry, and `gateway` unless that is its IPv4-mapped form. */
    readonly vtep: IpAddress;
    /** Router MAC of the remote end, six bytes. */
    readonly routerMac: Uint8Array;
    /** Bridge and VXLAN device of the VNI. */
    readonly bridge: string;
    readonly vxlan: string;
    readonly vni: number;
  };
}

/** Number of an interned, unordered set of next hops; several make ECMP. */
export type NexthopSetId = number;

/** A route that the kernel refused, or an object that its next hops need. */
export interface RouteFailure {
  readonly table: number;
  /** `address/length`, or the object's description. */
  readonly object: string;
  readonly operation: string;
  /** The kernel's reason: errno name and its extended message. */
  readonly reason: string;
}

/**
 * Routes of the kernel that the daemon owns. Calls only collect; {@link flush} sends one batch.
 * A later call for the same prefix wins over an earlier one in the same batch.
 */
export interface RouteTable {
  /** Interns next hops; the same set gives the same id until it is released as often as interned. */
  internNexthops(nexthops: readonly RouteNexthop[]): NexthopSetId;
  releaseNexthops(set: NexthopSetId): void;
  /** Hot: called per route. `prefix` holds 4 or 16 bytes at `offset`, host bits zero. */
  replace(
    table: number,
    version: 4 | 6,
    prefix: Uint8Array,
    offset: number,
    length: number,
    set: NexthopSetId,
  ): void;
  /** Hot: called per route. Removing what is not there is no failure. */
  remove(table: number, version: 4 | 6, prefix: Uint8Array, offset: number, length: number): void;
  /** Sends what was collected; resolves when the kernel has answered. Failures are per route, the rest is in place. */
  flush(): Promise<readonly RouteFailure[]>;
}
