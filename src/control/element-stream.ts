import { setImmediate as nextTurn } from 'node:timers/promises';

/** How elements follow each other: a JSON array, or one JSON value per line. */
export type ElementFraming = 'array' | 'lines';

/** What elements are written to: a `stream.Writable`, of which only this is used. */
export interface ElementOutput {
  readonly destroyed: boolean;
  readonly writableNeedDrain: boolean;
  write(text: string): boolean;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/** Characters that are collected before they are written. */
export const CHUNK_CHARACTERS = 32 * 1024;
/** Milliseconds after which the event loop gets its turn; a fast reader alone would never give it one. */
const SLICE_MILLISECONDS = 5;

/**
 * Writes elements as JSON, each on a line of its own, as fast as the output takes them: what was not
 * yet taken is at most one chunk besides the output's own buffer. `undefined` elements are left out. The
 * iterator is closed when the output goes away. Gives true when all was written; the output is not ended.
 * Errors of the iterator come through.
 */
export async function writeElements(
  output: ElementOutput,
  elements: Iterable<unknown>,
  framing: ElementFraming,
  now: () => number,
): Promise<boolean> {
  let chunk = framing === 'array' ? '[' : '';
  let separator = framing === 'array' ? '\n' : '';
  let sliceEnd = now() + SLICE_MILLISECONDS;
  for (const element of elements) {
    if (element !== undefined) {
      chunk += separator + JSON.stringify(element);
      if (framing === 'lines') chunk += '\n';
      else separator = ',\n';
    }
    const endOfSlice = now() >= sliceEnd;
    if (chunk.length >= CHUNK_CHARACTERS || (endOfSlice && chunk !== '')) {
      if (!output.write(chunk)) await drained(output);
      chunk = '';
    }
    if (endOfSlice) {
      await nextTurn();
      sliceEnd = now() + SLICE_MILLISECONDS;
    }
    if (output.destroyed) return false;
  }
  if (framing === 'array') chunk += '\n]\n';
  if (chunk !== '' && !output.write(chunk)) await drained(output);
  return !output.destroyed;
}

/** Resolves when the output takes more, or never will. */
export function drained(output: Omit<ElementOutput, 'write'>): Promise<void> {
  if (output.destroyed || !output.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      output.off('drain', done);
      output.off('close', done);
      resolve();
    };
    output.once('drain', done);
    output.once('close', done);
  });
}
