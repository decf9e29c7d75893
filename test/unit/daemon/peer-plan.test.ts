import { describe, expect, it } from 'vitest';
import { IPV4_UNICAST, L2VPN_EVPN } from '../../../bgp/wire/family.ts';
import type { Underlay } from '../../../src/config/model.ts';
import { fabricInterfaces, fabricPeers } from '../../../src/daemon/peer-plan.ts';
import { addressOf } from '../bgp/rib/speaker-bench.ts';
import { edit, load, UNDERLAY } from '../config/sample.ts';

const NEIGHBOR = 'asn: 64512\n      address: 192.168.11.2';
const WORLD = { namespace: undefined, listen: [], isRestarting: () => false, isPreserved: () => false };

function underlayWith(neighbor: string, part = ''): Underlay {
  const text = edit(edit(UNDERLAY, NEIGHBOR, neighbor), 'asn: 64514', `asn: 64514${part}`);
  const { configuration, findings } = load(text);
  expect(findings).toEqual([]);
  if (!configuration.underlay) throw new Error('no Underlay');
  return configuration.underlay;
}

describe('the paths of a route that are sent', () => {
  const plans = (...properties: string[]) =>
    fabricPeers(
      underlayWith(
        `${NEIGHBOR}\n      addressFamilies: [{type: evpn, properties: [${properties.join()}]}, {type: ipv4unicast}]`,
      ),
      WORLD,
    );

  it.each([
    ['{type: addPath, addPath: {send: All}}', Number.POSITIVE_INFINITY],
    ['{type: addPath, addPath: {send: Best}}', 2],
    ['{type: addPath, addPath: {send: Best, paths: 16}}', 16],
  ])('are in a family with %s: %d', (property, most) => {
    const [plan] = plans(property);
    expect(plan?.settings.addPathSend).toEqual([L2VPN_EVPN]);
    expect([...(plan?.addPath ?? [])]).toEqual([[L2VPN_EVPN, most]]);
  });

  it('are the best one alone elsewhere', () => {
    const [plan] = plans();
    expect(plan?.settings.addPathSend).toEqual([]);
    expect(plan?.addPath?.size).toBe(0);
  });
});

describe('a session to the fabric', () => {
  const families =
    'addressFamilies: [{type: evpn, properties: [{type: routeReflectorClient}]}, {type: ipv4unicast}]';
  const client = `type: Internal\n      address: 192.168.11.2\n      ${families}`;

  it('is with a client where this router is a route reflector', () => {
    const [plan] = fabricPeers(underlayWith(client, '\n  routeReflector: {clusterID: 192.0.2.9}'), WORLD);
    expect(plan?.reflection).toEqual({ clusterId: 0xc0000209, clientOf: [L2VPN_EVPN] });
    expect(plan?.settings.families).toEqual([L2VPN_EVPN, IPV4_UNICAST]);
  });

  it('is with one that is none, all the same', () => {
    const [plan] = fabricPeers(underlayWith(NEIGHBOR, '\n  routeReflector: {}'), WORLD);
    expect(plan?.reflection).toEqual({ clusterId: 0xc0000201, clientOf: [] });
  });

  it('may be with whoever is on an interface', () => {
    const world = { ...WORLD, listen: [{ address: addressOf('2001:db8::1'), port: 179 }] };
    const underlay = underlayWith('type: External\n      interface: toswitch1\n      bfd: {}');
    const [plan] = fabricPeers(underlay, world);
    expect(plan?.settings).toMatchObject({
      name: 'toswitch1',
      interfaceName: 'toswitch1',
      remoteAs: 'external',
    });
    expect(plan?.settings.localAddress).toBeUndefined();
    expect(plan?.bfd?.multiHop).toBe(false);
    expect(fabricInterfaces(underlay)).toEqual(['toswitch1']);
  });

  it('reflects nothing without a routeReflector', () => {
    const [plan] = fabricPeers(underlayWith(client), WORLD);
    expect(plan).toBeDefined();
    expect(plan?.reflection).toBeUndefined();
  });
});
