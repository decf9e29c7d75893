import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CLASSES } from '../../bgp/wire/attribute-errors.ts';
import type { WireContext } from '../../bgp/wire/context.ts';
import { decodeMessage, type Message } from '../../bgp/wire/message.ts';
import { notificationText } from '../../bgp/wire/notification.ts';
import { ByteSource } from '../../src/decode/byte-source.ts';
import { networkOffset } from '../../src/decode/link-layer.ts';
import { messageJson } from '../../src/decode/message-json.ts';
import { MessageStream } from '../../src/decode/message-stream.ts';
import { messageText } from '../../src/decode/message-text.ts';
import { readPcap } from '../../src/decode/pcap.ts';
import { tcpSegment } from '../../src/decode/tcp-segment.ts';

const CAPTURES = join(import.meta.dirname, '../pcap/captures');
/** Whole messages of recorded sessions, octet by octet. */
const messages: Uint8Array[] = [];

const context: fc.Arbitrary<WireContext> = fc
  .record({
    fourOctetAs: fc.boolean(),
    paths: fc.boolean(),
    extendedMessage: fc.boolean(),
    extendedNextHop: fc.boolean(),
    peerType: fc.constantFrom('ebgp' as const, 'ibgp' as const),
  })
  .map(({ paths, ...rest }) => ({ ...rest, addPath: () => paths }));

beforeAll(async () => {
  const names = readdirSync(CAPTURES).filter((name) => name.endsWith('.pcap') && !name.includes('loss'));
  for (const name of names) {
    const streams = new Map<string, MessageStream>();
    const source = new ByteSource(Readable.from([readFileSync(join(CAPTURES, name))]));
    for await (const { linkType, data } of readPcap(source)) {
      const at = networkOffset(linkType, data);
      const segment = at === undefined ? 'not-tcp' : tcpSegment(data, at);
      if (typeof segment === 'string') continue;
      const stream =
        streams.get(segment.source) ??
        new MessageStream((bytes, start, end) => messages.push(Uint8Array.from(bytes.subarray(start, end))));
      streams.set(segment.source, stream);
      stream.push(segment.payload);
    }
  }
});

/** A recorded message with octets changed, put in or taken out, and sometimes a length that fits again. */
const mutated: fc.Arbitrary<Uint8Array> = fc
  .record({
    index: fc.nat(),
    edits: fc.array(
      fc.record({
        at: fc.nat(),
        kind: fc.constantFrom('change', 'insert', 'remove', 'truncate'),
        value: fc.integer({ min: 0, max: 255 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    repaired: fc.boolean(),
  })
  .map(({ index, edits, repaired }) => {
    const octets = [...(messages[index % messages.length] ?? [])].slice(0, 4096);
    for (const { at, kind, value } of edits) {
      const position = octets.length > 19 ? 19 + (at % (octets.length - 19)) : octets.length;
      if (kind === 'change') octets[position] = value;
      else if (kind === 'insert') octets.splice(position, 0, value);
      else if (kind === 'remove') octets.splice(position, 1);
      else octets.length = position;
    }
    if (repaired) octets.splice(16, 2, octets.length >> 8, octets.length & 0xff);
    return Uint8Array.from(octets);
  });

function expectTyped(message: Message): void {
  const json = messageJson(message);
  expect(['ok', ...ERROR_CLASSES]).toContain(json.outcome);
  expect(json.error !== undefined).toBe(json.outcome === 'session-reset');
  expect(JSON.parse(JSON.stringify(json))).toMatchObject({ outcome: json.outcome });
  expect(messageText(message, 19)).not.toBe('');
  if (message.type === 'notification') {
    const { code, subcode, data } = message.notification;
    expect(notificationText(code, subcode, data)).not.toBe('');
  }
}

describe('bytes of a hostile peer', () => {
  it('start from real messages', () => {
    expect(messages.length).toBeGreaterThan(200);
  });

  it('never throw, and always have an outcome', () => {
    fc.assert(
      fc.property(mutated, context, (bytes, session) => {
        expectTyped(decodeMessage(bytes, 0, bytes.length, session));
      }),
      { numRuns: 1500 },
    );
  });

  it('are not read outside their range', () => {
    const around = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(mutated, context, around, around, (bytes, session, before, after) => {
        const alone = decodeMessage(bytes, 0, bytes.length, session);
        const buffer = Buffer.concat([before, bytes, after]);
        const inside = decodeMessage(buffer, before.length, before.length + bytes.length, session);
        expect(messageJson(inside)).toEqual(messageJson(alone));
      }),
      { numRuns: 1500 },
    );
  });

  it('may be anything behind a header', () => {
    const body = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(body, context, ([type, content], session) => {
        const length = 19 + content.length;
        const header = [...Array<number>(16).fill(0xff), length >> 8, length & 0xff, type];
        const bytes = Uint8Array.from([...header, ...content]);
        expectTyped(decodeMessage(bytes, 0, bytes.length, session));
      }),
      { numRuns: 1500 },
    );
  });
});
