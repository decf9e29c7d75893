// Hot: runs once per attribute. The attributes have been checked before: their lengths are believed.
import { readU16 } from '../wire/octets.ts';

const EXTENDED_LENGTH = 0x10;

/** Where the value of the path attribute at `at` starts (RFC 4271 §4.3: three or four octets of header). */
export function attributeValue(bytes: Uint8Array, at: number): number {
  return at + ((bytes[at] as number) & EXTENDED_LENGTH ? 4 : 3);
}

/** Where the path attribute at `at` ends. */
export function attributeEnd(bytes: Uint8Array, at: number): number {
  if ((bytes[at] as number) & EXTENDED_LENGTH) return at + 4 + readU16(bytes, at + 2);
  return at + 3 + (bytes[at + 2] as number);
}

/** The type code of the path attribute at `at`. */
export function attributeCode(bytes: Uint8Array, at: number): number {
  return bytes[at + 1] as number;
}
