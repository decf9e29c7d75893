import { createConnection, type Socket } from 'node:net';
import { IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../bgp/wire/family.ts';
import { encodeOpen, twoOctetAs } from '../../bgp/wire/open.ts';
import { ipv4ToNumber, parseAddress } from '../../net/address.ts';
import { ByteWriter } from '../../net/byte-writer.ts';
import type { FamilyWord } from '../daemons/daemon.ts';
import { Receiver } from './receiver.ts';

/** Who a speaker is and whom it talks to. */
export interface SpeakerSettings {
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly as: number;
  /** BGP identifier: an IPv4 address. */
  readonly routerId: string;
  readonly families: readonly FamilyWord[];
  /** The most bytes that may come from the daemon. */
  readonly capacity: number;
}

const FAMILIES = { ipv4: IPV4_UNICAST, ipv6: IPV6_UNICAST, evpn: L2VPN_EVPN } as const;
const MARKER = new Array<number>(16).fill(0xff);
const KEEPALIVE = Uint8Array.of(...MARKER, 0, 19, 4);
const KEEPALIVE_MILLISECONDS = 30_000;
const HOLD_TIME = 180;
const READ_SIZE = 256 * 1024;
const PORT = 179;

/** One BGP speaker of the load generator: opens a session, sends streams made before, counts what comes. */
export class Speaker {
  readonly settings: SpeakerSettings;
  readonly receiver: Receiver;
  readonly #socket: Socket;
  readonly #keepalives: NodeJS.Timeout;

  private constructor(settings: SpeakerSettings, socket: Socket, receiver: Receiver) {
    this.settings = settings;
    this.receiver = receiver;
    this.#socket = socket;
    this.#keepalives = setInterval(() => this.#socket.write(KEEPALIVE), KEEPALIVE_MILLISECONDS);
  }

  /** Connects until the daemon accepts, and waits until the session is Established. */
  static async establish(settings: SpeakerSettings, seconds = 60, pause = 20): Promise<Speaker> {
    const deadline = performance.now() + seconds * 1000;
    for (;;) {
      try {
        return await Speaker.#attempt(settings);
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  static #attempt(settings: SpeakerSettings): Promise<Speaker> {
    const { localAddress, remoteAddress, families, capacity } = settings;
    const receiver = new Receiver(capacity, families.includes('evpn'));
    return new Promise((resolve, reject) => {
      let open = false;
      const socket = createConnection({
        host: remoteAddress,
        port: PORT,
        localAddress,
        noDelay: true,
        onread: {
          buffer: () => receiver.room(READ_SIZE),
          callback: (size) => {
            receiver.received(size);
            return true;
          },
        },
      });
      const speaker = new Speaker(settings, socket, receiver);
      const fail = (error: Error): void => {
        speaker.close();
        reject(error);
      };
      socket.once('connect', () => socket.write(openMessage(settings)));
      socket.once('error', fail);
      socket.once('close', () => fail(new Error(`${remoteAddress} closed the connection`)));
      receiver.onRead = () => {
        const { opens, keepalives } = receiver;
        if (opens > 0 && !open) {
          open = true;
          socket.write(KEEPALIVE);
        }
        if (keepalives === 0) return;
        receiver.onRead = () => {};
        socket.removeAllListeners('error').removeAllListeners('close');
        socket.on('error', (error) => speaker.onLost(error.message));
        socket.on('close', () => speaker.onLost('the connection was closed'));
        resolve(speaker);
      };
    });
  }

  /** Called when the session ends without {@link close}. */
  onLost: (reason: string) => void = () => {};

  /** Sends whole messages; resolves when the kernel has taken all of it. */
  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(bytes, () => resolve());
    });
  }

  /** Stops to read; the kernel's buffers fill up. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    clearInterval(this.#keepalives);
    this.onLost = () => {};
    this.receiver.ignoreRest();
    this.#socket.on('error', () => {});
    this.#socket.destroy();
  }
}

function openMessage({ as, routerId, families }: SpeakerSettings): Uint8Array {
  const writer = new ByteWriter(128);
  const identifier = parseAddress(routerId);
  if (!identifier) throw new TypeError(`${routerId} is no address`);
  encodeOpen(writer, {
    version: 4,
    myAs: twoOctetAs(as),
    asn: as,
    holdTime: HOLD_TIME,
    routerId: ipv4ToNumber(identifier),
    capabilities: [
      ...families.map((family) => ({ kind: 'multiprotocol', family: FAMILIES[family] }) as const),
      { kind: 'route-refresh' },
      { kind: 'four-octet-as', asn: as },
    ],
  });
  return writer.take();
}
