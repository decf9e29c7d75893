// Hot: runs once per attribute of a distinct attribute set.
import { decodeAigp } from './aigp.ts';
import { type AsPath, decodeAsPath, hasConfederation, mergeAs4Path } from './as-path.ts';
import type { Aggregator, OriginValue, PathAttributes } from './attribute-types.ts';
import { decodeLargeCommunities, decodeNumbers } from './communities.ts';
import { AS_TRANS, AS_ZERO, AttributeCode, AttributeFlag } from './constants.ts';
import type { WireContext } from './context.ts';
import { copyOctets, readU8, readU16, readU32 } from './octets.ts';
import { decodePmsiTunnel } from './pmsi.ts';
import { isTunnelEncapsulation } from './tunnel-encapsulation.ts';

/** Path attributes while they are being decoded. */
export type AttributesDraft = { -readonly [Name in keyof PathAttributes]: PathAttributes[Name] };

/** Where a value is read from, under which rules, and where it goes. */
export interface ValueTarget {
  readonly bytes: Uint8Array;
  readonly context: WireContext;
  readonly routes: { readonly hasIpv4Nlri: boolean };
  readonly attributes: AttributesDraft;
}

/** Sets the attribute from a value whose length fits; false when the value is malformed. */
export function setAttributeValue(
  walk: ValueTarget,
  code: number,
  at: number,
  start: number,
  end: number,
): boolean {
  const { bytes, attributes, context } = walk;
  switch (code) {
    case AttributeCode.ORIGIN:
      attributes.origin = originOf(readU8(bytes, start));
      return attributes.origin !== undefined;
    case AttributeCode.AS_PATH:
      attributes.asPath = acceptedPath(decodeAsPath(bytes, start, end, context.fourOctetAs ? 4 : 2), context);
      return attributes.asPath !== undefined;
    case AttributeCode.NEXT_HOP:
      // RFC 4760 §3: ignored when no route of the NLRI field needs it.
      if (walk.routes.hasIpv4Nlri && !isUnicastAddress(bytes, start)) return false;
      attributes.nextHop = { version: 4, bytes: copyOctets(bytes, start, end) };
      return true;
    case AttributeCode.MULTI_EXIT_DISC:
      attributes.med = readU32(bytes, start);
      return true;
    case AttributeCode.LOCAL_PREF:
      attributes.localPref = readU32(bytes, start);
      return true;
    case AttributeCode.ATOMIC_AGGREGATE:
      attributes.atomicAggregate = true;
      return true;
    case AttributeCode.AGGREGATOR:
      attributes.aggregator = decodeAggregator(bytes, start, end, context.fourOctetAs ? 4 : 2);
      return attributes.aggregator !== undefined;
    case AttributeCode.COMMUNITIES:
      attributes.communities = decodeNumbers(bytes, start, end);
      return true;
    case AttributeCode.ORIGINATOR_ID:
      attributes.originatorId = readU32(bytes, start);
      return true;
    case AttributeCode.CLUSTER_LIST:
      attributes.clusterList = decodeNumbers(bytes, start, end);
      return true;
    case AttributeCode.EXTENDED_COMMUNITIES:
      attributes.extendedCommunities = copyOctets(bytes, start, end);
      return true;
    default:
      return setRareValue(walk, code, at, start, end);
  }
}

function setRareValue(walk: ValueTarget, code: number, at: number, start: number, end: number): boolean {
  const { bytes, attributes } = walk;
  switch (code) {
    case AttributeCode.AS4_PATH:
      attributes.as4Path = decodeAsPath(bytes, start, end, 4);
      return attributes.as4Path !== undefined;
    case AttributeCode.AS4_AGGREGATOR:
      attributes.as4Aggregator = decodeAggregator(bytes, start, end, 4);
      return attributes.as4Aggregator !== undefined;
    case AttributeCode.PMSI_TUNNEL:
      attributes.pmsi = decodePmsiTunnel(bytes, start, end);
      return attributes.pmsi !== undefined;
    case AttributeCode.IPV6_EXTENDED_COMMUNITIES:
      attributes.ipv6ExtendedCommunities = copyOctets(bytes, start, end);
      return true;
    case AttributeCode.AIGP: {
      const metric = decodeAigp(bytes, start, end);
      if (metric === undefined) return false;
      // Other TLVs alone are passed on as they are (RFC 7311 §3).
      if (metric === null) break;
      attributes.aigp = metric;
      return true;
    }
    case AttributeCode.LARGE_COMMUNITIES:
      attributes.largeCommunities = decodeLargeCommunities(bytes, start, end);
      return true;
    case AttributeCode.ONLY_TO_CUSTOMER:
      if (readU32(bytes, start) === AS_ZERO) return false;
      break;
    case AttributeCode.TUNNEL_ENCAPSULATION:
      if (!isTunnelEncapsulation(bytes, start, end)) return false;
      break;
    default:
      break;
  }
  keepRaw(walk, code, readU8(bytes, at), start, end);
  return true;
}

function originOf(value: number): OriginValue | undefined {
  return value === 0 || value === 1 || value === 2 ? value : undefined;
}

/** RFC 5065 §5: confederation segments from outside the confederation make a path malformed. */
function acceptedPath(path: AsPath | undefined, context: WireContext): AsPath | undefined {
  const isOutside = context.peerType === 'ebgp' && context.confederation !== true;
  return isOutside && path && hasConfederation(path) ? undefined : path;
}

/** RFC 4271 §6.3: a NEXT_HOP has to be a host's address. */
function isUnicastAddress(bytes: Uint8Array, at: number): boolean {
  return readU8(bytes, at) < 224 && readU32(bytes, at) !== 0;
}

/** Undefined for a wrong length or AS 0 (RFC 7606 §7.7, RFC 7607 §2). */
function decodeAggregator(
  bytes: Uint8Array,
  start: number,
  end: number,
  asSize: 2 | 4,
): Aggregator | undefined {
  if (end - start !== asSize + 4) return undefined;
  const asn = asSize === 4 ? readU32(bytes, start) : readU16(bytes, start);
  return asn === AS_ZERO ? undefined : { asn, routerId: readU32(bytes, start + asSize) };
}

/** Keeps an attribute as it came. */
export function keepRaw(walk: ValueTarget, code: number, flags: number, start: number, end: number): void {
  const kept = flags & (AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE | AttributeFlag.PARTIAL);
  const attribute = { code, flags: kept, value: copyOctets(walk.bytes, start, end) };
  walk.attributes.unknown = [...walk.attributes.unknown, attribute];
}

/** RFC 6793 §4.2.3: what AS4_PATH and AS4_AGGREGATOR say about AS_PATH and AGGREGATOR. */
export function applyFourOctetAttributes(attributes: AttributesDraft): void {
  const { aggregator, as4Aggregator, asPath, as4Path } = attributes;
  if (aggregator && as4Aggregator) {
    if (aggregator.asn !== AS_TRANS) return;
    attributes.aggregator = as4Aggregator;
  }
  if (asPath && as4Path) attributes.asPath = mergeAs4Path(asPath, as4Path);
}
