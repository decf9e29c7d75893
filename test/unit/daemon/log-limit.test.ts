import { describe, expect, it } from 'vitest';
import { LogLimit } from '../../../src/daemon/log-limit.ts';
import { FakeClock } from '../bgp/session/fake-clock.ts';

describe('a limit of the log', () => {
  it('lets ten messages of a kind through in ten seconds, and says how many were left out', () => {
    const clock = new FakeClock();
    const limit = new LogLimit(clock);
    const written: number[] = [];
    const pass = (): void => limit.pass('refused', (leftOut) => written.push(leftOut));
    for (let i = 0; i < 500; i++) pass();
    expect(written).toEqual(Array(10).fill(0));
    limit.pass('another', (leftOut) => written.push(leftOut));
    expect(written).toHaveLength(11);
    clock.advance(10_000);
    pass();
    pass();
    expect(written.slice(11)).toEqual([490, 0]);
  });

  it('stays small, whatever there is to tell apart', () => {
    const limit = new LogLimit(new FakeClock());
    let written = 0;
    for (let i = 0; i < 100_000; i++) limit.pass(`stranger ${i}`, () => written++);
    expect(written).toBe(100_000);
  });
});
