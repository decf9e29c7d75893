import type { IpVersion } from '../../net/address.ts';
import { AttributeReader, viewOf } from '../netlink/attribute-reader.ts';
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  NDA_DST,
  NDA_LLADDR,
  NDA_MASTER,
  NDA_PROTOCOL,
  NHA_GATEWAY,
  NHA_GROUP,
  NHA_ID,
  NHA_OIF,
  NTF_EXT_LEARNED,
  NTF_SELF,
  RTA_DST,
  RTA_NH_ID,
  RTA_PRIORITY,
  RTA_TABLE,
  RTM_GETNEIGH,
  RTM_GETNEXTHOP,
  RTM_GETROUTE,
  RTN_UNICAST,
  RTNH_F_ONLINK,
} from '../netlink/constants.ts';
import { MessageBuilder } from '../netlink/message-builder.ts';
import { NetlinkError, type RequestSubject } from '../netlink/netlink-error.ts';
import type { NexthopObjects } from './nexthop-objects.ts';
import type { NexthopSets } from './nexthop-sets.ts';
import { ROUTE_METRIC, ROUTE_PROTOCOL } from './own-objects.ts';
import { NO_SET, type RouteRows, STALE, UNSURE } from './route-rows.ts';
import type { TunnelEntries } from './tunnel-entries.ts';

/** The part of a netlink socket that reads the kernel's state; `RouteSocket` is one. */
export interface DumpSocket {
  /** Payloads (family header and attributes) of all objects of a kind. */
  dump(message: Uint8Array, subject: RequestSubject): Promise<Uint8Array[]>;
}

/** What the kernel has, as payloads of its answers. */
export interface KernelState {
  readonly nexthops: readonly Uint8Array[];
  /** Of IPv4 and IPv6. */
  readonly neighbours: readonly Uint8Array[];
  readonly fdb: readonly Uint8Array[];
  /** Of IPv4 and IPv6, all tables; those of other daemons may be among them. */
  readonly routes: readonly Uint8Array[];
}

/** How much was taken over. */
export interface AdoptedCounts {
  readonly nexthops: number;
  readonly neighbours: number;
  readonly fdb: number;
  readonly routes: number;
}

/** The kernel (before Linux 5.3) has no next-hop objects, which all routes here refer to. */
export class NexthopObjectsUnsupportedError extends Error {
  override readonly name = 'NexthopObjectsUnsupportedError';

  constructor(cause: unknown) {
    super('this kernel has no next-hop objects: Linux 5.3 or later is needed', { cause });
  }
}

/** `sizeof` of the family headers: struct nhmsg, struct ndmsg, struct rtmsg. */
const NEXTHOP_HEADER = 8;
const NEIGHBOUR_HEADER = 12;
const ROUTE_HEADER = 12;
/** RTM_F_CLONED of linux/rtnetlink.h: an entry of a cache, not a route. */
const RTM_F_CLONED = 0x200;
/** The kernel's own EOPNOTSUPP, which iproute2 shows as `Operation not supported`. */
const EOPNOTSUPP = 95;
const EINVAL = 22;
/** Routes read before the event loop gets a turn. */
const ROUTES_PER_TURN = 4096;

/**
 * Reads all that {@link adoptKernelState} needs.
 *
 * @throws NexthopObjectsUnsupportedError, NetlinkError
 */
export async function readKernelState(socket: DumpSocket): Promise<KernelState> {
  const builder = new MessageBuilder(64);
  const ask = (write: (builder: MessageBuilder) => MessageBuilder, object: string): Promise<Uint8Array[]> =>
    socket.dump(write(builder.reset()).end().copy(), { operation: 'list', object });
  const neighbours = (family: number) => (b: MessageBuilder) =>
    b.begin(RTM_GETNEIGH, 0).neighbourHeader(family, 0, 0, 0, 0);
  const routes = (family: number) => (b: MessageBuilder) =>
    b.begin(RTM_GETROUTE, 0).routeHeader(family, 0, 0, ROUTE_PROTOCOL, 0, 0, 0);
  let nexthops: Uint8Array[];
  try {
    nexthops = await ask((b) => b.begin(RTM_GETNEXTHOP, 0).nexthopHeader(AF_UNSPEC, 0, 0, 0), 'next hops');
  } catch (error) {
    const unknown = error instanceof NetlinkError && (error.errno === EOPNOTSUPP || error.errno === EINVAL);
    throw unknown ? new NexthopObjectsUnsupportedError(error) : error;
  }
  return {
    nexthops,
    neighbours: [
      ...(await ask(neighbours(AF_INET), 'IPv4 neighbours')),
      ...(await ask(neighbours(AF_INET6), 'IPv6 neighbours')),
    ],
    fdb: await ask(neighbours(AF_BRIDGE), 'FDB entries'),
    routes: [...(await ask(routes(AF_INET), 'IPv4 routes')), ...(await ask(routes(AF_INET6), 'IPv6 routes'))],
  };
}

/** The parts of a FIB that take things over. */
export interface AdoptionTarget {
  readonly entries: TunnelEntries;
  readonly objects: NexthopObjects;
  readonly sets: NexthopSets;
  rowsOf(version: IpVersion): RouteRows;
  /** Lets the event loop turn. */
  turn(): Promise<void>;
}

/** Takes over what carries the daemon's marks; ids of next-hop objects of others are left alone. */
export async function adoptKernelState(state: KernelState, target: AdoptionTarget): Promise<AdoptedCounts> {
  const slots = adoptNexthops(state.nexthops, target.objects);
  const { neighbours, endpoints } = adoptNeighbours(state.neighbours, target.entries);
  const fdb = adoptFdb(state.fdb, endpoints, target.entries);
  let routes = 0;
  for (let start = 0; start < state.routes.length; start += ROUTES_PER_TURN) {
    for (const payload of state.routes.slice(start, start + ROUTES_PER_TURN)) {
      if (adoptRoute(payload, slots, target)) routes++;
    }
    await target.turn();
  }
  return { nexthops: slots.size, neighbours, fdb, routes };
}

/** Slots of the objects that were taken over, by id. */
function adoptNexthops(payloads: readonly Uint8Array[], objects: NexthopObjects): Map<number, number> {
  const slots = new Map<number, number>();
  const groups: { id: number; members: Uint8Array }[] = [];
  for (const payload of payloads) {
    const attributes = new AttributeReader(payload, NEXTHOP_HEADER);
    const id = attributes.u32(NHA_ID) ?? 0;
    const flags = payload.length >= NEXTHOP_HEADER ? viewOf(payload).getUint32(4, true) : 0;
    const gateway = attributes.bytes(NHA_GATEWAY);
    const index = attributes.u32(NHA_OIF);
    const members = attributes.bytes(NHA_GROUP);
    if (payload[2] !== ROUTE_PROTOCOL) objects.reserveId(id);
    else if (members !== undefined) groups.push({ id, members });
    else if (gateway === undefined || index === undefined) objects.reserveId(id);
    else slots.set(id, objects.adoptNexthop(id, gateway, index, (flags & RTNH_F_ONLINK) !== 0));
  }
  for (const { id, members } of groups) {
    const slot = objects.adoptGroup(id, memberSlots(members, slots));
    if (slot === undefined) objects.reserveId(id);
    else slots.set(id, slot);
  }
  return slots;
}

/** -1 stands for a member that is not ours. */
function memberSlots(members: Uint8Array, slots: ReadonlyMap<number, number>): number[] {
  const view = viewOf(members);
  const result: number[] = [];
  for (let at = 0; at + 8 <= members.length; at += 8) result.push(slots.get(view.getUint32(at, true)) ?? -1);
  return result;
}

/** `endpoints` tells which tunnel endpoints each bridge has a neighbour of ours for. */
function adoptNeighbours(
  payloads: readonly Uint8Array[],
  entries: TunnelEntries,
): { neighbours: number; endpoints: Map<number, Set<string>> } {
  const endpoints = new Map<number, Set<string>>();
  let neighbours = 0;
  for (const payload of payloads) {
    if (payload.length < NEIGHBOUR_HEADER) continue;
    const attributes = new AttributeReader(payload, NEIGHBOUR_HEADER);
    const address = attributes.bytes(NDA_DST);
    const mac = attributes.bytesOfSize(NDA_LLADDR, 6);
    const own = attributes.u8(NDA_PROTOCOL) === ROUTE_PROTOCOL;
    if (!own || address === undefined || mac === undefined) continue;
    const bridge = viewOf(payload).getInt32(4, true);
    entries.adopt('neighbour', bridge, address, mac);
    const known = endpoints.get(bridge) ?? new Set();
    endpoints.set(bridge, known.add(endpointText(address)));
    neighbours++;
  }
  return { neighbours, endpoints };
}

/** An IPv4 address and its IPv4-mapped form are the same endpoint. */
function endpointText(address: Uint8Array): string {
  const mapped =
    address.length === 16 && address.subarray(0, 10).every((octet) => octet === 0) && address[10] === 0xff;
  return (mapped ? address.subarray(12) : address).join('.');
}

/**
 * The kernel keeps no protocol with FDB entries. Ours lead to an endpoint that the VXLAN device's bridge has a
 * neighbour of ours for.
 */
function adoptFdb(
  payloads: readonly Uint8Array[],
  endpoints: ReadonlyMap<number, ReadonlySet<string>>,
  entries: TunnelEntries,
): number {
  const bridges = new Map<number, number>();
  for (const payload of payloads) {
    if (payload.length < NEIGHBOUR_HEADER) continue;
    const bridge = new AttributeReader(payload, NEIGHBOUR_HEADER).u32(NDA_MASTER);
    if (bridge !== undefined) bridges.set(viewOf(payload).getInt32(4, true), bridge);
  }
  let count = 0;
  for (const payload of payloads) {
    if (payload.length < NEIGHBOUR_HEADER) continue;
    const flags = payload[10] ?? 0;
    const attributes = new AttributeReader(payload, NEIGHBOUR_HEADER);
    const vtep = attributes.bytes(NDA_DST);
    const mac = attributes.bytesOfSize(NDA_LLADDR, 6);
    if ((flags & NTF_EXT_LEARNED) === 0 || (flags & NTF_SELF) === 0 || !vtep || !mac) continue;
    const index = viewOf(payload).getInt32(4, true);
    const bridge = bridges.get(index);
    if (bridge === undefined || !endpoints.get(bridge)?.has(endpointText(vtep))) continue;
    entries.adopt('fdb', index, mac, vtep);
    count++;
  }
  return count;
}

const NO_DESTINATION = new Uint8Array(16);

/** True for a route of ours. */
function adoptRoute(
  payload: Uint8Array,
  slots: ReadonlyMap<number, number>,
  { sets, rowsOf }: AdoptionTarget,
): boolean {
  if (payload.length < ROUTE_HEADER) return false;
  const family = payload[0];
  if (payload[5] !== ROUTE_PROTOCOL || payload[7] !== RTN_UNICAST) return false;
  if (family !== AF_INET && family !== AF_INET6) return false;
  if ((viewOf(payload).getUint32(8, true) & RTM_F_CLONED) !== 0) return false;
  const attributes = new AttributeReader(payload, ROUTE_HEADER);
  if (attributes.u32(RTA_PRIORITY) !== ROUTE_METRIC) return false;
  const rows = rowsOf(family === AF_INET ? 4 : 6);
  const table = attributes.u32(RTA_TABLE) ?? payload[4] ?? 0;
  const prefix = attributes.bytes(RTA_DST) ?? NO_DESTINATION;
  const row = rows.findOrAdd(table, prefix, 0, payload[1] ?? 0);
  if (rows.installed[row] !== NO_SET) return true;
  if (rows.desired[row] === NO_SET) rows.setFlag(row, STALE);
  const slot = slots.get(attributes.u32(RTA_NH_ID) ?? 0);
  if (slot === undefined) {
    // It leads somewhere, but to no object of ours: it will be replaced or removed.
    rows.setFlag(row, UNSURE);
    return true;
  }
  const set = sets.adopt(slot);
  const variant = set * 2 + (family === AF_INET ? 0 : 1);
  sets.installed[variant] = (sets.installed[variant] as number) + 1;
  rows.setInstalled(row, set);
  return true;
}
