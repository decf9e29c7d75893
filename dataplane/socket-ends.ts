import { addressFromBytes, type IpAddress, isLinkLocal } from '../net/address.ts';
import { AF_INET, AF_INET6 } from './netlink/constants.ts';
import { SO_BINDTODEVICE, SOL_SOCKET } from './socket-constants.ts';
import { systemCalls } from './system-calls.ts';

/** `IFNAMSIZ` of `linux/if.h`. */
const DEVICE_NAME_SIZE = 16;
/** `struct sockaddr_in6`, the longer one of the two. */
const ADDRESS_SIZE = 28;

/** One end of a connected socket. */
export interface SocketEnd {
  readonly address: IpAddress;
  readonly port: number;
  /** Interface of a link-local address, by the name that it has in the socket's network namespace. */
  readonly zone?: string;
}

/**
 * Both ends of a connected socket; undefined when it is connected no more. `node:net` cannot say them of link-local
 * addresses in another network namespace: it would look up the interface in the process's own.
 */
export function socketEnds(
  descriptor: number,
): { readonly local: SocketEnd; readonly remote: SocketEnd } | undefined {
  const calls = systemCalls();
  const local = endOf(descriptor, (...buffers) => calls.getsockname(descriptor, ...buffers));
  const remote = endOf(descriptor, (...buffers) => calls.getpeername(descriptor, ...buffers));
  return local && remote && { local, remote };
}

function endOf(
  descriptor: number,
  read: (address: Uint8Array, size: Uint8Array) => number,
): SocketEnd | undefined {
  const bytes = new Uint8Array(ADDRESS_SIZE);
  const view = new DataView(bytes.buffer);
  if (read(bytes, Uint8Array.of(ADDRESS_SIZE, 0, 0, 0)) !== 0) return undefined;
  const port = view.getUint16(2);
  const family = view.getUint16(0, true);
  if (family === AF_INET) return { address: addressFromBytes(bytes.subarray(4, 8)), port };
  if (family !== AF_INET6) return undefined;
  const address = addressFromBytes(bytes.subarray(8, 24));
  const zone = isLinkLocal(address) ? boundDevice(descriptor) : undefined;
  return { address, port, ...(zone !== undefined && { zone }) };
}

/** Sockets with a link-local address are bound to its interface, also when they were accepted on any. */
function boundDevice(descriptor: number): string | undefined {
  const name = Buffer.alloc(DEVICE_NAME_SIZE);
  const size = new Uint8Array(4);
  size[0] = name.length;
  if (systemCalls().getsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, name, size) !== 0) return undefined;
  const end = name.indexOf(0);
  return end > 0 ? name.toString('utf8', 0, end) : undefined;
}
