import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { BfdSessionSettings } from '../../bfd/bfd-session.ts';
import { type AllowedSource, allowSources, openUdpSocket } from '../../dataplane/udp-socket.ts';
import { formatAddress, type IpAddress, type IpVersion, isLinkLocal } from '../../net/address.ts';
import type { FromBfdWorker, ToBfdWorker } from './worker-messages.ts';

// RFC 5881 §4, RFC 5883 §5.
const SINGLE_HOP_PORT = 3784;
const MULTI_HOP_PORT = 4784;
/** RFC 5881 §4: source ports are from here to 65535, and differ between sessions. */
const FIRST_SOURCE_PORT = 49152;
const SOURCE_PORTS = 65536 - FIRST_SOURCE_PORT;
/** RFC 5881 §5. */
const FULL_TTL = 255;

/** A BFD session as it is asked for. */
export interface BfdTarget {
  readonly local: IpAddress;
  readonly remote: IpAddress;
  /** Network namespace; undefined: that of the process. */
  readonly namespace: string | undefined;
  /** VRF, or the interface of link-local addresses. */
  readonly device: string | undefined;
  /** Over more than one hop (RFC 5883). */
  readonly multiHop: boolean;
  /** Least time-to-live of packets over several hops; over one hop it is 255 (RFC 5881 §5). */
  readonly minimumTtl: number;
  readonly settings: BfdSessionSettings;
}

/** A socket on which packets of several sessions arrive. */
interface ListeningSocket {
  readonly path: string;
  readonly descriptor: number;
  readonly version: IpVersion;
  readonly sources: Map<number, AllowedSource>;
  /** False: it is bound to an interface, which may be another one of the same name next time. */
  readonly lasting: boolean;
}

/** What the daemon may want to know of what the thread says. */
export type BfdThreadNews = Exclude<FromBfdWorker, { readonly kind: 'adopted' }>;

/** What {@link BfdThread} tells. */
export interface BfdThreadEvents {
  readonly message: (message: BfdThreadNews) => void;
  /** The thread is no more, and all its sockets with it. Called once. */
  readonly ended: (reason: string) => void;
}

/** The thread that BFD runs in, as the daemon sees it. Its sockets are opened here and handed over. */
export class BfdThread {
  readonly #worker: Worker;
  readonly #listening = new Map<string, ListeningSocket>();
  readonly #sessions = new Map<number, ListeningSocket>();
  /** Sockets that are on their way to the thread, which closes those that it has. */
  readonly #unadopted = new Set<number>();
  #ended = false;
  #lastSourcePort = 0;

  /** `program`: file of what runs in the thread. */
  constructor(program: URL, events: BfdThreadEvents) {
    this.#worker = new Worker(program, {
      name: 'bfd',
      // It holds a few objects for each session.
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32, codeRangeSizeMb: 8 },
    });
    let reason: string | undefined;
    this.#worker.on('message', (message: FromBfdWorker) => {
      if (message.kind === 'adopted') this.#unadopted.delete(message.descriptor);
      else events.message(message);
    });
    this.#worker.on('error', (error) => {
      // `exit` follows, when its sockets are closed.
      reason = error.message;
      this.#ended = true;
    });
    this.#worker.on('exit', (code) => {
      this.#ended = true;
      for (const descriptor of this.#unadopted) closeSync(descriptor);
      events.ended(reason ?? `it ended with ${code}`);
    });
    // The daemon ends when its own work does.
    this.#worker.unref();
  }

  /**
   * Starts a session.
   *
   * @throws InetSocketError or NamespaceError when its sockets cannot be had
   */
  add(discriminator: number, target: BfdTarget): void {
    if (this.#ended) return;
    const { remote, multiHop, minimumTtl, settings } = target;
    const socket = this.#listen(target);
    socket.sources.set(discriminator, { address: remote, minTtl: multiHop ? minimumTtl : FULL_TTL });
    let descriptor: number;
    try {
      allowSourcesOf(socket);
      descriptor = this.#openSendingSocket(target);
    } catch (error) {
      socket.sources.delete(discriminator);
      throw error;
    }
    this.#sessions.set(discriminator, socket);
    this.#post({
      kind: 'add',
      discriminator,
      path: socket.path,
      version: remote.version,
      peer: formatAddress(remote),
      port: multiHop ? MULTI_HOP_PORT : SINGLE_HOP_PORT,
      descriptor,
      settings,
    });
  }

  /** Ends a session on purpose: its other end is told. */
  remove(discriminator: number): void {
    const socket = this.#sessions.get(discriminator);
    if (!socket || this.#ended) return;
    this.#sessions.delete(discriminator);
    socket.sources.delete(discriminator);
    this.#post({ kind: 'remove', discriminator });
    if (socket.lasting || socket.sources.size > 0) {
      allowSourcesOf(socket);
    } else {
      this.#listening.delete(socket.path);
      this.#post({ kind: 'unlisten', path: socket.path });
    }
  }

  #listen({ remote, namespace, device, multiHop }: BfdTarget): ListeningSocket {
    const { version } = remote;
    const port = multiHop ? MULTI_HOP_PORT : SINGLE_HOP_PORT;
    const path = [namespace ?? '-', device ?? '-', `ipv${version}`, port].join('/');
    const known = this.#listening.get(path);
    if (known) return known;
    const bindAddress = { version, bytes: new Uint8Array(remote.bytes.length) };
    const descriptor = openUdpSocket({ version, namespace, device, bindAddress, bindPort: port });
    const onInterface = isLinkLocal(remote);
    const socket = {
      path,
      descriptor,
      version,
      sources: new Map<number, AllowedSource>(),
      lasting: !onInterface,
    };
    try {
      // Nobody's packets until the first session is there.
      allowSourcesOf(socket);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    this.#listening.set(path, socket);
    const place = onInterface && namespace !== undefined ? { namespace } : {};
    this.#post({ kind: 'listen', path, version, descriptor, ...place });
    return socket;
  }

  #openSendingSocket({ local, namespace, device }: BfdTarget): number {
    for (let tries = 0; ; tries++) {
      this.#lastSourcePort = (this.#lastSourcePort + 1) % SOURCE_PORTS;
      const bindPort = FIRST_SOURCE_PORT + this.#lastSourcePort;
      const { version } = local;
      try {
        return openUdpSocket({
          version,
          namespace,
          device,
          ttl: FULL_TTL,
          reuseAddress: false,
          bindAddress: local,
          bindPort,
        });
      } catch (error) {
        const inUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
        if (!inUse || tries > 100) throw error;
      }
    }
  }

  #post(message: ToBfdWorker): void {
    if ('descriptor' in message) this.#unadopted.add(message.descriptor);
    this.#worker.postMessage(message);
  }
}

function allowSourcesOf({ descriptor, version, sources }: ListeningSocket): void {
  allowSources(descriptor, version, [...sources.values()]);
}
