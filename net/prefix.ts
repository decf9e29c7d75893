import {
  addressEquals,
  addressPlus,
  addressSize,
  formatAddress,
  type IpAddress,
  parseAddress,
} from './address.ts';

/**
 * An address with a prefix length. For a network the bits after the length are zero
 * (see {@link networkOf}); an interface address keeps them.
 */
export interface IpPrefix {
  readonly address: IpAddress;
  /** 0 to 32 or 0 to 128. */
  readonly length: number;
}

/** Parses `address/length`, keeping host bits; undefined when the text is not of that form. */
export function parsePrefix(text: string): IpPrefix | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  const address = parseAddress(match[1] ?? '');
  const length = Number(match[2]);
  if (!address || length > addressSize(address.version) * 8) return undefined;
  return { address, length };
}

/** `address/length`. */
export function formatPrefix(prefix: IpPrefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`;
}

/** The same prefix with all bits after its length cleared. */
export function networkOf(prefix: IpPrefix): IpPrefix {
  const bytes = prefix.address.bytes.slice();
  maskBytes(bytes, 0, bytes.length, prefix.length);
  return { address: { version: prefix.address.version, bytes }, length: prefix.length };
}

/** Clears, in place, all bits after the first `length` of the `size` bytes at `offset`. */
export function maskBytes(bytes: Uint8Array, offset: number, size: number, length: number): void {
  let index = length >> 3;
  if (index >= size) return;
  bytes[offset + index] = (bytes[offset + index] ?? 0) & ((0xff00 >> (length & 7)) & 0xff);
  while (++index < size) bytes[offset + index] = 0;
}

/** A /32 or /128 of one address. */
export function hostPrefix(address: IpAddress): IpPrefix {
  return { address, length: addressSize(address.version) * 8 };
}

/** True when `address` lies inside `prefix`. */
export function prefixContains(prefix: IpPrefix, address: IpAddress): boolean {
  if (prefix.address.version !== address.version) return false;
  const masked = networkOf({ address, length: prefix.length });
  return addressEquals(masked.address, networkOf(prefix).address);
}

/** True when the two prefixes share any address. */
export function prefixesOverlap(a: IpPrefix, b: IpPrefix): boolean {
  return a.length <= b.length ? prefixContains(a, b.address) : prefixContains(b, a.address);
}

/** Element `index` (0: the network address) of the prefix, or undefined when the prefix has no such element. */
export function prefixElement(prefix: IpPrefix, index: number): IpAddress | undefined {
  const element = addressPlus(networkOf(prefix).address, index);
  return element && prefixContains(prefix, element) ? element : undefined;
}

/** True when both have the same address bytes and length. */
export function prefixEquals(a: IpPrefix, b: IpPrefix): boolean {
  return a.length === b.length && addressEquals(a.address, b.address);
}
