import type { Peer } from '../../bgp/peer.ts';
import type { Clock, Timer } from '../../bgp/session/clock.ts';
import { CeaseSubcode } from '../../bgp/wire/constants.ts';
import { formatAddress, type IpAddress } from '../../net/address.ts';
import { formatPrefix, type IpPrefix, prefixContains } from '../../net/prefix.ts';
import type { Logger } from './log.ts';
import { LogLimit } from './log-limit.ts';
import type { PeerPlan } from './peer-plan.ts';

/** Neighbors that may come from anywhere in a range. */
export interface RangePlan {
  readonly range: IpPrefix;
  /** What a neighbor at this address is to be. */
  readonly planFor: (address: IpAddress) => PeerPlan;
}

/** What {@link DynamicNeighbors} works with. */
export interface DynamicNeighborsOptions {
  readonly ranges: readonly RangePlan[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly add: (plan: PeerPlan) => Peer | undefined;
  readonly remove: (peer: Peer, subcode: number, reason: string) => void;
}

/** Neighbors at a time, of all ranges; FRR's default for `bgp listen limit`. */
export const MOST_DYNAMIC_NEIGHBORS = 100;
/** Milliseconds for which one is remembered that has no session, beside the time that it may take to restart. */
const FORGET_TIME = 30_000;

/**
 * Neighbors of a `listenRange`: made when a connection comes from an address of the range that no other neighbor has,
 * and forgotten when they have had no session for a while. They are never connected to.
 */
export class DynamicNeighbors {
  readonly #options: DynamicNeighborsOptions;
  readonly #limit: LogLimit;
  /** The narrowest first: so does the kernel choose a password. */
  readonly #ranges: readonly RangePlan[];
  readonly #peers = new Map<Peer, Timer | undefined>();

  constructor(options: DynamicNeighborsOptions) {
    this.#options = options;
    this.#limit = new LogLimit(options.clock);
    this.#ranges = options.ranges.toSorted((a, b) => b.range.length - a.range.length);
  }

  get size(): number {
    return this.#peers.size;
  }

  /** A connection has come from an address that is no neighbor's: true when it is one now. */
  welcome(address: IpAddress): boolean {
    const { add, log } = this.#options;
    const found = this.#ranges.find(({ range }) => prefixContains(range, address));
    if (!found) return false;
    if (this.#peers.size >= MOST_DYNAMIC_NEIGHBORS) {
      this.#limit.pass('full', () =>
        log.warn(
          { peer: formatAddress(address), range: formatPrefix(found.range), most: MOST_DYNAMIC_NEIGHBORS },
          'refused a dynamic neighbor: there are as many as there may be',
        ),
      );
      return false;
    }
    const peer = add(found.planFor(address));
    if (!peer) return false;
    this.#peers.set(peer, this.#forgetLater(peer));
    return true;
  }

  /** To be called for every change of a session. */
  stateChanged(peer: Peer): void {
    if (!this.#peers.has(peer)) return;
    const timer = this.#peers.get(peer);
    if (peer.session?.state === 'Established') {
      timer?.cancel();
      this.#peers.set(peer, undefined);
    } else if (!timer) {
      this.#peers.set(peer, this.#forgetLater(peer));
    }
  }

  /** To be called when the routes of a lost session are kept for `seconds`: so long may the neighbor take to be back. */
  kept(peer: Peer, seconds: number): void {
    if (!this.#peers.has(peer)) return;
    this.#peers.get(peer)?.cancel();
    this.#peers.set(peer, this.#forgetLater(peer, seconds));
  }

  #forgetLater(peer: Peer, restartTime = 0): Timer {
    const { clock, remove } = this.#options;
    return clock.setTimer(restartTime * 1000 + FORGET_TIME, () => {
      const heldUntil = peer.session?.heldUntil;
      if (heldUntil !== undefined) {
        this.#peers.set(peer, this.#forgetAfterHold(peer, heldUntil - clock.wallTime()));
        return;
      }
      this.#peers.delete(peer);
      remove(peer, CeaseSubcode.PEER_DECONFIGURED, 'no session for a while');
    });
  }

  /**
   * To forget a neighbor that is held down would let it come back as a new one. One that an operator has to clear stays
   * until then.
   */
  #forgetAfterHold(peer: Peer, milliseconds: number): Timer | undefined {
    return milliseconds === Number.POSITIVE_INFINITY
      ? undefined
      : this.#forgetLater(peer, Math.max(0, milliseconds) / 1000);
  }
}
