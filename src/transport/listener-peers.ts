import type { Server, Socket } from 'node:net';
import type { Endpoint, SocketOptions } from '../../bgp/session/transport.ts';
import { InetSocketError, setTimeToLive } from '../../dataplane/inet-socket.ts';
import {
  bytesReceived,
  saveSyns,
  setMinimumTimeToLive,
  setTcpMd5Key,
  timeToLiveOfSyn,
} from '../../dataplane/tcp-socket.ts';
import { addressEquals, formatAddress, type IpAddress } from '../../net/address.ts';
import { type IpPrefix, prefixContains, prefixEquals } from '../../net/prefix.ts';
import { descriptorOf } from './socket-descriptor.ts';
import { formatEndpoint, TransportError } from './socket-errors.ts';

const LARGEST_TTL = 255;

/** What became of an accepted socket: both absent when it is as its peer needs it. */
export interface PreparedSocket {
  /** Something that people should know of, and that is in nobody's way. */
  readonly trouble?: string;
  /** Why the connection must not be used. */
  readonly refusal?: string;
}

/** What a listening socket and the sockets it accepts must have for each peer: TCP MD5 key, times-to-live. */
export class ListenerPeers {
  readonly #server: Server;
  readonly #local: Endpoint;
  readonly #peers = new Map<string, SocketOptions>();
  readonly #ranges: { readonly range: IpPrefix; readonly options: SocketOptions }[] = [];

  #looksAtSyns = false;

  /** `server`: the listening socket, which is bound to `local`. */
  constructor(server: Server, local: Endpoint) {
    this.#server = server;
    this.#local = local;
  }

  /** See `Listener.setPeer`. @throws TransportError, or InetSocketError when the kernel refuses the key */
  set(peer: IpAddress, options: SocketOptions | undefined, zone?: string): void {
    const name = nameOf(peer, zone);
    this.#protect(peer, this.#peers.get(name)?.password, options ?? {});
    if (options) this.#peers.set(name, options);
    else this.#peers.delete(name);
    // To the kernel, a range of one address is that address: the key has gone with the peer's.
    const range = this.#ranges.find(
      (known) => known.range.length === peer.bytes.length * 8 && addressEquals(known.range.address, peer),
    );
    if (!options && range) this.#protect(peer, undefined, range.options, range.range.length);
  }

  /** See `Listener.setRange`. @throws TransportError, or InetSocketError when the kernel refuses the key */
  setRange(range: IpPrefix, options: SocketOptions): void {
    this.#protect(range.address, undefined, options, range.length);
    const known = this.#ranges.findIndex((other) => prefixEquals(other.range, range));
    if (known >= 0) this.#ranges.splice(known, 1);
    this.#ranges.push({ range, options });
  }

  #protect(
    peer: IpAddress,
    before: string | undefined,
    { password, minTtl }: SocketOptions,
    prefixLength?: number,
  ): void {
    if (password !== before) setTcpMd5Key(this.#listening(), peer, password, prefixLength);
    if (minTtl !== undefined && !this.#looksAtSyns) {
      saveSyns(this.#listening());
      // The answer to a SYN is the listener's, and the peer looks at that one too.
      setTimeToLive(this.#listening(), this.#local.address.version, LARGEST_TTL);
      this.#looksAtSyns = true;
    }
  }

  #listening(): number {
    const descriptor = descriptorOf(this.#server);
    if (descriptor !== undefined) return descriptor;
    throw new TransportError(`${formatEndpoint(this.#local)} is not listened on any more`, 'EBADF');
  }

  #optionsFor({ address, zone }: Endpoint): SocketOptions | undefined {
    const own = this.#peers.get(nameOf(address, zone));
    if (own) return own;
    return this.#ranges.find(({ range }) => prefixContains(range, address))?.options;
  }

  /**
   * Gives an accepted socket what its peer needs. A time-to-live that cannot be set is a trouble; a connection that may
   * come from too far away is refused: its SYN is looked at, for what comes after it the kernel is told.
   */
  prepare(socket: Socket, remote: Endpoint): PreparedSocket {
    const { ttl, minTtl } = this.#optionsFor(remote) ?? {};
    const descriptor = descriptorOf(socket);
    // Closed already: nothing will be sent or received.
    if ((ttl === undefined && minTtl === undefined) || descriptor === undefined) return {};
    const { version } = remote.address;
    try {
      if (minTtl !== undefined) {
        setMinimumTimeToLive(descriptor, version, minTtl);
        const reason = tooFar(timeToLiveOfSyn(descriptor, version), minTtl, descriptor);
        if (reason !== undefined) return { refusal: reason };
      }
      if (ttl !== undefined) setTimeToLive(descriptor, version, ttl);
      return {};
    } catch (error) {
      if (!(error instanceof InetSocketError)) throw error;
      const words = `cannot set the time-to-live for ${formatEndpoint(remote)}: ${error.message}`;
      return minTtl === undefined ? { trouble: words } : { refusal: words };
    }
  }
}

function nameOf(address: IpAddress, zone: string | undefined): string {
  return `${formatAddress(address)}%${zone ?? ''}`;
}

/**
 * Why a connection may come from too far away; what comes from now on the kernel looks at. With SYN cookies there is no
 * SYN: then nothing may have come before, or who has filled the queue of the listener would keep its peers out.
 */
function tooFar(ttl: number | undefined, minTtl: number, descriptor: number): string | undefined {
  if (ttl === undefined) {
    if (bytesReceived(descriptor) === 0) return undefined;
    return `the time-to-live of its SYN is not known, and must be ${minTtl} at least`;
  }
  if (ttl >= minTtl) return undefined;
  return `the time-to-live of its SYN is ${ttl}, and must be ${minTtl} at least (RFC 5082)`;
}
