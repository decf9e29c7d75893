import { formatAddress, ipv4Mapped } from '../../net/address.ts';
import { toHex } from '../../net/hex.ts';
import type { NexthopSetId, RouteNexthop } from '../route-table.ts';
import type { NexthopObject, NexthopObjects } from './nexthop-objects.ts';
import type { TunnelClaim, TunnelEntries } from './tunnel-entries.ts';

/** Variants of a set: its kernel objects for IPv4 routes (0) and for IPv6 routes (1). */
const VARIANTS = 2;

/** Number of a set's kernel objects for routes of one version: the set's id times two, plus one for IPv6. */
export type VariantId = number;

/** What a variant holds while routes use it. */
interface ActiveVariant {
  readonly tunnels: readonly TunnelClaim[];
  /** Slots of the objects it holds, once for each time. */
  readonly held: readonly number[];
  /** Why no route of this version can use the set. */
  readonly problem: string | undefined;
}

const INACTIVE = -1;

/**
 * The interned sets of next hops, and which of their kernel objects are in use.
 *
 * A set has objects for IPv4 and for IPv6 routes, as an IPv6 route takes none with an IPv4 gateway.
 * They are asked for when the first route wants the set, and let go of when no route wants it and
 * the kernel has none with it any more.
 */
export class NexthopSets {
  readonly #objects: NexthopObjects;
  readonly #entries: TunnelEntries;
  readonly #byKey = new Map<string, NexthopSetId>();
  readonly #keys: (string | undefined)[] = [];
  readonly #members: (readonly RouteNexthop[] | undefined)[] = [];
  readonly #references: number[] = [];
  readonly #freeSets: NexthopSetId[] = [];
  readonly #active: (ActiveVariant | undefined)[] = [];
  readonly #idle = new Set<VariantId>();
  readonly #adopted = new Map<number, NexthopSetId>();

  /** By variant, read per route: routes that want it. */
  wanted = new Int32Array(64);
  /** By variant: routes that the kernel has with it. */
  installed = new Int32Array(64);
  /** By variant: slot of the next-hop object or group, or -1. */
  target = new Int32Array(64).fill(INACTIVE);

  constructor(objects: NexthopObjects, entries: TunnelEntries) {
    this.#objects = objects;
    this.#entries = entries;
  }

  /** Sets that are interned or in use. */
  get size(): number {
    return this.#keys.length - this.#freeSets.length;
  }

  /** See `RouteTable.internNexthops`. Throws RangeError for an empty set. */
  intern(nexthops: readonly RouteNexthop[]): NexthopSetId {
    const byGateway = new Map<string, { key: string; nexthop: RouteNexthop }>();
    for (const nexthop of nexthops) byGateway.set(gatewayKey(nexthop), { key: memberKey(nexthop), nexthop });
    if (byGateway.size === 0) throw new RangeError('a set of next hops needs at least one');
    const members = [...byGateway.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    const key = members.map((member) => member.key).join('\n');
    let set = this.#byKey.get(key);
    if (set === undefined) {
      set = this.#newSet(key);
      this.#byKey.set(key, set);
      this.#members[set] = members.map((member) => member.nexthop);
    }
    this.#references[set] = (this.#references[set] ?? 0) + 1;
    return set;
  }

  /** See `RouteTable.releaseNexthops`. Throws RangeError for a set that is not interned. */
  release(set: NexthopSetId): void {
    this.checkInterned(set);
    this.#references[set] = (this.#references[set] ?? 0) - 1;
    this.#freeIfUnused(set);
  }

  /** Throws RangeError for a set that is not interned. */
  checkInterned(set: NexthopSetId): void {
    if ((this.#references[set] ?? 0) > 0) return;
    throw new RangeError(`next-hop set ${set} is not interned`);
  }

  #newSet(key: string): NexthopSetId {
    const set = this.#freeSets.pop() ?? this.#keys.length;
    this.#keys[set] = key;
    this.#references[set] = 0;
    const needed = (set + 1) * VARIANTS;
    if (needed > this.wanted.length) {
      this.wanted = grown(this.wanted, needed * 2);
      this.installed = grown(this.installed, needed * 2);
      const before = this.target.length;
      this.target = grown(this.target, needed * 2).fill(INACTIVE, before);
    }
    return set;
  }

  #freeIfUnused(set: NexthopSetId): void {
    const key = this.#keys[set];
    if (key === undefined || (this.#references[set] ?? 0) > 0) return;
    if (this.#active[set * VARIANTS] !== undefined || this.#active[set * VARIANTS + 1] !== undefined) return;
    this.#byKey.delete(key);
    this.#keys[set] = undefined;
    this.#members[set] = undefined;
    this.#freeSets.push(set);
  }

  /** Hot: one route more wants the variant. */
  want(variant: VariantId): void {
    const before = this.wanted[variant] as number;
    this.wanted[variant] = before + 1;
    if (before === 0) this.#activate(variant);
  }

  /** Hot: one route less wants the variant. */
  unwant(variant: VariantId): void {
    const left = (this.wanted[variant] as number) - 1;
    this.wanted[variant] = left;
    if (left === 0) this.#idle.add(variant);
  }

  #activate(variant: VariantId): void {
    const active = this.#active[variant];
    if (active === undefined) this.#active[variant] = this.#build(variant);
    else for (const tunnel of active.tunnels) this.#entries.renew(tunnel);
  }

  #build(variant: VariantId): ActiveVariant {
    const tunnels: TunnelClaim[] = [];
    const nexthops: NexthopObject[] = [];
    for (const nexthop of this.#members[Math.floor(variant / VARIANTS)] ?? []) {
      const gateway = variant % VARIANTS === 0 ? nexthop.gateway.bytes : ipv6Gateway(nexthop);
      if (gateway === undefined) continue;
      if (nexthop.tunnel !== undefined) tunnels.push(this.#entries.claim(nexthop.tunnel, gateway));
      nexthops.push(this.#objects.acquireNexthop(gateway, nexthop.device, nexthop.onlink));
    }
    const held = nexthops.map(({ slot }) => slot);
    const [first, ...others] = new Set(nexthops);
    if (first === undefined) return { tunnels, held, problem: this.#noGateway(variant) };
    if (others.length > 0) held.push(this.#objects.acquireGroup([first, ...others]).slot);
    this.target[variant] = others.length > 0 ? (held.at(-1) ?? INACTIVE) : first.slot;
    return { tunnels, held, problem: undefined };
  }

  #noGateway(variant: VariantId): string {
    const gateways = (this.#members[Math.floor(variant / VARIANTS)] ?? []).map(({ gateway }) =>
      formatAddress(gateway),
    );
    return `an IPv6 route cannot use the IPv4 gateway ${gateways.join(', ')}`;
  }

  /** True when all that routes with the variant need is in the kernel. */
  isReady(variant: VariantId): boolean {
    const target = this.target[variant] as number;
    if (target < 0 || !this.#objects.isPresent(target)) return false;
    return (this.#active[variant]?.tunnels ?? []).every(
      ({ neighbour, fdb }) =>
        neighbour.installed !== undefined && fdb.installed !== undefined && !fdb.damaged,
    );
  }

  /** Why {@link isReady} is false. */
  problemOf(variant: VariantId): string {
    const active = this.#active[variant];
    const broken = active?.tunnels.flatMap(({ neighbour, fdb }) => [neighbour.failure, fdb.failure]);
    const target = this.target[variant] as number;
    return (
      active?.problem ??
      broken?.find((failure) => failure !== undefined) ??
      (target < 0 ? undefined : this.#objects.failureOf(target)) ??
      'its next hop is not in the kernel yet'
    );
  }

  /** The set that stands for an object or group of an earlier run; it is never interned. */
  adopt(slot: number): NexthopSetId {
    const known = this.#adopted.get(slot);
    if (known !== undefined) return known;
    const set = this.#newSet(`found ${slot}`);
    this.#adopted.set(slot, set);
    for (let variant = set * VARIANTS; variant < (set + 1) * VARIANTS; variant++) {
      this.#objects.keep(slot);
      this.target[variant] = slot;
      this.#active[variant] = { tunnels: [], held: [slot], problem: undefined };
      this.#idle.add(variant);
    }
    return set;
  }

  /** Marks, by variant, those whose object is in one of the slots. */
  variantsOf(slots: ReadonlySet<number>): Uint8Array {
    const marks = new Uint8Array(this.target.length);
    this.target.forEach((slot, variant) => {
      if (slot !== INACTIVE && slots.has(slot)) marks[variant] = 1;
    });
    return marks;
  }

  /** Lets go of the objects that no route wants or has any more. */
  settle(): void {
    for (const variant of this.#idle) {
      const idle = this.wanted[variant] === 0;
      if (idle && (this.installed[variant] as number) > 0) continue;
      this.#idle.delete(variant);
      if (idle) this.#deactivate(variant);
    }
  }

  #deactivate(variant: VariantId): void {
    const active = this.#active[variant];
    if (active === undefined) return;
    const target = this.target[variant] as number;
    for (const tunnel of active.tunnels) this.#entries.release(tunnel);
    for (const slot of active.held) this.#objects.release(slot);
    this.target[variant] = INACTIVE;
    this.#active[variant] = undefined;
    const set = Math.floor(variant / VARIANTS);
    if (this.#adopted.get(target) === set && this.#active[variant ^ 1] === undefined)
      this.#adopted.delete(target);
    this.#freeIfUnused(set);
  }
}

/** Gateway for an IPv6 route: an IPv4 tunnel endpoint goes in its IPv4-mapped form, as FRR has it. */
function ipv6Gateway({ gateway, tunnel }: RouteNexthop): Uint8Array | undefined {
  if (gateway.version === 6) return gateway.bytes;
  return tunnel === undefined ? undefined : ipv4Mapped(gateway).bytes;
}

/** What makes a next hop another one of its set. */
function gatewayKey({ gateway, device, onlink }: RouteNexthop): string {
  return `${toHex(gateway.bytes)} ${device} ${onlink}`;
}

function memberKey(nexthop: RouteNexthop): string {
  const { tunnel } = nexthop;
  const inner = tunnel
    ? `${toHex(tunnel.vtep.bytes)} ${toHex(tunnel.routerMac)} ${tunnel.bridge} ${tunnel.vxlan} ${tunnel.vni}`
    : '';
  return `${gatewayKey(nexthop)} ${inner}`;
}

function grown(array: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(size);
  copy.set(array);
  return copy;
}
