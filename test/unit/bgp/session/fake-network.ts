import type { Clock } from '../../../../bgp/session/clock.ts';
import type {
  Connection,
  ConnectionHandlers,
  Endpoint,
  Listener,
  PendingConnection,
  SocketOptions,
  Transport,
} from '../../../../bgp/session/transport.ts';
import { formatAddress, type IpAddress } from '../../../../net/address.ts';

/** Milliseconds that something takes on its way; asked per connection and write. */
export type Delay = () => number;

/** A network in memory: hosts by address, connections whose bytes take time and stay in order. */
export class FakeNetwork {
  readonly clock: Clock;
  readonly #delay: Delay;
  readonly #listeners = new Map<string, (connection: Connection) => void>();
  #nextPort = 40_000;
  /** Options that listeners were told, by listening endpoint and peer. */
  readonly peerOptions = new Map<string, SocketOptions>();
  /** {@link FakeConnection.pieceSize} of the connections that are made from now on. */
  pieceSize = Number.POSITIVE_INFINITY;
  /** All ends of all connections that were ever made. */
  readonly ends: FakeConnection[] = [];

  constructor(clock: Clock, delay: Delay = () => 1) {
    this.clock = clock;
    this.#delay = delay;
  }

  /** The transport of the host with this address. */
  host(address: IpAddress): Transport {
    return {
      connect: (target, result) => this.#connect(address, target.remote, target.options, result),
      listen: async (target, accepted): Promise<Listener> => {
        const key = endpointKey(target.local);
        if (this.#listeners.has(key)) throw new Error(`address ${key} is in use`);
        this.#listeners.set(key, accepted);
        return {
          local: target.local,
          setPeer: (peer, options) => {
            const name = `${key} ${formatAddress(peer)}`;
            if (options) this.peerOptions.set(name, options);
            else this.peerOptions.delete(name);
          },
          setRange: () => {},
          close: () => this.#listeners.delete(key),
        };
      },
    };
  }

  /** Listens at once, for tests that have no time to wait. */
  serve(local: Endpoint, accepted: (connection: Connection) => void): void {
    this.#listeners.set(endpointKey(local), accepted);
  }

  #connect(
    from: IpAddress,
    remote: Endpoint,
    options: SocketOptions,
    result: { connected(connection: Connection): void; failed(error: Error): void },
  ): PendingConnection {
    let cancelled = false;
    let decided = false;
    const local = { address: from, port: this.#nextPort++ };
    const there = this.#delay();
    this.clock.setTimer(there, () => {
      const accepted = this.#listeners.get(endpointKey(remote));
      const back = this.#delay();
      if (!accepted) {
        this.clock.setTimer(back, () => {
          if (cancelled) return;
          decided = true;
          result.failed(new Error(`connection refused by ${endpointKey(remote)}`));
        });
        return;
      }
      const [near, far] = this.#pair(local, remote, options.device);
      this.clock.setTimer(back, () => {
        if (cancelled) {
          near.destroy();
          return;
        }
        decided = true;
        result.connected(near);
      });
      accepted(far);
    });
    return {
      cancel: () => {
        if (decided) throw new Error('an attempt that has come to its end was given up');
        cancelled = true;
      },
    };
  }

  #pair(local: Endpoint, remote: Endpoint, device: string | undefined): [FakeConnection, FakeConnection] {
    const near = new FakeConnection(this.clock, this.#delay, local, remote, device);
    const far = new FakeConnection(this.clock, this.#delay, remote, local, device);
    near.peer = far;
    far.peer = near;
    near.pieceSize = this.pieceSize;
    far.pieceSize = this.pieceSize;
    this.ends.push(near, far);
    return [near, far];
  }
}

function endpointKey(endpoint: Endpoint): string {
  return `${formatAddress(endpoint.address)}:${endpoint.port}`;
}

/** One end of a connection in memory. */
export class FakeConnection implements Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly device: string | undefined;
  /** The other end; undefined for an end whose other end is the test itself. */
  peer: FakeConnection | undefined;
  /** What was written here, one entry per write. */
  readonly written: Uint8Array[] = [];
  /** Largest piece in which the other end is given what is written here. */
  pieceSize = Number.POSITIVE_INFINITY;
  /** Bytes that `write` says wait in user space. */
  bufferedBytes = 0;
  isOpen = true;
  isPaused = false;
  wasEnded = false;
  wasDestroyed = false;
  readonly #clock: Clock;
  readonly #delay: Delay;
  #handlers: ConnectionHandlers | undefined;
  #inbox: Uint8Array[] = [];
  #remoteEnded = false;
  #lastArrival = 0;

  constructor(clock: Clock, delay: Delay, local: Endpoint, remote: Endpoint, device: string | undefined) {
    this.#clock = clock;
    this.#delay = delay;
    this.local = local;
    this.remote = remote;
    this.device = device;
  }

  setHandlers(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    this.#clock.setTimer(0, () => this.#deliver());
  }

  write(bytes: Uint8Array): boolean {
    if (this.wasEnded) return true;
    // They are the caller's again afterwards.
    bytes = bytes.slice();
    this.written.push(bytes);
    this.#arrives((peer) => {
      for (let at = 0; at < bytes.length; at += this.pieceSize) {
        peer.receive(bytes.subarray(at, Math.min(bytes.length, at + this.pieceSize)));
      }
    });
    return this.bufferedBytes === 0;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.#clock.setTimer(0, () => this.#deliver());
  }

  end(): void {
    if (this.wasEnded) return;
    this.wasEnded = true;
    this.#arrives((peer) => peer.receiveEnd());
    if (this.#remoteEnded) this.close(undefined);
  }

  destroy(): void {
    this.wasDestroyed = true;
    this.end();
    this.close(undefined);
  }

  /** Bytes from the network. */
  receive(bytes: Uint8Array): void {
    this.#inbox.push(bytes.slice());
    this.#deliver();
  }

  /** FIN from the network: like a socket without half-open, ends our side too. */
  receiveEnd(): void {
    this.#remoteEnded = true;
    this.#deliver();
  }

  /** The connection breaks, at this end only. */
  close(error: Error | undefined): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.wasEnded = true;
    this.#clock.setTimer(0, () => this.#handlers?.closed(error));
  }

  /** Makes room again after `bufferedBytes` was set by the test. */
  releaseBuffer(): void {
    this.bufferedBytes = 0;
    this.#handlers?.drain();
  }

  #arrives(event: (peer: FakeConnection) => void): void {
    this.#lastArrival = Math.max(this.#lastArrival, this.#clock.now() + this.#delay());
    this.#clock.setTimer(this.#lastArrival - this.#clock.now(), () => {
      if (this.peer) event(this.peer);
    });
  }

  #deliver(): void {
    while (this.#handlers && this.isOpen && !this.isPaused) {
      const bytes = this.#inbox.shift();
      if (!bytes) break;
      this.#handlers.data(bytes);
      // The buffer of a read is used again: what is kept of it without a copy turns to rubbish.
      bytes.fill(0xee);
    }
    if (this.#remoteEnded && this.#inbox.length === 0 && this.#handlers && !this.isPaused) {
      this.end();
      this.close(undefined);
    }
  }
}
