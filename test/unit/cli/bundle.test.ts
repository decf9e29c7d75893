import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Script } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

interface Bundle {
  readonly scripts: ReadonlyMap<string, Script>;
  cachePathOf(name: string): string;
  load(name: string): Record<string, unknown>;
}

const { Bundle } = (await import(new URL('../../../bin/bundle.mjs', import.meta.url).href)) as {
  Bundle: new (directory: string) => Bundle;
};

const MAIN = `(function (exports, require, module, __filename, __dirname) { "use strict";
const { join } = require('node:path');
const words = require('./words.cjs');
exports.said = () => words.say(join('a', 'b'));
exports.again = () => require('./words.cjs') === words;
exports.fail = () => { throw new Error('line 6'); };
exports.place = [__filename, __dirname];
});
`;
const WORDS = `(function (exports) { "use strict";
exports.say = (text) => text + ' is said';
});
`;

describe('a bundle', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'openpe-bundle-'));
    writeFileSync(join(directory, 'main.cjs'), MAIN);
    writeFileSync(join(directory, 'words.cjs'), WORDS);
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  function leaveCompiledCode(name: string, code: Uint8Array): void {
    const path = new Bundle(directory).cachePathOf(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
  }

  /** Loads `main` and calls a function of it; gives whether V8 took the compiled code. */
  function run(): boolean | undefined {
    const bundle = new Bundle(directory);
    const main = bundle.load('main') as { said(): string };
    expect(main.said()).toBe('a/b is said');
    return bundle.scripts.get('main')?.cachedDataRejected;
  }

  test('runs without compiled code', () => {
    expect(run()).toBeUndefined();
  });

  /** From a copy, for V8 itself remembers what it compiled under the same path. */
  function compiledCodeOf(name: string): Uint8Array {
    const copy = mkdtempSync(join(directory, 'copy-'));
    writeFileSync(join(copy, 'main.cjs'), MAIN);
    writeFileSync(join(copy, 'words.cjs'), WORDS);
    const bundle = new Bundle(copy);
    bundle.load(name);
    const script = bundle.scripts.get(name);
    if (!script) throw new Error(`${name} was not compiled`);
    return script.createCachedData();
  }

  test('runs with the code that was compiled for it', () => {
    leaveCompiledCode('main', compiledCodeOf('main'));
    expect(run()).toBe(false);
  });

  test.each([
    ['noise', Buffer.alloc(5000, 0x5a)],
    ['an empty file', Buffer.alloc(0)],
    ['the beginning of something', new Uint8Array([0xc0, 0xde])],
  ])('does not use %s', (_, code) => {
    leaveCompiledCode('main', code);
    expect(run()).toBe(true);
  });

  test('does not use the code of another source', () => {
    leaveCompiledCode('main', compiledCodeOf('words'));
    expect(run()).toBe(true);
  });

  test('runs each file once, and tells it where it is', () => {
    const main = new Bundle(directory).load('main') as { again(): boolean; place: string[] };
    expect(main.again()).toBe(true);
    expect(main.place).toEqual([join(directory, 'main.cjs'), directory]);
  });

  test('has its own lines in a stack trace', () => {
    const main = new Bundle(directory).load('main') as { fail(): void };
    expect(main.fail).toThrow(
      expect.objectContaining({ stack: expect.stringContaining(`${join(directory, 'main.cjs')}:6:`) }),
    );
  });
});
