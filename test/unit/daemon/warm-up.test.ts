import { describe, expect, it } from 'vitest';
import { type Family, IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../../bgp/wire/family.ts';
import { decodeMessage } from '../../../bgp/wire/message.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';
import {
  ROUTES_PER_UPDATE,
  writeAnnouncement,
  writeWithdrawal,
} from '../../../src/daemon/warm-up/practice-messages.ts';
import { warmUp } from '../../../src/daemon/warm-up/warm-up.ts';
import { FakeClock } from '../bgp/session/fake-clock.ts';
import { EBGP_CONTEXT } from '../bgp/wire/contexts.ts';

/** Some time passes between two looks at it. */
class TickingClock extends FakeClock {
  #ticks = 0;

  override now(): number {
    return super.now() + 0.5 * this.#ticks++;
  }
}

function decoded(write: (writer: ByteWriter) => void) {
  const writer = new ByteWriter();
  write(writer);
  const bytes = writer.take();
  return decodeMessage(bytes, 0, bytes.length, EBGP_CONTEXT);
}

describe('practice', () => {
  it.each<[string, Family]>([
    ['IPv4', IPV4_UNICAST],
    ['IPv6', IPV6_UNICAST],
    ['EVPN', L2VPN_EVPN],
  ])('is with UPDATEs of %s that are in order', (_, family) => {
    for (const message of [
      decoded((writer) => writeAnnouncement(writer, family, 77, 65_001, 2)),
      decoded((writer) => writeWithdrawal(writer, family, 77)),
    ]) {
      if (message.type !== 'update') throw new Error(JSON.stringify(message));
      expect(message.update.outcome).toBe('ok');
      expect(message.update.errors).toEqual([]);
      const { announced, withdrawn } = message.update;
      expect([...announced, ...withdrawn].flatMap(({ routes }) => routes)).toHaveLength(ROUTES_PER_UPDATE);
    }
  });

  it('is done in slices, comes to its end, and makes way for real work', async () => {
    const pauses: number[] = [];
    const clock = new TickingClock();
    let work = 0;
    await warmUp({
      clock,
      families: [IPV4_UNICAST, L2VPN_EVPN],
      kernel: true,
      realWork: () => work,
      isOver: () => false,
      pause: async (milliseconds) => {
        pauses.push(milliseconds);
        if (pauses.length === 10) work = 1;
        if (pauses.length === 11) work = 2;
      },
    });
    expect(pauses.length).toBeGreaterThan(50);
    expect(pauses.indexOf(100)).toBe(10);
    expect(pauses.filter((pause) => pause === 100)).toHaveLength(2);
    expect(pauses.filter((pause) => pause === 1).length).toBe(pauses.length - 2);
    expect(clock.timersSet).toBeGreaterThan(0);
    expect(clock.pending).toBe(0);
  });

  it('is given up where there is real work all the time', async () => {
    const pauses: number[] = [];
    const clock = new TickingClock();
    let work = 0;
    await warmUp({
      clock,
      families: [IPV4_UNICAST],
      kernel: false,
      realWork: () => work++,
      isOver: () => false,
      pause: async (milliseconds) => void pauses.push(milliseconds),
    });
    expect(pauses.filter((pause) => pause === 1).length).toBe(pauses.length - 50);
    expect(pauses.slice(-50)).toEqual(new Array<number>(50).fill(100));
    expect(clock.timersSet).toBeGreaterThan(0);
    expect(clock.pending).toBe(0);
  });

  it.each([0, 20, 100])('ends with the daemon, after %i pauses', async (most) => {
    const clock = new TickingClock();
    let pauses = 0;
    await warmUp({
      clock,
      families: [IPV4_UNICAST],
      kernel: false,
      realWork: () => 0,
      isOver: () => pauses > most,
      pause: async () => void pauses++,
    });
    expect(pauses).toBe(most + 1);
    expect(clock.pending).toBe(0);
  });
});
