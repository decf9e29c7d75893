import { describe, expect, it } from 'vitest';
import { MessageFramer } from '../../../../bgp/session/message-framer.ts';
import { MessageType } from '../../../../bgp/wire/constants.ts';
import type { ProtocolError } from '../../../../bgp/wire/protocol-error.ts';
import { toHex } from '../../../../net/hex.ts';
import { keepaliveBytes, messageBytes } from './speaker.ts';

class Collected {
  readonly messages: string[] = [];
  readonly buffers: Uint8Array[] = [];
  readonly errors: ProtocolError[] = [];
  stopAfter = Number.POSITIVE_INFINITY;

  message(_type: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.messages.push(toHex(bytes, start, end));
    this.buffers.push(bytes);
    return this.messages.length < this.stopAfter;
  }

  invalidHeader(error: ProtocolError): void {
    this.errors.push(error);
  }
}

function update(size: number): Uint8Array {
  return messageBytes(
    MessageType.UPDATE,
    Uint8Array.from({ length: size }, (_, index) => index & 0xff),
  );
}

const messages = [keepaliveBytes(), update(100), keepaliveBytes(), update(4), update(2000)];
const stream = Uint8Array.from(messages.flatMap((message) => [...message]));
const expected = messages.map((message) => toHex(message));

describe('MessageFramer', () => {
  it('delivers the messages of one read where they lie', () => {
    const sink = new Collected();
    new MessageFramer(sink).push(stream);
    expect(sink.messages).toEqual(expected);
    expect(sink.buffers.every((buffer) => buffer === stream)).toBe(true);
  });

  it('puts a stream that is cut in two at any byte together again', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const sink = new Collected();
      const framer = new MessageFramer(sink);
      for (const part of [stream.slice(0, cut), stream.slice(cut)]) {
        framer.push(part);
        part.fill(0);
      }
      expect(sink.messages, `cut at ${cut}`).toEqual(expected);
      expect(sink.errors).toEqual([]);
    }
  });

  it.each([1, 2, 3, 18, 19, 20, 37])('puts a stream that drips in by %i bytes together again', (size) => {
    const sink = new Collected();
    const framer = new MessageFramer(sink);
    const read = new Uint8Array(size);
    for (let at = 0; at < stream.length; at += size) {
      const part = stream.subarray(at, at + size);
      read.set(part);
      framer.push(read.subarray(0, part.length));
      read.fill(0);
    }
    expect(sink.messages).toEqual(expected);
  });

  it('takes up to 4096 octets, and 65535 when it is told so', () => {
    const sink = new Collected();
    const framer = new MessageFramer(sink);
    framer.push(update(4096 - 19));
    expect(sink.messages).toHaveLength(1);
    framer.push(update(4097 - 19));
    expect(sink.errors).toMatchObject([{ code: 1, subcode: 2, data: Uint8Array.of(0x10, 0x01) }]);

    const extendedSink = new Collected();
    const extended = new MessageFramer(extendedSink);
    extended.maxMessageSize = 65535;
    const largest = update(65535 - 19);
    extended.push(largest.slice(0, 30_000));
    extended.push(largest.slice(30_000));
    expect(extendedSink.messages).toEqual([toHex(largest)]);
  });

  it.each([
    ['a bad marker', () => messageBytes(4).with(3, 0), { code: 1, subcode: 1 }],
    [
      'a length below a header',
      () => messageBytes(4).with(17, 18),
      { code: 1, subcode: 2, data: Uint8Array.of(0, 18) },
    ],
    ['a KEEPALIVE with a body', () => messageBytes(4, new Uint8Array(1)), { code: 1, subcode: 2 }],
    ['an unknown type', () => messageBytes(9), { code: 1, subcode: 3, data: Uint8Array.of(9) }],
  ])('reports %s, whole or in drips, and delivers nothing after it', (_name, bad, error) => {
    const whole = new Collected();
    new MessageFramer(whole).push(Uint8Array.from([...keepaliveBytes(), ...bad(), ...keepaliveBytes()]));
    expect(whole.errors).toMatchObject([error]);
    expect(whole.messages).toHaveLength(1);

    const dripped = new Collected();
    const framer = new MessageFramer(dripped);
    for (const byte of bad().slice(0, 19)) framer.push(Uint8Array.of(byte));
    expect(dripped.errors).toMatchObject([error]);
    expect(dripped.messages).toEqual([]);
  });

  it('drops the rest of a read when the sink has had enough', () => {
    const sink = new Collected();
    sink.stopAfter = 2;
    new MessageFramer(sink).push(stream);
    expect(sink.messages).toEqual(expected.slice(0, 2));
  });
});
