import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byDirection, expectedByDirection, parseLines, readExpectation, runDecode } from './expectation.ts';

const CAPTURES = join(import.meta.dirname, '../../../shared/corpus/tcpdump');
const SUFFIX = '.expect.json';
const present = existsSync(CAPTURES);
if (!present) console.log(`skipped: ${CAPTURES} is not there; it is not part of the repository`);
const files = present ? readdirSync(CAPTURES).filter((name) => name.endsWith(SUFFIX)) : [];
const expectations = files.map((name) => readExpectation(join(CAPTURES, name)));
const decodable = expectations.filter((expectation) => expectation.expect === 'decode');
const damaged = expectations.filter((expectation) => expectation.expect === 'no-crash');

describe.runIf(present)("tcpdump's captures", () => {
  it('come in both kinds', () => {
    expect(decodable.length).toBeGreaterThan(0);
    expect(damaged.length).toBeGreaterThan(0);
  });

  it.each(decodable)('$file decodes as expected, message by message', async (expectation) => {
    const run = await runDecode(['--json', join(CAPTURES, expectation.file)]);
    if (expectation.link_type_optional && run.status === 2) {
      expect(run.errors).toMatch(/unsupported-link-type/);
      return;
    }
    expect(run.status).toBe(0);
    expect(byDirection(parseLines(run.output))).toEqual(expectedByDirection(expectation));
  });

  it.each(damaged)('$file comes to a clean end', async (expectation) => {
    const run = await runDecode(['--json', join(CAPTURES, expectation.file)]);
    expect([0, 2]).toContain(run.status);
    if (run.status === 2)
      expect(run.errors).toMatch(/truncated|malformed|unknown-format|unsupported-link-type/);
    for (const message of parseLines(run.output)) {
      expect(message.error !== undefined).toBe(message.outcome === 'session-reset');
      if (message.type === null) expect(message.outcome).toBe('session-reset');
    }
  });
});
