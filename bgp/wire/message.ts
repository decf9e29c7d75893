import { EXTENDED_MAX_MESSAGE_SIZE, HEADER_SIZE, MAX_MESSAGE_SIZE, MessageType } from './constants.ts';
import type { WireContext } from './context.ts';
import { badLength, checkHeader, isMessageType, messageTypeAt } from './message-header.ts';
import { decodeNotification, type Notification } from './notification.ts';
import { decodeOpen, type OpenMessage } from './open.ts';
import type { Decoded, ProtocolError } from './protocol-error.ts';
import { decodeRouteRefresh, type RouteRefresh } from './route-refresh.ts';
import { type DecodedUpdate, decodeUpdate } from './update.ts';

/** Names of the message types. */
export const MESSAGE_NAMES = {
  [MessageType.OPEN]: 'open',
  [MessageType.UPDATE]: 'update',
  [MessageType.NOTIFICATION]: 'notification',
  [MessageType.KEEPALIVE]: 'keepalive',
  [MessageType.ROUTE_REFRESH]: 'route-refresh',
} as const;

export type MessageName = (typeof MESSAGE_NAMES)[keyof typeof MESSAGE_NAMES];

/** A whole message of any type, or the error that ends the session over it. */
export type Message =
  | { readonly type: 'open'; readonly open: OpenMessage }
  | { readonly type: 'update'; readonly update: DecodedUpdate }
  | { readonly type: 'notification'; readonly notification: Notification }
  | { readonly type: 'keepalive' }
  | { readonly type: 'route-refresh'; readonly routeRefresh: RouteRefresh }
  /** `of` is undefined when the header does not name a known type. */
  | { readonly type: 'error'; readonly of: MessageName | undefined; readonly error: ProtocolError };

/** Decodes the message that fills `bytes[start..end)`, header included. Never throws. */
export function decodeMessage(bytes: Uint8Array, start: number, end: number, context: WireContext): Message {
  const length = end - start;
  if (length < HEADER_SIZE) return { type: 'error', of: undefined, error: incomplete(length, HEADER_SIZE) };
  const name = nameOf(messageTypeAt(bytes, start));
  const maximum = context.extendedMessage ? EXTENDED_MAX_MESSAGE_SIZE : MAX_MESSAGE_SIZE;
  const checked = checkHeader(bytes, start, length, maximum);
  if (typeof checked !== 'number') return { type: 'error', of: name, error: checked };
  if (checked !== length) return { type: 'error', of: name, error: incomplete(length, checked) };
  switch (name) {
    case 'open':
      return or(name, decodeOpen(bytes, start, end), (open) => ({ type: 'open', open }));
    case 'update':
      return { type: 'update', update: decodeUpdate(bytes, start, end, context) };
    case 'notification':
      return or(name, decodeNotification(bytes, start, end), (notification) => ({
        type: 'notification',
        notification,
      }));
    case 'route-refresh':
      return or(name, decodeRouteRefresh(bytes, start, end), (routeRefresh) => ({
        type: 'route-refresh',
        routeRefresh,
      }));
    default:
      return { type: 'keepalive' };
  }
}

function incomplete(length: number, expected: number): ProtocolError {
  return { ...badLength(expected), message: `${length} octets instead of ${expected}` };
}

function or<T>(name: MessageName, decoded: Decoded<T>, message: (value: T) => Message): Message {
  return decoded.ok ? message(decoded.value) : { type: 'error', of: name, error: decoded.error };
}

function nameOf(type: number): MessageName | undefined {
  return isMessageType(type) ? MESSAGE_NAMES[type as keyof typeof MESSAGE_NAMES] : undefined;
}
