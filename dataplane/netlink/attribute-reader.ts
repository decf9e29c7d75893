import { NLA_TYPE_MASK, NLMSG_HDRLEN } from './constants.ts';

/** One netlink message inside a buffer; all offsets count from the buffer's start. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The message's payload: family header and attributes. */
  readonly payload: Uint8Array;
}

/**
 * The messages of a datagram. The kernel sends whole ones; a length that leaves the buffer ends the walk.
 */
export function* messagesOf(datagram: Uint8Array): Generator<NetlinkMessage> {
  const view = viewOf(datagram);
  let at = 0;
  while (at + NLMSG_HDRLEN <= datagram.length) {
    const length = view.getUint32(at, true);
    if (length < NLMSG_HDRLEN || length > datagram.length - at) return;
    yield {
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: datagram.subarray(at + NLMSG_HDRLEN, at + length),
    };
    at += (length + 3) & ~3;
  }
}

/**
 * A sequence of attributes (`struct nlattr`), in the machine's byte order (little-endian). Every read is
 * checked: an attribute that is missing or too short reads as undefined. Of several attributes of one type the last counts, as in the
 * kernel.
 */
export class AttributeReader {
  readonly #attributes = new Map<number, Uint8Array>();

  /** `offset`: where the first attribute starts, after the family's header. */
  constructor(bytes: Uint8Array, offset = 0) {
    const view = viewOf(bytes);
    let at = offset;
    while (at + 4 <= bytes.length) {
      const length = view.getUint16(at, true);
      if (length < 4 || length > bytes.length - at) return;
      this.#attributes.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length));
      at += (length + 3) & ~3;
    }
  }

  has(type: number): boolean {
    return this.#attributes.has(type);
  }

  bytes(type: number): Uint8Array | undefined {
    return this.#attributes.get(type);
  }

  /** The attribute's bytes when they are exactly `size` many. */
  bytesOfSize(type: number, size: number): Uint8Array | undefined {
    const value = this.#attributes.get(type);
    return value?.length === size ? value : undefined;
  }

  u8(type: number): number | undefined {
    return this.#attributes.get(type)?.[0];
  }

  u16Network(type: number): number | undefined {
    const value = this.#attributes.get(type);
    return value !== undefined && value.length >= 2 ? viewOf(value).getUint16(0) : undefined;
  }

  u32(type: number): number | undefined {
    const value = this.#attributes.get(type);
    return value !== undefined && value.length >= 4 ? viewOf(value).getUint32(0, true) : undefined;
  }

  i32(type: number): number | undefined {
    const value = this.#attributes.get(type);
    return value !== undefined && value.length >= 4 ? viewOf(value).getInt32(0, true) : undefined;
  }

  /** Text up to its terminating zero. */
  text(type: number): string | undefined {
    const value = this.#attributes.get(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return Buffer.from(value.subarray(0, end < 0 ? value.length : end)).toString('utf8');
  }

  /** Attributes inside the attribute; none when it is missing. */
  nested(type: number): AttributeReader {
    return new AttributeReader(this.#attributes.get(type) ?? new Uint8Array());
  }
}

/** A DataView of exactly these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
