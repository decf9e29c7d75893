import type { Deviations } from '../daemons/daemon.ts';
import type { Receiver } from './receiver.ts';
import { UpdateParts } from './receiver.ts';
import type { RouteAttributes, RouteSet } from './route-set.ts';
import type { Sender } from './update-stream.ts';

/** What a receiver must have got. */
export interface Expectation {
  readonly set: RouteSet;
  /** The speaker that sent the routes. */
  readonly sender: Sender;
  /** AS of the daemon between. */
  readonly daemonAs: number;
  /** What this daemon is known to do otherwise. */
  readonly deviations?: Deviations;
}

/** Looks up routes by their bytes. */
class RouteIndex {
  readonly #set: RouteSet;
  readonly #slots: Int32Array;

  constructor(set: RouteSet) {
    this.#set = set;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(set.count * 2 + 2)));
    for (let route = 0; route < set.count; route++) {
      const start = set.nlriStart[route] as number;
      let slot = this.#slotOf(set.nlri, start, set.nlriStart[route + 1] as number);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (this.#slots.length - 1);
      this.#slots[slot] = route + 1;
    }
  }

  #slotOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    hash ^= hash >>> 15;
    return (Math.imul(hash, 0x2c1b3c6d) >>> 7) & (this.#slots.length - 1);
  }

  /** The route whose NLRI is `bytes[start..end)`, or -1. */
  find(bytes: Buffer, start: number, end: number): number {
    for (let slot = this.#slotOf(bytes, start, end); ; slot = (slot + 1) & (this.#slots.length - 1)) {
      const route = (this.#slots[slot] as number) - 1;
      if (route < 0) return -1;
      const from = this.#set.nlriStart[route] as number;
      const to = this.#set.nlriStart[route + 1] as number;
      if (bytes.compare(this.#set.nlri, from, to, start, end) === 0) return route;
    }
  }
}

/**
 * Goes through all UPDATEs and compares the state that they lead to with what was sent: every prefix, next hop, AS
 * path, origin and community. Gives a sentence for what is wrong, or undefined.
 */
export class RouteCheck {
  readonly #expectation: Expectation;
  readonly #index: RouteIndex;
  /** By what people compare of attributes: their index in the set. */
  readonly #attributes: ReadonlyMap<string, number>;
  readonly #attributesOf: Int32Array;
  /** Attributes that came and are none of the expected ones: number n stands as -2 - n in the state. */
  #foreign: string[] = [];

  /** `nextHop`: the daemon's address as the receiver knows it, in hexadecimal. */
  constructor(expectation: Expectation, nextHop: string) {
    this.#expectation = expectation;
    const { set, sender, daemonAs, deviations = {} } = expectation;
    this.#index = new RouteIndex(set);
    const path = [daemonAs, ...new Array<number>(sender.prepends).fill(sender.as)];
    const own = set.attributes.map(
      (one, index) => [attributesText(one, path, nextHop, deviations), index] as const,
    );
    this.#attributes = new Map(own);
    if (this.#attributes.size !== own.length) throw new Error('two sets of attributes are the same');
    this.#attributesOf = new Int32Array(set.count);
    for (let index = 0; index < set.attributes.length; index++) {
      this.#attributesOf.fill(index, set.firstRoute[index], set.firstRoute[index + 1]);
    }
  }

  /** `present`: whether the routes are to be there, all of them, or all gone. */
  complaint(receiver: Receiver, present = true): string | undefined {
    const { set } = this.#expectation;
    const state = new Int32Array(set.count).fill(-1);
    this.#foreign = [];
    const foreign = this.#replay(receiver.bytes, state);
    if (foreign !== undefined) return foreign;
    let wrong = 0;
    let first = -1;
    for (let route = 0; route < state.length; route++) {
      if (state[route] === (present ? this.#attributesOf[route] : -1)) continue;
      wrong++;
      if (first < 0) first = route;
    }
    if (wrong === 0) return undefined;
    const bytes = set.nlri.subarray(set.nlriStart[first], set.nlriStart[first + 1]);
    const nlri = Buffer.from(bytes).toString('hex');
    const what = present ? this.#difference(state[first] as number, first) : 'is still there';
    return `${wrong} of ${set.count} routes are not as sent, the first, ${nlri}, ${what}`;
  }

  /** How a route differs from what it is to be; the state is the one that {@link complaint} keeps of it. */
  #difference(state: number, route: number): string {
    if (state === -1) return 'is missing';
    const texts = [...this.#attributes.keys()];
    const has = state >= 0 ? texts[state] : this.#foreign[-2 - state];
    return `has "${has}" and not "${texts[this.#attributesOf[route] as number]}"`;
  }

  #replay(bytes: Buffer, state: Int32Array): string | undefined {
    const parts = new UpdateParts();
    const known = new Map<string, number>();
    for (let at = 0, next = 0; at < bytes.length; at = next) {
      next = at + bytes.readUInt16BE(at + 16);
      if (bytes[at + 18] !== 2) continue;
      parts.split(bytes, at, next);
      const complaint =
        this.#apply(bytes, parts.withdrawnStart, parts.withdrawnEnd, state, -1) ??
        (parts.unreachNlri >= 0
          ? this.#apply(bytes, parts.unreachNlri, parts.unreachEnd, state, -1)
          : undefined) ??
        this.#applyAnnouncements(bytes, parts, next, state, known);
      if (complaint !== undefined) return complaint;
    }
    return undefined;
  }

  #applyAnnouncements(
    bytes: Buffer,
    parts: UpdateParts,
    end: number,
    state: Int32Array,
    known: Map<string, number>,
  ): string | undefined {
    if (parts.nlriStart >= end && parts.reachStart < 0) return undefined;
    const raw = rawAttributes(bytes, parts);
    let index = known.get(raw);
    if (index === undefined) {
      // Of a multiprotocol next hop only the global address is compared.
      const text = receivedText(bytes, parts);
      // Routes of other senders, or of the same with other prepends, are none of those that are expected at the end.
      index = this.#attributes.get(text) ?? -1 - this.#foreign.push(text);
      known.set(raw, index);
    }
    if (parts.nlriStart < end) return this.#apply(bytes, parts.nlriStart, end, state, index);
    return this.#apply(bytes, parts.reachNlri, parts.reachEnd, state, index);
  }

  #apply(bytes: Buffer, from: number, end: number, state: Int32Array, value: number): string | undefined {
    const evpn = this.#expectation.set.family === 'evpn';
    for (let at = from; at < end; ) {
      const next = at + (evpn ? 2 + (bytes[at + 1] as number) : 1 + (((bytes[at] as number) + 7) >> 3));
      const route = this.#index.find(bytes, at, next);
      // A withdrawn EVPN route has no label: it is not looked for by its bytes.
      if (route < 0 && !(evpn && value === -1)) {
        return `a route that was not sent: ${bytes.subarray(at, next).toString('hex')}`;
      }
      if (route >= 0) state[route] = value;
      at = next;
    }
    return undefined;
  }
}

/** Everything that decides whether attributes are as expected. */
function rawAttributes(bytes: Buffer, parts: UpdateParts): string {
  const { attributesStart, attributesEnd, reachHead, reachStart, reachNlri, reachEnd } = parts;
  if (reachStart < 0) return bytes.toString('latin1', attributesStart, attributesEnd);
  return (
    bytes.toString('latin1', attributesStart, reachHead) +
    bytes.toString('latin1', reachStart, reachNlri) +
    bytes.toString('latin1', reachEnd, attributesEnd)
  );
}

function attributesText(
  attributes: RouteAttributes,
  before: readonly number[],
  nextHop: string,
  { evpnNextHopSelf = false, dropsExtendedCommunities = [] }: Deviations,
): string {
  const { origin, asPath, communities, extendedCommunities } = attributes;
  const kept = evpnNextHopSelf ? undefined : attributes.nextHop;
  const own = kept ? Buffer.from(kept).toString('hex') : nextHop;
  const extended = extendedCommunities.filter((one) => !dropsExtendedCommunities.includes(one));
  return text(origin, [...before, ...asPath], own, communities, extended);
}

function text(
  origin: number,
  path: readonly number[],
  nextHop: string,
  communities: readonly number[],
  extended: readonly string[],
): string {
  // Speakers may sort communities (FRR does), so their order does not count.
  const sorted = [...communities].sort((a, b) => a - b);
  return `${origin}|${path.join(' ')}|${nextHop}|${sorted.join(' ')}|${[...extended].sort().join(' ')}`;
}

function receivedText(bytes: Buffer, parts: UpdateParts): string {
  let origin = -1;
  let nextHop = '';
  const path: number[] = [];
  const communities: number[] = [];
  const extended: string[] = [];
  for (let at = parts.attributesStart; at < parts.attributesEnd; ) {
    const long = ((bytes[at] as number) & 0x10) !== 0;
    const value = at + (long ? 4 : 3);
    const next = value + (long ? bytes.readUInt16BE(at + 2) : (bytes[at + 2] as number));
    switch (bytes[at + 1]) {
      case 1:
        origin = bytes[value] as number;
        break;
      case 2:
        for (let as = value + 2; as < next; as += 4) path.push(bytes.readUInt32BE(as));
        break;
      case 3:
        nextHop = bytes.subarray(value, next).toString('hex');
        break;
      case 8:
        for (let one = value; one < next; one += 4) communities.push(bytes.readUInt32BE(one));
        break;
      case 14: {
        const size = bytes[value + 3] as number;
        nextHop = bytes.subarray(value + 4, value + 4 + Math.min(size, 16)).toString('hex');
        break;
      }
      case 16:
        for (let one = value; one < next; one += 8) {
          extended.push(bytes.subarray(one, one + 8).toString('hex'));
        }
        break;
    }
    at = next;
  }
  return text(origin, path, nextHop, communities, extended);
}
