import type { NegotiatedSession, SessionDown } from './session/session-events.ts';
import { CeaseSubcode, NotificationCode } from './wire/constants.ts';
import type { Family } from './wire/family.ts';

/** What is kept of a peer whose session is lost. */
export interface KeptRoutes {
  /** Families whose routes stay as they are for {@link restartTime} (RFC 4724). */
  readonly restarting: readonly Family[];
  /** Seconds. */
  readonly restartTime: number;
  /** Seconds, by family, that routes are kept behind that as the least preferred ones (RFC 9494); 0: not at all. */
  readonly longLived: ReadonlyMap<Family, number>;
}

/** Nothing. */
export const KEPT_NOTHING: KeptRoutes = { restarting: [], restartTime: 0, longLived: new Map() };

/** What is kept when a session ends like this (RFC 4724 §4.2, RFC 8538 §4, RFC 9494 §4.2); most often nothing. */
export function keptRoutes(negotiated: NegotiatedSession, down: SessionDown): KeptRoutes {
  const { gracefulRestart, longLived, families } = negotiated;
  if (!gracefulRestart || !isGraceful(down, gracefulRestart.notification)) return KEPT_NOTHING;
  const offered = new Set(gracefulRestart.families.map(({ family }) => family));
  const lasting = (longLived?.families ?? []).filter(({ family }) => families.includes(family));
  return {
    restarting: families.filter((family) => offered.has(family)),
    restartTime: gracefulRestart.restartTime,
    longLived: new Map(lasting.map(({ family, staleTime }) => [family, staleTime])),
  };
}

function isGraceful({ notification, heldFor }: SessionDown, notificationToo: boolean): boolean {
  if (heldFor !== undefined) return false;
  if (!notification) return true;
  const { code, subcode } = notification;
  const isFinal =
    code === NotificationCode.CEASE &&
    (subcode === CeaseSubcode.HARD_RESET || subcode === CeaseSubcode.BFD_DOWN);
  return notificationToo && !isFinal;
}
