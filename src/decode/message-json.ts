import { type Capability, capabilityCode } from '../../bgp/wire/capabilities.ts';
import { familyName } from '../../bgp/wire/family.ts';
import type { Message } from '../../bgp/wire/message.ts';
import type { MpNextHop } from '../../bgp/wire/mp-reach.ts';
import { notificationText } from '../../bgp/wire/notification.ts';
import type { OpenMessage } from '../../bgp/wire/open.ts';
import type { DecodedUpdate, RouteList } from '../../bgp/wire/update.ts';
import { toHex } from '../../net/hex.ts';
import { attributesJson, routerIdText } from './attributes-json.ts';
import type { CapabilityJson, MessageJson, RouteJson, UpdateJson } from './json-types.ts';
import { routeJson } from './route-json.ts';

/** A message as `decode --json` shows it. */
export function messageJson(message: Message): MessageJson {
  switch (message.type) {
    case 'open':
      return { type: 'open', outcome: 'ok', open: openJson(message.open) };
    case 'update':
      return updateMessageJson(message.update);
    case 'notification': {
      const { code, subcode, data } = message.notification;
      const words = notificationText(code, subcode, data);
      const notification = { code, subcode, data: toHex(data), message: words };
      return { type: 'notification', outcome: 'ok', notification };
    }
    case 'keepalive':
      return { type: 'keepalive', outcome: 'ok' };
    case 'route-refresh': {
      const { family, subtype } = message.routeRefresh;
      return {
        type: 'route-refresh',
        outcome: 'ok',
        route_refresh: { family: familyName(family), subtype },
      };
    }
    case 'error': {
      const { code, subcode, message: words } = message.error;
      const error = { code, subcode, message: words };
      return { type: message.of ?? null, outcome: 'session-reset', error };
    }
  }
}

function openJson(open: OpenMessage): NonNullable<MessageJson['open']> {
  return {
    version: open.version,
    asn: open.asn,
    my_as: open.myAs,
    hold_time: open.holdTime,
    router_id: routerIdText(open.routerId),
    capabilities: open.capabilities.map(capabilityJson),
  };
}

function capabilityJson(capability: Capability): CapabilityJson {
  const code = capabilityCode(capability);
  switch (capability.kind) {
    case 'multiprotocol':
      return { code, family: familyName(capability.family) };
    case 'extended-next-hop':
      return {
        code,
        entries: capability.entries.map(({ family, nextHopAfi }) => ({
          family: familyName(family),
          next_hop_afi: nextHopAfi,
        })),
      };
    case 'role':
      return { code, role: capability.role };
    case 'graceful-restart':
      return {
        code,
        restart_time: capability.restartTime,
        restarting: capability.restarting,
        notification: capability.notification,
        families: capability.families.map(({ family, forwarding }) => ({
          family: familyName(family),
          forwarding,
        })),
      };
    case 'four-octet-as':
      return { code, asn: capability.asn };
    case 'add-path':
      return {
        code,
        families: capability.families.map(({ family, mode }) => ({ family: familyName(family), mode })),
      };
    case 'long-lived-graceful-restart':
      return {
        code,
        families: capability.families.map(({ family, forwarding, staleTime }) => ({
          family: familyName(family),
          forwarding,
          stale_time: staleTime,
        })),
      };
    case 'fqdn':
      return { code, hostname: capability.hostname, domain: capability.domain };
    case 'other':
      return capability.value.length === 0 ? { code } : { code, raw: toHex(capability.value) };
    default:
      return { code };
  }
}

function updateMessageJson(update: DecodedUpdate): MessageJson {
  const head = { type: 'update', outcome: update.outcome };
  const content = { update: updateJson(update) };
  if (update.outcome === 'session-reset') {
    const worst = update.errors.find((error) => error.errorClass === 'session-reset');
    const error = { code: worst?.code ?? 0, subcode: worst?.subcode ?? 0, message: worst?.message ?? '' };
    return { ...head, error, ...content };
  }
  if (update.outcome !== 'attribute-discard') return { ...head, ...content };
  const discarded = update.errors.map((error) => error.attribute);
  return { ...head, discarded_attributes: [...new Set(discarded)], ...content };
}

function updateJson(update: DecodedUpdate): UpdateJson {
  const disabled = new Set(
    update.errors.filter((error) => error.errorClass === 'afi-safi-disable').map((error) => error.family),
  );
  const kept = (list: RouteList): boolean => !disabled.has(list.family);
  const withdrawn = update.withdrawn.filter(kept);
  const announced = update.announced.filter(kept);
  const asWithdrawn = update.outcome === 'treat-as-withdraw';
  const json: UpdateJson = {
    withdrawn: [...withdrawn, ...(asWithdrawn ? announced : [])].flatMap(withdrawnJson),
    announced: asWithdrawn ? [] : announced.flatMap((list) => announcedJson(list, update)),
    attributes: attributesJson(update.attributes, update.wireAsPath),
    attribute_codes: update.attributeCodes,
  };
  if (update.endOfRib !== undefined) json.end_of_rib = familyName(update.endOfRib);
  const unknown = [
    ...withdrawn.map((list) => ({ list, kind: 'withdrawn' as const })),
    ...announced.map((list) => ({ list, kind: 'announced' as const })),
  ].filter(({ list }) => !list.carried);
  if (unknown.length > 0) {
    json.unknown_nlri = unknown.map(({ list, kind }) => ({ family: familyName(list.family), kind }));
  }
  return json;
}

function withdrawnJson({ routes }: RouteList): RouteJson[] {
  return routes.map((route) => {
    const { labels: _, ...json } = routeJson(route);
    return json;
  });
}

function announcedJson(list: RouteList, update: DecodedUpdate): RouteJson[] {
  const fromAttribute: MpNextHop | undefined = update.attributes.nextHop && {
    address: update.attributes.nextHop,
  };
  return list.routes.map((route) => routeJson(route, list.nextHop ?? fromAttribute));
}
