import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { CHUNK_CHARACTERS, type ElementFraming, writeElements } from '../../../src/control/element-stream.ts';

/** Takes a chunk whenever {@link take} is called, and at once when `eager`. */
class Sink extends Writable {
  text = '';
  #pending: (() => void) | undefined;
  readonly #eager: boolean;

  constructor(eager: boolean) {
    super({ highWaterMark: 1, decodeStrings: false });
    this.#eager = eager;
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.text += chunk;
    if (this.#eager) done();
    else this.#pending = done;
  }

  take(): void {
    this.#pending?.();
  }
}

async function written(elements: Iterable<unknown>, framing: ElementFraming): Promise<string> {
  const sink = new Sink(true);
  expect(await writeElements(sink, elements, framing, () => 0)).toBe(true);
  return sink.text;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('framing', () => {
  it('an array has one element per line', async () => {
    expect(await written([{ a: 1 }, { a: 2 }], 'array')).toBe('[\n{"a":1},\n{"a":2}\n]\n');
  });

  it('an empty array is an array', async () => {
    expect(JSON.parse(await written([], 'array'))).toEqual([]);
  });

  it('lines have nothing around them', async () => {
    expect(await written([{ a: 1 }, { a: 2 }], 'lines')).toBe('{"a":1}\n{"a":2}\n');
    expect(await written([], 'lines')).toBe('');
  });

  it('undefined elements are left out', async () => {
    expect(JSON.parse(await written([undefined, 1, undefined, 2, undefined], 'array'))).toEqual([1, 2]);
  });
});

describe('back pressure', () => {
  it('takes no more elements than one chunk needs while the output is full', async () => {
    const sink = new Sink(false);
    const element = 'x'.repeat(1022);
    let taken = 0;
    function* elements(): Iterable<string> {
      while (taken < 10_000) {
        taken++;
        yield element;
      }
    }
    const writing = writeElements(sink, elements(), 'lines', () => 0);
    for (let chunks = 1; chunks <= 20; chunks++) {
      await turn();
      expect(taken * 1025).toBeLessThan((chunks + 1) * (CHUNK_CHARACTERS + 1025));
      expect(sink.writableLength).toBeLessThan(CHUNK_CHARACTERS + 1025);
      sink.take();
    }
    sink.destroy();
    expect(await writing).toBe(false);
  });

  it('ends and closes the iterator when the output goes away', async () => {
    const sink = new Sink(false);
    let closed = false;
    function* elements(): Iterable<string> {
      try {
        while (true) yield 'x'.repeat(CHUNK_CHARACTERS);
      } finally {
        closed = true;
      }
    }
    const writing = writeElements(sink, elements(), 'lines', () => 0);
    await turn();
    expect(closed).toBe(false);
    sink.destroy();
    expect(await writing).toBe(false);
    expect(closed).toBe(true);
  });
});

describe('turns of the event loop', () => {
  it('others get their turn during a long search that finds nothing', async () => {
    let clock = 0;
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    function* nothing(): Iterable<undefined> {
      for (let step = 0; step < 100; step++) {
        clock += 1;
        yield undefined;
      }
    }
    await writeElements(new Sink(true), nothing(), 'array', () => clock);
    running = false;
    expect(turns).toBeGreaterThanOrEqual(19);
  });

  it('what was found is sent before others get their turn', async () => {
    let clock = 0;
    const sink = new Sink(true);
    const seen: string[] = [];
    function* elements(): Iterable<number> {
      for (let step = 0; step < 3; step++) {
        seen.push(sink.text);
        clock += 10;
        yield step;
      }
    }
    await writeElements(sink, elements(), 'lines', () => clock);
    expect(seen).toEqual(['', '0\n', '0\n1\n']);
  });
});
