import type { IpAddress } from '../../net/address.ts';
import type { Family } from '../wire/family.ts';
import type { ProtocolError } from '../wire/protocol-error.ts';
import type { NegotiatedAddPath } from './add-path-negotiation.ts';
import type { PeerLongLived } from './long-lived-negotiation.ts';
import type { NegotiatedRole, RoleSettings } from './roles.ts';
import type { SocketOptions } from './transport.ts';

/** What a session needs to know of its peer. Policy and routing instance are not its business. */
export interface PeerSettings {
  /** Unique name of the session, for people and logs, such as `192.168.11.2` or `red/192.169.10.2`. */
  readonly name: string;
  readonly remoteAddress: IpAddress;
  /** Interface that the peer is on, when its address is a link-local one. */
  readonly interfaceName?: string;
  /** TCP port that is dialled; 179 by default. */
  readonly remotePort: number;
  /** Source address; undefined: the kernel's choice. */
  readonly localAddress?: IpAddress;
  readonly localAs: number;
  /** The AS number that the peer's OPEN must have, or only whether it is ours. */
  readonly remoteAs: number | 'internal' | 'external';
  /** BGP identifier as an unsigned 32-bit number. */
  readonly routerId: number;
  /** Seconds; 0 turns keepalives off. RFC 4271 §4.2. */
  readonly holdTime: number;
  /** Seconds; at most a third of the negotiated hold time is used. */
  readonly keepaliveTime: number;
  /** Seconds between attempts to connect. */
  readonly connectRetryTime: number;
  /** Never connect, only accept. */
  readonly passive: boolean;
  /** Families that are offered. */
  readonly families: readonly Family[];
  /** Families in which several paths of a route are sent, if the peer takes them (RFC 7911); absent: none. */
  readonly addPathSend?: readonly Family[];
  /** What this router is to an external peer (RFC 9234); absent: nothing is said of it. */
  readonly role?: RoleSettings;
  /**
   * Families in which routes of the peer are kept when it is gone for longer than a restart takes (RFC 9494), and for how many
   * seconds at most; Infinity: for as long as the peer asks. Absent or empty: not offered. Only beside {@link gracefulRestart}.
   */
  readonly longLivedGracefulRestart?: ReadonlyMap<Family, number>;
  /** Absent: graceful restart is not offered, and not granted to the peer. */
  readonly gracefulRestart?: GracefulRestartOffer;
  readonly socket: SocketOptions;
}

/**
 * What this router says about its own restarts (RFC 4724 §3); with the N bit of RFC 8538. Whatever it says, it helps
 * a peer that restarts by keeping its routes.
 */
export interface GracefulRestartOffer {
  /** Seconds, to 4095, for which the peer shall keep our routes when the session is lost. */
  readonly restartTime: number;
  /** Families whose forwarding goes on while this router restarts. Empty: it asks for no help. */
  readonly families: readonly Family[];
  /** True while this router has restarted and does not know its routes again. */
  readonly restarting: () => boolean;
  /** Forwarding went on through the last restart, or there was none for long: what peers have kept is good. */
  readonly preserved: () => boolean;
  /** Seconds, to 4095, that a peer which is back has to tell its routes again. */
  readonly stalePathTime: number;
}

/** What the peer says about its restarts. */
export interface PeerGracefulRestart {
  /** Seconds that the peer needs at most. */
  readonly restartTime: number;
  /** The peer has restarted, and waits for our End-of-RIB before it announces anything. */
  readonly restarting: boolean;
  /** Families that it takes part with; `forwarding`: it went on forwarding through the restart. */
  readonly families: readonly { readonly family: Family; readonly forwarding: boolean }[];
  /** Both ends treat a NOTIFICATION other than Hard Reset like a lost connection (RFC 8538). */
  readonly notification: boolean;
}

/** What both OPENs agree on. */
export interface NegotiatedSession {
  readonly localAddress: IpAddress;
  readonly remoteAddress: IpAddress;
  /** Interface that both addresses are on, when they are link-local ones. */
  readonly interfaceName?: string | undefined;
  readonly peerType: 'ebgp' | 'ibgp';
  readonly localAs: number;
  readonly remoteAs: number;
  /** Peer's BGP identifier as an unsigned 32-bit number. */
  readonly remoteRouterId: number;
  /** Seconds; 0: no keepalives. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  readonly families: readonly Family[];
  readonly fourOctetAs: boolean;
  /** IPv4 unicast routes may have IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** Families of IPv4 routes with labels of which the same is true; absent: none. */
  readonly labeledExtendedNextHop?: readonly Family[] | undefined;
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  /** Undefined: not offered by both. */
  readonly gracefulRestart?: PeerGracefulRestart | undefined;
  /** Undefined: not offered by both. */
  readonly longLived?: PeerLongLived | undefined;
  readonly addPath: NegotiatedAddPath;
  /** Undefined: this router has no role. */
  readonly role?: NegotiatedRole | undefined;
  /** 4096, or 65535 with RFC 8654. */
  readonly maxMessageSize: number;
  /** True when this side opened the TCP connection. */
  readonly active: boolean;
}

/** Why a session is not (any longer) established. */
export interface SessionDown {
  /** Wall-clock milliseconds. */
  readonly at: number;
  /** In words, such as `hold timer expired` or `peer sent Cease/Administrative Shutdown: maintenance`. */
  readonly reason: string;
  /** The NOTIFICATION, when one was sent or received. */
  readonly notification?: {
    readonly direction: 'sent' | 'received';
    readonly code: number;
    readonly subcode: number;
  };
  /** The session is held down for so many milliseconds, Infinity: until it is cleared. */
  readonly heldFor?: number;
}

/** Why a session ends that the speaker does not want any longer. */
export interface SessionError extends ProtocolError {
  /** Not an error of the protocol: routes are not kept (RFC 8538 §3.1), and the session is held down for so many milliseconds. */
  readonly heldFor?: number;
}

/** States of RFC 4271 §8.2.2. */
export type SessionState = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';

export type { ProtocolError } from '../wire/protocol-error.ts';

/** What a session tells the speaker. */
export interface SessionEvents {
  established(negotiated: NegotiatedSession): void;
  /**
   * One whole UPDATE, header included, at `bytes[start..end)`; only valid during the call.
   * A returned error resets the session.
   */
  update(bytes: Uint8Array, start: number, end: number): SessionError | undefined;
  /** ROUTE-REFRESH; `subtype` 0 request, 1 beginning, 2 end (RFC 2918, RFC 7313). */
  routeRefresh(family: Family, subtype: number): void;
  /** All messages of one read of `size` octets have been delivered: the moment to decide and send. */
  readComplete(size: number): void;
  /** The socket takes more again after {@link SessionHandle.send} returned false. */
  writable(): void;
  /** Was established and is no more. Called once per `established`. */
  down(reason: SessionDown): void;
  /** Any change of the state machine, for people. */
  stateChanged(state: SessionState): void;
}

/** What the speaker may ask of a session. */
export interface SessionHandle {
  readonly settings: PeerSettings;
  readonly state: SessionState;
  readonly negotiated: NegotiatedSession | undefined;
  readonly lastDown: SessionDown | undefined;
  /** Wall-clock milliseconds of the last change to or from Established. */
  readonly since: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  /** Sends whole messages (headers included, several back to back); false when some of them wait: they must not change until nothing does. */
  send(bytes: Uint8Array): boolean;
  /** Bytes that wait in user space. */
  readonly bufferedBytes: number;
  /** Stops and starts reading from the peer. */
  pauseReading(): void;
  resumeReading(): void;
  start(): void;
  /** Ends the session with Cease (RFC 4486 subcode) and stays Idle until started again. */
  stop(subcode: number, reason: string): void;
  /**
   * Like {@link stop}, but a peer that helps when this router restarts (RFC 4724) is told nothing: it keeps our
   * routes until we are back.
   */
  leave(subcode: number, reason: string): void;
  /** Ends the session without a word, as the way to the peer is gone, and stays Idle until started again. */
  abandon(reason: string): void;
  /** Ends the session with Cease and lets it come back, unless it is held down. */
  reset(subcode: number, reason: string): void;
  /** Wall-clock milliseconds until which it is held down, Infinity until {@link clear}; undefined when it is not. */
  readonly heldUntil: number | undefined;
  /** Like {@link reset}, and a session that is held down comes back at once. */
  clear(subcode: number, reason: string): void;
}
