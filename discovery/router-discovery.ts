import type { Clock, Timer } from '../bgp/session/clock.ts';
import { addressEquals, formatAddress, type IpAddress, isLinkLocal } from '../net/address.ts';
import {
  ALL_NODES,
  ALL_ROUTERS,
  decodeRouterMessage,
  encodeAdvertisement,
  encodeSolicitation,
} from './router-message.ts';

/** What {@link RouterDiscovery} works with. */
export interface RouterDiscoveryOptions {
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
  /** Own address on the interface. */
  readonly linkLocal: IpAddress;
  /** Link-layer address of the interface; empty where it has none. */
  readonly linkLayerAddress: Uint8Array;
  /** Sends an ICMPv6 message with hop limit 255; what cannot be sent is lost. */
  readonly send: (message: Uint8Array, destination: IpAddress) => void;
  /** The router at the other end of the link has this address. */
  readonly found: (address: IpAddress) => void;
  /** True while there is a session with the router that was found last: another one does not take its place. */
  readonly isInUse: () => boolean;
}

/** Milliseconds, RFC 4861 §6.2.1 (MaxRtrAdvInterval); as FRR has it for neighbors by interface. */
const LONGEST_INTERVAL = 10_000;
const SHORTEST_INTERVAL = 0.33 * LONGEST_INTERVAL;
/** Seconds; three times the interval (RFC 4861 §6.2.1, AdvDefaultLifetime). */
const ROUTER_LIFETIME = 30;
/** Advertisements at the start, one after the other, and the milliseconds between them: as FRR sends them. */
const FIRST_ADVERTISEMENTS = 4;
const FIRST_INTERVAL = 1000;
/** RFC 4861 §10: MAX_RTR_SOLICITATIONS, RTR_SOLICITATION_INTERVAL. */
const SOLICITATIONS = 3;
const SOLICITATION_INTERVAL = 4000;
/** RFC 4861 §10, milliseconds: MAX_RA_DELAY_TIME, MIN_DELAY_BETWEEN_RAS. */
const LONGEST_ANSWER_DELAY = 500;
const ADVERTISEMENT_PAUSE = 3000;
/** Milliseconds after which a router that has not advertised itself, and has no session, gives way to another one. */
const SILENCE = 15_000;
/** More routers than these on one link are not remembered, nor answered at a time. */
const MOST_ROUTERS = 8;

/**
 * Router discovery (RFC 4861 §6) on one interface that is up: advertises this router, so that the router at the other
 * end learns its link-local address, and learns that router's address from its advertisements.
 *
 * The first router that is heard counts. Another one takes its place when there is no session with it and it has not
 * been heard for a while: it is gone, or has another address now.
 */
export class RouterDiscovery {
  readonly #options: RouterDiscoveryOptions;
  readonly #advertisement: Uint8Array;
  /** When each router was heard last, by the text of its address. */
  readonly #routers = new Map<string, number>();
  readonly #answers = new Map<string, Timer>();
  #found: IpAddress | undefined;
  #advertiseTimer: Timer | undefined;
  #solicitTimer: Timer | undefined;
  #lastToAll = Number.NEGATIVE_INFINITY;

  constructor(options: RouterDiscoveryOptions) {
    this.#options = options;
    const { linkLayerAddress } = options;
    this.#advertisement = encodeAdvertisement({ routerLifetime: ROUTER_LIFETIME, linkLayerAddress });
  }

  /** Begins to advertise and to ask. */
  start(): void {
    this.#advertise(FIRST_ADVERTISEMENTS - 1);
    this.#solicit(SOLICITATIONS - 1);
  }

  /** Ends it without a word: the router goes on forwarding. */
  stop(): void {
    this.#advertiseTimer?.cancel();
    this.#solicitTimer?.cancel();
    for (const timer of this.#answers.values()) timer.cancel();
    this.#answers.clear();
  }

  /** Takes an IPv6 packet, header included; why it was discarded, or undefined. */
  receive(packet: Uint8Array): string | undefined {
    const decoded = decodeRouterMessage(packet);
    if (!decoded.ok) return decoded.reason;
    const { kind, source } = decoded.message;
    if (kind === 'advertisement') this.#heard(source);
    else this.#answer(source);
    return undefined;
  }

  // Routers that are heard. A lifetime of 0 says that a router is no default router, not that it is gone.

  #heard(address: IpAddress): void {
    // A link that loops back, or somebody who says that it is this router.
    if (addressEquals(address, this.#options.linkLocal)) return;
    const name = formatAddress(address);
    const isNew = !this.#routers.has(name);
    if (isNew && this.#routers.size >= MOST_ROUTERS) this.#forgetSilentRouter();
    this.#routers.set(name, this.#options.clock.now());
    if (this.#mayReplace(address)) {
      this.#found = address;
      this.#solicitTimer?.cancel();
      this.#options.found(address);
    } else if (this.#found && addressEquals(address, this.#found)) {
      // Again: whoever was told may not have been able to do anything with it.
      this.#options.found(address);
    }
    // It has just come, and does not know this router yet.
    if (isNew) this.#answer(address);
  }

  #mayReplace(address: IpAddress): boolean {
    if (!this.#found) return true;
    if (addressEquals(address, this.#found) || this.#options.isInUse()) return false;
    const heardAt = this.#routers.get(formatAddress(this.#found)) ?? Number.NEGATIVE_INFINITY;
    return this.#options.clock.now() - heardAt > SILENCE;
  }

  /** The one that was found is never forgotten for others. */
  #forgetSilentRouter(): void {
    const found = this.#found && formatAddress(this.#found);
    const others = [...this.#routers].filter(([name]) => name !== found);
    const [silent] = others.sort(([, a], [, b]) => a - b);
    if (silent) this.#routers.delete(silent[0]);
  }

  // What is sent.

  #advertise(quickOnes: number): void {
    const { clock, random } = this.#options;
    this.#sendToAll();
    const interval =
      quickOnes > 0 ? FIRST_INTERVAL : SHORTEST_INTERVAL + random() * (LONGEST_INTERVAL - SHORTEST_INTERVAL);
    this.#advertiseTimer = clock.setTimer(interval, () => this.#advertise(Math.max(0, quickOnes - 1)));
  }

  #sendToAll(): void {
    this.#lastToAll = this.#options.clock.now();
    this.#options.send(this.#advertisement, ALL_NODES);
  }

  #solicit(more: number): void {
    const { clock, send, linkLayerAddress } = this.#options;
    send(encodeSolicitation(linkLayerAddress), ALL_ROUTERS);
    if (more === 0) return;
    this.#solicitTimer = clock.setTimer(SOLICITATION_INTERVAL, () => this.#solicit(more - 1));
  }

  /** Advertises to one node, or to all for one that has no address yet, after a moment (RFC 4861 §6.2.6). */
  #answer(address: IpAddress): void {
    const { clock, random, send } = this.#options;
    const toAll = !isLinkLocal(address);
    const name = toAll ? 'all' : formatAddress(address);
    if (this.#answers.has(name) || this.#answers.size >= MOST_ROUTERS) return;
    const pause = toAll ? Math.max(0, this.#lastToAll + ADVERTISEMENT_PAUSE - clock.now()) : 0;
    const timer = clock.setTimer(pause + random() * LONGEST_ANSWER_DELAY, () => {
      this.#answers.delete(name);
      if (toAll) this.#sendToAll();
      else send(this.#advertisement, address);
    });
    this.#answers.set(name, timer);
  }
}
