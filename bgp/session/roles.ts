import type { OpenMessage } from '../wire/open.ts';

/** What one end of an external session is to the other one (RFC 9234 §3). */
export type Role = 'provider' | 'route-server' | 'route-server-client' | 'customer' | 'peer';

/** By the values of the capability (RFC 9234 §4.1). */
const ROLES: readonly Role[] = ['provider', 'route-server', 'route-server-client', 'customer', 'peer'];

const COUNTERPARTS: Readonly<Record<Role, Role>> = {
  provider: 'customer',
  customer: 'provider',
  'route-server': 'route-server-client',
  'route-server-client': 'route-server',
  peer: 'peer',
};

/** The role that this router is to have on a session. */
export interface RoleSettings {
  readonly local: Role;
  /** A peer that says nothing of its role is refused. */
  readonly strict: boolean;
}

/** The roles at both ends. */
export interface NegotiatedRole {
  readonly local: Role;
  /** Undefined: the peer says nothing, and is taken for the counterpart. */
  readonly remote: Role | undefined;
}

/** The value of the capability for a role. */
export function roleValue(role: Role): number {
  return ROLES.indexOf(role);
}

/**
 * What both ends are to each other; an error is the text of a Role Mismatch (RFC 9234 §4.2). Undefined: this router
 * has no role.
 */
export function negotiatedRole(
  settings: RoleSettings | undefined,
  received: OpenMessage,
): NegotiatedRole | { readonly mismatch: string } | undefined {
  const values = received.capabilities.flatMap((capability) =>
    capability.kind === 'role' ? [capability.role] : [],
  );
  const [value] = values;
  if (values.some((one) => one !== value)) {
    return { mismatch: `the peer has several roles: ${values.map(roleText).join(', ')}` };
  }
  if (!settings) return undefined;
  const { local, strict } = settings;
  const expected = COUNTERPARTS[local];
  if (value === undefined) {
    if (!strict) return { local, remote: undefined };
    return { mismatch: `the peer says nothing of its role, which has to be ${expected}` };
  }
  const remote = ROLES[value];
  if (remote === expected) return { local, remote };
  return { mismatch: `the peer has the role ${roleText(value)}; to a ${local} it has to be ${expected}` };
}

function roleText(value: number): string {
  return ROLES[value] ?? String(value);
}
