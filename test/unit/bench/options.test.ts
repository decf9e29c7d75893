import { describe, expect, test } from 'vitest';
import { readOptions } from '../../../bench/run/options.ts';
import { scenarioNamed } from '../../../bench/scenarios/all.ts';
import { linkAddresses, peersLayout, vrfLayout } from '../../../bench/scenarios/layout.ts';

describe('options', () => {
  test('without any: everything, three rounds', () => {
    const options = readOptions({ SCENARIOS: '', DAEMONS: '', ROUNDS: '' });
    expect(options.scenarios).toContain('transit-1m');
    expect(options.scenarios.at(-1)).toBe('kernel');
    expect(options.daemons).toHaveLength(6);
    expect(options).toMatchObject({ rounds: 3, daemonsNamed: false, report: 'results' });
  });

  test('names come in the order of the tables', () => {
    const options = readOptions({ SCENARIOS: 'flap,startup', DAEMONS: 'bird openpe', ROUNDS: '1' });
    expect(options).toMatchObject({
      scenarios: ['startup', 'flap'],
      daemons: ['openpe', 'bird'],
      daemonsNamed: true,
      rounds: 1,
    });
  });

  test.each([{ SCENARIOS: 'transit' }, { DAEMONS: 'zebra' }, { ROUNDS: '0' }, { ROUNDS: 'many' }])(
    'wrong: %o',
    (environment) => {
      expect(() => readOptions(environment)).toThrow(TypeError);
    },
  );
});

describe('scenarios', () => {
  test('of a series are made by their size', () => {
    expect(scenarioNamed('peers=20').layout.speakers).toHaveLength(21);
    expect(scenarioNamed('vnis=5').layout).toMatchObject({ vnis: 5 });
    expect(() => scenarioNamed('peers=0')).toThrow(RangeError);
    expect(() => scenarioNamed('cows=1')).toThrow(RangeError);
  });

  test.each([
    ['1,001 peers', peersLayout(1001, 'ipv4')],
    ['1,001 peers over IPv6', peersLayout(1001, 'ipv6')],
    ['500 VNIs', vrfLayout(500, 1)],
  ])('%s have addresses and AS numbers of their own', (_, layout) => {
    const { daemon, load } = linkAddresses(layout);
    const all = [...daemon, ...load];
    expect(new Set(all).size).toBe(all.length);
    const numbers = layout.speakers.map(({ as }) => as);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers).not.toContain(65_000);
    expect(new Set(layout.speakers.map(({ routerId }) => routerId)).size).toBe(numbers.length);
  });
});
