// Hot: runs once per distinct attribute set. One object for the result and one for each list that is there.
import { decodeAigp } from './aigp.ts';
import { type AsPath, decodeAsPath, mergeAs4Path } from './as-path.ts';
import {
  attributeData,
  type ErrorClass,
  type Outcome,
  type UpdateError,
  updateError,
  worstOutcome,
} from './attribute-errors.ts';
import { type AttributeRule, attributeName, attributeRule, BGPSEC_PATH } from './attribute-rules.ts';
import type { Aggregator, OriginValue, PathAttributes } from './attribute-types.ts';
import { NO_ATTRIBUTES } from './attribute-types.ts';
import { decodeLargeCommunities, decodeNumbers } from './communities.ts';
import { AS_TRANS, AS_ZERO, AttributeCode, AttributeFlag, UpdateErrorSubcode } from './constants.ts';
import type { WireContext } from './context.ts';
import { decodeMpReach, decodeMpUnreach, type MpReach, type MpUnreach } from './mp-reach.ts';
import { copyOctets, readU8, readU16, readU32 } from './octets.ts';
import { decodePmsiTunnel } from './pmsi.ts';
import { isTunnelEncapsulation } from './tunnel-encapsulation.ts';

export { encodePathAttributes } from './encode-path-attributes.ts';

/** What {@link decodePathAttributes} found. */
export interface DecodedAttributes {
  readonly attributes: PathAttributes;
  /** Type codes in wire order, each where it came first. */
  readonly attributeCodes: readonly number[];
  /** AS_PATH as it stood on the wire: on 2-octet sessions not yet merged with AS4_PATH. */
  readonly wireAsPath: AsPath | undefined;
  readonly mpReach: MpReach | undefined;
  readonly mpUnreach: MpUnreach | undefined;
  readonly errors: readonly UpdateError[];
  /** The strongest class of all errors. */
  readonly worst: Outcome;
}

/** What the rest of the UPDATE says about its routes. */
export interface RoutesPresent {
  /** The NLRI field is not empty. */
  readonly hasIpv4Nlri: boolean;
  /** Routes of an MP_REACH_NLRI go with these attributes although it does not stand among them. */
  readonly hasMpReach?: boolean;
}

type Draft = { -readonly [Name in keyof PathAttributes]: PathAttributes[Name] };

/** One call's state. */
interface Walk {
  readonly bytes: Uint8Array;
  readonly end: number;
  readonly context: WireContext;
  readonly routes: RoutesPresent;
  readonly attributes: Draft;
  readonly codes: number[];
  readonly errors: UpdateError[];
  mpReach: MpReach | undefined;
  mpUnreach: MpUnreach | undefined;
}

/**
 * Decodes the path attributes at `bytes[start..end)`, with the error handling of RFC 7606. A pure
 * function that reads nothing outside the range and never throws. Routes in MP_REACH_NLRI and
 * MP_UNREACH_NLRI are left where they are. Confederation segments are accepted from any peer: only
 * the session's configuration can tell whether they are allowed (RFC 5065 §5).
 */
export function decodePathAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
  context: WireContext,
  routes: RoutesPresent,
): DecodedAttributes {
  const walk: Walk = {
    bytes,
    end,
    context,
    routes,
    attributes: { ...NO_ATTRIBUTES },
    codes: [],
    errors: [],
    mpReach: undefined,
    mpUnreach: undefined,
  };
  walkAttributes(walk, start);
  const wireAsPath = walk.attributes.asPath;
  if (!context.fourOctetAs) applyFourOctetAttributes(walk.attributes);
  checkMandatory(walk, start);
  const { attributes, codes, mpReach, mpUnreach } = walk;
  const errors = withoutReachableRoutes(walk) ? walk.errors.map(resetUnlessDiscard) : walk.errors;
  const worst = errors.length === 0 ? 'ok' : worstOutcome(errors);
  return { attributes, attributeCodes: codes, wireAsPath, mpReach, mpUnreach, errors, worst };
}

function walkAttributes(walk: Walk, start: number): void {
  const { bytes, end } = walk;
  let at = start;
  while (at < end) {
    const extended = (readU8(bytes, at) & AttributeFlag.EXTENDED_LENGTH) !== 0;
    const valueStart = at + (extended ? 4 : 3);
    if (valueStart > end) {
      // RFC 7606 §4, underrun.
      fail(
        walk,
        'treat-as-withdraw',
        UpdateErrorSubcode.MALFORMED_ATTRIBUTE_LIST,
        0,
        at,
        'ends inside a header',
      );
      return;
    }
    const code = readU8(bytes, at + 1);
    const valueEnd = valueStart + (extended ? readU16(bytes, at + 2) : readU8(bytes, at + 2));
    if (valueEnd > end) {
      overrun(walk, code, at, valueEnd - end);
      return;
    }
    if (walk.codes.includes(code)) {
      duplicate(walk, code, at);
    } else {
      walk.codes.push(code);
      decodeAttribute(walk, code, at, valueStart, valueEnd);
    }
    at = valueEnd;
  }
}

/** RFC 7606 §4; routes that an MP attribute takes with it cannot be withdrawn, so that the session has to go (§3 j). */
function overrun(walk: Walk, code: number, at: number, excess: number): void {
  const isMp = code === AttributeCode.MP_REACH_NLRI || code === AttributeCode.MP_UNREACH_NLRI;
  const errorClass = isMp ? 'session-reset' : 'treat-as-withdraw';
  const subcode = UpdateErrorSubcode.MALFORMED_ATTRIBUTE_LIST;
  fail(walk, errorClass, subcode, code, at, `is ${excess} octets longer than the attributes of the message`);
}

/** RFC 7606 §3 g. */
function duplicate(walk: Walk, code: number, at: number): void {
  const isMp = code === AttributeCode.MP_REACH_NLRI || code === AttributeCode.MP_UNREACH_NLRI;
  const errorClass = isMp ? 'session-reset' : 'attribute-discard';
  fail(walk, errorClass, UpdateErrorSubcode.MALFORMED_ATTRIBUTE_LIST, code, at, 'appears more than once');
}

function decodeAttribute(walk: Walk, code: number, at: number, start: number, end: number): void {
  const flags = readU8(walk.bytes, at);
  const rule = attributeRule(code);
  if (!rule) {
    keepUnknown(walk, code, flags, at, start, end);
    return;
  }
  if (discardedUnread(walk, code, rule, at)) return;
  const required = AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE;
  const flagsFit = (flags & required) === rule.flags;
  if (!flagsFit) {
    // RFC 7606 §3 c.
    const message = `has flags 0x${flags.toString(16).padStart(2, '0')}`;
    fail(walk, rule.wrongFlags, UpdateErrorSubcode.ATTRIBUTE_FLAGS_ERROR, code, at, message);
  }
  // Their routes have to be known also when they are to be withdrawn.
  if (code === AttributeCode.MP_REACH_NLRI) readMpReach(walk, at, start, end);
  else if (code === AttributeCode.MP_UNREACH_NLRI) readMpUnreach(walk, at, start, end);
  else if (flagsFit) readValue(walk, code, rule, at, start, end);
}

/** Attributes that this session does not take at all, whatever they say. */
function discardedUnread(walk: Walk, code: number, rule: AttributeRule, at: number): boolean {
  if (rule.internalOnly && walk.context.peerType === 'ebgp') {
    // RFC 7606 §7.5, §7.9, §7.10.
    fail(
      walk,
      'attribute-discard',
      UpdateErrorSubcode.OPTIONAL_ATTRIBUTE_ERROR,
      code,
      at,
      'from an external peer',
    );
    return true;
  }
  const forTwoOctets = code === AttributeCode.AS4_PATH || code === AttributeCode.AS4_AGGREGATOR;
  if (forTwoOctets && walk.context.fourOctetAs) {
    // RFC 6793 §4.1.
    const message = 'on a session with 4-octet AS numbers';
    fail(walk, 'attribute-discard', UpdateErrorSubcode.OPTIONAL_ATTRIBUTE_ERROR, code, at, message);
    return true;
  }
  return false;
}

function readValue(
  walk: Walk,
  code: number,
  rule: AttributeRule,
  at: number,
  start: number,
  end: number,
): void {
  if (!rule.fits(end - start)) {
    const message = `has a wrong length of ${end - start} octets`;
    fail(walk, rule.malformed, UpdateErrorSubcode.ATTRIBUTE_LENGTH_ERROR, code, at, message);
  } else if (!setValue(walk, code, at, start, end)) {
    fail(walk, rule.malformed, rule.valueSubcode, code, at, 'is malformed');
  }
}

/** Sets the attribute from a value whose length fits; false when the value is malformed. */
function setValue(walk: Walk, code: number, at: number, start: number, end: number): boolean {
  const { bytes, attributes, context } = walk;
  switch (code) {
    case AttributeCode.ORIGIN:
      attributes.origin = originOf(readU8(bytes, start));
      return attributes.origin !== undefined;
    case AttributeCode.AS_PATH:
      attributes.asPath = decodeAsPath(bytes, start, end, context.fourOctetAs ? 4 : 2);
      return attributes.asPath !== undefined;
    case AttributeCode.NEXT_HOP:
      // RFC 4760 §3: ignored when no route of the NLRI field needs it.
      if (walk.routes.hasIpv4Nlri && !isUnicastAddress(bytes, start)) return false;
      attributes.nextHop = { version: 4, bytes: copyOctets(bytes, start, end) };
      return true;
    case AttributeCode.MULTI_EXIT_DISC:
      attributes.med = readU32(bytes, start);
      return true;
    case AttributeCode.LOCAL_PREF:
      attributes.localPref = readU32(bytes, start);
      return true;
    case AttributeCode.ATOMIC_AGGREGATE:
      attributes.atomicAggregate = true;
      return true;
    case AttributeCode.AGGREGATOR:
      attributes.aggregator = decodeAggregator(bytes, start, end, context.fourOctetAs ? 4 : 2);
      return attributes.aggregator !== undefined;
    case AttributeCode.COMMUNITIES:
      attributes.communities = decodeNumbers(bytes, start, end);
      return true;
    case AttributeCode.ORIGINATOR_ID:
      attributes.originatorId = readU32(bytes, start);
      return true;
    case AttributeCode.CLUSTER_LIST:
      attributes.clusterList = decodeNumbers(bytes, start, end);
      return true;
    case AttributeCode.EXTENDED_COMMUNITIES:
      attributes.extendedCommunities = copyOctets(bytes, start, end);
      return true;
    default:
      return setRareValue(walk, code, at, start, end);
  }
}

function setRareValue(walk: Walk, code: number, at: number, start: number, end: number): boolean {
  const { bytes, attributes } = walk;
  switch (code) {
    case AttributeCode.AS4_PATH:
      attributes.as4Path = decodeAsPath(bytes, start, end, 4);
      return attributes.as4Path !== undefined;
    case AttributeCode.AS4_AGGREGATOR:
      attributes.as4Aggregator = decodeAggregator(bytes, start, end, 4);
      return attributes.as4Aggregator !== undefined;
    case AttributeCode.PMSI_TUNNEL:
      attributes.pmsi = decodePmsiTunnel(bytes, start, end);
      return attributes.pmsi !== undefined;
    case AttributeCode.IPV6_EXTENDED_COMMUNITIES:
      attributes.ipv6ExtendedCommunities = copyOctets(bytes, start, end);
      return true;
    case AttributeCode.AIGP: {
      const metric = decodeAigp(bytes, start, end);
      if (metric === undefined) return false;
      // Other TLVs alone are passed on as they are (RFC 7311 §3).
      if (metric === null) break;
      attributes.aigp = metric;
      return true;
    }
    case AttributeCode.LARGE_COMMUNITIES:
      attributes.largeCommunities = decodeLargeCommunities(bytes, start, end);
      return true;
    case AttributeCode.ONLY_TO_CUSTOMER:
      if (readU32(bytes, start) === AS_ZERO) return false;
      break;
    case AttributeCode.TUNNEL_ENCAPSULATION:
      if (!isTunnelEncapsulation(bytes, start, end)) return false;
      break;
    default:
      break;
  }
  addUnknown(walk, code, readU8(bytes, at), start, end);
  return true;
}

function originOf(value: number): OriginValue | undefined {
  return value === 0 || value === 1 || value === 2 ? value : undefined;
}

/** RFC 4271 §6.3: a NEXT_HOP has to be a host's address. */
function isUnicastAddress(bytes: Uint8Array, at: number): boolean {
  return readU8(bytes, at) < 224 && readU32(bytes, at) !== 0;
}

/** Undefined for a wrong length or AS 0 (RFC 7606 §7.7, RFC 7607 §2). */
function decodeAggregator(
  bytes: Uint8Array,
  start: number,
  end: number,
  asSize: 2 | 4,
): Aggregator | undefined {
  if (end - start !== asSize + 4) return undefined;
  const asn = asSize === 4 ? readU32(bytes, start) : readU16(bytes, start);
  return asn === AS_ZERO ? undefined : { asn, routerId: readU32(bytes, start + asSize) };
}

function keepUnknown(walk: Walk, code: number, flags: number, at: number, start: number, end: number): void {
  if ((flags & AttributeFlag.OPTIONAL) === 0) {
    // RFC 4271 §6.3, which RFC 7606 leaves as it is.
    const subcode = UpdateErrorSubcode.UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE;
    fail(walk, 'session-reset', subcode, code, at, 'is well-known by its flags but unknown here');
    return;
  }
  addUnknown(walk, code, flags, start, end);
}

function addUnknown(walk: Walk, code: number, flags: number, start: number, end: number): void {
  const kept = flags & (AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE | AttributeFlag.PARTIAL);
  const attribute = { code, flags: kept, value: copyOctets(walk.bytes, start, end) };
  walk.attributes.unknown = [...walk.attributes.unknown, attribute];
}

function readMpReach(walk: Walk, at: number, start: number, end: number): void {
  const reach = decodeMpReach(walk.bytes, start, end, walk.context.extendedNextHop);
  if ('failure' in reach) failMp(walk, AttributeCode.MP_REACH_NLRI, at, reach.failure, reach.family);
  else walk.mpReach = reach;
}

function readMpUnreach(walk: Walk, at: number, start: number, end: number): void {
  const unreach = decodeMpUnreach(walk.bytes, start, end);
  if ('failure' in unreach) failMp(walk, AttributeCode.MP_UNREACH_NLRI, at, unreach.failure, unreach.family);
  else walk.mpUnreach = unreach;
}

/** RFC 7606 §7.11 and RFC 4760 §7: the family is given up where it can be told, else the session. */
function failMp(walk: Walk, code: number, at: number, reason: string, family: number | undefined): void {
  const message = `${attributeName(code)}: ${reason}`;
  const data = attributeData(walk.bytes, at, walk.end);
  const errorClass = family === undefined ? 'session-reset' : 'afi-safi-disable';
  const error = updateError(errorClass, UpdateErrorSubcode.OPTIONAL_ATTRIBUTE_ERROR, code, at, message, data);
  walk.errors.push(family === undefined ? error : { ...error, family });
}

function fail(
  walk: Walk,
  errorClass: ErrorClass,
  subcode: number,
  code: number,
  at: number,
  what: string,
): void {
  // RFC 4271 §6.3: all but these two have the whole attribute in their data field.
  const bare =
    subcode === UpdateErrorSubcode.MALFORMED_ATTRIBUTE_LIST ||
    subcode === UpdateErrorSubcode.MALFORMED_AS_PATH;
  const data = bare ? undefined : attributeData(walk.bytes, at, walk.end);
  const subject = code === 0 ? 'path attributes' : attributeName(code);
  walk.errors.push(updateError(errorClass, subcode, code, at, `${subject} ${what}`, data));
}

/** RFC 6793 §4.2.3: what AS4_PATH and AS4_AGGREGATOR say about AS_PATH and AGGREGATOR. */
function applyFourOctetAttributes(attributes: Draft): void {
  const { aggregator, as4Aggregator, asPath, as4Path } = attributes;
  if (aggregator && as4Aggregator) {
    if (aggregator.asn !== AS_TRANS) return;
    attributes.aggregator = as4Aggregator;
  }
  if (asPath && as4Path) attributes.asPath = mergeAs4Path(asPath, as4Path);
}

/** RFC 7606 §3 d; BGPsec_PATH takes the place of AS_PATH (RFC 8205 §3). */
function checkMandatory(walk: Walk, start: number): void {
  const { codes, routes } = walk;
  const reach = routes.hasMpReach === true || hasMpRoutes(walk);
  if (!routes.hasIpv4Nlri && !reach) return;
  if (!codes.includes(AttributeCode.ORIGIN)) missing(walk, AttributeCode.ORIGIN, start);
  if (!codes.includes(AttributeCode.AS_PATH) && !codes.includes(BGPSEC_PATH)) {
    missing(walk, AttributeCode.AS_PATH, start);
  }
  if (routes.hasIpv4Nlri && !codes.includes(AttributeCode.NEXT_HOP)) {
    missing(walk, AttributeCode.NEXT_HOP, start);
  }
}

function hasMpRoutes({ mpReach }: Walk): boolean {
  return mpReach !== undefined && mpReach.nlriStart < mpReach.nlriEnd;
}

function missing(walk: Walk, code: number, at: number): void {
  const subcode = UpdateErrorSubcode.MISSING_WELL_KNOWN_ATTRIBUTE;
  const message = `${attributeName(code)} is missing`;
  walk.errors.push(updateError('treat-as-withdraw', subcode, code, at, message, Uint8Array.of(code)));
}

/** RFC 7606 §5.2: attributes without a route may have lost theirs to the error. */
function withoutReachableRoutes(walk: Walk): boolean {
  if (walk.errors.length === 0 || walk.routes.hasIpv4Nlri || walk.routes.hasMpReach === true) return false;
  return !hasMpRoutes(walk);
}

function resetUnlessDiscard(error: UpdateError): UpdateError {
  return error.errorClass === 'treat-as-withdraw' ? { ...error, errorClass: 'session-reset' } : error;
}
