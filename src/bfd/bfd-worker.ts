import { createSocket, type Socket } from 'node:dgram';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { BfdSession } from '../../bfd/bfd-session.ts';
import { encodeControlPacket } from '../../bfd/control-packet.ts';
import { BfdSessionTable } from '../../bfd/session-table.ts';
import { systemClock } from '../../bgp/session/clock.ts';
import { moveThread } from '../../dataplane/network-namespace.ts';
import type { FromBfdWorker, ToBfdWorker } from './worker-messages.ts';

/**
 * The thread that BFD runs in: its timers and sockets wait for nothing that BGP does. Sockets are made by the
 * daemon, in whatever namespace and VRF, and handed over as descriptors, which all threads share.
 */

/** Milliseconds for which the other end is told of a session that ends on purpose. */
const FAREWELL_TIME = 3000;

type ListenMessage = Extract<ToBfdWorker, { readonly kind: 'listen' }>;
type AddMessage = Extract<ToBfdWorker, { readonly kind: 'add' }>;

interface RunningSession {
  readonly session: BfdSession;
  readonly socket: Socket;
}

class BfdSessions {
  readonly #port: MessagePort;
  readonly #table = new BfdSessionTable();
  readonly #sessions = new Map<number, RunningSession>();
  readonly #listening = new Map<string, Socket>();
  readonly #troubled = new Set<string>();
  #namespace: string | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  handle(message: ToBfdWorker): void {
    switch (message.kind) {
      case 'listen':
        this.#listen(message);
        break;
      case 'unlisten':
        this.#listening.get(message.path)?.close();
        this.#listening.delete(message.path);
        break;
      case 'add':
        this.#add(message);
        break;
      case 'remove':
        this.#remove(message.discriminator);
        break;
    }
  }

  #listen({ path, version, descriptor, namespace }: ListenMessage): void {
    if (namespace !== undefined) this.#enter(namespace);
    const socket = this.#adopt(version, descriptor, path);
    this.#listening.set(path, socket);
    socket.on('message', (payload, { address }) => {
      // Whatever the interface of a link-local address is called, the socket is bound to it.
      const zone = address.indexOf('%');
      const peer = zone < 0 ? address : address.slice(0, zone);
      this.#table.receive(pathOf(path, peer), payload);
    });
  }

  /** Node.js gives a packet only if it can name the interface of its source, which it looks up in this thread's namespace. */
  #enter(namespace: string): void {
    if (this.#namespace === namespace) return;
    try {
      moveThread(namespace);
      this.#namespace = namespace;
    } catch (error) {
      this.#trouble(namespace, error instanceof Error ? error : new Error(String(error)));
    }
  }

  #adopt(version: 4 | 6, descriptor: number, name: string): Socket {
    const socket = createSocket(version === 4 ? 'udp4' : 'udp6');
    socket.on('error', (error) => this.#trouble(name, error));
    socket.bind({ fd: descriptor });
    this.#post({ kind: 'adopted', descriptor });
    return socket;
  }

  #add(message: AddMessage): void {
    const { discriminator, path, version, peer, port, descriptor, settings } = message;
    const socket = this.#adopt(version, descriptor, peer);
    const session = new BfdSession(discriminator, settings, {
      clock: systemClock,
      random: Math.random,
      send: (packet) =>
        socket.send(encodeControlPacket(packet), port, peer, (error) => {
          // No route to the peer, say: the session goes down by itself, and comes back.
          if (error) this.#trouble(peer, error);
          else this.#troubled.delete(peer);
        }),
      changed: (status) => this.#post({ kind: 'status', discriminator, status }),
    });
    this.#table.add(pathOf(path, peer), session);
    this.#sessions.set(discriminator, { session, socket });
    // The socket is bound a moment later.
    if (isBound(socket)) session.start();
    else socket.once('listening', () => session.start());
  }

  #remove(discriminator: number): void {
    const running = this.#sessions.get(discriminator);
    if (!running) return;
    const { session, socket } = running;
    this.#sessions.delete(discriminator);
    session.disable();
    this.#table.remove(session);
    setTimeout(() => {
      session.close();
      socket.close();
    }, FAREWELL_TIME);
  }

  /** Once for each thing until it works again. */
  #trouble(name: string, error: Error): void {
    if (this.#troubled.has(name)) return;
    this.#troubled.add(name);
    this.#post({ kind: 'trouble', message: `BFD ${name}: ${error.message}` });
  }

  #post(message: FromBfdWorker): void {
    this.#port.postMessage(message);
  }
}

function pathOf(listener: string, address: string): string {
  return `${listener} ${address}`;
}

function isBound(socket: Socket): boolean {
  try {
    return socket.address().port > 0;
  } catch {
    return false;
  }
}

if (parentPort) {
  const sessions = new BfdSessions(parentPort);
  parentPort.on('message', (message: ToBfdWorker) => sessions.handle(message));
}
