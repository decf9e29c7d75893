import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  NDA_DST,
  NDA_LLADDR,
  NDA_MASTER,
  NDA_PROTOCOL,
  NDA_SRC_VNI,
  NHA_GATEWAY,
  NHA_GROUP,
  NHA_ID,
  NHA_OIF,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NTF_EXT_LEARNED,
  NTF_MASTER,
  NTF_SELF,
  NUD_NOARP,
  NUD_REACHABLE,
  RTM_DELNEIGH,
  RTM_DELNEXTHOP,
  RTM_NEWNEIGH,
  RTM_NEWNEXTHOP,
  RTN_UNICAST,
  RTNH_F_ONLINK,
} from '../netlink/constants.ts';
import type { MessageBuilder } from '../netlink/message-builder.ts';
import { ROUTE_PROTOCOL } from './own-objects.ts';

/** `struct nexthop_grp` (linux/nexthop.h): id, weight - 1, three bytes reserved. */
const GROUP_MEMBER_SIZE = 8;

/** A change of something routes need: a neighbour, an FDB entry, a next-hop object or a group. */
export interface ObjectRequest {
  /** Such as `add neighbour`. */
  readonly operation: string;
  /** Such as `100.64.0.1 dev br-pe-100`. */
  readonly object: string;
  /** Why it cannot even be sent. */
  readonly impossible?: string;
  /** Appends its one message. */
  write(builder: MessageBuilder): void;
  /** Takes the kernel's answer, undefined for success; gives the reason when it is a failure to report. */
  answered(refusal: Refusal | undefined): string | undefined;
}

/** The kernel's no to a request, or our own to one that makes no sense (errno 0). */
export interface Refusal {
  /** Positive errno. */
  readonly errno: number;
  readonly reason: string;
}

/** Address family of 4 or 16 bytes. */
function familyOf(address: Uint8Array): number {
  return address.length === 4 ? AF_INET : AF_INET6;
}

/** Neighbour entry of a tunnel endpoint on a bridge: set by hand, not probed, not aged. */
export function writeNeighbour(
  builder: MessageBuilder,
  bridgeIndex: number,
  address: Uint8Array,
  mac: Uint8Array,
): void {
  builder
    .begin(RTM_NEWNEIGH, NLM_F_REPLACE | NLM_F_CREATE)
    .neighbourHeader(familyOf(address), bridgeIndex, NUD_NOARP, NTF_EXT_LEARNED, RTN_UNICAST)
    .attributeU8(NDA_PROTOCOL, ROUTE_PROTOCOL)
    .attributeBytes(NDA_LLADDR, mac)
    .attributeBytes(NDA_DST, address)
    .end();
}

/** Removes a neighbour entry. */
export function writeNeighbourRemoval(
  builder: MessageBuilder,
  bridgeIndex: number,
  address: Uint8Array,
): void {
  builder
    .begin(RTM_DELNEIGH, 0)
    .neighbourHeader(familyOf(address), bridgeIndex, 0, NTF_EXT_LEARNED, RTN_UNICAST)
    .attributeBytes(NDA_DST, address)
    .end();
}

/** One request, two entries: the VXLAN device's own with the endpoint, and the bridge's for its port. */
export function writeFdbEntry(
  builder: MessageBuilder,
  vxlanIndex: number,
  bridgeIndex: number,
  vni: number,
  mac: Uint8Array,
  vtep: Uint8Array,
): void {
  builder
    .begin(RTM_NEWNEIGH, NLM_F_REPLACE | NLM_F_CREATE)
    .neighbourHeader(
      AF_BRIDGE,
      vxlanIndex,
      NUD_REACHABLE,
      NTF_SELF | NTF_MASTER | NTF_EXT_LEARNED,
      RTN_UNICAST,
    )
    .attributeU8(NDA_PROTOCOL, ROUTE_PROTOCOL)
    .attributeBytes(NDA_LLADDR, mac)
    .attributeBytes(NDA_DST, vtep)
    .attributeU32(NDA_SRC_VNI, vni)
    .attributeU32(NDA_MASTER, bridgeIndex)
    .end();
}

/**
 * Removes one of the two entries, `flag` NTF_SELF or NTF_MASTER. With both flags in one request the kernel
 * stops at the first that is missing and leaves the other (rtnl_fdb_del).
 */
export function writeFdbRemoval(
  builder: MessageBuilder,
  vxlanIndex: number,
  mac: Uint8Array,
  flag: typeof NTF_SELF | typeof NTF_MASTER,
): void {
  builder
    .begin(RTM_DELNEIGH, 0)
    .neighbourHeader(AF_BRIDGE, vxlanIndex, 0, flag | NTF_EXT_LEARNED, RTN_UNICAST)
    .attributeBytes(NDA_LLADDR, mac)
    .end();
}

/** A next-hop object; the kernel refuses an id that is in use. */
export function writeNexthop(
  builder: MessageBuilder,
  id: number,
  gateway: Uint8Array,
  deviceIndex: number,
  onlink: boolean,
): void {
  builder
    .begin(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL)
    .nexthopHeader(familyOf(gateway), 0, ROUTE_PROTOCOL, onlink ? RTNH_F_ONLINK : 0)
    .attributeU32(NHA_ID, id)
    .attributeBytes(NHA_GATEWAY, gateway)
    .attributeU32(NHA_OIF, deviceIndex)
    .end();
}

/** A group of next-hop objects of equal weight; `change` replaces the members of one that is there. */
export function writeGroup(
  builder: MessageBuilder,
  id: number,
  members: readonly number[],
  change: boolean,
): void {
  const bytes = new Uint8Array(members.length * GROUP_MEMBER_SIZE);
  const view = new DataView(bytes.buffer);
  members.forEach((member, index) => {
    view.setUint32(index * GROUP_MEMBER_SIZE, member, true);
  });
  builder
    .begin(RTM_NEWNEXTHOP, NLM_F_CREATE | (change ? NLM_F_REPLACE : NLM_F_EXCL))
    .nexthopHeader(AF_UNSPEC, 0, ROUTE_PROTOCOL, 0)
    .attributeU32(NHA_ID, id)
    .attributeBytes(NHA_GROUP, bytes)
    .end();
}

/** Removes a next-hop object or a group. */
export function writeNexthopRemoval(builder: MessageBuilder, id: number): void {
  builder.begin(RTM_DELNEXTHOP, 0).nexthopHeader(AF_UNSPEC, 0, 0, 0).attributeU32(NHA_ID, id).end();
}
