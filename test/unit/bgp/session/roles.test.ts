import { describe, expect, it } from 'vitest';
import type { Role, RoleSettings } from '../../../../bgp/session/roles.ts';
import type { Capability } from '../../../../bgp/wire/capabilities.ts';
import { decodeOpen } from '../../../../bgp/wire/open.ts';
import { lastNotification, messagesOf, peerOpen, ScriptedPeer } from './speaker.ts';

const PROVIDER = 0;
const ROUTE_SERVER = 1;
const ROUTE_SERVER_CLIENT = 2;
const CUSTOMER = 3;
const PEER = 4;

function withRoles(...roles: readonly number[]): { capabilities: readonly Capability[] } {
  return {
    capabilities: [...peerOpen().capabilities, ...roles.map((role) => ({ kind: 'role', role }) as const)],
  };
}

describe('roles (RFC 9234 §4)', () => {
  it.each<[Role, number, number, Role]>([
    ['provider', PROVIDER, CUSTOMER, 'customer'],
    ['customer', CUSTOMER, PROVIDER, 'provider'],
    ['route-server', ROUTE_SERVER, ROUTE_SERVER_CLIENT, 'route-server-client'],
    ['route-server-client', ROUTE_SERVER_CLIENT, ROUTE_SERVER, 'route-server'],
    ['peer', PEER, PEER, 'peer'],
  ])('%s says %i and takes only %i', (local, value, counterpart, remote) => {
    const peer = new ScriptedPeer({ role: { local, strict: false } });
    const connection = peer.establish(withRoles(counterpart));
    const [sent] = messagesOf(connection);
    const open = sent && decodeOpen(sent, 0, sent.length);
    if (!open?.ok) throw new Error('no OPEN was sent');
    expect(open.value.capabilities).toContainEqual({ kind: 'role', role: value });
    expect(peer.session.negotiated?.role).toEqual({ local, remote });
    for (const other of [0, 1, 2, 3, 4, 5, 255]) {
      if (other === counterpart) continue;
      const refused = new ScriptedPeer({ role: { local, strict: false } });
      const end = refused.establish(withRoles(other));
      expect(lastNotification(end), String(other)).toMatchObject({ code: 2, subcode: 11 });
      expect(refused.session.state).toBe('Idle');
    }
  });

  const customer = (strict: boolean): RoleSettings => ({ local: 'customer', strict });
  it.each<[string, RoleSettings | undefined, readonly number[], string]>([
    ['a peer that says nothing is taken', customer(false), [], 'Established'],
    ['but not in strict mode', customer(true), [], 'Idle'],
    ['several times the same role is one', customer(true), [PROVIDER, PROVIDER], 'Established'],
    ['several roles are none', customer(false), [PROVIDER, PEER], 'Idle'],
    ['several roles are none for us without a role either', undefined, [PROVIDER, PEER], 'Idle'],
    ['without a role of ours that of the peer does not matter', undefined, [PEER], 'Established'],
  ])('%s', (_name, role, said, state) => {
    const peer = new ScriptedPeer(role ? { role } : {});
    const connection = peer.establish(withRoles(...said));
    expect(peer.session.state).toBe(state);
    if (state === 'Idle') expect(lastNotification(connection)).toMatchObject({ code: 2, subcode: 11 });
  });

  it('a session inside the AS has none', () => {
    const peer = new ScriptedPeer({ role: customer(true), remoteAs: 'internal' });
    peer.establish({ myAs: 65001, asn: 65001, capabilities: [{ kind: 'role', role: PEER }] });
    expect(peer.session.state).toBe('Established');
    expect(peer.session.negotiated?.role).toBeUndefined();
  });

  it('says what was expected', () => {
    const peer = new ScriptedPeer({ role: customer(false) });
    peer.establish(withRoles(PEER));
    expect(peer.session.lastDown?.reason).toContain(
      'the peer has the role peer; to a customer it has to be provider',
    );
  });
});
