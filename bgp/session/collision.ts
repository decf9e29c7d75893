/** Who opened a TCP connection. */
export type Initiator = 'local' | 'peer';

/** What identifies a speaker when two connections collide. */
export interface SpeakerIdentity {
  /** BGP identifier as an unsigned 32-bit number. */
  readonly routerId: number;
  readonly as: number;
}

/** The connection that an OPEN came in on while there is another one, and that other one. */
export interface Collision {
  readonly initiator: Initiator;
  readonly existing: {
    readonly initiator: Initiator;
    readonly state: 'OpenSent' | 'OpenConfirm' | 'Established';
  };
  readonly local: SpeakerIdentity;
  readonly remote: SpeakerIdentity;
}

/**
 * What to do: `both stay` (nothing is known of the other one yet), close one of the two, or leave
 * the choice to the peer for a moment and answer the OPEN only when the other one has gone.
 */
export type CollisionVerdict = 'both stay' | 'close new' | 'close existing' | 'peer decides';

/** The connection of the speaker with the higher identifier stays, of equal ones the higher AS (RFC 4271 §6.8, RFC 6286 §2.3). */
export function preferredInitiator(local: SpeakerIdentity, remote: SpeakerIdentity): Initiator {
  if (local.routerId !== remote.routerId) return local.routerId > remote.routerId ? 'local' : 'peer';
  return local.as > remote.as ? 'local' : 'peer';
}

/**
 * RFC 4271 §6.8, asked when a valid OPEN has come in and there is another connection.
 *
 * Both ends apply §6.8, each at a moment of its own, and may come to contrary verdicts: one end sees
 * its connection Established and refuses the newcomer, the other end has just closed that very
 * connection in favour of the newcomer, and none is left. It takes a KEEPALIVE of ours for the peer
 * to get to Established. So where one of ours is on its way (the existing connection is confirmed)
 * and the newcomer is the peer's, who might have chosen it already, the peer has the first word:
 * its Cease on either connection settles it.
 */
export function resolveCollision(collision: Collision): CollisionVerdict {
  const { initiator, existing, local, remote } = collision;
  if (existing.state === 'OpenSent') return 'both stay';
  if (existing.state === 'Established') return initiator === 'local' ? 'close new' : 'peer decides';
  const preferred = preferredInitiator(local, remote);
  if (preferred === existing.initiator) return 'close new';
  return preferred === 'local' ? 'close existing' : 'peer decides';
}

/** The verdict when the peer was to decide and has not: RFC 4271 §6.8 as it is written. */
export function settleUndecided(collision: Collision): CollisionVerdict {
  const { initiator, existing, local, remote } = collision;
  if (existing.state === 'OpenSent') return 'both stay';
  if (existing.state === 'Established') return 'close new';
  return preferredInitiator(local, remote) === initiator ? 'close existing' : 'close new';
}
