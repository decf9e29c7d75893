import {
  addressEquals,
  addressFromBytes,
  formatAddress,
  type IpAddress,
  isLinkLocal,
} from '../../net/address.ts';
import { ByteTable } from './byte-table.ts';
import { growInt32, growUint8 } from './columns.ts';

/** A next hop as MP_REACH_NLRI may carry it: an address, for IPv6 perhaps with a link-local one (RFC 2545 §3). */
export interface NextHop {
  readonly address: IpAddress;
  readonly linkLocal?: IpAddress;
  /** Interface of the link-local address, or of `address` when that is one. */
  readonly interfaceName?: string;
}

/** Octets of the number of an interface behind a next hop. */
const INTERFACE_SIZE = 4;

const scoped = new Uint8Array(32 + INTERFACE_SIZE);

/**
 * Interns next hops by their wire bytes (4, 16 or 32), so that the RIB compares numbers. Counted
 * references: an id is given to another next hop once nothing refers to it. A link-local address is another one on
 * each interface.
 */
export class NextHops {
  readonly #table = new ByteTable();
  /** Interfaces by their numbers less 1, each with this router's address on it. */
  readonly #interfaces: { readonly name: string; own: IpAddress }[] = [];
  readonly #values: (NextHop | undefined)[] = [];
  #references = new Int32Array(16);
  /** By id: 1 when nothing may be sent there: one of our own addresses, or no unicast address. */
  #forbidden = new Uint8Array(16);
  #own: readonly IpAddress[] = [];
  #loopbackAllowed = false;

  /** Next hops in use. */
  get size(): number {
    return this.#table.size;
  }

  /** Ids are below this. */
  get idLimit(): number {
    return this.#table.idLimit;
  }

  /** The id of the next hop at `bytes[start..end)`, or -1 when its length is none that a next hop has. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    return length === 4 || length === 16 || length === 32 ? this.#intern(bytes, start, end) : -1;
  }

  /** The same for a next hop that came over an interface, by the number of {@link interfaceNumber}. */
  internOn(bytes: Uint8Array, start: number, end: number, interfaceNumber: number): number {
    if (!holdsLinkLocal(bytes, start, end)) return this.intern(bytes, start, end);
    const length = end - start;
    for (let i = 0; i < length; i++) scoped[i] = bytes[start + i] as number;
    for (let i = 0; i < INTERFACE_SIZE; i++) scoped[length + i] = interfaceNumber >>> (8 * i);
    return this.#intern(scoped, 0, length + INTERFACE_SIZE);
  }

  /** Number of an interface, from 1 on; `own`: this router's link-local address on it. */
  interfaceNumber(name: string, own: IpAddress): number {
    const index = this.#interfaces.findIndex((known) => known.name === name);
    const known = this.#interfaces[index];
    if (!known) return this.#interfaces.push({ name, own });
    if (addressEquals(known.own, own)) return index + 1;
    known.own = own;
    this.#judgeAll();
    return index + 1;
  }

  #intern(bytes: Uint8Array, start: number, end: number): number {
    const found = this.#table.find(bytes, start, end);
    if (found >= 0) return found;
    const value = this.#valueOf(bytes.slice(start, end));
    const id = this.#table.add(bytes, start, end);
    this.#values[id] = value;
    this.#references = growInt32(this.#references, id + 1);
    this.#references[id] = 0;
    this.#forbidden = growUint8(this.#forbidden, id + 1);
    this.#forbidden[id] = Number(this.#isForbidden(value));
    return id;
  }

  #valueOf(bytes: Uint8Array): NextHop {
    const size = bytes.length & ~15;
    if (bytes.length === 4 || bytes.length === size) return nextHopFromBytes(bytes);
    const number = new DataView(bytes.buffer).getUint32(size, true);
    const { address, linkLocal } = nextHopFromBytes(bytes.subarray(0, size));
    const interfaceName = this.#interfaces[number - 1]?.name ?? '';
    // Some speakers fill the place of the global address that they do not have with zeroes.
    if (linkLocal && isUnspecified(address)) return { address: linkLocal, interfaceName };
    return { address, ...(linkLocal && { linkLocal }), interfaceName };
  }

  #isForbidden({ address, linkLocal, interfaceName }: NextHop): boolean {
    if (isLoopback(address)) return !this.#loopbackAllowed;
    if (interfaceName !== undefined) {
      // Addresses of ours on other interfaces may be a neighbour's on this one.
      const place = this.#interfaces.find(({ name }) => name === interfaceName);
      if (place && addressEquals(place.own, linkLocal ?? address)) return true;
      if (isLinkLocal(address)) return false;
    }
    return isMartian(address) || this.#own.some((own) => addressEquals(own, address));
  }

  /** Says which addresses are this router's: routes that point back at it are no use (RFC 4271 §5.1.3). */
  setOwnAddresses(own: readonly IpAddress[]): void {
    this.#own = own;
    this.#judgeAll();
  }

  /** Accepts next hops of the loopback network: for speakers that talk to each other on one machine. */
  allowLoopback(): void {
    this.#loopbackAllowed = true;
    this.#judgeAll();
  }

  #judgeAll(): void {
    this.#values.forEach((value, id) => {
      if (value) this.#forbidden[id] = Number(this.#isForbidden(value));
    });
  }

  /** True when a route with this next hop must not be used. */
  isForbidden(id: number): boolean {
    return this.#forbidden[id] === 1;
  }

  /** The next hop of an id in use. */
  get(id: number): NextHop {
    const value = this.#values[id];
    if (value === undefined) throw new RangeError(`there is no next hop ${id}`);
    return value;
  }

  retain(id: number): void {
    this.#references[id] = (this.#references[id] as number) + 1;
  }

  release(id: number): void {
    const left = (this.#references[id] as number) - 1;
    this.#references[id] = left;
    if (left <= 0) this.#drop(id);
  }

  /** Drops a next hop that was interned and that nothing refers to; nothing happens for -1. */
  collect(id: number): void {
    if (this.#references[id] === 0 && this.#values[id] !== undefined) this.#drop(id);
  }

  #drop(id: number): void {
    this.#table.remove(id);
    this.#values[id] = undefined;
  }
}

/** True when one of the addresses of a next hop is a link-local one. */
function holdsLinkLocal(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start === 16) return isLinkLocalAt(bytes, start);
  return end - start === 32 && (isLinkLocalAt(bytes, start) || isLinkLocalAt(bytes, start + 16));
}

function isLinkLocalAt(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xfe && ((bytes[at + 1] as number) & 0xc0) === 0x80;
}

function nextHopFromBytes(bytes: Uint8Array): NextHop {
  if (bytes.length !== 32) return { address: addressFromBytes(bytes) };
  const address = addressFromBytes(bytes.subarray(0, 16));
  const linkLocal = addressFromBytes(bytes.subarray(16));
  // RFC 2545 wants a link-local address there; some speakers repeat the global one or send zeroes.
  return isLinkLocal(linkLocal) ? { address, linkLocal } : { address };
}

/** 127.0.0.0/8 and ::1. */
function isLoopback({ version, bytes }: IpAddress): boolean {
  return version === 4 ? bytes[0] === 127 : bytes.every((byte, index) => byte === Number(index === 15));
}

/** 0.0.0.0/8, multicast and above; :: and ff00::/8. */
function isMartian({ version, bytes }: IpAddress): boolean {
  const first = bytes[0] ?? 0;
  if (version === 4) return first === 0 || first >= 224;
  return first === 0xff || isUnspecified({ version, bytes });
}

function isUnspecified({ bytes }: IpAddress): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Text of a next hop for people: the global address, or `fe80::1%eth1`. */
export function formatNextHop({ address, interfaceName }: NextHop): string {
  const zone = interfaceName !== undefined && isLinkLocal(address) ? `%${interfaceName}` : '';
  return formatAddress(address) + zone;
}
