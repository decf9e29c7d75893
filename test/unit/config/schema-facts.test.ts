import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { isConfigurationKind, SPEC_SCHEMAS } from '../../../src/config/resource-kinds.ts';
import { factsInside, factsOf, type SchemaFacts } from '../../../src/config/schema-findings.ts';

const DEFINITIONS = join(import.meta.dirname, '../../../../shared/openperouter/crds');
const present = existsSync(DEFINITIONS);
if (!present) console.log(`skipped: ${DEFINITIONS} is not there; it is not part of the repository`);

/** The part of an OpenAPI schema that resource definitions use. */
interface OpenApiSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly additionalProperties?: OpenApiSchema;
  readonly items?: OpenApiSchema;
  readonly required?: readonly string[];
  readonly default?: string | number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly enum?: readonly (string | number)[];
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-validations'?: ReadonlyArray<{ readonly message: string }>;
}

/** Our rule for each rule of the definitions, by the definition's message; undefined: nothing to check here. */
const RULES: Readonly<Record<string, string | undefined>> = {
  "type/config mismatch: networkDevice must be set if and only if type is 'NetworkDevice'":
    'networkDevice goes with type NetworkDevice',
  "type/config mismatch: cniDevice must be set if and only if type is 'CNIDevice'":
    'cniDevice goes with type CNIDevice',
  "type/config mismatch: rawConfig must be set if and only if type is 'RawConfig'":
    'rawConfig goes with type RawConfig',
  'all interfaces must be of the same type, mixing NetworkDevice and CNIDevice is not supported':
    'interfaces of one type',
  'Provided net address must match canonical format': 'an IS-IS NET',
  'Interface must not contain /, :, or whitespace': 'an interface name for the kernel',
  'Interface cannot be . or ..': 'an interface name for the kernel',
  'Address must be a valid IPv4 or IPv6 address': 'an address',
  'EVPN and IPv4VPN/IPv6VPN address families are mutually exclusive': 'evpn excludes ipv4vpn and ipv6vpn',
  'listenRange must be a valid CIDR': 'a network that is not link-local',
  'listenRange must not be an IPv6 link-local range': 'a network that is not link-local',
  'ebgpMultiHop parameters can only be set when type is ebgpMultiHop': 'settings go with their type',
  'either ASN or Type must be set': 'asn or type',
  'ASN and Type cannot be set together': 'not both asn and type',
  'holdTimeSeconds and keepaliveTimeSeconds must be both set or both unset':
    'holdTimeSeconds with keepaliveTimeSeconds',
  'holdTimeSeconds must be 0 or >=3': 'holdTimeSeconds is 0 or at least 3',
  'keepaliveTimeSeconds must be lower than or equal to holdTimeSeconds':
    'keepaliveTimeSeconds within holdTimeSeconds',
  'Either a valid Address, Interface name or ListenRange must be provided for Neighbor':
    'a way to find the peer',
  'Address and Interface cannot be set together for Neighbor': 'not both address and interface',
  'ipv4vpn and ipv6vpn address families are not supported for unnumbered (interface) neighbors':
    'no VPN families over an interface',
  'ipv4vpn and ipv6vpn address families require an IPv6 neighbor address': 'VPN families over IPv6',
  'listenRange and address are mutually exclusive': 'not both listenRange and address',
  'listenRange and interface are mutually exclusive': 'not both listenRange and interface',
  'routeReflectorClient requires type Internal': 'routeReflectorClient with type Internal',
  'clusterID must be a valid IPv4 address': 'an IPv4 address',
  'prefix must be an IPv6 CIDR': 'an IPv6 network',
  // Every CIDR is parsed.
  'all entries must be valid CIDRs': undefined,
  'at most one IPv4 CIDR is allowed': 'one CIDR of each family',
  'at most one IPv6 CIDR is allowed': 'one CIDR of each family',
  'SRv6 can only be configured if isis is set': 'srv6 needs isis',
  'SRv6 requires at least one IPv6 CIDR in tunnelEndpoint.cidrs': 'srv6 needs an IPv6 tunnel endpoint',
  'routeReflector.clusterID must be outside the routerIDCIDR range': 'clusterID outside routerIDCIDR',
  // A file has no former state.
  "LocalCIDR can't be changed": undefined,
  'GatewayIPs cannot be changed': undefined,
  'at least one of ipv4 or ipv6 must be specified': 'ipv4 or ipv6',
  'either HostASN or HostType must be set': 'hostASN or hostType',
  'HostASN and HostType cannot be set together': 'not both hostASN and hostType',
  'hostASN must be different from asn': 'hostASN differs from asn',
  'name must be set when lifecycle is External, and must not be set when it is Managed.':
    'name goes with lifecycle External',
  "type/config mismatch: 'LinuxBridge' requires linuxBridge field, 'OVSBridge' requires ovsBridge field":
    'bridge goes with type',
  'type L3VNI requires l3vni to be set and l3vpn to be unset': 'l3vni goes with type L3VNI',
  'type L3VPN requires l3vpn to be set and l3vni to be unset': 'l3vpn goes with type L3VPN',
  'gatewayIPs cannot be set without routingDomain': 'gatewayIPs need a routingDomain',
};

/** What ours has beyond the definitions, on purpose: see docs/configuration.md. */
interface Extension {
  readonly fields?: readonly string[];
  readonly values?: readonly string[];
  readonly maxItems?: number;
}

const EXTENSIONS: Readonly<Record<string, Extension>> = {
  'spec.neighbors[].properties': { maxItems: 8 },
  'spec.neighbors[].properties[]': { fields: ['gtsm', 'role'] },
  'spec.neighbors[].properties[].type': { values: ['gtsm', 'role'] },
  'spec.neighbors[].addressFamilies[].properties[]': {
    fields: ['maximumPrefixes', 'addPath', 'longLivedGracefulRestart'],
  },
  'spec.neighbors[].addressFamilies[].properties[].type': {
    values: ['maximumPrefixes', 'addPath', 'longLivedGracefulRestart'],
  },
  'spec.neighbors[].addressFamilies': { maxItems: 7 },
  'spec.neighbors[].addressFamilies[].type': { values: ['ipv4labeledunicast', 'ipv6labeledunicast'] },
};

/** Everything in which ours differs from theirs and should not, as text. */
function differences(path: string, theirs: OpenApiSchema, ours: SchemaFacts): string[] {
  const found: string[] = [];
  const compare = (what: string, their: unknown, our: unknown): void => {
    if (JSON.stringify(their) !== JSON.stringify(our))
      found.push(`${path}: ${what} is ${their} there, ${our} here`);
  };
  const { fields: ownFields = [], values: ownValues = [], maxItems: ownMaxItems } = EXTENSIONS[path] ?? {};
  const bound = (limit: number | undefined) =>
    Math.abs(limit ?? 0) === Number.MAX_SAFE_INTEGER ? undefined : limit;
  compare('type', typeName(theirs), typeName(ours));
  compare('default', theirs.default, ours.default);
  compare('minItems', theirs.minItems ?? 0, ours.minItems ?? 0);
  compare('maxItems', ownMaxItems ?? theirs.maxItems, bound(ours.maxItems));
  compare('pattern', theirs.pattern, ours.pattern);
  compare('enum', theirs.enum && [...theirs.enum, ...ownValues], ours.enum);
  compare('key', theirs['x-kubernetes-list-map-keys']?.[0], ours.uniqueBy);
  if (!theirs.enum) {
    compare('minimum', theirs.minimum, bound(ours.minimum));
    compare('maximum', theirs.maximum, bound(ours.maximum));
    compare('minLength', theirs.minLength, ours.minLength);
    compare('maxLength', theirs.maxLength, ours.maxLength);
  }
  for (const { message } of theirs['x-kubernetes-validations'] ?? []) {
    const rule = RULES[message];
    const known = rule === undefined ? Object.hasOwn(RULES, message) : ours.rules?.includes(rule);
    if (!known) found.push(`${path}: no rule for "${message}"`);
  }
  const items = factsInside(ours, 0);
  if (theirs.items && items) found.push(...differences(`${path}[]`, theirs.items, items));
  const names = new Set([...Object.keys(theirs.properties ?? {}), ...Object.keys(ours.properties ?? {})]);
  for (const name of names) {
    if (ownFields.includes(name) && !theirs.properties?.[name]) continue;
    const their = theirs.properties?.[name];
    const our = ours.properties && Object.hasOwn(ours.properties, name) && factsInside(ours, name);
    const isRequired = theirs.required?.includes(name) ?? false;
    if (!their || !our) {
      found.push(`${path}.${name} is only known ${our ? 'here' : 'there'}`);
      continue;
    }
    if (isRequired !== (ours.required?.includes(name) ?? false))
      found.push(`${path}.${name}: required there: ${isRequired}`);
    found.push(...differences(`${path}.${name}`, their, our));
  }
  return found;
}

/** Ours has `additionalProperties` for texts by name, and an empty one where anything is taken. */
function typeName(schema: OpenApiSchema | SchemaFacts): unknown {
  if (schema.enum) return 'enum';
  if ('x-kubernetes-preserve-unknown-fields' in schema) return 'anything';
  const named = schema.additionalProperties;
  if (typeof named !== 'object') return schema.type;
  return named.type === undefined ? 'anything' : `${schema.type} of ${named.type}`;
}

interface Definition {
  readonly kind: string;
  readonly spec: OpenApiSchema | undefined;
}

function readDefinition(file: string): Definition {
  const document: {
    spec: {
      names: { kind: string };
      versions: ReadonlyArray<{ schema: { openAPIV3Schema: OpenApiSchema } }>;
    };
  } = parse(readFileSync(join(DEFINITIONS, file), 'utf8'));
  const spec = document.spec.versions[0]?.schema.openAPIV3Schema.properties?.spec;
  return { kind: document.spec.names.kind, spec };
}

const definitions = present
  ? readdirSync(DEFINITIONS)
      .map(readDefinition)
      .filter(({ spec }) => spec)
  : [];

describe.runIf(present)('the schemas know every field, default, range and rule of the definitions', () => {
  test('of all kinds', () => {
    expect(definitions.map(({ kind }) => kind).sort()).toEqual(Object.keys(SPEC_SCHEMAS).sort());
  });

  test.each(definitions.map(({ kind, spec }) => [kind, spec] as const))('%s', (kind, spec) => {
    if (!isConfigurationKind(kind) || !spec) throw new Error(`no schema of kind ${kind}`);
    expect(differences('spec', spec, factsOf(SPEC_SCHEMAS[kind]))).toEqual([]);
  });
});

test('the comparison sees what differs', () => {
  const theirs: OpenApiSchema = {
    type: 'object',
    required: ['a'],
    properties: {
      a: { type: 'integer', maximum: 9 },
      b: { type: 'string' },
    },
    'x-kubernetes-validations': [{ message: 'never heard of' }],
  };
  const ours: SchemaFacts = {
    type: 'object',
    properties: { a: { type: 'integer', maximum: 8 } },
  };
  expect(differences('x', theirs, ours)).toEqual([
    'x: no rule for "never heard of"',
    'x.a: required there: true',
    'x.a: maximum is 9 there, 8 here',
    'x.b is only known there',
  ]);
});
