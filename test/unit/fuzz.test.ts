import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCorpus } from '../fuzz/corpus.ts';
import { findingText, fuzz } from '../fuzz/fuzz-run.ts';
import { DecoderTarget } from '../fuzz/targets/decoder-target.ts';
import { EngineTarget } from '../fuzz/targets/engine-target.ts';
import { SessionTarget } from '../fuzz/targets/session-target.ts';
import { type FuzzTarget, must } from '../fuzz/targets/target.ts';

const CORPUS = join(import.meta.dirname, '../fuzz/corpus');
/** A million by `make fuzz`. */
const MESSAGES = 60_000;
const SEED = 20261127;

function targets(): FuzzTarget[] {
  return [new DecoderTarget(), new EngineTarget(), new SessionTarget(SEED)];
}

describe('the fuzzer', () => {
  it('finds nothing in its corpus, with every target', () => {
    const corpus = readCorpus(CORPUS);
    expect(corpus.length).toBeGreaterThan(100);
    for (const target of targets()) {
      const { findings } = fuzz(corpus, [target], SEED, { messages: corpus.length, time: 60_000 });
      expect(findings.map(findingText)).toEqual([]);
      target.inspect();
    }
  });

  it(`finds nothing in ${MESSAGES} changed messages`, { timeout: 120_000 }, () => {
    const result = fuzz(readCorpus(CORPUS), targets(), SEED, { messages: MESSAGES, time: 100_000 });
    expect(result.findings.map(findingText)).toEqual([]);
    expect(result.signatures).toBeGreaterThan(300);
  });

  it('finds a defect that is there, and keeps the message', () => {
    const broken: FuzzTarget = {
      name: 'broken',
      take: (message) => {
        must(message[18] !== 4, 'it cannot take a KEEPALIVE');
        return String(message[18]);
      },
      inspect: () => {},
    };
    const { findings } = fuzz(readCorpus(CORPUS), [broken], SEED, { messages: 20_000, time: 60_000 });
    expect(findings.length).toBeGreaterThan(0);
    expect(findings[0]?.message[18]).toBe(4);
  });
});
