import type { PeerSettings } from '../../../bgp/session/session-events.ts';
import { afiOf, type Family, IPV4_UNICAST, L2VPN_EVPN, safiOf } from '../../../bgp/wire/family.ts';
import { encodeKeepalive } from '../../../bgp/wire/message-header.ts';
import { encodeOpen } from '../../../bgp/wire/open.ts';
import { routerMacCommunity, VXLAN_ENCAPSULATION } from '../../../evpn/extended-communities.ts';
import { derivedRouteTarget, encodeRouteTarget } from '../../../evpn/route-target.ts';
import { ipv4FromNumber } from '../../../net/address.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';

/** Routes of one UPDATE, as many as real tables have of the same attributes. */
export const ROUTES_PER_UPDATE = 6;

/** UPDATEs after which another next hop comes. */
const UPDATES_OF_A_NEXT_HOP = 50;

/** Numbers that need all 32 bits are another kind to V8 than small ones, and real routes have both. */
const LARGE_NUMBER = 0xf000_0000;

/** The AS of a speaker that practises; its peers have the next ones. */
export const PRACTICE_AS = 64_512;
/** The VNI of all EVPN routes. */
export const PRACTICE_VNI = 100;
export const PRACTICE_ROUTER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 1);
const OWN_ADDRESS = 0x0a00_0001;
const HOLD_TIME = 180;

/** Settings of a session with practice peer `index`, from 1 on. */
export function practicePeer(index: number, families: readonly Family[]): PeerSettings {
  return {
    name: `practice ${index}`,
    remoteAddress: ipv4FromNumber(OWN_ADDRESS + index),
    remotePort: 179,
    localAs: PRACTICE_AS,
    remoteAs: PRACTICE_AS + index,
    routerId: OWN_ADDRESS,
    holdTime: HOLD_TIME,
    keepaliveTime: HOLD_TIME / 3,
    connectRetryTime: 5,
    passive: false,
    families,
    socket: {},
  };
}

/** The OPEN and the KEEPALIVE of a peer. */
export function greeting(asn: number, routerId: number, families: readonly Family[]): Uint8Array {
  const writer = new ByteWriter(256);
  encodeOpen(writer, {
    version: 4,
    myAs: asn,
    asn,
    holdTime: 180,
    routerId,
    capabilities: [
      ...families.map((family) => ({ kind: 'multiprotocol', family }) as const),
      { kind: 'route-refresh' },
      { kind: 'four-octet-as', asn },
    ],
  });
  encodeKeepalive(writer);
  return writer.take();
}

/** Writes UPDATE `number` of a family: the same routes for the same number, with attributes of their own. */
export function writeAnnouncement(
  writer: ByteWriter,
  family: Family,
  number: number,
  asn: number,
  hops: number,
): void {
  const start = beginUpdate(writer);
  writer.u16(0);
  const attributes = writer.u16(0).length;
  if (family !== IPV4_UNICAST) {
    const reach = beginMultiprotocol(writer, 14, family);
    const nextHop = family === L2VPN_EVPN ? 4 : 16;
    writer
      .u8(nextHop)
      .fill(0x20, nextHop - 1)
      .u8(nextHopNumber(number))
      .u8(0);
    writeRoutes(writer, family, number);
    writer.patchU16(reach, writer.length - reach - 2);
  }
  writer.u8(0x40).u8(1).u8(1).u8(0);
  writer
    .u8(0x40)
    .u8(2)
    .u8(6 + hops * 4)
    .u8(2)
    .u8(hops + 1);
  for (let hop = 0; hop < hops; hop++) writer.u32(asn);
  writer.u32(LARGE_NUMBER + number);
  if (family === IPV4_UNICAST) writer.u8(0x40).u8(3).u8(4).fill(0x20, 3).u8(nextHopNumber(number));
  if (family === L2VPN_EVPN) writeEvpnCommunities(writer, asn);
  else
    writer
      .u8(0xc0)
      .u8(8)
      .u8(8)
      .u32(0x0001_0000 + number)
      .u32(0x0002_0000 + number);
  writer.patchU16(attributes - 2, writer.length - attributes);
  if (family === IPV4_UNICAST) writeRoutes(writer, family, number);
  writer.patchU16(start + 16, writer.length - start);
}

/** Route target, encapsulation and router MAC. */
function writeEvpnCommunities(writer: ByteWriter, asn: number): void {
  const target = encodeRouteTarget(derivedRouteTarget(asn, PRACTICE_VNI));
  const communities = [target, VXLAN_ENCAPSULATION, routerMacCommunity(PRACTICE_ROUTER_MAC)];
  writer.u8(0xc0).u8(16).u8(24);
  for (const community of communities) writer.raw(community);
}

/** The last octet of the next hop of UPDATE `number`. */
function nextHopNumber(number: number): number {
  return 1 + (Math.floor(number / UPDATES_OF_A_NEXT_HOP) % 200);
}

/** Writes the UPDATE that withdraws the routes of UPDATE `number`. */
export function writeWithdrawal(writer: ByteWriter, family: Family, number: number): void {
  const start = beginUpdate(writer);
  const at = writer.u16(0).length;
  if (family === IPV4_UNICAST) {
    writeRoutes(writer, family, number);
    writer.patchU16(at - 2, writer.length - at);
    writer.u16(0);
  } else {
    writer.u16(0);
    const unreach = beginMultiprotocol(writer, 15, family);
    writeRoutes(writer, family, number);
    writer.patchU16(unreach, writer.length - unreach - 2);
    writer.patchU16(at, writer.length - at - 2);
  }
  writer.patchU16(start + 16, writer.length - start);
}

function beginUpdate(writer: ByteWriter): number {
  const start = writer.length;
  writer.fill(0xff, 16).u16(0).u8(2);
  return start;
}

/** Gives where the attribute's length stands. */
function beginMultiprotocol(writer: ByteWriter, code: number, family: Family): number {
  const at = writer.u8(0x90).u8(code).length;
  writer.u16(0).u16(afiOf(family)).u8(safiOf(family));
  return at;
}

function writeRoutes(writer: ByteWriter, family: Family, number: number): void {
  for (let route = 0; route < ROUTES_PER_UPDATE; route++) {
    // Spread over the address space, as real prefixes are.
    const address = Math.imul(number * ROUTES_PER_UPDATE + route, 0x9e3779b1) >>> 0;
    if (family === L2VPN_EVPN) {
      writer.u8(5).u8(34).u32(0x0001_2020).u32(0x2020_0001).fill(0, 14);
      const bits = route % 2 === 0 ? 32 : 24;
      writer
        .u8(bits)
        .u32((address >>> (32 - bits)) * 2 ** (32 - bits))
        .fill(0, 4)
        .u24(PRACTICE_VNI);
    } else if (family === IPV4_UNICAST) {
      const bits = route % 2 === 0 ? 24 : 22;
      writer.u8(bits).u24((address >>> (32 - bits)) << (24 - bits));
    } else {
      const bits = route % 2 === 0 ? 48 : 44;
      writer
        .u8(bits)
        .u16(0x2001)
        .u32((address >>> (48 - bits)) * 2 ** (48 - bits));
    }
  }
}
