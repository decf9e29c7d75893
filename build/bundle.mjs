import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/*
 * Makes dist/: the two programs and what they share as a few CommonJS files, instead of the hundreds of modules
 * they come from, each of which would take its time to be found, read and compiled at every start. CommonJS,
 * because a script can be given the compiled code that code-cache.mjs leaves beside it; a module cannot.
 */

const ROOT = new URL('..', import.meta.url).pathname;
const DIST = join(ROOT, 'dist');

/** Have native parts, or load files of their own. */
const EXTERNAL = [/^koffi($|\/)/, /^netlink($|\/)/];

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST);

const DAEMON = /\/(net|bfd|bgp|evpn|dataplane|src\/(bfd|daemon|transport|control|node(?!\/print-plan)))\//;
const CONFIGURATION = /\/src\/config\/|\/node_modules\/(zod|yaml|ip-address)\//;

const modules = [
  // The daemon's code is one file: a call across files goes through a getter, too slow for what runs per route.
  ...(await bundle('openpe-routerd', 'src/cli/main.ts', {
    groups: [
      { name: 'daemon', test: DAEMON },
      { name: 'configuration', test: CONFIGURATION },
    ],
  })),
  ...(await bundle('openpe-routerctl', 'src/control/ctl-main.ts', false)),
  // A thread starts from a file of its own, as it is.
  ...(await bundle('bfd-worker', 'src/bfd/bfd-worker.ts', false, (code) => code)),
];
writeFileSync(join(DIST, 'LICENSES.txt'), licenses(modules));

/** Writes the files of a program into dist/, for bin/bundle.mjs unless `wrap` says otherwise; gives the paths of the modules in them. */
async function bundle(name, entry, codeSplitting, wrap = asFunction) {
  const graph = await rolldown({
    cwd: ROOT,
    input: { [name]: entry },
    platform: 'node',
    external: EXTERNAL,
    transform: { target: 'es2023' },
  });
  const { output } = await graph.generate({
    format: 'cjs',
    strict: true,
    comments: false,
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name].cjs',
    codeSplitting,
  });
  for (const { fileName, code } of output) writeFileSync(join(DIST, fileName), wrap(asciiOnly(code)));
  return output.flatMap((chunk) => Object.keys(chunk.modules ?? {}));
}

/** The wrapper adds no line, so that a stack trace tells the file's own lines. */
function asFunction(code) {
  return `(function (exports, require, module, __filename, __dirname) { ${code.trimEnd()}\n});\n`;
}

/** V8 keeps a source with any other character in two octets a character. */
function asciiOnly(code) {
  return code.replace(
    /[^\0-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The licenses of the packages whose modules are in the bundle; they ask for that. */
function licenses(modules) {
  const packages = new Set(
    modules.map((path) => /.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter((path) => path),
  );
  const texts = [...packages].sort().map((directory) => {
    const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined) throw new Error(`${name} has no license file`);
    return `${name} ${version}\n\n${readFileSync(join(directory, file), 'utf8').trim()}\n`;
  });
  const rule = `\n${'-'.repeat(80)}\n\n`;
  return `The files beside this one contain code of these packages.\n${rule}${texts.join(rule)}`;
}
