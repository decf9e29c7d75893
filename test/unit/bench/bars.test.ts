import { describe, expect, test } from 'vitest';
import { verdictsOf } from '../../../bench/report/bars.ts';
import { type KernelLine, kernelVerdicts } from '../../../bench/report/kernel-table.ts';
import type { Comparison, Summary } from '../../../bench/report/summary.ts';

function beside(own: Summary, ...others: readonly Summary[]): Comparison {
  const names = ['bird', 'frr'] as const;
  return new Map([
    ['openpe', own],
    ...others.map((summary, index) => [names[index] ?? 'gobgp', summary] as const),
  ]);
}

function holds(scenario: string, comparison: Comparison): (boolean | undefined)[] {
  return verdictsOf(scenario, comparison).map((verdict) => verdict.holds);
}

describe('bars', () => {
  test('time at most 0.6 and CPU at most 0.7 of the best other, each its own', () => {
    const others = [
      { seconds: 1, cpuSeconds: 2 },
      { seconds: 2, cpuSeconds: 1 },
    ];
    for (const scenario of ['transit-200k', 'ipv6-200k', 'fanin-8', 'flap']) {
      expect(holds(scenario, beside({ seconds: 0.6, cpuSeconds: 0.7 }, ...others))).toEqual([true, true]);
      expect(holds(scenario, beside({ seconds: 0.61, cpuSeconds: 0.71 }, ...others))).toEqual([false, false]);
    }
  });

  test('EVPN: 0.4 and 0.5; fan-out: 0.5 of the time', () => {
    const other = { seconds: 1, cpuSeconds: 1 };
    expect(holds('evpn5-100k', beside({ seconds: 0.4, cpuSeconds: 0.51 }, other))).toEqual([true, false]);
    expect(holds('fanout-50', beside({ seconds: 0.5, cpuSeconds: 9 }, other))).toEqual([true]);
  });

  test('latency: p50 at most 1.2 of the best, p99 at most the best', () => {
    const other = { p50: 1, p99: 5 };
    expect(holds('latency', beside({ p50: 1.2, p99: 5 }, other))).toEqual([true, true]);
    expect(holds('latency', beside({ p50: 1.21, p99: 5.01 }, other))).toEqual([false, false]);
  });

  test('memory of a million routes: settled against BIRD, not the best other, and peak against our own settled', () => {
    const time = { seconds: 1, cpuSeconds: 1 };
    const others = [
      { seconds: 9, cpuSeconds: 9, settledBytes: 100 },
      { seconds: 9, cpuSeconds: 9, settledBytes: 50 },
    ];
    const good = { ...time, settledBytes: 100, peakBytes: 150 };
    const bad = { ...time, settledBytes: 101, peakBytes: 152 };
    expect(holds('transit-1m', beside(good, ...others))).toEqual([true, true, true, true]);
    expect(holds('transit-1m', beside(bad, ...others))).toEqual([true, true, false, false]);
  });

  test('startup: 250 ms and 70 MB, without anybody to compare with', () => {
    expect(holds('startup', beside({ start: 250, settledBytes: 70e6 }))).toEqual([true, true]);
    expect(holds('startup', beside({ start: 251, settledBytes: 71e6 }))).toEqual([false, false]);
  });

  test('no turn over 20 ms in any scenario', () => {
    expect(holds('vrf', beside({ longestTurn: 20 }))).toEqual([true]);
    expect(holds('vrf', beside({ longestTurn: 20.1 }))).toEqual([false]);
  });

  test('nothing is said of what was not measured', () => {
    expect(holds('flap', beside({ seconds: 1, cpuSeconds: 1 }))).toEqual([undefined, undefined]);
    expect(holds('flap', new Map([['bird', { seconds: 1 }]]))).toEqual([]);
  });

  test('a verdict names the other, its number and the ratio', () => {
    const [time] = verdictsOf('flap', beside({ seconds: 1 }, { seconds: 4 }, { seconds: 2 }));
    expect(time?.text).toBe('time at most 0.6 of the best other, frr (2.000 s): 0.50');
  });
});

describe('bars of the kernel', () => {
  const line = (contender: string, ratioToRaw: number, ratioToFrr: number): KernelLine => ({
    contender,
    version: 4,
    event: 'announce',
    seconds: { median: 1 },
    routesPerSecond: 1,
    ratioToRaw,
    ratioToFrr,
    processorSeconds: 1,
  });

  test('85 % of raw netlink and twice the rate of FRR, for ours alone', () => {
    const lines = [line('raw', 1, 3), line('openpe-routerd', 0.85, 1.9), line('frr', 0.2, 1)];
    const verdicts = kernelVerdicts({ kernel: 'running kernel', lines });
    expect(verdicts.map((one) => one.holds)).toEqual([true, false]);
  });

  test('a kernel in user mode is not judged', () => {
    expect(kernelVerdicts({ kernel: 'user-mode-linux', lines: [line('openpe-routerd', 0.1, 0.1)] })).toEqual(
      [],
    );
  });
});
