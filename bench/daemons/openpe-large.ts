import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../bgp/session/clock.ts';
import { parseListenAddress, parseNodeIndex } from '../../src/cli/run-options.ts';
import { loadConfiguration } from '../../src/config/load-configuration.ts';
import type { Underlay } from '../../src/config/model.ts';
import { createLogger } from '../../src/daemon/log.ts';
import { Router } from '../../src/daemon/router.ts';
import { SessionOpener } from '../../src/daemon/session-opener.ts';
import { warmUp } from '../../src/daemon/warm-up/warm-up.ts';
import { TcpTransport } from '../../src/transport/tcp-transport.ts';

/*
 * openpe-routerd with more neighbors than one Underlay resource may have: the daemon's router, without its
 * control socket. Arguments: the node index, the IPv4 and the IPv6 address to listen on, then the files of
 * Underlays, whose neighbors are put together.
 */

const [index = '', ipv4 = '', ipv6 = '', ...files] = process.argv.slice(2);
const nodeIndex = parseNodeIndex(index);

function underlayOf(file: string): Underlay {
  const { configuration, findings } = loadConfiguration(file, { nodeIndex });
  if (!configuration.underlay) throw new TypeError(`${file}: ${findings[0]?.message ?? 'no Underlay'}`);
  return configuration.underlay;
}

const underlays = files.map(underlayOf);
const [first] = underlays;
if (!first) throw new TypeError('no Underlay is given');
const underlay: Underlay = { ...first, neighbors: underlays.flatMap(({ neighbors }) => neighbors) };

const log = createLogger({ level: 'warn', format: 'text' });
const world = {
  namespace: undefined,
  isRestarting: () => false,
  isPreserved: () => false,
  listen: [parseListenAddress(ipv4), parseListenAddress(ipv6)],
};
const transport = new TcpTransport({ warn: (message) => log.warn(message) });
const opener = new SessionOpener({ transport, clock: systemClock, random: Math.random }, world, log);
const nothing = (): undefined => undefined;
const router = new Router({
  configuration: { nodeIndex, l3vnis: [], underlay },
  world,
  clock: systemClock,
  openSession: (settings, events) => opener.open(settings, events),
  defer: setImmediate,
  events: {
    established: nothing,
    down: (peer, { reason }) => log.warn({ peer: peer.name, reason }, 'session down'),
    endOfRib: nothing,
    tolerated: nothing,
    unannounced: nothing,
    stateChanged: nothing,
  },
  kernel: undefined,
});
router.start();

/** As the daemon does. */
const WARM_UP_DELAY = 200;
const pause = (milliseconds: number): Promise<void> => sleep(milliseconds);
const families = [...new Set(router.speaker.peers.flatMap((peer) => peer.configuration.settings.families))];
void pause(WARM_UP_DELAY).then(() =>
  warmUp({
    clock: systemClock,
    families,
    kernel: false,
    realWork: () => router.speaker.turns,
    isOver: () => false,
    pause,
  }),
);
