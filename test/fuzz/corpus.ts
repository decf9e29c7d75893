import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Messages that the fuzzer starts from: files with a message in hex per line; `#` begins a comment. */
export function readCorpus(directory: string): Uint8Array[] {
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.hex'))
    .sort();
  return files.flatMap((name) =>
    readFileSync(join(directory, name), 'utf8')
      .split('\n')
      .map((line, index) => ({ text: line.replace(/#.*/, '').trim(), index }))
      .filter(({ text }) => text !== '')
      .map(({ text, index }) => {
        if (!/^([0-9a-f]{2})+$/i.test(text)) throw new Error(`${name}:${index + 1}: not a message in hex`);
        return Uint8Array.from(Buffer.from(text, 'hex'));
      }),
  );
}
