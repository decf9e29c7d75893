import { messagesOf } from './attribute-reader.ts';
import { openRawSocket, type RawSocket } from './raw-socket.ts';

/** What a subscriber hears. */
export interface SubscriptionHandlers {
  /** The kernel changed something: `type` is an RTM_ constant; the payload is only valid during the call. */
  changed(type: number, payload: Uint8Array): void;
  /** Notifications were lost, so everything may have changed. */
  lost(): void;
}

/** Notifications of the kernel, on a socket of their own so that a flood never drops an answer. */
export interface Subscription {
  close(): void;
}

/**
 * Subscribes to multicast groups (RTNLGRP_ constants) in a namespace, undefined: the process's own. Does
 * not keep the process alive.
 *
 * @throws NamespaceError
 */
export function subscribe(
  namespace: string | undefined,
  groups: readonly number[],
  handlers: SubscriptionHandlers,
): Subscription {
  return listenTo(openRawSocket(namespace, groups).raw, handlers);
}

/** As {@link subscribe}, on a socket that is subscribed already. */
export function listenTo(raw: RawSocket, handlers: SubscriptionHandlers): Subscription {
  raw.on('message', (bytes, from) => {
    if (from.port !== 0) return;
    for (const message of messagesOf(bytes)) handlers.changed(message.type, message.payload);
  });
  raw.on('error', () => handlers.lost());
  return { close: () => raw.close() };
}
