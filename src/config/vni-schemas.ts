import * as z from 'zod/mini';
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
import { integer, list, object, type Rule, text } from './schema.ts';

const localCidr = object({ ipv4: z.optional(cidr(4)), ipv6: z.optional(cidr(6)) }, [
  {
    name: 'ipv4 or ipv6',
    check: ({ ipv4, ipv6 }) =>
      ipv4 || ipv6 ? undefined : { message: 'a network is missing', allowed: 'ipv4, ipv6 or both' },
  },
]);

const hostSession = object(
  {
    asn: asNumber,
    hostASN: z.optional(asNumber),
    hostType: z.optional(z.enum(['External', 'Internal'])),
    localCIDR: localCidr,
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
export type HostSessionSpec = z.output<typeof hostSession>;

const hostAsnDiffers = <T extends { readonly hostSession?: HostSessionSpec | undefined }>(): Rule<T> => ({
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
const underlayAddressFamily = z.enum(['IPv4', 'IPv6']);
const vxlanPort = z.prefault(integer({}), 4789);

/** `spec` of an L3VNI. */
export const l3vniSpec = object(
  {
    exportRTs: z.optional(routeTargets),
    hostSession: z.optional(hostSession),
    importRTs: z.optional(routeTargets),
    nodeSelector: z.optional(nodeSelector),
    underlayAddressFamily: z.optional(underlayAddressFamily),
    vni: vni,
    vrf: vrfName,
    vxlanPort,
  },
  [hostAsnDiffers(), udpPortRule()],
);

/** `spec` of an L3VNI, as read. */
export type L3VniSpec = z.output<typeof l3vniSpec>;

const bridge = object(
  {
    lifecycle: z.enum(['Managed', 'External']),
    name: z.optional(text({ maxLength: 15, pattern: VRF_NAME, allowed: VRF_NAME_ALLOWED })),
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
    linuxBridge: z.optional(bridge),
    ovsBridge: z.optional(bridge),
    type: z.enum(['LinuxBridge', 'OVSBridge']),
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

const namedResource = object({ name: text({ minLength: 1 }) });

const routingDomain = object(
  {
    l3vni: z.optional(namedResource),
    l3vpn: z.optional(namedResource),
    type: z.enum(['L3VNI', 'L3VPN']),
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
    gatewayIPs: z.optional(gatewayAddresses),
    hostMaster: z.optional(hostMaster),
    nodeSelector: z.optional(nodeSelector),
    routingDomain: z.optional(routingDomain),
    underlayAddressFamily: z.optional(underlayAddressFamily),
    vni: vni,
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
export type L2VniSpec = z.output<typeof l2vniSpec>;

/** `spec` of an L3Passthrough. */
export const l3passthroughSpec = object(
  { hostSession: hostSession, nodeSelector: z.optional(nodeSelector) },
  [hostAsnDiffers()],
);

/** `spec` of an L3VPN. */
export const l3vpnSpec = object(
  {
    exportRTs: z.optional(routeTargets),
    hostSession: z.optional(hostSession),
    importRTs: routeTargets,
    nodeSelector: z.optional(nodeSelector),
    rdAssignedNumber: integer({ minimum: 1, maximum: 65535 }),
    vrf: vrfName,
  },
  [hostAsnDiffers()],
);

/** `spec` of a RawFRRConfig. */
export const rawFrrConfigSpec = object({
  nodeSelector: z.optional(nodeSelector),
  priority: z.prefault(integer({ minimum: 0 }), 0),
  rawConfig: text({ minLength: 1 }),
});
