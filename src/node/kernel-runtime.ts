import { setTimeout as delay } from 'node:timers/promises';
import type { ApplyReport } from '../../dataplane/apply.ts';
import { type DesiredState, hostDevicesOf } from '../../dataplane/desired.ts';
import { readKernelState } from '../../dataplane/fib/adoption.ts';
import { Fib } from '../../dataplane/fib/fib.ts';
import { KernelNetwork } from '../../dataplane/kernel-network.ts';
import { RouteSocket } from '../../dataplane/netlink/route-socket.ts';
import type { Subscription } from '../../dataplane/netlink/subscription.ts';
import { namesStayPrivate } from '../../dataplane/network-namespace.ts';
import {
  connectedSubnets,
  linkNamed,
  type ObservedLink,
  type ObservedState,
  ownAddresses,
  routerMacOf,
  tableOf,
} from '../../dataplane/observed.ts';
import { cleanup, plan } from '../../dataplane/plan.ts';
import { describeStep, type PlanStep } from '../../dataplane/plan-step.ts';
import { type IpPrefix, networkOf } from '../../net/prefix.ts';
import type { NodeConfiguration, Underlay } from '../config/model.ts';
import type { DataplaneStatus, KernelState } from '../control/view.ts';
import type { Logger } from '../daemon/log.ts';
import { addressesOnDeviceOf } from './addresses-beside.ts';
import { desiredState } from './desired-state.ts';
import type { KernelFacts, KernelPort, KernelView } from './kernel-port.ts';

/** Milliseconds from a change in the kernel to a look at it: changes come in bursts. */
const SETTLE_TIME = 20;
/** Milliseconds between two looks at everything, also without a sign that something has changed. */
const AUDIT_TIME = 60_000;

/** Milliseconds until what the kernel refused is tried again. */
const RETRY_TIME = 5000;

/**
 * Milliseconds after which new addresses on the host's side are said again. FRR's zebra hears of addresses
 * and of links in different threads: it drops the address of a link that it has not seen yet, and refuses
 * the host session for good. Setting the same address again makes the kernel repeat the notification.
 */
const REPEAT_TIMES = [250, 1500, 6000];

/** Milliseconds that listeners get to see a new link before its addresses follow: mostly spares the repetition. */
const LINK_SEEN_TIME = 40;

const PRIVATE_NAMES =
  'this process runs in a mount namespace of its own: the network namespace is at work, but "ip netns" elsewhere ' +
  'does not see it; start with "nsenter --net=…" instead of "ip netns exec", or make the namespace before';

/** Number of the kernel's main table. */
const MAIN_TABLE = 254;

/** The router's namespace is not there; the message says why. */
export class KernelNotReady extends Error {
  override readonly name = 'KernelNotReady';
}

/**
 * Keeps the kernel as the configuration wants it: builds the objects, looks again when something in the
 * kernel changes, repairs, and hands routes to the FIB.
 */
export class KernelRuntime implements KernelPort, KernelView {
  readonly #desired: DesiredState;
  readonly #network: KernelNetwork;
  readonly #log: Logger;
  readonly #socket: RouteSocket;
  readonly #fib: Fib;
  #observed: ObservedState;
  #problem: string | undefined;
  #watch: Subscription | undefined;
  /** Nothing is handed to the kernel any more. */
  #frozen = false;
  #reconciling: Promise<void> | undefined;
  #again = false;
  #audit: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** The next look is not to believe anything that was seen before. */
  #thorough = false;
  readonly #stopping = new AbortController();
  #changed: () => void = () => {};

  private constructor(
    desired: DesiredState,
    network: KernelNetwork,
    observed: ObservedState,
    problem: string | undefined,
    log: Logger,
  ) {
    this.#desired = desired;
    this.#network = network;
    this.#observed = observed;
    this.#problem = problem;
    this.#log = log;
    this.#socket = RouteSocket.open(desired.namespace);
    this.#fib = new Fib({
      socket: this.#socket,
      interfaceIndex: (name) => linkNamed(this.#observed.router, name)?.index,
      now: () => performance.now(),
    });
  }

  /**
   * Builds what the configuration wants, takes over the routes of an earlier run, and keeps watch.
   *
   * @throws KernelNotReady, NamespaceError, NetlinkError when the namespace cannot be made or entered
   */
  static async start(
    configuration: NodeConfiguration & { readonly underlay: Underlay },
    namespace: string,
    log: Logger,
  ): Promise<KernelRuntime> {
    const desired = desiredState(configuration, namespace);
    const network = new KernelNetwork({ router: namespace, host: undefined });
    const { observed, problem, performed } = await bringAbout(desired, network, log);
    if (!observed.router) throw new KernelNotReady(problem ?? `there is no namespace ${namespace}`);
    const runtime = new KernelRuntime(desired, network, observed, problem, log);
    const adopted = await runtime.#fib.adopt(await readKernelState(runtime.#socket));
    if (adopted.routes > 0) log.info({ ...adopted }, 'took over what an earlier run left in the kernel');
    runtime.#repeatHostAddresses(performed);
    if (performed.some(({ action }) => action === 'create namespace') && namesStayPrivate()) {
      log.warn({ namespace }, PRIVATE_NAMES);
    }
    runtime.#watch = network.watch(() => runtime.#reconcileSoon(), hostDevicesOf(desired));
    runtime.#audit = setInterval(() => runtime.#auditSoon(), AUDIT_TIME).unref();
    if (problem !== undefined) runtime.#reconcileSoon(RETRY_TIME);
    return runtime;
  }

  /** Has `changed` called when {@link facts} are others than before. */
  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  get facts(): KernelFacts {
    const observed = this.#observed;
    return {
      tableOf: (vrf) => tableOf(observed, vrf),
      routerMacOf: (vni) => routerMacOf(observed, vni),
      connected: connectedSubnets(observed).map(({ device, subnet }) => ({ device, prefix: subnet })),
      ownAddresses: ownAddresses(observed),
      addressesBeside: (local, interfaceName) => addressesOnDeviceOf(observed, local, interfaceName),
    };
  }

  get routes(): Fib {
    return this.#fib;
  }

  flushRoutes(): void {
    if (this.#frozen) return;
    this.#fib.flush().then(
      (failures) => {
        for (const failure of failures) this.#log.error({ ...failure }, 'the kernel refused a route');
      },
      (error: unknown) => this.#log.error({ err: error }, 'cannot hand routes to the kernel'),
    );
  }

  /**
   * Hands over what is wanted now, and nothing after that: the kernel goes on forwarding with it while the sessions end
   * and their routes go.
   */
  async freezeRoutes(): Promise<void> {
    await this.#fib.flush().catch(() => {});
    this.#frozen = true;
  }

  /** Removes routes of an earlier run that nobody has asked for by now. */
  sweepStaleRoutes(): void {
    const count = this.#fib.sweep();
    if (count > 0) this.#log.info({ routes: count }, 'removed stale routes of an earlier run');
    this.flushRoutes();
  }

  // Keeping watch.

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #reconcileSoon(wait = SETTLE_TIME): void {
    this.#again = true;
    if (this.#reconciling || this.#stopped) return;
    this.#reconciling = this.#reconcile(wait)
      .catch((error: unknown) => this.#log.error({ err: error }, 'cannot look at the kernel'))
      .finally(() => {
        this.#reconciling = undefined;
        if (this.#again) this.#reconcileSoon();
        else if (this.#problem !== undefined) this.#reconcileLater();
      });
  }

  #auditSoon(): void {
    this.#thorough = true;
    this.#reconcileSoon();
  }

  /** One timer at a time, however often something was looked at meanwhile. */
  #reconcileLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#reconcileSoon(), RETRY_TIME).unref();
  }

  async #reconcile(wait: number): Promise<void> {
    await delay(wait, undefined, { ref: false, signal: this.#stopping.signal }).catch(() => {});
    if (this.#stopped) return;
    this.#again = false;
    const before = this.#observed;
    const result = await bringAbout(this.#desired, this.#network, this.#log, {
      knownProblem: this.#problem,
      verifyRoutes: this.#thorough,
    });
    this.#thorough = false;
    const { observed } = result;
    this.#observed = observed;
    this.#problem = result.problem;
    this.#repeatHostAddresses(result.performed);
    const lost = (before.router?.links ?? []).filter((link) => isLost(link, observed));
    for (const { name } of lost) this.#fib.forgetDevice(name);
    for (const { vrfTable } of lost) if (vrfTable !== undefined) this.#fib.forgetTable(vrfTable);
    if (lost.length > 0) this.flushRoutes();
    this.#changed();
  }

  #repeatHostAddresses(performed: readonly PlanStep[]): void {
    const added = performed.filter((step) => step.action === 'add address' && step.side === 'host');
    if (added.length === 0) return;
    for (const time of REPEAT_TIMES) {
      setTimeout(() => {
        if (!this.#stopped) void this.#network.apply(added);
      }, time).unref();
    }
  }

  // What people see.

  get status(): DataplaneStatus {
    const { failed } = this.#fib.counters;
    if (this.#problem !== undefined) return { state: 'degraded', problem: this.#problem };
    if (failed === 0) return { state: 'ready' };
    return { state: 'degraded', problem: `${failed} routes are wanted that the kernel has refused` };
  }

  tableOf(vrf: string): number | undefined {
    return vrf === 'default' ? MAIN_TABLE : tableOf(this.#observed, vrf);
  }

  routeState(vrf: string, prefix: IpPrefix): KernelState {
    const table = this.tableOf(vrf);
    if (table === undefined) return { state: 'not-installed' };
    const { address, length } = networkOf(prefix);
    return this.#fib.routeState(table, address.version, address.bytes, 0, length);
  }

  routeCounts(vrf: string, version: 4 | 6): { readonly installed: number; readonly failed: number } {
    const table = this.tableOf(vrf);
    const counts = table === undefined ? undefined : this.#fib.countsByTable(version).get(table);
    return counts ?? { installed: 0, failed: 0 };
  }

  /** Stops following the kernel, which keeps forwarding; with `undo`, removes all that was made. */
  async stop(undo: boolean): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#audit);
    clearTimeout(this.#retry);
    this.#watch?.close();
    await this.#reconciling;
    if (!this.#frozen) await this.#fib.flush().catch(() => {});
    this.#socket.close();
    if (undo) await this.#undo();
    this.#network.close();
  }

  async #undo(): Promise<void> {
    const { steps } = cleanup(await this.#network.observe());
    for (const step of steps) this.#log.info(describeStep(step, this.#network.names));
    const { failures } = await this.#network.apply(steps);
    for (const { object, operation, reason } of failures) {
      this.#log.error({ object, operation, reason }, 'cannot undo a change of the kernel');
    }
  }
}

/**
 * The device is gone, is another one of the same name, went down or lost its carrier, be it for a moment:
 * the kernel has dropped the routes and next hops that were on it.
 */
function isLost(link: ObservedLink, now: ObservedState): boolean {
  const current = linkNamed(now.router, link.name);
  if (current?.index !== link.index || current.carrierLosses !== link.carrierLosses) return true;
  return link.up && !current.up;
}

/** Applies steps; addresses on the host's side of new veths come last, when others have seen the veths. */
async function applyInTwo(steps: readonly PlanStep[], network: KernelNetwork): Promise<ApplyReport> {
  const isLast = (step: PlanStep) => step.action === 'add address' && step.side === 'host';
  if (!steps.some(({ action }) => action === 'create veth')) return network.apply(steps);
  const first = await network.apply(steps.filter((step) => !isLast(step)));
  await delay(LINK_SEEN_TIME);
  const failedGroups = new Set(
    [...first.failures.map(({ step }) => step), ...first.skipped].map(({ group }) => group),
  );
  const last = await network.apply(steps.filter((step) => isLast(step) && !failedGroups.has(step.group)));
  return {
    performed: [...first.performed, ...last.performed],
    failures: [...first.failures, ...last.failures],
    skipped: [...first.skipped, ...last.skipped],
  };
}

/** What {@link bringAbout} came to. */
interface BroughtAbout {
  readonly observed: ObservedState;
  readonly problem: string | undefined;
  readonly performed: readonly PlanStep[];
}

/** Changes the kernel into what is wanted; the state afterwards, and in words what is in the way. */
async function bringAbout(
  desired: DesiredState,
  network: KernelNetwork,
  log: Logger,
  options: { readonly knownProblem?: string | undefined; readonly verifyRoutes?: boolean } = {},
): Promise<BroughtAbout> {
  const { knownProblem, verifyRoutes = false } = options;
  const observed = await network.observe({ verifyRoutes });
  const { steps, conflicts } = plan(desired, observed);
  for (const step of steps) log.info(describeStep(step, network.names));
  const report = steps.length > 0 ? await applyInTwo(steps, network) : undefined;
  const problems = [
    ...conflicts.map(({ object, reason }) => `${object}: ${reason}`),
    ...(report?.failures ?? []).map(
      ({ object, operation, reason }) => `${object}: cannot ${operation}: ${reason}`,
    ),
  ];
  const problem = problems.length > 0 ? problems.join('; ') : undefined;
  if (problem !== knownProblem) for (const text of problems) log.error(text);
  return {
    observed: report ? await network.observe() : observed,
    problem,
    performed: report?.performed ?? [],
  };
}
