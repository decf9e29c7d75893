import type { IpAddress, IpVersion } from '../net/address.ts';
import { attempt, type InetSocketOptions, openInetSocket } from './inet-socket.ts';

// Numbers of include/uapi/linux/in.h and asm-generic/socket.h.
const SOCK_DGRAM = 2;
const IPPROTO_UDP = 17;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;

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

// Classic BPF: include/uapi/linux/bpf_common.h and filter.h.
const LOAD_WORD = 0x20;
const LOAD_BYTE = 0x30;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const RETURN = 0x06;
/** Offsets from here on are those of the IP header: `SKF_NET_OFF`. */
const NETWORK_HEADER = -0x100000;
const ACCEPT = 0xffffffff;
const DROP = 0;

/** `struct sock_filter`: code, jumps if true and if false, operand. */
type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, operand: number];

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

function attachProgram(descriptor: number, program: readonly Instruction[], shown: string): void {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(([code, whenTrue, whenFalse, operand], index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, whenTrue);
    view.setUint8(index * 8 + 3, whenFalse);
    view.setUint32(index * 8 + 4, operand >>> 0, true);
  });
  attempt('SO_ATTACH_FILTER', shown, (calls) =>
    calls.attachFilter(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, program.length, bytes),
  );
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
