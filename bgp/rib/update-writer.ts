// Hot: runs once per route and update group. Writes bytes; allocates one buffer per 128 kB of output.
import { afiOf, type Family, IPV4_UNICAST, isVpnFamily, safiOf } from '../wire/family.ts';
import { RD_SIZE } from '../wire/route-distinguisher.ts';

const HEADER_SIZE = 19;
/** A writer's buffers grow from the first of these to the last: most writers have little to say. */
const FIRST_CHUNK_SIZE = 8 * 1024;
const CHUNK_SIZE = 128 * 1024;
const TYPE_UPDATE = 2;

/** Marker, length to be filled in, type, and a Withdrawn Routes Length of 0. */
const HEADER = Uint8Array.of(...new Uint8Array(16).fill(0xff), 0, 0, TYPE_UPDATE, 0, 0);
const EMPTY_UPDATE = Uint8Array.of(...new Uint8Array(16).fill(0xff), 0, 23, TYPE_UPDATE, 0, 0, 0, 0);

/** Whom a stretch of messages is for: all members of a group, all but one source, or one source alone. */
export interface Audience {
  /** Source id that must not get it, or 0. */
  readonly except: number;
  /** The only source id that gets it, or 0 for everyone. */
  readonly only: number;
}

/** Whole UPDATE messages, back to back, for one audience. The bytes do not change until {@link UpdateWriter.reuse}. */
export interface UpdateSegment extends Audience {
  readonly bytes: Uint8Array;
}

/**
 * Packs routes into UPDATE messages (RFC 4271 §4.3; MP_REACH_NLRI first as RFC 7606 §5.1 asks), as many
 * as fit into one, and collects the messages in buffers that are written to the members as they are.
 */
export class UpdateWriter {
  readonly #family: Family;
  readonly #maxMessageSize: number;
  /** Routes go into MP_REACH_NLRI and MP_UNREACH_NLRI instead of the message's own fields. */
  readonly #multiprotocol: boolean;
  /** Octets of the route distinguisher before a next hop, which is 0 there (RFC 4364 §4.3.2). */
  readonly #rdSize: number;
  #chunk = new Uint8Array(0);
  #chunkSize = FIRST_CHUNK_SIZE;
  /** End of what was written to the chunk. */
  #at = 0;
  #segmentStart = 0;
  #except = 0;
  #only = 0;
  #segments: UpdateSegment[] = [];

  /** State of the message being written: its first byte, or -1. */
  #messageStart = -1;
  #limit = 0;
  #mpLengthAt = 0;
  #attributes: Uint8Array = new Uint8Array(0);
  #attributesLength = 0;
  #nextHop: Uint8Array = new Uint8Array(0);
  #withdrawing = false;

  /** `multiprotocol`: always but for IPv4 unicast routes with IPv4 next hops. `maxMessageSize`: 4096, or 65535 when both sides know extended messages (RFC 8654). */
  constructor(family: Family, maxMessageSize: number, multiprotocol: boolean) {
    this.#family = family;
    this.#maxMessageSize = maxMessageSize;
    this.#multiprotocol = multiprotocol;
    this.#rdSize = isVpnFamily(family) ? RD_SIZE : 0;
  }

  /** Bytes collected and not taken yet. */
  get pendingBytes(): number {
    let bytes = this.#at - this.#segmentStart;
    for (const segment of this.#segments) bytes += segment.bytes.length;
    return bytes;
  }

  /** What follows is for this audience. */
  setAudience(except: number, only: number): void {
    if (except === this.#except && only === this.#only) return;
    this.#closeSegment();
    this.#except = except;
    this.#only = only;
  }

  #closeSegment(): void {
    this.finishMessage();
    if (this.#at > this.#segmentStart) {
      const bytes = this.#chunk.subarray(this.#segmentStart, this.#at);
      this.#segments.push({ bytes, except: this.#except, only: this.#only });
    }
    this.#segmentStart = this.#at;
  }

  /** All that was collected; the writer starts afresh. */
  take(): UpdateSegment[] {
    this.#closeSegment();
    const segments = this.#segments;
    this.#segments = [];
    return segments;
  }

  /** What was taken stays as it is for good. */
  leaveBytes(): void {
    this.#closeSegment();
    this.#chunk = new Uint8Array(0);
    this.reuse();
  }

  /** All that was taken has been sent: its room is written again. */
  reuse(): void {
    this.#at = 0;
    this.#segmentStart = 0;
  }

  /**
   * Routes with these attributes follow. `attributes[0..length)` holds the path attributes without
   * MP_REACH_NLRI; `nextHop` is for MP_REACH_NLRI and not used for IPv4 unicast. Both must stay as they
   * are until the next call of a `begin…` method or {@link finishMessage}.
   */
  beginAnnouncements(attributes: Uint8Array, length: number, nextHop: Uint8Array): void {
    this.finishMessage();
    this.#attributes = attributes;
    this.#attributesLength = length;
    this.#nextHop = nextHop;
    this.#withdrawing = false;
  }

  /** Withdrawn routes follow, in the message being written if that holds withdrawn routes already. */
  beginWithdrawals(): void {
    if (this.#withdrawing) return;
    this.finishMessage();
    this.#withdrawing = true;
    this.#attributesLength = 0;
  }

  /** Adds one route, in its wire form at `nlri[0..length)`. False when not even a message of its own holds it. */
  addRoute(nlri: Uint8Array, length: number): boolean {
    if (this.#messageStart >= 0 && this.#at + length > this.#limit) this.finishMessage();
    if (this.#messageStart < 0) {
      this.#openMessage();
      if (this.#at + length > this.#limit) {
        this.#at = this.#messageStart;
        this.#messageStart = -1;
        return false;
      }
    }
    this.#copy(nlri, length);
    return true;
  }

  #openMessage(): void {
    this.#reserve(this.#maxMessageSize);
    this.#messageStart = this.#at;
    this.#copy(HEADER, HEADER.length);
    this.#limit = this.#messageStart + this.#maxMessageSize;
    if (this.#multiprotocol) this.#openMultiprotocol();
    else this.#openIpv4();
  }

  #openIpv4(): void {
    if (this.#withdrawing) {
      this.#limit -= 2;
      return;
    }
    this.#u16(this.#attributesLength);
    this.#copy(this.#attributes, this.#attributesLength);
  }

  #openMultiprotocol(): void {
    this.#u16(0);
    this.#limit -= this.#attributesLength;
    this.#u8(0x90)
      .#u8(this.#withdrawing ? 15 : 14)
      .#u16(0);
    this.#mpLengthAt = this.#at - 2;
    this.#u16(afiOf(this.#family)).#u8(safiOf(this.#family));
    if (this.#withdrawing) return;
    if (this.#rdSize > 0) this.#vpnNextHop();
    else {
      this.#u8(this.#nextHop.length);
      this.#copy(this.#nextHop, this.#nextHop.length);
    }
    this.#u8(0);
  }

  /** A route distinguisher of 0 before each address (RFC 4364 §4.3.2, RFC 4659 §3.2.1.1). */
  #vpnNextHop(): void {
    const size = this.#nextHop.length === 4 ? 4 : 16;
    this.#u8((this.#nextHop.length / size) * (this.#rdSize + size));
    for (let at = 0; at < this.#nextHop.length; at++) {
      if (at % size === 0) for (let i = 0; i < this.#rdSize; i++) this.#u8(0);
      this.#u8(this.#nextHop[at] as number);
    }
  }

  #copy(bytes: Uint8Array, length: number): void {
    const chunk = this.#chunk;
    const at = this.#at;
    for (let i = 0; i < length; i++) chunk[at + i] = bytes[i] as number;
    this.#at = at + length;
  }

  /** Completes the message being written, if any. */
  finishMessage(): void {
    const start = this.#messageStart;
    if (start < 0) return;
    this.#messageStart = -1;
    if (this.#multiprotocol) {
      this.#patchU16(this.#mpLengthAt, this.#at - this.#mpLengthAt - 2);
      if (!this.#withdrawing) this.#copy(this.#attributes, this.#attributesLength);
      this.#patchU16(start + HEADER_SIZE + 2, this.#at - start - HEADER_SIZE - 4);
    } else if (this.#withdrawing) {
      this.#patchU16(start + HEADER_SIZE, this.#at - start - HEADER_SIZE - 2);
      this.#u16(0);
    }
    this.#patchU16(start + 16, this.#at - start);
  }

  /** Adds an End-of-RIB marker (RFC 4724 §2). */
  endOfRib(): void {
    if (this.#family === IPV4_UNICAST) {
      this.addMessage(EMPTY_UPDATE);
      return;
    }
    this.beginWithdrawals();
    this.finishMessage();
    this.#openMessage();
    this.finishMessage();
  }

  /** Adds a whole message that was made elsewhere. */
  addMessage(message: Uint8Array): void {
    this.finishMessage();
    this.#reserve(message.length);
    this.#chunk.set(message, this.#at);
    this.#at += message.length;
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#chunk.length) return;
    this.#closeSegment();
    this.#chunk = new Uint8Array(Math.max(this.#chunkSize, size));
    this.#chunkSize = Math.min(CHUNK_SIZE, this.#chunkSize * 2);
    this.#at = 0;
    this.#segmentStart = 0;
  }

  #u8(value: number): this {
    this.#chunk[this.#at++] = value;
    return this;
  }

  #u16(value: number): this {
    this.#chunk[this.#at++] = value >> 8;
    this.#chunk[this.#at++] = value & 0xff;
    return this;
  }

  #patchU16(at: number, value: number): void {
    this.#chunk[at] = value >> 8;
    this.#chunk[at + 1] = value & 0xff;
  }
}
