import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../bgp/wire/message.ts';
import { ByteSource } from '../../src/decode/byte-source.ts';
import { decodeCapture } from '../../src/decode/decode-capture.ts';
import { meaningOf, reencoded } from './reencode.ts';

const CAPTURES = join(import.meta.dirname, 'captures');
const names = readdirSync(CAPTURES).filter((name) => /\.pcap(ng)?$/.test(name));
const ASSUMED = {
  fourOctetAs: true,
  addPath: new Set<number>(),
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ebgp',
} as const;

async function messagesOf(path: string): Promise<Message[]> {
  const messages: Message[] = [];
  const chunks = Readable.from([readFileSync(path)]);
  await decodeCapture(new ByteSource(chunks), ASSUMED, {
    message: ({ message }) => messages.push(message),
    ready: () => undefined,
  });
  return messages;
}

describe('encoding what was decoded', () => {
  it.each(names)('%s gives the same messages again', async (name) => {
    const messages = await messagesOf(join(CAPTURES, name));
    expect(messages.length).toBeGreaterThan(5);
    const paths = messages.flatMap((message) =>
      message.type === 'update'
        ? [...message.update.announced, ...message.update.withdrawn].flatMap(({ routes }) => routes)
        : [],
    );
    const withPaths = new Set(paths.filter(({ pathId }) => pathId !== undefined).map(({ family }) => family));
    const context = {
      fourOctetAs: true,
      addPath: (family: number) => withPaths.has(family),
      extendedMessage: true,
      extendedNextHop: true,
      peerType: 'ibgp',
    } as const;
    for (const message of messages) {
      expect(meaningOf(reencoded(message, context))).toEqual(meaningOf(message));
    }
  });
});
