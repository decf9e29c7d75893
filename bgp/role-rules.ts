import type { OtcEgress, OtcIngress } from './rib/only-to-customer.ts';
import type { Role } from './session/roles.ts';
import type { NegotiatedSession } from './session/session-events.ts';
import { type Family, isUnicast } from './wire/family.ts';

/** What the peer may have already told others, by our own role (RFC 9234 §5, ingress rules 1 and 2). */
const LEAKS: Readonly<Record<Role, OtcIngress['leaks']>> = {
  provider: 'all',
  'route-server': 'all',
  peer: 'marked by others',
  customer: 'none',
  'route-server-client': 'none',
};

/** Routes of a peer that is above or beside us go to customers only. */
function isBelowOrBeside(local: Role): boolean {
  return local === 'customer' || local === 'route-server-client' || local === 'peer';
}

/** Routes for a peer that is below or beside us go on to its customers only. */
function isAboveOrBeside(local: Role): boolean {
  return local === 'provider' || local === 'route-server' || local === 'peer';
}

/** What is done with OTC on a session's routes of IPv4 and IPv6 unicast; undefined without a role. */
export function otcIngress({ role, remoteAs }: NegotiatedSession): OtcIngress | undefined {
  return role && { leaks: LEAKS[role.local], adds: isBelowOrBeside(role.local), remoteAs };
}

/** The same towards the peer, in one family. */
export function otcEgress({ role }: NegotiatedSession, family: Family): OtcEgress | undefined {
  if (!role || !isUnicast(family)) return undefined;
  return { blocks: isBelowOrBeside(role.local), adds: isAboveOrBeside(role.local) };
}
