import type { ByteWriter } from '../../net/byte-writer.ts';
import type { AsPath } from './as-path.ts';
import {
  type Outcome,
  strongerOutcome,
  type UpdateError,
  updateError,
  worstOutcome,
} from './attribute-errors.ts';
import { NO_ATTRIBUTES, type PathAttributes } from './attribute-types.ts';
import { AttributeCode, HEADER_SIZE, MessageType, UpdateErrorSubcode } from './constants.ts';
import type { WireContext } from './context.ts';
import { CARRIED_FAMILIES, type Family, familyName, IPV4_UNICAST } from './family.ts';
import { beginMessage, endMessage } from './message-header.ts';
import { beginMpReach, beginMpUnreach, endMpAttribute, type MpNextHop } from './mp-reach.ts';
import { decodeNlri, encodeNlri, type NlriError, type NlriKind, type NlriRoute } from './nlri.ts';
import { ipPrefixContradiction } from './nlri-evpn.ts';
import { readU16 } from './octets.ts';
import { type DecodedAttributes, decodePathAttributes, encodePathAttributes } from './path-attributes.ts';

/** A list of routes with the attribute or field it came in. */
export interface RouteList {
  readonly family: Family;
  /** Of announced routes; undefined for the NLRI field, whose next hop is the attribute NEXT_HOP. */
  readonly nextHop?: MpNextHop;
  readonly routes: readonly NlriRoute[];
  /** False: routes of a family that is not read. */
  readonly carried: boolean;
}

/** An UPDATE message, with what is to be done about it. */
export interface DecodedUpdate {
  readonly outcome: Outcome;
  /** All errors, those of routes included. */
  readonly errors: readonly UpdateError[];
  readonly attributes: PathAttributes;
  /** Type codes in wire order, each where it came first. */
  readonly attributeCodes: readonly number[];
  /** AS_PATH as it stood on the wire (see {@link DecodedAttributes}). */
  readonly wireAsPath: AsPath | undefined;
  /** Withdrawn Routes, then MP_UNREACH_NLRI; what errors withdraw is not among them. */
  readonly withdrawn: readonly RouteList[];
  /** MP_REACH_NLRI and the NLRI field, in wire order. */
  readonly announced: readonly RouteList[];
  /** The family whose End-of-RIB marker this is (RFC 4724 §2). */
  readonly endOfRib: Family | undefined;
}

const NOTHING: Omit<DecodedUpdate, 'outcome' | 'errors'> = {
  attributes: NO_ATTRIBUTES,
  attributeCodes: [],
  wireAsPath: undefined,
  withdrawn: [],
  announced: [],
  endOfRib: undefined,
};

/**
 * Decodes the whole UPDATE at `bytes[start..end)`, header included, into objects: for tools, tests
 * and the slow path of errors. Never throws and reads nothing outside the range.
 */
export function decodeUpdate(
  bytes: Uint8Array,
  start: number,
  end: number,
  context: WireContext,
): DecodedUpdate {
  const withdrawnStart = start + HEADER_SIZE + 2;
  if (withdrawnStart + 2 > end) return unreadable(start, 'the message is too short');
  const withdrawnEnd = withdrawnStart + readU16(bytes, withdrawnStart - 2);
  if (withdrawnEnd + 2 > end)
    return unreadable(withdrawnStart - 2, 'withdrawn routes do not fit the message');
  const attributesStart = withdrawnEnd + 2;
  const attributesEnd = attributesStart + readU16(bytes, withdrawnEnd);
  if (attributesEnd > end) return unreadable(withdrawnEnd, 'path attributes do not fit the message');

  const hasIpv4Nlri = attributesEnd < end;
  const decoded = decodePathAttributes(bytes, attributesStart, attributesEnd, context, { hasIpv4Nlri });
  const errors = [...decoded.errors];
  const withdrawn: RouteList[] = [];
  const announced: RouteList[] = [];
  const read = (family: Family, from: number, to: number, kind: NlriKind, attribute: number): RouteList => {
    const { routes, error } = decodeNlri(family, bytes, from, to, context.addPath(family), kind);
    if (error) errors.push(nlriError(family, error, attribute));
    return { family, routes, carried: CARRIED_FAMILIES.includes(family) };
  };
  if (withdrawnStart < withdrawnEnd) {
    withdrawn.push(read(IPV4_UNICAST, withdrawnStart, withdrawnEnd, 'withdrawn', 0));
  }
  const { mpReach, mpUnreach } = decoded;
  if (mpUnreach && mpUnreach.nlriStart < mpUnreach.nlriEnd) {
    const { family, nlriStart, nlriEnd } = mpUnreach;
    withdrawn.push(read(family, nlriStart, nlriEnd, 'withdrawn', AttributeCode.MP_UNREACH_NLRI));
  }
  if (mpReach) {
    const { family, nextHop, nlriStart, nlriEnd } = mpReach;
    const list = read(family, nlriStart, nlriEnd, 'announced', AttributeCode.MP_REACH_NLRI);
    announced.push(nextHop ? { ...list, nextHop } : list);
    for (const route of list.routes) {
      const fault = route.kind === 'evpn' && route.routeType === 5 ? ipPrefixContradiction(route) : undefined;
      if (fault !== undefined) errors.push(contradiction(fault, nlriStart));
    }
  }
  if (hasIpv4Nlri) announced.push(read(IPV4_UNICAST, attributesEnd, end, 'announced', 0));
  return {
    outcome: strongerOutcome(decoded.worst, worstOutcome(errors)),
    errors,
    attributes: decoded.attributes,
    attributeCodes: decoded.attributeCodes,
    wireAsPath: decoded.wireAsPath,
    withdrawn,
    announced,
    endOfRib: endOfRib(decoded, withdrawnStart < withdrawnEnd, hasIpv4Nlri),
  };
}

/** RFC 4271 §6.3: lengths that do not fit the message. */
function unreadable(offset: number, message: string): DecodedUpdate {
  const error = updateError('session-reset', UpdateErrorSubcode.MALFORMED_ATTRIBUTE_LIST, 0, offset, message);
  return { ...NOTHING, outcome: 'session-reset', errors: [error] };
}

/** RFC 7606 §3 j and §5.3: a family of an MP attribute is given up, the fields of RFC 4271 end the session. */
function nlriError(family: Family, error: NlriError, attribute: number): UpdateError {
  const message = `${familyName(family)}: ${error.message}`;
  if (attribute === 0) {
    return updateError('session-reset', UpdateErrorSubcode.INVALID_NETWORK_FIELD, 0, error.offset, message);
  }
  const subcode = UpdateErrorSubcode.OPTIONAL_ATTRIBUTE_ERROR;
  return { ...updateError('afi-safi-disable', subcode, attribute, error.offset, message), family };
}

function contradiction(message: string, offset: number): UpdateError {
  const subcode = UpdateErrorSubcode.OPTIONAL_ATTRIBUTE_ERROR;
  return updateError('treat-as-withdraw', subcode, AttributeCode.MP_REACH_NLRI, offset, message);
}

/** RFC 4724 §2: an UPDATE with nothing in it, or with nothing but an empty MP_UNREACH_NLRI. */
function endOfRib(decoded: DecodedAttributes, hasWithdrawn: boolean, hasNlri: boolean): Family | undefined {
  if (hasWithdrawn || hasNlri || decoded.errors.length > 0) return undefined;
  const { attributeCodes, mpUnreach } = decoded;
  if (attributeCodes.length === 0) return IPV4_UNICAST;
  if (attributeCodes.length > 1 || !mpUnreach) return undefined;
  return mpUnreach.nlriStart === mpUnreach.nlriEnd ? mpUnreach.family : undefined;
}

/** What {@link encodeUpdate} writes. */
export interface UpdateContent {
  /** Of IPv4 unicast, for the Withdrawn Routes field. */
  readonly withdrawn?: readonly NlriRoute[];
  readonly mpUnreach?: { readonly family: Family; readonly routes: readonly NlriRoute[] };
  readonly mpReach?: {
    readonly family: Family;
    readonly nextHop: MpNextHop;
    readonly routes: readonly NlriRoute[];
  };
  readonly attributes?: PathAttributes;
  /** Of IPv4 unicast, for the NLRI field. */
  readonly nlri?: readonly NlriRoute[];
}

/**
 * Writes an UPDATE, the MP attributes first (RFC 7606 §5.1). The caller sees to it that the message
 * does not get longer than the session allows.
 */
export function encodeUpdate(writer: ByteWriter, content: UpdateContent, context: WireContext): void {
  const message = beginMessage(writer, MessageType.UPDATE);
  const withdrawnAt = writer.length;
  writer.u16(0);
  for (const route of content.withdrawn ?? []) encodeNlri(writer, route, context.addPath(IPV4_UNICAST));
  writer.patchU16(withdrawnAt, writer.length - withdrawnAt - 2);
  const attributesAt = writer.length;
  writer.u16(0);
  const { mpUnreach, mpReach } = content;
  if (mpUnreach) {
    const at = beginMpUnreach(writer, mpUnreach.family);
    for (const route of mpUnreach.routes) encodeNlri(writer, route, context.addPath(mpUnreach.family));
    endMpAttribute(writer, at);
  }
  if (mpReach) {
    const at = beginMpReach(writer, mpReach.family, mpReach.nextHop);
    for (const route of mpReach.routes) encodeNlri(writer, route, context.addPath(mpReach.family));
    endMpAttribute(writer, at);
  }
  if (content.attributes) encodePathAttributes(writer, content.attributes, context);
  writer.patchU16(attributesAt, writer.length - attributesAt - 2);
  for (const route of content.nlri ?? []) encodeNlri(writer, route, context.addPath(IPV4_UNICAST));
  endMessage(writer, message);
}

/** Writes the End-of-RIB marker of a family (RFC 4724 §2). */
export function encodeEndOfRib(writer: ByteWriter, family: Family): void {
  const message = beginMessage(writer, MessageType.UPDATE);
  if (family === IPV4_UNICAST) {
    writer.u16(0).u16(0);
  } else {
    const attributesAt = writer.u16(0).length;
    writer.u16(0);
    endMpAttribute(writer, beginMpUnreach(writer, family));
    writer.patchU16(attributesAt, writer.length - attributesAt - 2);
  }
  endMessage(writer, message);
}
