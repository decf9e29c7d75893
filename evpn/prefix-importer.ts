// Hot: runs once per changed EVPN route. Attributes are examined once per set and batch.
import { AttributeKind } from '../bgp/rib/attribute-store.ts';
import { growInt32 } from '../bgp/rib/columns.ts';
import type { JournalReader } from '../bgp/rib/journal.ts';
import { extendedCommunitiesOf, internRewritten } from '../bgp/rib/local-attributes.ts';
import type { Rib } from '../bgp/rib/rib.ts';
import { SourceKind } from '../bgp/rib/sources.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../bgp/wire/family.ts';
import { formatAddress, type IpAddress } from '../net/address.ts';
import type { EvpnInstance } from './evpn-instance.ts';
import { allowsVxlan, findRouterMac, withoutEvpnCommunities } from './extended-communities.ts';
import { isInterfaceLess, prefixRouteVersion, prefixRouteVni, writeUnicastKey } from './prefix-route.ts';
import { importMatches } from './route-target.ts';

/** Octets of what an imported path carries besides its attributes: router MAC and VNI. */
export const IMPORTED_EXTRA_SIZE = 9;

/** What an attribute set means for import: nothing at all, or which VRFs get it and with what. */
interface ImportPlan {
  readonly instances: readonly EvpnInstance[];
  /** Number of that list in {@link Destinations}. */
  readonly destination: number;
  /** For each instance: its VXLAN device reaches the tunnel endpoint. */
  readonly usable: readonly boolean[];
  /** The set without what only EVPN needs. */
  readonly attributes: number;
  readonly routerMac: Uint8Array;
  readonly external: boolean;
  /** What imported paths carried last: most routes of a set have the same rest, and so the same extra. */
  readonly lastExtra: LastExtra;
}

/** For one rest of an EVPN path, the extra in the RIBs that it went to. What is named here is retained. */
interface LastExtra {
  rest: number;
  vni: number;
  /** In the order of the plan's instances, the IPv4 RIB of each before its IPv6 RIB; -1: none yet. */
  readonly ids: Int32Array;
}

const batch = new Int32Array(4096);
const evpnKey = new Uint8Array(2 + 255);
const unicastKey = new Uint8Array(17);
const extra = new Uint8Array(IMPORTED_EXTRA_SIZE);

/** No VRF at all, in {@link Destinations}. */
const NOWHERE = 0;

/** Where imported routes went, so that they can be taken back: interned lists of instances. */
class Destinations {
  readonly #lists: (readonly EvpnInstance[])[] = [[]];
  #byPrefix = new Int32Array(64);

  /** Number of a prefix's list. */
  of(prefix: number): number {
    return this.#byPrefix[prefix] ?? NOWHERE;
  }

  list(index: number): readonly EvpnInstance[] {
    return this.#lists[index] ?? [];
  }

  set(prefix: number, index: number): void {
    this.#byPrefix = growInt32(this.#byPrefix, prefix + 1);
    this.#byPrefix[prefix] = index;
  }

  intern(list: readonly EvpnInstance[]): number {
    const known = this.#lists.findIndex(
      (other) => other.length === list.length && other.every((instance, index) => instance === list[index]),
    );
    return known >= 0 ? known : this.#lists.push(list) - 1;
  }

  /** Forgets an instance that is no more. */
  remove(instance: EvpnInstance): void {
    this.#lists.forEach((list, index) => {
      if (list.includes(instance)) this.#lists[index] = list.filter((other) => other !== instance);
    });
  }
}

/** Brings Type 5 routes of the EVPN RIB into the VRFs whose import targets they have (RFC 9136 §4.4.1). */
export class PrefixImporter {
  readonly #evpn: Rib;
  readonly #isReachable: (vtep: IpAddress) => boolean;
  readonly #reader: JournalReader;
  readonly #destinations = new Destinations();
  readonly #plans = new Map<number, ImportPlan | undefined>();
  #instances: EvpnInstance[] = [];
  /** By tunnel endpoint: whether it was reachable when its first route came or when all were looked at. */
  readonly #judgements = new Map<string, { readonly address: IpAddress; readonly reachable: boolean }>();
  /** Some routes of an endpoint came while it was reachable, others while it was not. */
  #judgedBoth = false;
  /** The rest of a path that was looked at last in this batch, and what came of it; -1: none. */
  #lastRest = -1;
  #lastRestUsable = false;
  /** Next prefix of a pass over the whole table for VRFs that are new, or -1. */
  #walk = -1;

  /** `isReachable`: whether the underlay has a route to a tunnel endpoint. */
  constructor(evpn: Rib, isReachable: (vtep: IpAddress) => boolean) {
    this.#evpn = evpn;
    this.#isReachable = isReachable;
    this.#reader = evpn.readBestChanges();
  }

  get pending(): boolean {
    return this.#walk >= 0 || !this.#reader.atEnd;
  }

  /** Adds a VRF; routes that are in the EVPN RIB already are imported at the next {@link follow}. */
  addInstance(instance: EvpnInstance): void {
    this.#instances.push(instance);
    this.#walk = 0;
  }

  /** Takes back all that was imported into a VRF. */
  removeInstance(instance: EvpnInstance): void {
    this.#instances = this.#instances.filter((other) => other !== instance);
    for (let prefix = 0; prefix < this.#evpn.prefixes.idLimit; prefix++) {
      const list = this.#destinations.list(this.#destinations.of(prefix));
      if (list.includes(instance)) this.#withdraw(prefix, [instance]);
    }
    this.#destinations.remove(instance);
  }

  follow(limit: number): void {
    if (this.#walk >= 0) this.#followTable(limit);
    else {
      const count = this.#reader.read(batch.subarray(0, limit));
      // A VRF that comes later goes over the whole table.
      if (this.#instances.length === 0) return;
      for (let i = 0; i < count; i++) this.#import(batch[i] as number);
    }
    this.#dropPlans();
  }

  /** What is in the table has not changed for anyone else: it does not go through the journal. */
  #followTable(limit: number): void {
    const { idLimit } = this.#evpn.prefixes;
    const end = Math.min(this.#walk + limit, idLimit);
    for (let prefix = this.#walk; prefix < end; prefix++) {
      if (this.#evpn.best(prefix) >= 0) this.#import(prefix);
    }
    this.#walk = end < idLimit ? end : -1;
  }

  /** A plan keeps its attribute set alive while others are replaced. */
  #dropPlans(): void {
    for (const plan of this.#plans.values()) {
      if (!plan) continue;
      this.#evpn.attributes.release(plan.attributes);
      releaseExtras(plan);
    }
    this.#plans.clear();
    this.#lastRest = -1;
  }

  #import(prefix: number): void {
    const path = this.#evpn.best(prefix);
    const plan = path >= 0 && this.#isFromOthers(path) ? this.#planOf(path) : undefined;
    const before = this.#destinations.of(prefix);
    const after = plan && this.#isUsable(path) ? plan.destination : NOWHERE;
    if (before !== after && before !== NOWHERE) this.#withdrawFromOthers(prefix, before, after);
    if (plan && after !== NOWHERE) this.#announce(prefix, path, plan);
    this.#destinations.set(prefix, after);
  }

  #withdrawFromOthers(prefix: number, before: number, after: number): void {
    const kept = this.#destinations.list(after);
    const gone = this.#destinations.list(before).filter((instance) => !kept.includes(instance));
    if (gone.length > 0) this.#withdraw(prefix, gone);
  }

  #isFromOthers(path: number): boolean {
    return this.#evpn.sources.get(this.#evpn.paths.source(path)).kind !== SourceKind.local;
  }

  #isUsable(path: number): boolean {
    const { extras, paths } = this.#evpn;
    const rest = paths.extra(path);
    if (rest !== this.#lastRest) {
      this.#lastRest = rest;
      this.#lastRestUsable = isInterfaceLess(extras.bytes, extras.start(rest), extras.end(rest));
    }
    return this.#lastRestUsable;
  }

  #planOf(path: number): ImportPlan | undefined {
    const attributes = this.#evpn.paths.attributes(path);
    if (this.#plans.has(attributes)) return this.#plans.get(attributes);
    const plan = this.#makePlan(attributes, this.#evpn.sources.get(this.#evpn.paths.source(path)).kind);
    this.#plans.set(attributes, plan);
    return plan;
  }

  #makePlan(id: number, kind: SourceKind): ImportPlan | undefined {
    const store = this.#evpn.attributes;
    const communities = extendedCommunitiesOf(store, id);
    const routerMac = findRouterMac(communities);
    if (!routerMac || !allowsVxlan(communities)) return undefined;
    const instances = this.#instances.filter(({ importRule }) => importMatches(importRule, communities));
    if (instances.length === 0) return undefined;
    const attributes = internRewritten(store, id, {
      kind: kind === SourceKind.ibgp ? AttributeKind.ibgp : AttributeKind.ebgp,
      nextHop: store.nextHop(id),
      extendedCommunities: withoutEvpnCommunities(communities),
    });
    store.retain(attributes);
    const usable = instances.map(({ vtep }) => this.#isUsableVtep(store.nextHop(id), vtep));
    const destination = this.#destinations.intern(instances);
    const lastExtra = { rest: -1, vni: 0, ids: new Int32Array(instances.length * 2).fill(-1) };
    const external = kind === SourceKind.ebgp;
    return { instances, destination, usable, attributes, routerMac, external, lastExtra };
  }

  #announce(prefix: number, path: number, plan: ImportPlan): void {
    const version = prefixRouteVersion(evpnKey, this.#evpn.prefixes.copyKey(prefix, evpnKey, 0));
    if (!version) return;
    const rest = this.#evpn.paths.extra(path);
    if (rest !== plan.lastExtra.rest) this.#beginExtra(plan, rest);
    const { vni } = plan.lastExtra;
    const keyLength = writeUnicastKey(unicastKey, evpnKey);
    for (let index = 0; index < plan.instances.length; index++) {
      const { vrf, importSources, vni: own } = plan.instances[index] as EvpnInstance;
      const rib = vrf.ribs.get(version === 4 ? IPV4_UNICAST : IPV6_UNICAST);
      if (!rib) continue;
      const source = plan.external ? importSources.ebgp : importSources.ibgp;
      const other = plan.external ? importSources.ibgp : importSources.ebgp;
      const id = rib.prefixes.findOrAdd(unicastKey, 0, keyLength);
      const extraId = extraFor(plan, index * 2 + (version === 4 ? 0 : 1), rib);
      rib.announce(id, source.id, prefix, plan.attributes, extraId);
      rib.withdraw(id, other.id, prefix);
      // The VXLAN device sends with the VNI of its own only: the other end asks for another one.
      rib.setUsable(rib.findPath(id, source.id, prefix), vni === own && plan.usable[index] === true);
    }
  }

  #beginExtra(plan: ImportPlan, rest: number): void {
    releaseExtras(plan);
    const { extras } = this.#evpn;
    plan.lastExtra.rest = rest;
    plan.lastExtra.vni = prefixRouteVni(extras.bytes, extras.end(rest));
  }

  #withdraw(prefix: number, instances: readonly EvpnInstance[]): void {
    const version = prefixRouteVersion(evpnKey, this.#evpn.prefixes.copyKey(prefix, evpnKey, 0));
    if (!version) return;
    const keyLength = writeUnicastKey(unicastKey, evpnKey);
    for (const { vrf, importSources } of instances) {
      const rib = vrf.ribs.get(version === 4 ? IPV4_UNICAST : IPV6_UNICAST);
      const id = rib?.prefixes.find(unicastKey, 0, keyLength) ?? -1;
      if (!rib || id < 0) continue;
      rib.withdraw(id, importSources.ebgp.id, prefix);
      rib.withdraw(id, importSources.ibgp.id, prefix);
    }
  }

  /**
   * Looks at the reachability of all tunnel endpoints again: call when routes of the underlay changed.
   * Goes over the imported paths only if it is another one for some endpoint.
   */
  revalidate(): void {
    if (!this.#reachabilityChanged()) return;
    this.#judgements.clear();
    this.#judgedBoth = false;
    for (const { vrf, importSources, vtep, vni } of this.#instances) {
      const usable = new Map<number, boolean>();
      for (const rib of vrf.ribs.values()) {
        for (let path = 0; path < rib.paths.idLimit; path++) {
          const source = rib.paths.source(path);
          if (source !== importSources.ebgp.id && source !== importSources.ibgp.id) continue;
          const nextHop = rib.attributes.nextHop(rib.paths.attributes(path));
          const known = usable.get(nextHop) ?? this.#isUsableVtep(nextHop, vtep);
          usable.set(nextHop, known);
          rib.setUsable(path, known && importedVni(rib, path) === vni);
        }
      }
    }
  }

  #reachabilityChanged(): boolean {
    if (this.#judgedBoth) return true;
    for (const { address, reachable } of this.#judgements.values()) {
      if (this.#isReachable(address) !== reachable) return true;
    }
    return false;
  }

  /** A VXLAN device sends from an address of one IP version only. */
  #isUsableVtep(nextHop: number, own: IpAddress): boolean {
    const { address } = this.#evpn.attributes.nextHops.get(nextHop);
    if (address.version !== own.version) return false;
    const reachable = this.#isReachable(address);
    const text = formatAddress(address);
    const before = this.#judgements.get(text);
    if (!before) this.#judgements.set(text, { address, reachable });
    else if (before.reachable !== reachable) this.#judgedBoth = true;
    return reachable;
  }

  close(): void {
    this.#reader.close();
  }
}

/** The extra of the paths of a plan in one RIB, which is at `place` of {@link LastExtra.ids}. */
function extraFor({ routerMac, lastExtra }: ImportPlan, place: number, rib: Rib): number {
  const known = lastExtra.ids[place] as number;
  if (known >= 0) return known;
  const { vni } = lastExtra;
  extra.set(routerMac);
  extra[6] = vni >>> 16;
  extra[7] = (vni >>> 8) & 0xff;
  extra[8] = vni & 0xff;
  const id = rib.extras.intern(extra, 0, IMPORTED_EXTRA_SIZE);
  rib.extras.retain(id);
  lastExtra.ids[place] = id;
  return id;
}

function releaseExtras({ instances, lastExtra: { ids } }: ImportPlan): void {
  for (let place = 0; place < ids.length; place++) {
    const id = ids[place] as number;
    if (id < 0) continue;
    const family = place % 2 === 0 ? IPV4_UNICAST : IPV6_UNICAST;
    (instances[place >> 1] as EvpnInstance).vrf.ribs.get(family)?.extras.release(id);
    ids[place] = -1;
  }
}

/** The VNI that the other end asks for, of an imported path. */
function importedVni({ extras, paths }: Rib, path: number): number {
  return prefixRouteVni(extras.bytes, extras.end(paths.extra(path)));
}
