// Hot: runs once per changed prefix of a VRF. Attributes are derived once per set and batch.
import { AttributeKind } from '../bgp/rib/attribute-store.ts';
import type { JournalReader } from '../bgp/rib/journal.ts';
import { extendedCommunitiesOf, internRewritten } from '../bgp/rib/local-attributes.ts';
import type { Rib } from '../bgp/rib/rib.ts';
import type { RouteSource } from '../bgp/rib/sources.ts';
import { IPV4_UNICAST } from '../bgp/wire/family.ts';
import type { EvpnInstance } from './evpn-instance.ts';
import {
  joinCommunities,
  routerMacCommunity,
  VXLAN_ENCAPSULATION,
  withoutEvpnCommunities,
} from './extended-communities.ts';
import { prefixRouteRest, writePrefixRouteKey } from './prefix-route.ts';
import { encodeRouteTarget } from './route-target.ts';

const batch = new Int32Array(4096);
const unicastKey = new Uint8Array(17);
const evpnKey = new Uint8Array(32);

/**
 * Turns the best paths of one unicast RIB of a VRF into Type 5 routes (RFC 9136 §4.4.1). Paths that were
 * imported from EVPN are never exported back.
 */
export class VrfExporter {
  readonly #instance: EvpnInstance;
  readonly #rib: Rib;
  readonly #evpn: Rib;
  readonly #source: RouteSource;
  readonly #version: 4 | 6;
  readonly #reader: JournalReader;
  readonly #rest: Uint8Array;
  readonly #communities: Uint8Array | undefined;
  readonly #derived = new Map<number, number>();
  #exported = 0;
  /** Next prefix of the first pass over the whole table, or -1 when that is done. */
  #walk = 0;

  /** `source`: this router in the EVPN RIB. What the VRF holds already is exported at the next {@link follow}. */
  constructor(instance: EvpnInstance, rib: Rib, evpn: Rib, source: RouteSource) {
    this.#instance = instance;
    this.#rib = rib;
    this.#evpn = evpn;
    this.#source = source;
    this.#version = rib.family === IPV4_UNICAST ? 4 : 6;
    this.#rest = prefixRouteRest(instance.vni, this.#version);
    this.#communities = instance.routerMac && exportCommunities(instance, instance.routerMac);
    this.#reader = rib.readBestChanges();
  }

  /** Routes that are in EVPN now. */
  get exported(): number {
    return this.#exported;
  }

  get pending(): boolean {
    return this.#walk >= 0 || !this.#reader.atEnd;
  }

  follow(limit: number): void {
    if (this.#walk >= 0) this.#followTable(limit);
    else {
      const count = this.#reader.read(batch.subarray(0, limit));
      for (let i = 0; i < count; i++) this.#export(batch[i] as number);
    }
    for (const derived of this.#derived.values()) this.#rib.attributes.release(derived);
    this.#derived.clear();
  }

  /** What is in the table has not changed for anyone else: it does not go through the journal. */
  #followTable(limit: number): void {
    const { idLimit } = this.#rib.prefixes;
    const end = Math.min(this.#walk + limit, idLimit);
    for (let prefix = this.#walk; prefix < end; prefix++) {
      if (this.#rib.best(prefix) >= 0) this.#export(prefix);
    }
    this.#walk = end < idLimit ? end : -1;
  }

  #export(prefix: number): void {
    const keyLength = writePrefixRouteKey(
      evpnKey,
      this.#instance.routeDistinguisher,
      unicastKey,
      this.#rib.prefixes.copyKey(prefix, unicastKey, 0),
      this.#version,
    );
    const path = this.#rib.best(prefix);
    const exported =
      path >= 0 && this.#communities && !this.#rib.sources.get(this.#rib.paths.source(path)).imported;
    if (!exported) {
      this.#withdraw(keyLength);
      return;
    }
    const attributes = this.#derive(this.#rib.paths.attributes(path));
    const extra = this.#evpn.extras.intern(this.#rest, 0, this.#rest.length);
    const id = this.#evpn.prefixes.findOrAdd(evpnKey, 0, keyLength);
    if (this.#evpn.findPath(id, this.#source.id, 0) < 0) this.#exported++;
    this.#evpn.announce(id, this.#source.id, 0, attributes, extra);
  }

  /** Withdraws the route whose key is in `evpnKey`, if it was exported. */
  #withdraw(keyLength: number): void {
    const old = this.#evpn.prefixes.find(evpnKey, 0, keyLength);
    if (old >= 0 && this.#evpn.withdraw(old, this.#source.id, 0)) this.#exported--;
  }

  #derive(attributes: number): number {
    const known = this.#derived.get(attributes);
    if (known !== undefined) return known;
    const store = this.#rib.attributes;
    const { vtep } = this.#instance;
    const derived = internRewritten(store, attributes, {
      kind: AttributeKind.local,
      nextHop: store.nextHops.intern(vtep.bytes, 0, vtep.bytes.length),
      extendedCommunities: joinCommunities([
        withoutEvpnCommunities(extendedCommunitiesOf(store, attributes)),
        this.#communities ?? new Uint8Array(0),
      ]),
    });
    store.retain(derived);
    this.#derived.set(attributes, derived);
    return derived;
  }

  /** Withdraws all that was exported and stops following. */
  close(): void {
    this.#reader.close();
    for (let prefix = 0; prefix < this.#rib.prefixes.idLimit; prefix++) {
      const length = this.#rib.prefixes.keyLength(prefix);
      if (length < 0) continue;
      this.#rib.prefixes.copyKey(prefix, unicastKey, 0);
      const keyLength = writePrefixRouteKey(
        evpnKey,
        this.#instance.routeDistinguisher,
        unicastKey,
        length,
        this.#version,
      );
      this.#withdraw(keyLength);
    }
  }
}

function exportCommunities(instance: EvpnInstance, routerMac: Uint8Array): Uint8Array {
  return joinCommunities([
    VXLAN_ENCAPSULATION,
    ...instance.exportTargets.map(encodeRouteTarget),
    routerMacCommunity(routerMac),
  ]);
}
