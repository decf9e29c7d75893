import { describe, expect, it } from 'vitest';
import { SOCKET_BUFFER } from './minimal/daemon-under-load.ts';
import { daemonUnderLoad, MB, pause, reportBytes, sizeOf } from './minimal/load-suite.ts';
import type { MinimalSpeaker } from './minimal/minimal-speaker.ts';
import { announcements, hostRoutes } from './minimal/update-stream.ts';

/** By hand: ENDLESS_MB=300 ENDLESS_PREFIXES=16000000, with --testTimeout 600000. */
const FLOOD_BYTES = sizeOf('ENDLESS_MB', 80) * MB;
const PASSING = sizeOf('ENDLESS_PREFIXES', 2_000_000);
const HOLD_TIME = 9;
/**
 * Bytes by which memory may still grow after a first quarter of the same: garbage that is not collected
 * yet, most of it what was read. In use is one read of 64 kB and the start of a message for each sender.
 */
const READ_GARBAGE = 40 * MB;
const GARBAGE = 18 * MB;

const start = daemonUnderLoad();

/** Resolves once a number stays the same for a while. */
async function atRest(number: () => number): Promise<void> {
  for (let before = -1, same = 0; same < 5; ) {
    await pause(50);
    same = number() === before ? same + 1 : 0;
    before = number();
  }
}

describe('senders that send without end', () => {
  const count = 10_000;
  const senders = 4;
  const turns = 8;
  const last = turns + 1;

  it('are slowed by TCP, and never buffered without bound', async () => {
    const daemon = await start(senders + 1);
    const sending: MinimalSpeaker[] = [];
    while (sending.length < senders) {
      sending.push(await daemon.connect({ holdTime: HOLD_TIME, prefixes: count }));
    }
    const reader = await daemon.connect({ holdTime: HOLD_TIME, prefixes: count });
    const roundOf = ({ settings }: MinimalSpeaker, round: number): Uint8Array =>
      announcements({ range: { first: 0, count }, as: settings.as, round, perMessage: 8 });
    const streams = sending.map((speaker) =>
      Buffer.concat(Array.from({ length: turns }, (_, index) => roundOf(speaker, index + 1))),
    );
    /** The same prefixes over and over, from all senders at once. */
    const flood = async (bytes: number): Promise<void> => {
      const each = sending.map(async (speaker, index) => {
        const stream = streams[index] ?? Buffer.alloc(0);
        for (let sent = 0; sent < bytes / senders; sent += stream.length) await speaker.send(stream);
      });
      await Promise.all(each);
    };
    await flood(FLOOD_BYTES / 4);
    const before = daemon.memory().peak;
    await flood((FLOOD_BYTES * 3) / 4);
    const { peak } = daemon.memory();
    reportBytes(`peak after the first quarter of ${FLOOD_BYTES / MB} MB`, before);
    reportBytes('peak after all of it', peak);
    expect(peak - before).toBeLessThan(READ_GARBAGE);
    // Back-pressure is what slowed them: most writes had to wait for `drain`.
    for (const { stalls, bytesTaken } of sending)
      expect(stalls).toBeGreaterThan(bytesTaken / (4 * SOCKET_BUFFER));

    const [first] = sending;
    if (!first) throw new Error('there is no sender');
    daemon.daemon.freeze();
    const taken = first.bytesTaken;
    const more = Buffer.concat(streams);
    const sent = first.send(more);
    await atRest(() => first.bytesTaken);
    const inKernel = first.bytesTaken - taken;
    reportBytes('taken by the kernel while the daemon stands still', inKernel);
    // A send and a receive buffer, and as much again for what was on its way when the daemon stopped.
    expect(inKernel).toBeLessThan(4 * SOCKET_BUFFER);
    expect(more.length).toBeGreaterThan(8 * SOCKET_BUFFER);
    daemon.daemon.thaw();
    await sent;

    await Promise.all(sending.map((speaker) => speaker.send(roundOf(speaker, last))));
    await reader.until('the last round', () => reader.table.ofRound[last] === count);
    const heard = daemon.speakers.map(({ keepalives }) => keepalives);
    const answered = daemon.speakers.map((peer, index) =>
      peer.until('a KEEPALIVE', () => peer.keepalives > (heard[index] ?? 0)),
    );
    await Promise.all(answered);
    expect(await daemon.lostSessions()).toEqual([]);
  });
});

describe('prefixes that come and go, never the same ones', () => {
  const batch = 20_000;
  const tableSize = 50_000;
  const few = 8;

  it('leave nothing behind, though one peer stopped reading and one never began', async () => {
    const daemon = await start(4);
    const options = { holdTime: 10 * HOLD_TIME, prefixes: tableSize };
    const sender = await daemon.connect(options);
    const reader = await daemon.connect(options);
    const stopped = await daemon.connect(options);
    const table = (round: number, count: number): Uint8Array =>
      announcements({ range: { first: 0, count }, as: sender.settings.as, round, perMessage: few });
    await sender.send(table(1, tableSize));
    for (const peer of [reader, stopped]) {
      await peer.until('the table', () => peer.table.ofRound[1] === tableSize);
    }
    stopped.stopReading();
    const deaf = await daemon.connect(options);
    deaf.stopReading();

    let address = 0x4000_0000;
    /** Ends when all that was sent has reached the reader: `round` marks it. */
    const passBy = async (prefixes: number, round: number): Promise<void> => {
      for (const end = address + prefixes; address < end; address += batch) {
        const { come, gone } = hostRoutes(address, batch, sender.settings.as);
        await sender.send(come);
        await sender.send(gone);
      }
      await sender.send(table(round, few));
      await reader.until('the mark', () => reader.table.ofRound[round] === few);
    };
    await passBy(PASSING / 4, 2);
    const before = await daemon.memoryAtRest();
    await passBy((PASSING * 3) / 4, 3);
    const after = await daemon.memoryAtRest();
    reportBytes(`kept after the first quarter of ${PASSING} prefixes that come and go`, before);
    reportBytes('kept after all of them', after);
    expect(after - before).toBeLessThan(GARBAGE);

    for (const peer of [stopped, deaf]) {
      expect(peer.table.ofRound[3]).toBe(0);
      peer.readAgain();
      await peer.until('the mark', () => peer.table.ofRound[3] === few);
      await peer.until('the table', () => peer.table.ofRound[1] === tableSize - few);
    }
    for (const peer of [reader, stopped, deaf]) {
      expect(peer.table.hosts.size).toBe(0);
      expect(peer.table.tags).toEqual(reader.table.tags);
    }
    expect(await daemon.lostSessions()).toEqual([]);
  });
});
