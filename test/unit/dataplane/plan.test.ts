import { describe, expect, it } from 'vitest';
import type { DesiredState } from '../../../dataplane/desired.ts';
import type { ObservedLink, ObservedState } from '../../../dataplane/observed.ts';
import { OWNER_ALIAS, UNDERLAY_GROUP, underlayAlias } from '../../../dataplane/ownership.ts';
import { cleanup, plan } from '../../../dataplane/plan.ts';
import { describeStep, type Plan } from '../../../dataplane/plan-step.ts';
import { SimulatedKernel } from './simulated-kernel.ts';
import { configured, desiredVrf, EXAMPLE, freshNode, link, loopback, prefix } from './states.ts';

const NAMES = { router: 'perouter', host: undefined };

function lines({ steps }: Plan): string[] {
  return steps.map((step) => describeStep(step, NAMES));
}

/** The state after the plan for `desired` was carried out on a fresh node. */
function converged(desired: DesiredState = EXAMPLE): ObservedState {
  return new SimulatedKernel(freshNode()).perform(plan(desired, freshNode()).steps).state();
}

/** `state` with changed devices in the router's namespace. */
function withLink(state: ObservedState, name: string, change: Partial<ObservedLink>): ObservedState {
  const links = state.router?.links.map((one) => (one.name === name ? { ...one, ...change } : one)) ?? [];
  return { ...state, router: { links } };
}

function withoutLink(state: ObservedState, name: string): ObservedState {
  return { ...state, router: { links: state.router?.links.filter((one) => one.name !== name) ?? [] } };
}

function withForeign(state: ObservedState, ...links: ObservedLink[]): ObservedState {
  return { ...state, router: { links: [...(state.router?.links ?? []), ...links] } };
}

describe('plan on a fresh node', () => {
  it('builds everything, each thing after what it needs', () => {
    expect(lines(plan({ ...EXAMPLE, vrfs: EXAMPLE.vrfs.slice(0, 1) }, freshNode()))).toEqual([
      '+ namespace perouter',
      '~ sysctl net/ipv4/conf/all/forwarding = 1 in perouter',
      '~ sysctl net/ipv6/conf/all/forwarding = 1 in perouter',
      '~ sysctl net/ipv4/conf/all/arp_accept = 1 in perouter',
      '~ sysctl net/ipv4/conf/default/arp_accept = 1 in perouter',
      '~ sysctl net/ipv6/conf/default/accept_untracked_na = 1 in perouter',
      '~ sysctl net/ipv6/conf/all/accept_untracked_na = 1 in perouter',
      '> device toswitch1 to perouter',
      '+ address 192.168.11.3/24 on toswitch1 in perouter',
      '+ address 2001:db8:11::3/64 on toswitch1 in perouter',
      '~ device lo in perouter: up',
      '+ address 100.65.0.0/32 on lo in perouter',
      '+ vrf red (table 1) in perouter',
      '+ unreachable IPv4 default of vrf red (table 1) in perouter',
      '+ unreachable IPv6 default of vrf red (table 1) in perouter',
      '+ bridge br-pe-100 (in vrf red) in perouter',
      '+ vxlan vni100 (VNI 100 from 100.65.0.0, UDP port 4789, port of br-pe-100) in perouter',
      '+ veth pe-e-100 (in vrf red, MTU 1450) in perouter, with host-e-100 in the host namespace',
      '+ address 192.169.10.1/24 on pe-e-100 in perouter',
      '+ address 2001:db8:169:10::1/64 on pe-e-100 in perouter',
      '+ address 192.169.10.2/24 on host-e-100 in the host namespace',
      '+ address 2001:db8:169:10::2/64 on host-e-100 in the host namespace',
    ]);
  });

  it('has nothing to do afterwards', () => {
    expect(plan(EXAMPLE, converged())).toEqual({ steps: [], conflicts: [] });
  });

  it.each([
    { vtep: '100.65.0.0', underlay: 1500, mtu: 1450 },
    { vtep: '2001:db8::1', underlay: 1500, mtu: 1430 },
    { vtep: '100.65.0.0', underlay: 9000, mtu: 8950 },
    { vtep: '100.65.0.0', underlay: 1330, mtu: undefined },
    { vtep: '100.65.0.0', underlay: 1331, mtu: 1281 },
  ])('takes the encapsulation of $vtep off an MTU of $underlay', ({ vtep, underlay, mtu }) => {
    const observed = freshNode();
    const links = observed.host.links.map((one) =>
      one.name === 'toswitch1' ? { ...one, mtu: underlay } : one,
    );
    const desired = { ...EXAMPLE, vrfs: [desiredVrf('red', 100, 10, vtep)] };
    const { steps } = plan(desired, { ...observed, host: { links } });
    expect(steps.find(({ action }) => action === 'create veth')).toMatchObject({ mtu });
  });

  it('names an underlay device that is nowhere, and does the rest', () => {
    const { steps, conflicts } = plan({ ...EXAMPLE, underlayInterfaces: ['eth9'] }, freshNode());
    expect(conflicts).toEqual([
      { object: 'device eth9', reason: expect.stringContaining('neither in the host') },
    ]);
    expect(steps.filter(({ action }) => action === 'create vrf')).toHaveLength(2);
    expect(steps.find(({ action }) => action === 'create veth')).toMatchObject({ mtu: undefined });
  });

  it('does not take a device out of a bridge', () => {
    const observed = freshNode();
    const master = link('br0', 9, { kind: 'bridge' });
    const links = observed.host.links.map((one) =>
      one.name === 'toswitch1' ? { ...one, masterIndex: 9 } : one,
    );
    const { steps, conflicts } = plan(EXAMPLE, { ...observed, host: { links: [...links, master] } });
    expect(conflicts[0]?.reason).toContain('belongs to br0');
    expect(steps.some(({ action }) => action === 'move device')).toBe(false);
  });
});

describe('plan on a node that drifted', () => {
  it('leaves one property at a time to be put right', () => {
    const state = converged();
    const planAfter = (name: string, change: Partial<ObservedLink>): string[] =>
      lines(plan(EXAMPLE, withLink(state, name, change)));
    expect(planAfter('lo', { up: false })).toEqual(['~ device lo in perouter: up']);
    expect(planAfter('red', { up: false })).toEqual(['~ device red in perouter: up']);
    expect(planAfter('br-pe-100', { generatesLinkLocal: true })).toEqual([
      '~ device br-pe-100 in perouter: no link-local address',
    ]);
    expect(planAfter('vni100', { suppressesNeighbours: false })).toEqual([
      '~ device vni100 in perouter: neighbour suppression',
    ]);
    expect(planAfter('vni100', { masterIndex: undefined })).toEqual([
      '~ device vni100 in perouter: master br-pe-100, neighbour suppression',
    ]);
    expect(planAfter('pe-e-100', { mtu: 1500 })).toEqual(['~ device pe-e-100 in perouter: MTU 1450']);
    expect(planAfter('toswitch1', { addresses: [configured('192.168.11.3/24')] })).toEqual([
      '+ address 2001:db8:11::3/64 on toswitch1 in perouter',
    ]);
  });

  it('expects a veth that joins its VRF to have lost its IPv6 addresses', () => {
    expect(lines(plan(EXAMPLE, withLink(converged(), 'pe-e-100', { masterIndex: undefined })))).toEqual([
      '~ device pe-e-100 in perouter: master red',
      '+ address 2001:db8:169:10::1/64 on pe-e-100 in perouter',
    ]);
  });

  it('makes a device anew whose tunnel is another one', () => {
    const other = { vni: 100, local: prefix('100.65.0.9/32').address, port: 4789, learning: false };
    expect(lines(plan(EXAMPLE, withLink(converged(), 'vni100', { vxlan: other })))).toEqual([
      '- vxlan vni100 in perouter',
      '+ vxlan vni100 (VNI 100 from 100.65.0.0, UDP port 4789, port of br-pe-100) in perouter',
    ]);
  });

  it('makes a lost bridge anew and puts its port into it', () => {
    const state = converged();
    const orphan = withLink(withoutLink(state, 'br-pe-100'), 'vni100', { masterIndex: undefined });
    expect(lines(plan(EXAMPLE, orphan))).toEqual([
      '+ bridge br-pe-100 (in vrf red) in perouter',
      '~ device vni100 in perouter: master br-pe-100, neighbour suppression',
    ]);
  });

  it('replaces addresses that are not wanted any more on its own links, and no others', () => {
    const state = converged();
    const inside = state.router?.links.find(({ name }) => name === 'pe-e-100');
    const old = withLink(state, 'pe-e-100', {
      addresses: [
        ...(inside?.addresses ?? []).slice(1),
        configured('192.169.99.1/24'),
        configured('fe80::1/64', { global: false }),
        configured('2001:db8:5::5/64', { expires: true }),
      ],
    });
    expect(lines(plan(EXAMPLE, old))).toEqual([
      '- address 192.169.99.1/24 on pe-e-100 in perouter',
      '+ address 192.169.10.1/24 on pe-e-100 in perouter',
    ]);
  });

  it('replaces the VTEP address on the loopback', () => {
    const moved = { ...EXAMPLE, loopbackAddresses: [prefix('100.65.0.5/32')] };
    expect(lines(plan(moved, converged()))).toEqual([
      '- address 100.65.0.0/32 on lo in perouter',
      '+ address 100.65.0.5/32 on lo in perouter',
    ]);
  });

  it('does not try a sysctl that the kernel lacks', () => {
    const state = converged();
    const sysctls = new Map(state.sysctls).set('net/ipv6/conf/all/accept_untracked_na', undefined);
    expect(plan(EXAMPLE, { ...state, sysctls }).steps).toEqual([]);
    expect(
      lines(plan(EXAMPLE, { ...state, sysctls: sysctls.set('net/ipv4/conf/all/forwarding', '0') })),
    ).toEqual(['~ sysctl net/ipv4/conf/all/forwarding = 1 in perouter']);
  });
});

describe('plan when the configuration changes', () => {
  it('removes a VRF with all that belongs to it, in an order the kernel takes', () => {
    const [red] = EXAMPLE.vrfs;
    const steps = lines(plan({ ...EXAMPLE, vrfs: red ? [red] : [] }, converged()));
    expect(steps).toEqual([
      '- veth pe-e-200 in perouter',
      '- vxlan vni200 in perouter',
      '- bridge br-pe-200 in perouter',
      '- unreachable IPv4 default of vrf blue (table 2) in perouter',
      '- unreachable IPv6 default of vrf blue (table 2) in perouter',
      '- vrf blue in perouter',
    ]);
  });

  it('keeps the VRF and its table when its VNI changes', () => {
    const desired = { ...EXAMPLE, vrfs: [desiredVrf('blue', 201, 11)] };
    const { steps } = plan(desired, converged());
    expect(steps.filter(({ action }) => action === 'remove link')).toHaveLength(7);
    expect(lines({ steps, conflicts: [] })).toContain('- vrf red in perouter');
    expect(lines({ steps, conflicts: [] })).not.toContain('- vrf blue in perouter');
    expect(steps.some(({ action }) => action === 'create vrf')).toBe(false);
  });

  it('gives a new VRF the lowest table that no VRF has', () => {
    const [red] = EXAMPLE.vrfs;
    const withoutFirst = converged({ ...EXAMPLE, vrfs: EXAMPLE.vrfs });
    const desired = { ...EXAMPLE, vrfs: [desiredVrf('green', 300, 12), ...EXAMPLE.vrfs] };
    expect(plan(desired, withoutFirst).steps).toContainEqual(
      expect.objectContaining({ action: 'create vrf', name: 'green', table: 3 }),
    );
    const onlyBlue = { ...EXAMPLE, vrfs: [desiredVrf('green', 300, 12), desiredVrf('blue', 200, 11)] };
    expect(red?.name).toBe('red');
    expect(plan(onlyBlue, withoutFirst).steps).toContainEqual(
      expect.objectContaining({ action: 'create vrf', name: 'green', table: 1 }),
    );
  });

  it('gives an underlay device back that is not wanted any more, with its addresses', () => {
    expect(lines(plan({ ...EXAMPLE, underlayInterfaces: [] }, converged()))).toEqual([
      '> device toswitch1 to the host namespace',
      '+ address 192.168.11.3/24 on toswitch1 in the host namespace',
      '+ address 2001:db8:11::3/64 on toswitch1 in the host namespace',
    ]);
  });

  it('puts addresses back that were lost with the process that moved the device', () => {
    expect(lines(plan(EXAMPLE, withLink(converged(), 'toswitch1', { addresses: [] })))).toEqual([
      '+ address 192.168.11.3/24 on toswitch1 in perouter',
      '+ address 2001:db8:11::3/64 on toswitch1 in perouter',
    ]);
  });
});

describe('what is not of the daemon', () => {
  it('is in the way of its VRF only', () => {
    const { steps, conflicts } = plan(
      { ...EXAMPLE, vrfs: [...EXAMPLE.vrfs, desiredVrf('green', 300, 12)] },
      withForeign(converged(), link('green', 50, { kind: 'dummy' })),
    );
    expect(steps).toEqual([]);
    expect(conflicts).toEqual([
      { object: 'vrf green', reason: expect.stringContaining('a dummy device of this name') },
    ]);
  });

  it('is taken over when it is exactly what is wanted', () => {
    const foreign = withLink(converged(), 'red', { alias: undefined });
    expect(lines(plan(EXAMPLE, foreign))).toEqual(['~ device red in perouter: alias "openpe-routerd"']);
  });

  it('is left alone when it differs, and says in what', () => {
    const state = withLink(converged(), 'vni100', { alias: 'mine', suppressesNeighbours: false, up: false });
    const { steps, conflicts } = plan(EXAMPLE, state);
    expect(steps).toEqual([]);
    expect(conflicts).toEqual([
      { object: 'vxlan vni100', reason: expect.stringContaining('neighbour suppression, being down') },
    ]);
  });

  it('is a VXLAN device of the same name with another VNI', () => {
    const vxlan = { vni: 7, local: prefix('100.65.0.0/32').address, port: 4789, learning: false };
    const { steps, conflicts } = plan(EXAMPLE, withLink(converged(), 'vni100', { alias: undefined, vxlan }));
    expect(steps).toEqual([]);
    expect(conflicts[0]?.object).toBe('vxlan vni100');
  });

  it('is a device of the host with the name of the veth', () => {
    const fresh = freshNode();
    const host = { links: [...fresh.host.links, link('host-e-100', 77, { kind: 'dummy' })] };
    const { steps, conflicts } = plan(EXAMPLE, { ...fresh, host });
    expect(conflicts).toEqual([
      { object: 'veth pe-e-100', reason: expect.stringContaining('another device host-e-100') },
    ]);
    expect(steps.filter(({ action }) => action === 'create vrf')).toEqual([
      expect.objectContaining({ name: 'blue', table: 1 }),
    ]);
  });

  it('is never removed: other devices, other VRFs and their tables', () => {
    const state = withForeign(
      converged(),
      link('tenant', 60, { kind: 'vrf', vrfTable: 3 }),
      link('vni999', 61, { kind: 'vxlan' }),
    );
    const desired = { ...EXAMPLE, vrfs: [desiredVrf('green', 300, 12)] };
    const { steps } = plan(desired, state);
    expect(lines({ steps, conflicts: [] }).filter((line) => /tenant|vni999/.test(line))).toEqual([]);
    expect(steps).toContainEqual(expect.objectContaining({ action: 'create vrf', table: 1 }));
    expect(plan({ ...EXAMPLE, vrfs: [...EXAMPLE.vrfs, ...desired.vrfs] }, state).steps).toContainEqual(
      expect.objectContaining({ action: 'create vrf', table: 4 }),
    );
  });

  it('is an underlay device that somebody else put there: used, but not marked', () => {
    const present = withForeign(
      { ...converged({ ...EXAMPLE, underlayInterfaces: [] }), host: { links: [loopback()] } },
      link('eth7', 70, { up: false, addresses: [configured('192.0.2.1/24')] }),
    );
    const desired = { ...EXAMPLE, underlayInterfaces: ['eth7'], vrfs: [] };
    const only = plan(desired, present).steps.filter(({ group }) => group === 'underlay eth7');
    expect(lines({ steps: only, conflicts: [] })).toEqual(['~ device eth7 in perouter: up']);
  });

  it('is an underlay device that OpenPERouter moved: its mark is the group, and it is taken over', () => {
    const state = withLink(converged(), 'toswitch1', { alias: undefined });
    expect(state.router?.links.find(({ name }) => name === 'toswitch1')?.group).toBe(UNDERLAY_GROUP);
    expect(lines(plan(EXAMPLE, state))).toEqual([
      '~ device toswitch1 in perouter: alias "openpe-routerd underlay 192.168.11.3/24 2001:db8:11::3/64"',
    ]);
  });
});

describe('cleanup', () => {
  it('undoes what plan did', () => {
    const state = converged();
    const undone = new SimulatedKernel(state).perform(cleanup(state).steps).state();
    const fresh = freshNode();
    expect(undone.router).toBeUndefined();
    expect(undone.unreachableDefaults).toEqual([]);
    const shown = (observed: ObservedState): unknown =>
      observed.host.links
        .map(({ name, group, alias, addresses }) => ({
          name,
          group,
          alias,
          addresses: addresses.map((a) => a.prefix),
        }))
        .sort((a, b) => a.name.localeCompare(b.name));
    expect(shown(undone)).toEqual(shown(fresh));
    expect(cleanup(undone).steps).toEqual([]);
  });

  it('moves the underlay device out before the namespace goes', () => {
    const actions = cleanup(converged()).steps.map(({ action }) => action);
    expect(actions.at(-1)).toBe('delete namespace');
    expect(actions.indexOf('move device')).toBeGreaterThan(actions.lastIndexOf('remove link'));
  });

  it('keeps a namespace that it did not make, without its own address', () => {
    const loopbackLink = loopback({
      addresses: [configured('100.65.0.0/32', { own: true }), configured('192.0.2.9/32')],
    });
    const state = { ...converged(), router: { links: [loopbackLink] } };
    expect(lines(cleanup(state))).toEqual(['- address 100.65.0.0/32 on lo in perouter']);
  });

  it('keeps its namespace when others have devices in it, and says which', () => {
    const state = withForeign(
      converged(),
      link('tap0', 80, { kind: 'tun' }),
      link('sit0', 81, { kind: 'sit' }),
    );
    const { steps, conflicts } = cleanup(state);
    expect(steps.some(({ action }) => action === 'delete namespace')).toBe(false);
    expect(conflicts.map(({ object }) => object)).toEqual(['device tap0']);
  });

  it('does nothing on a fresh node', () => {
    expect(cleanup(freshNode())).toEqual({ steps: [], conflicts: [] });
  });
});

describe('marks', () => {
  it('tell own links from underlay devices', () => {
    const state = withForeign(converged(), link('veth9', 90, { kind: 'veth', alias: underlayAlias([]) }));
    expect(cleanup(state).steps).not.toContainEqual(
      expect.objectContaining({ device: 'veth9', action: 'remove link' }),
    );
    expect(OWNER_ALIAS).not.toBe(underlayAlias([]));
  });

  it('fit into an alias', () => {
    const many = Array.from({ length: 40 }, (_, i) => prefix(`2001:db8:1234:5678:9abc:def0:1234:${i}/64`));
    expect(underlayAlias(many).length).toBeLessThanOrEqual(255);
    expect(underlayAlias(many)).toContain('2001:db8:1234:5678:9abc:def0:1234:3/64');
  });
});
