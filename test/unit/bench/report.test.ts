import { describe, expect, test } from 'vitest';
import { jsonReport, markdownReport, plainReport, type Results } from '../../../bench/report/report.ts';
import { markdownTable, plainTable } from '../../../bench/report/table.ts';

const RESULTS: Results = {
  date: new Date(0),
  machine: { cpu: 'some CPU', cores: 2, memoryBytes: 2 ** 34, kernel: '6.1', node: '20.19.0' },
  versions: { openpe: 'openpe-routerd 1', bird: 'BIRD 2', gobgp: 'GoBGP 3' },
  rounds: 3,
  kernel: [],
  scenarios: [
    {
      scenario: 'flap',
      text: 'routes go and come',
      without: { frr: 'no reason' },
      daemons: [
        { daemon: 'openpe', rounds: [1, 3, 2].map((seconds) => ({ seconds })), failures: [] },
        { daemon: 'bird', rounds: [{ seconds: 4 }], failures: ['once | too late\nstack'] },
        { daemon: 'gobgp', rounds: [], failures: ['never came'] },
      ],
    },
  ],
};

describe('report', () => {
  test('plain: numbers, ratios, bars, failures, who is missing', () => {
    const text = plainReport(RESULTS);
    expect(text).toMatch(/openpe-routerd 1 +2\.000 s +0\.50\n/);
    expect(text).toMatch(/BIRD 2 +4\.000 s +2\.00\n/);
    expect(text).toContain('bar: time at most 0.6 of the best other, bird (4.000 s): 0.50 - holds');
    expect(text).toContain('without frr: no reason');
    expect(text).toContain('FAILED: gobgp: never came');
    expect(text).toContain('1 of 1 bars hold; medians of 3 rounds');
    expect(text).not.toMatch(/GoBGP 3 +\d/);
  });

  test('Markdown: each row of a table has as many cells as its head', () => {
    const rows = markdownReport(RESULTS)
      .split('\n')
      .filter((line) => line.startsWith('|'));
    expect(rows).toHaveLength(4);
    expect(new Set(rows.map((row) => row.split('|').length)).size).toBe(1);
  });

  test('JSON: single measurements, medians, ratios, failures', () => {
    const [scenario] = JSON.parse(jsonReport(RESULTS)).scenarios;
    expect(scenario.daemons[0]).toEqual({
      daemon: 'openpe',
      medians: { seconds: 2 },
      ratios: { seconds: 0.5 },
      failures: [],
      measurements: [{ seconds: 1 }, { seconds: 3 }, { seconds: 2 }],
    });
    expect(scenario.daemons[2]).toMatchObject({ daemon: 'gobgp', medians: {}, failures: ['never came'] });
  });
});

describe('tables', () => {
  const table = {
    title: 't',
    head: ['', 'a'],
    rows: [
      ['x|y', '1'],
      ['z', '22'],
    ],
    notes: ['n'],
  };

  test('plain: numbers are aligned on the right', () => {
    expect(plainTable(table)).toBe('t\n        a\n  x|y   1\n  z    22\n  n');
  });

  test('Markdown: a bar in a cell is no border', () => {
    expect(markdownTable(table)).toBe('### t\n\n|  | a |\n|---|---:|\n| x\\|y | 1 |\n| z | 22 |\n\n- n\n');
  });
});
