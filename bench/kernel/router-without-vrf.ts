import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../bgp/session/clock.ts';
import { IPV4_UNICAST, L2VPN_EVPN } from '../../bgp/wire/family.ts';
import { Fib } from '../../dataplane/fib/fib.ts';
import { RouteSocket } from '../../dataplane/netlink/route-socket.ts';
import { systemCalls } from '../../dataplane/system-calls.ts';
import { parseAddress } from '../../net/address.ts';
import { networkOf, parsePrefix } from '../../net/prefix.ts';
import { loadConfiguration } from '../../src/config/load-configuration.ts';
import { createLogger } from '../../src/daemon/log.ts';
import { Router } from '../../src/daemon/router.ts';
import { SessionOpener } from '../../src/daemon/session-opener.ts';
import { warmUp } from '../../src/daemon/warm-up/warm-up.ts';
import { TcpTransport } from '../../src/transport/tcp-transport.ts';

/*
 * openpe-routerd for a kernel without VRF devices: the daemon's own router, sessions and FIB, with devices
 * that somebody else has made and the main table in the place of the VRF's. Nothing of what a route goes
 * through is another thing than in the daemon.
 *
 * node router-without-vrf.js CONFIGURATION NAMESPACE ADDRESS/LENGTH-OF-UNDERLAY
 */

const MAIN_TABLE = 254;

interface Link {
  readonly ifname: string;
  readonly ifindex: number;
}

const [path = '', namespace = '', subnet = ''] = process.argv.slice(2);
const log = createLogger({ level: 'info', format: 'text' });
const { configuration, findings } = loadConfiguration(path, { nodeIndex: 0 });
for (const { level, message } of findings) log.warn({ level }, message);
const { underlay } = configuration;
const own = parsePrefix(subnet);
const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
const vtep = parseAddress('100.65.0.0');
if (!underlay || !own || !vtep)
  throw new Error('router-without-vrf.js CONFIGURATION NAMESPACE ADDRESS/LENGTH');

const links = JSON.parse(execFileSync('ip', ['-n', namespace, '-j', 'link'], { encoding: 'utf8' })) as Link[];
const indexes = new Map(links.map(({ ifname, ifindex }) => [ifname, ifindex]));
const fib = new Fib({
  socket: RouteSocket.open(namespace),
  interfaceIndex: (name) => indexes.get(name),
  now: () => performance.now(),
});
const world = { namespace, listen: [], isRestarting: () => false, isPreserved: () => false };
const transport = new TcpTransport({ warn: (message) => log.warn(message) });
const opener = new SessionOpener({ transport, clock: systemClock, random: Math.random }, world, log);
const router = new Router({
  configuration: { ...configuration, underlay },
  world,
  clock: systemClock,
  openSession: (settings, events) => opener.open(settings, events),
  defer: setImmediate,
  events: { established: (peer) => log.info({ peer: peer.name }, 'session established') },
  kernel: {
    facts: {
      tableOf: () => MAIN_TABLE,
      routerMacOf: () => mac,
      connected: [{ device: 'toswitch1', prefix: networkOf(own) }],
      ownAddresses: [own.address, vtep],
      addressesBeside: () => [],
    },
    routes: fib,
    flushRoutes: () => {
      fib.flush().then(
        (failures) => {
          for (const failure of failures) log.error({ ...failure }, 'the kernel refused a route');
        },
        (error: unknown) => log.error({ err: error }, 'cannot hand routes to the kernel'),
      );
    },
  },
});
router.start();
log.info('started');
// As the daemon does, after its start and before the load.
await warmUp({
  clock: systemClock,
  families: [IPV4_UNICAST, L2VPN_EVPN],
  kernel: true,
  realWork: () => router.speaker.turns,
  isOver: () => false,
  pause: (milliseconds) => sleep(milliseconds),
});
systemCalls().trimMemory();
log.info('warmed up');
