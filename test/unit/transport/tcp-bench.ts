import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type {
  Connection,
  ConnectionHandlers,
  Endpoint,
  Listener,
  SocketOptions,
} from '../../../bgp/session/transport.ts';
import { formatAddress, type IpAddress, parseAddress } from '../../../net/address.ts';
import { TcpTransport } from '../../../src/transport/tcp-transport.ts';

export function endpoint(text: string, port: number): Endpoint {
  const address = parseAddress(text);
  if (!address) throw new Error(`${text} is no address`);
  return { address, port };
}

/** A promise that is resolved from outside. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Handlers that keep all that a connection tells. */
export class Collector implements ConnectionHandlers {
  readonly chunks: Uint8Array[] = [];
  received = 0;
  drains = 0;
  readonly #closed = deferred<Error | undefined>();
  readonly #waiting: { readonly size: number; readonly resolve: () => void }[] = [];
  readonly #drained: (() => void)[] = [];

  data(bytes: Uint8Array): void {
    this.chunks.push(bytes.slice());
    this.received += bytes.length;
    for (const { size, resolve } of this.#waiting) if (this.received >= size) resolve();
  }
  drain(): void {
    this.drains++;
    for (const resolve of this.#drained.splice(0)) resolve();
  }
  closed(error: Error | undefined): void {
    this.#closed.resolve(error);
  }

  /** What `closed` was called with. */
  get end(): Promise<Error | undefined> {
    return this.#closed.promise;
  }
  /** Resolves when `size` bytes have come in altogether. */
  bytes(size: number): Promise<void> {
    if (this.received >= size) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ size, resolve }));
  }
  /** Resolves with the next `drain`. */
  nextDrain(): Promise<void> {
    return new Promise((resolve) => this.#drained.push(resolve));
  }
  content(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** Both ends of a connection over the machine's TCP. */
export interface ConnectedPair {
  readonly near: Connection;
  readonly far: Connection;
}

/** Listens, connects and closes what is left over. */
export class TcpBench {
  readonly transport: TcpTransport;
  readonly warnings: string[] = [];
  /** Connections that were not as they had to be. */
  readonly refusals: string[] = [];
  readonly #listeners: Listener[] = [];
  readonly #connections: Connection[] = [];

  constructor(connectTimeout = 5000) {
    this.transport = new TcpTransport({ connectTimeout, warn: (message) => this.warnings.push(message) });
  }

  async listen(
    address: string,
    options: SocketOptions = {},
    accepted: (connection: Connection) => void = () => {},
  ): Promise<Listener> {
    const listener = await this.transport.listen(
      { local: endpoint(address, 0), options },
      (connection) => {
        this.#connections.push(connection);
        accepted(connection);
      },
      ({ remote }, reason) => this.refusals.push(`${formatAddress(remote.address)}: ${reason}`),
    );
    this.#listeners.push(listener);
    return listener;
  }

  connect(remote: Endpoint, options: SocketOptions = {}, local?: IpAddress): Promise<Connection> {
    return new Promise((resolve, reject) => {
      this.transport.connect(
        { remote, options, ...(local && { local }) },
        {
          connected: (connection) => {
            this.#connections.push(connection);
            resolve(connection);
          },
          failed: reject,
        },
      );
    });
  }

  async pair(
    address: string,
    options: { near?: SocketOptions; far?: SocketOptions; local?: IpAddress } = {},
  ): Promise<ConnectedPair> {
    const accepted = deferred<Connection>();
    const listener = await this.listen(address, options.far, accepted.resolve);
    const near = await this.connect(listener.local, options.near, options.local);
    return { near, far: await accepted.promise };
  }

  close(): void {
    for (const connection of this.#connections) connection.destroy();
    for (const listener of this.#listeners) listener.close();
  }
}

/** Why network namespaces cannot be made here; undefined when they can. */
export function namespaceObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root to make a network namespace';
  try {
    execFileSync('ip', ['-V'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'needs the command ip (iproute2)';
  }
}

/** A network namespace of the test's own with its loopback up; `remove` it in the end. */
export function makeNamespace(): { readonly name: string; readonly remove: () => void } {
  const name = `routerd-test-${randomUUID().slice(0, 8)}`;
  execFileSync('ip', ['netns', 'add', name]);
  const remove = (): void => {
    execFileSync('ip', ['netns', 'delete', name]);
  };
  try {
    execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  } catch (error) {
    remove();
    throw error;
  }
  return { name, remove };
}
