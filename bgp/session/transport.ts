import type { IpAddress } from '../../net/address.ts';
import type { IpPrefix } from '../../net/prefix.ts';

/** One end of a TCP connection. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
  /** Interface that a link-local address is on (RFC 4007 §5); without it such an address says nothing. */
  readonly zone?: string;
}

/** What a connection tells its owner. Calls come from the event loop, never from inside a call to the connection. */
export interface ConnectionHandlers {
  /** Bytes as they were read; the buffer is only valid during the call. */
  data(bytes: Uint8Array): void;
  /** All that {@link Connection.write} kept in user space has been handed to the kernel. */
  drain(): void;
  /** The connection is gone, by either side or by an error; called once, nothing follows. */
  closed(error: Error | undefined): void;
}

/** An open TCP connection. */
export interface Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Name of the VRF device that the socket is bound to, undefined outside VRFs. */
  readonly device: string | undefined;
  /** Sets who hears of this connection; bytes that came before are delivered then. */
  setHandlers(handlers: ConnectionHandlers): void;
  /**
   * Sends; false when the kernel did not take all and the rest waits in user space until `drain`: the bytes must not
   * change until then. They are the caller's again at once when it gives true.
   */
  write(bytes: Uint8Array): boolean;
  /** Bytes that wait in user space. */
  readonly bufferedBytes: number;
  /** Stops reading from the socket, so that TCP slows the peer down. */
  pause(): void;
  resume(): void;
  /** Sends what is buffered, then FIN. */
  end(): void;
  /** Drops the connection at once. */
  destroy(): void;
}

/** Where and how to connect or listen. All sockets of one peer have the same options. */
export interface SocketOptions {
  /** Network namespace by name (`/run/netns/<name>`); undefined: the one the process runs in. */
  readonly namespace?: string;
  /** VRF device for SO_BINDTODEVICE. */
  readonly device?: string;
  /** IP time-to-live of what is sent: 1 for a single-hop eBGP peer. */
  readonly ttl?: number;
  /** Least IP time-to-live of what is received: anything below comes from too far away (RFC 5082). */
  readonly minTtl?: number;
  /** TCP MD5 key (RFC 2385), at most 80 bytes. */
  readonly password?: string;
}

/** A connection attempt that is under way. */
export interface PendingConnection {
  /** Gives the attempt up; neither callback is called afterwards. Nothing happens after one of them was called. */
  cancel(): void;
}

/** A listening socket. */
export interface Listener {
  readonly local: Endpoint;
  /**
   * Says what the connections of a peer have to be like (its MD5 key, its times-to-live), before the
   * peer connects; undefined forgets the peer. `zone`: the interface that a link-local address is on. Throws when the
   * kernel refuses.
   */
  setPeer(peer: IpAddress, options: SocketOptions | undefined, zone?: string): void;
  /** The same for all addresses of a range, but those that are set by themselves. Throws when the kernel refuses. */
  setRange(range: IpPrefix, options: SocketOptions): void;
  close(): void;
}

/** The network as the protocol sees it; passed in, so that tests can replace it. */
export interface Transport {
  connect(
    target: { readonly remote: Endpoint; readonly local?: IpAddress; readonly options: SocketOptions },
    result: { connected(connection: Connection): void; failed(error: Error): void },
  ): PendingConnection;
  /**
   * Listens on an address (any address of the version when it is all zeroes). Rejects when the address cannot be bound.
   * `refused`: a connection of a peer that was set is not as it has to be, and closed; why, in words.
   */
  listen(
    target: { readonly local: Endpoint; readonly options: SocketOptions },
    accepted: (connection: Connection) => void,
    refused?: (ends: Pick<Connection, 'local' | 'remote'>, reason: string) => void,
  ): Promise<Listener>;
}
