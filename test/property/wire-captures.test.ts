import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteSource } from '../../src/decode/byte-source.ts';
import { CaptureError } from '../../src/decode/capture-error.ts';
import { decodeCapture } from '../../src/decode/decode-capture.ts';
import { messageJson } from '../../src/decode/message-json.ts';
import { messageText } from '../../src/decode/message-text.ts';
import { KEEPALIVE, mrtRecord, refresh } from '../pcap/capture-builder.ts';

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** Peers, a table of each form, and messages of 2- and 4-octet AS numbers (RFC 6396, RFC 8050). */
const MRT = Buffer.concat([
  mrtRecord(
    13,
    1,
    hex('c0000209 0000 0002 00 c0000201 c0000201 fde9 03 c0000202 20010db8000000000000000000000001 0001e240'),
  ),
  mrtRecord(
    13,
    2,
    hex('00000001 08 0a 0001 0000 00000000 0014 40010100 400206 0201 0000fde9 400304 c0000201'),
  ),
  mrtRecord(
    13,
    4,
    hex(
      '00000002 20 20010db8 0001 0001 00000000 0021 40010100 400206 0201 0000fde9 800e11 10 20010db8000000000000000000000001',
    ),
  ),
  mrtRecord(
    13,
    8,
    hex('00000003 08 0a 0001 0000 00000000 00000007 0014 40010100 400206 0201 0000fde9 400304 c0000201'),
  ),
  mrtRecord(16, 1, Buffer.concat([hex('fde9 fdea 0000 0001 c0000201 c0000202'), refresh(1)])),
  mrtRecord(17, 4, Buffer.concat([hex('0007a120 0000fde9 0001e240 0000 0001 c0000201 c0000202'), KEEPALIVE])),
]);

const CAPTURES = join(import.meta.dirname, '../pcap/captures');
const files = readdirSync(CAPTURES)
  .filter((name) => /\.pcap(ng)?$/.test(name))
  .map((name) => readFileSync(join(CAPTURES, name)))
  .filter((file) => file.length < 10_000)
  .concat(MRT);

const ASSUMED = {
  fourOctetAs: true,
  addPath: new Set<number>(),
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ebgp',
} as const;

/** A capture with octets changed anywhere, cut off somewhere. */
const damaged = fc
  .record({
    index: fc.nat(),
    changes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 30 }),
    cut: fc.option(fc.nat()),
  })
  .map(({ index, changes, cut }) => {
    const file = Buffer.from(files[index % files.length] ?? []);
    for (const [at, value] of changes) file[at % file.length] = value;
    return cut === null ? file : file.subarray(0, cut % file.length);
  });

/** Undefined when the file was read to its end, else what stopped it. */
async function readAll(file: Uint8Array): Promise<unknown> {
  try {
    await decodeCapture(new ByteSource(Readable.from([file])), ASSUMED, {
      message: ({ message, length }) => {
        expect(JSON.parse(JSON.stringify(messageJson(message)))).toHaveProperty('outcome');
        expect(messageText(message, length)).not.toBe('');
      },
      ready: () => undefined,
    });
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('damaged captures and MRT files', () => {
  it('start from whole ones', async () => {
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) expect(await readAll(file)).toBeUndefined();
  });

  it('come to an end, with an error that names its kind or without one', async () => {
    await fc.assert(
      fc.asyncProperty(damaged, async (file) => {
        const error = await readAll(file);
        if (error !== undefined) expect(error).toBeInstanceOf(CaptureError);
      }),
      { numRuns: 500 },
    );
  });
});
