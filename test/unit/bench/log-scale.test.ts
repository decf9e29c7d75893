import { describe, expect, test } from 'vitest';
import { drawChart } from '../../../bench/plot/chart.ts';
import { growthPicture } from '../../../bench/plot/growth.ts';
import { decadesAround, LogScale, tickText } from '../../../bench/plot/log-scale.ts';
import { element, label } from '../../../bench/plot/svg.ts';

describe('logarithmic scale', () => {
  test('each decade is as long as the others', () => {
    const scale = new LogScale([1, 1000], [0, 300]);
    expect([1, 10, 100, 1000].map((value) => Math.round(scale.position(value)))).toEqual([0, 100, 200, 300]);
    expect(scale.position(Math.sqrt(10))).toBeCloseTo(50);
  });

  test('a range may go upwards, as y does', () => {
    const scale = new LogScale([0.001, 1], [150, 0]);
    expect(scale.position(0.001)).toBeCloseTo(150);
    expect(scale.position(0.1)).toBeCloseTo(50);
  });

  test('ticks are the powers of ten, the ends included', () => {
    expect(new LogScale([0.001, 10], [0, 1]).ticks).toEqual([0.001, 0.01, 0.1, 1, 10]);
    expect(new LogScale([2, 500], [0, 1]).ticks).toEqual([10, 100]);
  });

  test('no scale with 0, upside down or empty', () => {
    expect(() => new LogScale([0, 1], [0, 1])).toThrow(RangeError);
    expect(() => new LogScale([10, 1], [0, 1])).toThrow(RangeError);
    expect(() => new LogScale([1, 1], [0, 1])).toThrow(RangeError);
  });

  test('decades enclose all values and are one at least', () => {
    expect(decadesAround([3, 4000])).toEqual([1, 10_000]);
    expect(decadesAround([10, 1000])).toEqual([10, 1000]);
    expect(decadesAround([0.002, 0.009])).toEqual([0.001, 0.01]);
    expect(decadesAround([100])).toEqual([100, 1000]);
    expect(decadesAround([])).toEqual([1, 10]);
    expect(decadesAround([0, 5])).toEqual([1, 10]);
  });

  test('tick texts', () => {
    expect([0.001, 0.1, 1, 100].map((value) => tickText(value, 's'))).toEqual([
      '1 ms',
      '100 ms',
      '1 s',
      '100 s',
    ]);
    expect([1e6, 1e9].map((value) => tickText(value, 'B'))).toEqual(['1 MB', '1 GB']);
    expect([1, 1000, 1e6].map((value) => tickText(value, ''))).toEqual(['1', '1 k', '1 M']);
  });
});

describe('SVG', () => {
  test('text and attributes are escaped', () => {
    expect(label(1, 2.04, 'a < b & c')).toBe('<text x="1" y="2">a &lt; b &amp; c</text>');
    expect(element('g', { id: '"' })).toBe('<g id="&quot;"/>');
  });

  test('points lie where the axes say', () => {
    const lines = [{ style: 0, points: [[1, 10] as const, [100, 1000] as const] }];
    const text = drawChart({
      title: 't',
      description: 'd',
      legend: ['one'],
      rows: [{ title: 'r', unit: '' }],
      panels: [{ title: 'p', xTitle: 'x', lines: [lines] }],
    });
    const frame = /<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" fill="none"/.exec(text);
    const [, left = 0, top = 0, width = 0, height = 0] = (frame ?? []).map(Number);
    const ends = `${left.toFixed(1)},${(top + height).toFixed(1)} ${(left + width).toFixed(1)},${top.toFixed(1)}`;
    expect(text).toContain(`points="${ends}"`);
  });

  test('CPU time below a tick of the clock is drawn as one, never outside', () => {
    const point = { series: 'routes', daemon: 'bird' as const, size: 10_000 };
    const summary = { seconds: 0.05, cpuSeconds: 0, settledBytes: 1e7 };
    const text = growthPicture(
      [
        { ...point, summary },
        { ...point, size: 1e6, summary },
      ],
      { bird: 'BIRD' },
    );
    expect(text).not.toMatch(/NaN|Infinity|="-/);
  });
});
