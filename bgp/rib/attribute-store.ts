// Hot: lookup runs once per UPDATE. Columns only; an attribute set costs no object.
import { AttributeCode, WellKnownCommunity } from '../wire/constants.ts';
import { readU32 } from '../wire/octets.ts';
import { attributeCode, attributeEnd, attributeValue } from './attribute-header.ts';
import { ByteTable } from './byte-table.ts';
import { growInt32, hashBytes } from './columns.ts';
import { NextHops } from './next-hops.ts';

/** Where an attribute set came from: it decides how missing and forbidden attributes are read. */
export const AttributeKind = { ebgp: 0, ibgp: 1, local: 2 } as const;
export type AttributeKind = (typeof AttributeKind)[keyof typeof AttributeKind];

/** Bits of {@link AttributeStore.flags}. */
export const AttributeFact = {
  hasMed: 1,
  hasLocalPref: 2,
  /** Well-known community NO_EXPORT or NO_EXPORT_SUBCONFED (RFC 1997). */
  noExport: 4,
  /** Well-known community NO_ADVERTISE (RFC 1997). */
  noAdvertise: 8,
  /** Well-known community GRACEFUL_SHUTDOWN (RFC 8326). */
  gracefulShutdown: 16,
  /** The attribute ONLY_TO_CUSTOMER is there (RFC 9234). */
  onlyToCustomer: 32,
  /** Well-known community LLGR_STALE (RFC 9494): less preferred than any route without. */
  longLivedStale: 64,
  /** Well-known community NO_LLGR (RFC 9494). */
  noLongLived: 128,
  /** Well-known community NO_PEER (RFC 3765). */
  noPeer: 256,
  /** Well-known community BLACKHOLE (RFC 7999). */
  blackhole: 512,
} as const;

/** All well-known communities are 65535:something (RFC 1997). */
const FIRST_WELL_KNOWN = 0xffff0000;

/** LOCAL_PREF of a route that has none: what FRR, BIRD and GoBGP take. */
export const DEFAULT_LOCAL_PREFERENCE = 100;

// Places of the numbers in a record.
const REFERENCES = 0;
const NEXT_HOP = 1;
const LOCAL_PREF = 2;
const MED = 3;
const NEIGHBOR_AS = 4;
const ORIGINATOR_ID = 5;
const AS_PATH_LENGTH = 6;
const CLUSTER_LIST_LENGTH = 7;
const ORIGIN = 8;
const FLAGS = 9;
const AS_PATH_AT = 10;
const AS_PATH_SIZE = 11;
/** Numbers of a record. */
const FIELDS = 12;

/** Bytes before the attributes in an identity: kind and next hop. */
export const IDENTITY_HEADER_SIZE = 5;

/**
 * All distinct sets of path attributes, interned by their wire bytes.
 *
 * The identity of a set is its kind, its next hop and its attributes as they stood on the wire with
 * 4-octet AS numbers, without NEXT_HOP, MP_REACH_NLRI and MP_UNREACH_NLRI: so one set serves all
 * families, and a set that was seen before is not parsed again. What the decision process needs is
 * in records. References are counted by {@link retain} and {@link release}.
 */
export class AttributeStore {
  readonly nextHops = new NextHops();
  readonly #table = new ByteTable();
  /** By id: {@link FIELDS} numbers, side by side so that a look at a set is one at memory. */
  #records = new Int32Array(64 * FIELDS);

  /** Attribute sets in use. */
  get size(): number {
    return this.#table.size;
  }

  /** All ids are below this. */
  get idLimit(): number {
    return this.#table.idLimit;
  }

  /**
   * The id of the identity at `bytes[start..end)` (see {@link writeIdentityHeader}), or -1 when it was never seen.
   * `hash`: what `hashBytes` gives of it.
   */
  lookup(hash: number, bytes: Uint8Array, start: number, end: number): number {
    return this.#table.findHashed(hash, bytes, start, end);
  }

  /**
   * Adds an identity that {@link lookup} did not find. Its attributes must have been checked: the walk
   * over them believes their lengths. The new set has no reference yet; {@link collect} drops it if
   * none is added.
   */
  add(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const id = this.#table.addHashed(hash, bytes, start, end);
    this.#records = growInt32(this.#records, (id + 1) * FIELDS);
    this.#records[id * FIELDS + REFERENCES] = 0;
    const nextHop = readU32(bytes, start + 1) | 0;
    this.#records[id * FIELDS + NEXT_HOP] = nextHop;
    if (nextHop >= 0) this.nextHops.retain(nextHop);
    this.#readFacts(id, bytes, start + IDENTITY_HEADER_SIZE, end);
    return id;
  }

  /** {@link lookup}, then {@link add}. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end);
    const found = this.lookup(hash, bytes, start, end);
    return found >= 0 ? found : this.add(hash, bytes, start, end);
  }

  #readFacts(id: number, bytes: Uint8Array, start: number, end: number): void {
    this.#records[id * FIELDS + LOCAL_PREF] = DEFAULT_LOCAL_PREFERENCE;
    this.#records[id * FIELDS + MED] = 0;
    this.#records[id * FIELDS + AS_PATH_LENGTH] = 0;
    this.#records[id * FIELDS + NEIGHBOR_AS] = 0;
    this.#records[id * FIELDS + ORIGINATOR_ID] = 0;
    this.#records[id * FIELDS + CLUSTER_LIST_LENGTH] = 0;
    this.#records[id * FIELDS + ORIGIN] = 2;
    this.#records[id * FIELDS + FLAGS] = 0;
    this.#records[id * FIELDS + AS_PATH_AT] = -1;
    this.#records[id * FIELDS + AS_PATH_SIZE] = 0;
    for (let at = start; at < end; at = attributeEnd(bytes, at)) {
      const value = attributeValue(bytes, at);
      const size = attributeEnd(bytes, at) - value;
      this.#readFact(id, attributeCode(bytes, at), bytes, value, size, start);
    }
    const external = bytes[start - IDENTITY_HEADER_SIZE] === AttributeKind.ebgp;
    if (external && this.flags(id) & AttributeFact.gracefulShutdown) {
      // RFC 8326 §4.2: the session is about to end, any other path is better.
      this.#records[id * FIELDS + LOCAL_PREF] = 0;
    }
  }

  #readFact(id: number, code: number, bytes: Uint8Array, value: number, size: number, start: number): void {
    switch (code) {
      case 1:
        this.#records[id * FIELDS + ORIGIN] = bytes[value] as number;
        break;
      case 2:
        this.#records[id * FIELDS + AS_PATH_AT] = value - start;
        this.#records[id * FIELDS + AS_PATH_SIZE] = size;
        this.#readAsPath(id, bytes, value, value + size);
        break;
      case 4:
        this.#records[id * FIELDS + MED] = readU32(bytes, value);
        this.#records[id * FIELDS + FLAGS] =
          (this.#records[id * FIELDS + FLAGS] as number) | AttributeFact.hasMed;
        break;
      case 5:
        this.#records[id * FIELDS + LOCAL_PREF] = readU32(bytes, value);
        this.#records[id * FIELDS + FLAGS] =
          (this.#records[id * FIELDS + FLAGS] as number) | AttributeFact.hasLocalPref;
        break;
      case 8:
        this.#readCommunities(id, bytes, value, value + size);
        break;
      case 9:
        this.#records[id * FIELDS + ORIGINATOR_ID] = readU32(bytes, value);
        break;
      case 10:
        this.#records[id * FIELDS + CLUSTER_LIST_LENGTH] = size >> 2;
        break;
      case 35:
        this.#records[id * FIELDS + FLAGS] =
          (this.#records[id * FIELDS + FLAGS] as number) | AttributeFact.onlyToCustomer;
        break;
    }
  }

  /** RFC 4271 §9.1.2.2 a: an AS_SET counts as one; RFC 5065 §5.3: confederation segments do not count. */
  #readAsPath(id: number, bytes: Uint8Array, start: number, end: number): void {
    let length = 0;
    for (let at = start; at < end; ) {
      const type = bytes[at] as number;
      const count = bytes[at + 1] as number;
      if (type === 2) length += count;
      else if (type === 1) length += 1;
      if (at === start && type === 2 && count > 0)
        this.#records[id * FIELDS + NEIGHBOR_AS] = readU32(bytes, at + 2);
      at += 2 + count * 4;
    }
    this.#records[id * FIELDS + AS_PATH_LENGTH] = length;
  }

  #readCommunities(id: number, bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at += 4) {
      const community = readU32(bytes, at);
      if (community < FIRST_WELL_KNOWN) continue;
      this.#records[id * FIELDS + FLAGS] = (this.#records[id * FIELDS + FLAGS] as number) | factOf(community);
    }
  }

  retain(id: number): void {
    this.#records[id * FIELDS + REFERENCES] = (this.#records[id * FIELDS + REFERENCES] as number) + 1;
  }

  release(id: number): void {
    const left = (this.#records[id * FIELDS + REFERENCES] as number) - 1;
    this.#records[id * FIELDS + REFERENCES] = left;
    if (left <= 0) this.#drop(id);
  }

  /** Drops a set that was added and that nothing refers to. */
  collect(id: number): void {
    if (this.#records[id * FIELDS + REFERENCES] === 0 && this.#table.length(id) >= 0) this.#drop(id);
  }

  #drop(id: number): void {
    const nextHop = this.#records[id * FIELDS + NEXT_HOP] as number;
    if (nextHop >= 0) this.nextHops.release(nextHop);
    this.#table.remove(id);
  }

  /** Next-hop id in {@link nextHops}, or -1. */
  nextHop(id: number): number {
    return this.#records[id * FIELDS + NEXT_HOP] as number;
  }

  localPref(id: number): number {
    return (this.#records[id * FIELDS + LOCAL_PREF] as number) >>> 0;
  }

  med(id: number): number {
    return (this.#records[id * FIELDS + MED] as number) >>> 0;
  }

  asPathLength(id: number): number {
    return this.#records[id * FIELDS + AS_PATH_LENGTH] as number;
  }

  /** First AS of the path, 0 when the path is empty or starts with a set. */
  neighborAs(id: number): number {
    return (this.#records[id * FIELDS + NEIGHBOR_AS] as number) >>> 0;
  }

  originatorId(id: number): number {
    return (this.#records[id * FIELDS + ORIGINATOR_ID] as number) >>> 0;
  }

  clusterListLength(id: number): number {
    return this.#records[id * FIELDS + CLUSTER_LIST_LENGTH] as number;
  }

  /** True when a route with this set has passed the route reflectors of a cluster (RFC 4456 §8). */
  hasCluster(id: number, clusterId: number): boolean {
    if (this.clusterListLength(id) === 0) return false;
    const { bytes } = this;
    const end = this.attributesEnd(id);
    for (let at = this.attributesStart(id); at < end; at = attributeEnd(bytes, at)) {
      if (attributeCode(bytes, at) !== AttributeCode.CLUSTER_LIST) continue;
      const listEnd = attributeEnd(bytes, at);
      for (let i = attributeValue(bytes, at); i < listEnd; i += 4)
        if (readU32(bytes, i) === clusterId) return true;
    }
    return false;
  }

  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  origin(id: number): number {
    return this.#records[id * FIELDS + ORIGIN] as number;
  }

  /** Bits of {@link AttributeFact}. */
  flags(id: number): number {
    return this.#records[id * FIELDS + FLAGS] as number;
  }

  kind(id: number): AttributeKind {
    return this.#table.arena[this.#table.offset(id)] as AttributeKind;
  }

  /** The buffer that {@link attributesStart} and {@link attributesEnd} point into; valid until the next addition. */
  get bytes(): Uint8Array {
    return this.#table.arena;
  }

  attributesStart(id: number): number {
    return this.#table.offset(id) + IDENTITY_HEADER_SIZE;
  }

  attributesEnd(id: number): number {
    return this.#table.offset(id) + this.#table.length(id);
  }

  /** How often `asn` stands in the AS path, sets included (RFC 4271 §9.1.2). */
  countAs(id: number, asn: number): number {
    const at = this.#records[id * FIELDS + AS_PATH_AT] as number;
    if (at < 0) return 0;
    const bytes = this.#table.arena;
    const start = this.attributesStart(id) + at;
    const end = start + (this.#records[id * FIELDS + AS_PATH_SIZE] as number);
    let found = 0;
    for (let segment = start; segment < end; ) {
      const last = segment + 2 + (bytes[segment + 1] as number) * 4;
      for (let as = segment + 2; as < last; as += 4) if (readU32(bytes, as) === asn) found++;
      segment = last;
    }
    return found;
  }

  /** True when both sets have the same AS_PATH bytes. */
  sameAsPath(a: number, b: number): boolean {
    const size = this.#records[a * FIELDS + AS_PATH_SIZE] as number;
    if (size !== this.#records[b * FIELDS + AS_PATH_SIZE]) return false;
    const bytes = this.#table.arena;
    const aStart = this.attributesStart(a) + (this.#records[a * FIELDS + AS_PATH_AT] as number);
    const bStart = this.attributesStart(b) + (this.#records[b * FIELDS + AS_PATH_AT] as number);
    for (let i = 0; i < size; i++) if (bytes[aStart + i] !== bytes[bStart + i]) return false;
    return true;
  }
}

/** Writes the header of an identity: kind, and next-hop id (-1 for none) in four octets. */
export function writeIdentityHeader(
  target: Uint8Array,
  at: number,
  kind: AttributeKind,
  nextHop: number,
): void {
  target[at] = kind;
  target[at + 1] = nextHop >>> 24;
  target[at + 2] = (nextHop >>> 16) & 0xff;
  target[at + 3] = (nextHop >>> 8) & 0xff;
  target[at + 4] = nextHop & 0xff;
}

/** What a well-known community says about a set, as a bit; 0 for one that is only passed on. */
function factOf(community: number): number {
  switch (community) {
    case WellKnownCommunity.GRACEFUL_SHUTDOWN:
      return AttributeFact.gracefulShutdown;
    case WellKnownCommunity.LLGR_STALE:
      return AttributeFact.longLivedStale;
    case WellKnownCommunity.NO_LLGR:
      return AttributeFact.noLongLived;
    case WellKnownCommunity.NO_PEER:
      return AttributeFact.noPeer;
    case WellKnownCommunity.BLACKHOLE:
      return AttributeFact.blackhole;
    case WellKnownCommunity.NO_EXPORT:
    case WellKnownCommunity.NO_EXPORT_SUBCONFED:
      return AttributeFact.noExport;
    case WellKnownCommunity.NO_ADVERTISE:
      return AttributeFact.noAdvertise;
    default:
      return 0;
  }
}
