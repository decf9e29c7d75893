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

const CAPTURES = join(import.meta.dirname, '../pcap/captures');
const files = readdirSync(CAPTURES)
  .filter((name) => /\.pcap(ng)?$/.test(name))
  .map((name) => readFileSync(join(CAPTURES, name)))
  .filter((file) => file.length < 10_000);

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

describe('damaged captures', () => {
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
