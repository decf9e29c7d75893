import { internetRoutes, prefixRoutes, type RouteSet } from '../load/route-set.ts';
import { announcements, withdrawals } from '../load/update-stream.ts';
import { type Fixture, pause } from './fixture.ts';
import type { Measurement, Scenario } from './scenario.ts';

const NO_EVPN = { bird: 'no EVPN', bird3: 'no EVPN', openbgpd: 'no EVPN' } as const;

/** One peer sends a table, another receives it. */
function transit(name: string, text: string, makeRoutes: () => RouteSet, without = {}): Scenario {
  const family = name.startsWith('evpn') ? 'evpn' : name.startsWith('ipv6') ? 'ipv6' : 'ipv4';
  return {
    name,
    text,
    family,
    speakers: 2,
    without,
    async run(fixture) {
      const routes = makeRoutes();
      const sender = fixture.sender(0);
      const stream = announcements(routes, sender);
      const receiver = fixture.speaker(1);
      const measurement = await fixture.measure(async () => {
        await fixture.speaker(0).send(stream);
        await fixture.until([receiver], (one) => one.receiver.announced >= routes.count, name);
      });
      fixture.check(fixture.expectation(routes, sender), [receiver]);
      return measurement;
    },
  };
}

/** One peer sends, many receive. */
function fanout(receivers: number, count: number): Scenario {
  return {
    name: `fanout-${receivers}`,
    text: `one peer sends ${count.toLocaleString('en')} IPv4 routes, ${receivers} receive them`,
    family: 'ipv4',
    speakers: receivers + 1,
    async run(fixture) {
      const routes = internetRoutes('ipv4', count);
      const sender = fixture.sender(0);
      const stream = announcements(routes, sender);
      const others = fixture.speakers.slice(1);
      const measurement = await fixture.measure(async () => {
        await fixture.speaker(0).send(stream);
        await fixture.until(others, (one) => one.receiver.announced >= routes.count, 'fanout');
      });
      fixture.check(fixture.expectation(routes, sender), others);
      return measurement;
    },
  };
}

/** Many peers send the same routes, each with a shorter path than the one before; a last one receives. */
function fanin(senders: number, count: number): Scenario {
  return {
    name: `fanin-${senders}`,
    text: `${senders} peers send the same ${count.toLocaleString('en')} IPv4 routes, the best last; one receives`,
    family: 'ipv4',
    speakers: senders + 1,
    async run(fixture) {
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
    },
  };
}

/** All routes are withdrawn, and announced again once the receiver has forgotten them. */
function flap(count: number): Scenario {
  return {
    name: 'flap',
    text: `${count.toLocaleString('en')} IPv4 routes are withdrawn, and when they are gone announced again`,
    family: 'ipv4',
    speakers: 2,
    async run(fixture) {
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
    },
  };
}

const LATENCY_SAMPLES = 500;
const LATENCY_LEAST_SAMPLES = 100;
const LATENCY_SECONDS = 20;
const LATENCY_PAUSE = 3;

/** With a table loaded, routes change one at a time. */
function latency(count: number): Scenario {
  return {
    name: 'latency',
    text: `single updates while ${count.toLocaleString('en')} IPv4 routes are loaded`,
    family: 'ipv4',
    speakers: 2,
    async run(fixture) {
      const routes = internetRoutes('ipv4', count);
      const [from, to] = [fixture.speaker(0), fixture.speaker(1)];
      await from.send(announcements(routes, fixture.sender(0)));
      await fixture.until([to], ({ receiver }) => receiver.announced >= routes.count, 'latency: table');
      await fixture.rest();
      return { latencies: await singleUpdates(fixture, routes) };
    },
  };
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

/** Measures nothing but whether a daemon starts. */
export type Loads = readonly Scenario[];

function million(count: number): string {
  return count.toLocaleString('en');
}

/** The scenarios between BGP peers. */
export const LOADS: Loads = [
  transit('transit-200k', `${million(200_000)} IPv4 routes from one peer to another`, () =>
    internetRoutes('ipv4', 200_000),
  ),
  transit('transit-1m', `${million(1_000_000)} IPv4 routes from one peer to another`, () =>
    internetRoutes('ipv4', 1_000_000),
  ),
  transit('ipv6-200k', `${million(200_000)} IPv6 routes from one peer to another`, () =>
    internetRoutes('ipv6', 200_000),
  ),
  transit(
    'evpn5-100k',
    `${million(100_000)} EVPN Type 5 routes from one peer to another`,
    () => prefixRoutes({ vnis: 100, vteps: 20, routes: 50, as: 64_700 }),
    NO_EVPN,
  ),
  fanout(50, 100_000),
  fanin(8, 100_000),
  flap(200_000),
  latency(1_000_000),
];

/** What one round gives. */
export type { Measurement };
