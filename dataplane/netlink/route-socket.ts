import { setImmediate as nextTurn } from 'node:timers/promises';
import { AttributeReader, messagesOf, type NetlinkMessage, viewOf } from './attribute-reader.ts';
import {
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
  NLMSGERR_ATTR_MSG,
} from './constants.ts';
import { errnoReason, NetlinkError, type RequestSubject } from './netlink-error.ts';
import { type OpenedSocket, openRawSocket, type RawSocket } from './raw-socket.ts';

/** A message of a batch that the kernel refused. */
export interface BatchError {
  /** Which message of the batch, from 0. */
  readonly index: number;
  /** Positive errno. */
  readonly errno: number;
  /** The kernel's own text, if it gave one. */
  readonly text: string | undefined;
  /** The kernel's reason: errno name and meaning, and its own text. */
  readonly reason: string;
}

/** What came of a batch. */
export type BatchResult = readonly BatchError[];

interface PendingRequest {
  readonly kind: 'request' | 'dump';
  readonly subject: RequestSubject;
  readonly replies: Uint8Array[];
  interrupted: boolean;
  resolve(replies: Uint8Array[]): void;
  reject(error: Error): void;
}

/** The part of a batch that is at the kernel. */
interface PendingChunk {
  readonly firstSequence: number;
  readonly count: number;
  /** Index of its first message in the batch. */
  readonly firstIndex: number;
  readonly errors: BatchError[];
  resolve(outcome: 'answered' | 'overrun'): void;
  reject(error: Error): void;
}

/**
 * Bytes of a batch that are sent at once from the event loop. The kernel carries them out before the send returns, so
 * this bounds how long the event loop stands still: some 2000 routes, 10 ms at 200,000 routes/s.
 */
const CHUNK_BYTES = 128 * 1024;
/** Bytes of a batch that are sent at once from another thread: below every send buffer that was asked for. */
export const LARGEST_SEND = 1000 * 1024;
const DUMP_ATTEMPTS = 5;
const ENOBUFS = 105;
const ECANCELED = 125;
const LOST = 'the kernel dropped answers for lack of room';

/** A NETLINK_ROUTE socket in one namespace: requests, dumps and batches, any number of them at a time. */
export class RouteSocket {
  /** The kernel filters dumps as their header says; else a dump gives everything. */
  readonly filtersDumps: boolean;
  readonly #raw: RawSocket;
  readonly #chunkBytes: number;
  readonly #pending = new Map<number, PendingRequest>();
  #chunk: PendingChunk | undefined;
  #lastDump: Promise<unknown> = Promise.resolve();
  #lastBatch: Promise<unknown> = Promise.resolve();
  #sequence = 0;
  #received = 0;
  #busy = 0;
  #closed = false;

  /** Takes a socket over; {@link RouteSocket.open} is what makes one. */
  constructor(opened: OpenedSocket) {
    this.#raw = opened.raw;
    const { largestSend, sendsInBackground = false } = opened;
    this.#chunkBytes = Math.min(sendsInBackground ? LARGEST_SEND : CHUNK_BYTES, largestSend);
    this.filtersDumps = opened.filtersDumps;
    this.#raw.on('message', (bytes, from) => {
      if (from.port === 0) this.#receive(bytes);
    });
    this.#raw.on('error', (error) => this.#fail(error));
  }

  /**
   * Opens a socket in the namespace of that name, undefined: the process's own.
   *
   * @throws NamespaceError
   */
  static open(namespace?: string): RouteSocket {
    return new RouteSocket(openRawSocket(namespace));
  }

  /**
   * Sends one message and gives the payloads of the kernel's answers (none for a plain change).
   * Sequence number and flags of `message` are filled in here.
   *
   * @throws NetlinkError
   */
  request(message: Uint8Array, subject: RequestSubject): Promise<Uint8Array[]> {
    return this.#during(
      this.#exchange('request', message, NLM_F_ACK, subject).then(({ replies }) => replies),
    );
  }

  /**
   * Asks for all objects of a kind and gives the payload of each. An answer that changes disturbed is asked
   * for again, some times.
   *
   * @throws NetlinkError
   */
  dump(message: Uint8Array, subject: RequestSubject): Promise<Uint8Array[]> {
    // The kernel carries out one dump per socket at a time.
    const turn = this.#lastDump.then(async () => {
      for (let attempt = 1; ; attempt++) {
        const { replies, interrupted } = await this.#exchange('dump', message, NLM_F_DUMP, subject);
        if (!interrupted || attempt === DUMP_ATTEMPTS) return replies;
      }
    });
    this.#lastDump = turn.catch(() => undefined);
    return this.#during(turn);
  }

  /**
   * Sends many messages, as many as possible at once, and asks an answer of the last only. Sequence
   * numbers and the flags REQUEST and ACK are written into `messages`, which must not change
   * before the result is there. The messages have to be repeatable (as REPLACE | CREATE and deletions
   * are): when the kernel had no room for its answers, they are sent again in smaller pieces.
   *
   * @returns what the kernel refused, in order; all else is done
   * @throws NetlinkError when the socket fails
   */
  sendBatch(messages: Uint8Array): Promise<BatchResult> {
    const turn = this.#lastBatch.then(() => this.#sendChunks(messages));
    this.#lastBatch = turn.catch(() => undefined);
    return this.#during(turn);
  }

  /** Closes the socket; what waits for an answer is rejected. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#raw.close();
    this.#rejectAll((subject) => new NetlinkError(ECANCELED, 'the socket was closed', subject));
  }

  /** Keeps the process alive while something waits for an answer, and only then. */
  async #during<T>(work: Promise<T>): Promise<T> {
    if (this.#busy++ === 0 && !this.#closed) this.#raw.ref();
    try {
      return await work;
    } finally {
      if (--this.#busy === 0 && !this.#closed) this.#raw.unref();
    }
  }

  #exchange(
    kind: PendingRequest['kind'],
    message: Uint8Array,
    flags: number,
    subject: RequestSubject,
  ): Promise<PendingRequest> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new NetlinkError(ECANCELED, 'the socket is closed', subject));
      const sequence = this.#takeSequences(1);
      const pending: PendingRequest = {
        kind,
        subject,
        replies: [],
        interrupted: false,
        resolve: () => resolve(pending),
        reject,
      };
      this.#pending.set(sequence, pending);
      const view = viewOf(message);
      view.setUint16(6, view.getUint16(6, true) | NLM_F_REQUEST | flags, true);
      view.setUint32(8, sequence, true);
      this.#send(message, (error) => {
        if (this.#pending.delete(sequence)) reject(error);
      });
    });
  }

  async #sendChunks(messages: Uint8Array): Promise<BatchResult> {
    const errors: BatchError[] = [];
    let limit = this.#chunkBytes;
    let start = 0;
    let index = 0;
    while (start < messages.length) {
      const { end, count } = chunkEnd(messages, start, limit);
      const before = errors.length;
      const outcome = await this.#sendChunk(messages, start, end, count, index, errors);
      if (outcome === 'overrun' && count > 1) {
        errors.length = before;
        limit = Math.max(NLMSG_HDRLEN, (end - start) >> 1);
        await this.#drained();
        continue;
      }
      if (outcome === 'overrun') errors.push(batchError(index, ENOBUFS, LOST));
      start = end;
      index += count;
    }
    return errors;
  }

  #sendChunk(
    messages: Uint8Array,
    start: number,
    end: number,
    count: number,
    firstIndex: number,
    errors: BatchError[],
  ): Promise<'answered' | 'overrun'> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new NetlinkError(ECANCELED, 'the socket is closed', BATCH));
      const firstSequence = this.#takeSequences(count);
      numberMessages(messages, start, end, firstSequence);
      this.#chunk = { firstSequence, count, firstIndex, errors, resolve, reject };
      this.#send(messages.subarray(start, end), (error) => {
        this.#chunk = undefined;
        reject(error);
      });
    });
  }

  #send(bytes: Uint8Array, failed: (error: Error) => void): void {
    this.#raw.send(bytes, undefined, (error) => {
      if (error) failed(error);
    });
  }

  #takeSequences(count: number): number {
    const first = (this.#sequence + 1) >>> 0;
    this.#sequence = (this.#sequence + count) >>> 0;
    return first;
  }

  /** Resolves when the kernel has no more answers for us: it takes none before its queue is empty. */
  async #drained(): Promise<void> {
    for (let quiet = 0, seen = this.#received; quiet < 2; ) {
      await nextTurn();
      quiet = seen === this.#received ? quiet + 1 : 0;
      seen = this.#received;
    }
  }

  #receive(datagram: Uint8Array): void {
    this.#received++;
    for (const message of messagesOf(datagram)) {
      const pending = this.#pending.get(message.sequence);
      if (pending !== undefined) this.#receiveReply(pending, message);
      else if (message.type === NLMSG_ERROR) this.#receiveBatchAnswer(message);
    }
  }

  #receiveReply(pending: PendingRequest, message: NetlinkMessage): void {
    if ((message.flags & NLM_F_DUMP_INTR) !== 0) pending.interrupted = true;
    if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
      this.#pending.delete(message.sequence);
      const { errno, text } = parseAnswer(message);
      if (errno === 0) pending.resolve(pending.replies);
      else pending.reject(new NetlinkError(errno, text, pending.subject));
    } else {
      pending.replies.push(message.payload);
    }
  }

  #receiveBatchAnswer(message: NetlinkMessage): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    const position = (message.sequence - chunk.firstSequence) >>> 0;
    if (position >= chunk.count) return;
    const { errno, text } = parseAnswer(message);
    if (errno !== 0) chunk.errors.push(batchError(chunk.firstIndex + position, errno, text));
    if (position === chunk.count - 1) {
      this.#chunk = undefined;
      chunk.resolve('answered');
    }
  }

  #fail(error: Error & { readonly code?: string }): void {
    if (error.code !== 'ENOBUFS') {
      this.#rejectAll(() => error);
      return;
    }
    // Answers were dropped. The kernel resumes a dump by itself; what else waits may wait for ever.
    for (const [sequence, pending] of this.#pending) {
      if (pending.kind === 'dump') continue;
      this.#pending.delete(sequence);
      pending.reject(new NetlinkError(ENOBUFS, LOST, pending.subject));
    }
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    this.#chunk = undefined;
    chunk.resolve('overrun');
  }

  #rejectAll(errorOf: (subject: RequestSubject) => Error): void {
    for (const pending of this.#pending.values()) pending.reject(errorOf(pending.subject));
    this.#pending.clear();
    this.#chunk?.reject(errorOf(BATCH));
    this.#chunk = undefined;
  }
}

const BATCH: RequestSubject = { operation: 'send', object: 'batch' };

function batchError(index: number, errno: number, text: string | undefined): BatchError {
  return { index, errno, text, reason: errnoReason(errno, text) };
}

/** The errno of an NLMSG_ERROR or NLMSG_DONE (0: success) and the kernel's text with it. */
function parseAnswer(message: NetlinkMessage): { errno: number; text: string | undefined } {
  const { payload } = message;
  const view = viewOf(payload);
  if (payload.length < 4) return { errno: 0, text: undefined };
  const errno = -view.getInt32(0, true);
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno, text: undefined };
  // struct nlmsgerr (linux/netlink.h): the error, the header of the message, and its payload unless capped.
  let attributes = 4;
  if (message.type === NLMSG_ERROR) {
    if (payload.length < 4 + NLMSG_HDRLEN) return { errno, text: undefined };
    const copied = (message.flags & NLM_F_CAPPED) === 0 ? view.getUint32(4, true) : NLMSG_HDRLEN;
    attributes += (copied + 3) & ~3;
  }
  return { errno, text: new AttributeReader(payload, attributes).text(NLMSGERR_ATTR_MSG) };
}

/** Where the messages from `start` on that fit `limit` bytes end, and how many they are; at least one. */
function chunkEnd(messages: Uint8Array, start: number, limit: number): { end: number; count: number } {
  const view = viewOf(messages);
  let end = start;
  let count = 0;
  while (end < messages.length) {
    const size = messageSize(view, end, messages.length);
    if (count > 0 && end + size - start > limit) break;
    end += size;
    count++;
  }
  return { end, count };
}

function numberMessages(messages: Uint8Array, start: number, end: number, firstSequence: number): void {
  const view = viewOf(messages);
  let sequence = firstSequence;
  for (let at = start; at < end; ) {
    const next = at + messageSize(view, at, messages.length);
    const flags = (view.getUint16(at + 6, true) & ~NLM_F_ACK) | NLM_F_REQUEST;
    view.setUint16(at + 6, next >= end ? flags | NLM_F_ACK : flags, true);
    view.setUint32(at + 8, sequence, true);
    sequence = (sequence + 1) >>> 0;
    at = next;
  }
}

function messageSize(view: DataView, at: number, length: number): number {
  const size = at + NLMSG_HDRLEN <= length ? (view.getUint32(at, true) + 3) & ~3 : 0;
  if (size < NLMSG_HDRLEN || at + size > length) throw new RangeError(`no netlink message at offset ${at}`);
  return size;
}
