import type { Socket } from 'node:net';
import type { Endpoint, SocketOptions } from '../../bgp/session/transport.ts';
import { InetSocketError, setTimeToLive } from '../../dataplane/inet-socket.ts';
import { setTcpMd5Key } from '../../dataplane/tcp-socket.ts';
import { addressEquals, formatAddress, type IpAddress } from '../../net/address.ts';
import { type IpPrefix, prefixContains, prefixEquals } from '../../net/prefix.ts';
import { descriptorOf } from './socket-descriptor.ts';
import { formatEndpoint, TransportError } from './socket-errors.ts';

/** What a listening socket and the sockets it accepts must have for each peer: TCP MD5 key, time-to-live. */
export class ListenerPeers {
  readonly #descriptor: number | undefined;
  readonly #local: Endpoint;
  readonly #peers = new Map<string, SocketOptions>();
  readonly #ranges: { readonly range: IpPrefix; readonly options: SocketOptions }[] = [];

  /** `descriptor`: of the listening socket; undefined when `node:net` has made it. */
  constructor(descriptor: number | undefined, local: Endpoint) {
    this.#descriptor = descriptor;
    this.#local = local;
  }

  /** See `Listener.setPeer`. @throws TransportError, or InetSocketError when the kernel refuses the key */
  set(peer: IpAddress, options: SocketOptions | undefined): void {
    const name = formatAddress(peer);
    this.#setKey(peer, this.#peers.get(name)?.password, options?.password);
    if (options) this.#peers.set(name, options);
    else this.#peers.delete(name);
    // To the kernel, a range of one address is that address: the key has gone with the peer's.
    const range = this.#ranges.find(
      (known) => known.range.length === peer.bytes.length * 8 && addressEquals(known.range.address, peer),
    );
    if (!options && range) this.#setKey(peer, undefined, range.options.password, range.range.length);
  }

  /** See `Listener.setRange`. @throws TransportError, or InetSocketError when the kernel refuses the key */
  setRange(range: IpPrefix, options: SocketOptions): void {
    this.#setKey(range.address, undefined, options.password, range.length);
    const known = this.#ranges.findIndex((other) => prefixEquals(other.range, range));
    if (known >= 0) this.#ranges.splice(known, 1);
    this.#ranges.push({ range, options });
  }

  #setKey(
    peer: IpAddress,
    before: string | undefined,
    password: string | undefined,
    prefixLength?: number,
  ): void {
    if (password === before) return;
    if (this.#descriptor !== undefined) {
      setTcpMd5Key(this.#descriptor, peer, password, prefixLength);
      return;
    }
    const place = formatEndpoint(this.#local);
    const words = `cannot set a TCP MD5 key on ${place}: it was first listened on without one`;
    throw new TransportError(words, 'ENOTSUP');
  }

  #optionsFor(address: IpAddress): SocketOptions | undefined {
    const own = this.#peers.get(formatAddress(address));
    if (own) return own;
    return this.#ranges.find(({ range }) => prefixContains(range, address))?.options;
  }

  /** Gives an accepted socket what its peer needs; what went wrong, in words. */
  prepare(socket: Socket, remote: Endpoint): string | undefined {
    const ttl = this.#optionsFor(remote.address)?.ttl;
    if (ttl === undefined) return undefined;
    const descriptor = descriptorOf(socket);
    // Closed already: nothing will be sent.
    if (descriptor === undefined) return undefined;
    try {
      setTimeToLive(descriptor, remote.address.version, ttl);
      return undefined;
    } catch (error) {
      if (!(error instanceof InetSocketError)) throw error;
      return `cannot set the time-to-live for ${formatEndpoint(remote)}: ${error.message}`;
    }
  }
}
