import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonKind } from '../daemons/daemon.ts';
import { Speaker } from '../load/speaker.ts';
import { residentMemory } from '../measure/process-usage.ts';
import { pause, speakerSettings } from './fixture.ts';
import { daemonPlan, peersLayout } from './layout.ts';
import type { RoundPlace, Scenario } from './scenario.ts';

const STARTS = 5;
/** Milliseconds between two attempts to connect. */
const ATTEMPT_PAUSE = 2;
const LONGEST_START_SECONDS = 60;
/** Milliseconds after which the memory of the idle daemon is looked at. */
const SETTLING_TIME = 1000;
const CAPACITY = 1024 * 1024;

/**
 * From the start of the process to the first session Established. As in all scenarios the daemon waits and the peer
 * connects, here every 2 ms until it is let in; so what counts is when a daemon accepts, and no timer of its own for
 * connecting. Establishing is over for the peer when the daemon's OPEN and KEEPALIVE are there.
 */
export const startup: Scenario = {
  name: 'startup',
  text: `from the start of the process to the first session Established, with a peer that connects every ${ATTEMPT_PAUSE} ms; memory when idle a second later`,
  layout: peersLayout(1, 'ipv4', CAPACITY),
  async measure(kind, place) {
    const starts: number[] = [];
    const sizes: number[] = [];
    for (let start = 0; start < STARTS; start++) {
      const directory = join(place.directory, `start-${start}`);
      mkdirSync(directory);
      const { milliseconds, resident } = await startOnce(kind, { ...place, directory });
      starts.push(milliseconds);
      sizes.push(resident);
    }
    sizes.sort((a, b) => a - b);
    return { starts, settledBytes: sizes[STARTS >> 1] ?? Number.NaN };
  },
};

async function startOnce(
  kind: DaemonKind,
  place: RoundPlace,
): Promise<{ readonly milliseconds: number; readonly resident: number }> {
  const [plan] = startup.layout.speakers;
  if (!plan) throw new RangeError('startup needs a speaker');
  const settings = speakerSettings(plan, CAPACITY);
  const begin = performance.now();
  const daemon = kind.start({ ...daemonPlan(startup.layout, place), unwatched: true });
  try {
    const speaker = await Speaker.establish(settings, LONGEST_START_SECONDS, ATTEMPT_PAUSE);
    const milliseconds = performance.now() - begin;
    await pause(SETTLING_TIME);
    const resident = residentMemory(daemon.pids()).now;
    speaker.close();
    return { milliseconds, resident };
  } catch (error) {
    throw new Error(`no session with ${kind.name}: ${daemon.log()}`, { cause: error });
  } finally {
    await daemon.stop();
  }
}
