import { parseAddress } from '../../net/address.ts';
import type { DaemonKind, Deviations, RunningDaemon } from '../daemons/daemon.ts';
import { type Expectation, RouteCheck } from '../load/check.ts';
import type { RouteSet } from '../load/route-set.ts';
import { Speaker, type SpeakerSettings } from '../load/speaker.ts';
import type { Sender } from '../load/update-stream.ts';
import { cpuSeconds, resetPeakMemory, residentMemory } from '../measure/process-usage.ts';
import { DAEMON_AS, daemonPlan, type Layout, type SpeakerPlan } from './layout.ts';
import type { Measurement, RoundPlace } from './scenario.ts';

/** GoBGP takes three minutes for some loads, on a quiet machine. */
const LONGEST_WAIT_SECONDS = 600;
/** A daemon is at rest when it has used less than 2 % of a CPU for this long. */
const REST_MILLISECONDS = 1000;
const REST_CPU_SECONDS = 0.02;
/** Time for sessions to come to rest after they were established, End-of-RIB included. */
const CALM_MILLISECONDS = 500;

const END_WATCH_MILLISECONDS = 100;
/** Connections that are opened at a time: some daemons have a short queue of those that they did not accept yet. */
const CONNECTING = 4;

/** A daemon with the speakers of one round, all sessions Established. */
export class Fixture {
  readonly daemon: RunningDaemon;
  readonly speakers: readonly Speaker[];
  readonly #deviations: Deviations;
  #lost: string | undefined;

  private constructor(daemon: RunningDaemon, speakers: readonly Speaker[], deviations: Deviations) {
    this.daemon = daemon;
    this.speakers = speakers;
    this.#deviations = deviations;
    speakers.forEach((speaker, index) => {
      speaker.onLost = (reason) => {
        this.#lost ??= `speaker ${index}: ${reason}`;
      };
    });
  }

  /** Starts a daemon and connects all speakers. */
  static async start(kind: DaemonKind, layout: Layout, place: RoundPlace): Promise<Fixture> {
    const deviations = (await kind.deviations?.()) ?? {};
    const daemon = kind.start(daemonPlan(layout, place));
    try {
      const speakers = await Promise.race([connectAll(layout), endOf(daemon)]);
      const fixture = new Fixture(daemon, speakers, deviations);
      await pause(CALM_MILLISECONDS);
      await fixture.rest();
      for (const { receiver } of fixture.speakers) receiver.clear();
      return fixture;
    } catch (error) {
      const log = daemon.log();
      await daemon.stop();
      throw new Error(`no session with ${kind.name}: ${log}`, { cause: error });
    }
  }

  speaker(index: number): Speaker {
    const speaker = this.speakers[index];
    if (!speaker) throw new RangeError(`there is no speaker ${index}`);
    return speaker;
  }

  /** Speaker `index` as the sender of routes; `prepends`: how often its AS stands in the path. */
  sender(index: number, prepends = 1): Sender {
    const { localAddress, as } = this.speaker(index).settings;
    return { as, prepends, nextHop: octets(localAddress) };
  }

  /** What others have to get of the routes that a speaker sent as `sender`. */
  expectation(set: RouteSet, sender: Sender): Expectation {
    return { set, sender, daemonAs: DAEMON_AS, deviations: this.#deviations };
  }

  /** Throws unless each of these speakers has got the routes. */
  check(expectation: Expectation, speakers: readonly Speaker[], present = true): void {
    const checks = new Map<string, RouteCheck>();
    for (const { receiver, settings } of speakers) {
      const nextHop = Buffer.from(octets(settings.remoteAddress)).toString('hex');
      const check = checks.get(nextHop) ?? new RouteCheck(expectation, nextHop);
      checks.set(nextHop, check);
      const complaint = check.complaint(receiver, present);
      if (complaint !== undefined) throw new Error(`speaker ${settings.localAddress}: ${complaint}`);
    }
  }

  /** Resolves when `done` holds; it is asked after each read of the speakers. */
  until(speakers: readonly Speaker[], done: (speaker: Speaker) => boolean, what: string): Promise<void> {
    const waiting = new Set(speakers.filter((speaker) => !done(speaker)));
    if (waiting.size === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const finish = (error?: Error): void => {
        clearInterval(watch);
        for (const { receiver } of speakers) receiver.onRead = () => {};
        if (error) reject(error);
        else resolve();
      };
      const deadline = performance.now() + LONGEST_WAIT_SECONDS * 1000;
      const watch = setInterval(() => {
        if (this.#lost !== undefined) finish(new Error(`${what}: ${this.#lost}\n${this.daemon.log()}`));
        else if (performance.now() > deadline) finish(new Error(`${what}: ${this.#progress(speakers)}`));
      }, 500);
      for (const speaker of waiting) {
        speaker.receiver.onRead = () => {
          if (done(speaker) && waiting.delete(speaker) && waiting.size === 0) finish();
        };
      }
    });
  }

  #progress(speakers: readonly Speaker[]): string {
    const seen = speakers.map(({ receiver }) => `${receiver.announced}-${receiver.withdrawn}`);
    return `not after ${LONGEST_WAIT_SECONDS} s, seen ${seen.slice(0, 10).join(' ')}`;
  }

  /** Time, CPU and memory of `work`, which resolves when all has arrived. */
  async measure(work: () => Promise<void>): Promise<Measurement> {
    const pids = this.daemon.pids();
    resetPeakMemory(pids);
    await this.daemon.longestTurn?.();
    const before = cpuSeconds(pids);
    const start = performance.now();
    await work();
    const seconds = (performance.now() - start) / 1000;
    await this.rest();
    const memory = residentMemory(pids);
    const longestTurn = await this.daemon.longestTurn?.();
    return {
      seconds,
      cpuSeconds: cpuSeconds(pids) - before,
      settledBytes: memory.now,
      peakBytes: memory.peak,
      ...(longestTurn !== undefined && { longestTurn }),
    };
  }

  /** Waits until the daemon has nothing left to do. */
  async rest(): Promise<void> {
    const pids = this.daemon.pids();
    for (let last = cpuSeconds(pids), rounds = 0; rounds < 60; rounds++) {
      await pause(REST_MILLISECONDS);
      const now = cpuSeconds(pids);
      if (now - last < REST_CPU_SECONDS) return;
      last = now;
    }
    throw new Error('the daemon does not come to rest');
  }

  async stop(): Promise<void> {
    for (const speaker of this.speakers) speaker.close();
    await this.daemon.stop();
  }
}

/** Opens all sessions, a few at a time, in the speakers' order. */
async function connectAll({ speakers, capacity }: Layout): Promise<Speaker[]> {
  const connected: Speaker[] = [];
  let next = 0;
  const connectRest = async (): Promise<void> => {
    while (next < speakers.length) {
      const index = next++;
      const plan = speakers[index];
      if (plan) connected[index] = await Speaker.establish(speakerSettings(plan, capacity));
    }
  };
  try {
    await Promise.all(Array.from({ length: CONNECTING }, connectRest));
  } catch (error) {
    for (const speaker of Object.values(connected)) speaker.close();
    throw error;
  }
  return connected;
}

/** Rejects when the daemon ends; never resolves. */
function endOf(daemon: RunningDaemon): Promise<never> {
  return new Promise((_, reject) => {
    const watch = setInterval(() => {
      if (daemon.running) return;
      clearInterval(watch);
      reject(new Error('the daemon ended'));
    }, END_WATCH_MILLISECONDS).unref();
  });
}

/** How a speaker of a layout connects. */
export function speakerSettings(plan: SpeakerPlan, capacity: number): SpeakerSettings {
  const { address, daemonAddress, as, routerId, families } = plan;
  return { localAddress: address, remoteAddress: daemonAddress, as, routerId, families, capacity };
}

/** Waits some milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function octets(text: string): Uint8Array {
  const address = parseAddress(text);
  if (!address) throw new TypeError(`${text} is no address`);
  return address.bytes;
}
