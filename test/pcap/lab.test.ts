import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeHexLine } from '../../src/decode/decode-hex.ts';
import { messageJson } from '../../src/decode/message-json.ts';
import { assumedContext } from '../../src/decode/session-context.ts';
import { parseLines, runDecode } from './expectation.ts';
import { meaningOf, reencoded } from './reencode.ts';

const LAB = join(import.meta.dirname, '../../../shared/lab/captures');
const present = existsSync(LAB);
if (!present) console.log(`skipped: ${LAB} is not there; it is not part of the repository`);

/** One `.txt` line about a message, with the octets below it where they are given. */
interface Listed {
  readonly direction: string;
  readonly type: string;
  readonly hex: string | undefined;
}

const CONTEXT = assumedContext({
  fourOctetAs: true,
  addPath: new Set(),
  extendedMessage: true,
  extendedNextHop: true,
  peerType: 'ebgp',
});

const folders = present ? [LAB, join(LAB, 'frr-8.4.4')] : [];
const captures = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.pcap') && !name.includes('netlink'))
    .map((name) => join(folder, name)),
);

function readListing(path: string): Listed[] {
  const listed: Listed[] = [];
  const lines = readFileSync(path, 'utf8').split('\n');
  const headline = /^ +[\d.]+ (\S+):(\d+) > (\S+):(\d+) (OPEN|UPDATE|NOTIFICATION|ROUTE-REFRESH) \(/;
  lines.forEach((line, index) => {
    const match = headline.exec(line);
    if (!match) return;
    const [, source, sourcePort, destination, destinationPort, type = ''] = match;
    const below = lines.slice(index + 1);
    const end = below.findIndex((next) => !next.startsWith('            '));
    const hex = below.slice(0, end).find((next) => next.trim().startsWith('hex '));
    listed.push({
      direction: `${source} ${sourcePort} > ${destination} ${destinationPort}`,
      type: type.toLowerCase(),
      hex: hex?.trim().slice(4),
    });
  });
  return listed;
}

describe.runIf(present)('captures of the lab', () => {
  it('are there', () => {
    expect(captures.length).toBeGreaterThan(20);
  });

  it.each(captures)('%s has the messages of its listing', async (path) => {
    const listed = readListing(path.replace(/\.pcap$/, '.txt'));
    const run = await runDecode(['--json', '--extended-next-hop', path]);
    expect(run.status).toBe(0);
    const decoded = parseLines(run.output).filter(({ type }) => type !== 'keepalive');
    for (const direction of new Set(listed.map((message) => message.direction))) {
      const here = listed.filter((message) => message.direction === direction);
      const found = decoded.filter(({ src, dst }) => `${src} > ${dst}` === direction);
      expect(found.map(({ type }) => type)).toEqual(here.map(({ type }) => type));
      here.forEach(({ hex }, index) => {
        if (hex === undefined) return;
        const { src: _src, dst: _dst, ...message } = found[index] ?? {};
        expect(message).toEqual(JSON.parse(JSON.stringify(messageJson(decodeHexLine(hex, CONTEXT).message))));
      });
    }
    expect(decoded).toHaveLength(listed.length);
  });

  it.each(captures)('%s means the same when it is encoded again', (path) => {
    const messages = readListing(path.replace(/\.pcap$/, '.txt')).flatMap(({ hex }) =>
      hex === undefined ? [] : [decodeHexLine(hex, CONTEXT).message],
    );
    const again = messages.map((message) => meaningOf(reencoded(message, CONTEXT)));
    expect(again).toEqual(messages.map(meaningOf));
  });
});
