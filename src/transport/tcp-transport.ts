import { closeSync } from 'node:fs';
import { createConnection, createServer, type OnReadOpts, type Server, Socket } from 'node:net';
import type {
  Connection,
  Endpoint,
  Listener,
  PendingConnection,
  SocketOptions,
  Transport,
} from '../../bgp/session/transport.ts';
import { socketEnds } from '../../dataplane/socket-ends.ts';
import { systemCalls } from '../../dataplane/system-calls.ts';
import { openTcpSocket } from '../../dataplane/tcp-socket.ts';
import { formatAddress } from '../../net/address.ts';
import { ListenerPeers } from './listener-peers.ts';
import { ReadTurns } from './read-turns.ts';
import { descriptorOf } from './socket-descriptor.ts';
import { connectFailure, formatEndpoint, listenFailure, TransportError } from './socket-errors.ts';
import { TcpConnection } from './tcp-connection.ts';

/** What a {@link TcpTransport} may be told. */
export interface TcpTransportOptions {
  /** Milliseconds after which an attempt to connect is given up; 10,000 when absent. */
  readonly connectTimeout?: number;
  /** Hears of trouble that no connection stands for, such as a process that is out of descriptors. */
  readonly warn?: (message: string) => void;
}

type ConnectTarget = Parameters<Transport['connect']>[0];
type ConnectResult = Parameters<Transport['connect']>[1];
type ListenTarget = Parameters<Transport['listen']>[0];
type Refused = NonNullable<Parameters<Transport['listen']>[2]>;

/** Bytes of one read; a larger buffer makes a turn of the event loop longer, not the reading faster. */
const READ_SIZE = 65_536;
const CONNECT_TIMEOUT = 10_000;

/**
 * TCP of the machine. Plain sockets come from `node:net`; those in another network namespace, on a
 * device, with a time-to-live or a TCP MD5 key are made by system calls and handed to `node:net` then.
 * The latter are sent with the traffic class of routing protocols (CS6).
 */
export class TcpTransport implements Transport {
  readonly #turns = new ReadTurns();
  readonly #connectTimeout: number;
  readonly #warn: (message: string) => void;
  /** One for all connections: what is read is handed on before the next read. */
  readonly #readBuffer = new Uint8Array(READ_SIZE);

  constructor(options: TcpTransportOptions = {}) {
    this.#connectTimeout = options.connectTimeout ?? CONNECT_TIMEOUT;
    this.#warn = options.warn ?? (() => {});
  }

  connect(target: ConnectTarget, result: ConnectResult): PendingConnection {
    const attempt: { connection?: TcpConnection } = {};
    const onread = this.#onread(attempt);
    let socket: Socket;
    try {
      socket = openConnectingSocket(target, onread);
    } catch (error) {
      const handle = setImmediate(() => result.failed(this.#connectError(error, target)));
      return { cancel: () => clearImmediate(handle) };
    }
    return this.#watchAttempt(socket, target, result, (connection) => {
      attempt.connection = connection;
    });
  }

  /** Reads of a connection that will be known when the first one comes. */
  #onread(kept: { readonly connection?: TcpConnection }): OnReadOpts {
    return {
      buffer: this.#readBuffer,
      callback: (size, buffer) => kept.connection?.read(buffer.subarray(0, size)) ?? true,
    };
  }

  #watchAttempt(
    socket: Socket,
    target: ConnectTarget,
    result: ConnectResult,
    keep: (connection: TcpConnection) => void,
  ): PendingConnection {
    const failed = (error: unknown): void => {
      release();
      socket.destroy();
      result.failed(this.#connectError(error, target));
    };
    const connected = (): void => {
      const ends = endsOf(socket);
      if (!ends) {
        failed(new Error('the connection was gone before it was used'));
        return;
      }
      release();
      const place = { local: ends.local, remote: target.remote, device: target.options.device };
      const connection = new TcpConnection(socket, place, this.#turns);
      keep(connection);
      result.connected(connection);
    };
    const timer = setTimeout(() => failed(timedOut(target, this.#connectTimeout)), this.#connectTimeout);
    let decided = false;
    const release = (): void => {
      decided = true;
      clearTimeout(timer);
      socket.off('connect', connected).off('error', failed);
      // An error after the attempt was given up is of no interest, but must have a listener.
      socket.on('error', () => {});
    };
    socket.once('connect', connected).once('error', failed);
    return {
      cancel: () => {
        if (decided) return;
        release();
        socket.destroy();
      },
    };
  }

  #connectError(error: unknown, target: ConnectTarget): Error {
    if (error instanceof TransportError) return error;
    return connectFailure(error, target.remote, target.local ? formatAddress(target.local) : 'any address');
  }

  async listen(
    target: ListenTarget,
    accepted: (connection: Connection) => void,
    refused: Refused = () => {},
  ): Promise<Listener> {
    const { device } = target.options;
    const server = createServer({ pauseOnConnect: true });
    await listenOn(server, target);
    const peers = new ListenerPeers(server, target.local);
    server.on('connection', (socket) => {
      const connection = this.#acceptedConnection(socket, device, peers, refused);
      if (connection) accepted(connection);
    });
    server.on('error', (error) =>
      this.#warn(`listening on ${formatEndpoint(target.local)}: ${error.message}`),
    );
    const bound = server.address();
    const port = bound !== null && typeof bound === 'object' ? bound.port : target.local.port;
    return {
      local: { address: target.local.address, port },
      setPeer: (peer, options, zone) => peers.set(peer, options, zone),
      setRange: (range, options) => peers.setRange(range, options),
      close: () => server.close(),
    };
  }

  #acceptedConnection(
    socket: Socket,
    device: string | undefined,
    peers: ListenerPeers,
    refused: Refused,
  ): TcpConnection | undefined {
    const ends = endsOf(socket);
    if (!ends) {
      // Gone already: the kernel does not know its addresses any more.
      socket.on('error', () => {}).destroy();
      return undefined;
    }
    const { local, remote } = ends;
    const { trouble, refusal } = peers.prepare(socket, remote);
    if (trouble !== undefined) this.#warn(trouble);
    if (refusal !== undefined) {
      socket.on('error', () => {}).destroy();
      refused({ local, remote }, refusal);
      return undefined;
    }
    const kept: { connection?: TcpConnection } = {};
    const place = { local, remote, device };
    const own = withReadBuffer(socket, this.#onread(kept));
    const connection = new TcpConnection(own ?? socket, place, this.#turns);
    kept.connection = connection;
    if (!own) {
      // A plain view: code that sees arrays of one kind only stays fast.
      socket.on('data', (bytes: Buffer) => {
        connection.read(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
      });
      socket.pause();
    }
    return connection;
  }
}

/**
 * A socket over the same connection that reads into a buffer of ours, which `node:net` offers for sockets that
 * connect, and not for those that a server accepts: each read of them takes 64 kB of new memory. Undefined when it
 * cannot be had; else the other one is gone.
 */
function withReadBuffer(socket: Socket, onread: OnReadOpts): Socket | undefined {
  const accepted = descriptorOf(socket);
  const fd = accepted === undefined ? -1 : systemCalls().duplicate(accepted);
  if (fd < 0) return undefined;
  // The type of the constructor's options lacks `onread`.
  const adopted = { fd, readable: true, writable: true, onread };
  try {
    const own = adopt(fd, () => new Socket(adopted).pause());
    socket.on('error', () => {}).destroy();
    return own;
  } catch {
    // The peer may have reset the connection by now: the socket that is there will tell.
    return undefined;
  }
}

/** True when only system calls can make the socket. */
function isSpecial({ namespace, device, ttl, minTtl, password }: SocketOptions, zone?: string): boolean {
  return [namespace, device, ttl, minTtl, password, zone].some((option) => option !== undefined);
}

/** A socket that connects and does not read. Throws what the system calls throw. */
function openConnectingSocket(target: ConnectTarget, onread: OnReadOpts): Socket {
  const { remote, local, options } = target;
  const to = { host: formatAddress(remote.address), port: remote.port };
  if (!isSpecial(options, remote.zone)) {
    const from = local ? { localAddress: formatAddress(local) } : {};
    return createConnection({ ...to, ...from, onread }).pause();
  }
  const { namespace, device, ttl, minTtl, password } = options;
  const fd = openTcpSocket({
    version: remote.address.version,
    namespace,
    // A socket that is bound to the interface needs no number of it in its addresses.
    device: remote.zone ?? device,
    ttl,
    minTtl,
    bindAddress: local,
    md5Keys: password === undefined ? [] : [{ peer: remote.address, password }],
  });
  // The type of the constructor's options lacks `onread`.
  const adopted = { fd, onread };
  return adopt(fd, () => new Socket(adopted).pause().connect(to));
}

async function listenOn(server: Server, target: ListenTarget): Promise<void> {
  const { local, options } = target;
  const { namespace, device } = options;
  try {
    if (namespace === undefined && device === undefined) {
      const host = formatAddress(local.address);
      await listening(server, () => server.listen({ host, port: local.port, ipv6Only: true }));
      return;
    }
    const fd = openTcpSocket({
      version: local.address.version,
      namespace,
      device,
      bindAddress: local.address,
      bindPort: local.port,
    });
    await adopt(fd, () => listening(server, () => server.listen({ fd })));
  } catch (error) {
    throw listenFailure(error, local);
  }
}

/** Runs what takes over a descriptor; closes it when that fails at once. */
function adopt<T>(fd: number, takeOver: () => T): T {
  try {
    return takeOver();
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    listen();
  });
}

function timedOut({ remote, options: { minTtl } }: ConnectTarget, milliseconds: number): TransportError {
  const words = `no answer from ${formatEndpoint(remote)} within ${milliseconds / 1000} s`;
  const reach = minTtl === undefined ? '' : `: it must have a time-to-live of ${minTtl} at least (RFC 5082)`;
  return new TransportError(words + reach, 'ETIMEDOUT');
}

/** Both ends of a connection; undefined when it is gone already. */
function endsOf(socket: Socket): { readonly local: Endpoint; readonly remote: Endpoint } | undefined {
  const descriptor = descriptorOf(socket);
  return descriptor === undefined ? undefined : socketEnds(descriptor);
}
