import type { WireContext } from '../../bgp/wire/context.ts';
import { IPV4_UNICAST } from '../../bgp/wire/family.ts';
import { decodeMessage, type Message } from '../../bgp/wire/message.ts';
import { encodeKeepalive } from '../../bgp/wire/message-header.ts';
import { encodeNotification } from '../../bgp/wire/notification.ts';
import { encodeOpen } from '../../bgp/wire/open.ts';
import { encodeRouteRefresh } from '../../bgp/wire/route-refresh.ts';
import { type DecodedUpdate, encodeUpdate, type UpdateContent } from '../../bgp/wire/update.ts';
import { ByteWriter } from '../../net/byte-writer.ts';

/** Encodes a decoded message and decodes it again. */
export function reencoded(message: Message, context: WireContext): Message {
  const writer = new ByteWriter();
  switch (message.type) {
    case 'open':
      encodeOpen(writer, message.open);
      break;
    case 'update':
      encodeUpdate(writer, contentOf(message.update), context);
      break;
    case 'notification':
      encodeNotification(writer, message.notification);
      break;
    case 'keepalive':
      encodeKeepalive(writer);
      break;
    case 'route-refresh':
      encodeRouteRefresh(writer, message.routeRefresh);
      break;
    case 'error':
      throw new Error(`cannot be encoded: ${message.error.message}`);
  }
  const bytes = writer.take();
  return decodeMessage(bytes, 0, bytes.length, context);
}

function contentOf(update: DecodedUpdate): UpdateContent {
  const isField = (list: { family: number }): boolean => list.family === IPV4_UNICAST;
  const withdrawn = update.withdrawn.find(isField);
  const unreach = update.withdrawn.find((list) => !isField(list));
  const nlri = update.announced.find((list) => list.nextHop === undefined);
  const reach = update.announced.find((list) => list.nextHop !== undefined);
  return {
    attributes: update.attributes,
    ...(withdrawn ? { withdrawn: withdrawn.routes } : {}),
    ...(unreach ? { mpUnreach: unreach } : {}),
    ...(nlri ? { nlri: nlri.routes } : {}),
    ...(reach?.nextHop
      ? { mpReach: { family: reach.family, nextHop: reach.nextHop, routes: reach.routes } }
      : {}),
    ...(update.endOfRib !== undefined && update.endOfRib !== IPV4_UNICAST
      ? { mpUnreach: { family: update.endOfRib, routes: [] } }
      : {}),
  };
}

/** What a message means, without the order of its attributes and what was discarded. */
export function meaningOf(message: Message): unknown {
  if (message.type !== 'update') return message;
  const { withdrawn, announced, attributes, endOfRib } = message.update;
  const unknown = attributes.unknown.toSorted((a, b) => a.code - b.code);
  return {
    withdrawn,
    announced: announced.toSorted((a, b) => a.family - b.family),
    attributes: { ...attributes, unknown },
    endOfRib,
  };
}
