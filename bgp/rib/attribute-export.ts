// Hot: runs once per attribute set and batch. Writes bytes; nothing is allocated.
import { AttributeCode, WellKnownCommunity } from '../wire/constants.ts';
import { readU32 } from '../wire/octets.ts';
import { attributeEnd, attributeValue } from './attribute-header.ts';
import { AttributeFact, AttributeKind, type AttributeStore } from './attribute-store.ts';
import { type OtcEgress, writeOtc } from './only-to-customer.ts';

/** What an attribute set becomes on its way to a peer (RFC 4271 §5). */
export interface AttributeExport {
  readonly peerType: 'ebgp' | 'ibgp';
  readonly localAs: number;
  /** False: AS numbers in two octets, with AS4_PATH where needed (RFC 6793). */
  readonly fourOctetAs: boolean;
  /** Set where this router is a route reflector and the peer an internal one (RFC 4456). */
  readonly reflection?: Reflection | undefined;
  /** Set where this router has a role, in IPv4 and IPv6 unicast (RFC 9234). */
  readonly onlyToCustomer?: OtcEgress | undefined;
  /** Whether this router is about to end its sessions; absent: never. */
  readonly drain?: DrainState;
}

/** Changes for all peers at once. */
export interface DrainState {
  /** All routes go out with GRACEFUL_SHUTDOWN (RFC 8326), and with LOCAL_PREF 0 to internal peers. */
  readonly active: boolean;
}

/** What reflecting routes to a peer takes. */
export interface Reflection {
  /** Of this router, unsigned. */
  readonly clusterId: number;
  /** The peer is a client: it gets the routes of non-clients too. */
  readonly toClient: boolean;
}

const AS_TRANS = 23456;
const AS_SEQUENCE = 2;
const FIRST_CONFEDERATION_SEGMENT = 3;

/** The most bytes that the export adds to an attribute set: AS_PATH and AS4_PATH prepended and widened, NEXT_HOP, LOCAL_PREF, ORIGINATOR_ID, CLUSTER_LIST, COMMUNITIES, ONLY_TO_CUSTOMER. */
export const EXPORT_OVERHEAD = 120;

/** Codes whose meaning this speaker knows: they are passed on without the partial bit (RFC 4271 §5). */
const KNOWN_CODES = new Set([1, 2, 4, 5, 6, 7, 8, 9, 10, 16, 22, 25, 26, 32, 35]);

/** Writes attribute sets for one kind of peer, all but NEXT_HOP in MP_REACH_NLRI. */
export class AttributeExporter {
  readonly #store: AttributeStore;
  readonly #profile: AttributeExport;
  #target: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(store: AttributeStore, profile: AttributeExport) {
    this.#store = store;
    this.#profile = profile;
  }

  /**
   * Writes set `id` to `target` from `at` on, in ascending order of type codes where the set has that
   * order; returns the end. `nextHop`: four octets for a NEXT_HOP attribute, or undefined. `local`: the
   * route comes from this router, so its MED is for the neighbour to see. `originator`: the BGP identifier of the
   * internal peer whose route is reflected, or -1. `target` must have room for twice the set and
   * {@link EXPORT_OVERHEAD}.
   */
  write(
    id: number,
    target: Uint8Array,
    at: number,
    nextHop: Uint8Array | undefined,
    local: boolean,
    originator: number,
  ): number {
    const store = this.#store;
    const bytes = store.bytes;
    const start = store.attributesStart(id);
    const end = store.attributesEnd(id);
    this.#target = target;
    this.#at = at;
    this.#copy(bytes, this.#find(bytes, start, end, AttributeCode.ORIGIN), end);
    const asPath = this.#find(bytes, start, end, AttributeCode.AS_PATH);
    this.#writeAsPath(bytes, asPath);
    if (nextHop) this.#writeNextHop(nextHop);
    const ibgp = this.#profile.peerType === 'ibgp';
    const keepMed = ibgp || local;
    if (keepMed && store.flags(id) & AttributeFact.hasMed) {
      this.#copy(bytes, this.#find(bytes, start, end, AttributeCode.MULTI_EXIT_DISC), end);
    }
    const leaving = this.#profile.drain?.active === true;
    if (ibgp) this.#writeU32Attribute(AttributeCode.LOCAL_PREF, leaving ? 0 : store.localPref(id));
    // RFC 7311 §3.4: AIGP is for internal peers, and what an external one sent of it does not count.
    const keepAigp = ibgp && store.kind(id) === AttributeKind.ibgp;
    if (originator < 0) this.#writeRest(bytes, start, end, keepAigp, false);
    else this.#writeReflected(id, originator, keepAigp);
    if (leaving && this.#find(bytes, start, end, AttributeCode.COMMUNITIES) < 0)
      this.#writeLeaving(bytes, -1);
    const { onlyToCustomer } = this.#profile;
    if (onlyToCustomer?.adds && (store.flags(id) & AttributeFact.onlyToCustomer) === 0)
      this.#at = writeOtc(target, this.#at, this.#profile.localAs);
    return this.#at;
  }

  /** RFC 4456 §8: ORIGINATOR_ID is made where there is none; our CLUSTER_ID comes first in CLUSTER_LIST. */
  #writeReflected(id: number, originator: number, keepAigp: boolean): void {
    const store = this.#store;
    const bytes = store.bytes;
    const end = store.attributesEnd(id);
    let after = store.attributesStart(id);
    while (after < end && (bytes[after + 1] as number) < AttributeCode.ORIGINATOR_ID) {
      after = attributeEnd(bytes, after);
    }
    this.#writeRest(bytes, store.attributesStart(id), after, keepAigp, true);
    const known = store.originatorId(id);
    this.#writeU32Attribute(AttributeCode.ORIGINATOR_ID, known !== 0 ? known : originator);
    const list = this.#find(bytes, store.attributesStart(id), end, AttributeCode.CLUSTER_LIST);
    const value = list < 0 ? 0 : attributeValue(bytes, list);
    const valueEnd = list < 0 ? 0 : attributeEnd(bytes, list);
    this.#header(0x80, AttributeCode.CLUSTER_LIST, 4 + valueEnd - value);
    this.#u32(this.#profile.reflection?.clusterId ?? 0);
    this.#copyBytes(bytes, value, valueEnd);
    this.#writeRest(bytes, after, end, keepAigp, true);
  }

  #find(bytes: Uint8Array, start: number, end: number, code: number): number {
    for (let at = start; at < end; at = attributeEnd(bytes, at)) if (bytes[at + 1] === code) return at;
    return -1;
  }

  #copy(bytes: Uint8Array, at: number, limit: number): void {
    if (at < 0 || at >= limit) return;
    this.#copyBytes(bytes, at, attributeEnd(bytes, at));
  }

  #copyBytes(bytes: Uint8Array, start: number, end: number): void {
    const target = this.#target;
    let to = this.#at;
    for (let i = start; i < end; i++) target[to++] = bytes[i] as number;
    this.#at = to;
  }

  #writeNextHop(nextHop: Uint8Array): void {
    this.#u8(0x40).#u8(3).#u8(4);
    for (let i = 0; i < 4; i++) this.#u8(nextHop[i] as number);
  }

  #writeU32Attribute(code: number, value: number): void {
    this.#u8(code === AttributeCode.LOCAL_PREF ? 0x40 : 0x80)
      .#u8(code)
      .#u8(4)
      .#u32(value);
  }

  /** `reflected`: ORIGINATOR_ID and CLUSTER_LIST are written elsewhere. */
  #writeRest(bytes: Uint8Array, start: number, end: number, keepAigp: boolean, reflected: boolean): void {
    for (let at = start; at < end; at = attributeEnd(bytes, at)) {
      const code = bytes[at + 1] as number;
      if (
        code === AttributeCode.ORIGIN ||
        code === AttributeCode.AS_PATH ||
        code === AttributeCode.MULTI_EXIT_DISC ||
        code === AttributeCode.LOCAL_PREF
      )
        continue;
      if (
        code === AttributeCode.AS4_PATH ||
        code === AttributeCode.AS4_AGGREGATOR ||
        (code === AttributeCode.AIGP && !keepAigp)
      )
        continue;
      const ibgp = this.#profile.peerType === 'ibgp';
      const ofReflection = code === AttributeCode.ORIGINATOR_ID || code === AttributeCode.CLUSTER_LIST;
      if (ofReflection && (!ibgp || reflected)) continue;
      if (code === AttributeCode.COMMUNITIES && this.#profile.drain?.active) this.#writeLeaving(bytes, at);
      else if (code === AttributeCode.EXTENDED_COMMUNITIES && !ibgp)
        this.#writeTransitiveExtendedCommunities(bytes, at);
      else if (code === AttributeCode.AGGREGATOR && !this.#profile.fourOctetAs)
        this.#writeOldAggregator(bytes, at);
      else this.#writeOptional(bytes, at, code, end);
    }
  }

  /** COMMUNITIES with GRACEFUL_SHUTDOWN behind those of the attribute at `at`, or alone (-1). */
  #writeLeaving(bytes: Uint8Array, at: number): void {
    const value = at < 0 ? 0 : attributeValue(bytes, at);
    const end = at < 0 ? 0 : attributeEnd(bytes, at);
    this.#header(0xc0, AttributeCode.COMMUNITIES, end - value + 4);
    this.#copyBytes(bytes, value, end);
    this.#u32(WellKnownCommunity.GRACEFUL_SHUTDOWN);
  }

  /** RFC 4271 §5: an unknown attribute goes on only if it is transitive, and is marked as partial. */
  #writeOptional(bytes: Uint8Array, at: number, code: number, limit: number): void {
    const flags = bytes[at] as number;
    if (KNOWN_CODES.has(code)) {
      this.#copy(bytes, at, limit);
      return;
    }
    if ((flags & 0x40) === 0) return;
    const written = this.#at;
    this.#copy(bytes, at, limit);
    this.#target[written] = flags | 0x20;
  }

  /** RFC 4360 §6: non-transitive extended communities stay inside the AS. */
  #writeTransitiveExtendedCommunities(bytes: Uint8Array, at: number): void {
    const value = attributeValue(bytes, at);
    const end = attributeEnd(bytes, at);
    let count = 0;
    for (let i = value; i < end; i += 8) if (((bytes[i] as number) & 0x40) === 0) count++;
    if (count === 0) return;
    this.#header(0xc0, AttributeCode.EXTENDED_COMMUNITIES, count * 8);
    for (let i = value; i < end; i += 8) {
      if (((bytes[i] as number) & 0x40) === 0) this.#copyBytes(bytes, i, i + 8);
    }
  }

  /** RFC 6793 §4.2.2: AS_TRANS in AGGREGATOR and the true number in AS4_AGGREGATOR. */
  #writeOldAggregator(bytes: Uint8Array, at: number): void {
    const value = attributeValue(bytes, at);
    const asn = readU32(bytes, value);
    this.#u8(0xc0)
      .#u8(AttributeCode.AGGREGATOR)
      .#u8(6)
      .#u16(asn > 0xffff ? AS_TRANS : asn)
      .#u32(readU32(bytes, value + 4));
    if (asn > 0xffff) {
      this.#u8(0xc0)
        .#u8(AttributeCode.AS4_AGGREGATOR)
        .#u8(8)
        .#u32(asn)
        .#u32(readU32(bytes, value + 4));
    }
  }

  #writeAsPath(bytes: Uint8Array, at: number): void {
    const value = at < 0 ? 0 : attributeValue(bytes, at);
    const end = at < 0 ? 0 : attributeEnd(bytes, at);
    this.#writeAsPathAttribute(bytes, value, end, AttributeCode.AS_PATH, this.#profile.fourOctetAs);
    if (!this.#profile.fourOctetAs && this.#hasLargeAs(bytes, value, end)) {
      this.#writeAsPathAttribute(bytes, value, end, AttributeCode.AS4_PATH, true);
    }
  }

  #hasLargeAs(bytes: Uint8Array, value: number, end: number): boolean {
    if (this.#profile.peerType === 'ebgp' && this.#profile.localAs > 0xffff) return true;
    for (let at = plainSegment(bytes, value, end); at < end; ) {
      const next = segmentEnd(bytes, at);
      for (let as = at + 2; as < next; as += 4) if (bytes[as] !== 0 || bytes[as + 1] !== 0) return true;
      at = plainSegment(bytes, next, end);
    }
    return false;
  }

  /**
   * The path with our AS in front towards external peers (RFC 4271 §5.1.2). Segments of a confederation end with it
   * (RFC 5065 §5.3), and are never in AS4_PATH (RFC 6793 §3).
   */
  #writeAsPathAttribute(bytes: Uint8Array, value: number, end: number, code: number, wide: boolean): void {
    const flags = code === AttributeCode.AS_PATH ? 0x50 : 0xd0;
    this.#u8(flags).#u8(code).#u16(0);
    const start = this.#at;
    const external = this.#profile.peerType === 'ebgp';
    const onlyPlain = external || code === AttributeCode.AS4_PATH;
    let at = onlyPlain ? plainSegment(bytes, value, end) : value;
    if (external) {
      const count = at < end && bytes[at] === AS_SEQUENCE ? (bytes[at + 1] as number) : 255;
      const joins = count < 255;
      this.#u8(AS_SEQUENCE).#u8(joins ? count + 1 : 1);
      this.#asNumber(this.#profile.localAs, wide);
      if (joins) at = this.#segmentNumbers(bytes, at, wide);
    }
    if (onlyPlain) at = plainSegment(bytes, at, end);
    while (at < end) {
      this.#u8(bytes[at] as number).#u8(bytes[at + 1] as number);
      at = this.#segmentNumbers(bytes, at, wide);
      if (onlyPlain) at = plainSegment(bytes, at, end);
    }
    this.#target[start - 2] = (this.#at - start) >> 8;
    this.#target[start - 1] = (this.#at - start) & 0xff;
  }

  #segmentNumbers(bytes: Uint8Array, segment: number, wide: boolean): number {
    const end = segmentEnd(bytes, segment);
    if (wide) this.#copyBytes(bytes, segment + 2, end);
    else for (let at = segment + 2; at < end; at += 4) this.#asNumber(readU32(bytes, at), false);
    return end;
  }

  #asNumber(asn: number, wide: boolean): void {
    if (wide) this.#u32(asn);
    else this.#u16(asn > 0xffff ? AS_TRANS : asn);
  }

  #header(flags: number, code: number, size: number): void {
    if (size > 255)
      this.#u8(flags | 0x10)
        .#u8(code)
        .#u16(size);
    else this.#u8(flags).#u8(code).#u8(size);
  }

  #u8(value: number): this {
    this.#target[this.#at++] = value;
    return this;
  }

  #u16(value: number): this {
    this.#target[this.#at++] = value >> 8;
    this.#target[this.#at++] = value & 0xff;
    return this;
  }

  #u32(value: number): this {
    return this.#u16(value >>> 16).#u16(value & 0xffff);
  }
}

/** Of a segment with 4-octet AS numbers. */
function segmentEnd(bytes: Uint8Array, segment: number): number {
  return segment + 2 + (bytes[segment + 1] as number) * 4;
}

/** The first segment from `at` on that is not of a confederation, or `end`. */
function plainSegment(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && (bytes[at] as number) >= FIRST_CONFEDERATION_SEGMENT) at = segmentEnd(bytes, at);
  return at;
}
