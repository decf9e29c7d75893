import type { IpAddress, IpVersion } from '../net/address.ts';
import {
  InetSocketError,
  type InetSocketOptions,
  openInetSocket,
  setNumberOption,
  setOption,
  socketAddress,
} from './inet-socket.ts';
import { IPPROTO_IP, IPPROTO_IPV6 } from './socket-constants.ts';
import { systemCalls } from './system-calls.ts';

// Numbers of include/uapi/linux/in.h, linux/in6.h and linux/tcp.h.
const SOCK_STREAM = 1;
const IP_MINTTL = 21;
const IPV6_MINHOPCOUNT = 73;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const TCP_MD5SIG = 14;
const TCP_SAVE_SYN = 27;
const TCP_SAVED_SYN = 28;
const TCP_MD5SIG_EXT = 32;
const TCP_MD5SIG_FLAG_PREFIX = 1;

const TCP = { name: 'TCP', type: SOCK_STREAM, protocol: IPPROTO_TCP };

/** Offset of `tcpi_bytes_received` in `struct tcp_info` of `linux/tcp.h`. */
const TCP_INFO_BYTES_RECEIVED = 128;

/** Octets of the longest headers of IP and TCP together. */
const LONGEST_SYN_HEADERS = 120;
// RFC 791 §3.1, RFC 8200 §3.
const IPV4_TTL_OFFSET = 8;
const IPV6_HOP_LIMIT_OFFSET = 7;

/** `TCP_MD5SIG_MAXKEYLEN` of `linux/tcp.h`. */
const LONGEST_MD5_KEY = 80;

/** What a TCP socket is to be; see {@link openTcpSocket}. */
export interface TcpSocketOptions extends InetSocketOptions {
  /** Least time to live of what is received (RFC 5082): 1 to 255. */
  readonly minTtl?: number | undefined;
  /** TCP MD5 keys (RFC 2385), by peer. */
  readonly md5Keys?: ReadonlyArray<{ readonly peer: IpAddress; readonly password: string }> | undefined;
}

/**
 * Opens a non-blocking TCP socket and gives its file descriptor, for `new net.Socket({ fd })` followed by
 * `connect`, or for `server.listen({ fd })`. The caller closes it when neither takes it over
 * (`fs.closeSync`).
 *
 * @throws InetSocketError for an option that is out of range or that the kernel refuses
 * @throws NamespaceError when the namespace cannot be entered
 */
export function openTcpSocket(options: TcpSocketOptions): number {
  return openInetSocket(TCP, options, (descriptor) => {
    const { version, minTtl, md5Keys = [] } = options;
    if (minTtl !== undefined) setMinimumTimeToLive(descriptor, version, minTtl);
    for (const { peer, password } of md5Keys) setTcpMd5Key(descriptor, peer, password);
  });
}

/**
 * Has the kernel drop what is received from now on with a lower time to live, or hop limit (RFC 5082): 1 to 255.
 *
 * @throws InetSocketError when the kernel refuses it
 */
export function setMinimumTimeToLive(descriptor: number, version: IpVersion, minTtl: number): void {
  if (version === 4) setNumberOption(descriptor, IPPROTO_IP, IP_MINTTL, 'IP_MINTTL', minTtl);
  else setNumberOption(descriptor, IPPROTO_IPV6, IPV6_MINHOPCOUNT, 'IPV6_MINHOPCOUNT', minTtl);
}

/**
 * Has a listening socket keep the SYN of each connection for {@link timeToLiveOfSyn}.
 *
 * @throws InetSocketError when the kernel refuses it
 */
export function saveSyns(descriptor: number): void {
  setNumberOption(descriptor, IPPROTO_TCP, TCP_SAVE_SYN, 'TCP_SAVE_SYN', 1);
}

/** Time to live, or hop limit, of the SYN that an accepted socket began with; undefined when it was not kept, or asked for before. */
export function timeToLiveOfSyn(descriptor: number, version: IpVersion): number | undefined {
  const headers = new Uint8Array(LONGEST_SYN_HEADERS);
  const size = new Uint8Array(4);
  const sizeView = new DataView(size.buffer);
  sizeView.setInt32(0, headers.length, true);
  const result = systemCalls().getsockopt(descriptor, IPPROTO_TCP, TCP_SAVED_SYN, headers, size);
  if (result < 0 || sizeView.getInt32(0, true) === 0) return undefined;
  return headers[version === 4 ? IPV4_TTL_OFFSET : IPV6_HOP_LIMIT_OFFSET];
}

/** Octets of data that a connected socket has received so far; undefined when the kernel does not say. */
export function bytesReceived(descriptor: number): number | undefined {
  const info = new Uint8Array(TCP_INFO_BYTES_RECEIVED + 8);
  const size = new Uint8Array(4);
  const sizeView = new DataView(size.buffer);
  sizeView.setInt32(0, info.length, true);
  const result = systemCalls().getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, info, size);
  if (result < 0 || sizeView.getInt32(0, true) < info.length) return undefined;
  return Number(new DataView(info.buffer).getBigUint64(TCP_INFO_BYTES_RECEIVED, true));
}

/**
 * Sets the TCP MD5 key (RFC 2385) for a peer, on a listening socket too; undefined removes it. Connections that are
 * established keep working with the key they have. `prefixLength`: the key is for all addresses that share so many
 * bits with the peer's.
 *
 * @throws InetSocketError for an empty or too long key, and when the kernel refuses (no CONFIG_TCP_MD5SIG)
 */
export function setTcpMd5Key(
  descriptor: number,
  peer: IpAddress,
  password: string | undefined,
  prefixLength?: number,
): void {
  const key = Buffer.from(password ?? '');
  if (password !== undefined && (key.length === 0 || key.length > LONGEST_MD5_KEY)) {
    const found = `this one has ${key.length}`;
    throw new InetSocketError(
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
  if (prefixLength !== undefined) {
    value[128] = TCP_MD5SIG_FLAG_PREFIX;
    value[129] = prefixLength;
  }
  const option = prefixLength === undefined ? TCP_MD5SIG : TCP_MD5SIG_EXT;
  setOption(descriptor, IPPROTO_TCP, option, 'TCP_MD5SIG', value, 'a key');
}
