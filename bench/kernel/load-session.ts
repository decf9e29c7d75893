import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { MessageFramer } from '../../bgp/session/message-framer.ts';
import { MessageType } from '../../bgp/wire/constants.ts';
import { IPV4_UNICAST, L2VPN_EVPN } from '../../bgp/wire/family.ts';
import { encodeKeepalive } from '../../bgp/wire/message-header.ts';
import { decodeNotification } from '../../bgp/wire/notification.ts';
import { encodeOpen } from '../../bgp/wire/open.ts';
import { ByteWriter } from '../../net/byte-writer.ts';

/** Who speaks to whom. */
export interface LoadSessionOptions {
  readonly local: string;
  readonly remote: string;
  readonly as: number;
  /** BGP identifier as an unsigned 32-bit number. */
  readonly routerId: number;
  /** Tells of routes to the tunnel endpoints too, in IPv4 unicast. */
  readonly saysUnderlay: boolean;
}

const ATTEMPT_TIME = 200;
const LONGEST_WAIT = 60_000;
/** Without keepalives: nothing but the routes is on the session. */
const HOLD_TIME = 0;

/** The BGP session of a load generator: it says what it is given and drops what it hears. */
export class LoadSession {
  readonly #socket: Socket;
  #ended: string | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Connects, again and again for a minute, until a session is established. */
  static async establish(options: LoadSessionOptions): Promise<LoadSession> {
    const end = performance.now() + LONGEST_WAIT;
    for (;;) {
      const session = new LoadSession(
        createConnection({ host: options.remote, port: 179, localAddress: options.local }),
      );
      const problem = await session.#open(options);
      if (problem === undefined) return session;
      if (performance.now() > end) throw new Error(`no session with ${options.remote}: ${problem}`);
      await delay(ATTEMPT_TIME);
    }
  }

  /** Resolves when the session is established, or has failed: then with the reason. */
  #open({ as, routerId, saysUnderlay }: LoadSessionOptions): Promise<string | undefined> {
    const socket = this.#socket;
    const writer = new ByteWriter();
    return new Promise((resolve) => {
      const end = (reason: string): void => {
        this.#ended ??= reason;
        socket.destroy();
        resolve(this.#ended);
      };
      const framer = new MessageFramer({
        message: (type, bytes, start, stop) => {
          if (type === MessageType.OPEN) {
            encodeKeepalive(writer.reset());
            socket.write(writer.take());
          } else if (type === MessageType.KEEPALIVE) resolve(undefined);
          else if (type === MessageType.NOTIFICATION) {
            const decoded = decodeNotification(bytes, start, stop);
            end(decoded.ok ? `NOTIFICATION ${decoded.value.code}/${decoded.value.subcode}` : 'NOTIFICATION');
          }
          return this.#ended === undefined;
        },
        invalidHeader: (error) => end(error.message),
      });
      socket.setNoDelay(true);
      socket.on('data', (bytes) => framer.push(bytes));
      socket.on('error', (error) => end(error.message));
      socket.on('close', () => end('the connection was closed'));
      socket.once('connect', () => {
        encodeOpen(writer.reset(), {
          version: 4,
          myAs: as,
          asn: as,
          holdTime: HOLD_TIME,
          routerId,
          capabilities: [
            ...(saysUnderlay ? [{ kind: 'multiprotocol' as const, family: IPV4_UNICAST }] : []),
            { kind: 'multiprotocol', family: L2VPN_EVPN },
            { kind: 'four-octet-as', asn: as },
          ],
        });
        socket.write(writer.take());
      });
    });
  }

  /** Hands the bytes to the kernel, which sends them as fast as the peer takes them. */
  send(bytes: Uint8Array): void {
    if (this.#ended !== undefined) throw new Error(`the session has ended: ${this.#ended}`);
    this.#socket.write(bytes);
  }

  /** Why the session has ended; undefined while it is there. */
  get ended(): string | undefined {
    return this.#ended;
  }

  close(): void {
    this.#ended ??= 'closed';
    this.#socket.destroy();
  }
}
