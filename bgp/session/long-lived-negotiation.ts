import type { Capability } from '../wire/capabilities.ts';
import type { Family } from '../wire/family.ts';
import type { OpenMessage } from '../wire/open.ts';

/** What a peer may ask of us for when it is gone longer than a restart takes (RFC 9494). */
export interface PeerLongLived {
  /** Families in which its routes are kept; those that are not configured here are left out. */
  readonly families: readonly LongLivedFamily[];
}

export interface LongLivedFamily {
  readonly family: Family;
  /** After a restart: forwarding went on, what was kept is good. */
  readonly forwarding: boolean;
  /** Seconds that its routes are kept behind the restart time; no more than is configured here. */
  readonly staleTime: number;
}

/**
 * This router understands LLGR_STALE and keeps routes of the peer, but does not ask for its own to be kept. It is of effect
 * only beside the capability of graceful restart (RFC 9494 §4.1).
 */
export const LONG_LIVED_CAPABILITY: Capability = { kind: 'long-lived-graceful-restart', families: [] };

/**
 * What was agreed on; undefined when the peer has not both capabilities: routes with LLGR_STALE do not go to it then (RFC 9494
 * §4.3). Nothing of it is kept where this router has not offered that. `limits`: the most seconds by family that
 * is configured here.
 */
export function negotiatedLongLived(
  limits: ReadonlyMap<Family, number>,
  sent: OpenMessage,
  received: OpenMessage,
): PeerLongLived | undefined {
  if (!hasBoth(received)) return undefined;
  if (!hasBoth(sent)) return { families: [] };
  // A family that is named twice: the last word counts.
  const offered = new Map<Family, LongLivedFamily>();
  for (const capability of received.capabilities) {
    if (capability.kind !== 'long-lived-graceful-restart') continue;
    for (const offer of capability.families) offered.set(offer.family, offer);
  }
  const families = [...offered.values()].flatMap((offer) => {
    const limit = limits.get(offer.family);
    return limit === undefined ? [] : [{ ...offer, staleTime: Math.min(offer.staleTime, limit) }];
  });
  return { families };
}

function hasBoth({ capabilities }: OpenMessage): boolean {
  const has = (kind: Capability['kind']): boolean => capabilities.some((one) => one.kind === kind);
  return has('graceful-restart') && has('long-lived-graceful-restart');
}
