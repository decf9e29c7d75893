import { describe, expect, test } from 'vitest';
import { median, percentile } from '../../../bench/report/statistics.ts';
import {
  bestOther,
  type Comparison,
  compare,
  ratioOf,
  type ScenarioRounds,
  summarize,
} from '../../../bench/report/summary.ts';

describe('statistics', () => {
  test('the median is the one in the middle, or halfway between two', () => {
    expect(median([10, 2, 9])).toBe(9);
    expect(median([10, 2, 9, 1])).toBe(5.5);
    expect(median([])).toBeNaN();
  });

  test('numbers are sorted as numbers, and the input is left alone', () => {
    const values = [100, 9, 20];
    expect(median(values)).toBe(20);
    expect(values).toEqual([100, 9, 20]);
  });

  test('a percentile is one of the values', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(percentile(values, 0.5)).toBe(100);
    expect(percentile(values, 0.99)).toBe(198);
    expect(percentile(values, 1)).toBe(200);
    expect(percentile([7], 0.5)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });
});

describe('rounds', () => {
  test('times and sizes: the median of the rounds', () => {
    const summary = summarize([
      { seconds: 3, cpuSeconds: 0.1, settledBytes: 10, peakBytes: 40 },
      { seconds: 1, cpuSeconds: 0.3, settledBytes: 30, peakBytes: 60 },
      { seconds: 2, cpuSeconds: 0.2, settledBytes: 20, peakBytes: 50 },
    ]);
    expect(summary).toEqual({ seconds: 2, cpuSeconds: 0.2, settledBytes: 20, peakBytes: 50 });
  });

  test('the longest turn and the slowest start: the worst of all rounds', () => {
    const summary = summarize([
      { longestTurn: 5, starts: [100, 120, 110] },
      { longestTurn: 25, starts: [300, 90, 95] },
      { longestTurn: 7, starts: [101, 102, 103] },
    ]);
    expect(summary).toEqual({ longestTurn: 25, start: 102, worstStart: 300 });
  });

  test('latencies: percentiles of each round, then the median of the rounds', () => {
    const round = (factor: number) => ({
      latencies: Array.from({ length: 100 }, (_, index) => (index + 1) * factor),
    });
    expect(summarize([round(1), round(100), round(2)])).toEqual({ p50: 100, p99: 198 });
  });

  test('a daemon without a round that succeeded has no numbers', () => {
    const scenario: ScenarioRounds = {
      scenario: 'flap',
      text: '',
      without: {},
      daemons: [
        { daemon: 'openpe', rounds: [{ seconds: 1 }], failures: ['once'] },
        { daemon: 'bird', rounds: [], failures: ['always'] },
      ],
    };
    expect([...compare(scenario).keys()]).toEqual(['openpe']);
  });
});

describe('ratios', () => {
  const comparison: Comparison = new Map([
    ['openpe', { seconds: 1, cpuSeconds: 4 }],
    ['bird', { seconds: 2, cpuSeconds: 8 }],
    ['frr', { seconds: 5, cpuSeconds: 5, settledBytes: 7 }],
  ]);

  test('the best of the others is chosen for each metric', () => {
    expect(bestOther(comparison, 'seconds')).toEqual({ daemon: 'bird', value: 2 });
    expect(bestOther(comparison, 'cpuSeconds')).toEqual({ daemon: 'frr', value: 5 });
    expect(bestOther(comparison, 'p50')).toBeUndefined();
  });

  test('ours is never the best other, not even alone', () => {
    expect(bestOther(new Map([['openpe', { seconds: 1 }]]), 'seconds')).toBeUndefined();
  });

  test('ours by the best of the others, the others by ours', () => {
    expect(ratioOf(comparison, 'openpe', 'seconds')).toBe(0.5);
    expect(ratioOf(comparison, 'openpe', 'cpuSeconds')).toBe(0.8);
    expect(ratioOf(comparison, 'frr', 'seconds')).toBe(5);
    expect(ratioOf(comparison, 'frr', 'settledBytes')).toBeUndefined();
    expect(ratioOf(comparison, 'gobgp', 'seconds')).toBeUndefined();
  });
});
