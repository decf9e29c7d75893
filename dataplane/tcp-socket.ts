import { addressSize, type IpAddress, type IpVersion } from '../net/address.ts';
import { inNamespace } from './network-namespace.ts';
import { check, systemCalls } from './system-calls.ts';

// Numbers of include/uapi/asm-generic/socket.h, linux/in.h, linux/in6.h and linux/tcp.h, as all
// platforms of Node but MIPS and SPARC have them.
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BINDTODEVICE = 25;
const IPPROTO_IP = 0;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_MINTTL = 21;
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;
const IPV6_TCLASS = 67;
const IPV6_MINHOPCOUNT = 73;
const IPPROTO_TCP = 6;
const TCP_MD5SIG = 14;

/** `IFNAMSIZ` of `linux/if.h` less the terminating zero. */
const LONGEST_DEVICE_NAME = 15;
/** `TCP_MD5SIG_MAXKEYLEN` of `linux/tcp.h`. */
const LONGEST_MD5_KEY = 80;

/** Internet control: the class that routing protocols are sent with (RFC 4594 §3.1, CS6). */
export const TOS_INTERNETWORK_CONTROL = 0xc0;

/** What a TCP socket is to be; see {@link openTcpSocket}. */
export interface TcpSocketOptions {
  readonly version: IpVersion;
  /** Name of the network namespace; undefined: the process's own. */
  readonly namespace?: string | undefined;
  /** Device to bind to (SO_BINDTODEVICE), such as a VRF. */
  readonly device?: string | undefined;
  /** Time to live, or hop limit, of what is sent: 1 to 255. */
  readonly ttl?: number | undefined;
  /** Least time to live of what is received (RFC 5082): 1 to 255. */
  readonly minTtl?: number | undefined;
  /** Type of service octet, {@link TOS_INTERNETWORK_CONTROL} when absent. */
  readonly tos?: number | undefined;
  /** TCP MD5 keys (RFC 2385), by peer. */
  readonly md5Keys?: ReadonlyArray<{ readonly peer: IpAddress; readonly password: string }> | undefined;
  /** Lets the port be bound while old connections of it linger; true when absent. */
  readonly reuseAddress?: boolean | undefined;
  /** Local address; needed when only `bindPort` is to be set (all zeroes: any). */
  readonly bindAddress?: IpAddress | undefined;
  readonly bindPort?: number | undefined;
  /** Makes an IPv6 socket take IPv6 only; true when absent. */
  readonly ipv6Only?: boolean | undefined;
}

/** A socket that could not be made as asked. */
export class TcpSocketError extends Error {
  override readonly name = 'TcpSocketError';
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
 * Opens a non-blocking TCP socket and gives its file descriptor, for `new net.Socket({ fd })` followed by
 * `connect`, or for `server.listen({ fd })`. The caller closes it when neither takes it over
 * (`fs.closeSync`).
 *
 * @throws TcpSocketError for an option that is out of range or that the kernel refuses
 * @throws NamespaceError when the namespace cannot be entered
 */
export function openTcpSocket(options: TcpSocketOptions): number {
  const family = options.version === 4 ? AF_INET : AF_INET6;
  const descriptor = inNamespace(options.namespace, () =>
    attempt('socket', `TCP over IPv${options.version}`, (calls) =>
      calls.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP),
    ),
  );
  try {
    applyOptions(descriptor, options);
    return descriptor;
  } catch (error) {
    systemCalls().close(descriptor);
    throw error;
  }
}

function applyOptions(descriptor: number, options: TcpSocketOptions): void {
  const ipv4 = options.version === 4;
  const set = (level: number, option: number, step: string, value: number): void =>
    setOption(descriptor, level, option, step, int32(value), String(value));
  if (options.reuseAddress ?? true) set(SOL_SOCKET, SO_REUSEADDR, 'SO_REUSEADDR', 1);
  if (!ipv4) set(IPPROTO_IPV6, IPV6_V6ONLY, 'IPV6_V6ONLY', (options.ipv6Only ?? true) ? 1 : 0);
  if (options.device !== undefined) bindToDevice(descriptor, options.device);
  const tos = options.tos ?? TOS_INTERNETWORK_CONTROL;
  if (ipv4) set(IPPROTO_IP, IP_TOS, 'IP_TOS', tos);
  else set(IPPROTO_IPV6, IPV6_TCLASS, 'IPV6_TCLASS', tos);
  if (options.ttl !== undefined) {
    if (ipv4) set(IPPROTO_IP, IP_TTL, 'IP_TTL', options.ttl);
    else set(IPPROTO_IPV6, IPV6_UNICAST_HOPS, 'IPV6_UNICAST_HOPS', options.ttl);
  }
  if (options.minTtl !== undefined) {
    if (ipv4) set(IPPROTO_IP, IP_MINTTL, 'IP_MINTTL', options.minTtl);
    else set(IPPROTO_IPV6, IPV6_MINHOPCOUNT, 'IPV6_MINHOPCOUNT', options.minTtl);
  }
  for (const { peer, password } of options.md5Keys ?? []) setTcpMd5Key(descriptor, peer, password);
  if (options.bindAddress !== undefined) {
    bindAddress(descriptor, options.bindAddress, options.bindPort ?? 0, options.version);
  }
}

function bindToDevice(descriptor: number, device: string): void {
  const name = Buffer.from(device);
  if (name.length === 0 || name.length > LONGEST_DEVICE_NAME) {
    throw new TcpSocketError('SO_BINDTODEVICE', 'EINVAL', `${JSON.stringify(device)} is no name of a device`);
  }
  setOption(descriptor, SOL_SOCKET, SO_BINDTODEVICE, 'SO_BINDTODEVICE', name, device);
}

/**
 * Sets the TCP MD5 key (RFC 2385) for a peer, on a listening socket too; undefined removes it. Connections that are
 * established keep working with the key they have.
 *
 * @throws TcpSocketError for an empty or too long key, and when the kernel refuses (no CONFIG_TCP_MD5SIG)
 */
export function setTcpMd5Key(descriptor: number, peer: IpAddress, password: string | undefined): void {
  const key = Buffer.from(password ?? '');
  if (password !== undefined && (key.length === 0 || key.length > LONGEST_MD5_KEY)) {
    const found = `this one has ${key.length}`;
    throw new TcpSocketError(
      'TCP_MD5SIG',
      'EINVAL',
      `a TCP MD5 key has 1 to ${LONGEST_MD5_KEY} bytes, ${found}`,
    );
  }
  // struct tcp_md5sig of linux/tcp.h: a sockaddr_storage, flags, prefix length, key length, ifindex, key.
  const value = new Uint8Array(128 + 8 + LONGEST_MD5_KEY);
  value.set(socketAddress(peer, 0));
  new DataView(value.buffer).setUint16(130, key.length, true);
  value.set(key, 136);
  setOption(descriptor, IPPROTO_TCP, TCP_MD5SIG, 'TCP_MD5SIG', value, 'a key');
}

function bindAddress(descriptor: number, address: IpAddress, port: number, version: IpVersion): void {
  if (address.version !== version || !(port >= 0 && port <= 0xffff)) {
    throw new TcpSocketError('bind', 'EINVAL', `cannot bind an IPv${version} socket to port ${port}`);
  }
  const bytes = socketAddress(address, port);
  attempt('bind', `port ${port}`, (calls) => calls.bind(descriptor, bytes, bytes.length));
}

/** `struct sockaddr_in` (16 bytes) or `struct sockaddr_in6` (28 bytes). */
function socketAddress(address: IpAddress, port: number): Uint8Array {
  const ipv4 = address.version === 4;
  const bytes = new Uint8Array(ipv4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ipv4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  bytes.set(address.bytes.subarray(0, addressSize(address.version)), ipv4 ? 4 : 8);
  return bytes;
}

function setOption(
  descriptor: number,
  level: number,
  option: number,
  step: string,
  value: Uint8Array,
  shown: string,
): void {
  attempt(step, shown, (calls) => calls.setsockopt(descriptor, level, option, value, value.length));
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

function attempt(step: string, object: string, call: Parameters<typeof check>[2]): number {
  try {
    return check(step, object, call);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = 'code' in error && typeof error.code === 'string' ? error.code : 'EINVAL';
    const remedy = REMEDIES[`${step} ${code}`];
    throw new TcpSocketError(
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
