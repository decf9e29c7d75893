import { isIPv4, isIPv6 } from 'node:net';

/** IP version of an address. */
export type IpVersion = 4 | 6;

/**
 * An IPv4 or IPv6 address as its bytes in network byte order (4 or 16 of them).
 * Values are never modified after creation; compare with {@link addressEquals}.
 */
export interface IpAddress {
  readonly version: IpVersion;
  readonly bytes: Uint8Array;
}

/** Length in bytes of an address of the given version. */
export function addressSize(version: IpVersion): 4 | 16 {
  return version === 4 ? 4 : 16;
}

/** Wraps 4 or 16 bytes (copied, also from a Buffer, whose `slice` would not) as an address. Throws RangeError for any other length. */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return { version: 4, bytes: new Uint8Array(bytes) };
  if (bytes.length === 16) return { version: 6, bytes: new Uint8Array(bytes) };
  throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
}

/** Parses dotted-quad or RFC 4291 text; undefined when the text is neither (zone identifiers are refused). */
export function parseAddress(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { version: 4, bytes: Uint8Array.from(text.split('.'), Number) };
  if (isIPv6(text) && !text.includes('%')) return { version: 6, bytes: parseIpv6(text) };
  return undefined;
}

function parseIpv6(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const [head = '', tail] = text.split('::');
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  bytes.set(left, 0);
  bytes.set(right, 16 - right.length);
  return bytes;
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** Text of an address: dotted quad, or RFC 5952 with IPv4-mapped addresses as `::ffff:192.0.2.1`. */
export function formatAddress(address: IpAddress): string {
  return formatAddressBytes(address.bytes, 0, address.version);
}

/** Text of the address of the given version that starts at `offset`; the caller has checked the bounds. */
export function formatAddressBytes(bytes: Uint8Array, offset: number, version: IpVersion): string {
  if (version === 4) {
    return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
  }
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push(((bytes[offset + i] ?? 0) << 8) | (bytes[offset + i + 1] ?? 0));
  }
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatAddressBytes(bytes, offset + 12, 4)}`;
  }
  const run = longestZeroRun(groups);
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

/** RFC 5952 §4.2.3: the longest run of zero groups, the first of several equally long ones. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, index) => {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  });
  return best;
}

/** True when both are the same address of the same version. */
export function addressEquals(a: IpAddress, b: IpAddress): boolean {
  return a.version === b.version && compareBytes(a.bytes, b.bytes) === 0;
}

/** Orders two byte strings as unsigned numbers of the same length (shorter first when lengths differ). */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The address `offset` places after `address` (negative: before), or undefined when it leaves the version's range. */
export function addressPlus(address: IpAddress, offset: number): IpAddress | undefined {
  const bits = BigInt(address.bytes.length * 8);
  let value = 0n;
  for (const byte of address.bytes) value = (value << 8n) | BigInt(byte);
  value += BigInt(offset);
  if (value < 0n || value >> bits !== 0n) return undefined;
  const bytes = new Uint8Array(address.bytes.length);
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(value & 0xffn);
    value >>= 8n;
  }
  return { version: address.version, bytes };
}

/** The four bytes of an IPv4 address as an unsigned 32-bit number. */
export function ipv4ToNumber(address: IpAddress): number {
  const [a = 0, b = 0, c = 0, d = 0] = address.bytes;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** The IPv4 address of an unsigned 32-bit number. */
export function ipv4FromNumber(value: number): IpAddress {
  return {
    version: 4,
    bytes: Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff),
  };
}

/** The IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) of an IPv4 address. */
export function ipv4Mapped(address: IpAddress): IpAddress {
  const bytes = new Uint8Array(16);
  bytes[10] = 0xff;
  bytes[11] = 0xff;
  bytes.set(address.bytes.subarray(0, 4), 12);
  return { version: 6, bytes };
}

/** True for fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal(address: IpAddress): boolean {
  return address.version === 6 && address.bytes[0] === 0xfe && ((address.bytes[1] ?? 0) & 0xc0) === 0x80;
}
