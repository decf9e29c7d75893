import {
  asNumber,
  cidr,
  routeTarget,
  udpPortRule,
  VRF_NAME,
  VRF_NAME_ALLOWED,
  vni,
  vrfName,
} from './network-values.ts';
import { nodeSelector } from './node-selector.ts';
import {
  defaulted,
  type Infer,
  integer,
  list,
  object,
  oneOf,
  optional,
  type Rule,
  required,
  text,
} from './schema.ts';

const localCidr = object({ ipv4: optional(cidr(4)), ipv6: optional(cidr(6)) }, [
  {
    name: 'ipv4 or ipv6',
    check: ({ ipv4, ipv6 }) =>
      ipv4 || ipv6 ? undefined : { message: 'a network is missing', allowed: 'ipv4, ipv6 or both' },
  },
]);

const hostSession = object(
  {
    asn: required(asNumber),
    hostASN: optional(asNumber),
    hostType: optional(oneOf(['External', 'Internal'])),
    localCIDR: required(localCidr),
  },
  [
    {
      name: 'hostASN or hostType',
      check: ({ hostASN, hostType }) =>
        hostASN === undefined && hostType === undefined
          ? {
              field: 'hostASN',
              message: 'the AS of the host is missing',
              allowed: 'hostASN, or hostType (External, Internal)',
            }
          : undefined,
    },
    {
      name: 'not both hostASN and hostType',
      check: ({ hostASN, hostType }) =>
        hostASN !== undefined && hostType !== undefined
          ? {
              field: 'hostType',
              message: 'hostASN and hostType cannot be given together',
              allowed: 'one of the two',
            }
          : undefined,
    },
  ],
);

/** A host session as read. */
export type HostSessionSpec = Infer<typeof hostSession>;

const hostAsnDiffers = <T extends { readonly hostSession?: HostSessionSpec }>(): Rule<T> => ({
  name: 'hostASN differs from asn',
  check: ({ hostSession }) =>
    hostSession?.hostASN !== undefined && hostSession.hostASN === hostSession.asn
      ? {
          field: 'hostSession.hostASN',
          message: 'the host has the same AS number as the router',
          allowed: `any AS number but ${hostSession.asn}; for iBGP with the host, hostType: Internal`,
        }
      : undefined,
});

const routeTargets = list(routeTarget, { maxItems: 100 });
const underlayAddressFamily = oneOf(['IPv4', 'IPv6']);
const vxlanPort = defaulted(integer({}), 4789);

/** `spec` of an L3VNI. */
export const l3vniSpec = object(
  {
    exportRTs: optional(routeTargets),
    hostSession: optional(hostSession),
    importRTs: optional(routeTargets),
    nodeSelector: optional(nodeSelector),
    underlayAddressFamily: optional(underlayAddressFamily),
    vni: required(vni),
    vrf: required(vrfName),
    vxlanPort,
  },
  [hostAsnDiffers(), udpPortRule()],
);

/** `spec` of an L3VNI, as read. */
export type L3VniSpec = Infer<typeof l3vniSpec>;

const bridge = object(
  {
    lifecycle: required(oneOf(['Managed', 'External'])),
    name: optional(text({ maxLength: 15, pattern: VRF_NAME, allowed: VRF_NAME_ALLOWED })),
  },
  [
    {
      name: 'name goes with lifecycle External',
      check: ({ lifecycle, name }) => {
        if ((name !== undefined) === (lifecycle === 'External')) return undefined;
        const message =
          lifecycle === 'External'
            ? 'an external bridge needs its name'
            : 'a managed bridge is named br-hs-<vni>: remove the name, or set lifecycle: External';
        return { field: 'name', message };
      },
    },
  ],
);

const hostMaster = object(
  {
    linuxBridge: optional(bridge),
    ovsBridge: optional(bridge),
    type: required(oneOf(['LinuxBridge', 'OVSBridge'])),
  },
  [
    {
      name: 'bridge goes with type',
      check: ({ type, linuxBridge, ovsBridge }) => {
        const [wanted, other] =
          type === 'LinuxBridge'
            ? (['linuxBridge', 'ovsBridge'] as const)
            : (['ovsBridge', 'linuxBridge'] as const);
        const given = { linuxBridge, ovsBridge };
        if (!given[wanted]) return { field: wanted, message: `type ${type} needs ${wanted}` };
        return given[other] ? { field: other, message: `type ${type} excludes ${other}` } : undefined;
      },
    },
  ],
);

const namedResource = object({ name: required(text({ minLength: 1 })) });

const routingDomain = object(
  {
    l3vni: optional(namedResource),
    l3vpn: optional(namedResource),
    type: required(oneOf(['L3VNI', 'L3VPN'])),
  },
  [
    {
      name: 'l3vni goes with type L3VNI',
      check: ({ type, l3vni, l3vpn }) =>
        type === 'L3VNI' && (!l3vni || l3vpn)
          ? { field: l3vni ? 'l3vpn' : 'l3vni', message: 'type L3VNI takes l3vni, and no l3vpn' }
          : undefined,
    },
    {
      name: 'l3vpn goes with type L3VPN',
      check: ({ type, l3vni, l3vpn }) =>
        type === 'L3VPN' && (!l3vpn || l3vni)
          ? { field: l3vpn ? 'l3vni' : 'l3vpn', message: 'type L3VPN takes l3vpn, and no l3vni' }
          : undefined,
    },
  ],
);

const gatewayAddresses = list(cidr(), { maxItems: 2 }, [
  {
    name: 'one gateway of each family',
    check: ([first, second]) =>
      first && second && first.address.version === second.address.version
        ? {
            field: '[1]',
            message: `a second IPv${second.address.version} gateway`,
            allowed: 'one address of each family',
          }
        : undefined,
  },
]);

/** `spec` of an L2VNI. */
export const l2vniSpec = object(
  {
    gatewayIPs: optional(gatewayAddresses),
    hostMaster: optional(hostMaster),
    nodeSelector: optional(nodeSelector),
    routingDomain: optional(routingDomain),
    underlayAddressFamily: optional(underlayAddressFamily),
    vni: required(vni),
    vxlanPort,
  },
  [
    {
      name: 'gatewayIPs need a routingDomain',
      check: ({ gatewayIPs = [], routingDomain }) =>
        gatewayIPs.length > 0 && !routingDomain
          ? { field: 'gatewayIPs', message: 'gatewayIPs are given without a routingDomain' }
          : undefined,
    },
    udpPortRule(),
  ],
);

/** `spec` of an L2VNI, as read. */
export type L2VniSpec = Infer<typeof l2vniSpec>;

/** `spec` of an L3Passthrough. */
export const l3passthroughSpec = object(
  { hostSession: required(hostSession), nodeSelector: optional(nodeSelector) },
  [hostAsnDiffers()],
);

/** `spec` of an L3VPN. */
export const l3vpnSpec = object(
  {
    exportRTs: optional(routeTargets),
    hostSession: optional(hostSession),
    importRTs: required(routeTargets),
    nodeSelector: optional(nodeSelector),
    rdAssignedNumber: required(integer({ minimum: 1, maximum: 65535 })),
    vrf: required(vrfName),
  },
  [hostAsnDiffers()],
);

/** `spec` of a RawFRRConfig. */
export const rawFrrConfigSpec = object({
  nodeSelector: optional(nodeSelector),
  priority: defaulted(integer({ minimum: 0 }), 0),
  rawConfig: required(text({ minLength: 1 })),
});
