import { type AsPath, formatAsPath } from '../../bgp/wire/as-path.ts';
import type { Aggregator, PathAttributes } from '../../bgp/wire/attribute-types.ts';
import { formatCommunity, formatLargeCommunity } from '../../bgp/wire/communities.ts';
import { AttributeFlag } from '../../bgp/wire/constants.ts';
import { EXTENDED_COMMUNITY_SIZE, formatExtendedCommunity } from '../../bgp/wire/extended-communities.ts';
import { type PmsiTunnel, pmsiEndpoint } from '../../bgp/wire/pmsi.ts';
import { formatAddress, ipv4FromNumber } from '../../net/address.ts';
import { toHex } from '../../net/hex.ts';
import type { AggregatorJson, AttributesJson } from './json-types.ts';

const ORIGINS = ['igp', 'egp', 'incomplete'] as const;
const IPV6_EXTENDED_COMMUNITY_SIZE = 20;
const UPPER_FLAGS = AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE | AttributeFlag.PARTIAL;

/** Path attributes as `decode --json` shows them; `wireAsPath` is AS_PATH before AS4_PATH was merged into it. */
export function attributesJson(attributes: PathAttributes, wireAsPath: AsPath | undefined): AttributesJson {
  const json: AttributesJson = {};
  const { origin, med, localPref, aggregator, as4Path, as4Aggregator, originatorId, pmsi, aigp } = attributes;
  if (origin !== undefined) json.origin = ORIGINS[origin];
  if (wireAsPath) json.as_path = formatAsPath(wireAsPath);
  if (med !== undefined) json.med = med;
  if (localPref !== undefined) json.local_pref = localPref;
  if (attributes.atomicAggregate) json.atomic_aggregate = true;
  if (aggregator) json.aggregator = aggregatorJson(aggregator);
  if (attributes.communities.length > 0) json.communities = attributes.communities.map(formatCommunity);
  if (originatorId !== undefined) json.originator_id = routerIdText(originatorId);
  if (attributes.clusterList.length > 0) json.cluster_list = attributes.clusterList.map(routerIdText);
  if (attributes.extendedCommunities.length > 0) {
    const offsets = offsetsOf(attributes.extendedCommunities, EXTENDED_COMMUNITY_SIZE);
    const bytes = attributes.extendedCommunities;
    json.extended_communities = offsets.map((at) => formatExtendedCommunity(bytes, at));
    json.extended_communities_raw = offsets.map((at) => toHex(bytes, at, at + EXTENDED_COMMUNITY_SIZE));
  }
  if (as4Path) json.as4_path = formatAsPath(as4Path);
  if (as4Aggregator) json.as4_aggregator = aggregatorJson(as4Aggregator);
  if (pmsi) json.pmsi = pmsiJson(pmsi);
  if (attributes.ipv6ExtendedCommunities.length > 0) {
    const bytes = attributes.ipv6ExtendedCommunities;
    json.ipv6_extended_communities_raw = offsetsOf(bytes, IPV6_EXTENDED_COMMUNITY_SIZE).map((at) =>
      toHex(bytes, at, at + IPV6_EXTENDED_COMMUNITY_SIZE),
    );
  }
  if (aigp !== undefined) json.aigp = Number(aigp);
  if (attributes.largeCommunities.length > 0) {
    json.large_communities = attributes.largeCommunities.map(formatLargeCommunity);
  }
  if (attributes.unknown.length > 0) {
    json.other = attributes.unknown.map(({ code, flags, value }) => ({
      code,
      flags: flags & UPPER_FLAGS,
      value: toHex(value),
    }));
  }
  return json;
}

/** Dotted quad of a BGP identifier. */
export function routerIdText(routerId: number): string {
  return formatAddress(ipv4FromNumber(routerId));
}

function aggregatorJson({ asn, routerId }: Aggregator): AggregatorJson {
  return { asn, address: routerIdText(routerId) };
}

function pmsiJson(pmsi: PmsiTunnel): NonNullable<AttributesJson['pmsi']> {
  const endpoint = pmsiEndpoint(pmsi);
  const { flags, tunnelType, label } = pmsi;
  const head = { flags, tunnel_type: tunnelType, vni: label };
  return endpoint
    ? { ...head, endpoint: formatAddress(endpoint) }
    : { ...head, tunnel_id: toHex(pmsi.tunnelId) };
}

function offsetsOf(bytes: Uint8Array, size: number): number[] {
  return Array.from({ length: bytes.length / size }, (_, index) => index * size);
}
