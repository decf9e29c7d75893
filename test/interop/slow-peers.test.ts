import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DaemonUnderLoad, SOCKET_BUFFER } from './minimal/daemon-under-load.ts';
import type { MinimalSpeaker } from './minimal/minimal-speaker.ts';
import { announcements, hostRoutes, type Round, tagOf, withdrawals } from './minimal/update-stream.ts';
import { missingForNamespaces } from './network/requirements.ts';

/** A million by hand: SLOW_PEERS_ROUTES=1000000 SLOW_PEERS_FLOOD_MB=300. */
const ROUTES = Number(process.env.SLOW_PEERS_ROUTES ?? 100_000);
const FLOOD_BYTES = Number(process.env.SLOW_PEERS_FLOOD_MB ?? 40) * 1e6;
const CHANGES = 10;
const PER_MESSAGE = 8;
const WITHDRAWN = ROUTES / 10;
/** The first round makes the table. */
const LAST_ROUND = CHANGES + 1;
/** Seconds; a peer that reads nothing is silent for longer than that but for its KEEPALIVEs. */
const SHORT_HOLD_TIME = 3;
const MB = 1e6;
/**
 * What a peer that reads nothing may cost: 1 MB that waits for it and the batch after which that was
 * noticed, 2 bytes a prefix of what it was told (4 while that grows), and what the heap of the daemon
 * differs by from run to run.
 */
const SLOW_PEER_BYTES = 8 * MB + 4 * ROUTES;

const missing = missingForNamespaces();
let lab: DaemonUnderLoad | undefined;

async function start(neighbors: number): Promise<DaemonUnderLoad> {
  lab = await DaemonUnderLoad.start(neighbors);
  return lab;
}

beforeEach(({ onTestFailed, skip }) => {
  skip(missing !== undefined, missing);
  onTestFailed(() => {
    process.stderr.write(`${lab?.daemon.log() ?? ''}\n`);
  });
});

afterEach(async () => {
  await lab?.remove();
  lab = undefined;
});

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A figure for people: `VmHWM 81.2 MB`. */
function report(what: string, kilobytes: number): void {
  process.stdout.write(`slow peers: ${what} ${((kilobytes * 1024) / MB).toFixed(1)} MB\n`);
}

function round(number: number, as: number, count = ROUTES): Round {
  return { range: { first: 0, count }, as, round: number, perMessage: PER_MESSAGE };
}

/** Compares route by route with what the last round left: all but the withdrawn ones, with its attributes. */
function expectFinalTable(peer: MinimalSpeaker, last: number, count = ROUTES, gone = WITHDRAWN): void {
  const wrong = peer.table.tags.findIndex((tag, prefix) => {
    const wanted = prefix < gone ? 0 : tagOf({ round: last, perMessage: PER_MESSAGE }, prefix);
    return tag !== (prefix < count ? wanted : 0);
  });
  const said = wrong < 0 ? 'no route differs' : `route ${wrong}: ${peer.table.tags[wrong]?.toString(16)}`;
  expect(said).toBe('no route differs');
}

function hasFinalTable({ table }: MinimalSpeaker, last: number, count = ROUTES, gone = WITHDRAWN): boolean {
  return table.ofRound[last] === count - gone && table.ofRound.every((have, of) => of === last || have === 0);
}

interface Run {
  /** kB. */
  readonly peak: number;
  readonly reader: MinimalSpeaker;
  readonly other: MinimalSpeaker;
}

/** A table, then all of it changed ten times, then a tenth of it withdrawn; `otherReads`: whether the second reader reads. */
async function changeEverything(otherReads: boolean): Promise<Run> {
  const daemon = await start(3);
  const sender = await daemon.connect({ holdTime: 90, prefixes: 0 });
  const reader = await daemon.connect({ holdTime: 90, prefixes: ROUTES });
  const other = await daemon.connect({ holdTime: SHORT_HOLD_TIME, prefixes: ROUTES });
  const readers = otherReads ? [reader, other] : [reader];
  for (let number = 1; number <= LAST_ROUND; number++) {
    await sender.send(announcements(round(number, sender.settings.as)));
    const told = number === 1 ? [reader, other] : readers;
    await Promise.all(
      told.map((peer) => peer.until(`round ${number}`, () => peer.table.ofRound[number] === ROUTES)),
    );
    if (number === 1 && !otherReads) other.stopReading();
  }
  await sender.send(withdrawals({ first: 0, count: WITHDRAWN }));
  await Promise.all(
    readers.map((peer) => peer.until('the final table', () => hasFinalTable(peer, LAST_ROUND))),
  );
  return { peak: daemon.memory().peak, reader, other };
}

describe(`${ROUTES} routes that change ${CHANGES} times`, () => {
  it('cost no more memory with a peer that stopped reading, hold nobody back, and reach it in the end', async () => {
    const all = await changeEverything(true);
    expectFinalTable(all.other, LAST_ROUND);
    await lab?.remove();

    const began = performance.now();
    const one = await changeEverything(false);
    expectFinalTable(one.reader, LAST_ROUND);
    const { table } = one.other;
    expect([table.ofRound[1], table.ofRound[LAST_ROUND]]).toEqual([ROUTES, 0]);
    report('peak with two peers that read', all.peak);
    report('peak with one that stopped', one.peak);
    expect(one.peak * 1024).toBeLessThan(all.peak * 1024 + SLOW_PEER_BYTES);

    // Its own KEEPALIVEs are all that keeps the session of a peer that reads nothing.
    await pause(SHORT_HOLD_TIME * 1500 - (performance.now() - began));
    expect(await lab?.lostSessions()).toEqual([]);
    one.other.readAgain();
    await one.other.until('the final table', () => hasFinalTable(one.other, LAST_ROUND));
    expectFinalTable(one.other, LAST_ROUND);
    const times = table.announced / ROUTES;
    process.stdout.write(
      `slow peers: it was told each route ${times.toFixed(1)} times, ${one.reader.table.announced / ROUTES} the reader\n`,
    );
    expect(times).toBeLessThan(CHANGES / 2);
    report('peak after it had read', lab?.memory().peak ?? 0);
    expect(await lab?.lostSessions()).toEqual([]);
  });
});
