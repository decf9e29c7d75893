import { formatAddressBytes } from '../../net/address.ts';
import { toHex } from '../../net/hex.ts';
import { formatOctets } from '../../net/mac.ts';
import { NTF_MASTER, NTF_SELF } from '../netlink/constants.ts';
import type { RouteNexthop } from '../route-table.ts';
import {
  type ObjectRequest,
  type Refusal,
  writeFdbEntry,
  writeFdbRemoval,
  writeNeighbour,
  writeNeighbourRemoval,
} from './object-request.ts';

/** Index of a network device in the router's namespace, or undefined when there is none of that name. */
export type InterfaceIndex = (name: string) => number | undefined;

type Tunnel = NonNullable<RouteNexthop['tunnel']>;

interface Claim {
  readonly value: Uint8Array;
  count: number;
}

/**
 * A neighbour (an IP address on a bridge, its value the router MAC) or an FDB entry (a router MAC on a VXLAN device,
 * its value the tunnel endpoint). Whoever needs it claims it with a value; the last claim's value counts.
 */
export interface TunnelEntry {
  readonly kind: 'neighbour' | 'fdb';
  /** IP address or MAC address: what the entry is found by, on its device. */
  readonly address: Uint8Array;
  /** Names of the entry's device and, for an FDB entry, of its bridge; unknown for an entry that was found. */
  place: { readonly device: string; readonly bridge: string; readonly vni: number } | undefined;
  /** Index of the device that the kernel has the entry on. */
  index: number;
  /** Value that the kernel has, or undefined. */
  installed: Uint8Array | undefined;
  /** Part of the entry may be gone: the bridge's half, when the VXLAN device lost its bridge. */
  damaged: boolean;
  readonly claims: Map<string, Claim>;
  stale: boolean;
  failure: string | undefined;
}

/** The two entries of a tunnel next hop, as one claim. */
export interface TunnelClaim {
  readonly neighbour: TunnelEntry;
  readonly fdb: TunnelEntry;
  readonly mac: Uint8Array;
  readonly vtep: Uint8Array;
}

const ENOENT = 2;
const ENODEV = 19;

/**
 * Neighbour and FDB entries of tunnel next hops, counted by claims: an entry is there as long as a next
 * hop in use needs it. A new value takes the place of the old one in one request, without a gap.
 */
export class TunnelEntries {
  readonly #interfaceIndex: InterfaceIndex;
  readonly #byName = new Map<string, TunnelEntry>();
  /** Entries found in the kernel that nobody has claimed yet, by device index. */
  readonly #found = new Map<string, TunnelEntry>();
  #changed = new Set<TunnelEntry>();
  readonly #failed = new Set<TunnelEntry>();

  constructor(interfaceIndex: InterfaceIndex) {
    this.#interfaceIndex = interfaceIndex;
  }

  /** Entries in the kernel, as far as it has said so. */
  get installedCount(): number {
    let count = 0;
    for (const entry of this.#all()) if (entry.installed !== undefined) count++;
    return count;
  }

  /** `gateway`: as in the next-hop object, 4 or 16 bytes. */
  claim(tunnel: Tunnel, gateway: Uint8Array): TunnelClaim {
    const { bridge, vxlan, vni, routerMac: mac } = tunnel;
    const vtep = tunnel.vtep.bytes;
    const neighbour = this.#entry('neighbour', { device: bridge, bridge, vni }, gateway);
    const fdb = this.#entry('fdb', { device: vxlan, bridge, vni }, mac);
    const claim = { neighbour, fdb, mac, vtep };
    this.renew(claim, 1);
    return claim;
  }

  /** Makes a claim the last one again; `more`: by how much to count it up. */
  renew({ neighbour, fdb, mac, vtep }: TunnelClaim, more = 0): void {
    this.#addClaim(neighbour, mac, more);
    this.#addClaim(fdb, vtep, more);
  }

  release({ neighbour, fdb, mac, vtep }: TunnelClaim): void {
    this.#removeClaim(neighbour, mac);
    this.#removeClaim(fdb, vtep);
  }

  #entry(
    kind: TunnelEntry['kind'],
    place: NonNullable<TunnelEntry['place']>,
    address: Uint8Array,
  ): TunnelEntry {
    const key = `${kind} ${toHex(address)} ${place.device}`;
    const known = this.#byName.get(key);
    if (known !== undefined) return known;
    const index = this.#interfaceIndex(place.device) ?? 0;
    const foundKey = `${kind} ${toHex(address)} ${index}`;
    const entry = this.#found.get(foundKey) ?? newEntry(kind, address, index);
    this.#found.delete(foundKey);
    entry.place = place;
    entry.stale = false;
    this.#byName.set(key, entry);
    return entry;
  }

  #addClaim(entry: TunnelEntry, value: Uint8Array, more: number): void {
    const key = toHex(value);
    const claim = entry.claims.get(key) ?? { value, count: 0 };
    claim.count += more;
    entry.claims.delete(key);
    entry.claims.set(key, claim);
    this.#changed.add(entry);
  }

  #removeClaim(entry: TunnelEntry, value: Uint8Array): void {
    const key = toHex(value);
    const claim = entry.claims.get(key);
    if (claim === undefined) return;
    if (--claim.count === 0) entry.claims.delete(key);
    this.#changed.add(entry);
  }

  /** Takes over an entry that an earlier run left in the kernel. */
  adopt(kind: TunnelEntry['kind'], index: number, address: Uint8Array, value: Uint8Array): void {
    const entry = newEntry(kind, address.slice(), index);
    entry.installed = value.slice();
    entry.stale = true;
    this.#found.set(`${kind} ${toHex(address)} ${index}`, entry);
  }

  /** Lets go of what was found and not claimed: the next {@link removals} has it. */
  sweep(): void {
    for (const entry of this.#found.values()) {
      entry.stale = false;
      this.#changed.add(entry);
    }
  }

  /** The device is gone with all its entries; those that are claimed will be added again. A VXLAN device keeps its own when only its bridge goes. */
  forgetDevice(name: string): void {
    for (const entry of this.#byName.values()) {
      if (entry.place?.device === name) entry.installed = undefined;
      else if (entry.place?.bridge === name) entry.damaged = true;
      else continue;
      this.#changed.add(entry);
    }
  }

  /** Tries again what failed. */
  retryFailed(): void {
    for (const entry of this.#failed) this.#changed.add(entry);
  }

  /** What failed and is still wanted. */
  *failures(): Generator<{ object: string; reason: string }> {
    for (const entry of this.#failed) {
      if (entry.failure !== undefined) yield { object: describe(entry), reason: entry.failure };
    }
  }

  /** Requests for entries that are wanted and missing or have another value. */
  additions(): ObjectRequest[] {
    const neighbours: ObjectRequest[] = [];
    const fdb: ObjectRequest[] = [];
    for (const entry of this.#changed) {
      const value = wantedValue(entry);
      if (value === undefined) continue;
      this.#changed.delete(entry);
      const current = entry.place && this.#interfaceIndex(entry.place.device);
      if (current !== entry.index) entry.installed = undefined;
      const whole = entry.installed !== undefined && !entry.damaged;
      if (whole && sameValue(entry.installed ?? value, value)) {
        this.#wellAgain(entry);
        continue;
      }
      (entry.kind === 'neighbour' ? neighbours : fdb).push(this.#addition(entry, value));
    }
    // In this order a router MAC can change without a gap: no neighbour has a MAC before its FDB entry is there.
    return [...fdb, ...neighbours];
  }

  #addition(entry: TunnelEntry, value: Uint8Array): ObjectRequest {
    const { place } = entry;
    const index = place && this.#interfaceIndex(place.device);
    const bridgeIndex = place && this.#interfaceIndex(place.bridge);
    entry.index = index ?? 0;
    return {
      operation: entry.kind === 'neighbour' ? 'add neighbour' : 'add FDB entry',
      object: describe(entry),
      ...(index === undefined || bridgeIndex === undefined ? { impossible: 'there is no such device' } : {}),
      write: (builder) => {
        if (entry.kind === 'neighbour') writeNeighbour(builder, entry.index, entry.address, value);
        else writeFdbEntry(builder, entry.index, bridgeIndex ?? 0, place?.vni ?? 0, entry.address, value);
      },
      answered: (refusal) => {
        if (refusal === undefined) {
          entry.installed = value;
          entry.damaged = false;
          this.#wellAgain(entry);
        } else {
          entry.failure = refusal.reason;
          this.#failed.add(entry);
        }
        return refusal?.reason;
      },
    };
  }

  #wellAgain(entry: TunnelEntry): void {
    entry.failure = undefined;
    this.#failed.delete(entry);
  }

  /** Requests that remove entries which nobody claims: FDB entries before neighbours. */
  removals(): ObjectRequest[] {
    const neighbours: ObjectRequest[] = [];
    const fdb: ObjectRequest[] = [];
    for (const entry of this.#changed) {
      if (wantedValue(entry) !== undefined || entry.stale) continue;
      this.#changed.delete(entry);
      this.#failed.delete(entry);
      if (entry.installed === undefined) this.#drop(entry);
      else if (entry.kind === 'neighbour') neighbours.push(this.#neighbourRemoval(entry));
      else fdb.push(...this.#fdbRemovals(entry));
    }
    return [...fdb, ...neighbours];
  }

  #neighbourRemoval(entry: TunnelEntry): ObjectRequest {
    return {
      operation: 'remove neighbour',
      object: describe(entry),
      write: (builder) => writeNeighbourRemoval(builder, entry.index, entry.address),
      answered: (refusal) => {
        this.#removed(entry);
        return removalFailure(refusal);
      },
    };
  }

  #fdbRemovals(entry: TunnelEntry): ObjectRequest[] {
    return ([NTF_MASTER, NTF_SELF] as const).map((flag) => ({
      operation: 'remove FDB entry',
      object: `${describe(entry)} ${flag === NTF_SELF ? 'self' : 'master'}`,
      write: (builder) => writeFdbRemoval(builder, entry.index, entry.address, flag),
      answered: (refusal) => {
        this.#removed(entry);
        return removalFailure(refusal);
      },
    }));
  }

  #removed(entry: TunnelEntry): void {
    entry.installed = undefined;
    if (entry.claims.size > 0) this.#changed.add(entry);
    else this.#drop(entry);
  }

  #drop(entry: TunnelEntry): void {
    const address = toHex(entry.address);
    if (entry.place !== undefined) this.#byName.delete(`${entry.kind} ${address} ${entry.place.device}`);
    else this.#found.delete(`${entry.kind} ${address} ${entry.index}`);
  }

  *#all(): Generator<TunnelEntry> {
    yield* this.#byName.values();
    yield* this.#found.values();
  }
}

function newEntry(kind: TunnelEntry['kind'], address: Uint8Array, index: number): TunnelEntry {
  return {
    kind,
    address,
    place: undefined,
    index,
    installed: undefined,
    damaged: false,
    claims: new Map(),
    stale: false,
    failure: undefined,
  };
}

/** The value of the last claim. */
function wantedValue(entry: TunnelEntry): Uint8Array | undefined {
  let last: Uint8Array | undefined;
  for (const claim of entry.claims.values()) last = claim.value;
  return last;
}

function sameValue(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, index) => octet === b[index]);
}

/** An entry that is gone already is no failure. */
function removalFailure(refusal: Refusal | undefined): string | undefined {
  return refusal?.errno === ENOENT || refusal?.errno === ENODEV ? undefined : refusal?.reason;
}

function describe(entry: TunnelEntry): string {
  const { address } = entry;
  const text =
    entry.kind === 'fdb'
      ? formatOctets(address)
      : formatAddressBytes(address, 0, address.length === 4 ? 4 : 6);
  return `${text} dev ${entry.place?.device ?? `#${entry.index}`}`;
}
