import { type UpdateError, updateError } from '../wire/attribute-errors.ts';
import { AttributeCode, NotificationCode, UpdateErrorSubcode } from '../wire/constants.ts';
import { type Family, familyName } from '../wire/family.ts';
import type { ProtocolError } from '../wire/protocol-error.ts';

// What may be wrong with an UPDATE beside its attributes, in words. `at`: an offset in what was read.

/** RFC 4271 §6.3, RFC 7606 §5.3: a prefix that is longer than its family allows, or than the field that ends at `end`. */
export function invalidNetworkField(bytes: Uint8Array, at: number, end: number): ProtocolError {
  const message = `malformed route at offset ${at}: length octet ${bytes[at]}, ${end - at} octets left`;
  return updateMessageError(UpdateErrorSubcode.INVALID_NETWORK_FIELD, message);
}

/** RFC 4271 §6.3: lengths of withdrawn routes and attributes that a message of so many octets does not hold. */
export function partsDoNotFit(octets: number): ProtocolError {
  const message = `UPDATE of ${octets} octets whose parts do not fit into it`;
  return updateMessageError(UpdateErrorSubcode.MALFORMED_ATTRIBUTE_LIST, message);
}

function updateMessageError(subcode: number, message: string): ProtocolError {
  return { code: NotificationCode.UPDATE_MESSAGE_ERROR, subcode, data: new Uint8Array(0), message };
}

/** Routes of a family that were left out, as the peer has the `most` paths of their prefix already. */
export function tooManyPaths(family: Family, count: number, most: number, at: number): UpdateError {
  const message = `ignored ${count} ${familyName(family)} paths: the peer has ${most} of the prefix already`;
  return updateError('treat-as-withdraw', 0, 0, at, message);
}

/** The EVPN route at `at` has not the form of its type; the routes beside it are good (RFC 7606 §2). */
export function malformedEvpnRoute(bytes: Uint8Array, at: number): UpdateError {
  const message = `ignored an EVPN route of type ${bytes[at]} whose ${bytes[at + 1]} octets have not its form`;
  const { OPTIONAL_ATTRIBUTE_ERROR } = UpdateErrorSubcode;
  return updateError('treat-as-withdraw', OPTIONAL_ATTRIBUTE_ERROR, AttributeCode.MP_REACH_NLRI, at, message);
}

/** Attributes that have more octets, in the form in which they are kept, than the `most`. */
export function tooLargeAttributes(octets: number, most: number, at: number): UpdateError {
  const message = `withdrew routes with ${octets} octets of attributes: ${most} are the most`;
  const { MALFORMED_ATTRIBUTE_LIST } = UpdateErrorSubcode;
  return updateError('treat-as-withdraw', MALFORMED_ATTRIBUTE_LIST, AttributeCode.AS_PATH, at, message);
}
