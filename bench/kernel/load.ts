import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type IpVersion, parseAddress } from '../../net/address.ts';
import { LoadSession, type LoadSessionOptions } from './load-session.ts';
import { processorSeconds } from './process-time.ts';
import { RawSender } from './raw-sender.ts';
import { TableWatch, type WatchedTable } from './table-watch.ts';
import {
  encodeAnnouncements,
  encodeUnderlay,
  encodeWithdrawals,
  prefixOf,
  type RoutePlan,
} from './type5-routes.ts';

/*
 * The load generator and its clock, beside the routers: `node load.js PLAN RESULT`, both JSON files. It
 * runs in the network namespace that the peer's address is in.
 */

/** What is measured: a router behind a BGP session, or the kernel alone. */
export interface PlannedContender {
  readonly name: string;
  readonly table: WatchedTable;
  /** Of the router; undefined: route messages are sent to the kernel. */
  readonly session?: LoadSessionOptions;
  /** Index of the device behind which the tunnel endpoints are, for raw messages. */
  readonly device?: number;
  /** Processes of the router; raw messages are sent by the load generator itself. */
  readonly pids: readonly number[];
  /** The process that writes down its turns on SIGUSR2, see turn-observer.ts. */
  readonly observed?: number;
}

/** All that is to be measured. */
export interface LoadPlan {
  readonly routes: number;
  readonly rounds: number;
  readonly vni: number;
  readonly versions: readonly IpVersion[];
  readonly contenders: readonly PlannedContender[];
}

/** All routes came, or all went. */
export type LoadEvent = 'announce' | 'withdraw';

/** Times of one contender, in the order of the rounds. */
export interface Measurement {
  readonly contender: string;
  readonly version: IpVersion;
  readonly event: LoadEvent;
  readonly seconds: number[];
  /** Processor time of the router's processes until they were quiet again. */
  readonly processorSeconds: number[];
}

const PATIENCE = 300_000;
const SETTLE_TIME = 400;
const QUIET_LOOK_TIME = 200;
/** Share of a processor below which a process counts as quiet. */
const QUIET = 0.05;

/** A contender, ready to be told to begin. */
interface Contender {
  readonly planned: PlannedContender;
  readonly watch: TableWatch;
  /** Brings about an event; the routes are on their way when it returns. */
  begin(version: IpVersion, event: LoadEvent): Promise<void> | void;
}

async function quiet(pids: readonly number[]): Promise<number> {
  await delay(SETTLE_TIME);
  for (let before = processorSeconds(pids); ; ) {
    await delay(QUIET_LOOK_TIME);
    const now = processorSeconds(pids);
    if (now - before < (QUIET * QUIET_LOOK_TIME) / 1000) return now;
    before = now;
  }
}

type Streams = ReadonlyMap<IpVersion, Readonly<Record<LoadEvent, Uint8Array>>>;

async function prepare(planned: PlannedContender, plan: LoadPlan, streams: Streams): Promise<Contender> {
  const watch = new TableWatch(planned.table);
  const { session: options, device } = planned;
  if (!options) {
    const sender = new RawSender({ ...planned.table, device: device ?? 0 });
    const messages = new Map<IpVersion, ReturnType<RawSender['prebuild']>>();
    for (const version of plan.versions) {
      await sender.makeNexthops(version);
      messages.set(version, sender.prebuild(routePlan(plan, version)));
    }
    return {
      planned,
      watch,
      begin: (version, event) => {
        const built = messages.get(version);
        return sender.send((event === 'announce' ? built?.additions : built?.removals) ?? []);
      },
    };
  }
  const session = await LoadSession.establish(options);
  const nextHop = parseAddress(options.local);
  if (!nextHop) throw new Error(`${options.local} is no address`);
  if (options.saysUnderlay) session.send(encodeUnderlay(nextHop));
  return {
    planned,
    watch,
    begin: (version, event) => {
      const stream = streams.get(version)?.[event];
      if (stream) session.send(stream);
    },
  };
}

function routePlan({ routes, vni }: LoadPlan, version: IpVersion): RoutePlan {
  return { version, count: routes, vni };
}

/** Seconds from the first byte until the table is as it should be. */
async function time(
  { watch, begin }: Contender,
  plan: LoadPlan,
  version: IpVersion,
  event: LoadEvent,
): Promise<number> {
  const isThere = event === 'announce';
  const target = watch.count(version) + (isThere ? plan.routes : -plan.routes);
  const last = prefixOf(version, plan.routes - 1);
  const start = performance.now();
  const begun = begin(version, event);
  const end = await watch.reached(version, last, isThere, target, PATIENCE);
  await begun;
  return (end - start) / 1000;
}

async function run(plan: LoadPlan): Promise<Measurement[]> {
  const streams = new Map(
    plan.versions.map((version) => {
      const routes = routePlan(plan, version);
      return [version, { announce: encodeAnnouncements(routes), withdraw: encodeWithdrawals(routes) }];
    }),
  );
  const contenders: Contender[] = [];
  for (const planned of plan.contenders) {
    const pids = planned.session ? planned.pids : [process.pid];
    contenders.push(await prepare({ ...planned, pids }, plan, streams));
  }
  for (const { planned } of contenders) await quiet(planned.pids);
  const measurements: Measurement[] = [];
  const of = (contender: string, version: IpVersion, event: LoadEvent): Measurement => {
    const found = measurements.find(
      (one) => one.contender === contender && one.version === version && one.event === event,
    );
    if (found) return found;
    const fresh: Measurement = { contender, version, event, seconds: [], processorSeconds: [] };
    measurements.push(fresh);
    return fresh;
  };
  const measure = async (contender: Contender, version: IpVersion, event: LoadEvent): Promise<void> => {
    const { name, pids } = contender.planned;
    const before = await quiet(pids);
    const seconds = await time(contender, plan, version, event);
    const measurement = of(name, version, event);
    measurement.seconds.push(seconds);
    measurement.processorSeconds.push((await quiet(pids)) - before);
    console.log(`IPv${version} ${event} ${name}: ${seconds.toFixed(3)} s`);
  };
  for (const version of plan.versions) {
    for (let round = 0; round < plan.rounds; round++) {
      for (const contender of contenders) {
        for (const event of ['announce', 'withdraw'] as const) await measure(contender, version, event);
      }
    }
  }
  for (const contender of contenders) await observe(contender, plan);
  return measurements;
}

/** One more round that no time is taken of, for what slows the router down. */
async function observe(contender: Contender, plan: LoadPlan): Promise<void> {
  const { observed, pids } = contender.planned;
  if (observed === undefined) return;
  for (const version of plan.versions) {
    for (const event of ['announce', 'withdraw'] as const) {
      process.kill(observed, 'SIGUSR2');
      await delay(QUIET_LOOK_TIME);
      await time(contender, plan, version, event);
      await quiet(pids);
      process.kill(observed, 'SIGUSR2');
      await delay(SETTLE_TIME * 2);
    }
  }
}

const [planFile, resultFile] = process.argv.slice(2);
if (planFile === undefined || resultFile === undefined) throw new Error('load.js PLAN RESULT');
writeFileSync(resultFile, JSON.stringify(await run(JSON.parse(readFileSync(planFile, 'utf8')) as LoadPlan)));
process.exit(0);
