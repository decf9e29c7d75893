import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { BfdState } from '../../../bfd/control-packet.ts';
import { BfdService } from '../../../src/bfd/bfd-service.ts';
import { addressOf } from '../bgp/rib/speaker-bench.ts';
import { FakeClock } from '../bgp/session/fake-clock.ts';

/** A thread that says of each session that it is up; one with the peer 127.0.0.9 is its end. */
const PROGRAM = new URL(
  `data:text/javascript,${encodeURIComponent(`
  import { createSocket } from 'node:dgram';
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', (message) => {
    if (message.kind === 'remove') return;
    if (message.peer === '127.0.0.9') throw new Error('a packet was too much');
    createSocket('udp4').bind({ fd: message.descriptor });
    parentPort.postMessage({ kind: 'adopted', descriptor: message.descriptor });
    const { discriminator } = message;
    if (message.kind === 'add') parentPort.postMessage({ kind: 'status', discriminator, status: { state: ${BfdState.up} } });
  });
`)}`,
);

class Bench {
  readonly clock = new FakeClock();
  readonly warnings: string[] = [];
  readonly service = new BfdService({
    program: PROGRAM,
    clock: this.clock,
    random: () => 1,
    warn: (message) => this.warnings.push(message),
  });
  readonly up: string[] = [];
  /** Paths of which nothing was known any more. */
  readonly unknown: string[] = [];

  watch(remote: string, local = addressOf('127.0.0.1')) {
    return this.service.watch(
      {
        local,
        remote: addressOf(remote),
        namespace: undefined,
        device: undefined,
        multiHop: true,
        minimumTtl: 254,
        settings: { transmitInterval: 300, receiveInterval: 300, detectMultiplier: 3, passive: false },
      },
      (status) => {
        if (status === undefined) this.unknown.push(remote);
        else if (status.state === BfdState.up) this.up.push(remote);
      },
    );
  }
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

describe('the thread of BFD', () => {
  let bench: Bench | undefined;
  afterEach(() => bench?.service.close());

  test('is started again with all its sessions when it fails, after waits that grow', async () => {
    bench = new Bench();
    const { clock, warnings, up } = bench;
    const before = openDescriptors();
    const first = bench.watch('127.0.0.2');
    await expect.poll(() => up).toEqual(['127.0.0.2']);
    const poison = bench.watch('127.0.0.9');
    await expect.poll(() => warnings.length).toBe(1);
    expect(warnings[0]).toContain('without BFD for 1.0 s: a packet was too much');
    expect(first.status).toBeUndefined();
    expect(bench.unknown).toEqual(['127.0.0.2']);
    expect(openDescriptors()).toBe(before);
    bench.watch('127.0.0.3');

    clock.advance(999);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    await expect.poll(() => warnings.length).toBe(2);
    expect(warnings[1]).toContain('without BFD for 2.0 s');
    expect(openDescriptors()).toBe(before);

    poison.close();
    up.length = 0;
    clock.advance(2000);
    await expect.poll(() => up).toEqual(['127.0.0.2', '127.0.0.3']);
    expect(first.status?.state).toBe(BfdState.up);
    expect(warnings.length).toBe(2);
  });

  test('tries a session again whose sockets cannot be had at once', async () => {
    bench = new Bench();
    const { clock, warnings, up } = bench;
    const poison = bench.watch('127.0.0.9');
    await expect.poll(() => warnings.length).toBe(1);
    poison.close();
    bench.watch('127.0.0.2');
    const noAddressOfOurs = addressOf('192.0.2.77');
    bench.watch('127.0.0.3', noAddressOfOurs);
    clock.advance(1000);
    await expect.poll(() => up).toEqual(['127.0.0.2']);
    expect(warnings.slice(1)).toEqual([expect.stringContaining('127.0.0.3 cannot be started again yet')]);
    clock.advance(2000);
    expect(warnings).toHaveLength(3);
  });

  test('stays away when nobody has a use for it any more', async () => {
    bench = new Bench();
    const { clock, warnings } = bench;
    bench.watch('127.0.0.9');
    await expect.poll(() => warnings.length).toBe(1);
    bench.service.close();
    expect(clock.pending).toBe(0);
  });
});
