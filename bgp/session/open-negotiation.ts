import { ByteWriter } from '../../net/byte-writer.ts';
import { type Capability, capabilityCode, encodeCapabilityValue } from '../wire/capabilities.ts';
import {
  BGP_VERSION,
  EXTENDED_MAX_MESSAGE_SIZE,
  MAX_MESSAGE_SIZE,
  NotificationCode,
  OpenErrorSubcode,
} from '../wire/constants.ts';
import { afiOf, type Family, familyName, hasLabels, IPV4_UNICAST } from '../wire/family.ts';
import { type OpenMessage, twoOctetAs } from '../wire/open.ts';
import { type Decoded, failed } from '../wire/protocol-error.ts';
import { addPathCapability, negotiatedAddPath } from './add-path-negotiation.ts';
import { LONG_LIVED_CAPABILITY, negotiatedLongLived } from './long-lived-negotiation.ts';
import { negotiatedRole, roleValue } from './roles.ts';
import type { NegotiatedSession, PeerGracefulRestart, PeerSettings } from './session-events.ts';

/** Address family identifier of IPv6. */
const AFI_IPV6 = 2;
const AFI_IPV4 = 1;

/** What two OPENs agree on: {@link NegotiatedSession} without what the TCP connection says. */
export type NegotiatedParameters = Omit<
  NegotiatedSession,
  'localAddress' | 'remoteAddress' | 'interfaceName' | 'active'
>;

/** The OPEN that we send; without capabilities for a peer that refused to read any (RFC 5492 §3). */
export function localOpen(settings: PeerSettings, withCapabilities: boolean): OpenMessage {
  return {
    version: BGP_VERSION,
    myAs: twoOctetAs(settings.localAs),
    asn: settings.localAs,
    holdTime: settings.holdTime,
    routerId: settings.routerId,
    capabilities: withCapabilities ? localCapabilities(settings) : [],
  };
}

function localCapabilities(settings: PeerSettings): Capability[] {
  const capabilities: Capability[] = settings.families.map((family) => ({ kind: 'multiprotocol', family }));
  capabilities.push(
    { kind: 'route-refresh' },
    { kind: 'enhanced-route-refresh' },
    { kind: 'four-octet-as', asn: settings.localAs },
    { kind: 'extended-message' },
    addPathCapability(settings.families, settings.addPathSend ?? []),
  );
  const extendedNextHop = familiesWithExtendedNextHop(settings);
  if (extendedNextHop.length > 0) {
    capabilities.push({
      kind: 'extended-next-hop',
      entries: extendedNextHop.map((family) => ({ family, nextHopAfi: AFI_IPV6 })),
    });
  }
  const { gracefulRestart, role } = settings;
  if (role) capabilities.push({ kind: 'role', role: roleValue(role.local) });
  if (gracefulRestart) {
    // Without families: helps a peer that restarts, keeps nothing itself (RFC 4724 §3, RFC 8538 §2).
    capabilities.push({
      kind: 'graceful-restart',
      restartTime: gracefulRestart.restartTime,
      restarting: gracefulRestart.restarting(),
      notification: true,
      families: gracefulRestart.families.map((family) => ({
        family,
        forwarding: gracefulRestart.preserved(),
      })),
    });
    if (settings.longLivedGracefulRestart?.size) capabilities.push(LONG_LIVED_CAPABILITY);
  }
  return capabilities;
}

/** An IPv6 session has no other next hop for IPv4 routes than an IPv6 one. */
function familiesWithExtendedNextHop({ remoteAddress, families }: PeerSettings): Family[] {
  return remoteAddress.version === 6 ? families.filter((family) => afiOf(family) === AFI_IPV4) : [];
}

function offersExtendedNextHop(open: OpenMessage, family: Family): boolean {
  return open.capabilities.some(
    (capability) =>
      capability.kind === 'extended-next-hop' &&
      capability.entries.some((entry) => entry.family === family && entry.nextHopAfi === AFI_IPV6),
  );
}

/**
 * Checks the peer's decoded OPEN against what is expected of it, and draws the sum of both OPENs
 * (RFC 4271 §6.2, RFC 5492 §3, RFC 6286 §2.2, RFC 9234 §4.2). The error is what the NOTIFICATION says.
 */
export function negotiate(
  settings: PeerSettings,
  sent: OpenMessage,
  received: OpenMessage,
): Decoded<NegotiatedParameters> {
  const { localAs } = settings;
  if (!isExpectedAs(settings, received.asn)) {
    const expected =
      typeof settings.remoteAs === 'number' ? settings.remoteAs : `an ${settings.remoteAs} one`;
    return openError(OpenErrorSubcode.BAD_PEER_AS, `peer has AS ${received.asn}, expected ${expected}`);
  }
  const internal = received.asn === localAs;
  if (internal && received.routerId === settings.routerId) {
    return openError(
      OpenErrorSubcode.BAD_BGP_IDENTIFIER,
      'peer of the same AS has the same BGP identifier as this router',
    );
  }
  const role = negotiatedRole(internal ? undefined : settings.role, received);
  if (role && 'mismatch' in role) return openError(OpenErrorSubcode.ROLE_MISMATCH, role.mismatch);
  const families = commonFamilies(settings, sent, received);
  if (families.length === 0) return noCommonFamily(settings, received);
  const bothOfferExtendedNextHop = (family: Family): boolean =>
    offersExtendedNextHop(sent, family) && offersExtendedNextHop(received, family);
  const both = (kind: Capability['kind']): boolean => offers(sent, kind) && offers(received, kind);
  const holdTime = Math.min(sent.holdTime, received.holdTime);
  return {
    ok: true,
    value: {
      peerType: internal ? 'ibgp' : 'ebgp',
      localAs,
      remoteAs: received.asn,
      remoteRouterId: received.routerId,
      holdTime,
      keepaliveTime: keepaliveTime(settings.keepaliveTime, holdTime),
      families,
      fourOctetAs: both('four-octet-as'),
      extendedNextHop: bothOfferExtendedNextHop(IPV4_UNICAST),
      labeledExtendedNextHop: families.filter(
        (family) => hasLabels(family) && bothOfferExtendedNextHop(family),
      ),
      routeRefresh: both('route-refresh'),
      enhancedRouteRefresh: both('route-refresh') && both('enhanced-route-refresh'),
      gracefulRestart: peerGracefulRestart(sent, received),
      longLived: negotiatedLongLived(settings.longLivedGracefulRestart ?? new Map(), sent, received),
      addPath: negotiatedAddPath(families, sent, received),
      role,
      maxMessageSize: both('extended-message') ? EXTENDED_MAX_MESSAGE_SIZE : MAX_MESSAGE_SIZE,
    },
  };
}

type GracefulRestartCapability = Extract<Capability, { readonly kind: 'graceful-restart' }>;

function gracefulRestartOf({ capabilities }: OpenMessage): GracefulRestartCapability | undefined {
  return capabilities.find((capability) => capability.kind === 'graceful-restart');
}

function peerGracefulRestart(sent: OpenMessage, received: OpenMessage): PeerGracefulRestart | undefined {
  const ours = gracefulRestartOf(sent);
  const theirs = gracefulRestartOf(received);
  if (!ours || !theirs) return undefined;
  const { restartTime, restarting, families } = theirs;
  return { restartTime, restarting, families, notification: ours.notification && theirs.notification };
}

/** True when the peer keeps our routes while we restart: it has the capability, and we named families in ours. */
export function peerHelps(sent: OpenMessage, received: OpenMessage): boolean {
  return (gracefulRestartOf(sent)?.families.length ?? 0) > 0 && gracefulRestartOf(received) !== undefined;
}

/** True when the peer says that it has restarted (the R bit of RFC 4724 §3). */
export function saysRestarting(open: OpenMessage): boolean {
  return gracefulRestartOf(open)?.restarting === true;
}

/** True when both ends said by the N bit of RFC 8538 that a Cease may be wrapped into a Hard Reset. */
export function hardResetNegotiated(sent: OpenMessage, received: OpenMessage): boolean {
  return [sent, received].every((open) => gracefulRestartOf(open)?.notification);
}

function isExpectedAs(settings: PeerSettings, asn: number): boolean {
  if (settings.remoteAs === 'internal') return asn === settings.localAs;
  if (settings.remoteAs === 'external') return asn !== settings.localAs;
  return asn === settings.remoteAs;
}

function offers(open: OpenMessage, kind: Capability['kind']): boolean {
  return open.capabilities.some((capability) => capability.kind === kind);
}

/** Families of an OPEN; without any multiprotocol capability that is IPv4 unicast (RFC 4760 §8). */
function offeredFamilies(open: OpenMessage): readonly Family[] {
  const families = open.capabilities.flatMap((capability) =>
    capability.kind === 'multiprotocol' ? [capability.family] : [],
  );
  return families.length === 0 ? [IPV4_UNICAST] : families;
}

function commonFamilies(settings: PeerSettings, sent: OpenMessage, received: OpenMessage): Family[] {
  const ours = offeredFamilies(sent);
  const theirs = offeredFamilies(received);
  return settings.families.filter((family) => ours.includes(family) && theirs.includes(family));
}

/** At most a third of the hold time (RFC 4271 §4.4); 0 when keepalives are off. */
function keepaliveTime(configured: number, holdTime: number): number {
  const third = holdTime / 3;
  return configured > 0 ? Math.min(configured, third) : third;
}

/** RFC 5492 §5: the data has the capabilities that the peer lacks. */
function noCommonFamily(settings: PeerSettings, received: OpenMessage): Decoded<never> {
  const names = (families: readonly Family[]): string => families.map(familyName).join(', ');
  return openError(
    OpenErrorSubcode.UNSUPPORTED_CAPABILITY,
    `no family in common: this router offers ${names(settings.families)}, the peer ${names(offeredFamilies(received))}`,
    encodedCapabilities(settings.families.map((family) => ({ kind: 'multiprotocol', family }))),
  );
}

function encodedCapabilities(capabilities: readonly Capability[]): Uint8Array {
  const writer = new ByteWriter(64);
  for (const capability of capabilities) {
    const lengthAt = writer.u8(capabilityCode(capability)).length;
    encodeCapabilityValue(writer.u8(0), capability);
    writer.patchU8(lengthAt, writer.length - lengthAt - 1);
  }
  return writer.take();
}

function openError(subcode: number, message: string, data?: Uint8Array): Decoded<never> {
  return failed(NotificationCode.OPEN_MESSAGE_ERROR, subcode, message, data);
}
