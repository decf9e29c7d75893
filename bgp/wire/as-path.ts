import type { ByteWriter } from '../../net/byte-writer.ts';
import { AS_TRANS, AS_ZERO, SegmentType } from './constants.ts';
import { readU8, readU16, readU32 } from './octets.ts';

/** One segment of an AS_PATH (RFC 4271 §4.3, RFC 5065 §3); never empty. */
export interface AsPathSegment {
  /** One of {@link SegmentType}. */
  readonly type: number;
  readonly asns: readonly number[];
}

export type AsPath = readonly AsPathSegment[];

/** A segment's count field has one octet. */
const MAX_SEGMENT_ASNS = 255;
const EMPTY_PATH: AsPath = [];

/**
 * Decodes the value of an AS_PATH or AS4_PATH, `asSize` octets for each number. Undefined when it is
 * malformed: an unknown segment type, an empty segment, a segment longer than the attribute, octets
 * left over (RFC 7606 §7.2), or AS 0 (RFC 7607 §2).
 */
export function decodeAsPath(
  bytes: Uint8Array,
  start: number,
  end: number,
  asSize: 2 | 4,
): AsPath | undefined {
  if (start === end) return EMPTY_PATH;
  const path: AsPathSegment[] = [];
  let at = start;
  while (at < end) {
    if (at + 2 > end) return undefined;
    const type = readU8(bytes, at);
    const count = readU8(bytes, at + 1);
    at += 2;
    if (type < SegmentType.AS_SET || type > SegmentType.AS_CONFED_SET) return undefined;
    if (count === 0 || at + count * asSize > end) return undefined;
    const asns: number[] = [];
    for (let i = 0; i < count; i++, at += asSize) {
      const asn = asSize === 4 ? readU32(bytes, at) : readU16(bytes, at);
      if (asn === AS_ZERO) return undefined;
      asns.push(asn);
    }
    path.push({ type, asns });
  }
  return path;
}

/** Writes the value of an AS_PATH; numbers that do not fit two octets become AS_TRANS. Long segments are split. */
export function encodeAsPath(writer: ByteWriter, path: AsPath, asSize: 2 | 4): void {
  for (const { type, asns } of path) {
    for (let first = 0; first < asns.length; first += MAX_SEGMENT_ASNS) {
      const last = Math.min(asns.length, first + MAX_SEGMENT_ASNS);
      writer.u8(type).u8(last - first);
      for (let i = first; i < last; i++) {
        const asn = asns[i] ?? 0;
        if (asSize === 4) writer.u32(asn);
        else writer.u16(asn > 0xffff ? AS_TRANS : asn);
      }
    }
  }
}

/** True when a two-octet AS_PATH would lose a number, so that AS4_PATH has to go with it (RFC 6793 §4.2.2). */
export function needsAs4Path(path: AsPath): boolean {
  return path.some(({ asns }) => asns.some((asn) => asn > 0xffff));
}

/** The path without confederation segments, which AS4_PATH must not carry (RFC 6793 §3). */
export function withoutConfederation(path: AsPath): AsPath {
  return path.filter(({ type }) => !isConfederation(type));
}

/** True when a segment is of a confederation. */
export function hasConfederation(path: AsPath): boolean {
  return path.some(({ type }) => isConfederation(type));
}

function isConfederation(type: number): boolean {
  return type === SegmentType.AS_CONFED_SEQUENCE || type === SegmentType.AS_CONFED_SET;
}

/** Hops of a path: an AS_SET counts as one (RFC 4271 §9.1.2.2), confederation segments as none (RFC 5065 §5.3). */
export function asPathLength(path: AsPath): number {
  let length = 0;
  for (const { type, asns } of path) {
    if (type === SegmentType.AS_SEQUENCE) length += asns.length;
    else if (type === SegmentType.AS_SET) length += 1;
  }
  return length;
}

/**
 * The path that a two-octet AS_PATH and the AS4_PATH beside it mean (RFC 6793 §4.2.3): AS4_PATH,
 * preceded by what routers without 4-octet numbers have prepended. An AS4_PATH that is longer than
 * AS_PATH is ignored.
 */
export function mergeAs4Path(path: AsPath, as4Path: AsPath): AsPath {
  let missing = asPathLength(path) - asPathLength(as4Path);
  if (missing < 0) return path;
  const merged: AsPathSegment[] = [];
  for (const segment of path) {
    if (isConfederation(segment.type)) {
      merged.push(segment);
      continue;
    }
    if (missing === 0) break;
    if (segment.type === SegmentType.AS_SET) {
      merged.push(segment);
      missing -= 1;
    } else {
      merged.push({ type: segment.type, asns: segment.asns.slice(0, missing) });
      missing -= Math.min(missing, segment.asns.length);
    }
  }
  return joinSequences(merged, as4Path);
}

/** A sequence that continues in the first segment behind it becomes one segment with it. */
function joinSequences(head: AsPathSegment[], tail: AsPath): AsPath {
  const last = head.at(-1);
  const first = tail[0];
  if (last?.type !== SegmentType.AS_SEQUENCE || first?.type !== SegmentType.AS_SEQUENCE) {
    return [...head, ...tail];
  }
  if (last.asns.length + first.asns.length > MAX_SEGMENT_ASNS) return [...head, ...tail];
  const joined = { type: last.type, asns: [...last.asns, ...first.asns] };
  return [...head.slice(0, -1), joined, ...tail.slice(1)];
}

/** Text: members separated by spaces, sets `{1,2}`, confederation sequences `(1 2)` and sets `[1,2]`. */
export function formatAsPath(path: AsPath): string {
  return path.map(formatSegment).join(' ');
}

function formatSegment({ type, asns }: AsPathSegment): string {
  switch (type) {
    case SegmentType.AS_SET:
      return `{${asns.join(',')}}`;
    case SegmentType.AS_CONFED_SEQUENCE:
      return `(${asns.join(' ')})`;
    case SegmentType.AS_CONFED_SET:
      return `[${asns.join(',')}]`;
    default:
      return asns.join(' ');
  }
}
