import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../../../bgp/session/clock.ts';

/** Milliseconds of the longest time of RFC 9494, 24 bits of seconds: eight times what a timer of Node.js can wait. */
const LONG = (2 ** 24 - 1) * 1000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it.each([1000, 2 ** 31 - 1, 2 ** 31, LONG])('fires after %i ms, and not before', (milliseconds) => {
  const fire = vi.fn();
  systemClock.setTimer(milliseconds, fire);
  vi.advanceTimersByTime(milliseconds - 1);
  expect(fire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(fire).toHaveBeenCalledOnce();
  expect(vi.getTimerCount()).toBe(0);
});

it.each([0, 1, 3])('can be cancelled after %i of its parts', (parts) => {
  const fire = vi.fn();
  const timer = systemClock.setTimer(LONG, fire);
  vi.advanceTimersByTime(parts * (2 ** 31 - 1));
  timer.cancel();
  vi.advanceTimersByTime(LONG);
  expect(fire).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
