import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { BfdSessionSettings, BfdStatus } from '../../bfd/bfd-session.ts';
import { type AllowedSource, allowSources, openUdpSocket } from '../../dataplane/udp-socket.ts';
import { formatAddress, type IpAddress, type IpVersion } from '../../net/address.ts';
import type { FromBfdWorker, ToBfdWorker } from './worker-messages.ts';

/** A BFD session as it is asked for. */
export interface BfdTarget {
  readonly local: IpAddress;
  readonly remote: IpAddress;
  /** Network namespace; undefined: that of the process. */
  readonly namespace: string | undefined;
  /** VRF. */
  readonly device: string | undefined;
  /** Over more than one hop (RFC 5883). */
  readonly multiHop: boolean;
  /** Least time-to-live of packets over several hops; over one hop it is 255 (RFC 5881 §5). */
  readonly minimumTtl: number;
  readonly settings: BfdSessionSettings;
}

/** A session that runs. */
export interface BfdWatchedPath {
  /** What was last heard of it; undefined until it was started. */
  readonly status: BfdStatus | undefined;
  /** Ends it on purpose. */
  close(): void;
}

/** What the service is given. */
export interface BfdServiceOptions {
  /** File of the thread's program. */
  readonly program: URL;
  readonly warn: (message: string) => void;
}

// RFC 5881 §4, RFC 5883 §5.
const SINGLE_HOP_PORT = 3784;
const MULTI_HOP_PORT = 4784;
/** RFC 5881 §4: source ports are from here to 65535, and differ between sessions. */
const FIRST_SOURCE_PORT = 49152;
const SOURCE_PORTS = 65536 - FIRST_SOURCE_PORT;
/** RFC 5881 §5. */
const FULL_TTL = 255;

/** A socket on which packets of several sessions arrive. */
interface ListeningSocket {
  readonly descriptor: number;
  readonly version: IpVersion;
  readonly sources: Map<number, AllowedSource>;
}

interface Watched {
  status: BfdStatus | undefined;
  readonly changed: (status: BfdStatus) => void;
}

/**
 * BFD sessions in a thread of their own. The thread starts with the first session: a daemon without BFD does not pay
 * for it. Sockets are opened here and handed over.
 */
export class BfdService {
  readonly #options: BfdServiceOptions;
  readonly #listening = new Map<string, ListeningSocket>();
  readonly #watched = new Map<number, Watched>();
  #worker: Worker | undefined;
  #failed = false;
  #lastDiscriminator = 0;
  #lastSourcePort = 0;

  constructor(options: BfdServiceOptions) {
    this.#options = options;
  }

  /**
   * Starts a session; `changed` is called for each change of its state.
   *
   * @throws InetSocketError or NamespaceError when its sockets cannot be had
   */
  watch(target: BfdTarget, changed: (status: BfdStatus) => void): BfdWatchedPath {
    if (this.#failed)
      throw new Error('the thread of BFD has failed; it comes back with a restart of the daemon');
    const discriminator = ++this.#lastDiscriminator;
    const { path, socket } = this.#listen(target);
    const minTtl = target.multiHop ? target.minimumTtl : FULL_TTL;
    socket.sources.set(discriminator, { address: target.remote, minTtl });
    const release = (): void => {
      socket.sources.delete(discriminator);
      // The thread closes its sockets when it ends.
      if (!this.#failed) this.#allowSources(socket);
    };
    let descriptor: number;
    try {
      this.#allowSources(socket);
      descriptor = this.#openSendingSocket(target);
    } catch (error) {
      release();
      throw error;
    }
    const watched: Watched = { status: undefined, changed };
    this.#watched.set(discriminator, watched);
    this.#post({
      kind: 'add',
      discriminator,
      path,
      version: target.remote.version,
      peer: formatAddress(target.remote),
      port: target.multiHop ? MULTI_HOP_PORT : SINGLE_HOP_PORT,
      descriptor,
      settings: target.settings,
    });
    return {
      get status() {
        return watched.status;
      },
      close: () => {
        if (!this.#watched.delete(discriminator)) return;
        release();
        this.#post({ kind: 'remove', discriminator });
      },
    };
  }

  #listen({ remote, namespace, device, multiHop }: BfdTarget): { path: string; socket: ListeningSocket } {
    const { version } = remote;
    const port = multiHop ? MULTI_HOP_PORT : SINGLE_HOP_PORT;
    const path = [namespace ?? '-', device ?? '-', `ipv${version}`, port].join('/');
    const known = this.#listening.get(path);
    if (known) return { path, socket: known };
    const bindAddress = { version, bytes: new Uint8Array(remote.bytes.length) };
    const descriptor = openUdpSocket({ version, namespace, device, bindAddress, bindPort: port });
    const socket: ListeningSocket = { descriptor, version, sources: new Map() };
    try {
      // Nobody's packets until the first session is there.
      allowSources(descriptor, version, []);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    this.#listening.set(path, socket);
    this.#post({ kind: 'listen', path, version, descriptor });
    return { path, socket };
  }

  #allowSources({ descriptor, version, sources }: ListeningSocket): void {
    allowSources(descriptor, version, [...sources.values()]);
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
    if (this.#failed) return;
    this.#worker ??= this.#startWorker();
    this.#worker.postMessage(message);
  }

  #startWorker(): Worker {
    const worker = new Worker(this.#options.program, {
      name: 'bfd',
      // It holds a few objects for each session.
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32, codeRangeSizeMb: 8 },
    });
    worker.on('message', (message: FromBfdWorker) => this.#handle(message));
    worker.on('error', (error) => this.#fail(error.message));
    worker.on('exit', (code) => this.#fail(`it ended with ${code}`));
    // The daemon ends when its own work does.
    worker.unref();
    return worker;
  }

  /** Nothing is known of any path from now on, and no session is taken down for it. */
  #fail(reason: string): void {
    if (this.#failed) return;
    this.#failed = true;
    for (const watched of this.#watched.values()) watched.status = undefined;
    this.#options.warn(`the thread of BFD has failed, sessions go on without BFD: ${reason}`);
  }

  #handle(message: FromBfdWorker): void {
    if (message.kind === 'trouble') {
      this.#options.warn(message.message);
      return;
    }
    const watched = this.#watched.get(message.discriminator);
    if (!watched) return;
    watched.status = message.status;
    watched.changed(message.status);
  }

  /** Ends all sessions; their other ends are told. */
  close(): void {
    for (const discriminator of this.#watched.keys()) this.#post({ kind: 'remove', discriminator });
    this.#watched.clear();
  }
}
