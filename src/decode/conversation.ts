import type { WireContext } from '../../bgp/wire/context.ts';
import { decodeMessage, type Message } from '../../bgp/wire/message.ts';
import type { OpenMessage } from '../../bgp/wire/open.ts';
import { MessageStream } from './message-stream.ts';
import { type AssumedContext, negotiatedContext } from './session-context.ts';
import type { TcpSegment } from './tcp-segment.ts';
import { beginsWithMarker, type PendingTotal, TcpStream } from './tcp-stream.ts';

/** A message and where it was seen. */
export interface SeenMessage {
  /** `address port`. */
  readonly source: string;
  readonly destination: string;
  /** Octets, header included. */
  readonly length: number;
  readonly message: Message;
}

interface Direction {
  readonly source: string;
  readonly destination: string;
  readonly stream: TcpStream;
  open: OpenMessage | undefined;
  /** Made from both OPENs, and again when there is another. */
  context: WireContext | undefined;
  initialSequence: number | undefined;
}

const BGP_PORT = 179;
const MAX_CONVERSATIONS = 10_000;

/** What was not shown, and why. */
export interface ConversationCounts {
  /** Holes in TCP streams: bytes that were not captured. */
  gaps: number;
  /** Connections that were forgotten because there were too many at a time. */
  forgotten: number;
}

/** All TCP connections of a capture that may be BGP sessions: port 179, or a first segment that starts like a message. */
export class Conversations {
  readonly #connections = new Map<string, [Direction, Direction]>();
  readonly #pending: PendingTotal = { bytes: 0 };
  readonly #assumed: AssumedContext;
  readonly #seen: (message: SeenMessage) => void;
  readonly counts: ConversationCounts = { gaps: 0, forgotten: 0 };

  constructor(assumed: AssumedContext, seen: (message: SeenMessage) => void) {
    this.#assumed = assumed;
    this.#seen = seen;
  }

  /** Takes the next segment of the capture. */
  segment(segment: TcpSegment): void {
    const key = keyOf(segment);
    let connection = this.#connections.get(key);
    if (connection && segment.syn && isNewConnection(connection, segment)) {
      this.#end(key, connection);
      connection = undefined;
    }
    connection ??= this.#start(key, segment);
    if (!connection) return;
    const [there, back] =
      connection[0].source === segment.source ? connection : ([connection[1], connection[0]] as const);
    if (segment.syn) {
      there.initialSequence = segment.sequence;
      there.stream.synchronize(segment.sequence);
    }
    const first = segment.syn ? segment.sequence + 1 : segment.sequence;
    there.stream.segment(first >>> 0, segment.payload);
    if (segment.acknowledgment !== undefined) back.stream.acknowledged(segment.acknowledgment);
  }

  /** The capture is over. */
  finish(): void {
    for (const [key, connection] of this.#connections) this.#end(key, connection);
  }

  #start(key: string, segment: TcpSegment): [Direction, Direction] | undefined {
    const isBgp = segment.sourcePort === BGP_PORT || segment.destinationPort === BGP_PORT;
    if (!isBgp && !(segment.payload.length >= 16 && beginsWithMarker(segment.payload))) return undefined;
    if (this.#connections.size >= MAX_CONVERSATIONS) this.#forgetOldest();
    const connection: [Direction, Direction] = [
      this.#direction(segment.source, segment.destination, () => connection[1]),
      this.#direction(segment.destination, segment.source, () => connection[0]),
    ];
    this.#connections.set(key, connection);
    return connection;
  }

  #direction(source: string, destination: string, other: () => Direction): Direction {
    const messages = new MessageStream((bytes, start, end) => {
      direction.context ??= negotiatedContext(direction.open, other().open, this.#assumed);
      const message = decodeMessage(bytes, start, end, direction.context);
      if (message.type === 'open') {
        direction.open = message.open;
        direction.context = undefined;
        other().context = undefined;
      }
      this.#seen({ source, destination, length: end - start, message });
    });
    const stream = new TcpStream(
      {
        data: (bytes) => messages.push(bytes),
        gap: () => {
          this.counts.gaps += 1;
          messages.reset();
        },
      },
      this.#pending,
    );
    const direction: Direction = {
      source,
      destination,
      stream,
      open: undefined,
      context: undefined,
      initialSequence: undefined,
    };
    return direction;
  }

  #end(key: string, connection: readonly [Direction, Direction]): void {
    for (const { stream } of connection) stream.finish();
    this.#connections.delete(key);
  }

  #forgetOldest(): void {
    for (const [key, connection] of this.#connections) {
      this.counts.forgotten += 1;
      this.#end(key, connection);
      return;
    }
  }
}

/** The same for both directions. */
function keyOf({ source, destination }: TcpSegment): string {
  return source < destination ? `${source}|${destination}` : `${destination}|${source}`;
}

/** A SYN that is not a repetition: the same ports serve another connection. */
function isNewConnection(connection: readonly [Direction, Direction], segment: TcpSegment): boolean {
  const direction = connection[0].source === segment.source ? connection[0] : connection[1];
  if (direction.initialSequence !== undefined) return direction.initialSequence !== segment.sequence;
  // The first SYN of this side; with an ACK it answers the SYN of the other.
  return segment.acknowledgment === undefined;
}
