import { describe, expect, it } from 'vitest';
import {
  connectedSubnets,
  linkLocalOf,
  ownAddresses,
  routerMacOf,
  tableOf,
} from '../../../dataplane/observed.ts';
import { cleanup, plan } from '../../../dataplane/plan.ts';
import { stepToJson } from '../../../dataplane/plan-step.ts';
import { formatAddress } from '../../../net/address.ts';
import { formatPrefix } from '../../../net/prefix.ts';
import { SimulatedKernel } from './simulated-kernel.ts';
import { configured, EXAMPLE, freshNode, link } from './states.ts';

const converged = new SimulatedKernel(freshNode()).perform(plan(EXAMPLE, freshNode()).steps).state();

describe('stepToJson', () => {
  it('shows addresses as text and keeps everything else', () => {
    const { steps } = plan(EXAMPLE, freshNode());
    const json = steps.map(stepToJson);
    expect(json).toContainEqual({
      action: 'create vxlan',
      group: 'vrf red',
      name: 'vni100',
      bridge: 'br-pe-100',
      parameters: { vni: 100, local: '100.65.0.0', port: 4789 },
    });
    expect(json).toContainEqual({
      action: 'move device',
      group: 'underlay toswitch1',
      device: 'toswitch1',
      to: 'router',
      addresses: ['192.168.11.3/24', '2001:db8:11::3/64'],
    });
    expect(JSON.stringify([...json, ...cleanup(converged).steps.map(stepToJson)])).not.toContain('bytes');
  });
});

describe('what an observed state tells', () => {
  it('has the router MAC, the address of the bridge', () => {
    const bridge = converged.router?.links.find(({ name }) => name === 'br-pe-200');
    expect(routerMacOf(converged, 200)).toEqual(bridge?.mac);
    expect(routerMacOf(converged, 999)).toBeUndefined();
  });

  it('has the tables of the VRFs', () => {
    expect([tableOf(converged, 'red'), tableOf(converged, 'blue'), tableOf(converged, 'lo')]).toEqual([
      1,
      2,
      undefined,
    ]);
  });

  it('has the subnets outside VRFs', () => {
    const shown = connectedSubnets(converged).map(
      ({ device, subnet }) => `${device} ${formatPrefix(subnet)}`,
    );
    expect(shown).toContain('toswitch1 192.168.11.0/24');
    expect(shown.some((line) => line.includes('pe-e-100'))).toBe(false);
  });

  it('has its own addresses, each once', () => {
    const own = ownAddresses(converged).map(formatAddress);
    expect(own).toEqual(expect.arrayContaining(['100.65.0.0', '192.168.11.3', '192.169.10.1']));
    expect(new Set(own).size).toBe(own.length);
    expect(ownAddresses(freshNode())).toEqual([]);
  });

  it('has a link-local address once it may be used', () => {
    const fresh = configured('fe80::1/64', { global: false, unusable: true });
    expect(linkLocalOf(link('eth1', 5, { addresses: [fresh] }))).toBeUndefined();
    const usable = link('eth1', 5, {
      addresses: [configured('192.0.2.1/24'), { ...fresh, unusable: false }],
    });
    expect(linkLocalOf(usable)).toEqual(fresh.prefix.address);
  });
});
