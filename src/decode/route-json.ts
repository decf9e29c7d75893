import { familyName } from '../../bgp/wire/family.ts';
import type { MpNextHop } from '../../bgp/wire/mp-reach.ts';
import type { EvpnNlri, NlriRoute } from '../../bgp/wire/nlri.ts';
import { formatRouteDistinguisher } from '../../bgp/wire/route-distinguisher.ts';
import { formatAddress } from '../../net/address.ts';
import { toHex } from '../../net/hex.ts';
import { formatOctets } from '../../net/mac.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { RouteJson } from './json-types.ts';

const ESI_SIZE = 10;

/** A route as `decode --json` shows it; an announced one with its next hop. */
export function routeJson(route: NlriRoute, nextHop?: MpNextHop): RouteJson {
  return {
    family: familyName(route.family),
    ...(route.pathId === undefined ? {} : { path_id: route.pathId }),
    ...keyJson(route),
    ...(nextHop ? { next_hop: formatAddress(nextHop.address) } : {}),
    ...(nextHop?.linkLocal ? { next_hop_link_local: formatAddress(nextHop.linkLocal) } : {}),
  };
}

function keyJson(route: NlriRoute): Partial<RouteJson> {
  switch (route.kind) {
    case 'unicast':
      return { prefix: formatPrefix(route.prefix) };
    case 'labeled':
      return { prefix: formatPrefix(route.prefix), ...labelsJson(route.labels) };
    case 'vpn':
      return {
        rd: formatRouteDistinguisher(route.rd),
        prefix: formatPrefix(route.prefix),
        ...labelsJson(route.labels),
      };
    case 'evpn-unknown':
      return { route_type: route.routeType, raw: toHex(route.raw) };
    case 'evpn':
      return { route_type: route.routeType, rd: formatRouteDistinguisher(route.rd), ...evpnJson(route) };
  }
}

function labelsJson(labels: readonly number[]): Partial<RouteJson> {
  return labels.length === 0 ? {} : { labels };
}

function evpnJson(route: EvpnNlri): Partial<RouteJson> {
  switch (route.routeType) {
    case 1:
      return { esi: esiText(route.esi), ethernet_tag: route.ethernetTag, vni: route.label };
    case 2:
      return {
        esi: esiText(route.esi),
        ethernet_tag: route.ethernetTag,
        mac: formatOctets(route.mac),
        ip: route.ip ? formatAddress(route.ip) : null,
        vni: route.label,
        ...(route.label2 === undefined ? {} : { vni2: route.label2 }),
      };
    case 3:
      return {
        ethernet_tag: route.ethernetTag,
        originating_router: formatAddress(route.originatingRouter),
      };
    case 4:
      return { esi: esiText(route.esi), originating_router: formatAddress(route.originatingRouter) };
    case 5:
      return {
        esi: esiText(route.esi),
        ethernet_tag: route.ethernetTag,
        prefix: formatPrefix(route.prefix),
        gateway: formatAddress(route.gateway),
        vni: route.label,
      };
  }
}

function esiText(esi: Uint8Array): string {
  return formatOctets(esi, 0, ESI_SIZE);
}
