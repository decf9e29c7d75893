import { addressFromBytes, formatAddress, type IpAddress, isLinkLocal } from '../../net/address.ts';
import { ByteTable } from './byte-table.ts';
import { growInt32 } from './columns.ts';

/** A next hop as MP_REACH_NLRI may carry it: an address, for IPv6 perhaps with a link-local one (RFC 2545 §3). */
export interface NextHop {
  readonly address: IpAddress;
  readonly linkLocal?: IpAddress;
}

/**
 * Interns next hops by their wire bytes (4, 16 or 32), so that the RIB compares numbers. Counted
 * references: an id is given to another next hop once nothing refers to it.
 */
export class NextHops {
  readonly #table = new ByteTable();
  readonly #values: (NextHop | undefined)[] = [];
  #references = new Int32Array(16);

  /** Ids are below this. */
  get idLimit(): number {
    return this.#table.idLimit;
  }

  /** The id of the next hop at `bytes[start..end)`, or -1 when its length is none that a next hop has. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const found = this.#table.find(bytes, start, end);
    if (found >= 0) return found;
    const value = nextHopFromBytes(bytes.slice(start, end));
    if (value === undefined) return -1;
    const id = this.#table.add(bytes, start, end);
    this.#values[id] = value;
    this.#references = growInt32(this.#references, id + 1);
    this.#references[id] = 0;
    return id;
  }

  /** The next hop of an id in use. */
  get(id: number): NextHop {
    const value = this.#values[id];
    if (value === undefined) throw new RangeError(`there is no next hop ${id}`);
    return value;
  }

  retain(id: number): void {
    this.#references[id] = (this.#references[id] as number) + 1;
  }

  release(id: number): void {
    const left = (this.#references[id] as number) - 1;
    this.#references[id] = left;
    if (left > 0) return;
    this.#table.remove(id);
    this.#values[id] = undefined;
  }
}

function nextHopFromBytes(bytes: Uint8Array): NextHop | undefined {
  if (bytes.length === 4 || bytes.length === 16) return { address: addressFromBytes(bytes) };
  if (bytes.length !== 32) return undefined;
  const address = addressFromBytes(bytes.subarray(0, 16));
  const linkLocal = addressFromBytes(bytes.subarray(16));
  // RFC 2545 wants a link-local address there; some speakers repeat the global one or send zeroes.
  return isLinkLocal(linkLocal) ? { address, linkLocal } : { address };
}

/** Text of a next hop for people: the global address. */
export function formatNextHop(nextHop: NextHop): string {
  return formatAddress(nextHop.address);
}
