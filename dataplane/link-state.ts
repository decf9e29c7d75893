import { addressFromBytes, type IpAddress } from '../net/address.ts';
import { AttributeReader, viewOf } from './netlink/attribute-reader.ts';
import {
  AF_INET,
  AF_INET6,
  IFA_ADDRESS,
  IFA_F_DADFAILED,
  IFA_F_PERMANENT,
  IFA_F_TEMPORARY,
  IFA_F_TENTATIVE,
  IFA_FLAGS,
  IFA_LOCAL,
  IFA_PROTO,
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_BRPORT_NEIGH_SUPPRESS,
  IFLA_CARRIER_DOWN_COUNT,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_INFO_SLAVE_DATA,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_VRF_TABLE,
  IFLA_VXLAN_ID,
  IFLA_VXLAN_LEARNING,
  IFLA_VXLAN_LINK,
  IFLA_VXLAN_LOCAL,
  IFLA_VXLAN_LOCAL6,
  IFLA_VXLAN_PORT,
  IN6_ADDR_GEN_MODE_NONE,
  RT_SCOPE_UNIVERSE,
} from './netlink/constants.ts';
import type { ObservedAddress, ObservedLink } from './observed.ts';
import { ADDRESS_PROTOCOL } from './ownership.ts';

/** Sizes of `struct ifinfomsg` and `struct ifaddrmsg`. */
const LINK_HEADER = 16;
const ADDRESS_HEADER = 8;

/** Reads an RTM_NEWLINK payload, without addresses; undefined for one that is too short or has no name. */
export function parseLink(payload: Uint8Array): ObservedLink | undefined {
  if (payload.length < LINK_HEADER) return undefined;
  const view = viewOf(payload);
  const attributes = new AttributeReader(payload, LINK_HEADER);
  const name = attributes.text(IFLA_IFNAME);
  if (name === undefined) return undefined;
  const info = attributes.nested(IFLA_LINKINFO);
  const kind = info.text(IFLA_INFO_KIND);
  const data = info.nested(IFLA_INFO_DATA);
  const inet6 = attributes.nested(IFLA_AF_SPEC).nested(AF_INET6);
  return {
    index: view.getInt32(4, true),
    name,
    kind,
    alias: attributes.text(IFLA_IFALIAS),
    group: attributes.u32(IFLA_GROUP) ?? 0,
    mtu: attributes.u32(IFLA_MTU) ?? 0,
    up: (view.getUint32(8, true) & IFF_UP) !== 0,
    carrier: (view.getUint32(8, true) & IFF_LOWER_UP) !== 0,
    carrierLosses: attributes.u32(IFLA_CARRIER_DOWN_COUNT) ?? 0,
    masterIndex: attributes.u32(IFLA_MASTER),
    lowerIndex: kind === 'vxlan' ? data.u32(IFLA_VXLAN_LINK) : attributes.u32(IFLA_LINK),
    mac: (attributes.bytes(IFLA_ADDRESS) ?? new Uint8Array()).slice(),
    generatesLinkLocal: inet6.u8(IFLA_INET6_ADDR_GEN_MODE) !== IN6_ADDR_GEN_MODE_NONE,
    vrfTable: kind === 'vrf' ? data.u32(IFLA_VRF_TABLE) : undefined,
    vxlan: kind === 'vxlan' ? parseVxlan(data) : undefined,
    suppressesNeighbours: info.nested(IFLA_INFO_SLAVE_DATA).u8(IFLA_BRPORT_NEIGH_SUPPRESS) === 1,
    addresses: [],
  };
}

function parseVxlan(data: AttributeReader): ObservedLink['vxlan'] {
  return {
    vni: data.u32(IFLA_VXLAN_ID) ?? 0,
    local: parseLocal(data),
    port: data.u16Network(IFLA_VXLAN_PORT) ?? 0,
    learning: data.u8(IFLA_VXLAN_LEARNING) !== 0,
  };
}

function parseLocal(data: AttributeReader): IpAddress {
  const bytes = data.bytesOfSize(IFLA_VXLAN_LOCAL, 4) ?? data.bytesOfSize(IFLA_VXLAN_LOCAL6, 16);
  return addressFromBytes(bytes ?? new Uint8Array(4));
}

/** An address and the index of the device it is on. */
export interface AddressOfLink {
  readonly linkIndex: number;
  readonly address: ObservedAddress;
}

/** Reads an RTM_NEWADDR payload; undefined for one that is too short or of another family than IPv4 and IPv6. */
export function parseLinkAddress(payload: Uint8Array): AddressOfLink | undefined {
  if (payload.length < ADDRESS_HEADER) return undefined;
  const view = viewOf(payload);
  const family = view.getUint8(0);
  const size = family === AF_INET ? 4 : family === AF_INET6 ? 16 : undefined;
  if (size === undefined) return undefined;
  const attributes = new AttributeReader(payload, ADDRESS_HEADER);
  // IFA_ADDRESS is the other end's on a point-to-point link.
  const bytes = attributes.bytesOfSize(IFA_LOCAL, size) ?? attributes.bytesOfSize(IFA_ADDRESS, size);
  if (bytes === undefined) return undefined;
  const flags = attributes.u32(IFA_FLAGS) ?? view.getUint8(2);
  return {
    linkIndex: view.getUint32(4, true),
    address: {
      prefix: { address: addressFromBytes(bytes), length: view.getUint8(1) },
      global: view.getUint8(3) === RT_SCOPE_UNIVERSE,
      temporary: family === AF_INET6 && (flags & IFA_F_TEMPORARY) !== 0,
      expires: (flags & IFA_F_PERMANENT) === 0,
      own: attributes.u8(IFA_PROTO) === ADDRESS_PROTOCOL,
      unusable: (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) !== 0,
    },
  };
}
