import { rolldown } from 'rolldown';

/*
 * Bundles bench/daemons/openpe-large.ts as build/bundle.mjs does the daemon: a call across files would cost more. The
 * file with all that runs per route is the same code; what reads the configuration is in it too, and no compiled code
 * is kept.
 */

const graph = await rolldown({
  cwd: new URL('../..', import.meta.url).pathname,
  input: 'bench/daemons/openpe-large.ts',
  platform: 'node',
  external: [/^koffi($|\/)/, /^netlink($|\/)/],
  transform: { target: 'es2023' },
});
await graph.write({
  format: 'cjs',
  strict: true,
  file: 'out/build/bench/openpe-large.cjs',
  codeSplitting: false,
});
