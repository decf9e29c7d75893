import { RT_TABLE_DEFAULT, RT_TABLE_LOCAL, RT_TABLE_MAIN } from './netlink/constants.ts';
import type { ObservedNamespace, UnreachableDefault } from './observed.ts';

/** Which routing tables VRFs have, and which of them an unreachable default closes. */
export class RoutingTables {
  readonly #taken = new Set([RT_TABLE_DEFAULT, RT_TABLE_MAIN, RT_TABLE_LOCAL]);
  readonly #closed: Readonly<Record<4 | 6, ReadonlySet<number>>>;
  #lowest = 1;

  constructor(router: ObservedNamespace, unreachableDefaults: readonly UnreachableDefault[]) {
    for (const { vrfTable } of router.links) if (vrfTable !== undefined) this.#taken.add(vrfTable);
    const tablesOf = (version: 4 | 6): ReadonlySet<number> =>
      new Set(unreachableDefaults.filter((one) => one.version === version).map(({ table }) => table));
    this.#closed = { 4: tablesOf(4), 6: tablesOf(6) };
  }

  /** The lowest table that no VRF has and that is none of the kernel's own; the next call gives another one. */
  takeFree(): number {
    while (this.#taken.has(this.#lowest)) this.#lowest++;
    return this.#lowest++;
  }

  isClosed(table: number, version: 4 | 6): boolean {
    return this.#closed[version].has(table);
  }
}
