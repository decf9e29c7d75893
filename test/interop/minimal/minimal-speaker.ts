import { Socket } from 'node:net';
import { openTcpSocket } from '../../../dataplane/tcp-socket.ts';
import { parseAddress } from '../../../net/address.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';
import { ReceivedTable } from './update-stream.ts';

/** One end of a session as the test plays it. */
export interface MinimalSpeakerSettings {
  readonly namespace: string;
  /** Own address, which is the BGP identifier too. */
  readonly address: string;
  /** The daemon's address, 127.0.0.1 when absent: peers of different ones are in different update groups. */
  readonly daemonAddress?: string;
  readonly as: number;
  /** Seconds; the daemon's own is used when that is less. */
  readonly holdTime: number;
  /** Numbered prefixes that it may be told. */
  readonly prefixes: number;
}

const DAEMON_PORT = 179;
const HEADER_SIZE = 19;
const Type = { open: 1, update: 2, notification: 3, keepalive: 4 } as const;
const KEEPALIVE_MILLISECONDS = 1000;
/** Bytes that are given to the socket at a time: a wait for `drain` is a wait for the peer. */
const WRITE_SIZE = 64 * 1024;

/** A BGP speaker that is just enough to send and to hear UPDATEs, and that reads when the test says so. */
export class MinimalSpeaker {
  readonly settings: MinimalSpeakerSettings;
  readonly table: ReceivedTable;
  readonly #socket: Socket;
  #rest = new Uint8Array(0);
  #keepaliveTimer: NodeJS.Timeout | undefined;
  /** Why there is no session any more. */
  #failure: string | undefined;
  #up = false;
  readonly #waiting = new Set<() => void>();
  /** How often the socket took no more, and did again. */
  stalls = 0;
  keepalives = 0;
  /** Bytes that came in. */
  bytesRead = 0;
  #closed = false;
  #reading = true;
  #heardAt = performance.now();

  private constructor(settings: MinimalSpeakerSettings, socket: Socket) {
    this.settings = settings;
    this.table = new ReceivedTable(settings.prefixes);
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('error', (error) => this.#fail(error.message));
    socket.on('close', () => this.#fail('the daemon closed the connection'));
  }

  /** Connects and waits until the session is Established. */
  static async open(settings: MinimalSpeakerSettings): Promise<MinimalSpeaker> {
    const { namespace, address, daemonAddress = '127.0.0.1' } = settings;
    const fd = openTcpSocket({ version: 4, namespace, bindAddress: parseAddress(address) });
    const speaker = new MinimalSpeaker(settings, new Socket({ fd }));
    speaker.#socket.connect({ host: daemonAddress, port: DAEMON_PORT });
    speaker.#socket.once('connect', () => speaker.#socket.write(openMessage(settings)));
    await speaker.until('Established', () => speaker.#up);
    return speaker;
  }

  /** Resolves when `condition` holds, which is looked at after each read; rejects when the session ends. */
  until(what: string, condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const failure = this.#failure;
        if (failure === undefined && !condition()) return;
        this.#waiting.delete(look);
        if (failure === undefined) resolve();
        else reject(new Error(`${this.settings.address} waits for "${what}": ${failure}`));
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** True while nothing has ended the session. */
  get alive(): boolean {
    return this.#failure === undefined && this.#up;
  }

  /** Bytes that the kernel has taken from this side. */
  get bytesTaken(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  /** Sends whole messages, as fast as the daemon takes them. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += WRITE_SIZE) {
      if (this.#failure !== undefined) throw new Error(`${this.settings.address}: ${this.#failure}`);
      if (this.#socket.write(bytes.subarray(at, at + WRITE_SIZE))) continue;
      await this.#drained();
      this.stalls++;
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const drained = (): void => {
        this.#socket.off('close', closed);
        resolve();
      };
      const closed = (): void => {
        this.#socket.off('drain', drained);
        reject(new Error(`${this.settings.address}: ${this.#failure}`));
      };
      this.#socket.once('drain', drained).once('close', closed);
    });
  }

  /** Shuts the receive window: the socket is read no more, while KEEPALIVEs go on. */
  stopReading(): void {
    this.#reading = false;
    this.#socket.pause();
  }

  readAgain(): void {
    this.#reading = true;
    this.#heardAt = performance.now();
    this.#socket.resume();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#keepaliveTimer);
    this.#socket.destroy();
  }

  #fail(reason: string): void {
    if (this.#closed) return;
    this.#failure ??= reason;
    clearInterval(this.#keepaliveTimer);
    this.#socket.destroy();
    this.#look();
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }

  #receive(chunk: Uint8Array): void {
    this.bytesRead += chunk.length;
    this.#heardAt = performance.now();
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    try {
      while (bytes.length - at >= HEADER_SIZE) {
        const end = at + (((bytes[at + 16] as number) << 8) | (bytes[at + 17] as number));
        if (end > bytes.length) break;
        this.#message(bytes, at, end);
        at = end;
      }
    } catch (error) {
      this.#fail(String(error));
    }
    this.#rest = new Uint8Array(bytes.subarray(at));
    this.#look();
  }

  #message(bytes: Uint8Array, start: number, end: number): void {
    const type = bytes[start + 18];
    if (type === Type.update) this.table.apply(bytes, start, end);
    else if (type === Type.keepalive) this.#keepalive();
    else if (type === Type.open) this.#answerOpen();
    else if (type !== Type.notification) throw new Error(`a message of type ${type}`);
    else throw new Error(`NOTIFICATION ${bytes[start + 19]}/${bytes[start + 20]}`);
  }

  #keepalive(): void {
    this.keepalives++;
    this.#up = true;
  }

  #answerOpen(): void {
    const message = keepaliveMessage();
    this.#socket.write(message);
    this.#keepaliveTimer = setInterval(() => {
      const silence = performance.now() - this.#heardAt;
      if (this.#reading && silence > this.settings.holdTime * 1000) this.#fail('its hold timer expired');
      // What waits in front of it is as good as a KEEPALIVE.
      if (this.#socket.writableLength === 0) this.#socket.write(message);
    }, KEEPALIVE_MILLISECONDS);
  }
}

function header(writer: ByteWriter, type: number): ByteWriter {
  return writer.raw(new Uint8Array(16).fill(0xff)).u16(0).u8(type);
}

function keepaliveMessage(): Uint8Array {
  const writer = header(new ByteWriter(HEADER_SIZE), Type.keepalive);
  writer.patchU16(16, writer.length);
  return writer.take();
}

/** With the capabilities IPv4 unicast (RFC 4760) and 4-octet AS numbers (RFC 6793). */
function openMessage({ as, holdTime, address }: MinimalSpeakerSettings): Uint8Array {
  const identifier = address.split('.').map(Number);
  const writer = header(new ByteWriter(64), Type.open);
  writer.u8(4).u16(as).u16(holdTime).raw(Uint8Array.from(identifier));
  writer.u8(14).u8(2).u8(12);
  writer.u8(1).u8(4).u16(1).u8(0).u8(1);
  writer.u8(65).u8(4).u32(as);
  writer.patchU16(16, writer.length);
  return writer.take();
}
