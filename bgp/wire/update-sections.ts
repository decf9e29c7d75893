// Hot: runs once per UPDATE. Byte offsets only; nothing is allocated.
import { type Family, familyOf } from './family.ts';
import { readU16 } from './octets.ts';

/**
 * Where the parts of one UPDATE stand in a buffer (RFC 4271 §4.3, RFC 4760 §3 and §4). One object is
 * reused for all messages. Offsets are absolute; an absent MP attribute has `…Start` -1.
 */
export class UpdateSections {
  withdrawnStart = 0;
  withdrawnEnd = 0;
  attributesStart = 0;
  attributesEnd = 0;
  nlriStart = 0;
  nlriEnd = 0;
  /** The three length fields of the message fit together: `withdrawn…`, `attributes…` and `nlri…` can be used. */
  lengthsFit = false;

  /** MP_REACH_NLRI: the attribute's first octet (its flags), its end, and what is inside. */
  reachStart = -1;
  reachEnd = -1;
  reachFamily: Family = 0;
  reachNextHopStart = 0;
  reachNextHopEnd = 0;
  reachNlriStart = 0;

  /** MP_UNREACH_NLRI likewise. */
  unreachStart = -1;
  unreachEnd = -1;
  unreachFamily: Family = 0;
  unreachNlriStart = 0;

  /**
   * Splits the UPDATE (header included) at `bytes[start..end)`. False when anything about its structure
   * is out of order: lengths that do not fit, an MP attribute twice or cut short. The message has to be
   * looked at with the error rules of RFC 7606 then.
   */
  split(bytes: Uint8Array, start: number, end: number): boolean {
    this.reachStart = -1;
    this.unreachStart = -1;
    this.lengthsFit = false;
    const body = start + 19;
    if (body + 4 > end) return false;
    this.withdrawnStart = body + 2;
    this.withdrawnEnd = this.withdrawnStart + readU16(bytes, body);
    if (this.withdrawnEnd + 2 > end) return false;
    this.attributesStart = this.withdrawnEnd + 2;
    this.attributesEnd = this.attributesStart + readU16(bytes, this.withdrawnEnd);
    if (this.attributesEnd > end) return false;
    this.lengthsFit = true;
    this.nlriStart = this.attributesEnd;
    this.nlriEnd = end;
    return this.#walkAttributes(bytes);
  }

  #walkAttributes(bytes: Uint8Array): boolean {
    const end = this.attributesEnd;
    let at = this.attributesStart;
    while (at < end) {
      if (at + 3 > end) return false;
      const extended = ((bytes[at] as number) & 0x10) !== 0;
      if (extended && at + 4 > end) return false;
      const value = at + (extended ? 4 : 3);
      const next = value + (extended ? readU16(bytes, at + 2) : (bytes[at + 2] as number));
      if (next > end) return false;
      const code = bytes[at + 1];
      if (code === 14 && !this.#reach(bytes, at, value, next)) return false;
      if (code === 15 && !this.#unreach(bytes, at, value, next)) return false;
      at = next;
    }
    return true;
  }

  #reach(bytes: Uint8Array, start: number, value: number, end: number): boolean {
    if (this.reachStart >= 0 || value + 5 > end) return false;
    const nextHopEnd = value + 4 + (bytes[value + 3] as number);
    if (nextHopEnd + 1 > end) return false;
    this.reachStart = start;
    this.reachEnd = end;
    this.reachFamily = familyOf(readU16(bytes, value), bytes[value + 2] as number);
    this.reachNextHopStart = value + 4;
    this.reachNextHopEnd = nextHopEnd;
    this.reachNlriStart = nextHopEnd + 1;
    return true;
  }

  #unreach(bytes: Uint8Array, start: number, value: number, end: number): boolean {
    if (this.unreachStart >= 0 || value + 3 > end) return false;
    this.unreachStart = start;
    this.unreachEnd = end;
    this.unreachFamily = familyOf(readU16(bytes, value), bytes[value + 2] as number);
    this.unreachNlriStart = value + 3;
    return true;
  }
}
