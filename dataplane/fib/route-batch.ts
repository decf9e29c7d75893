// Hot: one call per route, which stores words into one reused buffer.
import type { IpVersion } from '../../net/address.ts';
import { MessageBuilder } from '../netlink/message-builder.ts';
import { writeRoute, writeRouteRemoval } from './route-message.ts';

/** A table that fits the header's field, and one that takes an attribute. */
const SMALL_TABLE = 1;
const LARGE_TABLE = 256;

// Places in a message, in words of 32 bits: struct nlmsghdr has 4, struct rtmsg 3, an attribute's header 1.
const RTMSG = 4;
const DESTINATION = 8;
/** From the end of the destination to the id of the next-hop object: priority, then header and id. */
const NEXTHOP_ID = 3;

/**
 * A message for any route, of IPv4 and of IPv6, with a table below 256 and with one above; what tells
 * routes apart is written over it.
 */
interface Templates {
  readonly small: readonly [Int32Array, Int32Array];
  readonly large: readonly [Int32Array, Int32Array];
}

type Write = (builder: MessageBuilder, version: IpVersion, table: number) => void;

const zeros = new Uint8Array(16);

function templates(write: Write): Templates {
  const make = (version: IpVersion, table: number): Int32Array => {
    const builder = new MessageBuilder(128);
    write(builder, version, table);
    return new Int32Array(builder.copy().buffer);
  };
  return {
    small: [make(4, SMALL_TABLE), make(6, SMALL_TABLE)],
    large: [make(4, LARGE_TABLE), make(6, LARGE_TABLE)],
  };
}

const additions = templates((builder, version, table) => writeRoute(builder, version, zeros, 0, table, 0));
const removals = templates((builder, version, table) => writeRouteRemoval(builder, version, zeros, 0, table));

/** The route messages of a batch: those of {@link writeRoute} and {@link writeRouteRemoval}, put together faster. */
export class RouteBatch {
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  #end = 0;
  #count = 0;

  /** `capacity`: bytes; the caller keeps count. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#words = new Int32Array(this.#bytes.buffer);
  }

  /** Messages in the batch. */
  get count(): number {
    return this.#count;
  }

  reset(): void {
    this.#end = 0;
    this.#count = 0;
  }

  /** What was written, as a view that is valid until {@link reset}. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#end * 4);
  }

  /**
   * Appends RTM_NEWROUTE. `keys` holds, from `key` on, the words of the prefix in memory order, the table
   * and the prefix length.
   */
  add(version: IpVersion, keys: Int32Array, key: number, nexthopId: number): void {
    const end = this.#append(additions, version, keys, key);
    this.#words[end + NEXTHOP_ID] = nexthopId;
  }

  /** Appends RTM_DELROUTE; see {@link add}. */
  remove(version: IpVersion, keys: Int32Array, key: number): void {
    this.#append(removals, version, keys, key);
  }

  /** Gives the place behind the destination. */
  #append(kind: Templates, version: IpVersion, keys: Int32Array, key: number): number {
    const words = this.#words;
    const at = this.#end;
    const odd = version === 4 ? 0 : 1;
    const prefixWords = version === 4 ? 1 : 4;
    const table = keys[key + prefixWords] as number;
    const small = table >= 0 && table < LARGE_TABLE;
    const template = (small ? kind.small : kind.large)[odd];
    const size = template.length;
    for (let word = 0; word < size; word++) words[at + word] = template[word] as number;
    for (let word = 0; word < prefixWords; word++)
      words[at + DESTINATION + word] = keys[key + word] as number;
    const header = (at + RTMSG) * 4;
    this.#bytes[header + 1] = keys[key + prefixWords + 1] as number;
    if (small) this.#bytes[header + 4] = table;
    else words[at + size - 1] = table;
    this.#end = at + size;
    this.#count++;
    return at + DESTINATION + prefixWords;
  }
}
