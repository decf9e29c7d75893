/** An error in what the peer sent that ends the session: becomes a NOTIFICATION (RFC 4271 §6). */
export interface ProtocolError {
  readonly code: number;
  readonly subcode: number;
  /** The data field of the NOTIFICATION. */
  readonly data: Uint8Array;
  /** What was wrong, in words. */
  readonly message: string;
}

/** What a decoder of whole messages gives: the message, or the error that ends the session. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ProtocolError };

const NO_DATA = new Uint8Array(0);

/** A {@link Decoded} that failed. */
export function failed(
  code: number,
  subcode: number,
  message: string,
  data: Uint8Array = NO_DATA,
): { readonly ok: false; readonly error: ProtocolError } {
  return { ok: false, error: { code, subcode, data, message } };
}
