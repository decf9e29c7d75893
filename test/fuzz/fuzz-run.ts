import { Random } from '../../bench/load/random.ts';
import { mutate } from './mutate.ts';
import type { FuzzTarget } from './targets/target.ts';

/** How long to go on: until the messages or the time are used up. */
export interface FuzzLimits {
  readonly messages: number;
  /** Milliseconds. */
  readonly time: number;
}

/** What was found. */
export interface FuzzFinding {
  readonly target: string;
  readonly message: Uint8Array;
  readonly error: unknown;
}

/** A finding as lines of a corpus file: what went wrong as comments, and the message. */
export function findingText({ target, message, error }: FuzzFinding): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const comment = text.split('\n').map((line) => `# ${target}: ${line}`);
  return `${comment.join('\n')}\n${Buffer.from(message).toString('hex')}\n`;
}

/** What a run came to. */
export interface FuzzResult {
  readonly messages: number;
  /** Different things that came of messages. */
  readonly signatures: number;
  readonly findings: readonly FuzzFinding[];
}

/** Messages that are kept because something new came of them. */
const MOST_KEPT = 20_000;
const MOST_FINDINGS = 10;
/** Every so many messages the targets are inspected, and the time is looked at. */
const INSPECTION = 5000;

/**
 * Changes messages of the corpus and gives them to the targets in turn. A message of which something comes that was
 * not seen before joins the corpus of this run: so the run works its way into code that the first messages do not
 * reach. The same seed gives the same messages.
 */
export function fuzz(
  corpus: readonly Uint8Array[],
  targets: readonly FuzzTarget[],
  seed: number,
  limits: FuzzLimits,
  progress: (messages: number, kept: number) => void = () => {},
): FuzzResult {
  const random = new Random(seed);
  const kept = [...corpus];
  const signatures = new Set<string>();
  const findings: FuzzFinding[] = [];
  const end = performance.now() + limits.time;
  let messages = 0;
  const attempt = (target: FuzzTarget, message: Uint8Array, work: () => void): void => {
    try {
      work();
    } catch (error) {
      findings.push({ target: target.name, message, error });
    }
  };
  while (messages < limits.messages && findings.length < MOST_FINDINGS) {
    const message = nextMessage(kept, messages, corpus.length, random);
    const target = targets[messages % targets.length] as FuzzTarget;
    messages++;
    attempt(target, message, () => {
      const signature = target.take(message);
      if (signatures.has(signature)) return;
      signatures.add(signature);
      if (kept.length < MOST_KEPT) kept.push(message);
    });
    if (messages % INSPECTION !== 0) continue;
    for (const each of targets) attempt(each, message, () => each.inspect());
    progress(messages, kept.length);
    if (performance.now() > end) break;
  }
  return { messages, signatures: signatures.size, findings };
}

/** First the corpus as it is, for each target; then changed ones. */
function nextMessage(
  kept: readonly Uint8Array[],
  index: number,
  corpusSize: number,
  random: Random,
): Uint8Array {
  const pick = (): Uint8Array => kept[random.below(kept.length)] as Uint8Array;
  if (index < corpusSize) return kept[index] as Uint8Array;
  return mutate(pick(), pick(), random);
}
