// Hot: `read` and `write` run per read and per batch; one view is allocated per read.
import type { Socket } from 'node:net';
import type { Connection, ConnectionHandlers, Endpoint } from '../../bgp/session/transport.ts';
import type { HeldReader, ReadTurns } from './read-turns.ts';
import { connectionFailure } from './socket-errors.ts';

/** Bytes that are handed on between two looks at the clock: some thousand routes. */
const PIECE_SIZE = 8192;
/** Bytes of a read that takes no time worth mentioning. */
const SMALL_READ = 1024;
const NOTHING = new Uint8Array(0);

/** The two ends of a connection and the device that it is bound to. */
export interface ConnectionPlace {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly device: string | undefined;
}

/** A connection over a socket of `node:net` that is connected and does not read yet. */
export class TcpConnection implements Connection, HeldReader {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly device: string | undefined;
  readonly #socket: Socket;
  readonly #turns: ReadTurns;
  #handlers: ConnectionHandlers | undefined;
  #error: Error | undefined;
  #isClosed = false;
  #toldClosed = false;
  #paused = false;
  #held = false;
  /** What was read and not handed on yet; the socket is not read meanwhile. */
  #rest: Uint8Array = NOTHING;
  /** A write left bytes in user space, and `drain` is owed. */
  #blocked = false;

  constructor(socket: Socket, place: ConnectionPlace, turns: ReadTurns) {
    this.#socket = socket;
    this.local = place.local;
    this.remote = place.remote;
    this.device = place.device;
    this.#turns = turns;
    socket.setNoDelay(true);
    socket.on('error', (error) => {
      this.#error ??= connectionFailure(error, this.remote);
    });
    socket.on('close', () => {
      this.#isClosed = true;
      this.#leave();
    });
    turns.add(this);
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  setHandlers(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    if (this.#isClosed) setImmediate(() => this.#tellClosed());
    else this.#applyReading();
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#socket.writable) return true;
    // What has to wait keeps the buffer that it is a part of, and all that is for other peers in there.
    const shares = this.#blocked && bytes.length * 2 < bytes.buffer.byteLength;
    this.#socket.write(shares ? bytes.slice() : bytes, this.#written);
    if (this.#socket.writableLength > 0) this.#blocked = true;
    return !this.#blocked;
  }

  pause(): void {
    this.#paused = true;
    this.#applyReading();
  }

  resume(): void {
    this.#paused = false;
    this.#goOn();
  }

  holdReading(): void {
    this.#held = true;
    this.#applyReading();
  }

  releaseReading(): void {
    this.#held = false;
    this.#goOn();
  }

  /** Hands on what was left of the last read, then reads again. */
  #goOn(): void {
    if (this.#rest.length > 0 && !this.#paused && !this.#held) {
      const rest = this.#rest;
      this.#rest = NOTHING;
      this.#rest = this.#handOn(rest);
    }
    if (this.#isClosed) this.#leave();
    else this.#applyReading();
  }

  /** The end is told when all that came before it was handed on. */
  #leave(): void {
    if (this.#rest.length > 0) return;
    this.#turns.remove(this);
    this.#tellClosed();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * Bytes that were read; only valid during the call. False: no more is wanted. They are handed on in pieces, and
   * what is left when the turn has taken too long is kept for the next one.
   */
  read(bytes: Uint8Array): boolean {
    if (this.#handlers === undefined || this.#toldClosed) return false;
    // A pause comes too late for a read that `node:net` has in its queue by then.
    if (this.#rest.length > 0) this.#rest = Buffer.concat([this.#rest, bytes]);
    else this.#rest = this.#handOn(bytes);
    return this.#wantsReading();
  }

  /** Hands on as much as is wanted; gives a copy of the rest. */
  #handOn(bytes: Uint8Array): Uint8Array {
    if (bytes.length <= SMALL_READ) {
      // What is short comes first, and is accounted for afterwards.
      this.#handlers?.data(bytes);
      this.#turns.beginRead(this);
      this.#turns.endRead();
      return NOTHING;
    }
    let at = 0;
    while (at < bytes.length && !this.#toldClosed) {
      const end = Math.min(at + PIECE_SIZE, bytes.length);
      this.#turns.beginRead(this);
      this.#handlers?.data(bytes.subarray(at, end));
      this.#turns.endRead();
      at = end;
      if (this.#held && at < bytes.length) return new Uint8Array(bytes.subarray(at));
    }
    return NOTHING;
  }

  /** One callback for all writes: each would allocate a closure else. */
  readonly #written = (): void => {
    if (!this.#blocked || this.#socket.writableLength > 0 || this.#isClosed) return;
    this.#blocked = false;
    this.#handlers?.drain();
  };

  #wantsReading(): boolean {
    return this.#handlers !== undefined && !this.#paused && !this.#held && this.#rest.length === 0;
  }

  #applyReading(): void {
    const reads = this.#wantsReading();
    if (this.#isClosed || reads !== this.#socket.isPaused()) return;
    if (reads) this.#socket.resume();
    else this.#socket.pause();
  }

  #tellClosed(): void {
    if (this.#toldClosed || this.#handlers === undefined) return;
    this.#toldClosed = true;
    this.#handlers.closed(this.#error);
  }
}
