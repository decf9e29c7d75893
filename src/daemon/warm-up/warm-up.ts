import type { Clock } from '../../../bgp/session/clock.ts';
import { Session } from '../../../bgp/session/session.ts';
import { Speaker } from '../../../bgp/speaker.ts';
import { CeaseSubcode } from '../../../bgp/wire/constants.ts';
import { type Family, IPV4_UNICAST, L2VPN_EVPN } from '../../../bgp/wire/family.ts';
import { ipv4FromNumber } from '../../../net/address.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';
import { LoopbackPractice } from './loopback-practice.ts';
import { type MemoryConnection, MemoryTransport } from './memory-connection.ts';
import { addPracticeKernel } from './practice-kernel.ts';
import {
  greeting,
  PRACTICE_AS,
  practicePeer,
  writeAnnouncement,
  writeWithdrawal,
} from './practice-messages.ts';
import { addPracticeVrf } from './practice-vrf.ts';

/*
 * V8 compiles a function well only after it has run for a while, so that the first tables of the first peers would be
 * handled several times slower than all that come later, and in longer turns of the event loop. So the daemon
 * practises: when it has started and has nothing to do, a speaker of its own, connected to nobody, handles made-up
 * routes, a few milliseconds at a time. Nothing of it is kept but what V8 has learned.
 */

/** What happens in the first ones V8 does not take into account yet, or too much. */
const ROUNDS = 8;
/** UPDATEs of each family in a round. */
const UPDATES = 300;
/** Octets that are handed in at once: messages end anywhere in them. */
const PIECE_SIZE = 2000;
/** Pieces between two turns of work. */
const PIECES_OF_A_READ = 3;
/** The peer in the VRF. */
const HOST_PEER = 4;
const FIRST_ADDRESS = 0x0a00_0001;

/** Milliseconds of practice between two looks at whether there is something real to do. */
const SLICE_TIME = 4;
/** The same for what goes over sockets, and so leaves room for other events by itself. */
const EXCHANGES_OF_A_SLICE = 40;
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
  /** Routes will go to the kernel. */
  readonly kernel: boolean;
  /** A number that changes whenever the real speaker has worked. */
  readonly realWork: () => number;
  /** True when the daemon ends. */
  readonly isOver: () => boolean;
  /** Resolves after some milliseconds; does not keep the process. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** Practises; resolves when that is done, or when there was so much real work that there is no need any more. */
export async function warmUp(options: WarmUpOptions): Promise<void> {
  const { clock, families } = options;
  const way = new WayForRealWork(options);
  if (!(await practiseTables(options, way))) return;
  const loopback = await LoopbackPractice.begin(clock, families);
  if (!loopback) return;
  try {
    while (await loopback.exchange(EXCHANGES_OF_A_SLICE)) if (!(await way.make())) return;
  } finally {
    await loopback.end();
  }
}

/** False when it was given up. */
async function practiseTables(options: WarmUpOptions, way: WayForRealWork): Promise<boolean> {
  const { clock } = options;
  const steps = new Practice(options).steps();
  for (let end = clock.now() + SLICE_TIME; steps.next().done !== true; ) {
    if (clock.now() < end) continue;
    if (!(await way.make())) {
      steps.return(undefined);
      return false;
    }
    end = clock.now() + SLICE_TIME;
  }
  return true;
}

/** Lets whatever is real go first. */
class WayForRealWork {
  readonly #options: WarmUpOptions;
  #seen: number;
  #busyPauses = 0;

  constructor(options: WarmUpOptions) {
    this.#options = options;
    this.#seen = options.realWork();
  }

  /** Waits until there is nothing real to do; false when practice has become needless: there was so often, or no more will be. */
  async make(): Promise<boolean> {
    const { realWork, isOver, pause } = this.#options;
    await pause(PAUSE_TIME);
    for (let work = realWork(); work !== this.#seen; work = realWork()) {
      this.#seen = work;
      if (++this.#busyPauses > MOST_BUSY_PAUSES) return false;
      await pause(BUSY_PAUSE_TIME);
    }
    return !isOver();
  }
}

/** What of a daemon is practised. */
type PracticeOptions = Pick<WarmUpOptions, 'clock' | 'families' | 'kernel'>;

/** Practice, made of rounds, each with a speaker of its own: tables grow, and peers come and go, several times. */
class Practice {
  readonly #options: PracticeOptions;
  /** All rounds are with the same ones. */
  readonly #streams: Streams[] = [];

  constructor(options: PracticeOptions) {
    this.#options = options;
  }

  /** Each step takes a millisecond at most, but for the first ones. */
  *steps(): Generator<void> {
    for (const family of this.#options.families) {
      this.#streams.push(streamsOf(family));
      yield;
    }
    for (let round = 0; round < ROUNDS; round++) {
      const practice = new PracticeRound(this.#options);
      try {
        for (const streams of this.#streams) yield* practice.exercise(streams);
        yield* practice.loseSessions();
      } finally {
        practice.stop();
      }
    }
  }
}

/** UPDATEs of one family, back to back. */
interface Streams {
  readonly family: Family;
  readonly announced: Uint8Array;
  /** The same routes, on a shorter path. */
  readonly better: Uint8Array;
  readonly withdrawn: Uint8Array;
}

function streamsOf(family: Family): Streams {
  return {
    family,
    announced: streamOf((writer, number) => writeAnnouncement(writer, family, number, PRACTICE_AS + 1, 2)),
    better: streamOf((writer, number) => writeAnnouncement(writer, family, number, PRACTICE_AS + 2, 1)),
    withdrawn: streamOf((writer, number) => writeWithdrawal(writer, family, number)),
  };
}

function streamOf(write: (writer: ByteWriter, number: number) => void): Uint8Array {
  const writer = new ByteWriter(4096);
  for (let number = 0; number < UPDATES; number++) write(writer, number);
  return writer.take();
}

/**
 * A speaker with peers that are not there: two that announce the same routes, one that is told, and where there is
 * EVPN one that is told what a VRF imports.
 */
class PracticeRound {
  readonly #turns: (() => void)[] = [];
  readonly #connections: readonly MemoryConnection[];
  readonly #speaker: Speaker;

  constructor({ clock, families, kernel }: PracticeOptions) {
    const transport = new MemoryTransport({ address: ipv4FromNumber(FIRST_ADDRESS), port: 179 });
    const environment = { transport, clock, random: () => 0.5 };
    // The machine's own clock, whose timers never get as far as to be due: code that has seen one kind stays fast.
    const speaker = new Speaker({
      clock,
      openSession: (settings, events) => new Session(settings, events, environment),
      defer: (turn) => this.#turns.push(turn),
    });
    this.#speaker = speaker;
    const instance = speaker.addInstance('practice', families, false);
    for (let peer = 1; peer <= 3; peer++) {
      speaker.addPeer({ settings: practicePeer(peer, families), instance, allowOwnAs: 0 });
    }
    if (families.includes(L2VPN_EVPN)) {
      const settings = practicePeer(HOST_PEER, [IPV4_UNICAST]);
      const vrf = addPracticeVrf(speaker, instance);
      if (kernel) addPracticeKernel(speaker, vrf, clock);
      speaker.addPeer({ settings, instance: vrf, allowOwnAs: 0 });
    }
    this.#connections = transport.complete();
    this.#connections.forEach((connection, index) => {
      const offered = index + 1 === HOST_PEER ? [IPV4_UNICAST] : families;
      connection.deliver(greeting(PRACTICE_AS + index + 1, FIRST_ADDRESS + index + 1, offered));
    });
  }

  /** Routes that come, are replaced by better ones, go, and come again. */
  *exercise({ family, announced, better, withdrawn }: Streams): Generator<void> {
    const [first, second] = this.#connections;
    if (!first || !second) return;
    yield* this.#read(first, announced);
    yield* this.#read(second, better);
    yield* this.#read(first, withdrawn);
    yield* this.#read(second, withdrawn);
    yield* this.#read(first, announced);
    if (family === IPV4_UNICAST) yield* this.#exerciseHost(announced, withdrawn);
  }

  /** Routes of a host that go out to the fabric, and are taken back. */
  *#exerciseHost(announced: Uint8Array, withdrawn: Uint8Array): Generator<void> {
    const host = this.#connections[HOST_PEER - 1];
    if (!host) return;
    yield* this.#read(host, announced);
    yield* this.#read(host, withdrawn);
  }

  /** Sessions that are lost, with all routes that they have brought. */
  *loseSessions(): Generator<void> {
    for (const connection of this.#connections) {
      connection.close();
      yield* this.#work();
    }
  }

  /** Leaves no timer behind. */
  stop(): void {
    for (const connection of this.#connections) connection.close();
    for (const peer of [...this.#speaker.peers])
      this.#speaker.removePeer(peer, CeaseSubcode.PEER_DECONFIGURED, '');
  }

  /** UPDATEs, cut where they happen to be when a piece of a read is full. */
  *#read(from: MemoryConnection, stream: Uint8Array): Generator<void> {
    for (let at = 0; at < stream.length; ) {
      for (let piece = 0; piece < PIECES_OF_A_READ && at < stream.length; piece++, at += PIECE_SIZE) {
        from.deliver(stream.subarray(at, at + PIECE_SIZE));
        yield;
      }
      yield* this.#work();
    }
  }

  *#work(): Generator<void> {
    for (let turn = this.#turns.shift(); turn; turn = this.#turns.shift()) {
      turn();
      yield;
    }
  }
}
