import { describe, expect, test } from 'vitest';
import { SPEC_SCHEMAS } from '../../../src/config/resource-kinds.ts';
import { factsInside, factsOf, type SchemaFacts } from '../../../src/config/schema-findings.ts';
import { UNSUPPORTED_FEATURES } from '../../../src/config/unsupported-features.ts';
import { brief, documents, edit, L3VNI, load, readable, UNDERLAY } from './sample.ts';

const NEIGHBOR = 'asn: 64512\n      address: 192.168.11.2';

/** Features of the Underlay as a whole, by the field they stand in. */
const UNDERLAY_PARTS: Readonly<Record<string, string>> = {
  isis: '{baseNet: 49.0001.0000.0000.0001.00}',
};

/** Neighbors that are left out, beside one that stays. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  passwordSecret: '{asn: 1, address: 10.0.0.9, passwordSecret: s}',
};

describe('what the schema accepts and is not built yet', () => {
  test.each(Object.entries(UNDERLAY_PARTS))('%s is reported and left out', (field, value) => {
    const { findings, configuration, accepted } = load(
      edit(UNDERLAY, 'asn: 64514', `asn: 64514\n  ${field}: ${value}`),
    );
    expect(findings).toMatchObject([
      { level: 'unsupported', reason: 'Unsupported', field: `spec.${field}`, location: { line: 7 } },
    ]);
    expect(findings[0]?.message).toContain(field);
    expect(accepted.length).toBe(1);
    expect(readable(configuration.underlay)).toEqual(readable(load(UNDERLAY).configuration.underlay));
  });

  test('srv6 with isis', () => {
    const parts = `isis: {baseNet: 49.0001.0000.0000.0001.00}\n  srv6: {locator: {basePrefix: "2001:db8::/32", format: usid-f3216}}`;
    const dualStack = edit(UNDERLAY, '[100.65.0.0/24]', '[100.65.0.0/24, 2001:db8:65::/64]');
    const { findings } = load(edit(dualStack, 'asn: 64514', `asn: 64514\n  ${parts}`));
    expect(findings.map(({ level, field }) => [level, field])).toEqual([
      ['unsupported', 'spec.isis'],
      ['unsupported', 'spec.srv6'],
    ]);
  });

  test.each(Object.entries(LEFT_OUT))('%s: the neighbor is left out', (field, neighbor) => {
    const { findings, configuration } = load(edit(UNDERLAY, NEIGHBOR, `${NEIGHBOR}\n    - ${neighbor}`));
    expect(findings).toMatchObject([{ level: 'unsupported', field: `spec.neighbors[1].${field}` }]);
    expect(readable(configuration.underlay)).toEqual(readable(load(UNDERLAY).configuration.underlay));
  });

  test('an Underlay of which no neighbor is left is not used, and says so', () => {
    const { findings, accepted } = load(
      edit(UNDERLAY, NEIGHBOR, 'asn: 1\n      address: 10.0.0.9\n      passwordSecret: s'),
    );
    expect(brief(findings)).toEqual([
      'unsupported 5:1 spec: nothing that can be used is left: this Underlay is not used',
      'unsupported 16:23 spec.neighbors[0].passwordSecret: passwordSecret is not supported yet: this neighbor is left out; give password instead',
    ]);
    expect(accepted).toEqual([]);
  });

  test('families: those of routes with labels are taken, and nothing is said of them', () => {
    const types = ['ipv6unicast', 'ipv4vpn', 'ipv6vpn', 'ipv4labeledunicast', 'ipv6labeledunicast'];
    const list = types.map((type) => `{type: ${type}}`).join(', ');
    const neighbor = `${NEIGHBOR}\n    - {asn: 1, address: 2001:db8::2, addressFamilies: [${list}]}`;
    const { findings, configuration } = load(edit(UNDERLAY, NEIGHBOR, neighbor));
    expect(findings).toEqual([]);
    expect(configuration.underlay?.neighbors[1]?.families.map(({ family }) => family)).toEqual(types);
  });

  test('interfaces made by a CNI plugin: the Underlay has none left', () => {
    const device =
      '{type: CNIDevice, cniDevice: {type: RawConfig, rawConfig: {cniVersion: 1.0.0, anything: [1]}}}';
    const underlay = edit(
      UNDERLAY,
      '- type: NetworkDevice\n      networkDevice:\n        interfaceName: toswitch1',
      `- ${device}`,
    );
    const { findings, accepted } = load(underlay);
    expect(findings.map(({ level, field }) => [level, field])).toEqual([
      ['unsupported', 'spec'],
      ['unsupported', 'spec.interfaces[0].cniDevice'],
    ]);
    expect(accepted).toEqual([]);
  });

  test('the first API: a VTEP on an existing interface, BFD echo', () => {
    const underlay = `apiVersion: openpe.openperouter.github.io/v1alpha1
kind: Underlay
metadata: {name: underlay}
spec:
  asn: 1
  nics: [eth0]
  evpn: {vtepInterface: dummy0}
  neighbors: [{asn: 2, address: 10.0.0.1, bfd: {echoMode: true, passiveMode: true, minimumTtl: 5}}]
`;
    const { findings, configuration } = load(underlay);
    expect(findings.map(({ level, field }) => [level, field])).toEqual([
      ['unsupported', 'spec.evpn.vtepInterface'],
      ['unsupported', 'spec.neighbors[0].bfd.echoMode'],
    ]);
    expect(configuration.underlay?.vtepIpv4).toBeUndefined();
  });

  const session = 'hostSession: {asn: 1, hostASN: 2, localCIDR: {ipv4: 10.1.0.0/24}}';
  test.each([
    ['L2VNI', 'vni: 300'],
    ['L3Passthrough', session],
    ['L3VPN', 'vrf: green, importRTs: ["1:1"], rdAssignedNumber: 1'],
    ['RawFRRConfig', 'rawConfig: "router bgp 1"'],
  ])('a resource of kind %s is not used, and an invalid one is an error', (kind, spec) => {
    const resource = (content: string): string =>
      `apiVersion: network.openperouter.io/v1alpha1\nkind: ${kind}\nmetadata: {name: other}\nspec: {${content}}\n`;
    const { findings, accepted } = load(documents(UNDERLAY, L3VNI, resource(spec)));
    expect(findings).toMatchObject([{ level: 'unsupported', resource: { kind, name: 'other' } }]);
    expect(accepted.length).toBe(2);
    expect(load(documents(UNDERLAY, resource('nonsense: 1'))).findings[0]).toMatchObject({ level: 'error' });
  });

  test('the same kinds in a static file', () => {
    const files = {
      'openpe_all.yaml': `bgppassthrough: {${session}}\nrawfrrconfigs: [{rawConfig: x}]\nl2vnis: [{vrf: red, vni: 7, hostmaster: {type: linux-bridge, linuxBridge: {name: br0}}, l2gatewayip: 10.9.0.1/24}]\n`,
    };
    const { findings } = load(files);
    expect(findings.map(({ level, resource }) => [level, resource?.kind, resource?.name])).toEqual([
      ['unsupported', 'L3Passthrough', 'static-l3passthrough'],
      ['unsupported', 'RawFRRConfig', 'static-rawfrrconfig-0'],
      ['unsupported', 'L2VNI', 'static-l2vni-0'],
    ]);
  });
});

describe('the table of unsupported features', () => {
  const factsAt = (path: string, root: SchemaFacts): SchemaFacts | undefined => {
    let facts: SchemaFacts | undefined = root;
    for (const step of path.replaceAll('[]', '.[]').split('.')) {
      facts = factsInside(facts, step === '[]' ? 0 : step);
    }
    return facts;
  };

  test.each(UNSUPPORTED_FEATURES.map((feature) => [feature.path, feature] as const))(
    '%s is a field of the schema, inside what is dropped for it',
    (path, { kind, drops, value }) => {
      const facts = factsAt(path, factsOf(SPEC_SCHEMAS[kind]));
      expect(facts).toBeDefined();
      expect(path.startsWith(drops)).toBe(true);
      if (value !== undefined) expect(facts?.enum).toContain(value);
    },
  );
});
