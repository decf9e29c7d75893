import type { FamilyWord } from '../daemons/daemon.ts';
import { internetRoutes, prefixRoutes, type RouteSet } from '../load/route-set.ts';
import { announcements, withdrawals } from '../load/update-stream.ts';
import { Fixture, pause } from './fixture.ts';
import { peersLayout } from './layout.ts';
import type { Measurement, Scenario } from './scenario.ts';

/** Why these have no EVPN scenarios. */
const NO_EVPN = { bird: 'no EVPN', bird3: 'no EVPN', openbgpd: 'no EVPN on Linux' } as const;

/** Number of routes, for people. */
export function thousands(count: number): string {
  return count.toLocaleString('en');
}

/** A scenario that starts when all sessions stand. */
export function load(
  scenario: Pick<Scenario, 'name' | 'text' | 'without' | 'layout'>,
  run: (fixture: Fixture) => Promise<Measurement>,
): Scenario {
  return {
    ...scenario,
    async measure(kind, place) {
      const fixture = await Fixture.start(kind, scenario.layout, place);
      try {
        return await run(fixture);
      } finally {
        await fixture.stop();
      }
    },
  };
}

/** One peer sends a table, another receives it. */
export function transit(name: string, family: FamilyWord, count: number): Scenario {
  const kinds = { ipv4: 'IPv4', ipv6: 'IPv6', evpn: 'EVPN Type 5' };
  const scenario = {
    name,
    text: `${thousands(count)} ${kinds[family]} routes from one peer to another`,
    ...(family === 'evpn' && { without: NO_EVPN }),
    layout: peersLayout(2, family, capacityFor(count)),
  };
  return load(scenario, async (fixture) => {
    const routes = family === 'evpn' ? fabricRoutes(count) : internetRoutes(family, count);
    const sender = fixture.sender(0);
    const stream = announcements(routes, sender);
    const receiver = fixture.speaker(1);
    const measurement = await fixture.measure(async () => {
      await fixture.speaker(0).send(stream);
      await fixture.until([receiver], (one) => one.receiver.announced >= routes.count, name);
    });
    fixture.check(fixture.expectation(routes, sender), [receiver]);
    return measurement;
  });
}

/** Octets that a table of this many routes may take on the wire, badly packed: several times of what is usual. */
function capacityFor(count: number): number {
  return 16 * 1024 * 1024 + count * 192;
}

/** 100 VNIs with 100 tunnel endpoints each. */
function fabricRoutes(count: number): RouteSet {
  return prefixRoutes({ vnis: 100, vteps: 100, routes: count / 10_000, as: 64_700 });
}

/** One peer sends, many receive. */
export function fanout(name: string, receivers: number, count: number): Scenario {
  const scenario = {
    name,
    text: `one peer sends ${thousands(count)} IPv4 routes, ${thousands(receivers)} receive them`,
    layout: peersLayout(receivers + 1, 'ipv4', capacityFor(count)),
  };
  return load(scenario, async (fixture) => {
    const routes = internetRoutes('ipv4', count);
    const sender = fixture.sender(0);
    const stream = announcements(routes, sender);
    const others = fixture.speakers.slice(1);
    const measurement = await fixture.measure(async () => {
      await fixture.speaker(0).send(stream);
      await fixture.until(others, (one) => one.receiver.announced >= routes.count, name);
    });
    fixture.check(fixture.expectation(routes, sender), others);
    return measurement;
  });
}

/** Many peers send the same routes, each with a shorter path than the one before; a last one receives. */
function fanin(senders: number, count: number): Scenario {
  const scenario = {
    name: `fanin-${senders}`,
    text: `${senders} peers send the same ${thousands(count)} IPv4 routes, the best last; one receives`,
    layout: peersLayout(senders + 1, 'ipv4', capacityFor(senders * count)),
  };
  return load(scenario, async (fixture) => {
    const routes = internetRoutes('ipv4', count);
    const all = Array.from({ length: senders }, (_, index) => fixture.sender(index, senders - index));
    const streams = all.map((sender) => announcements(routes, sender));
    const best = all[senders - 1];
    const receiver = fixture.speaker(senders);
    if (!best) throw new RangeError('fanin needs a sender');
    receiver.receiver.countedAs = best.as;
    const measurement = await fixture.measure(async () => {
      for (const [index, stream] of streams.entries()) await fixture.speaker(index).send(stream);
      await fixture.until([receiver], (one) => one.receiver.announced >= routes.count, 'fanin');
    });
    fixture.check(fixture.expectation(routes, best), [receiver]);
    return measurement;
  });
}

/** All routes are withdrawn, and announced again once the receiver has forgotten them. */
function flap(count: number): Scenario {
  const scenario = {
    name: 'flap',
    text: `${thousands(count)} IPv4 routes are withdrawn, and when they are gone announced again`,
    layout: peersLayout(2, 'ipv4', capacityFor(2 * count)),
  };
  return load(scenario, async (fixture) => {
    const routes = internetRoutes('ipv4', count);
    const sender = fixture.sender(0);
    const [from, to] = [fixture.speaker(0), fixture.speaker(1)];
    const announced = announcements(routes, sender);
    const withdrawn = withdrawals(routes);
    await from.send(announced);
    await fixture.until([to], ({ receiver }) => receiver.announced >= routes.count, 'flap: first table');
    await fixture.rest();
    to.receiver.clear();
    const measurement = await fixture.measure(async () => {
      await from.send(withdrawn);
      await fixture.until([to], ({ receiver }) => receiver.withdrawn >= routes.count, 'flap: withdrawal');
      await from.send(announced);
      await fixture.until([to], ({ receiver }) => receiver.announced >= routes.count, 'flap: again');
    });
    fixture.check(fixture.expectation(routes, sender), [to]);
    return measurement;
  });
}

const LATENCY_SAMPLES = 500;
const LATENCY_LEAST_SAMPLES = 100;
const LATENCY_SECONDS = 20;
const LATENCY_PAUSE = 3;

/** With a table loaded, routes change one at a time. */
function latency(count: number): Scenario {
  const scenario = {
    name: 'latency',
    text: `single updates while ${thousands(count)} IPv4 routes are loaded`,
    // What watches the event loop would be awake every other millisecond.
    layout: { ...peersLayout(2, 'ipv4', capacityFor(count)), unwatched: true },
  };
  return load(scenario, async (fixture) => {
    const routes = internetRoutes('ipv4', count);
    const [from, to] = [fixture.speaker(0), fixture.speaker(1)];
    await from.send(announcements(routes, fixture.sender(0)));
    await fixture.until([to], ({ receiver }) => receiver.announced >= routes.count, 'latency: table');
    await fixture.rest();
    return { latencies: await singleUpdates(fixture, routes) };
  });
}

/** Milliseconds from the write of one route, with a longer path than before, until it comes out. */
async function singleUpdates(fixture: Fixture, routes: RouteSet): Promise<number[]> {
  const [from, to] = [fixture.speaker(0), fixture.speaker(1)];
  const longer = fixture.sender(0, 2);
  const latencies: number[] = [];
  const end = performance.now() + LATENCY_SECONDS * 1000;
  const step = Math.floor(routes.count / LATENCY_SAMPLES);
  for (let sample = 0; sample < LATENCY_SAMPLES; sample++) {
    if (performance.now() > end && sample >= LATENCY_LEAST_SAMPLES) break;
    const route = sample * step;
    const message = announcements(routes, longer, route, route + 1);
    to.receiver.clear();
    await pause(LATENCY_PAUSE);
    const start = performance.now();
    const arrived = fixture.until([to], ({ receiver }) => receiver.announced > 0, `route ${route}`);
    void from.send(message);
    await arrived;
    latencies.push(performance.now() - start);
    const nlri = routes.nlri.subarray(routes.nlriStart[route], routes.nlriStart[route + 1]);
    if (!to.receiver.bytes.includes(Buffer.from(nlri))) throw new Error(`another route than ${route} came`);
  }
  return latencies;
}

/** The scenarios between BGP peers that stand in the table. */
export const LOADS: readonly Scenario[] = [
  transit('transit-200k', 'ipv4', 200_000),
  transit('transit-1m', 'ipv4', 1_000_000),
  transit('ipv6-200k', 'ipv6', 200_000),
  transit('evpn5-100k', 'evpn', 100_000),
  fanout('fanout-50', 50, 100_000),
  fanin(8, 100_000),
  flap(200_000),
  latency(1_000_000),
];
