import { defineConfig } from 'vitest/config';

/** Interop tests that measure time or memory: beside others they would measure those. */
const alone = ['attacks', 'bfd', 'endless-senders', 'large-table', 'slow-peers'].map(
  (name) => `test/interop/${name}.test.ts`,
);

/**
 * The tiers of the tests, quickest first; each is done before the next one starts. `files`: how many run at a time, for
 * two processors; sessions mostly wait.
 */
const tiers = [
  { name: 'unit', include: testsIn('unit', 'property'), seconds: 20, files: 2 },
  { name: 'pcap', include: testsIn('pcap'), seconds: 30, files: 2 },
  { name: 'interop', include: testsIn('interop'), exclude: alone, seconds: 120, files: 3 },
  { name: 'interop-alone', include: alone, seconds: 120, files: 1 },
  { name: 'lab', include: testsIn('lab'), seconds: 240, files: 2 },
];

function testsIn(...folders: readonly string[]): string[] {
  return folders.map((folder) => `test/${folder}/**/*.test.ts`);
}

export default defineConfig({
  test: {
    reporters: ['default', './test/report/tier-totals.ts'],
    projects: tiers.map(({ name, include, exclude, seconds, files }, order) => ({
      test: {
        name,
        include,
        exclude: exclude ?? [],
        environment: 'node',
        testTimeout: seconds * 1000,
        hookTimeout: seconds * 1000,
        fileParallelism: files > 1,
        maxWorkers: files,
        sequence: { groupOrder: order },
      },
    })),
  },
});
