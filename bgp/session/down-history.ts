import { CeaseSubcode, NotificationCode, OpenErrorSubcode } from '../wire/constants.ts';
import type { Clock } from './clock.ts';
import type { SessionDown } from './session-events.ts';

/** Why a connection ended; the time is for its owner to add. */
export type ConnectionEnd = Omit<SessionDown, 'at'>;

/** Keeps the reason that people are shown for a session that is not established. */
export class DownHistory {
  readonly #clock: Clock;
  #last: SessionDown | undefined;
  /** The last end with a NOTIFICATION since the session was established. */
  #said: SessionDown | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get last(): SessionDown | undefined {
    return this.#last;
  }

  /** The end of a connection that is of no interest for the session. */
  passing(end: ConnectionEnd): SessionDown {
    return { at: this.#clock.wallTime(), ...end };
  }

  /**
   * What a NOTIFICATION said is worth more than that TCP fails since then: a peer that was shut down
   * for maintenance, say, refuses all connections afterwards.
   */
  record(end: ConnectionEnd): SessionDown {
    const down = this.passing(end);
    if (end.notification) this.#said = down;
    this.#last =
      this.#said && !end.notification
        ? { ...this.#said, reason: `${this.#said.reason}; since then: ${end.reason}` }
        : down;
    return down;
  }

  /** The session is established: what was said before is history. */
  established(): void {
    this.#said = undefined;
  }
}

/** RFC 5492 §3: the peer does not understand the Capabilities parameter at all. */
export function refusesCapabilities({ notification }: ConnectionEnd): boolean {
  return (
    notification?.direction === 'received' &&
    notification.code === NotificationCode.OPEN_MESSAGE_ERROR &&
    notification.subcode === OpenErrorSubcode.UNSUPPORTED_OPTIONAL_PARAMETER
  );
}

/** RFC 4271 §6.8: another connection with the same peer was preferred, by either side. */
export function lostCollision({ notification }: ConnectionEnd): boolean {
  return (
    notification?.code === NotificationCode.CEASE &&
    notification.subcode === CeaseSubcode.CONNECTION_COLLISION_RESOLUTION
  );
}
