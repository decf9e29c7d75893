import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../../bgp/session/clock.ts';
import { Session } from '../../../bgp/session/session.ts';
import { Speaker } from '../../../bgp/speaker.ts';
import { CeaseSubcode } from '../../../bgp/wire/constants.ts';
import type { Family } from '../../../bgp/wire/family.ts';
import { ipv4FromNumber } from '../../../net/address.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';
import { TcpTransport } from '../../transport/tcp-transport.ts';
import { greeting, PRACTICE_AS, practicePeer, writeAnnouncement } from './practice-messages.ts';

/*
 * Routes that come one by one take another way than a table: what is done once for each read, by the daemon and by
 * Node.js, then counts for more than what is done once for each route. So that is practised too, over connections of
 * the machine with itself.
 */

/** UPDATEs that are sent one by one: V8 compiles the last of what they need after some 2,500. */
const EXCHANGES = 3000;
/** So many make up a set: afterwards the same routes come with other attributes. */
const UPDATES = 100;
/** Milliseconds in which the two sessions come up, and in which a route gets through. */
const MOST_TIME = 1000;
const POLL_TIME = 5;
const LOOPBACK = 0x7f00_0001;
/** ASes on the path, by turns, so that each set differs from the one before. */
const PATH_LENGTHS = [1, 2, 3] as const;

/** A speaker with two sessions over loopback, and their other ends. */
export class LoopbackPractice {
  readonly #families: readonly Family[];
  readonly #server: Server;
  readonly #speaker: Speaker;
  readonly #ends: Socket[] = [];
  readonly #writer = new ByteWriter(1024);
  #exchanges = 0;
  /** Told of the next bytes that come out. */
  #arrived: () => void = () => {};

  private constructor(server: Server, clock: Clock, families: readonly Family[]) {
    this.#families = families;
    this.#server = server;
    const environment = { transport: new TcpTransport(), clock, random: Math.random };
    this.#speaker = new Speaker({
      clock,
      openSession: (settings, events) => new Session(settings, events, environment),
      defer: setImmediate,
    });
  }

  /** Undefined where the machine cannot be reached over loopback. */
  static async begin(clock: Clock, families: readonly Family[]): Promise<LoopbackPractice | undefined> {
    const server = createServer({ noDelay: true });
    try {
      server.listen({ host: '127.0.0.1', port: 0, backlog: 2 });
      await once(server, 'listening', { signal: AbortSignal.timeout(MOST_TIME) });
    } catch {
      server.close();
      return undefined;
    }
    const practice = new LoopbackPractice(server, clock, families);
    if (await practice.#establish((server.address() as AddressInfo).port)) return practice;
    await practice.end();
    return undefined;
  }

  async #establish(port: number): Promise<boolean> {
    const families = this.#families;
    this.#server.on('connection', (socket) => this.#greet(socket));
    const instance = this.#speaker.addInstance('practice', families, false);
    const peers = [1, 2].map((index) =>
      this.#speaker.addPeer({
        settings: {
          ...practicePeer(index, families),
          remoteAs: 'external',
          remoteAddress: ipv4FromNumber(LOOPBACK),
          remotePort: port,
        },
        instance,
        allowOwnAs: 0,
      }),
    );
    return within(MOST_TIME, () => peers.every(({ session }) => session?.state === 'Established'));
  }

  #greet(socket: Socket): void {
    const index = this.#ends.push(socket);
    socket.on('error', () => {});
    socket.on('data', () => {
      if (socket === this.#ends[1]) this.#arrived();
    });
    socket.write(greeting(PRACTICE_AS + index, LOOPBACK + index, this.#families));
  }

  /** Sends some UPDATEs, each when the one before has come out at the other end; false when there are no more. */
  exchange(count: number): Promise<boolean> {
    const end = Math.min(this.#exchanges + count, EXCHANGES);
    return new Promise((resolve) => {
      const late = setTimeout(resolve, MOST_TIME, false);
      this.#arrived = () => {
        if (this.#exchanges < end) {
          this.#send(this.#exchanges++);
          return;
        }
        clearTimeout(late);
        resolve(this.#exchanges < EXCHANGES);
      };
      this.#arrived();
    });
  }

  #send(number: number): void {
    const set = Math.floor(number / UPDATES);
    const family = this.#families[set % this.#families.length];
    const hops = PATH_LENGTHS[Math.floor(set / this.#families.length) % PATH_LENGTHS.length];
    if (family === undefined || hops === undefined) return;
    writeAnnouncement(this.#writer.reset(), family, number % UPDATES, PRACTICE_AS + 1, hops);
    this.#ends[0]?.write(this.#writer.take());
  }

  /** Closes all that was opened. */
  async end(): Promise<void> {
    this.#server.close();
    for (const socket of this.#ends) socket.destroy();
    const peers = [...this.#speaker.peers];
    // A session that is lost needs no farewell, for which it would wait.
    await within(MOST_TIME, () => peers.every(({ session }) => session?.state !== 'Established'));
    for (const peer of peers) this.#speaker.removePeer(peer, CeaseSubcode.PEER_DECONFIGURED, '');
  }
}

/** True once `condition` holds; false when it does not within some milliseconds. */
async function within(milliseconds: number, condition: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < milliseconds && !condition(); waited += POLL_TIME) await sleep(POLL_TIME);
  return condition();
}
