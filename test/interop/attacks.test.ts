import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ByteWriter } from '../../net/byte-writer.ts';
import { keepalive, messageOf, openOf, type RawConnection } from './minimal/attacker.ts';
import { DaemonUnderLoad } from './minimal/daemon-under-load.ts';
import { MB, pause, reportBytes, sizeOf } from './minimal/load-suite.ts';
import type { MinimalSpeaker } from './minimal/minimal-speaker.ts';
import { announcements } from './minimal/update-stream.ts';
import { missingForNamespaces } from './network/requirements.ts';
import { waitFor } from './network/wait.ts';

/** Seconds of each attack; by hand a minute: ATTACK_SECONDS=60, with a longer --testTimeout. */
const SECONDS = sizeOf('ATTACK_SECONDS', 2);
/** The short hold time of the sessions that must not suffer. */
const HOLD_TIME = 3;
/** Growth of resident memory that an attack may cause: garbage of connections that were not collected yet. */
const MOST_GROWTH = 25 * MB;
const UPDATE = 2;
/** Number of the first neighbor that attacks, and how many there are. */
const FIRST_BAD = 2;
const ATTACKERS = 14;
/** Prefixes of those who are well, and those behind them that attacks are about. */
const GOOD = 1000;
const BAD_PREFIXES = 4;
/** First octet of the community of the latter: a round that nobody waits for. */
const BAD_ROUND = 200;
const STRANGER = '127.0.7.7';
const NOTHING = new Uint8Array(0);

const missing = missingForNamespaces();

/** The daemon, two neighbors that are well, and one for each attack. */
interface Lab {
  readonly daemon: DaemonUnderLoad;
  readonly sender: MinimalSpeaker;
  readonly receiver: MinimalSpeaker;
}

async function startLab(): Promise<Lab> {
  const daemon = await DaemonUnderLoad.start(FIRST_BAD + ATTACKERS);
  const sender = await daemon.connect({ holdTime: HOLD_TIME, prefixes: GOOD + BAD_PREFIXES });
  const receiver = await daemon.connect({ holdTime: HOLD_TIME, prefixes: GOOD + BAD_PREFIXES });
  // What the daemon compiles and practises after its start is no effect of an attack.
  await pause(2000);
  return { daemon, sender, receiver };
}

/** Routes go from the one to the other, all of this round. */
async function announce(sender: MinimalSpeaker, receiver: MinimalSpeaker, round: number): Promise<void> {
  const range = { first: 0, count: GOOD };
  await sender.send(announcements({ range, as: sender.settings.as, round, perMessage: 10 }));
  await receiver.until(`round ${round}`, () => receiver.table.ofRound[round] === GOOD);
}

let round = 0;

/** Runs an attack, and looks afterwards at memory, at the sessions of the others, and at routes between them. */
async function survives({ daemon, sender, receiver }: Lab, attack: () => Promise<unknown>): Promise<void> {
  const before = daemon.memory().peak;
  await attack();
  await announce(sender, receiver, ++round);
  expect(await daemon.lostSessions()).toEqual([]);
  const { peak } = daemon.memory();
  reportBytes('growth under attack', peak - before);
  expect(peak - before).toBeLessThan(MOST_GROWTH);
}

/** Repeats something until the seconds are over, `perSecond` times a second; gives how often. */
async function repeat(perSecond: number, action: () => Promise<unknown>): Promise<number> {
  const end = performance.now() + SECONDS * 1000;
  const begin = performance.now();
  let count = 0;
  while (performance.now() < end) {
    await action().catch(() => {});
    count++;
    const ahead = begin + (count * 1000) / perSecond - performance.now();
    if (ahead > 1) await pause(ahead);
  }
  return count;
}

/** A session with the daemon, established as a neighbor. */
async function establish(
  daemon: DaemonUnderLoad,
  neighbor: number,
  open = openOf(daemon.asOf(neighbor)),
): Promise<RawConnection> {
  const connection = await daemon.attack(neighbor);
  connection.send(open, keepalive());
  await waitFor(
    'Established',
    () => daemon.session(neighbor),
    ({ state }) => state === 'Established',
  );
  return connection;
}

describe('under attack, the others keep their sessions, routes go on, and memory stays bounded', () => {
  let lab: Lab;
  let attacker = FIRST_BAD - 1;
  beforeAll(async () => {
    if (missing === undefined) lab = await startLab();
  });
  beforeEach(({ onTestFailed, skip }) => {
    skip(missing !== undefined, missing);
    onTestFailed(() => {
      process.stderr.write(`${lab.daemon.daemon.log()}\n`);
    });
    attacker++;
  });
  afterAll(() => lab?.daemon.remove());

  it('connections that say nothing: only the last of a neighbor stays open', async () => {
    await survives(lab, async () => {
      const connections: RawConnection[] = [];
      for (let i = 0; i < 300; i++) connections.push(await lab.daemon.attack(attacker));
      await waitFor(
        'all but one closed',
        async () => connections.filter(({ closed }) => !closed).length,
        (open) => open <= 1,
      );
      for (const connection of connections) connection.destroy();
    });
  });

  it('an OPEN that comes octet by octet is waited for', async () => {
    await survives(lab, async () => {
      const connection = await lab.daemon.attack(attacker);
      for (const octet of openOf(lab.daemon.asOf(attacker))) {
        connection.send(Uint8Array.of(octet));
        await pause(20);
      }
      connection.send(keepalive());
      await waitFor(
        'Established',
        () => lab.daemon.session(attacker),
        ({ state }) => state === 'Established',
      );
      connection.destroy();
    });
  });

  it('strangers are told so, and counted', async () => {
    const before = await lab.daemon.daemon.refusedConnections();
    await survives(lab, async () => {
      const connection = await lab.daemon.attack(STRANGER);
      connection.send(openOf(65_999));
      await waitFor('closed', async () => connection.closed, Boolean);
      expect(connection.notification).toBe('6/5');
      expect(await lab.daemon.daemon.refusedConnections()).toBe(before + 1);
    });
  });

  it('a thousand connections a second from strangers are counted, and fill no log', async () => {
    const before = await lab.daemon.daemon.refusedConnections();
    await survives(lab, async () => {
      const count = await repeat(1000, async () => {
        const connection = await lab.daemon.attack(STRANGER);
        setTimeout(() => connection.destroy(), 50);
      });
      process.stdout.write(`attacks: ${Math.round(count / SECONDS)} connections a second\n`);
      expect(count).toBeGreaterThan(150 * SECONDS);
      await waitFor(
        'all counted',
        () => lab.daemon.daemon.refusedConnections(),
        (counted) => counted - before === count,
      );
      const lines = lab.daemon.daemon
        .log()
        .split('\n')
        .filter((line) => line.includes('refused a connection'));
      expect(lines.length).toBeLessThanOrEqual(10 * (1 + Math.ceil(SECONDS / 10)));
    });
  });

  it('NOTIFICATIONs again and again: the neighbor is held off', async () => {
    await survives(lab, async () => {
      const notification = messageOf(3, Uint8Array.of(6, 4));
      let opened = 0;
      await repeat(100, async () => {
        const connection = await lab.daemon.attack(attacker);
        connection.send(openOf(lab.daemon.asOf(attacker)), notification, notification, notification);
        await pause(5);
        if (connection.messages().some(({ type }) => type === 1)) opened++;
        connection.destroy();
      });
      const { lastError } = await lab.daemon.session(attacker);
      expect(lastError?.notification).toMatchObject({ direction: 'received', code: 6 });
      // After a few failures in a row it gets no OPEN any more, only a refusal.
      expect(opened).toBeLessThan(20 * SECONDS);
    });
  });

  it('an AS path without end is passed on as far as it fits', async () => {
    await survives(lab, async () => {
      const connection = await establish(lab.daemon, attacker);
      for (const [index, length] of [255, 500, 1000].entries()) {
        connection.send(update(lab.daemon.asOf(attacker), [0], { length, prefix: index }));
      }
      await waitFor(
        'routes',
        () => lab.daemon.session(attacker),
        ({ families }) => families[0]?.received === 3,
      );
      expect((await lab.daemon.session(attacker)).state).toBe('Established');
      connection.destroy();
    });
  });

  it('a message that is longer than agreed ends that session alone (RFC 4271 §6.1)', async () => {
    await survives(lab, async () => {
      const connection = await establish(lab.daemon, attacker);
      connection.send(messageOf(UPDATE, new Uint8Array(65_535 - 19)));
      await waitFor('closed', async () => connection.closed, Boolean);
      expect(connection.notification).toBe('1/2');
    });
  });

  it('messages of 65,535 octets are taken where that is agreed (RFC 8654)', async () => {
    await survives(lab, async () => {
      const as = lab.daemon.asOf(attacker);
      const capabilities = [
        { kind: 'multiprotocol', family: 0x0101 },
        { kind: 'four-octet-as', asn: as },
        { kind: 'extended-message' },
      ] as const;
      const connection = await establish(
        lab.daemon,
        attacker,
        openOf(as, { capabilities: [...capabilities] }),
      );
      const largest = largestUpdate(as);
      expect(largest.length).toBe(65_535);
      await repeat(200, async () => connection.send(largest));
      expect((await lab.daemon.session(attacker)).state).toBe('Established');
      connection.destroy();
    });
  });

  it('a path of two-octet AS numbers that takes twice the room costs its route alone', async () => {
    await survives(lab, async () => {
      const as = lab.daemon.asOf(attacker);
      const capabilities = [{ kind: 'multiprotocol', family: 0x0101 }, { kind: 'extended-message' }] as const;
      const connection = await establish(
        lab.daemon,
        attacker,
        openOf(as, { capabilities: [...capabilities] }),
      );
      connection.send(twoOctetPath(as, 125));
      const { updateErrors, state } = await waitFor(
        'the route is gone',
        () => lab.daemon.session(attacker),
        (session) => (session.updateErrors['treat-as-withdraw'] ?? 0) > 0,
      );
      expect([updateErrors, state]).toEqual([{ 'treat-as-withdraw': 1 }, 'Established']);
      connection.destroy();
    });
  });

  it('more families than there are in an OPEN are read (RFC 9072)', async () => {
    await survives(lab, async () => {
      const as = lab.daemon.asOf(attacker);
      const families = Array.from({ length: 600 }, (_, index) => ({
        kind: 'multiprotocol' as const,
        family: index === 0 ? 0x0101 : (7000 + index) * 256 + (index & 0xff),
      }));
      const connection = await establish(
        lab.daemon,
        attacker,
        openOf(as, { capabilities: [...families, { kind: 'four-octet-as', asn: as }] }),
      );
      expect((await lab.daemon.session(attacker)).families.map(({ family }) => family)).toEqual([
        'ipv4-unicast',
      ]);
      connection.destroy();
    });
  });

  it('a session that flaps is counted, and held off', async () => {
    await survives(lab, async () => {
      const as = lab.daemon.asOf(attacker);
      await repeat(2, async () => {
        const connection = await lab.daemon.attack(attacker);
        connection.send(openOf(as), keepalive(), update(as, [0], { length: 20 }));
        await pause(200);
        connection.destroy();
      });
      const session = await lab.daemon.session(attacker);
      expect(session.lost).toBeGreaterThan(0);
      await waitFor(
        'its routes are gone',
        () => lab.daemon.session(attacker),
        ({ families }) => families[0]?.received === 0,
      );
    });
  });

  it('errors in UPDATEs are counted by class, and shown', async () => {
    await survives(lab, async () => {
      const connection = await establish(lab.daemon, attacker);
      // ORIGIN with the value 9: RFC 7606 §7.1 has the routes withdrawn.
      const wrong = update(lab.daemon.asOf(attacker), [9]);
      for (let i = 0; i < 500; i++) connection.send(wrong);
      await waitFor(
        'errors',
        () => lab.daemon.session(attacker),
        ({ updateErrors }) => updateErrors['treat-as-withdraw'] === 500,
      );
      const lines = lab.daemon.daemon
        .log()
        .split('\n')
        .filter((line) => line.includes('error in an UPDATE') && !line.includes('octets of attributes'));
      expect(lines.length).toBeGreaterThan(0);
      expect(lines.length).toBeLessThanOrEqual(20);
      expect(lines[0]).toContain(`127.0.1.${attacker + 1}`);
      connection.destroy();
    });
  });

  it('65,535 paths of one prefix: some are held, and the others counted (RFC 7911 §8)', async () => {
    await survives(lab, async () => {
      const as = lab.daemon.asOf(attacker);
      const connection = await establish(
        lab.daemon,
        attacker,
        openOf(as, {
          capabilities: [
            { kind: 'multiprotocol', family: 0x0101 },
            { kind: 'four-octet-as', asn: as },
            { kind: 'add-path', families: [{ family: 0x0101, mode: 'send' }] },
          ],
        }),
      );
      const perMessage = 255;
      const messages = Array.from({ length: 257 }, (_, index) =>
        update(as, [0], { pathIds: { first: index * perMessage, count: perMessage } }),
      );
      connection.send(...messages);
      // Two messages are taken whole, and two paths of the third.
      await waitFor(
        'errors',
        () => lab.daemon.session(attacker),
        ({ updateErrors }) => updateErrors['treat-as-withdraw'] === 255,
      );
      const { state, families } = await lab.daemon.session(attacker);
      expect(state).toBe('Established');
      expect(families).toMatchObject([{ received: 512, addPath: 'receive' }]);
      await repeat(10, async () => connection.send(...messages));
      connection.destroy();
    });
  });
});

/** What an UPDATE of {@link update} has besides ORIGIN and a next hop. */
interface UpdateParts {
  /** Numbers in AS_PATH. */
  readonly length?: number;
  /** Of the {@link BAD_PREFIXES}. */
  readonly prefix?: number;
  /** Identifiers of paths, each of the one prefix (RFC 7911). */
  readonly pathIds?: { readonly first: number; readonly count: number };
  /** More attributes. */
  readonly rest?: Uint8Array;
  /** How often the route stands there. */
  readonly repeated?: number;
}

/** An UPDATE for one prefix. */
function update(
  as: number,
  origin: readonly number[],
  { length = 1, prefix = 0, repeated = 1, pathIds, rest = NOTHING }: UpdateParts = {},
): Uint8Array {
  const path = new ByteWriter();
  for (let left = length; left > 0; left -= 255) {
    const count = Math.min(255, left);
    path.u8(2).u8(count);
    for (let i = 0; i < count; i++) path.u32(as);
  }
  const asPath = path.take();
  const attributes = new ByteWriter()
    .raw(Uint8Array.of(0x40, 1, origin.length, ...origin))
    .raw(Uint8Array.of(0x50, 2))
    .u16(asPath.length)
    .raw(asPath)
    .raw(Uint8Array.of(0x40, 3, 4, 127, 0, 1, 3))
    .raw(Uint8Array.of(0xc0, 8, 4, BAD_ROUND, 0, 0, 0))
    .raw(rest)
    .take();
  const number = GOOD + prefix;
  const route = Uint8Array.of(24, 16, number >> 8, number & 0xff);
  const paths = new ByteWriter();
  for (let i = 0; i < (pathIds?.count ?? 0); i++) paths.u32((pathIds?.first ?? 0) + i).raw(route);
  const nlri = pathIds ? paths.take() : Buffer.concat(Array<Uint8Array>(repeated).fill(route));
  const body = new ByteWriter().u16(0).u16(attributes.length).raw(attributes).raw(nlri).take();
  return messageOf(UPDATE, body);
}

/** Filled with an unknown optional transitive attribute. */
function largestUpdate(as: number): Uint8Array {
  // The same route again and again, behind as many attributes as are kept of one.
  const repeated = 600;
  const room = 65_535 - update(as, [0], { repeated }).length - 4;
  const rest = new ByteWriter().u8(0xd0).u8(213).u16(room).raw(new Uint8Array(room)).take();
  return update(as, [0], { rest, repeated });
}

/** An UPDATE with so many full segments of the AS number in two octets. */
function twoOctetPath(as: number, segments: number): Uint8Array {
  const segment = new ByteWriter().u8(2).u8(255);
  for (let i = 0; i < 255; i++) segment.u16(as);
  const one = segment.take();
  const path = new ByteWriter();
  for (let i = 0; i < segments; i++) path.raw(one);
  const attributes = new ByteWriter()
    .raw(Uint8Array.of(0x40, 1, 1, 0, 0x50, 2))
    .u16(path.length)
    .raw(path.take())
    .raw(Uint8Array.of(0x40, 3, 4, 203, 0, 113, 1))
    .take();
  const body = new ByteWriter()
    .u16(0)
    .u16(attributes.length)
    .raw(attributes)
    .raw(Uint8Array.of(24, 10, 0, 0));
  return messageOf(UPDATE, body.take());
}
