import { ByteWriter } from '../../../net/byte-writer.ts';

const MARKER = new Uint8Array(16).fill(0xff);
const UPDATE = 2;
const MOST_MESSAGE_BYTES = 4096;
const HEADER_AND_LENGTHS = 23;

/** First address of the numbered /24 prefixes, 16.0.0.0: room for a million before 32.0.0.0. */
const FIRST_ADDRESS = 0x1000_0000;

/** The prefixes `first` to `first + count - 1` of all that are numbered. */
export interface PrefixRange {
  readonly first: number;
  readonly count: number;
}

/** What a sender says in one round about its prefixes. */
export interface Round {
  readonly range: PrefixRange;
  readonly as: number;
  /** 1 to 255: the first octet of the one community that every route has. */
  readonly round: number;
  /** Prefixes that share attributes, and a message. */
  readonly perMessage: number;
}

/** The community of a prefix in a round: the round, then the number of the message. */
export function tagOf({ round, perMessage }: Pick<Round, 'round' | 'perMessage'>, prefix: number): number {
  return ((round << 24) | Math.floor(prefix / perMessage)) >>> 0;
}

/** UPDATEs, back to back, that announce a range with attributes of this round. */
export function announcements(round: Round): Uint8Array {
  const { range, perMessage } = round;
  const writer = new ByteWriter(range.count * 24);
  const last = range.first + range.count;
  for (let prefix = range.first; prefix < last; ) {
    const end = Math.min(last, prefix + perMessage - (prefix % perMessage));
    message(writer, () => {
      writer.u16(0);
      attributes(writer, round.as, tagOf(round, prefix));
      for (; prefix < end; prefix++) slash24(writer, prefix);
    });
  }
  return writer.take();
}

/** UPDATEs, back to back, that withdraw a range. */
export function withdrawals({ first, count }: PrefixRange): Uint8Array {
  const writer = new ByteWriter(count * 5);
  const most = Math.floor((MOST_MESSAGE_BYTES - HEADER_AND_LENGTHS) / 4);
  for (let prefix = first; prefix < first + count; ) {
    const end = Math.min(first + count, prefix + most);
    message(writer, () => {
      writer.u16((end - prefix) * 4);
      for (; prefix < end; prefix++) slash24(writer, prefix);
      writer.u16(0);
    });
  }
  return writer.take();
}

/** UPDATEs that announce `count` host routes from an address on, then, in `gone`, withdraw them. */
export function hostRoutes(
  address: number,
  count: number,
  as: number,
): { come: Uint8Array; gone: Uint8Array } {
  const most = 700;
  const write = (body: (writer: ByteWriter, nlri: () => void, bytes: number) => void): Uint8Array => {
    const writer = new ByteWriter(count * 6);
    for (let at = 0; at < count; at += most) {
      const end = Math.min(count, at + most);
      const nlri = (): void => {
        for (let i = at; i < end; i++) writer.u8(32).u32((address + i) >>> 0);
      };
      message(writer, () => body(writer, nlri, (end - at) * 5));
    }
    return writer.take();
  };
  return {
    come: write((writer, nlri) => {
      writer.u16(0);
      attributes(writer, as, 1);
      nlri();
    }),
    gone: write((writer, nlri, bytes) => {
      writer.u16(bytes);
      nlri();
      writer.u16(0);
    }),
  };
}

function message(writer: ByteWriter, body: () => void): void {
  const start = writer.length;
  writer.raw(MARKER).u16(0).u8(UPDATE);
  body();
  writer.patchU16(start + 16, writer.length - start);
}

function attributes(writer: ByteWriter, as: number, tag: number): void {
  const start = writer.length;
  writer.u16(0);
  writer.u8(0x40).u8(1).u8(1).u8(0);
  writer.u8(0x40).u8(2).u8(10).u8(2).u8(2).u32(as).u32(64_000);
  writer.u8(0x40).u8(3).u8(4).u32(0xc000_0201);
  writer.u8(0xc0).u8(8).u8(4).u32(tag);
  writer.patchU16(start, writer.length - start - 2);
}

function slash24(writer: ByteWriter, prefix: number): void {
  writer.u8(24).u24((FIRST_ADDRESS >>> 8) + prefix);
}

/** What a peer has after the UPDATEs that it got. */
export class ReceivedTable {
  /** By numbered prefix: its community, or 0 when the peer does not have it. */
  readonly tags: Uint32Array;
  /** How many prefixes the peer has of each round. */
  readonly ofRound = new Int32Array(256);
  /** Host routes that it has. */
  readonly hosts = new Set<number>();
  announced = 0;
  withdrawn = 0;
  endOfRib = 0;

  constructor(prefixes: number) {
    this.tags = new Uint32Array(prefixes);
  }

  /** Applies the UPDATE at `bytes[start..end)`. Throws when it is malformed. */
  apply(bytes: Uint8Array, start: number, end: number): void {
    const withdrawnEnd = start + 21 + u16(bytes, start + 19);
    const attributesEnd = withdrawnEnd + 2 + u16(bytes, withdrawnEnd);
    if (attributesEnd > end) throw new Error('an UPDATE whose attributes pass its end');
    if (end === start + HEADER_AND_LENGTHS) this.endOfRib++;
    this.#routes(bytes, start + 21, withdrawnEnd, 0);
    if (attributesEnd < end) {
      this.#routes(bytes, attributesEnd, end, communityOf(bytes, withdrawnEnd + 2, attributesEnd));
    }
  }

  #routes(bytes: Uint8Array, start: number, end: number, tag: number): void {
    for (let at = start; at < end; ) {
      const length = bytes[at] as number;
      const address = (u16(bytes, at + 1) << 16) | ((bytes[at + 3] as number) << 8);
      if (length === 24) this.#set((address - FIRST_ADDRESS) >>> 8, tag);
      else if (length !== 32) throw new Error(`a prefix of length ${length}`);
      else if (tag === 0) this.hosts.delete((address | (bytes[at + 4] as number)) >>> 0);
      else this.hosts.add((address | (bytes[at + 4] as number)) >>> 0);
      if (tag === 0) this.withdrawn++;
      else this.announced++;
      at += length === 24 ? 4 : 5;
    }
  }

  #set(prefix: number, tag: number): void {
    if (prefix >= this.tags.length) throw new Error(`a prefix with the number ${prefix}`);
    const before = this.tags[prefix] as number;
    if (before !== 0) this.ofRound[before >>> 24] = (this.ofRound[before >>> 24] as number) - 1;
    if (tag !== 0) this.ofRound[tag >>> 24] = (this.ofRound[tag >>> 24] as number) + 1;
    this.tags[prefix] = tag;
  }
}

function communityOf(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; ) {
    const extended = ((bytes[at] as number) & 0x10) !== 0;
    const value = at + (extended ? 4 : 3);
    if (bytes[at + 1] === 8) return ((u16(bytes, value) << 16) | u16(bytes, value + 2)) >>> 0;
    at = value + (extended ? u16(bytes, at + 2) : (bytes[at + 2] as number));
  }
  throw new Error('a route without its community');
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
