import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { ipv4FromNumber } from '../../../net/address.ts';
import { ReadTurns } from '../../../src/transport/read-turns.ts';
import { TcpConnection } from '../../../src/transport/tcp-connection.ts';

/** As much of a socket as a connection uses to read. */
class ReadingSocket extends EventEmitter {
  reads = false;
  readonly writable = true;
  readonly writableLength = 0;
  setNoDelay(): void {}
  isPaused(): boolean {
    return !this.reads;
  }
  pause(): void {
    this.reads = false;
  }
  resume(): void {
    this.reads = true;
  }
}

const PLACE = {
  local: { address: ipv4FromNumber(1), port: 179 },
  remote: { address: ipv4FromNumber(2), port: 179 },
  device: undefined,
};

/** Bytes that count up, so that each has its place. */
function counted(from: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (from + index) & 0xff);
}

describe('a read that takes longer than a turn', () => {
  let now: number;
  let rounds: (() => void)[];
  let socket: ReadingSocket;
  let connection: TcpConnection;
  let log: string[];
  let got: number[];
  /** Milliseconds that each piece takes. */
  let cost: number;

  const comeRound = (): void => {
    for (const callback of rounds.splice(0)) callback();
  };

  beforeEach(() => {
    now = 0;
    rounds = [];
    log = [];
    got = [];
    cost = 3;
    socket = new ReadingSocket();
    const turns = new ReadTurns(
      () => now,
      (callback) => rounds.push(callback),
    );
    connection = new TcpConnection(socket as unknown as Socket, PLACE, turns);
    connection.setHandlers({
      data: (bytes) => {
        now += cost;
        log.push(`data ${bytes.length}`);
        got.push(...bytes);
      },
      drain: () => log.push('drain'),
      closed: () => log.push('closed'),
    });
  });

  it('is handed on in pieces over several turns, and the socket is not read meanwhile', () => {
    const bytes = counted(0, 40_000);
    expect(connection.read(bytes)).toBe(false);
    expect(log).toEqual(['data 8192', 'data 8192']);
    expect(socket.reads).toBe(false);
    bytes.fill(0);
    comeRound();
    expect(log).toEqual(['data 8192', 'data 8192', 'data 8192', 'data 8192']);
    expect(socket.reads).toBe(false);
    comeRound();
    expect(log.at(-1)).toBe('data 7232');
    expect(socket.reads).toBe(true);
    expect(Uint8Array.from(got)).toEqual(counted(0, 40_000));
  });

  it('comes before the end of the connection', () => {
    connection.read(counted(0, 20_000));
    socket.emit('close');
    expect(log).toEqual(['data 8192', 'data 8192']);
    comeRound();
    expect(log).toEqual(['data 8192', 'data 8192', 'data 3616', 'closed']);
  });

  it('comes before what was read after it', () => {
    connection.read(counted(0, 20_000));
    connection.read(counted(20_000, 100));
    cost = 0;
    comeRound();
    expect(Uint8Array.from(got)).toEqual(counted(0, 20_100));
  });

  it('waits while reading is paused', () => {
    connection.read(counted(0, 20_000));
    connection.pause();
    comeRound();
    expect(log).toEqual(['data 8192', 'data 8192']);
    connection.resume();
    expect(log.at(-1)).toBe('data 3616');
    expect(socket.reads).toBe(true);
  });
});
