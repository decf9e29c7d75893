import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parsePrefix } from '../../../net/prefix.ts';
import { loadConfiguration } from '../../../src/config/load-configuration.ts';
import { documents, edit, L3VNI, load, readable, UNDERLAY } from './sample.ts';

const EXAMPLES = fileURLToPath(new URL('../../../deploy/examples/metallb', import.meta.url));

describe('the MetalLB example', () => {
  const current = loadConfiguration(`${EXAMPLES}/current`, { nodeIndex: 1 });
  const first = loadConfiguration(`${EXAMPLES}/first-api`, { nodeIndex: 1 });

  test('gives the addresses of node 1', () => {
    expect(current.findings).toEqual([]);
    expect(readable(current.configuration)).toEqual({
      nodeIndex: 1,
      underlay: {
        source: { kind: 'Underlay', name: 'underlay' },
        asn: 64514,
        routerId: '10.0.0.2',
        vtepIpv4: '100.65.0.1',
        interfaces: ['toswitch1'],
        neighbors: [
          {
            peer: { by: 'address', address: '192.168.11.2' },
            asn: 64512,
            port: 179,
            holdTime: 180,
            keepaliveTime: 60,
            connectRetryTime: 10,
            ebgpTtl: 1,
            families: [
              { family: 'ipv4unicast', routeReflectorClient: false },
              { family: 'evpn', routeReflectorClient: false },
            ],
          },
        ],
      },
      l3vnis: [
        {
          source: { kind: 'L3VNI', name: 'red' },
          vrf: 'red',
          vni: 100,
          vxlanPort: 4789,
          vtepVersion: 4,
          exportRouteTargets: [],
          importRouteTargets: [],
          hostSession: {
            asn: 64514,
            hostAsn: 64515,
            ipv4: {
              cidr: { address: '192.169.10.0', length: 24 },
              router: { address: '192.169.10.1', length: 24 },
              host: { address: '192.169.10.3', length: 24 },
            },
          },
        },
        {
          source: { kind: 'L3VNI', name: 'blue' },
          vrf: 'blue',
          vni: 200,
          vxlanPort: 4789,
          vtepVersion: 4,
          exportRouteTargets: [],
          importRouteTargets: [],
          hostSession: {
            asn: 64514,
            hostAsn: 'external',
            ipv4: {
              cidr: { address: '192.169.11.0', length: 24 },
              router: { address: '192.169.11.1', length: 24 },
              host: { address: '192.169.11.3', length: 24 },
            },
          },
        },
      ],
    });
  });

  test('is the same in the first API, but for the AS number that the first API has to name', () => {
    expect(first.findings).toEqual([]);
    const [red, blue] = first.configuration.l3vnis;
    expect(blue?.hostSession?.hostAsn).toBe(64515);
    const asExternal = blue?.hostSession && { ...blue.hostSession, hostAsn: 'external' };
    const equalised = { ...first.configuration, l3vnis: [red, { ...blue, hostSession: asExternal }] };
    expect(readable(equalised)).toEqual(readable(current.configuration));
  });
});

const SHARED = fileURLToPath(new URL('../../../../shared/openperouter', import.meta.url));
const present = existsSync(SHARED);
if (!present) console.log(`skipped: ${SHARED} is not there; it is not part of the repository`);

describe.runIf(present)("OpenPERouter's own examples", () => {
  const nodeLabels = new Map([['kubernetes.io/hostname', 'worker']]);

  test.each([
    ['examples/evpn/metallb', ['Underlay underlay', 'L3VNI red', 'L3VNI blue'], []],
    ['first-api.yaml', ['Underlay underlay', 'L3VNI red', 'L3VNI blue'], []],
    ['examples/evpn/layer2', ['Underlay underlay', 'L3VNI red'], ['L2VNI layer2']],
    ['examples/evpn/route-reflector', ['Underlay client'], ['L2VNI reflected']],
    ['examples/passthrough/metallb', ['Underlay underlay'], ['L3Passthrough passthrough']],
  ])('%s', (path, usable, unsupported) => {
    const { accepted, findings } = loadConfiguration(`${SHARED}/${path}`, { nodeIndex: 0, nodeLabels });
    expect(accepted.map(({ kind, name }) => `${kind} ${name}`)).toEqual(usable);
    expect(findings.map(({ level, resource }) => `${level} ${resource?.kind} ${resource?.name}`)).toEqual(
      unsupported.map((resource) => `unsupported ${resource}`),
    );
  });
});

describe('forms of the configuration', () => {
  const reference = readable(load(documents(UNDERLAY, L3VNI)).configuration);

  test.each(
    Object.entries({
      'flat, with vrf and vxlanport': `asn: 64514, hostasn: 64515, localcidr: 192.169.10.0/24, vni: 100, vrf: red, vxlanport: 4789`,
      'localcidr by family': `asn: 64514, hostasn: 64515, localcidr: {ipv4: 192.169.10.0/24}, vni: 100`,
      'hostsession in lower case': `vni: 100, vrf: red, hostsession: {asn: 64514, hostasn: 64515, localcidr: {ipv4: 192.169.10.0/24}}`,
      'current names': `vni: 100, vrf: red, hostSession: {asn: 64514, hostASN: 64515, localCIDR: {ipv4: 192.169.10.0/24}}`,
      'a mixture': `vni: 100, vxlanPort: 4789, hostSession: {asn: 64514, hostasn: 64515, localcidr: 192.169.10.0/24}`,
    }),
  )('the first API: %s', (_, spec) => {
    const l3vni = `apiVersion: openpe.openperouter.github.io/v1alpha1
kind: L3VNI
metadata: {name: red}
spec: {${spec}}
`;
    const result = load(documents(UNDERLAY, l3vni));
    expect(result.findings).toEqual([]);
    expect(readable(result.configuration)).toEqual(reference);
  });

  test('the first API: Underlay with old times, bfd and ebgpMultiHop', () => {
    const result = load(`apiVersion: openpe.openperouter.github.io/v1alpha1
kind: Underlay
metadata: {name: underlay}
spec:
  asn: 64514
  routeridcidr: 10.1.0.0/24
  evpn: {vtepcidr: 100.65.0.0/24}
  nics: [toswitch1, toswitch2]
  neighbors:
    - asn: 64512
      address: 192.168.11.2
      holdTime: 1m30s
      keepaliveTime: 30s
      connectTime: "5"
      ebgpMultiHop: true
    - type: internal
      address: 2001:db8::1
      ebgpMultiHop: false
`);
    expect(result.findings).toEqual([]);
    expect(readable(result.configuration.underlay)).toMatchObject({
      routerId: '10.1.0.1',
      vtepIpv4: '100.65.0.0',
      interfaces: ['toswitch1', 'toswitch2'],
      neighbors: [
        { asn: 64512, holdTime: 90, keepaliveTime: 30, connectRetryTime: 5, ebgpTtl: 255 },
        { asn: 'internal', peer: { address: '2001:db8::1' }, ebgpTtl: 1 },
      ],
    });
  });

  test('static files, entries with and without a name, as spec or with a spec', () => {
    const result = load(
      {
        'openpe_underlay.yaml': `underlays:
  - asn: 64514
    tunnelEndpoint: {cidrs: [100.65.0.0/24]}
    nics: [toswitch1]
    neighbors: [{asn: 64512, address: 192.168.11.2}]
l2vnis:
`,
        'openpe_vnis.yaml': `l3vnis:
  - vrf: red
    vni: 100
    hostSession: {asn: 64514, hostASN: 64515, localCIDR: {ipv4: 192.169.10.0/24}}
  - name: blue
    vrf: blue
    vni: 200
  - name: green
    spec: {vrf: green, vni: 300}
`,
        'node-config.yaml': 'nodeIndex: {index: 2}\nnodeName: worker-2\nlogLevel: debug\n',
      },
      {},
    );
    expect(result.findings).toEqual([]);
    const { nodeIndex, nodeName, logLevel, underlay, l3vnis } = result.configuration;
    expect({ nodeIndex, nodeName, logLevel }).toEqual({
      nodeIndex: 2,
      nodeName: 'worker-2',
      logLevel: 'debug',
    });
    expect(readable(underlay)).toMatchObject({ vtepIpv4: '100.65.0.2', routerId: '10.0.0.3' });
    expect(l3vnis.map(({ source, vrf, vni }) => [source.name, vrf, vni])).toEqual([
      ['static-l3vni-0', 'red', 100],
      ['blue', 'blue', 200],
      ['green', 'green', 300],
    ]);
  });

  test('a List of resources, JSON, and merge keys', () => {
    const [underlay, l3vni] = [UNDERLAY, L3VNI].map(
      (text) => `  - ${text.trimEnd().replaceAll('\n', '\n    ')}\n`,
    );
    expect(readable(load(`kind: List\napiVersion: v1\nitems:\n${underlay}${l3vni}`).configuration)).toEqual(
      reference,
    );
    const json = { apiVersion: 'network.openperouter.io/v1alpha1', kind: 'L3VNI', metadata: { name: 'red' } };
    const hostSession = { asn: 64514, hostASN: 64515, localCIDR: { ipv4: '192.169.10.0/24' } };
    const spec = { vni: 100, vrf: 'red', hostSession };
    const files = { 'a.yaml': UNDERLAY, 'b.json': JSON.stringify({ ...json, spec }, null, 1) };
    expect(readable(load(files).configuration)).toEqual(reference);
    const merged = edit(L3VNI, 'spec:\n', 'spec:\n  <<: {vni: 5, underlayAddressFamily: IPv4}\n');
    expect(readable(load(documents(UNDERLAY, merged)).configuration)).toEqual(reference);
  });

  test('both forms of one thing in one resource are an error', () => {
    const both = load(`apiVersion: openpe.openperouter.github.io/v1alpha1
kind: L3VNI
metadata: {name: red}
spec: {vni: 100, localcidr: 192.169.10.0/24, hostSession: {asn: 1, hostASN: 2, localCIDR: {ipv4: 10.0.0.0/24}}}
`);
    expect(both.findings[0]).toMatchObject({
      field: 'spec.localcidr',
      message: 'spec.localcidr and spec.hostSession say the same thing: remove one',
    });
  });
});

describe('values of the model', () => {
  test('IPv6 and both families', () => {
    const underlay = edit(UNDERLAY, '[100.65.0.0/24]', '[100.65.0.0/24, 2001:db8:65::/64]');
    const l3vni = edit(
      L3VNI,
      'ipv4: 192.169.10.0/24',
      'ipv6: 2001:db8:169:10::/64\n      ipv4: 192.169.10.0/24',
    );
    const ipv6Tunnel = edit(l3vni, '  vrf: red', '  vrf: red\n  underlayAddressFamily: IPv6');
    const { findings, configuration } = load(documents(underlay, ipv6Tunnel), { nodeIndex: 5 });
    expect(findings).toEqual([]);
    expect(readable(configuration)).toMatchObject({
      underlay: { vtepIpv4: '100.65.0.5', vtepIpv6: '2001:db8:65::5' },
      l3vnis: [
        {
          vtepVersion: 6,
          hostSession: {
            ipv4: { host: { address: '192.169.10.7' } },
            ipv6: {
              router: { address: '2001:db8:169:10::1', length: 64 },
              host: { address: '2001:db8:169:10::7', length: 64 },
            },
          },
        },
      ],
    });
  });

  test('an IPv6 tunnel when the Underlay has no other', () => {
    const underlay = edit(UNDERLAY, '100.65.0.0/24', '2001:db8:65::/64');
    expect(load(documents(underlay, L3VNI)).configuration.l3vnis[0]?.vtepVersion).toBe(6);
  });

  test('route targets of all forms', () => {
    const targets = '  exportRTs: ["64514:4294967295", "4200000000:65535", "192.0.2.1:7"]\n';
    const { configuration } = load(documents(UNDERLAY, edit(L3VNI, 'spec:\n', `spec:\n${targets}`)));
    expect(readable(configuration.l3vnis[0]?.exportRouteTargets)).toEqual([
      { type: 'as', asn: 64514, number: 4294967295 },
      { type: 'as', asn: 4200000000, number: 65535 },
      { type: 'address', address: '192.0.2.1', number: 7 },
    ]);
  });

  test('a neighbor with everything that is built', () => {
    const neighbor = `address: 2001:db8::2
      port: 1790
      password: s3cret
      holdTimeSeconds: 9
      keepaliveTimeSeconds: 3
      connectTimeSeconds: 1
      properties: [{type: ebgpMultiHop, ebgpMultiHop: {ttl: 3}}]
      addressFamilies: [{type: evpn}, {type: ipv6unicast}]`;
    const { findings, configuration } = load(edit(UNDERLAY, 'address: 192.168.11.2', neighbor));
    expect(findings).toEqual([]);
    expect(readable(configuration.underlay?.neighbors)).toEqual([
      {
        peer: { by: 'address', address: '2001:db8::2' },
        asn: 64512,
        port: 1790,
        holdTime: 9,
        keepaliveTime: 3,
        connectRetryTime: 1,
        ebgpTtl: 3,
        password: 's3cret',
        families: [
          { family: 'evpn', routeReflectorClient: false },
          { family: 'ipv6unicast', routeReflectorClient: false },
        ],
      },
    ]);
  });

  test('properties of our own', () => {
    const neighbor = `address: 192.168.11.2
      properties: [{type: gtsm}, {type: role, role: {local: Customer}}]
      addressFamilies:
        - type: ipv4unicast
          properties:
            - {type: maximumPrefixes, maximumPrefixes: {limit: 1000}}
            - {type: longLivedGracefulRestart}
        - type: ipv6unicast
          properties:
            - type: maximumPrefixes
              maximumPrefixes: {limit: 10, warnPercent: 51, action: Restart, restartSeconds: 30}
            - {type: longLivedGracefulRestart, longLivedGracefulRestart: {maxStaleTimeSeconds: 60}}
        - {type: evpn, properties: [{type: maximumPrefixes, maximumPrefixes: {limit: 9, action: Warn}}]}`;
    const { findings, configuration } = load(edit(UNDERLAY, 'address: 192.168.11.2', neighbor));
    expect(findings).toEqual([]);
    const [built] = configuration.underlay?.neighbors ?? [];
    expect(built?.gtsmHops).toBe(1);
    expect(built?.families.map(({ longLivedStaleTime }) => longLivedStaleTime)).toEqual([
      Number.POSITIVE_INFINITY,
      60,
      undefined,
    ]);
    expect(built?.role).toEqual({ local: 'Customer', strict: false });
    expect(built?.families.map(({ maximumPrefixes }) => maximumPrefixes)).toEqual([
      { limit: 1000, warnAt: 750, answer: { heldFor: Number.POSITIVE_INFINITY } },
      { limit: 10, warnAt: 6, answer: { heldFor: 30_000 } },
      { limit: 9, warnAt: 7, answer: 'warn' },
    ]);
  });

  test.each([
    ['192.168.11.2', false, ['ipv4unicast']],
    ['192.168.11.2', true, ['ipv4unicast', 'evpn']],
    ['2001:db8::2', false, ['ipv6unicast']],
    ['2001:db8::2', true, ['ipv4unicast', 'ipv6unicast', 'evpn']],
  ])('default families of %s, with VNIs: %s', (address, withVnis, families) => {
    const underlay = edit(UNDERLAY, '192.168.11.2', address);
    const { configuration } = load(withVnis ? documents(underlay, L3VNI) : underlay);
    expect(configuration.underlay?.neighbors[0]?.families.map(({ family }) => family)).toEqual(families);
  });
});

describe('which node this is', () => {
  const node = (config: string, addresses: readonly string[] = []) =>
    load(
      { 'node-config.yaml': config, 'openpe.yaml': UNDERLAY },
      {
        interfaceAddress: (name) =>
          name === 'eth0' ? addresses.flatMap((text) => parsePrefix(text) ?? []) : undefined,
      },
    );

  test.each([
    [['192.168.11.3/24'], '', 3],
    [['2001:db8::1:2/64', '192.168.11.3/24'], '', 3],
    [['2001:db8::1:2/64'], '', 65538],
    [['10.0.1.1/16'], '', 257],
    [['192.168.11.3/24', '10.1.0.9/16'], '10.1.0.0/16', 9],
    [['192.168.11.3/24', '2001:db8::7/64'], '2001:db8::/64', 7],
  ])('from the addresses %s and cidr "%s"', (addresses, cidr, index) => {
    const selection = cidr === '' ? '' : `, cidr: "${cidr}"`;
    const { configuration, findings } = node(`nodeIndex: {interfaceName: eth0${selection}}`, addresses);
    const usable = index < 256;
    expect(configuration.nodeIndex).toBe(index);
    expect(findings.some(({ field }) => field === 'spec.routerIDCIDR')).toBe(!usable);
  });

  test.each([
    ['nodeIndex: {interfaceName: eth1}', 'nodeIndex.interfaceName', /no interface eth1 with an address/],
    [
      'nodeIndex: {interfaceName: eth0, cidr: 10.0.0.0/8}',
      'nodeIndex.cidr',
      /no address of eth0 \(192.168.11.3\)/,
    ],
    ['nodeIndex: {interfaceName: eth0, index: 4}', 'nodeIndex.interfaceName', /cannot be given together/],
    ['nodeIndex: {index: 4, cidr: 10.0.0.0/8}', 'nodeIndex.cidr', /interfaceName, which is missing/],
    ['nodeIndex: {index: -1}', 'nodeIndex.index', /out of range/],
    ['nodeIndex: {indx: 1}', 'nodeIndex.indx', /did you mean index\?/],
    ['nodeIndex: {index: 1}\nlogLevel: loud', 'logLevel', /not a known value/],
  ])('%s is reported', (config, field, message) => {
    const { findings, accepted, configuration } = node(config, ['192.168.11.3/24']);
    const [finding] = findings;
    // Index 0 is another node's: nothing may run as that by mistake.
    expect(accepted).toEqual([]);
    expect(configuration.underlay).toBeUndefined();
    expect(finding?.field).toBe(field);
    expect(finding?.message).toMatch(message);
    expect(finding?.resource).toEqual({ kind: 'NodeConfig', name: 'node-config' });
  });

  test('the command line wins over the file; without either a warning says so', () => {
    const files = { 'node-config.yaml': 'nodeIndex: {index: 2}\nnodeName: a', 'openpe.yaml': UNDERLAY };
    const { configuration } = load(files, { nodeIndex: 7, nodeName: 'b' });
    expect([configuration.nodeIndex, configuration.nodeName]).toEqual([7, 'b']);
    expect(load(UNDERLAY, {}).findings).toMatchObject([{ level: 'warning', field: 'nodeIndex' }]);
  });

  test('a second node configuration is an error', () => {
    const files = { 'a.yaml': 'nodeIndex: {index: 2}', 'b.yaml': 'nodeName: x', 'c.yaml': UNDERLAY };
    expect(load(files).findings).toMatchObject([{ level: 'error', location: { file: 'b.yaml' } }]);
  });
});

describe('nodeSelector', () => {
  const selecting = (selector: string): string =>
    edit(UNDERLAY, 'spec:\n', `spec:\n  nodeSelector: ${selector}\n`);
  const nodeLabels = new Map([
    ['rack', 'a'],
    ['control-plane', ''],
  ]);

  test.each([
    ['{}', true],
    ['{matchLabels: {rack: a}}', true],
    ['{matchLabels: {rack: b}}', false],
    ['{matchLabels: {zone: a}}', false],
    ['{matchExpressions: [{key: rack, operator: In, values: [a, b]}]}', true],
    ['{matchExpressions: [{key: rack, operator: NotIn, values: [a, b]}]}', false],
    ['{matchExpressions: [{key: zone, operator: NotIn, values: [a]}]}', true],
    ['{matchExpressions: [{key: control-plane, operator: Exists}]}', true],
    ['{matchExpressions: [{key: control-plane, operator: DoesNotExist}]}', false],
    ['{matchLabels: {rack: a}, matchExpressions: [{key: zone, operator: Exists}]}', false],
  ])('%s matches: %s', (selector, matches) => {
    const result = load(selecting(selector), { nodeIndex: 0, nodeLabels });
    expect(result.findings).toEqual([]);
    expect(result.accepted.length).toBe(matches ? 1 : 0);
    expect(result.notForThisNode.length).toBe(matches ? 0 : 1);
  });

  test('without labels the resource is left out, and said to be', () => {
    const result = load(selecting('{matchLabels: {rack: a}}'));
    expect(result.accepted).toEqual([]);
    expect(result.findings).toMatchObject([{ level: 'warning', field: 'spec.nodeSelector' }]);
    expect(load(selecting('{}')).accepted.length).toBe(1);
  });

  test('one Underlay for each node, when selectors tell them apart', () => {
    const other = edit(selecting('{matchLabels: {rack: b}}'), 'name: underlay', 'name: other');
    const { accepted, findings } = load(documents(other, selecting('{matchLabels: {rack: a}}')), {
      nodeIndex: 0,
      nodeLabels,
    });
    expect(findings).toEqual([]);
    expect(accepted.map(({ name }) => name)).toEqual(['underlay']);
  });
});

describe('a route reflector', () => {
  const NEIGHBOR = 'asn: 64512\n      address: 192.168.11.2';
  const client = `type: Internal\n      address: 192.168.11.2\n      addressFamilies: [{type: evpn, properties: [{type: routeReflectorClient}]}, {type: ipv4unicast}]`;

  test.each([
    ['{clusterID: 192.0.2.9}', '192.0.2.9'],
    ['{}', '192.0.2.1'],
  ])('%s has clients by family', (field, clusterId) => {
    const withClient = edit(UNDERLAY, NEIGHBOR, client);
    const { findings, configuration } = load(
      edit(withClient, 'asn: 64514', `asn: 64514\n  routeReflector: ${field}`),
    );
    expect(findings).toEqual([]);
    expect(readable(configuration.underlay)).toMatchObject({ routeReflector: { clusterId } });
    expect(configuration.underlay?.neighbors[0]?.families).toEqual([
      { family: 'evpn', routeReflectorClient: true },
      { family: 'ipv4unicast', routeReflectorClient: false },
    ]);
  });
});

test('documents of other kinds are listed and left alone', () => {
  const { skippedDocuments, findings, accepted } = load(
    documents(
      UNDERLAY,
      'apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: peerred}\n',
      '# nothing\n',
    ),
  );
  expect(findings).toEqual([]);
  expect(accepted.length).toBe(1);
  expect(skippedDocuments).toMatchObject([{ kind: 'BGPPeer', name: 'peerred', location: { line: 17 } }]);
});
