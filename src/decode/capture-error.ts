/** What kind of input cannot be read. */
export type CaptureErrorKind =
  | 'unknown-format'
  | 'truncated'
  | 'malformed'
  | 'unsupported-link-type'
  | 'unreadable-file';

/** The input cannot be read, or not to its end. */
export class CaptureError extends Error {
  readonly kind: CaptureErrorKind;
  /** Byte offset in the input. */
  readonly offset: number;

  constructor(kind: CaptureErrorKind, offset: number, message: string) {
    super(`${message} (${kind}, at byte ${offset})`);
    this.name = 'CaptureError';
    this.kind = kind;
    this.offset = offset;
  }
}
