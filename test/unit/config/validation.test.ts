import { describe, expect, test } from 'vitest';
import { brief, documents, edit, L3VNI, load, UNDERLAY } from './sample.ts';

/** What is replaced in the sample, by what, and the finding that must come first. */
type Case = readonly [part: string, replacement: string, finding: string];

const NEIGHBOR = 'asn: 64512\n      address: 192.168.11.2';

const UNDERLAY_CASES: readonly Case[] = [
  ['asn: 64514', 'asn: 0', 'error 6:8 spec.asn: 0 is out of range'],
  ['asn: 64514', 'asn: 4294967296', 'error 6:8 spec.asn: 4294967296 is out of range'],
  ['asn: 64514', 'asn: 1.5', 'error 6:8 spec.asn: a whole number is expected here'],
  [
    'asn: 64514',
    'asn: "64514"',
    'error 6:8 spec.asn: a number is expected here, not text: remove the quotes',
  ],
  ['asn: 64514', 'asn: [1]', 'error 6:3 spec.asn: a whole number is expected here'],
  ['  asn: 64514\n', '', 'error 5:1 spec.asn: spec.asn is missing'],
  ['  asn: 64514\n', '  asn:\n', 'error 5:1 spec.asn: spec.asn is missing'],
  [
    '100.65.0.0/24',
    '100.65.0.0/33',
    'error 8:13 spec.tunnelEndpoint.cidrs[0]: 100.65.0.0/33 is not an IPv4 or IPv6 network in CIDR notation, such as 192.169.10.0/24',
  ],
  [
    '100.65.0.0/24',
    '100.65.0.0/24, 10.0.0.0/8',
    'error 8:28 spec.tunnelEndpoint.cidrs[1]: a second IPv4 CIDR',
  ],
  ['[100.65.0.0/24]', '[]', 'error 8:5 spec.tunnelEndpoint.cidrs: a list of 0 items is too short'],
  [
    'toswitch1',
    'averyveryverylongname',
    'error 12:24 spec.interfaces[0].networkDevice.interfaceName: too long: 21 characters, at most 15',
  ],
  [
    'toswitch1',
    '0eth',
    'error 12:24 spec.interfaces[0].networkDevice.interfaceName: 0eth is not an interface name: 1 to 15 letters, digits, ".", "_" or "-", a letter first',
  ],
  [
    'type: NetworkDevice',
    'type: NetworkDevices',
    'error 10:13 spec.interfaces[0].type: NetworkDevices is not a known value: did you mean NetworkDevice?',
  ],
  [
    'type: NetworkDevice',
    'type: CNIDevice',
    'error 10:7 spec.interfaces[0].cniDevice: type CNIDevice needs cniDevice',
  ],
  [
    '      networkDevice:\n        interfaceName: toswitch1\n',
    '',
    'error 10:7 spec.interfaces[0].networkDevice: type NetworkDevice needs networkDevice',
  ],
  [
    '    - type: NetworkDevice\n',
    '    - {type: NetworkDevice, networkDevice: {interfaceName: toswitch1}}\n    - type: NetworkDevice\n',
    'error 13:24 spec.interfaces[1].networkDevice.interfaceName: the interface toswitch1 is listed twice',
  ],
  [NEIGHBOR, 'asn: 64512', 'error 14:7 spec.neighbors[0].address: nothing says who the neighbor is'],
  [NEIGHBOR, 'address: 10.0.0.1', 'error 14:7 spec.neighbors[0].asn: the AS of the neighbor is missing'],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      type: External`,
    'error 16:13 spec.neighbors[0].type: asn and type cannot be given together',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      interface: eth0`,
    'error 16:18 spec.neighbors[0].interface: address and interface cannot be given together',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      listenRange: 10.0.0.0/8`,
    'error 15:16 spec.neighbors[0].address: listenRange and address cannot be given together',
  ],
  [
    NEIGHBOR,
    'asn: 1\n      listenRange: fe80::/64',
    'error 15:20 spec.neighbors[0].listenRange: fe80::/64 is not a network in CIDR notation that is not IPv6 link-local',
  ],
  [
    '192.168.11.2',
    '192.168.11.256',
    'error 15:16 spec.neighbors[0].address: 192.168.11.256 is not an IPv4 or IPv6 address',
  ],
  [
    '192.168.11.2',
    '0.0.0.0',
    'error 15:16 spec.neighbors[0].address: 0.0.0.0 is no address a neighbor can have',
  ],
  [
    '192.168.11.2',
    'ff02::1',
    'error 15:16 spec.neighbors[0].address: ff02::1 is no address a neighbor can have',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n    - {asn: 1, address: 192.168.11.2}`,
    'error 16:25 spec.neighbors[1].address: the neighbor 192.168.11.2 is given twice; it is neighbors[0] already',
  ],
  [
    NEIGHBOR,
    'asn: 1\n      address: 2001:db8::1\n    - {asn: 1, address: "2001:DB8:0::1"}',
    'error 16:25 spec.neighbors[1].address: the neighbor 2001:db8::1 is given twice; it is neighbors[0] already',
  ],
  [NEIGHBOR, `${NEIGHBOR}\n      port: 16385`, 'error 16:13 spec.neighbors[0].port: 16385 is out of range'],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      holdTimeSeconds: 9`,
    'error 14:7 spec.neighbors[0].keepaliveTimeSeconds: keepaliveTimeSeconds is missing: the two times are given together or not at all',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      holdTimeSeconds: 2\n      keepaliveTimeSeconds: 1`,
    'error 16:24 spec.neighbors[0].holdTimeSeconds: a hold time of 2 s is not possible',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      holdTimeSeconds: 9\n      keepaliveTimeSeconds: 10`,
    'error 17:29 spec.neighbors[0].keepaliveTimeSeconds: a keepalive time of 10 s does not fit a hold time of 9 s',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      addressFamilies: [{type: evpn}, {type: evpn}]`,
    'error 16:46 spec.neighbors[0].addressFamilies[1].type: the same type is given twice',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      addressFamilies: [{type: evpn}, {type: ipv4vpn}]`,
    'error 16:7 spec.neighbors[0].addressFamilies: evpn cannot be combined with ipv4vpn or ipv6vpn',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      addressFamilies: [{type: evpn, properties: [{type: routeReflectorClient}]}]`,
    'error 14:7 spec.neighbors[0].type: a routeReflectorClient has type Internal',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      addressFamilies: [{type: evpn, properties: [{type: addPath}]}]`,
    'error 16:51 spec.neighbors[0].addressFamilies[0].properties[0].addPath: type addPath needs addPath',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      addressFamilies: [{type: evpn, properties: [{type: addPath, addPath: {send: All, paths: 3}}]}]`,
    'error 16:95 spec.neighbors[0].addressFamilies[0].properties[0].addPath.paths: paths is only for send Best, not All',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      addressFamilies: [{type: evpn, properties: [{type: addPath, addPath: {send: Best, paths: 17}}]}]`,
    'error 16:96 spec.neighbors[0].addressFamilies[0].properties[0].addPath.paths: 17 is out of range',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      properties: [{type: role}]`,
    'error 16:20 spec.neighbors[0].properties[0].role: type role needs role',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      properties: [{type: role, role: {local: Upstream}}]`,
    'error 16:47 spec.neighbors[0].properties[0].role.local: Upstream is not a known value',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      properties: [{type: role, role: {local: Peer, strict: "yes"}}]`,
    'error 16:61 spec.neighbors[0].properties[0].role.strict: a truth value is expected here',
  ],
  [
    'asn: 64512',
    'type: Internal\n      properties: [{type: role, role: {local: Peer}}]',
    'error 15:27 spec.neighbors[0].properties[0].type: an internal neighbor has no role',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      addressFamilies: [{type: ipv4unicats}]`,
    'error 16:32 spec.neighbors[0].addressFamilies[0].type: ipv4unicats is not a known value: did you mean ipv4unicast?',
  ],
  [
    NEIGHBOR,
    `${NEIGHBOR}\n      password: 12345`,
    'error 16:17 spec.neighbors[0].password: text is expected here, not a number: put it in quotes',
  ],
  [
    'asn: 64514',
    'asn: 64514\n  srv6: {locator: {basePrefix: "2001:db8::/32", format: usid-f3216}}',
    'error 5:1 spec.isis: srv6 is given without isis',
  ],
  [
    'asn: 64514',
    'asn: 64514\n  routeReflector: {clusterID: 10.0.0.9}',
    'error 7:31 spec.routeReflector.clusterID: the cluster id lies inside routerIDCIDR',
  ],
  [
    'asn: 64514',
    'asn: 64514\n  routerIDCIDR: 10.0.0.0/32',
    'error 7:17 spec.routerIDCIDR: 10.0.0.0/32 has no router id for node index 0',
  ],
  [
    'kind: Underlay',
    'kind: Underlai',
    'error 2:7 kind: Underlai is not a kind of network.openperouter.io: did you mean Underlay?',
  ],
  [
    'network.openperouter.io/v1alpha1',
    'network.openperouter.io/v1',
    'error 1:13 apiVersion: version v1 of network.openperouter.io is not known',
  ],
  [
    'network.openperouter.io/v1alpha1',
    'networks.openperouter.io/v1alpha1',
    'error 1:13 apiVersion: a resource of kind Underlay with an apiVersion that is not known',
  ],
  ['  name: underlay\n', '', 'error 1:1 metadata.name: this Underlay has no name'],
  ['spec:', 'specs:', 'error 1:1 spec: this Underlay has no spec'],
];

const L3VNI_CASES: readonly Case[] = [
  ['vni: 100', 'vni: 0', 'error 22:8 spec.vni: 0 is out of range'],
  [
    'vni: 100',
    'vni: 99999999999999999999999999',
    'error 22:8 spec.vni: 99999999999999999999999999 is out of range',
  ],
  ['vni: 100', 'vni: .inf', 'error 22:8 spec.vni: a whole number is expected here'],
  ['  vrf: red\n', '', 'error 21:1 spec.vrf: spec.vrf is missing'],
  ['vrf: red', 'vrf: 100', 'error 23:8 spec.vrf: text is expected here, not a number: put it in quotes'],
  [
    'vrf: red',
    'vrf: red.1',
    'error 23:8 spec.vrf: red.1 is not a name of 1 to 15 letters, digits, "_" or "-", a letter first (it becomes a Linux interface)',
  ],
  [
    'vrf: red',
    'vrf: lo',
    'error 23:8 spec.vrf: lo cannot be the name of a VRF: a device or a setting of the kernel has it',
  ],
  [
    'vrf: red',
    'vrf: toswitch1',
    'error 23:8 spec.vrf: toswitch1 cannot be the name of a VRF: an interface of the Underlay has it',
  ],
  ['vrf: red', 'vrf: red\n  vxlanPort: 65536', 'error 24:14 spec.vxlanPort: 65536 is not a UDP port'],
  [
    'vrf: red',
    'vrf: red\n  importRTs: ["64514"]',
    'error 24:15 spec.importRTs[0]: 64514 is not a route target: asn:number (number up to 4294967295; up to 65535 when asn is above 65535) or a.b.c.d:number (up to 65535)',
  ],
  [
    'vrf: red',
    'vrf: red\n  exportRTs: ["4200000000:65536"]',
    'error 24:15 spec.exportRTs[0]: 4200000000:65536 is not a route target: asn:number (number up to 4294967295; up to 65535 when asn is above 65535) or a.b.c.d:number (up to 65535)',
  ],
  [
    'vrf: red',
    'vrf: red\n  underlayAddressFamily: IPv6',
    'error 24:26 spec.underlayAddressFamily: the Underlay underlay has no IPv6 tunnel endpoint, which this L3VNI needs',
  ],
  [
    'vrf: red',
    'vrf: red\n  nodeSelector: {matchExpressions: [{key: a, operator: in}]}',
    'error 24:56 spec.nodeSelector.matchExpressions[0].operator: in is not an operator',
  ],
  [
    'vrf: red',
    'vrf: red\n  nodeSelector: {matchExpressions: [{key: a, operator: In}]}',
    'error 24:37 spec.nodeSelector.matchExpressions[0].values: In needs values',
  ],
  [
    'vrf: red',
    'vrf: red\n  nodeSelector: {matchLabels: {a: 1}}',
    'error 24:35 spec.nodeSelector.matchLabels.a: text is expected here, not a number: put it in quotes',
  ],
  [
    'hostASN: 64515',
    'hostType: Internal\n    hostASN: 64515',
    'error 26:15 spec.hostSession.hostType: hostASN and hostType cannot be given together',
  ],
  ['    hostASN: 64515\n', '', 'error 24:3 spec.hostSession.hostASN: the AS of the host is missing'],
  [
    '      ipv4: 192.169.10.0/24\n',
    '',
    'error 24:3 spec.hostSession.localCIDR: spec.hostSession.localCIDR is missing',
  ],
  [
    'ipv4: 192.169.10.0/24',
    'ip4: 192.169.10.0/24',
    'error 28:7 spec.hostSession.localCIDR.ip4: unknown field ip4: did you mean ipv4?',
  ],
  ['ipv4: 192.169.10.0/24', '{}', 'error 27:5 spec.hostSession.localCIDR: a network is missing'],
  [
    'ipv4: 192.169.10.0/24',
    'ipv6: 192.169.10.0/24',
    'error 28:13 spec.hostSession.localCIDR.ipv6: 192.169.10.0/24 is not an IPv6 network in CIDR notation, such as 2001:db8:169:10::/64',
  ],
  [
    '192.169.10.0/24',
    '192.169.10.0/31',
    'error 28:13 spec.hostSession.localCIDR.ipv4: 192.169.10.0/31 has no address for the host of node index 0',
  ],
  ['name: red', 'name: [red]', 'error 20:3 metadata.name: the name is text'],
];

describe('one mistake in an Underlay', () => {
  test.each(UNDERLAY_CASES)('%j -> %j', (part, replacement, finding) => {
    const { findings, accepted } = load(edit(UNDERLAY, part, replacement));
    expect(brief(findings)[0]).toBe(finding);
    expect(accepted).toEqual([]);
  });
});

test('a neighbor on an interface that the router does not get: a warning', () => {
  const { findings, accepted } = load(edit(UNDERLAY, NEIGHBOR, 'asn: 64512\n      interface: toswitch2'));
  expect(brief(findings)).toEqual([
    'warning 15:18 spec.neighbors[0].interface: the interface toswitch2 is not among those that this Underlay gives the router',
  ]);
  expect(accepted).toHaveLength(1);
  expect(load(edit(UNDERLAY, NEIGHBOR, 'asn: 64512\n      interface: toswitch1')).findings).toEqual([]);
});

describe('one mistake in an L3VNI: the Underlay stays in use', () => {
  test.each(L3VNI_CASES)('%j -> %j', (part, replacement, finding) => {
    const { findings, accepted } = load(documents(UNDERLAY, edit(L3VNI, part, replacement)));
    expect(brief(findings)).toEqual([finding]);
    expect(accepted.map(({ kind }) => kind)).toEqual(['Underlay']);
  });
});

describe('several resources', () => {
  const blue = edit(L3VNI, 'name: red', 'name: blue');

  test('a VRF used twice, a name used twice', () => {
    const sameVrf = edit(edit(blue, 'vni: 100', 'vni: 200'), '192.169.10.0', '192.169.11.0');
    expect(brief(load(documents(UNDERLAY, L3VNI, sameVrf)).findings)).toEqual([
      'error 36:8 spec.vrf: VRF red is in use already, by L3VNI red (openpe.yaml:17)',
    ]);
    expect(brief(load(documents(UNDERLAY, L3VNI, L3VNI)).findings)).toEqual([
      'error 33:9 metadata.name: L3VNI red is defined already, at openpe.yaml:17',
    ]);
  });

  test('the resource read first wins whatever its kind', () => {
    const l2vni = `apiVersion: network.openperouter.io/v1alpha1
kind: L2VNI
metadata: {name: storage}
spec: {vni: 100}
`;
    const { findings, accepted } = load({ 'a.yaml': l2vni, 'b.yaml': documents(UNDERLAY, L3VNI) });
    expect(brief(findings)[1]).toBe(
      'error 22:8 spec.vni: VNI 100 is in use already, by L2VNI storage (a.yaml:1)',
    );
    expect(accepted.map(({ name }) => name)).toEqual(['underlay']);
  });

  test('every index fits while the network has room, and the first that does not is refused', () => {
    const small = edit(L3VNI, '192.169.10.0/24', '192.169.10.0/29');
    expect(load(documents(UNDERLAY, small), { nodeIndex: 4 }).findings).toEqual([]);
    expect(brief(load(documents(UNDERLAY, small), { nodeIndex: 5 }).findings)).toEqual([
      'error 28:13 spec.hostSession.localCIDR.ipv4: 192.169.10.0/29 has no address for the host of node index 5',
    ]);
    expect(load(edit(UNDERLAY, '100.65.0.0/24', '100.65.0.0/30'), { nodeIndex: 3 }).findings).toEqual([]);
    expect(brief(load(edit(UNDERLAY, '100.65.0.0/24', '100.65.0.0/30'), { nodeIndex: 4 }).findings)).toEqual([
      'error 8:13 spec.tunnelEndpoint.cidrs[0]: 100.65.0.0/30 has no tunnel endpoint for node index 4',
    ]);
  });

  test('an L3VNI without any Underlay', () => {
    const { findings, accepted } = load(L3VNI);
    expect(findings).toMatchObject([
      { reason: 'DependencyFailed', level: 'error', resource: { name: 'red' } },
    ]);
    expect(accepted).toEqual([]);
  });

  test.each([
    ['red', []],
    ['green', ['error 33:61 spec.routingDomain.l3vni.name: there is no usable L3VNI green for this node']],
  ])('an L2VNI in the routing domain %s', (name, errors) => {
    const l2vni = `apiVersion: network.openperouter.io/v1alpha1
kind: L2VNI
metadata: {name: storage}
spec: {vni: 300, routingDomain: {type: L3VNI, l3vni: {name: ${name}}}, gatewayIPs: [10.1.0.1/24]}
`;
    const { findings } = load(documents(UNDERLAY, L3VNI, l2vni));
    expect(brief(findings.filter(({ level }) => level === 'error'))).toEqual(errors);
  });

  test('a gateway inside the network of the host session', () => {
    const l2vni = `apiVersion: network.openperouter.io/v1alpha1
kind: L2VNI
metadata: {name: storage}
spec: {vni: 300, routingDomain: {type: L3VNI, l3vni: {name: red}}, gatewayIPs: [192.169.10.9/28]}
`;
    const [finding] = load(documents(UNDERLAY, L3VNI, l2vni)).findings;
    expect(finding).toMatchObject({
      level: 'error',
      field: 'spec.gatewayIPs[0]',
      found: '192.169.10.9/28',
      message: '192.169.10.9/28 overlaps with 192.169.10.0/24 of L3VNI red (openpe.yaml:17)',
    });
  });
});

test('a password never reaches a finding', () => {
  const secret = 'correct horse battery staple';
  const underlay = edit(UNDERLAY, NEIGHBOR, `${NEIGHBOR}\n      password: ${secret}`);
  const { findings } = load(underlay);
  expect(findings).toMatchObject([{ field: 'spec.neighbors[0].password', found: '(not shown)' }]);
  expect(JSON.stringify(findings)).not.toContain('horse');
});
