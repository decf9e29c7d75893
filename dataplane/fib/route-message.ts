// Hot: one call per route; writes into the builder's buffer and allocates nothing.
import type { IpVersion } from '../../net/address.ts';
import {
  AF_INET,
  AF_INET6,
  NLM_F_CREATE,
  NLM_F_REPLACE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_UNSPEC,
  RTA_DST,
  RTA_NH_ID,
  RTA_PRIORITY,
  RTA_TABLE,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTN_UNICAST,
} from '../netlink/constants.ts';
import type { MessageBuilder } from '../netlink/message-builder.ts';
import { ROUTE_METRIC, ROUTE_PROTOCOL } from './own-objects.ts';

/** RTN_UNSPEC of linux/rtnetlink.h: any type of route. */
const RTN_UNSPEC = 0;
/** Tables from here on do not fit the header's field. */
const FIRST_LARGE_TABLE = 256;

/** Most bytes that a route's message takes: IPv6 with a table above 255. */
export const LARGEST_ROUTE_MESSAGE = 72;

/** Appends RTM_NEWROUTE that adds or replaces the route to `prefix` (4 or 16 bytes) by next-hop object `nexthopId`. */
export function writeRoute(
  builder: MessageBuilder,
  version: IpVersion,
  prefix: Uint8Array,
  length: number,
  table: number,
  nexthopId: number,
): void {
  begin(builder, RTM_NEWROUTE, NLM_F_REPLACE | NLM_F_CREATE, version, length, table, RTN_UNICAST);
  builder
    .attributeBytes(RTA_DST, prefix, 0, version === 4 ? 4 : 16)
    .attributeU32(RTA_PRIORITY, ROUTE_METRIC)
    .attributeU32(RTA_NH_ID, nexthopId);
  end(builder, table);
}

/** Appends RTM_DELROUTE; protocol and metric keep it from routes of others to the same prefix. */
export function writeRouteRemoval(
  builder: MessageBuilder,
  version: IpVersion,
  prefix: Uint8Array,
  length: number,
  table: number,
): void {
  begin(builder, RTM_DELROUTE, 0, version, length, table, RTN_UNSPEC);
  builder.attributeBytes(RTA_DST, prefix, 0, version === 4 ? 4 : 16).attributeU32(RTA_PRIORITY, ROUTE_METRIC);
  end(builder, table);
}

function begin(
  builder: MessageBuilder,
  type: number,
  flags: number,
  version: IpVersion,
  length: number,
  table: number,
  routeType: number,
): void {
  builder
    .begin(type, flags)
    .routeHeader(
      version === 4 ? AF_INET : AF_INET6,
      length,
      table < FIRST_LARGE_TABLE ? table : RT_TABLE_UNSPEC,
      ROUTE_PROTOCOL,
      RT_SCOPE_UNIVERSE,
      routeType,
      0,
    );
}

function end(builder: MessageBuilder, table: number): void {
  if (table >= FIRST_LARGE_TABLE) builder.attributeU32(RTA_TABLE, table);
  builder.end();
}
