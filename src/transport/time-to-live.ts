import type { Socket } from 'node:net';
import { describeErrno, systemCalls } from '../../dataplane/system-calls.ts';
import type { IpVersion } from '../../net/address.ts';

// Numbers of include/uapi/linux/in.h and in6.h.
const IPPROTO_IP = 0;
const IP_TTL = 2;
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;

/**
 * Sets the time-to-live (hop limit) of what a socket sends from now on, 1 to 255. A listener serves peers of several
 * distances, so that only the accepted socket can have that of its peer. Gives what the kernel says against it.
 */
export function setTimeToLive(descriptor: number, version: IpVersion, ttl: number): string | undefined {
  const value = new Uint8Array(4);
  new DataView(value.buffer).setInt32(0, ttl, true);
  const calls = systemCalls();
  const [level, option] = version === 4 ? [IPPROTO_IP, IP_TTL] : [IPPROTO_IPV6, IPV6_UNICAST_HOPS];
  const result = calls.setsockopt(descriptor, level, option, value, value.length);
  return result < 0 ? describeErrno(calls.errno()) : undefined;
}

/** The descriptor of a connected socket, which `node:net` has no public name for; undefined when it is closed. */
export function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined;
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
}
