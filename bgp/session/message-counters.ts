// Hot: counts every message; columns indexed by message type, nothing is allocated.
import { HEADER_SIZE, MARKER_SIZE, MessageType } from '../wire/constants.ts';
import { messageTypeAt } from '../wire/message-header.ts';
import { readU16 } from '../wire/octets.ts';

/** Numbers of messages by type. */
export interface MessageCounts {
  readonly open: number;
  readonly update: number;
  readonly notification: number;
  readonly keepalive: number;
  readonly routeRefresh: number;
}

/** Counts the messages of one direction of a session, over all its connections. */
export class MessageCounter {
  /** Messages by type number (1 to 5). */
  readonly #byType = new Float64Array(MessageType.ROUTE_REFRESH + 1);
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** `type`: one of {@link MessageType}; the header was checked. */
  count(type: number): void {
    this.#byType[type] = (this.#byType[type] ?? 0) + 1;
    this.#total++;
  }

  /** Counts whole messages that lie back to back, as they are sent. */
  countAll(messages: Uint8Array): void {
    let at = 0;
    while (at + HEADER_SIZE <= messages.length) {
      this.count(messageTypeAt(messages, at));
      at += Math.max(HEADER_SIZE, readU16(messages, at + MARKER_SIZE));
    }
  }

  counts(): MessageCounts {
    const of = (type: number): number => this.#byType[type] ?? 0;
    return {
      open: of(MessageType.OPEN),
      update: of(MessageType.UPDATE),
      notification: of(MessageType.NOTIFICATION),
      keepalive: of(MessageType.KEEPALIVE),
      routeRefresh: of(MessageType.ROUTE_REFRESH),
    };
  }
}
