import { accessSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../network/commands.ts';
import { DaemonProcess } from '../network/daemon-process.ts';
import { FRR_DAEMONS } from '../network/requirements.ts';
import type {
  EvpnSpeaker,
  FamilyWord,
  LabeledFamilyWord,
  Originator,
  OwnRoute,
  PathSpeaker,
  SeenEvpnRoute,
  SeenLabeledRoute,
  SeenRoute,
  SpeakerPlace,
  SpeakerSettings,
} from './speaker.ts';

const FAMILY_COMMANDS: Readonly<Record<FamilyWord, string>> = {
  ipv4: 'ipv4 unicast',
  ipv6: 'ipv6 unicast',
  evpn: 'l2vpn evpn',
  vpn4: 'ipv4 vpn',
  vpn6: 'ipv6 vpn',
  labeled4: 'ipv4 labeled-unicast',
  labeled6: 'ipv6 labeled-unicast',
};

const FAMILY_WORDS = Object.keys(FAMILY_COMMANDS) as readonly FamilyWord[];

interface FrrPath {
  readonly bestpath?: { readonly overall?: boolean };
  readonly peer?: { readonly peerId?: string };
  readonly aspath: { readonly string: string };
  readonly origin: string;
  readonly metric?: number;
  readonly locPrf?: number;
  readonly originatorId?: string;
  readonly clusterList?: { readonly list?: readonly string[] };
  readonly otc?: number;
  readonly community?: { readonly list?: readonly string[] };
  readonly nexthops: readonly { readonly ip: string; readonly scope?: string }[];
}

/** What FRR shows of an EVPN prefix; under each distinguisher there is also its text. */
type FrrEvpnEntry =
  | string
  | {
      readonly rd: string;
      readonly routeType: number;
      readonly ip: string;
      readonly ipLen: number;
      readonly paths: readonly (readonly FrrEvpnPath[])[];
    };

interface FrrEvpnPath extends FrrPath {
  readonly vni: string;
  readonly extendedCommunity: { readonly string: string };
}

interface FrrLabeledPath extends FrrPath {
  readonly remoteLabel?: number;
  readonly extendedCommunity?: { readonly string: string };
}

/**
 * FRR's bgpd alone: without zebra it takes every next hop for reachable and touches no kernel. Only neighbors by interface
 * take zebra, which advertises the router to them and hears of them.
 */
export class Frr implements Originator, EvpnSpeaker, PathSpeaker {
  readonly program = 'FRR';
  readonly #place: SpeakerPlace;
  readonly #settings: SpeakerSettings;
  #process: DaemonProcess | undefined;
  #bfd: DaemonProcess | undefined;
  #bfdHome: string | undefined;
  #zebra: DaemonProcess | undefined;
  #zebraHome: string | undefined;

  constructor(place: SpeakerPlace, settings: SpeakerSettings) {
    this.#place = place;
    this.#settings = settings;
  }

  async start(): Promise<void> {
    const { namespace, directory } = this.#place;
    const file = join(directory, 'bgpd.conf');
    writeFileSync(file, configurationText(this.#settings));
    const places = ['--vty_socket', directory, '-i', join(directory, 'bgpd.pid'), '-f', file];
    const noPrivileges = ['-S', '-A', '127.0.0.1', '-P', '0'];
    const byInterface = this.#settings.neighbors.some(({ linkLocal }) => linkLocal !== undefined);
    const zebra = byInterface ? ['-z', await this.#startZebra()] : ['--no_zebra', '--no_kernel'];
    const args = [...zebra, ...noPrivileges, ...places, '--log', 'stdout'];
    this.#process = new DaemonProcess(namespace, join(directory, 'bgpd.log'), `${FRR_DAEMONS}/bgpd`, ...args);
    await this.#process.answers('FRR', () => this.#vtysh('show bgp summary json'));
    if (this.#settings.neighbors.some(({ bfd }) => bfd)) await this.#startBfd();
  }

  /** Gives the path of its socket. It always runs as the user frr, and needs a place of its own. */
  async #startZebra(): Promise<string> {
    const { namespace, directory } = this.#place;
    const home = mkdtempSync(join(tmpdir(), 'openpe-interop-zebra-'));
    this.#zebraHome = home;
    await run('chown', 'frr:frr', home);
    const socket = join(home, 'zserv.api');
    const places = ['--vty_socket', home, '-i', join(home, 'zebra.pid'), '-z', socket, '-f', '/dev/null'];
    const args = ['-A', '127.0.0.1', '-P', '0', ...places, '--log', 'stdout'];
    this.#zebra = new DaemonProcess(namespace, join(directory, 'zebra.log'), `${FRR_DAEMONS}/zebra`, ...args);
    await this.#zebra.answers('zebra', async () => accessSync(socket));
    return socket;
  }

  /** By itself, without zebra: bgpd could only hear of it through that. It always runs as the user frr, and needs a place of its own. */
  async #startBfd(): Promise<void> {
    const { namespace, directory } = this.#place;
    const home = mkdtempSync(join(tmpdir(), 'openpe-interop-bfdd-'));
    this.#bfdHome = home;
    const file = join(home, 'bfdd.conf');
    writeFileSync(file, bfdText(this.#settings));
    await run('chown', '-R', 'frr:frr', home);
    const places = ['--vty_socket', home, '-i', join(home, 'bfdd.pid'), '-f', file];
    const zebra = this.#zebraHome ?? home;
    const sockets = ['--bfdctl', join(home, 'bfdd.sock'), '-z', join(zebra, 'zserv.api')];
    const args = ['-A', '127.0.0.1', '-P', '0', ...places, ...sockets, '--log', 'stdout'];
    this.#bfd = new DaemonProcess(namespace, join(directory, 'bfdd.log'), `${FRR_DAEMONS}/bfdd`, ...args);
    await this.#bfd.answers('bfdd', () => this.#bfdPeers());
  }

  async #bfdPeers(): Promise<readonly { readonly peer: string; readonly status: string }[]> {
    const text = await this.#bfdVtysh('show bfd peers json');
    return JSON.parse(text) as readonly { readonly peer: string; readonly status: string }[];
  }

  #bfdVtysh(...commands: readonly string[]): Promise<string> {
    const args = commands.flatMap((command) => ['-c', command]);
    return run('vtysh', '--vty_socket', this.#bfdHome ?? '', '-d', 'bfdd', ...args);
  }

  /** State of its BFD session with a neighbor. */
  async bfdState(neighbor: string): Promise<string> {
    return (await this.#bfdPeers()).find(({ peer }) => peer === neighbor)?.status ?? 'none';
  }

  /** Makes BFD silent, and nothing else. */
  freezeBfd(): void {
    this.#bfd?.freeze();
  }

  thawBfd(): void {
    this.#bfd?.thaw();
  }

  /** Changes the intervals of a BFD session while it runs. */
  async setBfdInterval(neighbor: string, localAddress: string, milliseconds: number): Promise<void> {
    await this.#bfdVtysh(
      'configure terminal',
      'bfd',
      `peer ${neighbor} local-address ${localAddress}`,
      `transmit-interval ${milliseconds}`,
      `receive-interval ${milliseconds}`,
    );
  }

  /** Ends the BFD session with a neighbor on purpose, and tells the neighbor. */
  async shutDownBfd(neighbor: string, localAddress: string): Promise<void> {
    await this.#bfdVtysh(
      'configure terminal',
      'bfd',
      `peer ${neighbor} local-address ${localAddress}`,
      'shutdown',
    );
  }

  async stop(): Promise<void> {
    await Promise.all([this.#process?.stop(), this.#bfd?.stop(), this.#zebra?.stop()]);
    this.#removeHomes();
  }

  async kill(): Promise<void> {
    await Promise.all([this.#process?.kill(), this.#bfd?.kill(), this.#zebra?.kill()]);
    this.#removeHomes();
  }

  #removeHomes(): void {
    for (const home of [this.#bfdHome, this.#zebraHome]) {
      if (home !== undefined) rmSync(home, { recursive: true, force: true });
    }
  }

  freeze(): void {
    this.#process?.freeze();
  }

  log(): string {
    return this.#process?.log().replace(/^.*sendmsg_nexthop: zclient_send_message\(\) failed\n/gm, '') ?? '';
  }

  #vtysh(...commands: readonly string[]): Promise<string> {
    const args = commands.flatMap((command) => ['-c', command]);
    return run('vtysh', '--vty_socket', this.#place.directory, '-d', 'bgpd', ...args);
  }

  async #show<T>(command: string): Promise<T> {
    return JSON.parse(await this.#vtysh(`show ${command} json`)) as T;
  }

  async established(neighbor: string): Promise<boolean> {
    type Neighbors = Readonly<Record<string, { readonly bgpState?: string }>>;
    const neighbors = await this.#show<Neighbors>(`bgp neighbors ${neighbor}`);
    return neighbors[neighbor]?.bgpState === 'Established';
  }

  async prefixes(family: 'ipv4' | 'ipv6'): Promise<ReadonlySet<string>> {
    type Table = { readonly routes: Readonly<Record<string, unknown>> };
    return new Set(Object.keys((await this.#show<Table>(`bgp ${FAMILY_COMMANDS[family]}`)).routes));
  }

  async route(family: 'ipv4' | 'ipv6', prefix: string): Promise<SeenRoute | undefined> {
    type Entry = { readonly paths?: readonly FrrPath[] };
    const { paths = [] } = await this.#show<Entry>(`bgp ${FAMILY_COMMANDS[family]} ${prefix}`);
    const best = paths.find((path) => path.bestpath?.overall);
    if (!best) return undefined;
    const nextHop = best.nexthops.find(({ scope }) => scope !== 'link-local') ?? best.nexthops[0];
    return {
      prefix,
      nextHop: nextHop?.ip ?? '',
      asPath: best.aspath.string === 'Local' ? '' : best.aspath.string,
      origin: best.origin.toLowerCase() as SeenRoute['origin'],
      communities: best.community?.list ?? [],
      ...(best.otc !== undefined && { onlyToCustomer: best.otc }),
      ...(best.metric !== undefined && { med: best.metric }),
      ...(best.locPrf !== undefined && { localPref: best.locPrf }),
      ...(best.originatorId !== undefined && { originator: best.originatorId }),
      ...(best.clusterList?.list && { clusters: best.clusterList.list }),
    };
  }

  async pathsFrom(family: 'ipv4' | 'ipv6', prefix: string, neighbor: string): Promise<readonly string[]> {
    type Entry = { readonly paths?: readonly FrrPath[] };
    const { paths = [] } = await this.#show<Entry>(`bgp ${FAMILY_COMMANDS[family]} ${prefix}`);
    return paths.filter(({ peer }) => peer?.peerId === neighbor).map(({ aspath }) => aspath.string);
  }

  /** The best route with labels for a prefix; `rd` is empty where the family has none. */
  async labeledRoute(
    family: LabeledFamilyWord,
    prefix: string,
    rd: string,
  ): Promise<SeenLabeledRoute | undefined> {
    type Entry = { readonly paths?: readonly FrrLabeledPath[] };
    const shown = await this.#show<Entry & Record<string, Entry>>(`bgp ${FAMILY_COMMANDS[family]} ${prefix}`);
    const best = ((rd === '' ? shown : shown[rd])?.paths ?? []).find((path) => path.bestpath?.overall);
    if (!best) return undefined;
    const communities = best.extendedCommunity?.string.split(' ') ?? [];
    return {
      prefix,
      label: best.remoteLabel ?? -1,
      nextHop: best.nexthops[0]?.ip ?? '',
      asPath: best.aspath.string,
      routeTargets: communities.filter((text) => text.startsWith('RT:')).map((text) => text.slice(3)),
    };
  }

  async evpnRoutes(): Promise<readonly SeenEvpnRoute[]> {
    type Table = Readonly<Record<string, Readonly<Record<string, FrrEvpnEntry>> | number>>;
    const table = await this.#show<Table>('bgp l2vpn evpn route detail');
    return Object.values(table).flatMap((routes) =>
      typeof routes === 'number' ? [] : Object.values(routes).flatMap((entry) => evpnRouteOf(entry)),
    );
  }

  announce(route: OwnRoute): Promise<void> {
    return this.#configure([...routeMapOf(route), ...this.#networkOf(route, '')]);
  }

  withdraw(route: OwnRoute): Promise<void> {
    return this.#configure(this.#networkOf(route, 'no '));
  }

  #networkOf(route: OwnRoute, prefix: string): string[] {
    return [
      `router bgp ${this.#settings.as}`,
      `address-family ${FAMILY_COMMANDS[route.family]}`,
      prefix + networkOf(route),
    ];
  }

  async #configure(commands: readonly string[]): Promise<void> {
    await this.#vtysh('configure terminal', ...commands);
  }

  /** Ends a session with Administrative Shutdown and a text (RFC 9003). */
  async shutDown(neighbor: string, text: string): Promise<void> {
    await this.#configure([
      `router bgp ${this.#settings.as}`,
      `neighbor ${neighbor} shutdown message ${text}`,
    ]);
  }

  /** Announces all its routes with GRACEFUL_SHUTDOWN (RFC 8326). */
  leave(): Promise<void> {
    return this.#configure([`router bgp ${this.#settings.as}`, 'bgp graceful-shutdown']);
  }

  /** Why a session last ended, in FRR's words. */
  async lastReset(neighbor: string): Promise<string> {
    type Neighbors = Readonly<Record<string, { readonly lastNotificationReason?: string }>>;
    const neighbors = await this.#show<Neighbors>(`bgp neighbors ${neighbor}`);
    return neighbors[neighbor]?.lastNotificationReason ?? '';
  }

  async reset(neighbor: string): Promise<void> {
    await this.#vtysh(`clear bgp ${neighbor}`);
  }
}

function evpnRouteOf(entry: FrrEvpnEntry): SeenEvpnRoute[] {
  if (typeof entry === 'string' || entry.routeType !== 5) return [];
  const best = entry.paths.flat().find((path) => path.bestpath?.overall);
  if (!best) return [];
  const communities = best.extendedCommunity.string.split(' ');
  const valuesOf = (label: string): string[] =>
    communities.filter((text) => text.startsWith(label)).map((text) => text.slice(label.length));
  return [
    {
      prefix: `${entry.ip}/${entry.ipLen}`,
      rd: entry.rd,
      nextHop: best.nexthops[0]?.ip ?? '',
      asPath: best.aspath.string,
      vni: Number(best.vni),
      routeTargets: valuesOf('RT:'),
      routerMac: valuesOf('Rmac:')[0] ?? '',
    },
  ];
}

/** Name of the route map that sets a route's attributes. */
function routeMapName({ communities = [], med }: OwnRoute): string {
  return ['set', ...communities, med ?? 'none'].join('-');
}

function networkOf(route: OwnRoute): string {
  return `network ${route.prefix} route-map ${routeMapName(route)}`;
}

function routeMapOf(route: OwnRoute): string[] {
  const lines = [`route-map ${routeMapName(route)} permit 10`];
  if (route.communities?.length) lines.push(`set community ${route.communities.join(' ')}`);
  if (route.med !== undefined) lines.push(`set metric ${route.med}`);
  return [...lines, 'exit'];
}

function configurationText({
  as,
  routerId,
  neighbors,
  routes,
  gracefulRestart,
  longLived,
}: SpeakerSettings): string {
  const sessions = neighbors.flatMap((neighbor) => {
    const {
      address,
      localAddress,
      as: remoteAs,
      connects,
      password,
      multiHop,
      gtsm,
      linkLocal,
      bfd,
      role,
    } = neighbor;
    const plain = [
      `neighbor ${address} remote-as ${remoteAs}`,
      `neighbor ${address} update-source ${localAddress}`,
    ];
    return [
      ...(linkLocal === undefined ? plain : [`neighbor ${address} interface remote-as ${remoteAs}`]),
      `neighbor ${address} timers connect 1`,
      `neighbor ${address} advertisement-interval 0`,
      ...(connects ? [] : [`neighbor ${address} passive`]),
      ...(password === undefined ? [] : [`neighbor ${address} password ${password}`]),
      ...(multiHop ? [`neighbor ${address} ebgp-multihop 2`] : []),
      ...(linkLocal !== undefined && bfd
        ? [`neighbor ${address} bfd ${bfd.multiplier} ${bfd.interval} ${bfd.interval}`]
        : []),
      ...(gtsm ? [`neighbor ${address} ttl-security hops 1`] : []),
      ...(role ? [`neighbor ${address} local-role ${role.local}${role.strict ? ' strict-mode' : ''}`] : []),
    ];
  });
  const families = FAMILY_WORDS.flatMap((family) => [
    `address-family ${FAMILY_COMMANDS[family]}`,
    ...neighbors
      .filter((one) => one.families.includes(family))
      .flatMap(({ address, limit, addPath }) => [
        `neighbor ${address} activate`,
        ...(limit ? [`neighbor ${address} maximum-prefix ${limit.limit}`] : []),
        ...(addPath ? [`neighbor ${address} addpath-tx-all-paths`] : []),
      ]),
    ...routes.filter((route) => route.family === family).map(networkOf),
    'exit-address-family',
  ]);
  const maps = new Map(routes.map((route) => [routeMapName(route), routeMapOf(route)]));
  return `${[
    ...[...maps.values()].flat(),
    `router bgp ${as}`,
    `bgp router-id ${routerId}`,
    'no bgp ebgp-requires-policy',
    'no bgp network import-check',
    'no bgp default ipv4-unicast',
    'timers bgp 3 9',
    ...(gracefulRestart ? ['bgp graceful-restart', 'bgp graceful-restart preserve-fw-state'] : []),
    ...(longLived
      ? [
          `bgp graceful-restart restart-time ${longLived.restartSeconds}`,
          `bgp long-lived-graceful-restart stale-time ${longLived.staleSeconds}`,
        ]
      : []),
    ...sessions,
    ...families,
  ].join('\n')}\n`;
}

function bfdText({ neighbors }: SpeakerSettings): string {
  const peers = neighbors.flatMap(({ address, localAddress, bfd, multiHop, linkLocal }) =>
    // Those on interfaces come from bgpd.
    bfd && linkLocal === undefined
      ? [
          ` peer ${address} ${multiHop ? 'multihop ' : ''}local-address ${localAddress}`,
          `  detect-multiplier ${bfd.multiplier}`,
          `  receive-interval ${bfd.interval}`,
          `  transmit-interval ${bfd.interval}`,
          '  no shutdown',
          ' exit',
        ]
      : [],
  );
  return `${['bfd', ...peers, 'exit'].join('\n')}\n`;
}
