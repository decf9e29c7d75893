import { addressSize, type IpAddress, type IpVersion } from '../net/address.ts';
import { AF_INET, AF_INET6 } from './netlink/constants.ts';
import { inNamespace } from './network-namespace.ts';
import {
  IPPROTO_IP,
  IPPROTO_IPV6,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from './socket-constants.ts';
import { check, systemCalls } from './system-calls.ts';

// Numbers of include/uapi/asm-generic/socket.h, linux/in.h and linux/in6.h.
const SO_REUSEADDR = 2;
const IP_TOS = 1;
const IP_TTL = 2;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;
const IPV6_TCLASS = 67;

/** `IFNAMSIZ` of `linux/if.h` less the terminating zero. */
const LONGEST_DEVICE_NAME = 15;

/** Internet control: the class that routing protocols are sent with (RFC 4594 §3.1, CS6). */
export const TOS_INTERNETWORK_CONTROL = 0xc0;

/** What a socket of the Internet protocols is to be. */
export interface InetSocketOptions {
  readonly version: IpVersion;
  /** Name of the network namespace; undefined: the process's own. */
  readonly namespace?: string | undefined;
  /** Device to bind to (SO_BINDTODEVICE), such as a VRF. */
  readonly device?: string | undefined;
  /** Time to live, or hop limit, of what is sent: 1 to 255. */
  readonly ttl?: number | undefined;
  /** Type of service octet, {@link TOS_INTERNETWORK_CONTROL} when absent. */
  readonly tos?: number | undefined;
  /** Lets the port be bound while old connections of it linger; true when absent. */
  readonly reuseAddress?: boolean | undefined;
  /** Local address; needed when only `bindPort` is to be set (all zeroes: any). */
  readonly bindAddress?: IpAddress | undefined;
  readonly bindPort?: number | undefined;
  /** Makes an IPv6 socket take IPv6 only; true when absent. */
  readonly ipv6Only?: boolean | undefined;
}

/** A type of socket: its numbers, and its name for messages. */
interface SocketType {
  readonly name: string;
  /** `SOCK_STREAM` and the like. */
  readonly type: number;
  /** `IPPROTO_TCP` and the like. */
  readonly protocol: number;
}

/** A socket that could not be made as asked. */
export class InetSocketError extends Error {
  override readonly name = 'InetSocketError';
  /** The step that failed, such as `SO_BINDTODEVICE`. */
  readonly step: string;
  /** Name of the errno, such as `EADDRINUSE`, or `EINVAL` for an option out of range. */
  readonly code: string;

  constructor(step: string, code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.step = step;
    this.code = code;
  }
}

/**
 * Opens a non-blocking socket, has `applyMore` set what only its type has, binds it and gives its file descriptor.
 * The caller closes it (`fs.closeSync`).
 *
 * @throws InetSocketError for an option that is out of range or that the kernel refuses
 * @throws NamespaceError when the namespace cannot be entered
 */
export function openInetSocket(
  { name, type, protocol }: SocketType,
  options: InetSocketOptions,
  applyMore: (descriptor: number) => void,
): number {
  const { namespace, version, bindAddress, bindPort = 0 } = options;
  const family = version === 4 ? AF_INET : AF_INET6;
  return openSocket(
    namespace,
    { name: `${name} over IPv${version}`, family, type, protocol },
    (descriptor) => {
      applyOptions(descriptor, options);
      applyMore(descriptor);
      if (bindAddress !== undefined) bindSocket(descriptor, bindAddress, bindPort, version);
    },
  );
}

/**
 * Opens a non-blocking socket in a namespace (undefined: the process's own), has `prepare` make it what it is to be, and
 * gives its file descriptor, which the caller closes (`fs.closeSync`). When `prepare` throws, it is closed.
 *
 * @throws InetSocketError when the kernel refuses it
 * @throws NamespaceError when the namespace cannot be entered
 */
export function openSocket(
  namespace: string | undefined,
  { name, family, type, protocol }: SocketType & { readonly family: number },
  prepare: (descriptor: number) => void,
): number {
  const descriptor = inNamespace(namespace, () =>
    attempt('socket', name, (calls) => calls.socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)),
  );
  try {
    prepare(descriptor);
    return descriptor;
  } catch (error) {
    systemCalls().close(descriptor);
    throw error;
  }
}

function applyOptions(descriptor: number, options: InetSocketOptions): void {
  const ipv4 = options.version === 4;
  const set = (level: number, option: number, step: string, value: number): void =>
    setNumberOption(descriptor, level, option, step, value);
  if (options.reuseAddress ?? true) set(SOL_SOCKET, SO_REUSEADDR, 'SO_REUSEADDR', 1);
  if (!ipv4) set(IPPROTO_IPV6, IPV6_V6ONLY, 'IPV6_V6ONLY', (options.ipv6Only ?? true) ? 1 : 0);
  if (options.device !== undefined) bindToDevice(descriptor, options.device);
  const tos = options.tos ?? TOS_INTERNETWORK_CONTROL;
  if (ipv4) set(IPPROTO_IP, IP_TOS, 'IP_TOS', tos);
  else set(IPPROTO_IPV6, IPV6_TCLASS, 'IPV6_TCLASS', tos);
  if (options.ttl !== undefined) setTimeToLive(descriptor, options.version, options.ttl);
}

/**
 * Sets the time to live, or hop limit, of what a socket sends from now on: 1 to 255.
 *
 * @throws InetSocketError when the kernel refuses it
 */
export function setTimeToLive(descriptor: number, version: IpVersion, ttl: number): void {
  if (version === 4) setNumberOption(descriptor, IPPROTO_IP, IP_TTL, 'IP_TTL', ttl);
  else setNumberOption(descriptor, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 'IPV6_UNICAST_HOPS', ttl);
}

/** Binds a socket to a device (SO_BINDTODEVICE). Throws {@link InetSocketError}. */
export function bindToDevice(descriptor: number, device: string): void {
  const name = Buffer.from(device);
  if (name.length === 0 || name.length > LONGEST_DEVICE_NAME) {
    throw new InetSocketError(
      'SO_BINDTODEVICE',
      'EINVAL',
      `${JSON.stringify(device)} is no name of a device`,
    );
  }
  setOption(descriptor, SOL_SOCKET, SO_BINDTODEVICE, 'SO_BINDTODEVICE', name, device);
}

function bindSocket(descriptor: number, address: IpAddress, port: number, version: IpVersion): void {
  if (address.version !== version || !(port >= 0 && port <= 0xffff)) {
    throw new InetSocketError('bind', 'EINVAL', `cannot bind an IPv${version} socket to port ${port}`);
  }
  const bytes = socketAddress(address, port);
  attempt('bind', `port ${port}`, (calls) => calls.bind(descriptor, bytes, bytes.length));
}

/** `struct sockaddr_in` (16 bytes) or `struct sockaddr_in6` (28 bytes); `scope`: index of a link-local address's interface. */
export function socketAddress(address: IpAddress, port: number, scope = 0): Uint8Array {
  const ipv4 = address.version === 4;
  const bytes = new Uint8Array(ipv4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ipv4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  bytes.set(address.bytes.subarray(0, addressSize(address.version)), ipv4 ? 4 : 8);
  if (!ipv4) view.setUint32(24, scope, true);
  return bytes;
}

/** `setsockopt` with an `int`. Throws {@link InetSocketError}. */
export function setNumberOption(
  descriptor: number,
  level: number,
  option: number,
  step: string,
  value: number,
): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  setOption(descriptor, level, option, step, bytes, String(value));
}

/** `setsockopt`; `shown` is the value in words. Throws {@link InetSocketError}. */
export function setOption(
  descriptor: number,
  level: number,
  option: number,
  step: string,
  value: Uint8Array,
  shown: string,
): void {
  attempt(step, shown, (calls) => calls.setsockopt(descriptor, level, option, value, value.length));
}

/** Calls a function of the C library for a socket. Throws {@link InetSocketError}. */
export function attempt(step: string, object: string, call: Parameters<typeof check>[2]): number {
  try {
    return check(step, object, call);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = 'code' in error && typeof error.code === 'string' ? error.code : 'EINVAL';
    const remedy = REMEDIES[`${step} ${code}`];
    throw new InetSocketError(
      step,
      code,
      remedy === undefined ? error.message : `${error.message}: ${remedy}`,
      error,
    );
  }
}

/** What to do about the failures that a configuration can cause. */
const REMEDIES: Readonly<Record<string, string>> = {
  'SO_BINDTODEVICE ENODEV': 'there is no such device in the network namespace',
  'SO_BINDTODEVICE EPERM': 'it takes the capability CAP_NET_RAW',
  'TCP_MD5SIG ENOPROTOOPT': 'the kernel was built without CONFIG_TCP_MD5SIG',
  'bind EACCES': 'ports below 1024 take the capability CAP_NET_BIND_SERVICE',
  'bind EADDRNOTAVAIL': 'the address is not on any interface of the network namespace',
  'bind EADDRINUSE': 'another socket listens there',
};
