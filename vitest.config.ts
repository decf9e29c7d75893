import { defineConfig } from 'vitest/config';

/** The tiers of the tests, quickest first; each is done before the next one starts. */
const tiers = [
  { name: 'unit', folders: ['unit', 'property'], seconds: 20, oneFileAtATime: false },
  { name: 'pcap', folders: ['pcap'], seconds: 30, oneFileAtATime: false },
  { name: 'interop', folders: ['interop'], seconds: 120, oneFileAtATime: true },
  { name: 'lab', folders: ['lab'], seconds: 240, oneFileAtATime: true },
];

export default defineConfig({
  test: {
    reporters: ['default', './test/report/tier-totals.ts'],
    projects: tiers.map((tier, order) => ({
      test: {
        name: tier.name,
        include: tier.folders.map((folder) => `test/${folder}/**/*.test.ts`),
        environment: 'node',
        testTimeout: tier.seconds * 1000,
        hookTimeout: tier.seconds * 1000,
        fileParallelism: !tier.oneFileAtATime,
        sequence: { groupOrder: order },
      },
    })),
  },
});
