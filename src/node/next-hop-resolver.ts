import type { JournalReader } from '../../bgp/rib/journal.ts';
import type { Rib } from '../../bgp/rib/rib.ts';
import type { IpAddress } from '../../net/address.ts';
import { type IpPrefix, maskBytes, prefixContains } from '../../net/prefix.ts';

/** A subnet that a device of the router's namespace is in. */
export interface ConnectedSubnet {
  readonly device: string;
  readonly prefix: IpPrefix;
}

/** The neighbour to send to, and the device it is on. */
export interface ResolvedNextHop {
  readonly device: string;
  readonly gateway: IpAddress;
}

const batch = new Int32Array(4096);
const key = new Uint8Array(17);

/** RIBs of the underlay by IP version. */
export interface UnderlayRibs {
  readonly ipv4: Rib | undefined;
  readonly ipv6: Rib | undefined;
}

/**
 * Says how the underlay reaches an address: over a connected subnet, or by a BGP route whose next hop
 * is on one (RFC 4271 §5.1.3: resolved in the routing table, one level deep as all fabrics here are).
 */
export class NextHopResolver {
  readonly #ribs: UnderlayRibs;
  #connected: readonly ConnectedSubnet[] = [];

  constructor(ribs: UnderlayRibs) {
    this.#ribs = ribs;
  }

  setConnected(connected: readonly ConnectedSubnet[]): void {
    this.#connected = connected;
  }

  /** How to send to `address`; undefined when the underlay does not reach it. */
  resolve(address: IpAddress): ResolvedNextHop | undefined {
    const connected = this.#connectedTo(address);
    if (connected) return connected;
    const nextHop = this.#nextHopFor(address);
    return nextHop && this.#connectedTo(nextHop);
  }

  #connectedTo(address: IpAddress): ResolvedNextHop | undefined {
    const subnet = this.#connected.find(({ prefix }) => prefixContains(prefix, address));
    return subnet && { device: subnet.device, gateway: address };
  }

  /** Next hop of the longest matching route. */
  #nextHopFor(address: IpAddress): IpAddress | undefined {
    const rib = address.version === 4 ? this.#ribs.ipv4 : this.#ribs.ipv6;
    if (!rib) return undefined;
    const size = address.bytes.length;
    key.set(address.bytes, 1);
    for (let length = size * 8; length >= 0; length--) {
      key[0] = length;
      maskBytes(key, 1, size, length);
      const prefix = rib.prefixes.find(key, 0, 1 + ((length + 7) >> 3));
      const best = prefix < 0 ? -1 : rib.best(prefix);
      if (best < 0) continue;
      const nextHop = rib.attributes.nextHop(rib.paths.attributes(best));
      if (nextHop >= 0) return rib.attributes.nextHops.get(nextHop).address;
    }
    return undefined;
  }
}

/** Calls back when routes of the underlay changed, once for each batch of changes. */
export class UnderlayWatch {
  readonly #readers: JournalReader[];
  readonly #changed: () => void;

  constructor(ribs: UnderlayRibs, changed: () => void) {
    this.#readers = [ribs.ipv4, ribs.ipv6].flatMap((rib) => (rib ? [rib.readBestChanges()] : []));
    this.#changed = changed;
  }

  get pending(): boolean {
    return this.#readers.some((reader) => !reader.atEnd);
  }

  follow(limit: number): void {
    for (const reader of this.#readers) reader.read(batch.subarray(0, limit));
    if (!this.pending) this.#changed();
  }
}
