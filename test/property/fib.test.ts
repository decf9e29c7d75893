import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fib } from '../../dataplane/fib/fib.ts';
import type { RouteFailure, RouteNexthop } from '../../dataplane/route-table.ts';
import type { FakeKernel } from '../unit/dataplane/fib/fake-kernel.ts';
import {
  BRIDGE,
  fibOnKernel,
  hostVia,
  remove,
  replace,
  stateOf,
  tunnelTo,
  VETH,
  VXLAN,
} from '../unit/dataplane/fib/sample.ts';

const PREFIXES = [
  '10.0.0.0/24',
  '10.0.0.0/23',
  '10.0.1.0/24',
  '0.0.0.0/0',
  '2001:db8::/64',
  '2001:db8::/32',
  '::/0',
];
const TABLES = [1, 2, 1000];
const REFUSED = 1;

/** Next hops that all routes can use: three endpoints, one of them with two router MACs, and a host. */
const NEXTHOPS: readonly RouteNexthop[] = [
  tunnelTo('100.64.0.1', 'aa:bb:cc:00:00:01'),
  tunnelTo('100.64.0.2', 'aa:bb:cc:00:00:02'),
  tunnelTo('100.64.0.3', 'aa:bb:cc:00:00:03'),
  tunnelTo('100.64.0.3', 'aa:bb:cc:00:00:33'),
  hostVia('2001:db8:169::2'),
];

type Step =
  | {
      readonly kind: 'replace';
      readonly table: number;
      readonly prefix: string;
      readonly hops: readonly number[];
    }
  | { readonly kind: 'remove'; readonly table: number; readonly prefix: string }
  | { readonly kind: 'flush' | 'flush and go on' | 'new bridge' | 'table lost' };

const table = fc.constantFrom(...TABLES);
const prefix = fc.constantFrom(...PREFIXES);
const hops = fc.uniqueArray(fc.nat(NEXTHOPS.length - 1), { minLength: 1, maxLength: 3 });
const replacement = fc.record({ kind: fc.constant('replace' as const), table, prefix, hops });
const removal = fc.record({ kind: fc.constant('remove' as const), table, prefix });
const flush = fc.record({ kind: fc.constantFrom('flush' as const, 'flush and go on' as const) });
const loss = fc.record({ kind: fc.constantFrom('new bridge' as const, 'table lost' as const) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: replacement, weight: 8 },
  { arbitrary: removal, weight: 4 },
  { arbitrary: flush, weight: 3 },
  { arbitrary: loss, weight: 1 },
);

/** Drives a FIB as a RIB does: a route holds its set as long as it has it. */
class Driver {
  readonly kernel: FakeKernel;
  readonly fib: Fib;
  /** What is wanted: by `table prefix`, the next hops and the interned set. */
  readonly wanted = new Map<string, { readonly hops: readonly number[]; readonly set: number }>();
  readonly #flushes: Promise<readonly RouteFailure[]>[] = [];
  #bridge = BRIDGE;

  constructor() {
    ({ kernel: this.kernel, fib: this.fib } = fibOnKernel());
  }

  get bridge(): number {
    return this.#bridge;
  }

  /** Gives the failures of all flushes. */
  async run(steps: readonly Step[]): Promise<RouteFailure[]> {
    for (const step of steps) await this.#run(step);
    return (await Promise.all(this.#flushes)).flat();
  }

  async #run(step: Step): Promise<void> {
    if (step.kind === 'replace') this.#replace(step.table, step.prefix, step.hops);
    else if (step.kind === 'remove') this.remove(`${step.table} ${step.prefix}`);
    else if (step.kind === 'flush' || step.kind === 'flush and go on') {
      const flush = this.fib.flush();
      this.#flushes.push(flush);
      if (step.kind === 'flush') await flush;
    }
    if (step.kind === 'new bridge') this.#newBridge();
    if (step.kind === 'table lost') this.#loseTable();
  }

  #replace(inTable: number, text: string, hops: readonly number[]): void {
    const key = `${inTable} ${text}`;
    const before = this.wanted.get(key);
    const set = this.fib.internNexthops(hops.map((hop) => NEXTHOPS[hop] as RouteNexthop));
    replace(this.fib, inTable, text, set);
    if (before !== undefined) this.fib.releaseNexthops(before.set);
    this.wanted.set(key, { hops, set });
  }

  remove(key: string): void {
    const [inTable = '', text = ''] = key.split(' ');
    remove(this.fib, Number(inTable), text);
    const before = this.wanted.get(key);
    if (before !== undefined) this.fib.releaseNexthops(before.set);
    this.wanted.delete(key);
  }

  #newBridge(): void {
    this.kernel.removeDevice('br-pe-100');
    this.#bridge += 100;
    this.kernel.devices.set('br-pe-100', this.#bridge);
    this.fib.forgetDevice('br-pe-100');
  }

  #loseTable(): void {
    for (const route of this.kernel.routes.keys())
      if (route.startsWith('1 ')) this.kernel.routes.delete(route);
    this.fib.forgetTable(1);
  }

  /** What `ip route` should show of the wanted routes. */
  desired(): Map<string, string[]> {
    return new Map([...this.wanted].map(([key, { hops }]) => [key, this.#gateways(key.includes(':'), hops)]));
  }

  #gateways(ipv6: boolean, hops: readonly number[]): string[] {
    const texts = hops.map((hop) => {
      if (hop === 4) return `2001:db8:169::2 ${VETH}`;
      const endpoint = `100.64.0.${Math.min(hop + 1, 3)}`;
      return `${ipv6 ? '::ffff:' : ''}${endpoint} ${this.#bridge} onlink`;
    });
    return [...new Set(texts)].sort();
  }

  actual(): Map<string, string[] | undefined> {
    return new Map([...this.kernel.routes.keys()].map((key) => [key, this.kernel.routeTo(key)]));
  }

  /** Tunnel endpoints that routes lead to without a neighbour, or with a neighbour without its FDB entry. */
  unreachable(): string[] {
    const missing: string[] = [];
    for (const gateways of this.actual().values()) {
      for (const gateway of gateways ?? []) {
        const [address = '', index = ''] = gateway.split(' ');
        if (index === String(VETH)) continue;
        const mac = this.kernel.neighbours.get(`${index} ${address}`);
        const endpoint = this.kernel.fdb.get(`${VXLAN} ${mac}`);
        if (endpoint === undefined || !address.endsWith(endpoint)) missing.push(gateway);
      }
    }
    return missing;
  }
}

const steps = fc.array(step, { maxLength: 60 });

function sorted(map: ReadonlyMap<string, unknown>): [string, unknown][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function expectEmptied(driver: Driver): Promise<void> {
  for (const key of [...driver.wanted.keys()]) driver.remove(key);
  expect(await driver.fib.flush()).toEqual([]);
  expect(driver.kernel.sizes).toEqual({ routes: 0, nexthops: 0, neighbours: 0, fdb: 0 });
  expect(driver.fib.size).toBe(0);
  expect(driver.fib.counters).toMatchObject({ installed: 0, failed: 0, nexthops: 0, tunnelEntries: 0 });
}

describe('the FIB against a model of the kernel', () => {
  it('ends in the wanted state after any steps, never refers to what is not there, and cleans up', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const driver = new Driver();
        const { kernel, fib } = driver;
        const losses = all.some(({ kind }) => kind === 'new bridge');
        const gaps: string[] = [];
        // While a bridge is being replaced, its entries are rightly missing.
        kernel.beforeAnswer = () => void (losses || gaps.push(...driver.unreachable()));
        const failures = await driver.run(all);
        await fib.flush();
        expect(await fib.flush()).toEqual([]);
        if (!losses) expect(failures).toEqual([]);
        expect(sorted(driver.actual())).toEqual(sorted(driver.desired()));
        expect(driver.unreachable()).toEqual([]);
        expect(gaps).toEqual([]);
        if (!losses) expect(kernel.complaints).toEqual([]);
        for (const key of driver.wanted.keys()) {
          const [inTable = '', text = ''] = key.split(' ');
          expect(stateOf(fib, Number(inTable), text)).toBe('installed');
        }
        const { messages } = fib.counters;
        await fib.flush();
        expect(fib.counters.messages).toBe(messages);
        await expectEmptied(driver);
      }),
      { numRuns: 300 },
    );
  });

  it('gets there too when the kernel refuses messages at random for a while', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.infiniteStream(fc.boolean()), async (all, refusals) => {
        const driver = new Driver();
        const { kernel, fib } = driver;
        // A removal that fails is not tried again: only additions are refused.
        kernel.refuse = (text) =>
          text.startsWith('NEW') && refusals.next().value === true ? REFUSED : undefined;
        await driver.run(all);
        await fib.flush();
        kernel.refuse = () => undefined;
        fib.retryFailures();
        expect(await fib.flush()).toEqual([]);
        expect(sorted(driver.actual())).toEqual(sorted(driver.desired()));
        expect(driver.unreachable()).toEqual([]);
        expect(fib.failures()).toEqual([]);
        await expectEmptied(driver);
      }),
      { numRuns: 300 },
    );
  });
});
