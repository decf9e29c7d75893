// Hot: runs for every message of every peer; allocates nothing per message, at most two views per read.
import { HEADER_SIZE, MAX_MESSAGE_SIZE } from '../wire/constants.ts';
import { checkHeader, messageTypeAt } from '../wire/message-header.ts';
import type { ProtocolError } from '../wire/protocol-error.ts';

/** Who is told of the messages that a {@link MessageFramer} finds. */
export interface MessageSink {
  /**
   * One whole message, header included, at `bytes[start..end)`; only valid during the call.
   * False: nothing more is to be delivered, the rest of the read is dropped.
   */
  message(type: number, bytes: Uint8Array, start: number, end: number): boolean;
  /** A header that RFC 4271 §6.1 refuses; the stream cannot be read any further. */
  invalidHeader(error: ProtocolError): void;
}

/**
 * Cuts the byte stream of a connection into BGP messages. Messages are delivered where they lie in
 * the read; only the message that a read ends in the middle of is kept, in a buffer of its own.
 */
export class MessageFramer {
  /** Longest message that is accepted, in octets; 65535 after RFC 8654 was negotiated. */
  maxMessageSize = MAX_MESSAGE_SIZE;
  readonly #sink: MessageSink;
  #partial = new Uint8Array(HEADER_SIZE);
  #partialLength = 0;

  constructor(sink: MessageSink) {
    this.#sink = sink;
  }

  /** Takes one read and delivers all messages that are complete now. */
  push(bytes: Uint8Array): void {
    let at = this.#partialLength === 0 ? 0 : this.#completePartial(bytes);
    while (at < bytes.length) {
      const available = bytes.length - at;
      const length = checkHeader(bytes, at, available, this.maxMessageSize);
      if (typeof length !== 'number') {
        this.#sink.invalidHeader(length);
        return;
      }
      if (available < HEADER_SIZE || length > available) {
        this.#keep(bytes, at, bytes.length, Math.max(length, HEADER_SIZE));
        return;
      }
      if (!this.#sink.message(messageTypeAt(bytes, at), bytes, at, at + length)) return;
      at += length;
    }
  }

  /** Fills up the message that the last read ended in. Gives where `bytes` goes on after it, or their end. */
  #completePartial(bytes: Uint8Array): number {
    let at = 0;
    if (this.#partialLength < HEADER_SIZE) {
      at = Math.min(HEADER_SIZE - this.#partialLength, bytes.length);
      this.#keep(bytes, 0, at, HEADER_SIZE);
      if (this.#partialLength < HEADER_SIZE) return at;
    }
    const length = checkHeader(this.#partial, 0, this.#partialLength, this.maxMessageSize);
    if (typeof length !== 'number') {
      this.#sink.invalidHeader(length);
      return bytes.length;
    }
    const next = Math.min(at + length - this.#partialLength, bytes.length);
    this.#keep(bytes, at, next, length);
    if (this.#partialLength < length) return next;
    this.#partialLength = 0;
    const proceed = this.#sink.message(messageTypeAt(this.#partial, 0), this.#partial, 0, length);
    return proceed ? next : bytes.length;
  }

  /** Appends `bytes[start..end)` to the kept part of a message that has `size` octets as far as is known. */
  #keep(bytes: Uint8Array, start: number, end: number, size: number): void {
    if (size > this.#partial.length) {
      const grown = new Uint8Array(Math.max(size, MAX_MESSAGE_SIZE));
      grown.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = grown;
    }
    this.#partial.set(bytes.subarray(start, end), this.#partialLength);
    this.#partialLength += end - start;
  }
}
