import { type Arrival, CheckSpeaker } from './check-speaker.ts';
import type { FamilyWord, Neighbor } from './daemon.ts';

/*
 * The neighbors' side of check.ts, in their namespace: all neighbors connect, the first announces routes, all
 * others have to hear them. Argument: an Exchange as JSON. Prints an ExchangeResult as JSON.
 */

/** What is to be done. */
export interface Exchange {
  readonly daemon: string;
  readonly family: FamilyWord;
  readonly neighbors: readonly Neighbor[];
}

/** What was seen. */
export interface ExchangeResult {
  /** Milliseconds until all sessions were Established. */
  readonly established: number;
  /** Routes that came, at the neighbor that heard the fewest. */
  readonly routes: number;
  /** Milliseconds until the last neighbor had them all. */
  readonly milliseconds: number;
  /** Milliseconds for a single route, of several one after the other. */
  readonly single: readonly number[];
  /** The first route as the second neighbor heard it. */
  readonly example: Arrival | undefined;
  /** Why sessions ended. */
  readonly failures: readonly string[];
}

const ROUTES = 10;
const SINGLE_ROUTES = 7;
const LONGEST_SECONDS = 20;
const ESTABLISH_SECONDS = 60;
/** BIRD and OpenBGPD keep fewer than ten connections waiting; TCP tries those beyond after a second and more. */
const AT_ONCE = 4;
/** What daemons do after a session was established should be over. */
const SETTLE_MILLISECONDS = 2500;
const PAUSE_MILLISECONDS = 400;

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Announces routes and waits until all listeners have them; gives milliseconds. */
async function passOn(
  sender: CheckSpeaker,
  listeners: readonly CheckSpeaker[],
  numbers: readonly number[],
  path: readonly number[],
): Promise<number> {
  const begin = performance.now();
  const keys = sender.announce(numbers, path);
  const complete = listeners.map(
    (listener) =>
      new Promise<void>((resolve) => {
        listener.onRoutes = () => {
          if (keys.every((key) => listener.arrived.has(key))) resolve();
        };
      }),
  );
  await Promise.race([Promise.all(complete), wait(LONGEST_SECONDS * 1000)]);
  return performance.now() - begin;
}

/** Has all neighbors connect, a few at a time. */
async function establish({ daemon, family, neighbors }: Exchange): Promise<CheckSpeaker[]> {
  const speakers: CheckSpeaker[] = [];
  const deadline = wait(ESTABLISH_SECONDS * 1000);
  for (let at = 0; at < neighbors.length; at += AT_ONCE) {
    const some = neighbors
      .slice(at, at + AT_ONCE)
      .map((neighbor) => new CheckSpeaker(neighbor, daemon, family));
    speakers.push(...some);
    await Promise.race([Promise.all(some.map(({ established }) => established)), deadline]);
  }
  return speakers;
}

async function exchange(plan: Exchange): Promise<ExchangeResult> {
  const { neighbors } = plan;
  const begin = performance.now();
  const speakers = await establish(plan);
  const [sender, ...listeners] = speakers;
  if (!sender || !neighbors[0]) throw new TypeError('there are no neighbors');
  const established = performance.now() - begin;
  await wait(SETTLE_MILLISECONDS);

  const path = [neighbors[0].as, 64_901, 64_902];
  const numbers = Array.from({ length: ROUTES }, (_, index) => index + 1);
  const milliseconds = await passOn(sender, listeners, numbers, path);
  const routes = Math.min(...listeners.map(({ arrived }) => arrived.size));
  const single: number[] = [];
  for (let index = 0; index < SINGLE_ROUTES && routes === ROUTES; index++) {
    await wait(PAUSE_MILLISECONDS);
    single.push(await passOn(sender, listeners, [100 + index], path));
  }
  const example = [...(listeners[0]?.arrived.values() ?? [])][0];
  const failures = speakers.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  for (const speaker of speakers) speaker.close();
  return { established, routes, milliseconds, single, example, failures };
}

const result = await exchange(JSON.parse(process.argv[2] ?? '') as Exchange);
process.stdout.write(JSON.stringify(result));
process.exit(0);
