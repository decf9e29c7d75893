import { AttributeFlag, NotificationCode } from './constants.ts';
import type { Family } from './family.ts';
import { copyOctets } from './octets.ts';
import type { ProtocolError } from './protocol-error.ts';

/** What a speaker does about an error in an UPDATE, from the mildest to the strongest (RFC 7606 §2). */
export const ERROR_CLASSES = [
  'attribute-discard',
  'treat-as-withdraw',
  'afi-safi-disable',
  'session-reset',
] as const;
export type ErrorClass = (typeof ERROR_CLASSES)[number];

/** What becomes of a message: `ok`, or the strongest class of all its errors (RFC 7606 §3 h). */
export type Outcome = 'ok' | ErrorClass;

/** An error in an UPDATE: its class, and what a NOTIFICATION would say of it. */
export interface UpdateError extends ProtocolError {
  readonly errorClass: ErrorClass;
  /** Type code of the attribute; 0 for the NLRI and Withdrawn Routes fields and for lengths of the message. */
  readonly attribute: number;
  /** Where in the buffer: the first octet of the attribute, prefix or field. */
  readonly offset: number;
  /** The family that an `afi-safi-disable` is about. */
  readonly family?: Family;
}

/** The stronger of two outcomes. */
export function strongerOutcome(a: Outcome, b: Outcome): Outcome {
  return severity(a) >= severity(b) ? a : b;
}

function severity(outcome: Outcome): number {
  return outcome === 'ok' ? -1 : ERROR_CLASSES.indexOf(outcome);
}

/** The strongest class of all errors. */
export function worstOutcome(errors: readonly UpdateError[]): Outcome {
  return errors.reduce<Outcome>((worst, error) => strongerOutcome(worst, error.errorClass), 'ok');
}

const NO_DATA = new Uint8Array(0);

/** An {@link UpdateError} of code 3, UPDATE Message Error. */
export function updateError(
  errorClass: ErrorClass,
  subcode: number,
  attribute: number,
  offset: number,
  message: string,
  data: Uint8Array = NO_DATA,
): UpdateError {
  const code = NotificationCode.UPDATE_MESSAGE_ERROR;
  return { errorClass, code, subcode, attribute, offset, message, data };
}

/** The whole attribute that starts at `at`, as RFC 4271 §6.3 wants it in the data field; cut at `end`. */
export function attributeData(bytes: Uint8Array, at: number, end: number): Uint8Array {
  const extended = ((bytes[at] ?? 0) & AttributeFlag.EXTENDED_LENGTH) !== 0;
  const length = extended ? ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0) : (bytes[at + 2] ?? 0);
  return copyOctets(bytes, at, Math.min(end, at + (extended ? 4 : 3) + length));
}
