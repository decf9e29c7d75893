import { expect, it } from 'vitest';
import { LongLivedTimers } from '../../../bgp/long-lived-timers.ts';
import { IPV4_UNICAST } from '../../../bgp/wire/family.ts';
import { FakeClock } from './session/fake-clock.ts';

it('begun once more, it goes on; cancelled, it does not', () => {
  const clock = new FakeClock();
  let over = 0;
  const timers = new LongLivedTimers({ clock, over: () => over++ });
  timers.begin(IPV4_UNICAST, 10);
  clock.advance(9000);
  timers.begin(IPV4_UNICAST, 10);
  clock.advance(1000);
  expect(over).toBe(1);
  timers.begin(IPV4_UNICAST, 10);
  timers.cancelAll();
  clock.advance(20_000);
  expect([over, clock.pending]).toEqual([1, 0]);
});
