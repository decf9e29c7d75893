import type { ByteWriter } from '../../net/byte-writer.ts';
import { WellKnownCommunity } from './constants.ts';
import { readU32 } from './octets.ts';

/** A large community (RFC 8092): three unsigned 32-bit numbers. */
export interface LargeCommunity {
  readonly globalAdministrator: number;
  readonly localData1: number;
  readonly localData2: number;
}

const WELL_KNOWN: ReadonlyMap<number, string> = new Map([
  [WellKnownCommunity.GRACEFUL_SHUTDOWN, 'graceful-shutdown'],
  [WellKnownCommunity.LLGR_STALE, 'llgr-stale'],
  [WellKnownCommunity.NO_LLGR, 'no-llgr'],
  [WellKnownCommunity.BLACKHOLE, 'blackhole'],
  [WellKnownCommunity.NO_EXPORT, 'no-export'],
  [WellKnownCommunity.NO_ADVERTISE, 'no-advertise'],
  [WellKnownCommunity.NO_EXPORT_SUBCONFED, 'no-export-subconfed'],
  [WellKnownCommunity.NO_PEER, 'no-peer'],
]);

/** Unsigned 32-bit numbers, of COMMUNITIES or CLUSTER_LIST; the range is a multiple of four octets. */
export function decodeNumbers(bytes: Uint8Array, start: number, end: number): number[] {
  const numbers: number[] = [];
  for (let at = start; at < end; at += 4) numbers.push(readU32(bytes, at));
  return numbers;
}

/** The reverse of {@link decodeNumbers}. */
export function encodeNumbers(writer: ByteWriter, numbers: readonly number[]): void {
  for (const number of numbers) writer.u32(number);
}

/** Large communities; the range is a multiple of twelve octets. */
export function decodeLargeCommunities(bytes: Uint8Array, start: number, end: number): LargeCommunity[] {
  const communities: LargeCommunity[] = [];
  for (let at = start; at < end; at += 12) {
    communities.push({
      globalAdministrator: readU32(bytes, at),
      localData1: readU32(bytes, at + 4),
      localData2: readU32(bytes, at + 8),
    });
  }
  return communities;
}

/** The reverse of {@link decodeLargeCommunities}. */
export function encodeLargeCommunities(writer: ByteWriter, communities: readonly LargeCommunity[]): void {
  for (const community of communities) {
    writer.u32(community.globalAdministrator).u32(community.localData1).u32(community.localData2);
  }
}

/** `asn:value`. */
export function formatCommunity(community: number): string {
  return `${community >>> 16}:${community & 0xffff}`;
}

/** The name of a well-known community (RFC 1997, RFC 8642), undefined for any other. */
export function wellKnownCommunity(community: number): string | undefined {
  return WELL_KNOWN.get(community);
}

/** `a:b:c`. */
export function formatLargeCommunity(community: LargeCommunity): string {
  return `${community.globalAdministrator}:${community.localData1}:${community.localData2}`;
}
