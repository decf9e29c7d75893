import { NLA_F_NESTED, NLMSG_HDRLEN } from './constants.ts';

/**
 * Builds netlink messages, one after the other, in one growing buffer that is reused. Netlink speaks
 * the machine's own byte order, and all platforms this runs on (x86-64, arm64, riscv64) are
 * little-endian: that is what is written. Addresses are bytes in network order as ever.
 *
 * Hot: used per route, so no method allocates unless the buffer has to grow.
 */
export class MessageBuilder {
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;
  #messageStart = -1;
  #count = 0;

  /** `capacity`: bytes set aside at first; the buffer doubles when it is full. */
  constructor(capacity = 4096) {
    this.#buffer = new Uint8Array(capacity);
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Messages finished so far. */
  get count(): number {
    return this.#count;
  }

  /** Forgets all that was written; views given out before become invalid. */
  reset(): this {
    this.#length = 0;
    this.#count = 0;
    this.#messageStart = -1;
    return this;
  }

  /** What was written, as a view that is valid until the next write. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  copy(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  /**
   * Starts a message: `struct nlmsghdr`. Its length is filled in by {@link end}; sequence number and
   * NLM_F_REQUEST are the socket's business.
   */
  begin(type: number, flags: number): this {
    const at = this.#reserve(NLMSG_HDRLEN);
    this.#messageStart = at;
    this.#view.setUint32(at, 0, true);
    this.#view.setUint16(at + 4, type, true);
    this.#view.setUint16(at + 6, flags, true);
    this.#view.setUint32(at + 8, 0, true);
    this.#view.setUint32(at + 12, 0, true);
    return this;
  }

  /** Ends the message: fills in its length. */
  end(): this {
    this.#view.setUint32(this.#messageStart, this.#length - this.#messageStart, true);
    this.#messageStart = -1;
    this.#count++;
    return this;
  }

  /** `struct ifinfomsg` (linux/rtnetlink.h), 16 bytes; `change` tells which of `flags` count. */
  linkHeader(family: number, index: number, flags: number, change: number): this {
    const at = this.#reserve(16);
    this.#view.setUint32(at, family, true);
    this.#view.setInt32(at + 4, index, true);
    this.#view.setUint32(at + 8, flags, true);
    this.#view.setUint32(at + 12, change, true);
    return this;
  }

  /** `struct ifaddrmsg` (linux/if_addr.h), 8 bytes. */
  addressHeader(family: number, prefixLength: number, scope: number, index: number): this {
    const at = this.#reserve(8);
    this.#buffer[at] = family;
    this.#buffer[at + 1] = prefixLength;
    this.#buffer[at + 2] = 0;
    this.#buffer[at + 3] = scope;
    this.#view.setUint32(at + 4, index, true);
    return this;
  }

  /**
   * `struct rtmsg` (linux/rtnetlink.h), 12 bytes. `table` over 255 has to follow as RTA_TABLE, and then
   * is RT_TABLE_COMPAT or RT_TABLE_UNSPEC here.
   */
  routeHeader(
    family: number,
    destinationLength: number,
    table: number,
    protocol: number,
    scope: number,
    type: number,
    flags: number,
  ): this {
    const at = this.#reserve(12);
    const buffer = this.#buffer;
    buffer[at] = family;
    buffer[at + 1] = destinationLength;
    buffer[at + 2] = 0;
    buffer[at + 3] = 0;
    buffer[at + 4] = table;
    buffer[at + 5] = protocol;
    buffer[at + 6] = scope;
    buffer[at + 7] = type;
    this.#view.setUint32(at + 8, flags, true);
    return this;
  }

  /** `struct ndmsg` (linux/neighbour.h), 12 bytes. */
  neighbourHeader(family: number, index: number, state: number, flags: number, type: number): this {
    const at = this.#reserve(12);
    this.#view.setUint32(at, family, true);
    this.#view.setInt32(at + 4, index, true);
    this.#view.setUint16(at + 8, state, true);
    this.#buffer[at + 10] = flags;
    this.#buffer[at + 11] = type;
    return this;
  }

  /** `struct nhmsg` (linux/nexthop.h), 8 bytes. */
  nexthopHeader(family: number, scope: number, protocol: number, flags: number): this {
    const at = this.#reserve(8);
    const buffer = this.#buffer;
    buffer[at] = family;
    buffer[at + 1] = scope;
    buffer[at + 2] = protocol;
    buffer[at + 3] = 0;
    this.#view.setUint32(at + 4, flags, true);
    return this;
  }

  attributeU8(type: number, value: number): this {
    const at = this.#attribute(type, 1);
    this.#buffer[at] = value;
    return this;
  }

  attributeU16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  /** A 16-bit value in network byte order, such as a UDP port. */
  attributeU16Network(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value);
    return this;
  }

  attributeU32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** An attribute of the `size` bytes of `source` at `offset`. */
  attributeBytes(type: number, source: Uint8Array, offset = 0, size = source.length - offset): this {
    const at = this.#attribute(type, size);
    const buffer = this.#buffer;
    for (let i = 0; i < size; i++) buffer[at + i] = source[offset + i] ?? 0;
    return this;
  }

  /** An attribute of text with its terminating zero. */
  attributeText(type: number, text: string): this {
    const bytes = Buffer.from(`${text}\0`);
    return this.attributeBytes(type, bytes);
  }

  /** Starts an attribute that holds attributes; give the result to {@link endNested}. */
  beginNested(type: number): number {
    const at = this.#reserve(4);
    this.#view.setUint16(at + 2, type | NLA_F_NESTED, true);
    return at;
  }

  endNested(start: number): this {
    this.#view.setUint16(start, this.#length - start, true);
    return this;
  }

  /** Bytes as they are, padded to four: a structure inside an attribute. */
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(align(bytes.length));
    this.#buffer.fill(0, at, this.#length);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** `struct nlattr` and the padding behind its value; gives where the value starts. */
  #attribute(type: number, size: number): number {
    const padded = align(size);
    const at = this.#reserve(4 + padded);
    // Zeroes the padding; the value comes over it.
    if (padded > 0) this.#view.setUint32(at + padded, 0, true);
    this.#view.setUint16(at, 4 + size, true);
    this.#view.setUint16(at + 2, type, true);
    return at + 4;
  }

  #reserve(size: number): number {
    const at = this.#length;
    this.#length = at + size;
    if (this.#length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, at));
      this.#buffer = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}

/** Messages and attributes start at multiples of four bytes (NLMSG_ALIGN, NLA_ALIGN). */
function align(size: number): number {
  return (size + 3) & ~3;
}
