import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byDirection, expectedByDirection, parseLines, readExpectation, runDecode } from './expectation.ts';

const CAPTURES = join(import.meta.dirname, 'captures');
const SUFFIX = '.expect.json';
const names = readdirSync(CAPTURES)
  .filter((name) => name.endsWith(SUFFIX))
  .map((name) => name.slice(0, -SUFFIX.length));

describe('recorded captures', () => {
  it('are all there', () => {
    expect(names).toHaveLength(12);
  });

  it.each(names)('%s decodes as expected, message by message', async (name) => {
    const expectation = readExpectation(join(CAPTURES, name + SUFFIX));
    const run = await runDecode(['--json', join(CAPTURES, name)]);
    expect(run.status).toBe(0);
    const decoded = parseLines(run.output);
    expect(decoded.length).toBe(expectation.messages?.length);
    expect(byDirection(decoded)).toEqual(expectedByDirection(expectation));
  });

  it.each(names)('%s has a text for every message', async (name) => {
    const expectation = readExpectation(join(CAPTURES, name + SUFFIX));
    const run = await runDecode([join(CAPTURES, name)]);
    const headlines = run.output.split('\n').filter((line) => line !== '' && !line.startsWith(' '));
    expect(headlines).toHaveLength(expectation.messages?.length ?? 0);
  });
});
