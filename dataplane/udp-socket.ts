import type { IpAddress, IpVersion } from '../net/address.ts';
import { type InetSocketOptions, openInetSocket } from './inet-socket.ts';
import {
  ACCEPT,
  attachProgram,
  DROP,
  type Instruction,
  JUMP_AT_LEAST,
  JUMP_EQUAL,
  LOAD_BYTE,
  LOAD_WORD,
  NETWORK_HEADER,
  RETURN,
} from './packet-filter.ts';
import { SOCK_DGRAM } from './socket-constants.ts';

/** Number of include/uapi/linux/in.h. */
const IPPROTO_UDP = 17;

const UDP = { name: 'UDP', type: SOCK_DGRAM, protocol: IPPROTO_UDP };

/**
 * Opens a non-blocking UDP socket and gives its file descriptor, for `socket.bind({ fd })` of `node:dgram`.
 *
 * @throws InetSocketError for an option that is out of range or that the kernel refuses
 * @throws NamespaceError when the namespace cannot be entered
 */
export function openUdpSocket(options: InetSocketOptions): number {
  return openInetSocket(UDP, options, () => {});
}

/** Whose datagrams a socket takes, and how far they may have come. */
export interface AllowedSource {
  readonly address: IpAddress;
  /** Least time to live, or hop limit, on arrival: 1 to 255 (RFC 5082). */
  readonly minTtl: number;
}

/** The offsets of the source address and of the time-to-live in an IP header. */
const HEADER = { 4: { source: 12, ttl: 8 }, 6: { source: 8, ttl: 7 } } as const;

/**
 * Lets the kernel drop all datagrams but those of some sources that came over few enough hops. UDP has no IP_MINTTL,
 * and `node:dgram` does not tell the time-to-live.
 *
 * @throws InetSocketError when the kernel refuses: a program may take half of net.core.optmem_max, which is room for some
 * 300 sources (150 of IPv6) with the 128 kB of newer kernels, and for 100 (50) with the 20 kB of older ones
 */
export function allowSources(
  descriptor: number,
  version: IpVersion,
  sources: readonly AllowedSource[],
): void {
  // The kernel counts the old program and the new one together: a short one in between leaves more room.
  if (sources.length > 1) attachProgram(descriptor, sourceFilter(version, []), 'nothing');
  attachProgram(descriptor, sourceFilter(version, sources), `${sources.length} sources`);
}

/** For each source: all words of its address, then the time-to-live; the first word that differs leads to the next source. */
function sourceFilter(version: IpVersion, sources: readonly AllowedSource[]): readonly Instruction[] {
  const { source, ttl } = HEADER[version];
  const program: Instruction[] = [];
  for (const { address, minTtl } of sources) {
    const words = new DataView(address.bytes.buffer, address.bytes.byteOffset, address.bytes.length);
    const count = address.bytes.length / 4;
    for (let word = 0; word < count; word++) {
      // Behind the comparison: two instructions for each word left, and four for the time-to-live.
      const toNext = 2 * (count - word - 1) + 4;
      program.push([LOAD_WORD, 0, 0, NETWORK_HEADER + source + word * 4]);
      program.push([JUMP_EQUAL, 0, toNext, words.getUint32(word * 4)]);
    }
    program.push([LOAD_BYTE, 0, 0, NETWORK_HEADER + ttl]);
    program.push([JUMP_AT_LEAST, 0, 1, minTtl]);
    program.push([RETURN, 0, 0, ACCEPT]);
    program.push([RETURN, 0, 0, DROP]);
  }
  program.push([RETURN, 0, 0, DROP]);
  return program;
}
