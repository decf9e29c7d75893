import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

/**
 * The files of dist/, each a function around a CommonJS module, run with the compiled code that the build left
 * beside them (build/code-cache.mjs): V8 then compiles next to nothing. Code that another Node.js made, or that
 * does not fit for any other reason, is not used.
 */
export class Bundle {
  /** By name; the scripts are what build/code-cache.mjs takes the compiled code from. */
  scripts = new Map();
  #directory;
  #require;
  #modules = new Map();

  constructor(directory) {
    this.#directory = directory;
    this.#require = createRequire(join(directory, '.'));
  }

  /** The file with this name. */
  pathOf(name) {
    return join(this.#directory, `${name}.cjs`);
  }

  /** The compiled code of the file with this name, as this Node.js would have it. */
  cachePathOf(name) {
    return join(this.#directory, 'code-cache', nodeIdentity(), name);
  }

  /** Runs the file with this name, once, and gives its exports. */
  load(name) {
    const known = this.#modules.get(name);
    if (known) return known.exports;
    const module = { exports: {} };
    this.#modules.set(name, module);
    const filename = this.pathOf(name);
    const script = new Script(readFileSync(filename, 'latin1'), {
      filename,
      cachedData: readIfThere(this.cachePathOf(name)),
    });
    this.scripts.set(name, script);
    const run = script.runInThisContext();
    run(module.exports, (request) => this.#resolve(request), module, filename, dirname(filename));
    return module.exports;
  }

  #resolve(request) {
    const sibling = /^\.\/(.+)\.cjs$/.exec(request);
    return sibling ? this.load(sibling[1]) : this.#require(request);
  }
}

/**
 * Tells one build of Node.js from another. V8 checks its version and flags too, but not the processor's
 * architecture or how it was built.
 */
function nodeIdentity() {
  return `${process.version}-${process.arch}-${statSync(process.execPath).size}`;
}

function readIfThere(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
