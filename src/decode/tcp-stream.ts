import { copyOctets } from '../../bgp/wire/octets.ts';

/** What becomes of the bytes of a direction. */
export interface StreamHandlers {
  /**
   * Bytes in the order of the stream. False when they are no longer understood: the stream then starts
   * again with the next segment that begins with a message.
   */
  data(bytes: Uint8Array): boolean;
  /** Bytes are missing here; what comes next begins with a message. */
  gap(): void;
}

interface PendingSegment {
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** More than any receive window: what waits behind a hole for longer was not captured. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024;
/** What all streams together may keep. */
const MAX_TOTAL_BYTES = 128 * 1024 * 1024;
const MAX_PENDING_SEGMENTS = 4096;
/** The receiver has acknowledged what is missing here, and so many segments later it has still not come. */
const PATIENCE = 64;
const MARKER_SIZE = 16;

/** Bytes that all streams of a capture keep behind holes. */
export interface PendingTotal {
  bytes: number;
}

/** One direction of a TCP connection, put in order (RFC 9293 §3.4: sequence numbers are modulo 2^32). */
export class TcpStream {
  readonly #handlers: StreamHandlers;
  readonly #total: PendingTotal;
  /** Sequence number of the next byte; undefined while there is no place to start. */
  #next: number | undefined;
  /** Segments behind a hole, by sequence number. */
  readonly #pending: PendingSegment[] = [];
  #pendingBytes = 0;
  #waited = 0;

  constructor(handlers: StreamHandlers, total: PendingTotal) {
    this.#handlers = handlers;
    this.#total = total;
  }

  /** The sequence number of a SYN. */
  synchronize(sequence: number): void {
    this.#next ??= (sequence + 1) >>> 0;
  }

  /** A segment's payload, at the sequence number of its first byte. */
  segment(sequence: number, payload: Uint8Array): void {
    if (payload.length === 0) return;
    if (this.#next === undefined) {
      if (!beginsWithMarker(payload)) return;
      this.#next = sequence;
    }
    if (distance(this.#next, sequence) > 0) {
      this.#keep(sequence, payload);
    } else {
      this.#take(sequence, payload);
      this.#drain();
    }
  }

  /** The other side has acknowledged everything before `acknowledgment`. */
  acknowledged(acknowledgment: number): void {
    const first = this.#pending[0];
    if (!first || distance(first.sequence, acknowledgment) < 0) return;
    this.#waited += 1;
    if (this.#waited > PATIENCE) this.#skipHole();
  }

  /** Nothing more will come: gives up on the holes that are left. */
  finish(): void {
    while (this.#pending.length > 0) this.#skipHole();
  }

  #take(sequence: number, payload: Uint8Array): void {
    const seen = distance(sequence, this.#next ?? sequence);
    if (seen >= payload.length) return;
    this.#next = (sequence + payload.length) >>> 0;
    if (!this.#handlers.data(payload.subarray(seen))) {
      this.#handlers.gap();
      this.#next = undefined;
    }
  }

  /** Takes all that has waited for what came now. */
  #drain(): void {
    for (let first = this.#pending[0]; first; first = this.#pending[0]) {
      if (this.#next === undefined) {
        this.#jump();
        continue;
      }
      if (distance(this.#next, first.sequence) > 0) return;
      this.#waited = 0;
      this.#pending.shift();
      this.#count(-first.data.length);
      this.#take(first.sequence, first.data);
    }
  }

  #keep(sequence: number, payload: Uint8Array): void {
    const before = this.#pending.findLastIndex((segment) => distance(segment.sequence, sequence) >= 0);
    this.#pending.splice(before + 1, 0, { sequence, data: copyOctets(payload, 0, payload.length) });
    this.#count(payload.length);
    const isFull = this.#pendingBytes > MAX_PENDING_BYTES || this.#total.bytes > MAX_TOTAL_BYTES;
    if (isFull || this.#pending.length > MAX_PENDING_SEGMENTS) this.#skipHole();
  }

  #count(bytes: number): void {
    this.#pendingBytes += bytes;
    this.#total.bytes += bytes;
  }

  #skipHole(): void {
    this.#waited = 0;
    this.#handlers.gap();
    this.#jump();
    this.#drain();
  }

  /** To the first waiting segment that begins with a message; nothing waits any longer when there is none. */
  #jump(): void {
    const start = this.#pending.findIndex(({ data }) => beginsWithMarker(data));
    const dropped = this.#pending.splice(0, start < 0 ? this.#pending.length : start);
    for (const { data } of dropped) this.#count(-data.length);
    this.#next = this.#pending[0]?.sequence;
  }
}

/** How far `to` lies behind `from`; negative when it lies before it. */
function distance(from: number, to: number): number {
  return (to - from) | 0;
}

/** True when the bytes may be the start of a message: as much of a marker as there is. */
export function beginsWithMarker(bytes: Uint8Array): boolean {
  const size = Math.min(bytes.length, MARKER_SIZE);
  for (let i = 0; i < size; i++) if (bytes[i] !== 0xff) return false;
  return size > 0;
}
