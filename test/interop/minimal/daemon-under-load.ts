import { readFileSync } from 'node:fs';
import type { SessionView } from '../../../src/control/view.ts';
import { runIn } from '../network/commands.ts';
import { Network } from '../network/network.ts';
import { OpenPe } from '../speakers/openpe.ts';
import { RawConnection } from './attacker.ts';
import { MinimalSpeaker, type MinimalSpeakerSettings } from './minimal-speaker.ts';

/** AS number of the daemon. */
const DAEMON_AS = 64_512;
const FIRST_PEER_AS = 65_000;

const REST_MILLISECONDS = 3000;

/** The most that the kernel keeps for one socket, in bytes: small, so that what waits has to wait in user space. */
export const SOCKET_BUFFER = 256 * 1024;

/** One openpe-routerd in a namespace of its own, and minimal speakers that reach it over loopback there. */
export class DaemonUnderLoad {
  readonly daemon: OpenPe;
  readonly #network: Network;
  readonly #namespace: string;
  readonly speakers: MinimalSpeaker[] = [];

  private constructor(network: Network, namespace: string, daemon: OpenPe) {
    this.#network = network;
    this.#namespace = namespace;
    this.daemon = daemon;
  }

  /** Starts the daemon with this many neighbors, which do not connect yet. */
  static async start(neighbors: number): Promise<DaemonUnderLoad> {
    const network = new Network();
    const namespace = await network.addNamespace('load');
    const bound = `4096 65536 ${SOCKET_BUFFER}`;
    await runIn(namespace, 'sysctl', '-qw', `net.ipv4.tcp_rmem=${bound}`, `net.ipv4.tcp_wmem=${bound}`);
    const daemon = new OpenPe(
      { namespace, directory: network.directory },
      {
        as: DAEMON_AS,
        routerId: '10.255.0.1',
        routes: [],
        neighbors: Array.from({ length: neighbors }, (_, index) => ({
          address: addressOf(index),
          localAddress: '127.0.0.1',
          as: FIRST_PEER_AS + index,
          families: ['ipv4'],
          connects: false,
          isClient: false,
        })),
      },
    );
    const lab = new DaemonUnderLoad(network, namespace, daemon);
    try {
      await daemon.start();
    } catch (error) {
      await lab.remove();
      throw error;
    }
    return lab;
  }

  /** Brings up the session of the next neighbor. */
  async connect(
    settings: Omit<MinimalSpeakerSettings, 'namespace' | 'address' | 'as'>,
  ): Promise<MinimalSpeaker> {
    const index = this.speakers.length;
    const speaker = await MinimalSpeaker.open({
      ...settings,
      namespace: this.#namespace,
      address: addressOf(index),
      as: FIRST_PEER_AS + index,
    });
    this.speakers.push(speaker);
    return speaker;
  }

  /** A connection from the address of a neighbor by its number, or from any other one. */
  attack(from: number | string): Promise<RawConnection> {
    return RawConnection.open(this.#namespace, typeof from === 'number' ? addressOf(from) : from);
  }

  /** AS number of a neighbor. */
  asOf(index: number): number {
    return FIRST_PEER_AS + index;
  }

  /** The daemon's session with a neighbor. */
  session(index: number): Promise<SessionView> {
    return this.daemon.session(addressOf(index));
  }

  /** Resident memory of the daemon in bytes: now, and the most since it started. */
  memory(): { readonly now: number; readonly peak: number } {
    const status = readFileSync(`/proc/${this.daemon.pid}/status`, 'utf8');
    const field = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
    return { now: field('VmRSS'), peak: field('VmHWM') };
  }

  /**
   * The least memory that is resident, in bytes, in the next seconds, in which nothing should be sent: V8 collects
   * garbage then. What it had not collected before differs by 20 MB from run to run.
   */
  async memoryAtRest(): Promise<number> {
    let least = Number.POSITIVE_INFINITY;
    for (const end = performance.now() + REST_MILLISECONDS; performance.now() < end; ) {
      least = Math.min(least, this.memory().now);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return least;
  }

  /** Addresses of the peers whose session is not there any more, at either end. */
  async lostSessions(): Promise<string[]> {
    const sessions = await this.daemon.sessions();
    const dead = this.speakers.filter((speaker) => !speaker.alive).map(({ settings }) => settings.address);
    const used = sessions.slice(0, this.speakers.length);
    const down = used.filter(({ state }) => state !== 'Established').map(({ name }) => name);
    return [...dead, ...down];
  }

  /** Ends everything. */
  async remove(): Promise<void> {
    for (const speaker of this.speakers) speaker.close();
    await this.daemon.stop();
    this.#network.remove(false);
  }
}

function addressOf(index: number): string {
  return `127.0.1.${index + 1}`;
}
