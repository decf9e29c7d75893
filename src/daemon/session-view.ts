import { BfdState } from '../../bfd/control-packet.ts';
import type { Peer } from '../../bgp/peer.ts';
import type { NegotiatedSession, PeerSettings, SessionDown } from '../../bgp/session/session-events.ts';
import { type Family, familyName } from '../../bgp/wire/family.ts';
import { formatAddress, ipv4FromNumber, isLinkLocal } from '../../net/address.ts';
import type { SessionFamilyView, SessionView } from '../control/view.ts';
import type { BfdWatch } from './bfd-watch.ts';

/** By the numbers of the states. */
const BFD_WORDS = ['admin-down', 'down', 'init', 'up'] as const;

/** A peer's session as clients of the API see it; undefined before it has one. */
export function sessionView(peer: Peer, bfd: BfdWatch | undefined): SessionView | undefined {
  const { session } = peer;
  if (!session) return undefined;
  const { settings, negotiated, lastDown } = session;
  const localAddress = negotiated?.localAddress ?? settings.localAddress;
  return {
    name: peer.name,
    ...placeView(settings),
    ...(localAddress && { localAddress: formatAddress(localAddress) }),
    remoteAs: negotiated?.remoteAs ?? settings.remoteAs,
    localAs: settings.localAs,
    ...(negotiated && { remoteRouterId: formatAddress(ipv4FromNumber(negotiated.remoteRouterId)) }),
    vrf: peer.configuration.instance.name,
    state: session.state,
    since: session.since,
    ...heldDownView(session.heldUntil),
    ...(lastDown && { lastError: lastErrorView(lastDown) }),
    families: (negotiated?.families ?? settings.families).map(
      (family): SessionFamilyView => ({
        family: familyName(family),
        received: peer.received(family),
        sent: peer.advertised(family),
        ...limitView(peer, family),
        ...addPathView(negotiated, family),
        ...longLivedView(peer, family),
      }),
    ),
    messages: { received: session.messagesIn, sent: session.messagesOut },
    holdTime: negotiated?.holdTime ?? settings.holdTime,
    keepaliveTime: negotiated?.keepaliveTime ?? settings.keepaliveTime,
    lost: peer.lost,
    updateErrors: Object.fromEntries(peer.updateErrors),
    ...roleView(peer, negotiated),
    bfd: bfd?.watches(peer) ? BFD_WORDS[bfd.status(peer)?.state ?? BfdState.down] : 'off',
  };
}

/** The address of a neighbor on an interface is absent until it is found. */
function placeView({
  remoteAddress,
  interfaceName,
}: PeerSettings): Pick<SessionView, 'peerAddress' | 'interface'> {
  if (interfaceName === undefined) return { peerAddress: formatAddress(remoteAddress) };
  return {
    interface: interfaceName,
    ...(isLinkLocal(remoteAddress) && { peerAddress: formatAddress(remoteAddress) }),
  };
}

function roleView(peer: Peer, negotiated: NegotiatedSession | undefined): Pick<SessionView, 'role'> {
  const { role } = peer.configuration.settings;
  const remote = negotiated?.role?.remote;
  return role ? { role: { ...role, ...(remote && { remote }), leaks: peer.leaks } } : {};
}

function limitView(peer: Peer, family: Family): Pick<SessionFamilyView, 'limit' | 'warnAt'> {
  const limit = peer.configuration.prefixLimits?.get(family);
  return limit ? { limit: limit.limit, warnAt: limit.warnAt } : {};
}

function addPathView(
  negotiated: NegotiatedSession | undefined,
  family: Family,
): Pick<SessionFamilyView, 'addPath'> {
  const receive = negotiated?.addPath.receive.includes(family);
  const send = negotiated?.addPath.send.includes(family);
  if (receive) return { addPath: send ? 'both' : 'receive' };
  return send ? { addPath: 'send' } : {};
}

function longLivedView(
  peer: Peer,
  family: Family,
): Pick<SessionFamilyView, 'longLivedStaleTime' | 'longLivedStaleUntil'> {
  const agreed = peer.session?.negotiated?.longLived?.families.find((offer) => offer.family === family);
  const until = peer.longLivedEnds.get(family);
  return {
    ...(agreed && agreed.staleTime > 0 && { longLivedStaleTime: agreed.staleTime }),
    ...(until !== undefined && { longLivedStaleUntil: until }),
  };
}

/** Without the time for which the session is held down: that is told by itself. */
function lastErrorView({ at, reason, notification }: SessionDown): SessionDown {
  return { at, reason, ...(notification && { notification }) };
}

function heldDownView(until: number | undefined): Pick<SessionView, 'heldDown'> {
  if (until === undefined) return {};
  return { heldDown: until === Number.POSITIVE_INFINITY ? {} : { until } };
}
