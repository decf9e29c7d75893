import { openSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { AF_INET, AF_INET6, RTA_DST, RTM_GETROUTE } from '../../dataplane/netlink/constants.ts';
import { MessageBuilder } from '../../dataplane/netlink/message-builder.ts';
import { NetlinkError } from '../../dataplane/netlink/netlink-error.ts';
import { RouteSocket } from '../../dataplane/netlink/route-socket.ts';
import { inNamespace } from '../../dataplane/network-namespace.ts';
import type { IpAddress, IpVersion } from '../../net/address.ts';
import { prefixLength } from './type5-routes.ts';

/** Milliseconds between two looks. */
const LOOK_TIME = 5;

// linux/rtnetlink.h
const RTM_F_FIB_MATCH = 0x2000;
const RTA_OIF = 4;
const MAIN_TABLE = 254;

/** A table of the kernel that is watched. */
export interface WatchedTable {
  /** Network namespace, below /run/netns. */
  readonly namespace: string;
  readonly table: number;
  /** Index of the VRF's device; 0: the main table, which needs none. */
  readonly vrfIndex: number;
}

/**
 * Says when a table has all routes, or none of them, without a part in what it measures.
 *
 * A listener of route notifications would make the kernel copy every route once more, and that costs the
 * one most who is fastest. A count of a table (`/proc/net/fib_triestat`) walks over all of it. So the last
 * route of the stream is looked up, which costs microseconds, and all are counted only from when
 * that one is there or gone. Every contender is watched in this way, the raw messages too.
 */
export class TableWatch {
  readonly #watched: WatchedTable;
  readonly #socket: RouteSocket;
  readonly #triestat: number;
  readonly #rt6Stats: number;
  readonly #buffer = Buffer.alloc(64 * 1024);
  readonly #builder = new MessageBuilder(256);

  constructor(watched: WatchedTable) {
    this.#watched = watched;
    this.#socket = RouteSocket.open(watched.namespace);
    const open = (name: string): number =>
      inNamespace(watched.namespace, () => openSync(`/proc/thread-self/net/${name}`, 'r'));
    this.#triestat = open('fib_triestat');
    this.#rt6Stats = open('rt6_stats');
  }

  /** Routes of the table; those of IPv6 of all tables of the namespace. */
  count(version: IpVersion): number {
    return version === 4 ? this.#countIpv4() : this.#countIpv6();
  }

  #read(descriptor: number): string {
    const size = readSync(descriptor, this.#buffer, 0, this.#buffer.length, 0);
    return this.#buffer.toString('latin1', 0, size);
  }

  #countIpv4(): number {
    const text = this.#read(this.#triestat);
    const { table } = this.#watched;
    const at = text.indexOf(table === MAIN_TABLE ? 'Main:' : `Id ${table}:`);
    // The kernel makes a table with its first route.
    if (at < 0) return 0;
    return Number(/Prefixes:\s+(\d+)/.exec(text.slice(at))?.[1]);
  }

  /** The fourth number is `fib_rt_entries` (net/ipv6/route.c, rt6_stats_seq_show). */
  #countIpv6(): number {
    return Number.parseInt(this.#read(this.#rt6Stats).split(' ')[3] ?? '', 16);
  }

  async #has(version: IpVersion, prefix: IpAddress): Promise<boolean> {
    const builder = this.#builder.reset().begin(RTM_GETROUTE, 0);
    builder.routeHeader(
      version === 4 ? AF_INET : AF_INET6,
      version === 4 ? 32 : 128,
      0,
      0,
      0,
      0,
      RTM_F_FIB_MATCH,
    );
    builder.attributeBytes(RTA_DST, prefix.bytes);
    if (this.#watched.vrfIndex > 0) builder.attributeU32(RTA_OIF, this.#watched.vrfIndex);
    builder.end();
    try {
      const [answer] = await this.#socket.request(builder.copy(), { operation: 'look up', object: 'route' });
      // struct rtmsg: the second octet is the prefix length.
      return answer?.[1] === prefixLength(version);
    } catch (error) {
      if (error instanceof NetlinkError) return false;
      throw error;
    }
  }

  /**
   * Waits until `last` is there (`present`) or gone, and the count is `target`; gives the time, of
   * `performance.now()`, of the look that saw it.
   */
  async reached(
    version: IpVersion,
    last: IpAddress,
    present: boolean,
    target: number,
    patience: number,
  ): Promise<number> {
    const end = performance.now() + patience;
    let gate = false;
    let count = Number.NaN;
    for (;;) {
      const now = performance.now();
      gate ||= (await this.#has(version, last)) === present;
      if (gate) count = this.count(version);
      if (count === target) return now;
      if (now > end) {
        count = this.count(version);
        throw new Error(`${count} routes instead of ${target} after ${patience / 1000} s`);
      }
      await delay(LOOK_TIME);
    }
  }

  close(): void {
    this.#socket.close();
  }
}
