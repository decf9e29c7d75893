import { readdirSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { RawNetlinkSocket } from 'netlink/dist/raw.js';
import { inNamespace } from '../network-namespace.ts';
import { SOL_SOCKET } from '../socket-constants.ts';
import { systemCalls } from '../system-calls.ts';
import {
  AF_NETLINK,
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  SOL_NETLINK,
} from './constants.ts';

type MessageListener = (bytes: Uint8Array, from: { readonly port: number }) => void;
type ErrorListener = (error: Error & { readonly code?: string }) => void;

/** The part of `RawNetlinkSocket` in use; tests put their own in its place. */
export interface RawSocket {
  send(bytes: Uint8Array, options: undefined, done: (error?: Error) => void): void;
  on(event: 'message', listener: MessageListener): unknown;
  on(event: 'error', listener: ErrorListener): unknown;
  ref(): void;
  unref(): void;
  close(): void;
}

/** A raw socket and what the kernel granted it. */
export interface OpenedSocket {
  readonly raw: RawSocket;
  /** Bytes that one send may have: below the send buffer, whose excess the kernel refuses with EMSGSIZE. */
  readonly largestSend: number;
  /** The kernel filters dumps as their header says (NETLINK_GET_STRICT_CHK). */
  readonly filtersDumps: boolean;
  /** A large send does not stop the event loop; default: it does. */
  readonly sendsInBackground?: boolean;
}

// asm-generic/socket.h
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;

/**
 * From this size on, bytes are sent from a thread of the pool: the kernel carries messages out before the
 * call returns, and now and then waits for tens of milliseconds in between (RCU, in large IPv4 tables; the
 * lock of all network devices, while a namespace goes away). A few routes are sooner sent than handed over.
 */
const LARGE_SEND = 2 * 1024;
/** Room for the answers of a batch whose every message fails. */
const RECEIVE_BUFFER = 8 << 20;
const SEND_BUFFER = 1 << 20;
/** What SO_SNDBUF counts besides the bytes: `struct sk_buff` and its end, with room to spare. */
const SEND_OVERHEAD = 1024;

/**
 * Opens a NETLINK_ROUTE socket inside a namespace; it stays there.
 *
 * @throws NamespaceError, or the ErrnoException of `netlink`
 */
export function openRawSocket(namespace: string | undefined, groups: readonly number[] = []): OpenedSocket {
  const { RawNetlinkSocket: Socket } = createRequire(import.meta.url)('netlink/dist/raw.js') as {
    RawNetlinkSocket: typeof RawNetlinkSocket;
  };
  const raw = inNamespace(namespace, () => new Socket(NETLINK_ROUTE));
  raw.unref();
  raw.setRecvBufferSize(RECEIVE_BUFFER);
  raw.setSendBufferSize(SEND_BUFFER);
  const descriptor = findDescriptor(raw.address().port);
  const guarded = new GuardedSocket(raw, descriptor);
  let filtersDumps = false;
  if (descriptor !== undefined) {
    setOption(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
    setOption(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER);
    setOption(descriptor, SOL_NETLINK, NETLINK_EXT_ACK, 1);
    setOption(descriptor, SOL_NETLINK, NETLINK_CAP_ACK, 1);
    filtersDumps = setOption(descriptor, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    for (const group of groups) setOption(descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  } else {
    for (const group of groups) raw.addMembership(group);
  }
  return {
    raw: guarded,
    largestSend: raw.getSendBufferSize() - SEND_OVERHEAD,
    filtersDumps,
    sendsInBackground: descriptor !== undefined,
  };
}

/** Sockets that are open: none may hear of anything once the process has begun to end. */
const openSockets = new Set<RawNetlinkSocket>();

function closeAll(): void {
  for (const raw of openSockets) raw.close();
  openSockets.clear();
}

/**
 * Keeps the process from being aborted by `netlink`, which calls listeners from C++ and takes everything
 * they throw for its own error. What they throw is thrown again outside, where the process's ordinary
 * handling of uncaught errors sees it; sockets are never closed from inside a listener, and they are
 * all closed before the JavaScript environment is taken down.
 */
class GuardedSocket implements RawSocket {
  readonly #raw: RawNetlinkSocket;
  readonly #descriptor: number | undefined;
  #sending = 0;
  #closed = false;

  constructor(raw: RawNetlinkSocket, descriptor: number | undefined) {
    this.#raw = raw;
    this.#descriptor = descriptor;
    if (openSockets.size === 0) process.on('exit', closeAll);
    openSockets.add(raw);
  }

  send(bytes: Uint8Array, _options: undefined, done: (error?: Error) => void): void {
    if (this.#descriptor === undefined || bytes.length < LARGE_SEND) this.#sendAtOnce(bytes, done);
    else this.#sendInBackground(this.#descriptor, bytes, done);
  }

  #sendInBackground(descriptor: number, bytes: Uint8Array, done: (error?: Error) => void): void {
    this.#sending++;
    systemCalls().sendInBackground(descriptor, bytes, (sent) => {
      this.#sending--;
      if (this.#closed) this.close();
      else if (sent === bytes.length) done();
      // Nothing was carried out; this way says why.
      else this.#sendAtOnce(bytes, done);
    });
  }

  #sendAtOnce(bytes: Uint8Array, done: (error?: Error) => void): void {
    this.#raw.send(bytes, undefined, (error) => this.#outside(() => done(error)));
  }

  on(event: 'message' | 'error', listener: MessageListener | ErrorListener): this {
    if (event === 'message') {
      this.#raw.on('message', (bytes, from) =>
        this.#outside(() => (listener as MessageListener)(bytes, from)),
      );
    } else {
      this.#raw.on('error', (error) => this.#outside(() => (listener as ErrorListener)(error)));
    }
    return this;
  }

  ref(): void {
    if (openSockets.has(this.#raw)) this.#raw.ref();
  }

  unref(): void {
    if (openSockets.has(this.#raw)) this.#raw.unref();
  }

  close(): void {
    this.#closed = true;
    setImmediate(() => {
      // The descriptor's number must not become another file's under a thread that sends.
      if (this.#sending > 0 || !openSockets.delete(this.#raw)) return;
      if (openSockets.size === 0) process.off('exit', closeAll);
      this.#raw.close();
    });
  }

  #outside(listener: () => void): void {
    if (this.#closed) return;
    try {
      listener();
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
  }
}

/** True when the kernel took the option; each of them only makes things better. */
function setOption(descriptor: number, level: number, option: number, value: number): boolean {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return systemCalls().setsockopt(descriptor, level, option, bytes, bytes.length) === 0;
}

/**
 * The descriptor of the netlink socket with this port number, which `netlink` keeps to itself; undefined
 * when /proc is not there.
 */
function findDescriptor(port: number): number | undefined {
  const address = new Uint8Array(12);
  const view = new DataView(address.buffer);
  const size = new Uint8Array(4);
  let entries: string[];
  try {
    entries = readdirSync('/proc/self/fd');
  } catch {
    return undefined;
  }
  // The newest first: it was opened a moment ago.
  for (const descriptor of entries.map(Number).sort((a, b) => b - a)) {
    if (!isSocket(descriptor)) continue;
    size[0] = address.length;
    if (systemCalls().getsockname(descriptor, address, size) !== 0) continue;
    // struct sockaddr_nl (linux/netlink.h): family, padding, port, groups.
    if (view.getUint16(0, true) === AF_NETLINK && view.getUint32(4, true) === port) return descriptor;
  }
  return undefined;
}

function isSocket(descriptor: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('socket:');
  } catch {
    return false;
  }
}
