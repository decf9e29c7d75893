import { prefixContains } from '../../net/prefix.ts';
import { readPrefix } from './address-notation.ts';
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
import {
  defaulted,
  type Infer,
  integer,
  list,
  object,
  oneOf,
  opaque,
  optional,
  parsedText,
  type Rule,
  required,
  text,
} from './schema.ts';

const networkDevice = object({ interfaceName: required(interfaceName) });

const cniDevice = object(
  {
    interfaceName: defaulted(interfaceName, 'net1'),
    rawConfig: optional(opaque),
    runtimeConfig: optional(opaque),
    type: required(oneOf(['RawConfig'])),
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
    type: required(oneOf(['NetworkDevice', 'CNIDevice'])),
    networkDevice: optional(networkDevice),
    cniDevice: optional(cniDevice),
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
  detectMultiplier: optional(integer({ minimum: 2, maximum: 255 })),
  minimumTTL: optional(integer({ minimum: 1, maximum: 254 })),
  receiveInterval: optional(integer({ minimum: 10, maximum: 60000 })),
  sessionMode: optional(oneOf(['Active', 'Passive'])),
  transmitInterval: optional(integer({ minimum: 10, maximum: 60000 })),
});

const addressFamily = object({
  properties: optional(
    list(object({ type: required(oneOf(['routeReflectorClient'])) }), { maxItems: 8, uniqueBy: 'type' }),
  ),
  type: required(oneOf(['ipv4unicast', 'ipv6unicast', 'evpn', 'ipv4vpn', 'ipv6vpn'])),
});

type AddressFamily = Infer<typeof addressFamily>;

function isVpn({ type }: AddressFamily): boolean {
  return type === 'ipv4vpn' || type === 'ipv6vpn';
}

const neighborProperty = object({
  ebgpMultiHop: optional(object({ ttl: optional(integer({ minimum: 1, maximum: 255 })) })),
  type: required(oneOf(['ebgpMultiHop'])),
});

const neighborFields = {
  address: optional(ipAddress),
  addressFamilies: optional(
    list(addressFamily, { maxItems: 4, uniqueBy: 'type' }, [
      {
        name: 'evpn excludes ipv4vpn and ipv6vpn',
        check: (families) =>
          families.some(({ type }) => type === 'evpn') && families.some(isVpn)
            ? { message: 'evpn cannot be combined with ipv4vpn or ipv6vpn' }
            : undefined,
      },
    ]),
  ),
  asn: optional(asNumber),
  bfd: optional(bfd),
  connectTimeSeconds: optional(integer({ minimum: 1, maximum: 65535 })),
  holdTimeSeconds: optional(integer({})),
  interface: optional(looseInterfaceName),
  keepaliveTimeSeconds: optional(integer({})),
  listenRange: optional(listenRange),
  password: optional(
    text({ maxLength: 128, pattern: /^\S+$/, allowed: 'a password without white space', secret: true }),
  ),
  passwordSecret: optional(text()),
  port: optional(integer({ minimum: 0, maximum: 16384 })),
  properties: optional(list(neighborProperty, { maxItems: 1, uniqueBy: 'type' })),
  type: optional(oneOf(['External', 'Internal'])),
};

const plainNeighbor = object(neighborFields);
type PlainNeighbor = Infer<typeof plainNeighbor>;

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
      type !== 'Internal' && addressFamilies.some(({ properties = [] }) => properties.length > 0)
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

const isisName = list(oneOf(['advertisePassiveOnly']), { maxItems: 32 });
const isisInterfaceFeatures = list(oneOf(['passive']), { maxItems: 32 });

const isis = object({
  baseNet: required(
    parsedText({
      minLength: 25,
      maxLength: 25,
      allowed: 'an IS-IS NET such as 49.0001.0000.0000.0001.00',
      rule: 'an IS-IS NET',
      parse: (value) => (/^[0-9a-f]{2}\.([0-9a-f]{4}\.){4}[0-9a-f]{2}$/.test(value) ? value : undefined),
    }),
  ),
  features: optional(isisName),
  interfaces: optional(
    list(
      object({
        features: optional(isisInterfaceFeatures),
        ipFamily: optional(oneOf(['IPv4', 'IPv6', 'DualStack'])),
        name: required(looseInterfaceName),
      }),
      { maxItems: 128, uniqueBy: 'name' },
    ),
  ),
  level: optional(oneOf([1, 2])),
});

const srv6 = object({
  encapBehavior: optional(oneOf(['H.Encaps', 'H.Encaps.Red'])),
  locator: required(
    object({
      basePrefix: required(
        parsedText({
          minLength: 1,
          maxLength: 43,
          allowed: 'an IPv6 network in CIDR notation',
          rule: 'an IPv6 network',
          parse: (value) => (readPrefix(value)?.address.version === 6 ? value : undefined),
        }),
      ),
      format: required(oneOf(['usid-f3216'])),
    }),
  ),
});

const tunnelEndpoint = object({
  cidrs: required(
    list(cidr(), { minItems: 1, maxItems: 2 }, [
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
  ),
});

const underlayFields = {
  asn: required(asNumber),
  gracefulRestart: optional(
    object({
      restartTimeSeconds: defaulted(integer({ minimum: 1, maximum: 4095 }), 120),
      stalePathTimeSeconds: defaulted(integer({ minimum: 1, maximum: 4095 }), 360),
    }),
  ),
  interfaces: required(
    list(underlayInterface, { minItems: 1 }, [
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
  ),
  isis: optional(isis),
  neighbors: required(list(object(neighborFields, neighborRules), { minItems: 1, maxItems: 128 })),
  nodeSelector: optional(nodeSelector),
  routeReflector: optional(object({ clusterID: defaulted(ipv4Address, '192.0.2.1') })),
  routerIDCIDR: defaulted(cidr(4), '10.0.0.0/24'),
  srv6: optional(srv6),
  tunnelEndpoint: optional(tunnelEndpoint),
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
export type UnderlaySpec = Infer<typeof underlaySpec>;

/** An entry of `spec.neighbors`, as read. */
export type NeighborSpec = UnderlaySpec['neighbors'][number];
