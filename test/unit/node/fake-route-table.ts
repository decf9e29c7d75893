import type { NexthopSetId, RouteFailure, RouteNexthop, RouteTable } from '../../../dataplane/route-table.ts';
import { formatAddress, formatAddressBytes } from '../../../net/address.ts';
import { toHex } from '../../../net/hex.ts';

/** A next hop as text: gateway, device, and the router MAC behind a tunnel. */
export function nexthopText({ gateway, device, tunnel }: RouteNexthop): string {
  return `${formatAddress(gateway)} ${device}${tunnel ? ` ${toHex(tunnel.routerMac)}` : ''}`;
}

/** Keeps what it is told, and throws for a set that is released too often or used after that. */
export class FakeRouteTable implements RouteTable {
  /** `table address/length` to the next hops. */
  readonly routes = new Map<string, readonly string[]>();
  writes = 0;
  readonly #sets: { readonly members: readonly string[]; references: number }[] = [];

  /** References to all sets. */
  get references(): number {
    return this.#sets.reduce((sum, { references }) => sum + references, 0);
  }

  internNexthops(nexthops: readonly RouteNexthop[]): NexthopSetId {
    const members = [...new Set(nexthops.map(nexthopText))].sort();
    if (members.length === 0) throw new RangeError('no next hop');
    const known = this.#sets.findIndex((set) => set.members.join() === members.join());
    const id = known >= 0 ? known : this.#sets.push({ members, references: 0 }) - 1;
    this.#inUse(id, 0).references++;
    return id;
  }

  #inUse(id: NexthopSetId, least: number): { readonly members: readonly string[]; references: number } {
    const set = this.#sets[id];
    if (!set || set.references < least) throw new RangeError(`next-hop set ${id} is not interned`);
    return set;
  }

  releaseNexthops(id: NexthopSetId): void {
    this.#inUse(id, 1).references--;
  }

  replace(
    table: number,
    version: 4 | 6,
    prefix: Uint8Array,
    at: number,
    length: number,
    set: NexthopSetId,
  ): void {
    this.writes++;
    const { members } = this.#inUse(set, 1);
    this.routes.set(`${table} ${formatAddressBytes(prefix, at, version)}/${length}`, members);
  }

  remove(table: number, version: 4 | 6, prefix: Uint8Array, at: number, length: number): void {
    this.writes++;
    this.routes.delete(`${table} ${formatAddressBytes(prefix, at, version)}/${length}`);
  }

  flush(): Promise<readonly RouteFailure[]> {
    return Promise.resolve([]);
  }
}
