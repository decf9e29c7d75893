import { describe, expect, it } from 'vitest';
import { type HeldReader, ReadTurns } from '../../../src/transport/read-turns.ts';

/** Readers that note when they are held and released, and a loop that comes round when it is told to. */
function bench() {
  let now = 0;
  const callbacks: (() => void)[] = [];
  const log: string[] = [];
  const turns = new ReadTurns(
    () => now,
    (callback) => callbacks.push(callback),
  );
  const reader = (name: string): HeldReader => ({
    holdReading: () => log.push(`hold ${name}`),
    releaseReading: () => log.push(`release ${name}`),
  });
  const read = (by: HeldReader, milliseconds: number): void => {
    turns.beginRead(by);
    now += milliseconds;
    turns.endRead();
  };
  const comeRound = (): void => {
    for (const callback of callbacks.splice(0)) callback();
  };
  return { turns, reader, read, comeRound, log, callbacks };
}

describe('ReadTurns', () => {
  it('lets short reads pass', () => {
    const { turns, reader, read, comeRound, log } = bench();
    const one = reader('one');
    turns.add(one);
    for (let turn = 0; turn < 10; turn++) {
      read(one, 2);
      read(one, 1);
      comeRound();
    }
    expect(log).toEqual([]);
  });

  it('holds everyone once a turn was long, and lets who waited longest read first', () => {
    const { turns, reader, read, comeRound, log } = bench();
    const [one, two, three] = [reader('one'), reader('two'), reader('three')];
    for (const each of [one, two, three]) turns.add(each);
    read(one, 3);
    read(two, 3);
    expect(log).toEqual(['hold three', 'hold one', 'hold two']);
    comeRound();
    expect(log.slice(3)).toEqual(['release three', 'release one', 'release two']);
    read(three, 1);
    expect(log).toHaveLength(6);
  });

  it('holds a connection that comes while all are held, and forgets one that is gone', () => {
    const { turns, reader, read, comeRound, log } = bench();
    const [one, late] = [reader('one'), reader('late')];
    turns.add(one);
    read(one, 50);
    turns.add(late);
    turns.remove(one);
    comeRound();
    expect(log).toEqual(['hold one', 'hold late', 'release late']);
  });

  it('asks the loop once per turn', () => {
    const { turns, reader, read, callbacks } = bench();
    const one = reader('one');
    turns.add(one);
    for (let i = 0; i < 100; i++) read(one, 0.01);
    expect(callbacks).toHaveLength(1);
  });
});
