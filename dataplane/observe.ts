import { readFileSync } from 'node:fs';
import { parseLink, parseLinkAddress } from './link-state.ts';
import { AttributeReader } from './netlink/attribute-reader.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  IFLA_EXT_MASK,
  RT_TABLE_UNSPEC,
  RTA_DST,
  RTA_PRIORITY,
  RTA_TABLE,
  RTEXT_FILTER_SKIP_STATS,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTN_UNREACHABLE,
} from './netlink/constants.ts';
import { MessageBuilder } from './netlink/message-builder.ts';
import type { RouteSocket } from './netlink/route-socket.ts';
import { inNamespace } from './network-namespace.ts';
import type { ObservedAddress, ObservedNamespace, UnreachableDefault } from './observed.ts';
import { UNREACHABLE_METRIC } from './ownership.ts';
import { ROUTER_SYSCTLS } from './sysctls.ts';

/** `struct rtmsg`. */
const ROUTE_HEADER = 12;

/**
 * Dumps the devices of a namespace with their addresses. `statistics`: asks for the devices' counters too,
 * which only then come with their IPv6 address generation mode.
 *
 * @throws NetlinkError
 */
export async function observeNamespace(
  socket: RouteSocket,
  options: { readonly statistics: boolean },
): Promise<ObservedNamespace> {
  const builder = new MessageBuilder(64);
  builder.begin(RTM_GETLINK, 0).linkHeader(AF_UNSPEC, 0, 0, 0);
  if (!options.statistics) builder.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  const linkDump = builder.end().copy();
  const addressDump = builder.reset().begin(RTM_GETADDR, 0).addressHeader(AF_UNSPEC, 0, 0, 0).end().copy();
  const links = await socket.dump(linkDump, { operation: 'list', object: 'links' });
  const addresses = await socket.dump(addressDump, { operation: 'list', object: 'addresses' });
  const byLink = new Map<number, ObservedAddress[]>();
  for (const payload of addresses) {
    const parsed = parseLinkAddress(payload);
    if (parsed === undefined) continue;
    const present = byLink.get(parsed.linkIndex);
    if (present) present.push(parsed.address);
    else byLink.set(parsed.linkIndex, [parsed.address]);
  }
  return {
    links: links.flatMap((payload) => {
      const link = parseLink(payload);
      return link === undefined ? [] : [{ ...link, addresses: byLink.get(link.index) ?? [] }];
    }),
  };
}

/**
 * The unreachable default routes of all tables.
 *
 * @throws NetlinkError
 */
export async function observeUnreachableDefaults(socket: RouteSocket): Promise<UnreachableDefault[]> {
  const found: UnreachableDefault[] = [];
  for (const version of [4, 6] as const) {
    const dump = new MessageBuilder(64)
      .begin(RTM_GETROUTE, 0)
      .routeHeader(version === 4 ? AF_INET : AF_INET6, 0, RT_TABLE_UNSPEC, 0, 0, RTN_UNREACHABLE, 0)
      .end()
      .copy();
    const routes = await socket.dump(dump, { operation: 'list', object: 'unreachable routes' });
    for (const payload of routes) {
      const table = tableOfUnreachableDefault(payload);
      if (table !== undefined) found.push({ table, version });
    }
  }
  return found;
}

function tableOfUnreachableDefault(payload: Uint8Array): number | undefined {
  // Without the kernel's filter there may be very many routes: the header alone tells most of them apart.
  const unreachable = payload[1] === 0 && payload[7] === RTN_UNREACHABLE;
  if (payload.length < ROUTE_HEADER || !unreachable) return undefined;
  const attributes = new AttributeReader(payload, ROUTE_HEADER);
  if (attributes.has(RTA_DST) || attributes.u32(RTA_PRIORITY) !== UNREACHABLE_METRIC) return undefined;
  return attributes.u32(RTA_TABLE) ?? payload[4];
}

/** Values of the sysctls of interest in a namespace; undefined for what the kernel does not have. */
export function observeSysctls(namespace: string): ReadonlyMap<string, string | undefined> {
  // /proc/sys/net shows the namespace of the thread that opens it.
  return inNamespace(namespace, () => new Map(ROUTER_SYSCTLS.map(({ key }) => [key, readSysctl(key)])));
}

function readSysctl(key: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${key}`, 'latin1').trim();
  } catch {
    return undefined;
  }
}
