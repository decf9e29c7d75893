import type {
  Connection,
  ConnectionHandlers,
  Endpoint,
  Listener,
  PendingConnection,
  Transport,
} from '../../../bgp/session/transport.ts';

/** A connection to nobody: what is written is gone, what is read is handed in. */
export class MemoryConnection implements Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly device = undefined;
  readonly bufferedBytes = 0;
  #handlers: ConnectionHandlers | undefined;

  constructor(local: Endpoint, remote: Endpoint) {
    this.local = local;
    this.remote = remote;
  }

  setHandlers(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }

  /** Lets the owner read these bytes. */
  deliver(bytes: Uint8Array): void {
    this.#handlers?.data(bytes);
  }

  /** Tells the owner that the other side is gone. */
  close(): void {
    this.#handlers?.closed(undefined);
    this.#handlers = undefined;
  }

  write(): boolean {
    return true;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

/** A network in which every attempt to connect succeeds when it is told to, and leads to nobody. */
export class MemoryTransport implements Transport {
  readonly #local: Endpoint;
  readonly #attempts: (() => MemoryConnection)[] = [];

  constructor(local: Endpoint) {
    this.#local = local;
  }

  connect(
    { remote }: Parameters<Transport['connect']>[0],
    result: Parameters<Transport['connect']>[1],
  ): PendingConnection {
    this.#attempts.push(() => {
      const connection = new MemoryConnection(this.#local, remote);
      result.connected(connection);
      return connection;
    });
    return { cancel: () => {} };
  }

  /** Makes the connections that are under way; gives them in the order of the attempts. */
  complete(): MemoryConnection[] {
    return this.#attempts.splice(0).map((attempt) => attempt());
  }

  listen(): Promise<Listener> {
    return Promise.reject(new Error('nobody can connect here'));
  }
}
