import { messagesOf } from '../../../dataplane/netlink/attribute-reader.ts';
import { NLM_F_ACK, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR } from '../../../dataplane/netlink/constants.ts';
import type { OpenedSocket, RawSocket } from '../../../dataplane/netlink/raw-socket.ts';

/** A message that reached the kernel. */
export interface SentMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** What the kernel says to a message: a positive errno, with its own text if any, or replies. */
export interface Answer {
  readonly errno?: number;
  readonly text?: string;
  readonly replies?: ReadonlyArray<{ readonly type: number; readonly payload: Uint8Array }>;
  /** NLM_F_DUMP_INTR. */
  readonly interrupted?: boolean;
}

type MessageListener = (bytes: Uint8Array, from: { readonly port: number }) => void;
type ErrorListener = (error: Error & { readonly code?: string }) => void;

/** The kernel's side of a netlink socket: answers as it does, one event loop turn later. */
export class FakeSocket implements RawSocket {
  readonly sent: SentMessage[] = [];
  /** Number of messages of each send. */
  readonly sends: number[] = [];
  closed = false;
  referenced = false;
  /** Room for so many answers of one send; more are lost, and ENOBUFS tells of it. */
  room = Number.POSITIVE_INFINITY;
  readonly #answer: (message: SentMessage) => Answer;
  #message: MessageListener = () => undefined;
  #error: ErrorListener = () => undefined;

  constructor(answer: (message: SentMessage) => Answer = () => ({})) {
    this.#answer = answer;
  }

  get opened(): OpenedSocket {
    return { raw: this, largestSend: 1 << 20, filtersDumps: true };
  }

  on(event: 'message' | 'error', listener: MessageListener | ErrorListener): this {
    if (event === 'message') this.#message = listener as MessageListener;
    else this.#error = listener as ErrorListener;
    return this;
  }

  send(bytes: Uint8Array, _options: undefined, done: (error?: Error) => void): void {
    const messages = [...messagesOf(bytes.slice())];
    this.sends.push(messages.length);
    this.sent.push(...messages);
    const answers = messages.flatMap((message) => this.#answersTo(message));
    const lost = answers.length > this.room;
    setImmediate(() => {
      done();
      if (lost) this.fail('ENOBUFS');
      for (const answer of answers.slice(0, this.room)) this.deliver(answer);
    });
  }

  /** Hands bytes to the socket as if they came from `port` (0: the kernel). */
  deliver(bytes: Uint8Array, port = 0): void {
    this.#message(bytes, { port });
  }

  fail(code: string): void {
    this.#error(Object.assign(new Error(code), { code }));
  }

  ref(): void {
    this.referenced = true;
  }

  unref(): void {
    this.referenced = false;
  }

  close(): void {
    this.closed = true;
  }

  #answersTo(message: SentMessage): Uint8Array[] {
    const { errno = 0, text, replies = [], interrupted } = this.#answer(message);
    const flags = interrupted ? 0x12 : 0x2;
    const parts = replies.map(({ type, payload }) => datagram(type, flags, message.sequence, payload));
    const dump = (message.flags & NLM_F_DUMP) === NLM_F_DUMP && message.type % 4 === 2;
    if (dump && errno === 0)
      return [...parts, datagram(NLMSG_DONE, flags, message.sequence, new Uint8Array(4))];
    if (errno === 0 && (message.flags & NLM_F_ACK) === 0) return parts;
    return [...parts, errorAnswer(message, errno, text)];
  }
}

/** One netlink message as bytes. */
export function datagram(type: number, flags: number, sequence: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  bytes.set(payload, 16);
  return bytes;
}

/** `struct nlmsgerr` with the message's header only (NLM_F_CAPPED), and the text as extended acknowledgement. */
function errorAnswer(message: SentMessage, errno: number, text: string | undefined): Uint8Array {
  const words = text === undefined ? Buffer.alloc(0) : Buffer.from(`${text}\0`);
  const attribute = text === undefined ? 0 : 4 + words.length;
  const payload = new Uint8Array(20 + attribute);
  const view = new DataView(payload.buffer);
  view.setInt32(0, -errno, true);
  view.setUint32(4, 16 + message.payload.length, true);
  if (text !== undefined) {
    view.setUint16(20, attribute, true);
    view.setUint16(22, 1, true);
    payload.set(words, 24);
  }
  return datagram(NLMSG_ERROR, text === undefined ? 0x100 : 0x300, message.sequence, payload);
}
