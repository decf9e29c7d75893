import { randomFillSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemCalls } from '../../../dataplane/system-calls.ts';
import { Collector, TcpBench } from './tcp-bench.ts';

let bench: TcpBench;
beforeEach(() => {
  bench = new TcpBench();
});
afterEach(() => {
  vi.restoreAllMocks();
  return bench.close();
});

/** A descriptor that no process has. */
const NO_DESCRIPTOR = 999_999;

describe('an accepted socket that cannot be read into a buffer of ours', () => {
  it.each([
    ['is out of descriptors', -1],
    ['got one that is no socket', NO_DESCRIPTOR],
  ])('is read as it is when the process %s', async (_, descriptor) => {
    const duplicate = vi.spyOn(systemCalls(), 'duplicate').mockReturnValue(descriptor);
    const { near, far } = await bench.pair('127.0.0.1');
    expect(duplicate).toHaveBeenCalled();
    const ends = [
      { connection: near, collector: new Collector(), sent: randomFillSync(Buffer.alloc(1_000_000)) },
      { connection: far, collector: new Collector(), sent: randomFillSync(Buffer.alloc(1_000_000)) },
    ];
    for (const { connection, collector, sent } of ends) {
      connection.setHandlers(collector);
      connection.write(sent);
    }
    await Promise.all(ends.map(({ collector }) => collector.bytes(1_000_000)));
    expect(ends[1]?.collector.content().equals(ends[0]?.sent ?? Buffer.alloc(0))).toBe(true);
    expect(ends[0]?.collector.content().equals(ends[1]?.sent ?? Buffer.alloc(0))).toBe(true);
  });
});
