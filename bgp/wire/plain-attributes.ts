// Hot: runs once per distinct attribute set. Offsets only; nothing is allocated.
import { AttributeCode, AttributeFlag, SegmentType } from './constants.ts';
import { readU16, readU32 } from './octets.ts';

const WELL_KNOWN = AttributeFlag.TRANSITIVE;
const OPTIONAL_TRANSITIVE = AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE;
const OPTIONAL_NON_TRANSITIVE = AttributeFlag.OPTIONAL;
/** The bit of LARGE_COMMUNITIES (32) among those that were seen: no attribute has the code 0. */
const LARGE_COMMUNITIES_BIT = 1;

/**
 * True when the path attributes at `bytes[start..end)` are all of the usual kinds, each once and in good form, with
 * 4-octet AS numbers, and none of the mandatory ones is missing: `decodePathAttributes` has no error to report of
 * them. False says nothing: they need that closer look.
 *
 * What is in MP_REACH_NLRI and MP_UNREACH_NLRI is not looked at. `internal`: the peer is an internal one.
 * `hasIpv4Nlri`: routes of the message need NEXT_HOP.
 */
export function hasPlainAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
  internal: boolean,
  hasIpv4Nlri: boolean,
): boolean {
  let seen = 0;
  let at = start;
  while (at < end) {
    if (at + 3 > end) return false;
    const flags = bytes[at] as number;
    const code = bytes[at + 1] as number;
    const extended = (flags & AttributeFlag.EXTENDED_LENGTH) !== 0;
    if (extended && at + 4 > end) return false;
    const value = at + (extended ? 4 : 3);
    const size = extended ? readU16(bytes, at + 2) : (bytes[at + 2] as number);
    at = value + size;
    if (at > end || code > AttributeCode.LARGE_COMMUNITIES) return false;
    const bit = code === AttributeCode.LARGE_COMMUNITIES ? LARGE_COMMUNITIES_BIT : 1 << code;
    if ((seen & bit) !== 0) return false;
    seen |= bit;
    if (!isPlain(bytes, code, flags & OPTIONAL_TRANSITIVE, value, size, internal)) return false;
  }
  const needed =
    (1 << AttributeCode.ORIGIN) |
    (1 << AttributeCode.AS_PATH) |
    (hasIpv4Nlri ? 1 << AttributeCode.NEXT_HOP : 0);
  return (seen & needed) === needed;
}

function isPlain(
  bytes: Uint8Array,
  code: number,
  kind: number,
  value: number,
  size: number,
  internal: boolean,
): boolean {
  switch (code) {
    case AttributeCode.ORIGIN:
      return kind === WELL_KNOWN && size === 1 && (bytes[value] as number) <= 2;
    case AttributeCode.AS_PATH:
      return kind === WELL_KNOWN && isPlainPath(bytes, value, value + size);
    case AttributeCode.NEXT_HOP:
      return (
        kind === WELL_KNOWN && size === 4 && (bytes[value] as number) < 224 && readU32(bytes, value) !== 0
      );
    case AttributeCode.MULTI_EXIT_DISC:
      return kind === OPTIONAL_NON_TRANSITIVE && size === 4;
    case AttributeCode.LOCAL_PREF:
      return internal && kind === WELL_KNOWN && size === 4;
    case AttributeCode.ATOMIC_AGGREGATE:
      return kind === WELL_KNOWN && size === 0;
    case AttributeCode.AGGREGATOR:
      return kind === OPTIONAL_TRANSITIVE && size === 8 && readU32(bytes, value) !== 0;
    case AttributeCode.COMMUNITIES:
      return kind === OPTIONAL_TRANSITIVE && size > 0 && (size & 3) === 0;
    case AttributeCode.ORIGINATOR_ID:
      return internal && kind === OPTIONAL_NON_TRANSITIVE && size === 4;
    case AttributeCode.CLUSTER_LIST:
      return internal && kind === OPTIONAL_NON_TRANSITIVE && size > 0 && (size & 3) === 0;
    case AttributeCode.MP_REACH_NLRI:
    case AttributeCode.MP_UNREACH_NLRI:
      return kind === OPTIONAL_NON_TRANSITIVE;
    case AttributeCode.EXTENDED_COMMUNITIES:
      return kind === OPTIONAL_TRANSITIVE && size > 0 && (size & 7) === 0;
    case AttributeCode.LARGE_COMMUNITIES:
      return kind === OPTIONAL_TRANSITIVE && size > 0 && size % 12 === 0;
    default:
      return false;
  }
}

/** Sequences and sets of 4-octet numbers, none of them empty and no number 0 (RFC 7606 §7.2, RFC 7607 §2). */
function isPlainPath(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    if (at + 2 > end) return false;
    const type = bytes[at] as number;
    const next = at + 2 + (bytes[at + 1] as number) * 4;
    if (type !== SegmentType.AS_SEQUENCE && type !== SegmentType.AS_SET) return false;
    if (next === at + 2 || next > end) return false;
    for (let as = at + 2; as < next; as += 4) if (readU32(bytes, as) === 0) return false;
    at = next;
  }
  return true;
}
