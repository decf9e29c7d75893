// Hot: `read` and `write` run per read and per batch; one view is allocated per read.
import type { Socket } from 'node:net';
import type { Connection, ConnectionHandlers, Endpoint } from '../../bgp/session/transport.ts';
import type { HeldReader, ReadTurns } from './read-turns.ts';
import { connectionFailure } from './socket-errors.ts';

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
      turns.remove(this);
      this.#tellClosed();
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
    this.#applyReading();
  }

  holdReading(): void {
    this.#held = true;
    this.#applyReading();
  }

  releaseReading(): void {
    this.#held = false;
    this.#applyReading();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * Bytes that were read; only valid during the call. False: no more is wanted. A pause right after
   * a resume comes too late for the read that `node:net` has in its queue by then; its bytes cannot be put back.
   */
  read(bytes: Uint8Array): boolean {
    if (this.#handlers === undefined || this.#toldClosed) return false;
    this.#turns.beginRead(this);
    this.#handlers.data(bytes);
    this.#turns.endRead();
    return this.#wantsReading();
  }

  /** One callback for all writes: each would allocate a closure else. */
  readonly #written = (): void => {
    if (!this.#blocked || this.#socket.writableLength > 0 || this.#isClosed) return;
    this.#blocked = false;
    this.#handlers?.drain();
  };

  #wantsReading(): boolean {
    return this.#handlers !== undefined && !this.#paused && !this.#held;
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
