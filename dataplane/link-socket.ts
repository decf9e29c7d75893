import { formatAddress, type IpAddress } from '../net/address.ts';
import {
  attempt,
  bindToDevice,
  openSocket,
  setNumberOption,
  setOption,
  setTimeToLive,
  socketAddress,
} from './inet-socket.ts';
import { AF_INET6 } from './netlink/constants.ts';
import {
  ACCEPT,
  attachProgram,
  DROP,
  type Instruction,
  JUMP_EQUAL,
  LOAD_BYTE,
  LOAD_WORD,
  RETURN,
} from './packet-filter.ts';
import { IPPROTO_IPV6, SOCK_DGRAM } from './socket-constants.ts';

// Numbers of bits/socket.h, linux/if_ether.h, linux/in6.h and linux/icmpv6.h.
const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_IPV6 = 0x86dd;
const IPPROTO_ICMPV6 = 58;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
const ICMPV6_FILTER = 1;
/** A bit for each type that is to be kept out: all 256 of them. */
const NO_TYPES = new Uint8Array(32).fill(0xff);
const FULL_HOP_LIMIT = 255;

// Offsets in an IPv6 packet.
const NEXT_HEADER = 6;
const HOP_LIMIT = 7;
const ICMPV6_TYPE = 40;
const PACKET_TYPE = -0x1000 + 4;
const INTERFACE_INDEX = -0x1000 + 8;
const VLAN_TAG_PRESENT = -0x1000 + 48;
/** `linux/if_packet.h`. */
const PACKET_OTHERHOST = 3;

const RAW_ICMPV6 = { name: 'raw ICMPv6', family: AF_INET6, type: SOCK_RAW, protocol: IPPROTO_ICMPV6 };
/** Protocol 0: nothing arrives before the filter is there. */
const PACKETS = { name: 'of packets', family: AF_PACKET, type: SOCK_DGRAM, protocol: 0 };

/** An interface: its name, and its index in the namespace. */
export interface InterfacePlace {
  /** Name of the network namespace; undefined: the process's own. */
  readonly namespace: string | undefined;
  readonly name: string;
  readonly index: number;
}

/**
 * Opens a raw ICMPv6 socket that only sends, on one interface with hop limit 255, and has the interface take what is
 * sent to `group`. The caller closes it (`fs.closeSync`).
 *
 * @throws InetSocketError, NamespaceError
 */
export function openIcmpv6Sender(place: InterfacePlace, group: IpAddress): number {
  const { namespace, name, index } = place;
  return openSocket(namespace, RAW_ICMPV6, (descriptor) => {
    const set = (option: number, step: string, value: number): void =>
      setNumberOption(descriptor, IPPROTO_IPV6, option, step, value);
    setOption(descriptor, IPPROTO_ICMPV6, ICMPV6_FILTER, 'ICMPV6_FILTER', NO_TYPES, 'no types');
    bindToDevice(descriptor, name);
    setTimeToLive(descriptor, 6, FULL_HOP_LIMIT);
    set(IPV6_MULTICAST_HOPS, 'IPV6_MULTICAST_HOPS', FULL_HOP_LIMIT);
    set(IPV6_MULTICAST_LOOP, 'IPV6_MULTICAST_LOOP', 0);
    set(IPV6_MULTICAST_IF, 'IPV6_MULTICAST_IF', index);
    // struct ipv6_mreq: the group, then the interface.
    const membership = new Uint8Array(20);
    membership.set(group.bytes);
    new DataView(membership.buffer).setUint32(16, index, true);
    const shown = formatAddress(group);
    setOption(descriptor, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, 'IPV6_ADD_MEMBERSHIP', membership, shown);
  });
}

/**
 * Sends an ICMPv6 message; the kernel puts in source address and checksum.
 *
 * @throws InetSocketError when it cannot be sent now, as on an interface without a link-local address
 */
export function sendIcmpv6(
  descriptor: number,
  message: Uint8Array,
  destination: IpAddress,
  index: number,
): void {
  const to = socketAddress(destination, 0, index);
  attempt('sendto', formatAddress(destination), (calls) =>
    Number(calls.sendto(descriptor, message, message.length, 0, to, to.length)),
  );
}

/**
 * Opens a packet socket that gets ICMPv6 messages of some types which arrive on an interface with hop limit 255: whole
 * IPv6 packets, so that their source and their hop limit can be seen. The caller closes it (`fs.closeSync`).
 *
 * @throws InetSocketError, NamespaceError
 */
export function openIcmpv6Receiver({ namespace, index }: InterfacePlace, types: readonly number[]): number {
  return openSocket(namespace, PACKETS, (descriptor) => {
    attachProgram(descriptor, icmpv6Filter(types, index), `ICMPv6 types ${types.join(' and ')}`);
    // struct sockaddr_ll of linux/if_packet.h: family, protocol in network byte order, index of the interface.
    const address = new Uint8Array(20);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, ETH_P_IPV6);
    view.setInt32(4, index, true);
    attempt('bind', `interface ${index}`, (calls) => calls.bind(descriptor, address, address.length));
  });
}

/**
 * What is not for this interface arrives too: packets of its VLANs, and those to other hosts where it is promiscuous. The
 * kernel's own notes of a packet are at negative offsets (`SKF_AD_*` of linux/filter.h).
 */
function icmpv6Filter(types: readonly number[], index: number): readonly Instruction[] {
  const checks: readonly (readonly [load: Instruction, value: number])[] = [
    [[LOAD_WORD, 0, 0, VLAN_TAG_PRESENT], 0],
    [[LOAD_WORD, 0, 0, INTERFACE_INDEX], index],
    [[LOAD_BYTE, 0, 0, NEXT_HEADER], IPPROTO_ICMPV6],
    [[LOAD_BYTE, 0, 0, HOP_LIMIT], FULL_HOP_LIMIT],
  ];
  // Two instructions for each check, four for the rest, then one for each type.
  const drop = checks.length * 2 + 3 + types.length;
  const program = checks.flatMap(([load, value], at): Instruction[] => [
    load,
    [JUMP_EQUAL, 0, drop - (at * 2 + 2), value],
  ]);
  program.push([LOAD_WORD, 0, 0, PACKET_TYPE]);
  program.push([JUMP_EQUAL, drop - (program.length + 1), 0, PACKET_OTHERHOST]);
  program.push([LOAD_BYTE, 0, 0, ICMPV6_TYPE]);
  for (const type of types) program.push([JUMP_EQUAL, drop - program.length, 0, type]);
  program.push([RETURN, 0, 0, DROP], [RETURN, 0, 0, ACCEPT]);
  return program;
}
