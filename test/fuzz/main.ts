import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCorpus } from './corpus.ts';
import { findingText, fuzz } from './fuzz-run.ts';
import { DecoderTarget } from './targets/decoder-target.ts';
import { EngineTarget } from './targets/engine-target.ts';
import { SessionTarget } from './targets/session-target.ts';

/*
 * `make fuzz`: MESSAGES changed messages (a million), for SECONDS at most, from a SEED that is printed. What is found
 * is written to out/fuzz; put it into test/fuzz/corpus, where it becomes a test.
 */

const CORPUS = 'test/fuzz/corpus';
const FINDINGS = 'out/fuzz';
/** Growth of the heap, after collection, that no run may exceed; bytes. */
const MOST_GROWTH = 64e6;

const seed = Number(process.env.SEED || Date.now() % 1_000_000_007);
const messages = Number(process.env.MESSAGES || 1_000_000);
const seconds = Number(process.env.SECONDS || 240);

const corpus = readCorpus(CORPUS);
console.log(`fuzz: ${corpus.length} messages to start from, SEED=${seed}`);
const before = heapBytes();
const begin = performance.now();
const result = fuzz(
  corpus,
  [new DecoderTarget(), new EngineTarget(), new SessionTarget(seed)],
  seed,
  { messages, time: seconds * 1000 },
  (count, kept) => {
    if (count % 100_000 === 0) console.log(`fuzz: ${count} messages, ${kept} kept`);
  },
);
const growth = heapBytes() - before;
const time = ((performance.now() - begin) / 1000).toFixed(1);
console.log(
  `fuzz: ${result.messages} messages in ${time} s, ${result.signatures} different outcomes, ` +
    `heap grew by ${(growth / 1e6).toFixed(1)} MB, ${result.findings.length} findings`,
);
mkdirSync(FINDINGS, { recursive: true });
result.findings.forEach((finding, index) => {
  const file = join(FINDINGS, `${seed}-${index}.hex`);
  writeFileSync(file, findingText(finding));
  console.log(`fuzz: a finding, also in ${file}:\n${findingText(finding)}`);
});
const grew = growth > MOST_GROWTH;
if (grew) console.log('fuzz: that is more growth than a bounded decoder has');
process.exitCode = result.findings.length > 0 || grew ? 1 : 0;

function heapBytes(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
