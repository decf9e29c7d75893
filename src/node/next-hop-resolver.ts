import type { JournalReader } from '../../bgp/rib/journal.ts';
import type { NextHop } from '../../bgp/rib/next-hops.ts';
import type { Rib } from '../../bgp/rib/rib.ts';
import { addressEquals, formatAddress, type IpAddress } from '../../net/address.ts';
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

/** More distinct next hops than this are not remembered. */
const MOST_ANSWERS = 10_000;

interface Answer {
  readonly address: IpAddress;
  readonly resolved: ResolvedNextHop | undefined;
}

function isSame(a: ResolvedNextHop | undefined, b: ResolvedNextHop | undefined): boolean {
  if (!a || !b) return a === b;
  return a.device === b.device && addressEquals(a.gateway, b.gateway);
}

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
  /** What was asked for, by the address's text: few distinct next hops serve all routes. */
  readonly #answers = new Map<string, Answer>();

  constructor(ribs: UnderlayRibs) {
    this.#ribs = ribs;
  }

  setConnected(connected: readonly ConnectedSubnet[]): void {
    // The longest prefix first: the first that contains an address is the one to use.
    this.#connected = [...connected].sort((a, b) => b.prefix.length - a.prefix.length);
    this.#answers.clear();
  }

  /** How to send to `address`; undefined when the underlay does not reach it. */
  resolve(address: IpAddress): ResolvedNextHop | undefined {
    const text = formatAddress(address);
    const known = this.#answers.get(text);
    if (known) return known.resolved;
    if (this.#answers.size >= MOST_ANSWERS) this.#answers.clear();
    const resolved = this.#lookUp(address);
    this.#answers.set(text, { address, resolved });
    return resolved;
  }

  /** How to send to a next hop of the underlay; undefined when nothing leads there. */
  resolveNextHop(nextHop: NextHop): ResolvedNextHop | undefined {
    const { address, linkLocal, interfaceName } = nextHop;
    if (interfaceName !== undefined) return this.#onInterface(interfaceName, linkLocal ?? address);
    const resolved = this.resolve(address);
    return resolved && { device: resolved.device, gateway: linkLocal ?? resolved.gateway };
  }

  /** A link-local address is where its interface is, as long as that is up. */
  #onInterface(device: string, gateway: IpAddress): ResolvedNextHop | undefined {
    return this.#connected.some((subnet) => subnet.device === device) ? { device, gateway } : undefined;
  }

  /** Looks again at everything that was asked for, after routes have changed; true when any answer is another one. */
  recheck(): boolean {
    let changed = false;
    for (const [text, { address, resolved }] of this.#answers) {
      const current = this.#lookUp(address);
      if (isSame(current, resolved)) continue;
      this.#answers.set(text, { address, resolved: current });
      changed = true;
    }
    return changed;
  }

  #lookUp(address: IpAddress): ResolvedNextHop | undefined {
    const connected = this.#connectedTo(address);
    if (connected) return connected;
    const nextHop = this.#nextHopFor(address);
    if (!nextHop) return undefined;
    if (nextHop.interfaceName !== undefined) {
      return this.#onInterface(nextHop.interfaceName, nextHop.linkLocal ?? nextHop.address);
    }
    return this.#connectedTo(nextHop.address);
  }

  #connectedTo(address: IpAddress): ResolvedNextHop | undefined {
    const subnet = this.#connected.find(({ prefix }) => prefixContains(prefix, address));
    return subnet && { device: subnet.device, gateway: address };
  }

  /** Next hop of the longest matching route. */
  #nextHopFor(address: IpAddress): NextHop | undefined {
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
      if (nextHop >= 0) return rib.attributes.nextHops.get(nextHop);
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
