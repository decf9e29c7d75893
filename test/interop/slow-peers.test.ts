import { describe, expect, it } from 'vitest';
import { daemonUnderLoad, MB, pause, reportBytes, sizeOf } from './minimal/load-suite.ts';
import type { MinimalSpeaker } from './minimal/minimal-speaker.ts';
import { announcements, type Round, tagOf, withdrawals } from './minimal/update-stream.ts';

/** A million by hand: SLOW_PEERS_ROUTES=1000000, with --testTimeout 600000. */
const ROUTES = sizeOf('SLOW_PEERS_ROUTES', 100_000);
const CHANGES = 10;
/** Seconds; a peer that reads nothing is silent for longer than that but for its KEEPALIVEs. */
const SHORT_HOLD_TIME = 3;
const LONG_HOLD_TIME = 90;
/** What the memory of the daemon differs by from run to run, in bytes: garbage that was not collected yet. */
const HEAP_NOISE = 12 * MB;

const start = daemonUnderLoad();

/** What is sent in one test: a first round that makes the table, more of them, and withdrawals at the end. */
interface Course {
  readonly count: number;
  readonly perMessage: number;
  readonly lastRound: number;
}

function gone({ count }: Course): number {
  return count / 10;
}

function roundOf({ count, perMessage }: Course, round: number, { settings }: MinimalSpeaker): Round {
  return { range: { first: 0, count }, as: settings.as, round, perMessage };
}

/** 1 MB that waits and the batch after which that was noticed; 2 bytes a prefix of what was told, 4 while that grows. */
function costOfSlowPeer({ count }: Course): number {
  return 1.25 * MB + 4 * count;
}

/** Once, however many peers are slow: two journal entries of 4 bytes a prefix, three while the journal grows. */
function costOfLateJournal({ count }: Course): number {
  return 12 * count;
}

function hasRound({ table }: MinimalSpeaker, round: number, count: number): boolean {
  return table.ofRound[round] === count;
}

function hasFinalTable({ table }: MinimalSpeaker, course: Course): boolean {
  const { lastRound, count } = course;
  return table.ofRound.every((have, round) => have === (round === lastRound ? count - gone(course) : 0));
}

/** Compares route by route with what the last round left: all but the withdrawn ones, with its attributes. */
function expectFinalTable({ table }: MinimalSpeaker, course: Course): void {
  const { lastRound: round, perMessage, count } = course;
  expect(table.tags).toHaveLength(count);
  const wanted = (prefix: number): number =>
    prefix < gone(course) ? 0 : tagOf({ round, perMessage }, prefix);
  const wrong = table.tags.findIndex((tag, prefix) => tag !== wanted(prefix));
  const said = wrong < 0 ? 'no route differs' : `route ${wrong}: ${table.tags[wrong]?.toString(16)}`;
  expect(said).toBe('no route differs');
}

/** Sends one round and waits until all of it has reached the readers. */
async function change(
  course: Course,
  round: number,
  sender: MinimalSpeaker,
  readers: readonly MinimalSpeaker[],
) {
  await sender.send(announcements(roundOf(course, round, sender)));
  await Promise.all(
    readers.map((peer) => peer.until(`round ${round}`, () => hasRound(peer, round, course.count))),
  );
}

describe(`${ROUTES} routes that change ${CHANGES} times`, () => {
  const course: Course = { count: ROUTES, perMessage: 2, lastRound: CHANGES + 1 };

  /** `otherReads`: whether the second of the readers goes on reading once it has the table. */
  async function run(otherReads: boolean) {
    const daemon = await start(3);
    const sender = await daemon.connect({ holdTime: LONG_HOLD_TIME, prefixes: 0 });
    const reader = await daemon.connect({ holdTime: LONG_HOLD_TIME, prefixes: ROUTES });
    const other = await daemon.connect({ holdTime: SHORT_HOLD_TIME, prefixes: ROUTES });
    await change(course, 1, sender, [reader, other]);
    const stoppedAt = performance.now();
    if (!otherReads) other.stopReading();
    const readers = otherReads ? [reader, other] : [reader];
    for (let round = 2; round <= course.lastRound; round++) await change(course, round, sender, readers);
    await sender.send(withdrawals({ first: 0, count: gone(course) }));
    const finals = readers.map((peer) => peer.until('the final table', () => hasFinalTable(peer, course)));
    await Promise.all(finals);
    return { daemon, reader, other, stoppedAt, kept: await daemon.memoryAtRest() };
  }

  it('cost no more memory with a peer that stopped reading, hold nobody back, and reach it in the end', async () => {
    const all = await run(true);
    expectFinalTable(all.other, course);

    const one = await run(false);
    expectFinalTable(one.reader, course);
    // The reader has everything, and the one that stopped has what it read before.
    const { table } = one.other;
    expect([table.ofRound[1], table.ofRound[course.lastRound]]).toEqual([ROUTES, 0]);
    reportBytes('kept with two peers that read', all.kept);
    reportBytes('kept with one that stopped', one.kept);
    expect(one.kept).toBeLessThan(all.kept + costOfSlowPeer(course) + costOfLateJournal(course) + HEAP_NOISE);

    // Its own KEEPALIVEs are all that keeps the session of a peer that reads nothing.
    await pause(SHORT_HOLD_TIME * 1300 - (performance.now() - one.stoppedAt));
    expect(await one.daemon.lostSessions()).toEqual([]);
    one.other.readAgain();
    await one.other.until('the final table', () => hasFinalTable(one.other, course));
    expectFinalTable(one.other, course);
    expect(one.reader.table.announced).toBeGreaterThanOrEqual(course.lastRound * ROUTES);
    expect(table.announced).toBeLessThan((CHANGES / 2) * ROUTES);
    const times = (table.announced / ROUTES).toFixed(1);
    process.stdout.write(
      `slow peers: it was told each route ${times} times, the reader ${course.lastRound}\n`,
    );
    reportBytes('peak after it had read', one.daemon.memory().peak);
    expect(await one.daemon.lostSessions()).toEqual([]);
  });
});

describe('20 peers that stop reading at different times', () => {
  const slowPeers = 20;
  const warmUp = 3;
  // A message for each route: what a peer is not told is many times what may wait for it.
  const course: Course = { count: ROUTES / 4, perMessage: 1, lastRound: warmUp + CHANGES };

  /**
   * Against the same daemon a little earlier; bytes, more with a larger table. The noise is that of two runs,
   * for what its practice left has gone back to the kernel by then: what is used anew all counts.
   */
  const GARBAGE_OF_WARM_DAEMON = HEAP_NOISE + 40 * course.count;

  it('cost a bounded amount each, and get the final state', async () => {
    const { count, lastRound } = course;
    const daemon = await start(slowPeers + 2);
    const sender = await daemon.connect({ holdTime: LONG_HOLD_TIME, prefixes: 0 });
    const reader = await daemon.connect({ holdTime: LONG_HOLD_TIME, prefixes: count });
    const slow: MinimalSpeaker[] = [];
    while (slow.length < slowPeers) {
      slow.push(await daemon.connect({ holdTime: LONG_HOLD_TIME, prefixes: count }));
    }
    for (let round = 1; round <= warmUp; round++) await change(course, round, sender, [reader, ...slow]);
    const before = daemon.memory().peak;
    const bytesOfRound = reader.bytesRead / warmUp;

    const stopped = slow.map(async (peer, index) => {
      const round = warmUp + 1 + (index >> 1);
      const part = (index % 2 === 0 ? 0.3 : 0.7) * count;
      await peer.until('its time to stop', () => (peer.table.ofRound[round] ?? 0) >= part);
      peer.stopReading();
    });
    for (let round = warmUp + 1; round <= lastRound; round++) await change(course, round, sender, [reader]);
    await Promise.all(stopped);
    await sender.send(withdrawals({ first: 0, count: gone(course) }));
    await reader.until('the final table', () => hasFinalTable(reader, course));
    expect(slow.filter((peer) => hasFinalTable(peer, course))).toEqual([]);
    const { peak } = daemon.memory();
    reportBytes('peak before 20 peers stopped', before);
    reportBytes('peak after', peak);
    reportBytes('would have waited for all of them', bytesOfRound * slowPeers * (CHANGES / 2));
    expect(peak - before).toBeLessThan(
      slowPeers * costOfSlowPeer(course) + costOfLateJournal(course) + GARBAGE_OF_WARM_DAEMON,
    );

    for (const peer of slow) peer.readAgain();
    for (const peer of slow) {
      await peer.until('the final table', () => hasFinalTable(peer, course));
      expectFinalTable(peer, course);
    }
    reportBytes('peak after all had read', daemon.memory().peak);
    expect(await daemon.lostSessions()).toEqual([]);
  });
});

describe('a peer that sends most of what changes, and reads nothing', () => {
  const ROUNDS = 320;
  const MOST = 2000;
  const FEW = 40;

  it('keeps only what is for it', async () => {
    const daemon = await start(3);
    const prefixes = MOST + FEW;
    const sender = await daemon.connect({ holdTime: LONG_HOLD_TIME, prefixes });
    const other = await daemon.connect({ holdTime: LONG_HOLD_TIME, prefixes });
    const reader = await daemon.connect({ holdTime: LONG_HOLD_TIME, prefixes });
    const rounds = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n++) {
        const round = 1 + (n % 250);
        const most = { range: { first: 0, count: MOST }, as: sender.settings.as, round, perMessage: 1 };
        const few = { range: { first: MOST, count: FEW }, as: other.settings.as, round, perMessage: 1 };
        await Promise.all([sender.send(announcements(most)), other.send(announcements(few))]);
        await reader.until(`round ${round}`, () => hasRound(reader, round, prefixes));
      }
    };
    await rounds(50);
    const before = daemon.memory().peak;
    sender.stopReading();
    await rounds(ROUNDS);
    const { peak } = daemon.memory();
    reportBytes('peak before the sender stopped reading', before);
    reportBytes('peak after', peak);
    expect(peak - before).toBeLessThan(
      costOfSlowPeer({ count: prefixes, perMessage: 1, lastRound: 0 }) + HEAP_NOISE,
    );
    expect(hasRound(sender, 1 + ((ROUNDS - 1) % 250), FEW)).toBe(false);
    sender.readAgain();
    await sender.until('the last round', () => hasRound(sender, 1 + ((ROUNDS - 1) % 250), FEW));
    expect(await daemon.lostSessions()).toEqual([]);
  });
});
