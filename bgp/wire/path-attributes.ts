// Hot: runs once per distinct attribute set. One object for the result and one for each list that is there.
import type { AsPath } from './as-path.ts';
import {
  attributeData,
  type ErrorClass,
  type Outcome,
  type UpdateError,
  updateError,
  worstOutcome,
} from './attribute-errors.ts';
import { type AttributeRule, attributeName, attributeRule, BGPSEC_PATH } from './attribute-rules.ts';
import { NO_ATTRIBUTES, type PathAttributes } from './attribute-types.ts';
import {
  type AttributesDraft,
  applyFourOctetAttributes,
  keepRaw,
  setAttributeValue,
} from './attribute-values.ts';
import { AttributeCode, AttributeFlag, UpdateErrorSubcode } from './constants.ts';
import type { WireContext } from './context.ts';
import { decodeMpReach, decodeMpUnreach, type MpReach, type MpUnreach } from './mp-reach.ts';
import { readU8, readU16 } from './octets.ts';

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

/** One call's state. */
interface Walk {
  readonly bytes: Uint8Array;
  readonly end: number;
  readonly context: WireContext;
  readonly routes: RoutesPresent;
  readonly attributes: AttributesDraft;
  readonly codes: number[];
  readonly errors: UpdateError[];
  mpReach: MpReach | undefined;
  mpUnreach: MpUnreach | undefined;
}

/**
 * Decodes the path attributes at `bytes[start..end)`, with the error handling of RFC 7606. A pure
 * function that reads nothing outside the range and never throws. Routes in MP_REACH_NLRI and
 * MP_UNREACH_NLRI are left where they are.
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
  } else if (!setAttributeValue(walk, code, at, start, end)) {
    fail(walk, rule.malformed, rule.valueSubcode, code, at, 'is malformed');
  }
}

function keepUnknown(walk: Walk, code: number, flags: number, at: number, start: number, end: number): void {
  if ((flags & AttributeFlag.OPTIONAL) === 0) {
    // RFC 4271 §6.3, which RFC 7606 leaves as it is.
    const subcode = UpdateErrorSubcode.UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE;
    fail(walk, 'session-reset', subcode, code, at, 'is well-known by its flags but unknown here');
    return;
  }
  keepRaw(walk, code, flags, start, end);
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

/** RFC 7606 §3 d; BGPsec_PATH takes the place of AS_PATH (RFC 8205 §3). */
function checkMandatory(walk: Walk, start: number): void {
  const { codes, routes } = walk;
  const reach = routes.hasMpReach === true || hasMpRoutes(walk);
  if (!routes.hasIpv4Nlri && !reach) return;
  if (!codes.includes(AttributeCode.ORIGIN)) missing(walk, AttributeCode.ORIGIN, start);
  const hasSecuredPath = walk.context.bgpsec === true && codes.includes(BGPSEC_PATH);
  if (!codes.includes(AttributeCode.AS_PATH) && !hasSecuredPath) {
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

/** RFC 7606 §5.2: attributes without a route, MP_UNREACH_NLRI apart, may have lost theirs to the error. */
function withoutReachableRoutes(walk: Walk): boolean {
  if (walk.errors.length === 0 || walk.routes.hasIpv4Nlri || walk.routes.hasMpReach === true) return false;
  if (hasMpRoutes(walk)) return false;
  const isOther = (code: number): boolean => code !== AttributeCode.MP_UNREACH_NLRI;
  return walk.codes.some(isOther) || walk.errors.some((error) => isOther(error.attribute));
}

function resetUnlessDiscard(error: UpdateError): UpdateError {
  return error.errorClass === 'treat-as-withdraw' ? { ...error, errorClass: 'session-reset' } : error;
}
