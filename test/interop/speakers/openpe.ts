import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PathView, RouteView, SessionView, StatusView } from '../../../src/control/view.ts';
import { run } from '../network/commands.ts';
import { DaemonProcess } from '../network/daemon-process.ts';
import { DaemonSpeaker } from './daemon-speaker.ts';
import type {
  EvpnSpeaker,
  FamilyWord,
  LabeledFamilyWord,
  LongLivedTimes,
  NeighborSettings,
  PathSpeaker,
  PrefixLimit,
  SeenEvpnRoute,
  SeenRoute,
  SpeakerPlace,
  SpeakerSettings,
} from './speaker.ts';

const FAMILY_TYPES: Readonly<Record<FamilyWord, string>> = {
  ipv4: 'ipv4unicast',
  ipv6: 'ipv6unicast',
  evpn: 'evpn',
  vpn4: 'ipv4vpn',
  vpn6: 'ipv6vpn',
  labeled4: 'ipv4labeledunicast',
  labeled6: 'ipv6labeledunicast',
};

/** The same as the API calls them. */
const LABELED_FAMILIES: Readonly<Record<LabeledFamilyWord, string>> = {
  vpn4: 'vpnv4-unicast',
  vpn6: 'vpnv6-unicast',
  labeled4: 'ipv4-labeled-unicast',
  labeled6: 'ipv6-labeled-unicast',
};

const ROLE_WORDS = { provider: 'Provider', customer: 'Customer', peer: 'Peer' } as const;

/** Nobody listens there, so that connecting leads nowhere and the peer has to do it. */
const CLOSED_PORT = 1;

/** openpe-routerd without a data plane: a router between its neighbors. It originates nothing. */
export class OpenPe extends DaemonSpeaker implements EvpnSpeaker, PathSpeaker {
  readonly program = 'openpe-routerd';
  readonly #control: string;

  constructor(place: SpeakerPlace, settings: SpeakerSettings) {
    super(place, settings);
    this.#control = join(place.directory, 'control.sock');
  }

  async start(): Promise<void> {
    if (!existsSync('dist/openpe-routerd.cjs')) throw new Error('openpe-routerd is not built: make build');
    const { namespace, directory } = this.place;
    const file = join(directory, 'underlay.yaml');
    writeFileSync(file, JSON.stringify(underlayResource(this.settings), undefined, 2));
    const listen = ['--bgp-listen', '0.0.0.0:179', '--bgp-listen', '[::]:179'];
    const node = ['--config', file, '--node-index', '0', '--dataplane', 'none'];
    const args = [...node, ...listen, '--control', this.#control];
    const log = join(directory, 'openpe-routerd.log');
    this.process = new DaemonProcess(namespace, log, process.execPath, 'bin/openpe-routerd', 'run', ...args);
    await this.process.answers('openpe-routerd', () => this.control('status'));
  }

  /** Exit status of the process; undefined while it runs and when a signal ended it. */
  get exitStatus(): number | undefined {
    return this.process?.exitStatus;
  }

  thaw(): void {
    this.process?.thaw();
  }

  /** Id of its process; throws when it was not started. */
  get pid(): number {
    const pid = this.process?.pid;
    if (pid === undefined) throw new Error('openpe-routerd was not started');
    return pid;
  }

  /** Runs `openpe-routerctl … -o json`. */
  control(...args: readonly string[]): Promise<string> {
    const options = ['-o', 'json', '--control', this.#control];
    return run(process.execPath, 'bin/openpe-routerctl', ...args, ...options);
  }

  /** Takes it out of service: see `openpe-routerctl drain`. */
  async drain(seconds: number): Promise<void> {
    await this.control('drain', '--seconds', String(seconds));
  }

  /** Ends a session and lets it come back: see `openpe-routerctl clear`. */
  async clear(session: string): Promise<void> {
    await this.control('clear', session);
  }

  async sessions(): Promise<readonly SessionView[]> {
    return JSON.parse(await this.control('sessions')) as readonly SessionView[];
  }

  /** Connections of strangers that it has refused. */
  async refusedConnections(): Promise<number> {
    return (JSON.parse(await this.control('status')) as StatusView).sessions.refusedConnections;
  }

  /** The session with a neighbor, by its address or the interface that it is on. */
  async session(neighbor: string): Promise<SessionView> {
    const isMeant = (view: SessionView) => (view.interface ?? view.peerAddress) === neighbor;
    const session = (await this.sessions()).find(isMeant);
    if (!session) throw new Error(`openpe-routerd has no session with ${neighbor}`);
    return session;
  }

  async established(neighbor: string): Promise<boolean> {
    return (await this.session(neighbor)).state === 'Established';
  }

  async #routes(...args: readonly string[]): Promise<readonly RouteView[]> {
    return JSON.parse(await this.control('routes', ...args)) as readonly RouteView[];
  }

  /** All routes of a family with labels. */
  labeledRoutes(family: LabeledFamilyWord): Promise<readonly RouteView[]> {
    return this.#routes('--family', LABELED_FAMILIES[family]);
  }

  async prefixes(family: 'ipv4' | 'ipv6'): Promise<ReadonlySet<string>> {
    return new Set((await this.#routes('--family', family)).map(({ prefix }) => prefix));
  }

  async route(family: 'ipv4' | 'ipv6', prefix: string): Promise<SeenRoute | undefined> {
    const [route] = await this.#routes(prefix, '--family', family);
    const best = route?.paths.find((path) => path.best);
    if (!best) return undefined;
    const { onlyToCustomer } = best;
    const { nextHop = '', asPath, origin, communities, med, localPref } = best;
    return {
      prefix,
      nextHop,
      asPath,
      origin,
      communities,
      ...(onlyToCustomer !== undefined && { onlyToCustomer }),
      ...(med !== undefined && { med }),
      ...(localPref !== undefined && { localPref }),
    };
  }

  async pathsFrom(family: 'ipv4' | 'ipv6', prefix: string, neighbor: string): Promise<readonly string[]> {
    const [route] = await this.#routes(prefix, '--family', family);
    return (route?.paths ?? []).filter(({ source }) => source === neighbor).map(({ asPath }) => asPath);
  }

  /** All paths of an IPv4 route, the best one first. */
  async paths(prefix: string): Promise<readonly PathView[]> {
    const [route] = await this.#routes(prefix, '--family', 'ipv4');
    return route?.paths ?? [];
  }

  /** Names of the sessions that gave an IPv4 route, the best one first. */
  async pathSources(prefix: string): Promise<readonly string[]> {
    const [route] = await this.#routes(prefix, '--family', 'ipv4');
    return (route?.paths ?? []).map(({ source }) => source);
  }

  /** Why the paths of an IPv4 route that are not best lost, in the order in which they are shown. */
  async lostBy(prefix: string): Promise<readonly (string | undefined)[]> {
    const [route] = await this.#routes(prefix, '--family', 'ipv4');
    return (route?.paths ?? []).filter(({ best }) => !best).map(({ lostBy }) => lostBy);
  }

  async evpnRoutes(): Promise<readonly SeenEvpnRoute[]> {
    return (await this.#routes('--family', 'evpn')).flatMap((route) => evpnRouteOf(route));
  }

  /** All paths of the route to a MAC address, the best one first. */
  async macPaths(mac: string): Promise<readonly PathView[]> {
    const routes = await this.#routes('--family', 'evpn');
    return routes.find(({ prefix }) => prefix.startsWith('[2]:') && prefix.includes(`[${mac}]`))?.paths ?? [];
  }

  /** There is no command that resets a session: the process starts again, which resets all. */
  async reset(): Promise<void> {
    await this.stop();
    await this.start();
  }
}

function evpnRouteOf(route: RouteView): SeenEvpnRoute[] {
  const best = route.paths.find((path) => path.best);
  const [, length, address] = /^\[5\]:\[\d+\]:\[(\d+)\]:\[([^\]]+)\]/.exec(route.prefix) ?? [];
  if (!best || address === undefined) return [];
  const valuesOf = (label: string): string[] =>
    best.extendedCommunities.filter((text) => text.startsWith(label)).map((text) => text.slice(label.length));
  return [
    {
      prefix: `${address}/${length}`,
      rd: route.rd ?? '',
      nextHop: best.nextHop ?? '',
      asPath: best.asPath,
      vni: best.vni ?? -1,
      routeTargets: valuesOf('rt:'),
      routerMac: valuesOf('router-mac:')[0] ?? '',
    },
  ];
}

function underlayResource({
  as,
  routerId,
  neighbors,
  clusterId,
  gracefulRestart,
  longLived,
}: SpeakerSettings): unknown {
  return {
    apiVersion: 'network.openperouter.io/v1alpha1',
    kind: 'Underlay',
    metadata: { name: 'underlay', namespace: 'interop' },
    spec: {
      asn: as,
      ...(gracefulRestart && { gracefulRestart: { restartTimeSeconds: 30 } }),
      ...(clusterId !== undefined && { routeReflector: { clusterID: clusterId } }),
      // The identifier is the network's element with the number node index + 1.
      routerIDCIDR: `${routerId.replace(/\.1$/, '.0')}/24`,
      interfaces: [{ type: 'NetworkDevice', networkDevice: { interfaceName: 'eth0' } }],
      neighbors: neighbors.map((neighbor) => neighborResource(as, neighbor, longLived)),
    },
  };
}

function longLivedProperty({ staleSeconds }: LongLivedTimes): unknown {
  const settings = { maxStaleTimeSeconds: staleSeconds };
  return { type: 'longLivedGracefulRestart', longLivedGracefulRestart: settings };
}

function addPathProperty(bestPaths: number | undefined): unknown {
  const addPath = bestPaths === undefined ? { send: 'All' } : { send: 'Best', paths: bestPaths };
  return { type: 'addPath', addPath };
}

function limitSettings({ limit, restartSeconds }: PrefixLimit): unknown {
  return { limit, ...(restartSeconds !== undefined && { action: 'Restart', restartSeconds }) };
}

function neighborResource(
  localAs: number,
  neighbor: NeighborSettings,
  longLived: LongLivedTimes | undefined,
): unknown {
  const { address, listenRange, as, families, connects, password, isClient } = neighbor;
  const { bfd, multiHop, gtsm, limit, addPath, bestPaths, linkLocal, role } = neighbor;
  const properties = [
    ...(isClient ? [{ type: 'routeReflectorClient' }] : []),
    ...(limit ? [{ type: 'maximumPrefixes', maximumPrefixes: limitSettings(limit) }] : []),
    ...(longLived ? [longLivedProperty(longLived)] : []),
    ...(addPath ? [addPathProperty(bestPaths)] : []),
  ];
  const peer = linkLocal === undefined ? { address } : { interface: address };
  return {
    ...(listenRange === undefined ? peer : { listenRange }),
    ...(as === localAs ? { type: 'Internal' } : { asn: as }),
    properties: [
      ...(multiHop ? [{ type: 'ebgpMultiHop', ebgpMultiHop: { ttl: 2 } }] : []),
      ...(gtsm ? [{ type: 'gtsm' }] : []),
      ...(role ? [{ type: 'role', role: { ...role, local: ROLE_WORDS[role.local] } }] : []),
    ],
    ...(!connects && { port: CLOSED_PORT }),
    ...(password !== undefined && { password }),
    ...(bfd && {
      bfd: {
        receiveInterval: bfd.interval,
        transmitInterval: bfd.interval,
        detectMultiplier: bfd.multiplier,
        ...(bfd.minimumTtl !== undefined && { minimumTTL: bfd.minimumTtl }),
      },
    }),
    holdTimeSeconds: 9,
    keepaliveTimeSeconds: 3,
    connectTimeSeconds: 1,
    addressFamilies: families.map((family) => ({
      type: FAMILY_TYPES[family],
      ...(properties.length > 0 && { properties }),
    })),
  };
}
