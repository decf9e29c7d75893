import type { Clock, Timer } from '../../bgp/session/clock.ts';
import { DeviceFilter } from '../../dataplane/device-filter.ts';
import { RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK } from '../../dataplane/netlink/constants.ts';
import { RouteSocket } from '../../dataplane/netlink/route-socket.ts';
import { type Subscription, subscribe } from '../../dataplane/netlink/subscription.ts';
import { observeNamespace } from '../../dataplane/observe.ts';
import { linkLocalOf, type ObservedLink } from '../../dataplane/observed.ts';
import type { IpAddress } from '../../net/address.ts';

/** An interface over which a neighbor can be found. */
export interface UsableInterface {
  readonly index: number;
  readonly mac: Uint8Array;
  readonly linkLocal: IpAddress;
  /** Changes when the link was lost for a moment. */
  readonly carrierLosses: number;
}

/** What {@link InterfaceWatch} works with. */
export interface InterfaceWatchOptions {
  /** Name of the network namespace; undefined: the process's own. */
  readonly namespace: string | undefined;
  readonly names: readonly string[];
  readonly clock: Clock;
  /** Called for each interface at first, and at every change; in words why it cannot be used when it cannot. */
  readonly changed: (name: string, state: UsableInterface | string) => void;
  readonly warn: (message: string) => void;
}

/** Milliseconds from a change in the kernel to a look at it: changes come in bursts. */
const SETTLE_TIME = 20;
/** Milliseconds until what failed is tried again. */
const RETRY_TIME = 3000;

/** Follows the state of some interfaces of a namespace. */
export class InterfaceWatch {
  readonly #options: InterfaceWatchOptions;
  #socket: RouteSocket | undefined;
  #subscription: Subscription | undefined;
  #timer: Timer | undefined;
  #filter: DeviceFilter;
  #closed = false;

  constructor(options: InterfaceWatchOptions) {
    this.#options = options;
    this.#filter = new DeviceFilter(options.names, { links: [] });
  }

  /** Starts to look; tries again until it can. */
  start(): void {
    this.#lookAfter(0);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#subscription?.close();
    this.#socket?.close();
  }

  #lookAfter(milliseconds: number): void {
    if (this.#closed || this.#timer) return;
    this.#timer = this.#options.clock.setTimer(milliseconds, () => {
      this.#timer = undefined;
      this.#look().catch((error: unknown) => {
        if (this.#closed) return;
        this.#options.warn(`cannot look at interfaces of neighbors: ${String(error)}`);
        this.#lookAfter(RETRY_TIME);
      });
    });
  }

  async #look(): Promise<void> {
    const { namespace, names } = this.#options;
    this.#subscription ??= subscribe(namespace, [RTNLGRP_LINK, RTNLGRP_IPV6_IFADDR], {
      changed: (type, payload) => {
        if (this.#filter.concerns(type, payload)) this.#lookAfter(SETTLE_TIME);
      },
      lost: () => this.#lookAfter(SETTLE_TIME),
    });
    this.#socket ??= RouteSocket.open(namespace);
    const observed = await observeNamespace(this.#socket, { statistics: false });
    if (this.#closed) return;
    this.#filter = new DeviceFilter(names, observed);
    for (const name of names) {
      const link = observed.links.find((one) => one.name === name);
      this.#options.changed(name, usable(name, link));
    }
  }
}

function usable(name: string, link: ObservedLink | undefined): UsableInterface | string {
  if (!link) return `there is no interface ${name}`;
  if (!link.up) return `${name} is down`;
  if (!link.carrier) return `${name} has no carrier`;
  const linkLocal = linkLocalOf(link);
  if (!linkLocal) return `${name} has no IPv6 link-local address yet`;
  const { index, mac, carrierLosses } = link;
  return { index, mac, linkLocal, carrierLosses };
}
