import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { systemClock } from '../bgp/session/clock.ts';
import { MessageFramer } from '../bgp/session/message-framer.ts';
import type {
  NegotiatedSession,
  PeerSettings,
  SessionEvents,
  SessionHandle,
} from '../bgp/session/session-events.ts';
import { Speaker } from '../bgp/speaker.ts';
import { type Family, IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../bgp/wire/family.ts';
import { type IpAddress, ipv4FromNumber } from '../net/address.ts';
import { warmUp } from '../src/daemon/warm-up/warm-up.ts';
import { internetRoutes, prefixRoutes } from './load/route-set.ts';
import { announcements, withdrawals } from './load/update-stream.ts';

/*
 * The engine without sockets: a stream of UPDATEs in reads of 64 kB through framing, RIB, decision and export to
 * other peers, which drop what they get. For profiles: node --cpu-prof out/build/bench/engine.js.
 *
 * ROUTES (default 1,000,000), FAMILY (ipv4, ipv6, evpn), RECEIVERS (default 1), ROUNDS (default 1; each in a speaker
 * of its own), FLAP=1: withdrawn and announced again.
 */

const ROUTES = Number(process.env.ROUTES ?? 1_000_000);
const FAMILY = process.env.FAMILY ?? 'ipv4';
const RECEIVERS = Number(process.env.RECEIVERS ?? 1);
const ROUNDS = Number(process.env.ROUNDS ?? 1);
/** Milliseconds from which a turn is shown by itself. */
const SHOWN_TURN = Number(process.env.SHOWN_TURN ?? Number.POSITIVE_INFINITY);
const READ_SIZE = 65_536;

/** A session whose bytes come from memory and go nowhere. */
class MemorySession implements SessionHandle {
  readonly settings: PeerSettings;
  readonly events: SessionEvents;
  readonly #framer: MessageFramer;
  readonly state = 'Established';
  readonly lastDown = undefined;
  readonly since = 0;
  readonly messagesIn = 0;
  readonly messagesOut = 0;
  readonly bufferedBytes = 0;
  readonly heldUntil = undefined;
  negotiated: NegotiatedSession | undefined;
  sentBytes = 0;

  constructor(settings: PeerSettings, events: SessionEvents) {
    this.settings = settings;
    this.events = events;
    this.#framer = new MessageFramer({
      message: (_, bytes, start, end) => {
        const error = events.update(bytes, start, end);
        if (error) throw new Error(error.message);
        return true;
      },
      invalidHeader: (error) => {
        throw new Error(error.message);
      },
    });
  }

  establish(): void {
    const { settings } = this;
    this.negotiated = {
      localAddress: ipv4FromNumber(0x0a620001),
      remoteAddress: settings.remoteAddress,
      peerType: 'ebgp',
      localAs: settings.localAs,
      remoteAs: settings.localAs + 1,
      remoteRouterId: 0x0a620002,
      holdTime: 90,
      keepaliveTime: 30,
      families: settings.families,
      fourOctetAs: true,
      extendedNextHop: false,
      routeRefresh: true,
      enhancedRouteRefresh: false,
      addPath: { receive: [], send: [] },
      maxMessageSize: 4096,
      active: true,
    };
    this.events.established(this.negotiated);
  }

  read(bytes: Uint8Array): void {
    this.#framer.push(bytes);
    this.events.readComplete(bytes.length);
  }

  send(bytes: Uint8Array): boolean {
    this.sentBytes += bytes.length;
    return true;
  }

  pauseReading(): void {}
  resumeReading(): void {}
  start(): void {}
  stop(): void {}
  leave(): void {}
  reset(): void {}
  clear(): void {}
  abandon(): void {}
}

function settings(index: number, family: Family): PeerSettings {
  const remoteAddress: IpAddress = ipv4FromNumber(0x0a620002 + index);
  return {
    name: `peer ${index}`,
    remoteAddress,
    remotePort: 179,
    localAs: 65_000,
    remoteAs: 'external',
    routerId: 0x0a620001,
    holdTime: 90,
    keepaliveTime: 30,
    connectRetryTime: 5,
    passive: true,
    families: [family],
    socket: {},
  };
}

const FAMILIES = { ipv4: IPV4_UNICAST, ipv6: IPV6_UNICAST, evpn: L2VPN_EVPN } as const;

function routes(): ReturnType<typeof internetRoutes> {
  if (FAMILY === 'evpn') return prefixRoutes({ vnis: 100, vteps: 100, routes: ROUTES / 10_000, as: 64_700 });
  return internetRoutes(FAMILY === 'ipv6' ? 'ipv6' : 'ipv4', ROUTES);
}

async function round(streams: readonly Uint8Array[]): Promise<void> {
  const family = FAMILIES[FAMILY as keyof typeof FAMILIES];
  const sessions: MemorySession[] = [];
  const pending: (() => void)[] = [];
  const speaker = new Speaker({
    clock: {
      now: () => performance.now(),
      wallTime: Date.now,
      setTimer: () => ({ cancel: () => {} }),
    },
    openSession: (one, events) => {
      const session = new MemorySession(one, events);
      sessions.push(session);
      return session;
    },
    defer: (callback) => pending.push(callback),
  });
  const instance = speaker.addInstance('default', [family], false);
  for (let index = 0; index <= RECEIVERS; index++) {
    speaker.addPeer({ settings: settings(index, family), instance, allowOwnAs: 0 });
  }
  for (const session of sessions) session.establish();
  const [sender, receiver] = sessions;
  let longest = 0;
  const turn = (work: () => void): void => {
    const start = performance.now();
    work();
    const took = performance.now() - start;
    if (took > SHOWN_TURN) process.stdout.write(`  a turn of ${took.toFixed(1)} ms\n`);
    longest = Math.max(longest, took);
  };
  const start = performance.now();
  const cpu = process.cpuUsage();
  for (const stream of streams) {
    for (let at = 0; at < stream.length; at += READ_SIZE) {
      turn(() => sender?.read(stream.subarray(at, at + READ_SIZE)));
      for (let work = pending.shift(); work; work = pending.shift()) turn(work);
    }
  }
  const used = process.cpuUsage(cpu);
  const memory = process.memoryUsage();
  process.stdout.write(
    `${((performance.now() - start) / 1000).toFixed(3)} s, CPU ${((used.user + used.system) / 1e6).toFixed(3)} s, ` +
      `longest turn ${longest.toFixed(1)} ms, sent ${((receiver?.sentBytes ?? 0) / 1e6).toFixed(1)} MB, ` +
      `RSS ${(memory.rss / 1e6).toFixed(0)} MB, buffers ${(memory.arrayBuffers / 1e6).toFixed(0)} MB\n`,
  );
}

/** As the daemon does after its start. */
async function practise(): Promise<void> {
  const cpu = process.cpuUsage();
  await warmUp({
    clock: systemClock,
    families: [FAMILIES[FAMILY as keyof typeof FAMILIES]],
    kernel: false,
    realWork: () => 0,
    isOver: () => false,
    pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  });
  const used = process.cpuUsage(cpu);
  process.stdout.write(`practised: CPU ${((used.user + used.system) / 1e6).toFixed(3)} s\n`);
}

/** The streams are made in a thread of their own, so that what is garbage of that is none of the engine's. */
function makeStreams(): Uint8Array[] {
  const set = routes();
  const announced = announcements(set, {
    as: 64_512,
    prepends: 1,
    nextHop: new Uint8Array(FAMILY === 'ipv6' ? 16 : 4).fill(32),
  });
  return process.env.FLAP === '1' ? [announced, withdrawals(set), announced] : [announced];
}

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  const [streams] = (await once(worker, 'message')) as [Uint8Array[]];
  await worker.terminate();
  if (process.env.WARM === '1') await practise();
  for (let index = 0; index < ROUNDS; index++) await round(streams);
} else {
  parentPort?.postMessage(makeStreams());
}
