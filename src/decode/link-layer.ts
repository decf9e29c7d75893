import { readU8, readU16, readU24 } from '../../bgp/wire/octets.ts';

/** Link types of tcpdump.org/linktypes.html. */
const LinkType = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  LOOP: 108,
  LINUX_SLL: 113,
  JUNIPER_ETHERNET: 178,
  IPV4: 228,
  IPV6: 229,
  LINUX_SLL2: 276,
} as const;

/** Values of the protocol family before a BSD loopback packet: 2 everywhere, IPv6 as the system has it. */
const BSD_FAMILIES = new Set([2, 10, 24, 28, 30]);

const EtherType = {
  IPV4: 0x0800,
  IPV6: 0x86dd,
  VLAN: 0x8100,
  SERVICE_VLAN: 0x88a8,
  OLD_QINQ: 0x9100,
} as const;

/** What Juniper routers put before a captured frame: "MGC", then flags. */
const JUNIPER_MAGIC = 0x4d4743;
/** A two-octet length and so many octets of extensions follow the flags. */
const JUNIPER_EXTENSIONS = 0x80;
/** The frame comes without its Ethernet header. */
const JUNIPER_NO_FRAME_HEADER = 0x02;

/** Where the IP packet starts; undefined: this packet carries none. */
export type NetworkOffset = number | undefined;

/** True for the link types that {@link networkOffset} can read. */
export function isSupportedLinkType(linkType: number): boolean {
  return (Object.values(LinkType) as number[]).includes(linkType) || linkType === 12 || linkType === 14;
}

/** The offset of the IP header in a packet of a supported link type, any number of VLAN tags before it. */
export function networkOffset(linkType: number, data: Uint8Array): NetworkOffset {
  switch (linkType) {
    case LinkType.ETHERNET:
      return behindTags(data, 12);
    case LinkType.JUNIPER_ETHERNET: {
      const frame = juniperFrame(data);
      return frame === undefined ? undefined : behindTags(data, frame + 12);
    }
    case LinkType.LINUX_SLL:
      return behindTags(data, 14);
    case LinkType.LINUX_SLL2:
      // The protocol stands first in the 20 octets, so that a tag follows them.
      return behindType(data, readU16(data, 0), 20);
    case LinkType.NULL:
    case LinkType.LOOP:
      return data.length > 4 && isBsdFamily(data) ? 4 : undefined;
    default:
      return data.length > 0 ? 0 : undefined;
  }
}

function juniperFrame(data: Uint8Array): number | undefined {
  if (data.length < 6 || readU24(data, 0) !== JUNIPER_MAGIC) return undefined;
  const flags = readU8(data, 3);
  if ((flags & JUNIPER_NO_FRAME_HEADER) !== 0) return undefined;
  return (flags & JUNIPER_EXTENSIONS) !== 0 ? 6 + readU16(data, 4) : 4;
}

/** The family is in the byte order of the machine that captured (LOOP: network byte order). */
function isBsdFamily(data: Uint8Array): boolean {
  const [a = 0, b = 0, c = 0, d = 0] = data;
  return (BSD_FAMILIES.has(a) && b + c + d === 0) || (BSD_FAMILIES.has(d) && a + b + c === 0);
}

function behindTags(data: Uint8Array, typeAt: number): NetworkOffset {
  return data.length < typeAt + 2 ? undefined : behindType(data, readU16(data, typeAt), typeAt + 2);
}

function behindType(data: Uint8Array, type: number, at: number): NetworkOffset {
  while (type === EtherType.VLAN || type === EtherType.SERVICE_VLAN || type === EtherType.OLD_QINQ) {
    if (at + 4 > data.length) return undefined;
    type = readU16(data, at + 2);
    at += 4;
  }
  const version = readU8(data, at) >> 4;
  if (type === EtherType.IPV4) return version === 4 ? at : undefined;
  if (type === EtherType.IPV6) return version === 6 ? at : undefined;
  return undefined;
}
