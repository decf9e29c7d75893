import { once } from 'node:events';
import { Socket } from 'node:net';
import { encodeKeepalive } from '../../../bgp/wire/message-header.ts';
import { encodeOpen, type OpenMessage } from '../../../bgp/wire/open.ts';
import { openTcpSocket } from '../../../dataplane/tcp-socket.ts';
import { parseAddress } from '../../../net/address.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';

const DAEMON = { host: '127.0.0.1', port: 179 };
const HEADER_SIZE = 19;

/** A TCP connection to the daemon with nothing of BGP in it: what is sent and when is the test's. */
export class RawConnection {
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
    });
  }

  /** Connects from an address; rejects when that fails. */
  static async open(namespace: string, from: string): Promise<RawConnection> {
    const bindAddress = parseAddress(from);
    const socket = new Socket({ fd: openTcpSocket({ version: 4, namespace, bindAddress }) });
    const connection = new RawConnection(socket);
    socket.connect(DAEMON);
    await once(socket, 'connect');
    return connection;
  }

  /** The daemon, or this side, has closed it. */
  get closed(): boolean {
    return this.#closed;
  }

  send(...messages: readonly Uint8Array[]): void {
    for (const message of messages) this.#socket.write(message);
  }

  /** Messages that came so far, without their headers: type and body. */
  messages(): { readonly type: number; readonly body: Uint8Array }[] {
    const found: { type: number; body: Uint8Array }[] = [];
    for (let at = 0; at + HEADER_SIZE <= this.#bytes.length; ) {
      const end = at + this.#bytes.readUInt16BE(at + 16);
      if (end > this.#bytes.length) break;
      found.push({ type: this.#bytes[at + 18] ?? 0, body: this.#bytes.subarray(at + HEADER_SIZE, end) });
      at = end;
    }
    return found;
  }

  /** Code and subcode of the last message, if that is a NOTIFICATION: `6/5`. */
  get notification(): string | undefined {
    const last = this.messages().at(-1);
    return last?.type === 3 ? `${last.body[0]}/${last.body[1]}` : undefined;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** A message around a body. */
export function messageOf(type: number, body: Uint8Array): Uint8Array {
  return new ByteWriter()
    .raw(new Uint8Array(16).fill(0xff))
    .u16(HEADER_SIZE + body.length)
    .u8(type)
    .raw(body)
    .take();
}

/** An OPEN of a neighbor with this AS number. */
export function openOf(as: number, changes: Partial<OpenMessage> = {}): Uint8Array {
  const writer = new ByteWriter();
  encodeOpen(writer, {
    version: 4,
    myAs: as,
    asn: as,
    holdTime: 90,
    routerId: 0x7f000109,
    capabilities: [
      { kind: 'multiprotocol', family: 0x0101 },
      { kind: 'four-octet-as', asn: as },
    ],
    ...changes,
  });
  return writer.take();
}

export function keepalive(): Uint8Array {
  const writer = new ByteWriter();
  encodeKeepalive(writer);
  return writer.take();
}
