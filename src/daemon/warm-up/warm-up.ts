import type { Clock } from '../../../bgp/session/clock.ts';
import { Session } from '../../../bgp/session/session.ts';
import type { PeerSettings } from '../../../bgp/session/session-events.ts';
import { Speaker } from '../../../bgp/speaker.ts';
import type { Family } from '../../../bgp/wire/family.ts';
import { ipv4FromNumber } from '../../../net/address.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';
import { type MemoryConnection, MemoryTransport } from './memory-connection.ts';
import { greeting, writeAnnouncement, writeWithdrawal } from './practice-messages.ts';

/*
 * V8 compiles a function well only after it has run for a while, so that the first tables of the first peers would be
 * handled several times slower than all that come later, and in longer turns of the event loop. So the daemon
 * practises: when it has started and has nothing to do, a speaker of its own, connected to nobody, handles made-up
 * routes, a few milliseconds at a time. Nothing of it is kept but what V8 has learned.
 */

/** UPDATEs of each family that are announced by two peers, and withdrawn again. */
const UPDATES = 1000;
const UPDATES_PER_READ = 32;
const OWN_AS = 64_512;
const FIRST_ADDRESS = 0x0a00_0001;
const HOLD_TIME = 180;

/** Milliseconds of practice between two looks at whether there is something real to do. */
const SLICE_TIME = 4;
/** Milliseconds in which other events have their turn. */
const PAUSE_TIME = 1;
/** Milliseconds until it is tried again when there was something real to do. */
const BUSY_PAUSE_TIME = 100;
/** Real work that was met so often has been practice enough. */
const MOST_BUSY_PAUSES = 50;

/** What {@link warmUp} is given. */
export interface WarmUpOptions {
  readonly clock: Clock;
  /** The families that will be needed. */
  readonly families: readonly Family[];
  /** A number that changes whenever the real speaker has worked. */
  readonly realWork: () => number;
  /** Resolves after some milliseconds; does not keep the process. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** Practises; resolves when that is done, or when there was so much real work that there is no need any more. */
export async function warmUp({ clock, families, realWork, pause }: WarmUpOptions): Promise<void> {
  const practice = new Practice(clock, families);
  const steps = practice.steps();
  let seen = realWork();
  let busyPauses = 0;
  for (let end = clock.now() + SLICE_TIME; steps.next().done !== true; ) {
    if (clock.now() < end) continue;
    await pause(PAUSE_TIME);
    for (let work = realWork(); work !== seen; work = realWork()) {
      seen = work;
      if (++busyPauses > MOST_BUSY_PAUSES) return;
      await pause(BUSY_PAUSE_TIME);
    }
    end = clock.now() + SLICE_TIME;
  }
}

/** A speaker with three peers that are not there: two that announce the same routes, and one that is told. */
class Practice {
  readonly #turns: (() => void)[] = [];
  readonly #families: readonly Family[];
  readonly #connections: readonly MemoryConnection[];
  readonly #writer = new ByteWriter(16_384);

  constructor(clock: Clock, families: readonly Family[]) {
    this.#families = families;
    const transport = new MemoryTransport({ address: ipv4FromNumber(FIRST_ADDRESS), port: 179 });
    const environment = { transport, clock: timeless(clock), random: () => 0.5 };
    const speaker = new Speaker({
      clock,
      openSession: (settings, events) => new Session(settings, events, environment),
      defer: (turn) => this.#turns.push(turn),
    });
    const instance = speaker.addInstance('practice', families, false);
    for (let peer = 1; peer <= 3; peer++) {
      speaker.addPeer({ settings: settingsOf(peer, families), instance, allowOwnAs: 0 });
    }
    this.#connections = transport.complete();
    this.#connections.forEach((connection, index) => {
      connection.deliver(greeting(OWN_AS + index + 1, FIRST_ADDRESS + index + 1, families));
    });
  }

  /** Each step takes a millisecond at most, but for the first ones. */
  *steps(): Generator<void> {
    const [first, second] = this.#connections;
    if (!first || !second) return;
    for (const family of this.#families) {
      yield* this.#reads(first, (writer, number) => writeAnnouncement(writer, family, number, OWN_AS + 1, 2));
      yield* this.#reads(second, (writer, number) =>
        writeAnnouncement(writer, family, number, OWN_AS + 2, 1),
      );
      for (const peer of [first, second]) {
        yield* this.#reads(peer, (writer, number) => writeWithdrawal(writer, family, number));
      }
    }
  }

  *#reads(from: MemoryConnection, write: (writer: ByteWriter, number: number) => void): Generator<void> {
    for (let number = 0; number < UPDATES; ) {
      this.#writer.reset();
      for (const end = Math.min(UPDATES, number + UPDATES_PER_READ); number < end; number++) {
        write(this.#writer, number);
      }
      from.deliver(this.#writer.bytes());
      yield;
      for (let turn = this.#turns.shift(); turn; turn = this.#turns.shift()) {
        turn();
        yield;
      }
    }
  }
}

/** Nothing ever falls due. */
function timeless(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    setTimer: () => ({ cancel: () => {} }),
  };
}

function settingsOf(peer: number, families: readonly Family[]): PeerSettings {
  return {
    name: `practice ${peer}`,
    remoteAddress: ipv4FromNumber(FIRST_ADDRESS + peer),
    remotePort: 179,
    localAs: OWN_AS,
    remoteAs: OWN_AS + peer,
    routerId: FIRST_ADDRESS,
    holdTime: HOLD_TIME,
    keepaliveTime: HOLD_TIME / 3,
    connectRetryTime: 5,
    passive: false,
    families,
    socket: {},
  };
}
