// Hot: runs once per UPDATE and per route in it. Nothing is allocated for attributes seen before.
import { ByteWriter } from '../../net/byte-writer.ts';
import type { UpdateError } from '../wire/attribute-errors.ts';
import { AttributeCode, AttributeFlag } from '../wire/constants.ts';
import type { WireContext } from '../wire/context.ts';
import { type Family, IPV4_UNICAST, isVpnFamily } from '../wire/family.ts';
import { readU32 } from '../wire/octets.ts';
import { decodePathAttributes, encodePathAttributes } from '../wire/path-attributes.ts';
import { hasPlainAttributes } from '../wire/plain-attributes.ts';
import type { ProtocolError } from '../wire/protocol-error.ts';
import { UpdateSections } from '../wire/update-sections.ts';
import { attributeCode, attributeEnd, attributeValue } from './attribute-header.ts';
import {
  AttributeKind,
  type AttributeStore,
  IDENTITY_HEADER_SIZE,
  writeIdentityHeader,
} from './attribute-store.ts';
import { limitBlackhole } from './blackhole.ts';
import { hashBytes } from './columns.ts';
import { Ipv4Block } from './ipv4-block.ts';
import { NlriSplitter } from './nlri-key.ts';
import { addOtc, isLeak, OTC_SIZE, type OtcIngress } from './only-to-customer.ts';
import { Ipv4PrefixTable } from './prefix-table.ts';
import { copyVpnNextHop, hasUsualNextHop } from './reach-next-hop.ts';
import { MOST_PATHS_OF_PEER, type Rib } from './rib.ts';
import type { RouteSource } from './sources.ts';
import {
  invalidNetworkField,
  malformedEvpnRoute,
  partsDoNotFit,
  tooLargeAttributes,
  tooManyPaths,
} from './update-faults.ts';

/** What is done with the routes of one session. */
export interface UpdateReaderOptions {
  readonly attributes: AttributeStore;
  readonly context: WireContext;
  readonly source: RouteSource;
  /** The RIBs of the negotiated families; routes of any other family are ignored (RFC 7606 §5.4). */
  readonly ribs: ReadonlyMap<Family, Rib>;
  readonly localAs: number;
  /** How often our own AS may stand in the path of a route that is accepted: 0 by RFC 4271 §9.1.2. */
  readonly allowOwnAs: number;
  /** BGP identifier of this router, unsigned: a route that it originated is refused (RFC 4456 §8). */
  readonly routerId: number;
  /** CLUSTER_ID of this router, unsigned, where it is a route reflector: routes that passed it are refused (RFC 4456 §8). */
  readonly clusterId?: number | undefined;
  /** Number of the interface that link-local next hops are on, by `NextHops.interfaceNumber`; absent: of no certain one. */
  readonly interfaceNumber?: number | undefined;
  /** Set where this router has a role: for routes of IPv4 and IPv6 unicast (RFC 9234). */
  readonly onlyToCustomer?: OtcIngress | undefined;
  /** The routes of an UPDATE were refused: they are a leak (RFC 9234). */
  readonly leaked?: (family: Family) => void;
  /** End-of-RIB was received for a family. */
  readonly endOfRib: (family: Family) => void;
  /** An error that does not end the session, for the log. */
  readonly tolerated: (error: UpdateError) => void;
}

/**
 * Octets of attributes that are kept at most. A message holds no more than 65,535, but two-octet AS numbers take twice the room
 * here, and communities and AS numbers are added to what goes on.
 */
const MOST_ATTRIBUTE_OCTETS = 64_000;

/** Attribute ids below this mean that the routes go. */
const REJECTED = -1;
const FOUR_OCTET_CONTEXT: WireContext = {
  fourOctetAs: true,
  addPath: () => false,
  extendedMessage: true,
  extendedNextHop: false,
  peerType: 'ibgp',
};

// One message is read at a time: all sessions share the scratch space.
const sections = new UpdateSections();
const splitter = new NlriSplitter();
const block = new Ipv4Block();
const identity = new Uint8Array(IDENTITY_HEADER_SIZE + 65535 + OTC_SIZE);
const canonical = new ByteWriter();
const vpnNextHop = new Uint8Array(32);
/** Whether the routes at hand are those of MP_UNREACH_NLRI, in which labels have another form. */
let inUnreach = false;

/** Reads the UPDATEs of one session into RIBs. */
export class UpdateReader {
  readonly #options: UpdateReaderOptions;
  readonly #kind: AttributeKind;
  /** 0: of no certain interface. */
  readonly #interfaceNumber: number;
  /** The next hop of the attributes that are being read, or -1. */
  #nextHop = -1;
  /** Paths of the present message that were one too many. */
  #refused = 0;

  constructor(options: UpdateReaderOptions) {
    this.#options = options;
    this.#interfaceNumber = options.interfaceNumber ?? 0;
    this.#kind = options.context.peerType === 'ebgp' ? AttributeKind.ebgp : AttributeKind.ibgp;
  }

  /** Takes one UPDATE, header included. An error that is returned ends the session. */
  read(bytes: Uint8Array, start: number, end: number): ProtocolError | undefined {
    if (!sections.split(bytes, start, end)) return this.#readBroken(bytes, start, end);
    const error =
      this.#walk(IPV4_UNICAST, bytes, sections.withdrawnStart, sections.withdrawnEnd, REJECTED) ??
      this.#readUnreach(bytes) ??
      this.#readAnnouncements(bytes);
    if (error) return error;
    this.#noticeEndOfRib(start, end);
    return undefined;
  }

  /** RFC 4724 §2: an UPDATE with nothing in it, or with nothing but an empty MP_UNREACH_NLRI. */
  #noticeEndOfRib(start: number, end: number): void {
    if (end - start === 23) this.#options.endOfRib(IPV4_UNICAST);
    const onlyUnreach =
      sections.unreachStart === sections.attributesStart &&
      sections.unreachEnd === end &&
      sections.withdrawnStart === sections.withdrawnEnd;
    if (onlyUnreach && sections.unreachNlriStart === sections.unreachEnd) {
      this.#options.endOfRib(sections.unreachFamily);
    }
  }

  #readUnreach(bytes: Uint8Array): ProtocolError | undefined {
    if (sections.unreachStart < 0) return undefined;
    return this.#walkUnreach(sections.unreachFamily, bytes, sections.unreachNlriStart, sections.unreachEnd);
  }

  #walkUnreach(family: Family, bytes: Uint8Array, at: number, end: number): ProtocolError | undefined {
    inUnreach = true;
    const error = this.#walk(family, bytes, at, end, REJECTED);
    inUnreach = false;
    return error;
  }

  #readAnnouncements(bytes: Uint8Array): ProtocolError | undefined {
    const hasIpv4 = sections.nlriStart < sections.nlriEnd;
    const hasReach = sections.reachStart >= 0;
    if (!hasIpv4 && !hasReach) return undefined;
    if (hasReach) {
      const id = this.#attributesOf(bytes, true);
      if (typeof id !== 'number') return id;
      const error = this.#announce(
        sections.reachFamily,
        bytes,
        sections.reachNlriStart,
        sections.reachEnd,
        id,
      );
      if (error) return error;
    }
    if (!hasIpv4) return undefined;
    const id = this.#attributesOf(bytes, false);
    if (typeof id !== 'number') return id;
    return this.#announce(IPV4_UNICAST, bytes, sections.nlriStart, sections.nlriEnd, id);
  }

  #announce(
    family: Family,
    bytes: Uint8Array,
    at: number,
    end: number,
    id: number,
  ): ProtocolError | undefined {
    const error = this.#walk(family, bytes, at, end, id);
    if (id >= 0) this.#options.attributes.collect(id);
    return error;
  }

  /** The attribute set for the routes of MP_REACH_NLRI or of the NLRI field; {@link REJECTED} when they have to go. */
  #attributesOf(bytes: Uint8Array, reach: boolean): number | ProtocolError {
    const length = this.#writeIdentity(bytes, reach);
    const hash = length < 0 ? 0 : hashBytes(identity, 0, length);
    const seen = length < 0 ? -1 : this.#options.attributes.lookup(hash, identity, 0, length);
    const id = seen >= 0 ? seen : this.#internChecked(bytes, reach, length, hash);
    this.#forgetNextHop();
    if (typeof id !== 'number' || id < 0) return id;
    if (this.#isAcceptable(id) && !this.#isLeak(id, familyAtHand(reach))) {
      return limitBlackhole(this.#options.attributes, id);
    }
    this.#options.attributes.collect(id);
    return REJECTED;
  }

  /** Interns a next hop of the message; it stays if attributes that refer to it do. */
  #internNextHop(bytes: Uint8Array, start: number, end: number): number {
    const { nextHops } = this.#options.attributes;
    const on = this.#interfaceNumber;
    const id = on === 0 ? nextHops.intern(bytes, start, end) : nextHops.internOn(bytes, start, end, on);
    if (id !== this.#nextHop) this.#forgetNextHop();
    this.#nextHop = id;
    return id;
  }

  #forgetNextHop(): void {
    this.#options.attributes.nextHops.collect(this.#nextHop);
    this.#nextHop = -1;
  }

  /** Writes the identity of the attributes as they stand in the message; -1 when they need a closer look. */
  #writeIdentity(bytes: Uint8Array, reach: boolean): number {
    if (!this.#options.context.fourOctetAs) return -1;
    if (reach && !hasUsualNextHop(sections, this.#options.context.extendedNextHop)) return -1;
    let nextHop = reach ? this.#internReachNextHop(bytes) : -1;
    let hasNextHop = false;
    let length = IDENTITY_HEADER_SIZE;
    let next: number;
    for (let at = sections.attributesStart; at < sections.attributesEnd; at = next) {
      next = attributeEnd(bytes, at);
      const code = attributeCode(bytes, at);
      const flags = (bytes[at] as number) & (AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE);
      if (code === AttributeCode.MP_REACH_NLRI || code === AttributeCode.MP_UNREACH_NLRI) {
        if (flags !== AttributeFlag.OPTIONAL) return -1;
      } else if (code === AttributeCode.NEXT_HOP) {
        const value = attributeValue(bytes, at);
        if (hasNextHop || flags !== AttributeFlag.TRANSITIVE || next - value !== 4) return -1;
        hasNextHop = true;
        if (!reach) nextHop = this.#internNextHop(bytes, value, next);
      } else {
        if (length + next - at > MOST_ATTRIBUTE_OCTETS) return -1;
        for (let i = at; i < next; i++) identity[length++] = bytes[i] as number;
      }
    }
    if (nextHop < 0) return -1;
    writeIdentityHeader(identity, 0, this.#kind, nextHop);
    return this.#addOtc(reach, length);
  }

  /** The identity that ends at `length` with OTC, if it has to have it; its new end. */
  #addOtc(reach: boolean, length: number): number {
    const { onlyToCustomer } = this.#options;
    return onlyToCustomer
      ? addOtc(identity, IDENTITY_HEADER_SIZE, length, familyAtHand(reach), onlyToCustomer)
      : length;
  }

  #isLeak(id: number, family: Family): boolean {
    const { onlyToCustomer, attributes, leaked } = this.#options;
    if (!onlyToCustomer || !isLeak(attributes, id, family, onlyToCustomer)) return false;
    leaked?.(family);
    return true;
  }

  /** The next hop of MP_REACH_NLRI. */
  #internReachNextHop(bytes: Uint8Array): number {
    const { reachFamily, reachNextHopStart, reachNextHopEnd } = sections;
    if (!isVpnFamily(reachFamily)) return this.#internNextHop(bytes, reachNextHopStart, reachNextHopEnd);
    return this.#internNextHop(
      vpnNextHop,
      0,
      copyVpnNextHop(bytes, reachNextHopStart, reachNextHopEnd, vpnNextHop),
    );
  }

  /** Attributes that were not seen before: checked by the rules of RFC 7606, then interned. */
  #internChecked(
    bytes: Uint8Array,
    reach: boolean,
    rawLength: number,
    rawHash: number,
  ): number | ProtocolError {
    const store = this.#options.attributes;
    if (rawLength >= 0 && this.#arePlain(bytes, reach)) return store.add(rawHash, identity, 0, rawLength);
    const { attributes, errors, worst } = decodePathAttributes(
      bytes,
      sections.attributesStart,
      sections.attributesEnd,
      this.#options.context,
      { hasIpv4Nlri: sections.nlriStart < sections.nlriEnd },
    );
    for (const error of errors) {
      if (error.errorClass === 'session-reset' || error.errorClass === 'afi-safi-disable') return error;
      this.#options.tolerated(error);
    }
    if (worst === 'treat-as-withdraw') return REJECTED;
    if (worst === 'ok' && rawLength >= 0) return store.add(rawHash, identity, 0, rawLength);
    const nextHop = reach
      ? this.#internReachNextHop(bytes)
      : attributes.nextHop
        ? this.#internNextHop(attributes.nextHop.bytes, 0, 4)
        : -1;
    if (nextHop < 0) return REJECTED;
    encodePathAttributes(
      canonical.reset(),
      { ...attributes, nextHop: undefined, as4Path: undefined, as4Aggregator: undefined },
      FOUR_OCTET_CONTEXT,
    );
    if (canonical.length > MOST_ATTRIBUTE_OCTETS) {
      const at = sections.attributesStart;
      this.#options.tolerated(tooLargeAttributes(canonical.length, MOST_ATTRIBUTE_OCTETS, at));
      return REJECTED;
    }
    writeIdentityHeader(identity, 0, this.#kind, nextHop);
    identity.set(canonical.bytes(), IDENTITY_HEADER_SIZE);
    return store.intern(identity, 0, this.#addOtc(reach, IDENTITY_HEADER_SIZE + canonical.length));
  }

  /** What most attributes are: nothing has to be decoded to see that they are right. */
  #arePlain(bytes: Uint8Array, reach: boolean): boolean {
    const { attributesStart, attributesEnd, nlriStart, nlriEnd, reachStart } = sections;
    // Routes of both kinds in one message have each a next hop to be looked at.
    if (!reach && reachStart >= 0) return false;
    const internal = this.#kind === AttributeKind.ibgp;
    return hasPlainAttributes(bytes, attributesStart, attributesEnd, internal, nlriStart < nlriEnd);
  }

  #isAcceptable(id: number): boolean {
    const { attributes, localAs, allowOwnAs, routerId, clusterId, context } = this.#options;
    if (attributes.countAs(id, localAs) > allowOwnAs) return false;
    if (attributes.nextHops.isForbidden(attributes.nextHop(id))) return false;
    if (context.peerType === 'ebgp') return true;
    if (clusterId !== undefined && attributes.hasCluster(id, clusterId)) return false;
    return attributes.originatorId(id) !== routerId;
  }

  /** Announces (or, with {@link REJECTED}, withdraws) all routes of `bytes[at..end)`. */
  #walk(family: Family, bytes: Uint8Array, at: number, end: number, id: number): ProtocolError | undefined {
    if (at >= end) return undefined;
    const rib = this.#options.ribs.get(family);
    if (!rib) return undefined;
    const addPath = this.#options.context.addPath(family);
    const bad =
      family === IPV4_UNICAST && rib.prefixes instanceof Ipv4PrefixTable
        ? this.#walkIpv4(rib, rib.prefixes, addPath, bytes, at, end, id)
        : this.#walkKeys(rib, addPath, bytes, at, end, id);
    if (this.#refused > 0) this.#tolerateRefused(family, at);
    return bad < 0 ? undefined : invalidNetworkField(bytes, bad, end);
  }

  #tolerateRefused(family: Family, at: number): void {
    const error = tooManyPaths(family, this.#refused, MOST_PATHS_OF_PEER, at);
    this.#refused = 0;
    this.#options.tolerated(error);
  }

  /** The offset of a malformed route, or -1. */
  #walkIpv4(
    rib: Rib,
    table: Ipv4PrefixTable,
    addPath: boolean,
    bytes: Uint8Array,
    at: number,
    end: number,
    id: number,
  ): number {
    const source = this.#options.source.id;
    while (at < end) {
      at = block.read(bytes, at, end, addPath);
      const { address, length, hash, pathId, count } = block;
      table.fetch(hash, count);
      const done = addPath && id >= 0 ? this.#announceBlock(rib, table, id) : 0;
      for (let i = done; i < count; i++) {
        const key = address[i] as number;
        const bits = length[i] as number;
        if (id >= 0) {
          const prefix = table.findOrAddHashed(hash[i] as number, key, bits);
          rib.announce(prefix, source, pathId[i] as number, id, 0);
        } else {
          const prefix = table.findHashed(hash[i] as number, key, bits);
          if (prefix >= 0) rib.withdraw(prefix, source, pathId[i] as number);
        }
      }
      if (block.malformedAt >= 0) return block.malformedAt;
    }
    return -1;
  }

  /** All routes of a block that has path identifiers; how many there were. */
  #announceBlock(rib: Rib, table: Ipv4PrefixTable, id: number): number {
    const { address, length, hash, pathId, count } = block;
    const source = this.#options.source.id;
    for (let i = 0; i < count; i++) {
      const prefix = table.findOrAddHashed(hash[i] as number, address[i] as number, length[i] as number);
      if (!rib.announceFurther(prefix, source, pathId[i] as number, id, 0)) this.#refused++;
    }
    return count;
  }

  #walkKeys(rib: Rib, addPath: boolean, bytes: Uint8Array, at: number, end: number, id: number): number {
    let pathId = 0;
    while (at < end) {
      const start = at;
      if (addPath) {
        if (at + 5 > end) return start;
        pathId = readU32(bytes, at);
        at += 4;
      }
      at = splitter.split(rib.family, bytes, at, end, inUnreach);
      if (at < 0) return start;
      const { key, keyLength, rest, restLength } = splitter;
      if (keyLength === 0) {
        if (splitter.malformed) {
          this.#options.tolerated(malformedEvpnRoute(bytes, addPath ? start + 4 : start));
        }
        continue;
      }
      const own = splitter.contradictory ? REJECTED : id;
      const prefix =
        own >= 0 ? rib.prefixes.findOrAdd(key, 0, keyLength) : rib.prefixes.find(key, 0, keyLength);
      const extra = own >= 0 && restLength > 0 ? rib.extras.intern(rest, 0, restLength) : 0;
      if (addPath && own >= 0) this.#announceFurther(rib, prefix, pathId, own, extra);
      else this.#apply(rib, prefix, pathId, own, extra);
    }
    return -1;
  }

  #announceFurther(rib: Rib, prefix: number, pathId: number, id: number, extra: number): void {
    if (rib.announceFurther(prefix, this.#options.source.id, pathId, id, extra)) return;
    this.#refused++;
    // What only this path carried goes with it.
    rib.extras.retain(extra);
    rib.extras.release(extra);
  }

  #apply(rib: Rib, prefix: number, pathId: number, id: number, extra: number): void {
    if (id >= 0) rib.announce(prefix, this.#options.source.id, pathId, id, extra);
    else if (prefix >= 0) rib.withdraw(prefix, this.#options.source.id, pathId);
  }

  /** A message that is out of order: by RFC 7606 §4 its routes go, if it can be told which, else the session. */
  #readBroken(bytes: Uint8Array, start: number, end: number): ProtocolError | undefined {
    if (!sections.lengthsFit) return partsDoNotFit(end - start);
    const { withdrawnStart, withdrawnEnd, nlriStart, nlriEnd } = sections;
    const decoded = decodePathAttributes(
      bytes,
      sections.attributesStart,
      sections.attributesEnd,
      this.#options.context,
      { hasIpv4Nlri: nlriStart < nlriEnd },
    );
    for (const error of decoded.errors) {
      if (error.errorClass === 'session-reset' || error.errorClass === 'afi-safi-disable') return error;
      this.#options.tolerated(error);
    }
    const { mpReach, mpUnreach } = decoded;
    return (
      this.#walk(IPV4_UNICAST, bytes, withdrawnStart, withdrawnEnd, REJECTED) ??
      this.#walk(IPV4_UNICAST, bytes, nlriStart, nlriEnd, REJECTED) ??
      (mpReach && this.#walk(mpReach.family, bytes, mpReach.nlriStart, mpReach.nlriEnd, REJECTED)) ??
      (mpUnreach && this.#walkUnreach(mpUnreach.family, bytes, mpUnreach.nlriStart, mpUnreach.nlriEnd))
    );
  }
}

/** Of the routes of MP_REACH_NLRI, or of the NLRI field. */
function familyAtHand(reach: boolean): Family {
  return reach ? sections.reachFamily : IPV4_UNICAST;
}
