import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '../bgp/session/clock.ts';
import { PeerDirectory } from '../bgp/session/peer-directory.ts';
import { Session } from '../bgp/session/session.ts';
import type { PeerSettings, SessionEvents } from '../bgp/session/session-events.ts';
import { IPV4_UNICAST } from '../bgp/wire/family.ts';
import { type IpAddress, parseAddress } from '../net/address.ts';
import { TcpTransport } from '../src/transport/tcp-transport.ts';
import { median } from './report/statistics.ts';

/*
 * From the start of the daemon's process to its first session Established, on loopback, with a peer that
 * waits for it and answers at once. ROUNDS (default 9) starts; also the memory of the idle daemon, and what
 * Node.js takes that has nothing to do: no daemon on it can be below that.
 */

const ROUNDS = Number(process.env.ROUNDS ?? 9);
const PEER_PORT = 11790;
const OWN_PORT = 11791;

const ADDRESSES = { own: loopback('127.0.0.1'), peer: loopback('127.0.0.2') };

function loopback(text: string): IpAddress {
  const address = parseAddress(text);
  if (!address) throw new TypeError(`${text} is no address`);
  return address;
}

/** The configuration of the daemon: one neighbor, the waiting peer. */
const UNDERLAY = `apiVersion: network.openperouter.io/v1alpha1
kind: Underlay
metadata:
  name: startup
spec:
  asn: 65000
  interfaces:
    - type: NetworkDevice
      networkDevice:
        interfaceName: lo
  neighbors:
    - asn: 65001
      address: 127.0.0.2
      port: ${PEER_PORT}
`;

const PEER_SETTINGS: PeerSettings = {
  name: 'daemon',
  remoteAddress: ADDRESSES.own,
  remotePort: OWN_PORT,
  localAddress: ADDRESSES.peer,
  localAs: 65001,
  remoteAs: 65000,
  routerId: 0x0a000002,
  holdTime: 90,
  keepaliveTime: 30,
  connectRetryTime: 3600,
  passive: true,
  families: [IPV4_UNICAST],
  socket: {},
};

/** Milliseconds after which the memory is looked at. */
const SETTLING_TIME = 1000;

/** One start: milliseconds until what was waited for, and the process's memory in MB a second later. */
interface Start {
  readonly milliseconds: number;
  readonly memory: Memory;
}

/** Memory of a process in MB. Pages of files, which are Node.js itself, are shared with other processes. */
interface Memory {
  readonly resident: number;
  readonly ofFiles: number;
}

/** Waits for the daemon's connection and tells when the session stands. */
function expectSession(established: () => void): { close(): void; ready: Promise<void> } {
  const environment = { transport: new TcpTransport(), clock: systemClock, random: Math.random };
  const directory = new PeerDirectory(environment.transport, systemClock);
  const nothing = (): undefined => undefined;
  const events: SessionEvents = {
    established,
    update: nothing,
    routeRefresh: nothing,
    readComplete: nothing,
    writable: nothing,
    down: nothing,
    stateChanged: nothing,
  };
  const session = new Session(PEER_SETTINGS, events, environment);
  session.start();
  const ready = directory.add(session, { address: ADDRESSES.peer, port: PEER_PORT });
  return {
    ready,
    close: () => {
      session.stop(2, 'measured');
      directory.remove(session);
    },
  };
}

/** With the Node.js that runs this before any other. */
function ownPath(): string {
  return `${dirname(process.execPath)}:${process.env.PATH ?? ''}`;
}

async function measureOnce(directory: string): Promise<Start> {
  let established = (): void => {};
  const reached = new Promise<void>((resolve) => {
    established = resolve;
  });
  const peer = expectSession(() => established());
  await peer.ready;
  const program = new URL('../../../bin/openpe-routerd', import.meta.url).pathname;
  const begin = performance.now();
  const daemon = spawn(
    program,
    [
      ...['--config', join(directory, 'underlay.yaml')],
      ...['--node-index', '0', '--dataplane', 'none', '--log-level', 'error'],
      ...['--bgp-listen', `127.0.0.1:${OWN_PORT}`, '--control', join(directory, 'control.sock')],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, PATH: ownPath() } },
  );
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  await Promise.race([reached, ended.then(() => Promise.reject(new Error('the daemon ended')))]);
  const milliseconds = performance.now() - begin;
  const memory = await settledMemory(daemon);
  daemon.kill('SIGTERM');
  await ended;
  peer.close();
  return { milliseconds, memory };
}

/** `node -e 0`, and the memory of a Node.js that waits. */
async function measureBareNode(): Promise<Start> {
  const begin = performance.now();
  await new Promise((resolve) => spawn(process.execPath, ['-e', '0']).once('exit', resolve));
  const milliseconds = performance.now() - begin;
  const waiting = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
  const memory = await settledMemory(waiting);
  waiting.kill();
  await new Promise((resolve) => waiting.once('exit', resolve));
  return { milliseconds, memory };
}

async function settledMemory({ pid }: ChildProcess): Promise<Memory> {
  await new Promise((resolve) => setTimeout(resolve, SETTLING_TIME));
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name: string): number =>
    Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? Number.NaN) / 1000;
  return { resident: megabytes('VmRSS'), ofFiles: megabytes('RssFile') };
}

function report(what: string, starts: readonly Start[]): void {
  const times = starts.map(({ milliseconds }) => milliseconds);
  const [least, most] = [Math.min(...times), Math.max(...times)].map((time) => time.toFixed(0));
  const resident = median(starts.map(({ memory }) => memory.resident)).toFixed(1);
  const ofFiles = median(starts.map(({ memory }) => memory.ofFiles)).toFixed(1);
  process.stdout.write(
    `${what}: median ${median(times).toFixed(0)} ms, best ${least}, worst ${most} (${starts.length} starts); ` +
      `idle: ${resident} MB resident, of it ${ofFiles} MB pages of files\n`,
  );
}

const directory = mkdtempSync(join(tmpdir(), 'openpe-startup-'));
try {
  writeFileSync(join(directory, 'underlay.yaml'), UNDERLAY);
  const starts: Start[] = [];
  const bare: Start[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    starts.push(await measureOnce(directory));
    bare.push(await measureBareNode());
  }
  report('process start to Established', starts);
  report('bare Node.js, start to end', bare);
} finally {
  rmSync(directory, { recursive: true });
}
