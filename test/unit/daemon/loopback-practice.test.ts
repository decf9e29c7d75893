import { describe, expect, it } from 'vitest';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../../bgp/wire/family.ts';
import { LoopbackPractice } from '../../../src/daemon/warm-up/loopback-practice.ts';
import { FakeClock } from '../bgp/session/fake-clock.ts';

describe('practice over loopback', () => {
  it('sends one route after the other through a speaker, then leaves nothing behind', async () => {
    const clock = new FakeClock();
    const practice = await LoopbackPractice.begin(clock, [IPV4_UNICAST, IPV6_UNICAST]);
    if (!practice) throw new Error('there is no loopback');
    let slices = 1;
    while (await practice.exchange(100)) slices++;
    // Each was waited for until it came out: 3,000, or it would have been over at the first that did not.
    expect(slices).toBe(30);
    expect(clock.pending).toBeGreaterThan(0);
    await practice.end();
    expect(clock.pending).toBe(0);
  });

  it('gives up when nothing comes out', async () => {
    const practice = await LoopbackPractice.begin(new FakeClock(), [IPV4_UNICAST]);
    if (!practice) throw new Error('there is no loopback');
    await practice.end();
    expect(await practice.exchange(100)).toBe(false);
  });
});
