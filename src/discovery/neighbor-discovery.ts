import { closeSync, writeFileSync } from 'node:fs';
import type { Clock, Timer } from '../../bgp/session/clock.ts';
import {
  type InterfacePlace,
  openIcmpv6Receiver,
  openIcmpv6Sender,
  sendIcmpv6,
} from '../../dataplane/link-socket.ts';
import { inNamespace } from '../../dataplane/network-namespace.ts';
import { RouterDiscovery } from '../../discovery/router-discovery.ts';
import { ALL_ROUTERS, ROUTER_ADVERTISEMENT, ROUTER_SOLICITATION } from '../../discovery/router-message.ts';
import { addressEquals, type IpAddress } from '../../net/address.ts';
import { InterfaceWatch, type UsableInterface } from './interface-watch.ts';
import { type PacketReader, readPackets } from './packet-reader.ts';

/** What {@link NeighborDiscovery} works with. */
export interface NeighborDiscoveryOptions {
  /** Name of the network namespace; undefined: the process's own. */
  readonly namespace: string | undefined;
  readonly interfaces: readonly string[];
  /** Keeps the kernel from taking addresses and default routes out of what routers advertise on these interfaces. */
  readonly keepKernelOut: boolean;
  readonly clock: Clock;
  readonly random: () => number;
  /** The neighbor on an interface is at this address now. */
  readonly found: (name: string, address: IpAddress) => void;
  /** There is no neighbor on an interface any more, or not yet, for a reason. */
  readonly lost: (name: string, reason: string) => void;
  /** True while the session with the neighbor that was found stands. */
  readonly isInUse: (name: string) => boolean;
  readonly warn: (message: string) => void;
}

/** Router discovery while an interface can be used. */
interface Running {
  readonly state: UsableInterface;
  readonly discovery: RouterDiscovery;
  readonly reader: PacketReader;
  readonly sender: number;
}

/** Milliseconds until what could not be begun is tried again. */
const RETRY_TIME = 3000;

/** Finds the neighbors on interfaces, for as long as these are there and up; see {@link RouterDiscovery}. */
export class NeighborDiscovery {
  readonly #options: NeighborDiscoveryOptions;
  readonly #watch: InterfaceWatch;
  readonly #running = new Map<string, Running>();
  /** Interfaces on which it could not be begun. */
  readonly #retries = new Map<string, Timer>();
  /** What was last complained about on an interface. */
  readonly #complaints = new Map<string, string>();

  constructor(options: NeighborDiscoveryOptions) {
    this.#options = options;
    const { namespace, interfaces: names, clock, warn } = options;
    this.#watch = new InterfaceWatch({
      namespace,
      names,
      clock,
      changed: (name, state) => this.#changed(name, state),
      warn,
    });
  }

  start(): void {
    this.#watch.start();
  }

  close(): void {
    this.#watch.close();
    for (const name of new Set([...this.#running.keys(), ...this.#retries.keys()])) this.#end(name);
  }

  #changed(name: string, state: UsableInterface | string): void {
    const before = this.#running.get(name);
    if (before && typeof state !== 'string' && isSame(before.state, state)) return;
    this.#end(name);
    if (typeof state === 'string') {
      this.#options.lost(name, state);
      return;
    }
    if (before) this.#options.lost(name, `${name} was lost for a moment`);
    else this.#options.lost(name, `waiting for a router advertisement on ${name}`);
    this.#begin(name, state);
  }

  #begin(name: string, state: UsableInterface): void {
    const { namespace, keepKernelOut } = this.#options;
    const place = { namespace, name, index: state.index };
    try {
      if (keepKernelOut) this.#refuseAdvertisements(place);
      const running = this.#open(place, state);
      this.#running.set(name, running);
      running.discovery.start();
    } catch (error) {
      const reason = `cannot find the neighbor on ${name}: ${messageOf(error)}`;
      this.#complain(name, reason);
      this.#options.lost(name, reason);
      const retry = this.#options.clock.setTimer(RETRY_TIME, () => this.#begin(name, state));
      this.#retries.set(name, retry);
    }
  }

  /** A kernel that forwards takes none by itself, unless somebody has set `accept_ra` to 2: failure is no reason to give up. */
  #refuseAdvertisements({ namespace, name }: InterfacePlace): void {
    try {
      inNamespace(namespace, () => writeFileSync(`/proc/sys/net/ipv6/conf/${name}/accept_ra`, '0'));
    } catch (error) {
      this.#complain(name, `cannot keep the kernel from advertisements on ${name}: ${messageOf(error)}`);
    }
  }

  #open(place: InterfacePlace, state: UsableInterface): Running {
    const { clock, random, found, isInUse } = this.#options;
    const { name, index } = place;
    const sender = openIcmpv6Sender(place, ALL_ROUTERS);
    try {
      const discovery = new RouterDiscovery({
        clock,
        random,
        linkLayerAddress: state.mac,
        linkLocal: state.linkLocal,
        send: (message, destination) => {
          try {
            sendIcmpv6(sender, message, destination, index);
          } catch (error) {
            this.#complain(name, `cannot advertise this router on ${name}: ${messageOf(error)}`);
          }
        },
        found: (address) => found(name, address),
        isInUse: () => isInUse(name),
      });
      const receiver = openIcmpv6Receiver(place, [ROUTER_ADVERTISEMENT, ROUTER_SOLICITATION]);
      const reader = readPackets(receiver, {
        packet: (bytes) => {
          const reason = discovery.receive(bytes);
          if (reason !== undefined) this.#complain(name, `discarded a packet on ${name}: ${reason}`);
        },
        // The interface has gone down: the watch hears of it.
        error: () => {},
      });
      return { state, discovery, reader, sender };
    } catch (error) {
      closeSync(sender);
      throw error;
    }
  }

  #end(name: string): void {
    this.#retries.get(name)?.cancel();
    this.#retries.delete(name);
    const running = this.#running.get(name);
    if (!running) return;
    this.#running.delete(name);
    running.discovery.stop();
    running.reader.close();
    closeSync(running.sender);
  }

  /** Each thing once, not with every packet. */
  #complain(name: string, message: string): void {
    if (this.#complaints.get(name) === message) return;
    this.#complaints.set(name, message);
    this.#options.warn(message);
  }
}

function isSame(a: UsableInterface, b: UsableInterface): boolean {
  return (
    a.index === b.index &&
    a.carrierLosses === b.carrierLosses &&
    addressEquals(a.linkLocal, b.linkLocal) &&
    Buffer.compare(a.mac, b.mac) === 0
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
