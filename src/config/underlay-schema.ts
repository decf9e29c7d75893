import * as z from 'zod/mini';
import { prefixContains } from '../../net/prefix.ts';
import { readPrefix } from './address-notation.ts';
import { familyProperties, neighborProperties } from './neighbor-properties.ts';
import {
  asNumber,
  cidr,
  interfaceName,
  ipAddress,
  ipv4Address,
  listenRange,
  looseInterfaceName,
} from './network-values.ts';
import { nodeSelector } from './node-selector.ts';
import { integer, list, object, opaque, parsedText, type Rule, text } from './schema.ts';

const networkDevice = object({ interfaceName: interfaceName });

const cniDevice = object(
  {
    interfaceName: z.prefault(interfaceName, 'net1'),
    rawConfig: z.optional(opaque),
    runtimeConfig: z.optional(opaque),
    type: z.enum(['RawConfig']),
  },
  [
    {
      name: 'rawConfig goes with type RawConfig',
      check: ({ rawConfig }) =>
        rawConfig ? undefined : { field: 'rawConfig', message: 'type RawConfig needs rawConfig' },
    },
  ],
);

const underlayInterface = object(
  {
    type: z.enum(['NetworkDevice', 'CNIDevice']),
    networkDevice: z.optional(networkDevice),
    cniDevice: z.optional(cniDevice),
  },
  [
    {
      name: 'networkDevice goes with type NetworkDevice',
      check: (value) => typeGoesWith(value.type, 'NetworkDevice', 'networkDevice', value.networkDevice),
    },
    {
      name: 'cniDevice goes with type CNIDevice',
      check: (value) => typeGoesWith(value.type, 'CNIDevice', 'cniDevice', value.cniDevice),
    },
  ],
);

function typeGoesWith(type: string, expected: string, field: string, value: unknown) {
  if ((value !== undefined) === (type === expected)) return undefined;
  const message =
    value === undefined
      ? `type ${type} needs ${field}`
      : `${field} is only for type ${expected}, not ${type}`;
  return { field, message };
}

const bfd = object({
  detectMultiplier: z.optional(integer({ minimum: 2, maximum: 255 })),
  minimumTTL: z.optional(integer({ minimum: 1, maximum: 254 })),
  receiveInterval: z.optional(integer({ minimum: 10, maximum: 60000 })),
  sessionMode: z.optional(z.enum(['Active', 'Passive'])),
  transmitInterval: z.optional(integer({ minimum: 10, maximum: 60000 })),
});

const addressFamily = object({
  properties: z.optional(familyProperties),
  type: z.enum([
    'ipv4unicast',
    'ipv6unicast',
    'evpn',
    'ipv4vpn',
    'ipv6vpn',
    'ipv4labeledunicast',
    'ipv6labeledunicast',
  ]),
});

type AddressFamily = z.output<typeof addressFamily>;

function isVpn({ type }: AddressFamily): boolean {
  return type === 'ipv4vpn' || type === 'ipv6vpn';
}

function isReflectorClient({ properties = [] }: AddressFamily): boolean {
  return properties.some(({ type }) => type === 'routeReflectorClient');
}

const neighborFields = {
  address: z.optional(ipAddress),
  addressFamilies: z.optional(
    list(addressFamily, { maxItems: 7, uniqueBy: 'type' }, [
      {
        name: 'evpn excludes ipv4vpn and ipv6vpn',
        check: (families) =>
          families.some(({ type }) => type === 'evpn') && families.some(isVpn)
            ? { message: 'evpn cannot be combined with ipv4vpn or ipv6vpn' }
            : undefined,
      },
    ]),
  ),
  asn: z.optional(asNumber),
  bfd: z.optional(bfd),
  connectTimeSeconds: z.optional(integer({ minimum: 1, maximum: 65535 })),
  holdTimeSeconds: z.optional(integer({})),
  interface: z.optional(looseInterfaceName),
  keepaliveTimeSeconds: z.optional(integer({})),
  listenRange: z.optional(listenRange),
  password: z.optional(
    text({ maxLength: 128, pattern: /^\S+$/, allowed: 'a password without white space', secret: true }),
  ),
  passwordSecret: z.optional(text()),
  port: z.optional(integer({ minimum: 0, maximum: 16384 })),
  properties: z.optional(neighborProperties),
  type: z.optional(z.enum(['External', 'Internal'])),
};

const plainNeighbor = object(neighborFields);
type PlainNeighbor = z.output<typeof plainNeighbor>;

const EITHER_PEER = 'one of address, interface and listenRange';

/** The rules of the resource definition, then those of BGP itself. */
const neighborRules: readonly Rule<PlainNeighbor>[] = [
  {
    name: 'asn or type',
    check: ({ asn, type }) =>
      asn === undefined && type === undefined
        ? {
            field: 'asn',
            message: 'the AS of the neighbor is missing',
            allowed: 'asn, or type (External, Internal)',
          }
        : undefined,
  },
  {
    name: 'not both asn and type',
    check: ({ asn, type }) =>
      asn !== undefined && type !== undefined
        ? { field: 'type', message: 'asn and type cannot be given together', allowed: 'one of asn and type' }
        : undefined,
  },
  {
    name: 'holdTimeSeconds with keepaliveTimeSeconds',
    check: ({ holdTimeSeconds, keepaliveTimeSeconds }) => {
      if ((holdTimeSeconds === undefined) === (keepaliveTimeSeconds === undefined)) return undefined;
      const missing = holdTimeSeconds === undefined ? 'holdTimeSeconds' : 'keepaliveTimeSeconds';
      return {
        field: missing,
        message: `${missing} is missing: the two times are given together or not at all`,
      };
    },
  },
  {
    name: 'holdTimeSeconds is 0 or at least 3',
    check: ({ holdTimeSeconds: time = 0 }) =>
      time === 0 || (time >= 3 && time <= 65535)
        ? undefined
        : {
            field: 'holdTimeSeconds',
            message: `a hold time of ${time} s is not possible`,
            allowed: '0, or 3 to 65535',
          },
  },
  {
    name: 'keepaliveTimeSeconds within holdTimeSeconds',
    check: ({ holdTimeSeconds: hold = 0, keepaliveTimeSeconds: keepalive = 0 }) =>
      keepalive >= 0 && keepalive <= hold
        ? undefined
        : {
            field: 'keepaliveTimeSeconds',
            message: `a keepalive time of ${keepalive} s does not fit a hold time of ${hold} s`,
            allowed: `0 to ${Math.max(hold, 0)}`,
          },
  },
  {
    name: 'a way to find the peer',
    check: (neighbor) =>
      (neighbor.address ?? neighbor.interface ?? neighbor.listenRange)
        ? undefined
        : { field: 'address', message: 'nothing says who the neighbor is', allowed: EITHER_PEER },
  },
  {
    name: 'not both address and interface',
    check: (neighbor) => exclusive(neighbor, 'address', 'interface'),
  },
  {
    name: 'not both listenRange and address',
    check: (neighbor) => exclusive(neighbor, 'listenRange', 'address'),
  },
  {
    name: 'not both listenRange and interface',
    check: (neighbor) => exclusive(neighbor, 'listenRange', 'interface'),
  },
  {
    name: 'no VPN families over an interface',
    check: ({ interface: name, addressFamilies = [] }) =>
      name !== undefined && addressFamilies.some(isVpn)
        ? { field: 'addressFamilies', message: 'ipv4vpn and ipv6vpn need a neighbor given by address' }
        : undefined,
  },
  {
    name: 'VPN families over IPv6',
    check: ({ address, addressFamilies = [] }) =>
      address?.version === 4 && addressFamilies.some(isVpn)
        ? {
            field: 'address',
            message: 'ipv4vpn and ipv6vpn need an IPv6 neighbor',
            allowed: 'an IPv6 address',
          }
        : undefined,
  },
  {
    name: 'routeReflectorClient with type Internal',
    check: ({ type, addressFamilies = [] }) =>
      type !== 'Internal' && addressFamilies.some(isReflectorClient)
        ? { field: 'type', message: 'a routeReflectorClient has type Internal', allowed: 'Internal' }
        : undefined,
  },
  {
    name: 'not both password and passwordSecret',
    check: (neighbor) => exclusive(neighbor, 'password', 'passwordSecret'),
  },
];

function exclusive(neighbor: PlainNeighbor, first: keyof PlainNeighbor, second: keyof PlainNeighbor) {
  return neighbor[first] !== undefined && neighbor[second] !== undefined
    ? { field: second, message: `${first} and ${second} cannot be given together`, allowed: `one of the two` }
    : undefined;
}

const isisName = list(z.enum(['advertisePassiveOnly']), { maxItems: 32 });
const isisInterfaceFeatures = list(z.enum(['passive']), { maxItems: 32 });

const isis = object({
  baseNet: parsedText({
    minLength: 25,
    maxLength: 25,
    allowed: 'an IS-IS NET such as 49.0001.0000.0000.0001.00',
    rule: 'an IS-IS NET',
    parse: (value) => (/^[0-9a-f]{2}\.([0-9a-f]{4}\.){4}[0-9a-f]{2}$/.test(value) ? value : undefined),
  }),
  features: z.optional(isisName),
  interfaces: z.optional(
    list(
      object({
        features: z.optional(isisInterfaceFeatures),
        ipFamily: z.optional(z.enum(['IPv4', 'IPv6', 'DualStack'])),
        name: looseInterfaceName,
      }),
      { maxItems: 128, uniqueBy: 'name' },
    ),
  ),
  level: z.optional(z.literal([1, 2])),
});

const srv6 = object({
  encapBehavior: z.optional(z.enum(['H.Encaps', 'H.Encaps.Red'])),
  locator: object({
    basePrefix: parsedText({
      minLength: 1,
      maxLength: 43,
      allowed: 'an IPv6 network in CIDR notation',
      rule: 'an IPv6 network',
      parse: (value) => (readPrefix(value)?.address.version === 6 ? value : undefined),
    }),
    format: z.enum(['usid-f3216']),
  }),
});

const tunnelEndpoint = object({
  cidrs: list(cidr(), { minItems: 1, maxItems: 2 }, [
    {
      name: 'one CIDR of each family',
      check: ([first, second]) =>
        first && second && first.address.version === second.address.version
          ? {
              field: '[1]',
              message: `a second IPv${second.address.version} CIDR`,
              allowed: 'one CIDR of each family',
            }
          : undefined,
    },
  ]),
});

const underlayFields = {
  asn: asNumber,
  gracefulRestart: z.optional(
    object({
      restartTimeSeconds: z.prefault(integer({ minimum: 1, maximum: 4095 }), 120),
      stalePathTimeSeconds: z.prefault(integer({ minimum: 1, maximum: 4095 }), 360),
    }),
  ),
  interfaces: list(underlayInterface, { minItems: 1 }, [
    {
      name: 'interfaces of one type',
      check: (items) => {
        const index = items.findIndex((item) => item.type !== items[0]?.type);
        if (index === -1) return undefined;
        return {
          field: `[${index}].type`,
          message: 'all interfaces have the same type',
          allowed: `${items[0]?.type}`,
        };
      },
    },
  ]),
  isis: z.optional(isis),
  neighbors: list(object(neighborFields, neighborRules), { minItems: 1, maxItems: 128 }),
  nodeSelector: z.optional(nodeSelector),
  routeReflector: z.optional(object({ clusterID: z.prefault(ipv4Address, '192.0.2.1') })),
  routerIDCIDR: z.prefault(cidr(4), '10.0.0.0/24'),
  srv6: z.optional(srv6),
  tunnelEndpoint: z.optional(tunnelEndpoint),
};

/** `spec` of an Underlay. */
export const underlaySpec = object(underlayFields, [
  {
    name: 'srv6 needs isis',
    check: (spec) =>
      spec.srv6 && !spec.isis ? { field: 'isis', message: 'srv6 is given without isis' } : undefined,
  },
  {
    name: 'srv6 needs an IPv6 tunnel endpoint',
    check: (spec) =>
      spec.srv6 && !spec.tunnelEndpoint?.cidrs.some(({ address }) => address.version === 6)
        ? { field: 'tunnelEndpoint.cidrs', message: 'srv6 is given without an IPv6 tunnel endpoint' }
        : undefined,
  },
  {
    name: 'clusterID outside routerIDCIDR',
    check: ({ routeReflector, routerIDCIDR }) =>
      routeReflector && prefixContains(routerIDCIDR, routeReflector.clusterID)
        ? { field: 'routeReflector.clusterID', message: 'the cluster id lies inside routerIDCIDR' }
        : undefined,
  },
]);

/** `spec` of an Underlay, as read. */
export type UnderlaySpec = z.output<typeof underlaySpec>;

/** An entry of `spec.neighbors`, as read. */
export type NeighborSpec = UnderlaySpec['neighbors'][number];
