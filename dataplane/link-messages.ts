import type { IpAddress } from '../net/address.ts';
import type { IpPrefix } from '../net/prefix.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  IFA_ADDRESS,
  IFA_F_NODAD,
  IFA_FLAGS,
  IFA_LOCAL,
  IFA_PROTO,
  IFF_UP,
  IFLA_AF_SPEC,
  IFLA_BRPORT_NEIGH_SUPPRESS,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  IFLA_VRF_TABLE,
  IFLA_VXLAN_ID,
  IFLA_VXLAN_LEARNING,
  IFLA_VXLAN_LINK,
  IFLA_VXLAN_LOCAL,
  IFLA_VXLAN_LOCAL6,
  IFLA_VXLAN_PORT,
  IN6_ADDR_GEN_MODE_NONE,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_UNSPEC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  RTM_SETLINK,
  RTN_UNREACHABLE,
  RTPROT_STATIC,
  VETH_INFO_PEER,
} from './netlink/constants.ts';
import { MessageBuilder } from './netlink/message-builder.ts';
import type { VxlanParameters } from './observed.ts';
import { ADDRESS_PROTOCOL, OWNER_ALIAS, UNREACHABLE_METRIC } from './ownership.ts';

/** `lo`, which every network namespace has at this index. */
const LOOPBACK_INDEX = 1;

/** What of a device to change, with other devices by index. */
export interface LinkSettings {
  readonly alias?: string | undefined;
  readonly mtu?: number | undefined;
  readonly group?: number | undefined;
  readonly masterIndex?: number | undefined;
  readonly withoutLinkLocal?: boolean | undefined;
  readonly suppressNeighbours?: boolean | undefined;
  readonly up?: boolean | undefined;
  /** Descriptor of the namespace to move to. */
  readonly namespaceDescriptor?: number | undefined;
}

/** Messages that make a VRF, mark it and bring it up. One send carries them all out: no unmarked one is left behind. */
export function vrfMessages(name: string, table: number): MessageBuilder {
  const builder = beginCreation(name);
  const info = builder.beginNested(IFLA_LINKINFO);
  builder.attributeText(IFLA_INFO_KIND, 'vrf');
  const data = builder.beginNested(IFLA_INFO_DATA);
  builder.attributeU32(IFLA_VRF_TABLE, table).endNested(data).endNested(info).end();
  return addSettings(builder, name, { alias: OWNER_ALIAS, up: true });
}

/** Messages that make a bridge as member of a VRF. */
export function bridgeMessages(name: string, masterIndex: number): MessageBuilder {
  const builder = beginCreation(name);
  const info = builder.beginNested(IFLA_LINKINFO);
  builder.attributeText(IFLA_INFO_KIND, 'bridge').endNested(info).end();
  return addSettings(builder, name, { alias: OWNER_ALIAS, masterIndex, withoutLinkLocal: true, up: true });
}

/** Messages that make a VXLAN device without learning as port of a bridge. */
export function vxlanMessages(
  name: string,
  parameters: VxlanParameters,
  masterIndex: number,
): MessageBuilder {
  const { vni, local, port } = parameters;
  const builder = beginCreation(name);
  const info = builder.beginNested(IFLA_LINKINFO);
  builder.attributeText(IFLA_INFO_KIND, 'vxlan');
  const data = builder.beginNested(IFLA_INFO_DATA);
  builder
    .attributeU32(IFLA_VXLAN_ID, vni)
    .attributeU32(IFLA_VXLAN_LINK, LOOPBACK_INDEX)
    .attributeBytes(local.version === 4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, local.bytes)
    .attributeU16Network(IFLA_VXLAN_PORT, port)
    .attributeU8(IFLA_VXLAN_LEARNING, 0)
    .endNested(data)
    .endNested(info)
    .end();
  const marks = { alias: OWNER_ALIAS, masterIndex, withoutLinkLocal: true };
  return addSettings(builder, name, { ...marks, suppressNeighbours: true, up: true });
}

/** Messages that make a veth, one end here in a VRF, the other in the namespace of the descriptor (down and unmarked). */
export function vethMessages(
  names: { readonly here: string; readonly there: string },
  mtu: number | undefined,
  namespaceDescriptor: number,
  masterIndex: number,
): MessageBuilder {
  const builder = beginCreation(names.here);
  if (mtu !== undefined) builder.attributeU32(IFLA_MTU, mtu);
  const info = builder.beginNested(IFLA_LINKINFO);
  builder.attributeText(IFLA_INFO_KIND, 'veth');
  const data = builder.beginNested(IFLA_INFO_DATA);
  const peer = builder.beginNested(VETH_INFO_PEER);
  builder.linkHeader(AF_UNSPEC, 0, 0, 0).attributeText(IFLA_IFNAME, names.there);
  if (mtu !== undefined) builder.attributeU32(IFLA_MTU, mtu);
  builder.attributeU32(IFLA_NET_NS_FD, namespaceDescriptor);
  builder.endNested(peer).endNested(data).endNested(info).end();
  return addSettings(builder, names.here, { alias: OWNER_ALIAS, masterIndex, up: true });
}

/** Messages that change a device. */
export function settingsMessages(name: string, settings: LinkSettings): MessageBuilder {
  return addSettings(new MessageBuilder(512), name, settings);
}

/** A message that moves a device to another namespace and changes it there, all at once. */
export function moveMessage(name: string, settings: LinkSettings): Uint8Array {
  const builder = new MessageBuilder(512);
  builder.begin(RTM_SETLINK, 0).linkHeader(AF_UNSPEC, 0, settings.up ? IFF_UP : 0, settings.up ? IFF_UP : 0);
  return attributes(builder, name, settings).end().copy();
}

/**
 * The kernel's own order inside one message differs between its versions, so what depends on another change
 * has a message of its own: joining a bridge before the port's options, everything before going up.
 */
function addSettings(builder: MessageBuilder, name: string, settings: LinkSettings): MessageBuilder {
  const { suppressNeighbours, up, ...plain } = settings;
  if (Object.values(plain).some((value) => value !== undefined)) {
    builder.begin(RTM_SETLINK, 0).linkHeader(AF_UNSPEC, 0, 0, 0);
    attributes(builder, name, plain).end();
  }
  if (suppressNeighbours) {
    builder.begin(RTM_NEWLINK, 0).linkHeader(AF_UNSPEC, 0, 0, 0).attributeText(IFLA_IFNAME, name);
    const info = builder.beginNested(IFLA_LINKINFO);
    builder.attributeText(IFLA_INFO_SLAVE_KIND, 'bridge');
    const data = builder.beginNested(IFLA_INFO_SLAVE_DATA);
    builder.attributeU8(IFLA_BRPORT_NEIGH_SUPPRESS, 1).endNested(data).endNested(info).end();
  }
  if (up) {
    builder.begin(RTM_SETLINK, 0).linkHeader(AF_UNSPEC, 0, IFF_UP, IFF_UP).attributeText(IFLA_IFNAME, name);
    builder.end();
  }
  return builder;
}

function attributes(builder: MessageBuilder, name: string, settings: LinkSettings): MessageBuilder {
  builder.attributeText(IFLA_IFNAME, name);
  const { namespaceDescriptor, alias, mtu, group, masterIndex } = settings;
  if (namespaceDescriptor !== undefined) builder.attributeU32(IFLA_NET_NS_FD, namespaceDescriptor);
  // An empty value, not an empty text, takes the alias away.
  if (alias !== undefined) builder.attributeBytes(IFLA_IFALIAS, Buffer.from(alias));
  if (mtu !== undefined) builder.attributeU32(IFLA_MTU, mtu);
  if (group !== undefined) builder.attributeU32(IFLA_GROUP, group);
  if (masterIndex !== undefined) builder.attributeU32(IFLA_MASTER, masterIndex);
  if (settings.withoutLinkLocal) {
    const families = builder.beginNested(IFLA_AF_SPEC);
    const inet6 = builder.beginNested(AF_INET6);
    builder
      .attributeU8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE)
      .endNested(inet6)
      .endNested(families);
  }
  return builder;
}

function beginCreation(name: string): MessageBuilder {
  return new MessageBuilder(1024)
    .begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL)
    .linkHeader(AF_UNSPEC, 0, 0, 0)
    .attributeText(IFLA_IFNAME, name);
}

/** A message that removes a device. */
export function removeLinkMessage(name: string): Uint8Array {
  return linkByName(RTM_DELLINK, name);
}

/** A request for a device; the answer is an RTM_NEWLINK. */
export function getLinkMessage(name: string): Uint8Array {
  return linkByName(RTM_GETLINK, name);
}

function linkByName(type: number, name: string): Uint8Array {
  const builder = new MessageBuilder(64).begin(type, 0).linkHeader(AF_UNSPEC, 0, 0, 0);
  return builder.attributeText(IFLA_IFNAME, name).end().copy();
}

/**
 * A message that adds an address, marked as the daemon's; one that is there already gets the mark.
 *
 * @param unique no other node can have it: without duplicate address detection
 */
export function addAddressMessage(prefix: IpPrefix, linkIndex: number, unique: boolean): Uint8Array {
  const builder = beginAddress(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, prefix, linkIndex);
  builder.attributeU8(IFA_PROTO, ADDRESS_PROTOCOL);
  if (unique && prefix.address.version === 6) builder.attributeU32(IFA_FLAGS, IFA_F_NODAD);
  return builder.end().copy();
}

/** A message that removes an address. */
export function removeAddressMessage(prefix: IpPrefix, linkIndex: number): Uint8Array {
  return beginAddress(RTM_DELADDR, 0, prefix, linkIndex).end().copy();
}

function beginAddress(type: number, flags: number, prefix: IpPrefix, linkIndex: number): MessageBuilder {
  const { address, length } = prefix;
  return new MessageBuilder(128)
    .begin(type, flags)
    .addressHeader(familyOf(address), length, RT_SCOPE_UNIVERSE, linkIndex)
    .attributeBytes(IFA_LOCAL, address.bytes)
    .attributeBytes(IFA_ADDRESS, address.bytes);
}

/** A message that adds or removes the unreachable default route of a table; adding it again changes nothing. */
export function unreachableDefaultMessage(verb: 'add' | 'remove', version: 4 | 6, table: number): Uint8Array {
  const adds = verb === 'add';
  return new MessageBuilder(64)
    .begin(adds ? RTM_NEWROUTE : RTM_DELROUTE, adds ? NLM_F_CREATE | NLM_F_REPLACE : 0)
    .routeHeader(
      version === 4 ? AF_INET : AF_INET6,
      0,
      RT_TABLE_UNSPEC,
      adds ? RTPROT_STATIC : 0,
      RT_SCOPE_UNIVERSE,
      RTN_UNREACHABLE,
      0,
    )
    .attributeU32(RTA_TABLE, table)
    .attributeU32(RTA_PRIORITY, UNREACHABLE_METRIC)
    .end()
    .copy();
}

function familyOf(address: IpAddress): number {
  return address.version === 4 ? AF_INET : AF_INET6;
}
