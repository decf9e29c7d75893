import { attempt } from './inet-socket.ts';
import { SOL_SOCKET } from './socket-constants.ts';

/** Number of asm-generic/socket.h. */
const SO_ATTACH_FILTER = 26;

// Classic BPF: include/uapi/linux/bpf_common.h and filter.h.
/** Loads four octets, or one, from an offset. */
export const LOAD_WORD = 0x20;
export const LOAD_BYTE = 0x30;
export const JUMP_EQUAL = 0x15;
export const JUMP_AT_LEAST = 0x35;
export const RETURN = 0x06;
/** Offsets from here on are those of the IP header: `SKF_NET_OFF`. */
export const NETWORK_HEADER = -0x100000;
export const ACCEPT = 0xffffffff;
export const DROP = 0;

/** `struct sock_filter`: code, jumps if true and if false, operand. */
export type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, operand: number];

/**
 * Has the kernel ask a program which packets a socket gets. `shown`: what it lets in, for messages.
 *
 * @throws InetSocketError when the kernel refuses
 */
export function attachProgram(descriptor: number, program: readonly Instruction[], shown: string): void {
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
