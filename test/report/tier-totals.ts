import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';

/** How many tests of one tier ended how. */
interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Prints why each skipped test was skipped, and writes the closing line, `N passed, N failed,
 * N skipped`, to out/test-results/closing-line.txt, for `make test` to print last. A file that could
 * not be loaded and an error outside of any test count as a failed test each. A tier named in
 * REQUIRED_TIERS that had no test makes the run fail.
 */
export default class TierTotals implements Reporter {
  #root = process.cwd();

  onInit(vitest: Vitest): void {
    this.#root = vitest.config.root;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tiers = new Map<string, Totals>();
    const skipped: string[] = [];
    for (const module of modules) {
      const tier = tierTotals(tiers, module.project.name);
      if (module.state() === 'failed' && ![...module.children.allTests('failed')].length) tier.failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== 'pending') tier[state]++;
        if (state === 'skipped')
          skipped.push(`  ${module.project.name}: ${test.fullName} (${skipReason(test)})`);
      }
    }
    const sum: Totals = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    console.log();
    for (const [name, { passed, failed, skipped: left }] of tiers) {
      console.log(`${name.padEnd(13)} ${passed} passed, ${failed} failed, ${left} skipped`);
      sum.passed += passed;
      sum.failed += failed;
      sum.skipped += left;
    }
    if (skipped.length > 0) console.log(`Skipped:\n${skipped.join('\n')}`);
    for (const name of (process.env.REQUIRED_TIERS ?? '').split(' ').filter(Boolean)) {
      if (hasRun(tiers.get(name))) continue;
      console.log(`tier ${name} ran no test`);
      process.exitCode = 1;
    }
    const directory = join(this.#root, 'out', 'test-results');
    mkdirSync(directory, { recursive: true });
    const line = `${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`;
    writeFileSync(join(directory, 'closing-line.txt'), line);
  }
}

function tierTotals(tiers: Map<string, Totals>, name: string): Totals {
  const known = tiers.get(name) ?? { passed: 0, failed: 0, skipped: 0 };
  tiers.set(name, known);
  return known;
}

/** In CI, a tier that skipped all of its tests has not run. */
function hasRun(totals: Totals | undefined): boolean {
  if (totals === undefined) return false;
  return totals.passed + totals.failed > 0 || (totals.skipped > 0 && process.env.CI === undefined);
}

function skipReason(test: TestCase): string {
  const result = test.result();
  if (result.state === 'skipped' && result.note) return result.note;
  for (let { parent } = test; parent.type === 'suite'; { parent } = parent) {
    if (parent.errors().length > 0) return 'its set-up failed';
  }
  return 'no reason given';
}
