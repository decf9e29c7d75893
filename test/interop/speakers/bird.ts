import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandFailed, run, runIn } from '../network/commands.ts';
import { DaemonProcess } from '../network/daemon-process.ts';
import { DaemonSpeaker } from './daemon-speaker.ts';
import type {
  FamilyWord,
  LabeledFamilyWord,
  NeighborSettings,
  Originator,
  OwnRoute,
  PathSpeaker,
  SeenLabeledRoute,
  SeenRoute,
  SpeakerPlace,
  SpeakerSettings,
} from './speaker.ts';

/** BIRD 2. It has no EVPN. */
export class Bird extends DaemonSpeaker implements Originator, PathSpeaker {
  readonly program = 'BIRD';
  #routes: readonly OwnRoute[];

  constructor(place: SpeakerPlace, settings: SpeakerSettings) {
    super(place, settings);
    this.#routes = settings.routes;
  }

  get #configurationFile(): string {
    return join(this.place.directory, 'bird.conf');
  }

  get #socket(): string {
    return join(this.place.directory, 'bird.ctl');
  }

  async start(): Promise<void> {
    this.#writeConfiguration();
    const { namespace, directory } = this.place;
    const args = ['-f', '-c', this.#configurationFile, '-s', this.#socket, '-P', join(directory, 'bird.pid')];
    this.process = new DaemonProcess(namespace, join(directory, 'bird.log'), 'bird', ...args);
    await this.process.answers('BIRD', () => this.#birdc('show', 'status'));
  }

  #writeConfiguration(): void {
    writeFileSync(this.#configurationFile, configurationText(this.settings, this.#routes));
  }

  #birdc(...words: readonly string[]): Promise<string> {
    return run('birdc', '-s', this.#socket, ...words);
  }

  async established(neighbor: string): Promise<boolean> {
    return /^BGP state: +Established/m.test(
      (await this.#birdc('show', 'protocols', 'all', this.#protocol(neighbor))).replace(/^ +/gm, ''),
    );
  }

  /** State of its BFD session with a neighbor. */
  async bfdState(neighbor: string): Promise<string> {
    const text = await this.#birdc('show', 'bfd', 'sessions');
    const row = text.split('\n').find((line) => line.startsWith(`${neighbor} `));
    return row?.split(/\s+/)[2]?.toLowerCase() ?? 'none';
  }

  #protocol(neighbor: string): string {
    return `peer${this.settings.neighbors.findIndex(({ address }) => address === neighbor)}`;
  }

  async prefixes(family: 'ipv4' | 'ipv6'): Promise<ReadonlySet<string>> {
    const text = await this.#birdc('show', 'route', 'table', TABLES[family], 'primary');
    return new Set(text.match(/^[0-9a-f.:]+\/\d+/gm));
  }

  async route(family: 'ipv4' | 'ipv6', prefix: string): Promise<SeenRoute | undefined> {
    const text = await this.#showRoute('show', 'route', prefix, 'table', TABLES[family], 'primary', 'all');
    const attribute = (name: string): string | undefined =>
      new RegExp(`^\\s+BGP\\.${name}: ?(.*)$`, 'm').exec(text)?.[1]?.trim();
    const origin = attribute('origin');
    if (origin === undefined) return undefined;
    const med = attribute('med');
    const localPref = attribute('local_pref');
    const originator = attribute('originator_id');
    const clusters = attribute('cluster_list');
    const onlyToCustomer = attribute('otc');
    const communities = attribute('community')?.match(/\d+,\d+/g) ?? [];
    return {
      prefix,
      // An IPv6 next hop is followed by its link-local address.
      nextHop: attribute('next_hop')?.split(' ')[0] ?? '',
      asPath: attribute('as_path') ?? '',
      origin: origin.toLowerCase() as SeenRoute['origin'],
      communities: communities.map((pair) => pair.replace(',', ':')),
      ...(onlyToCustomer !== undefined && { onlyToCustomer: Number(onlyToCustomer) }),
      ...(med !== undefined && { med: Number(med) }),
      ...(localPref !== undefined && { localPref: Number(localPref) }),
      ...(originator !== undefined && { originator }),
      ...(clusters !== undefined && { clusters: clusters.split(' ') }),
    };
  }

  /** What it has agreed on with a neighbor, in its words: `external AS4`. */
  async sessionKind(neighbor: string): Promise<string> {
    const text = await this.#birdc('show', 'protocols', 'all', this.#protocol(neighbor));
    return /^\s+Session:\s+(.*)$/m.exec(text)?.[1] ?? '';
  }

  /** Octets that it has sent on the connection with a neighbor. */
  async octetsSent(neighbor: string): Promise<number> {
    const text = await runIn(this.place.namespace, 'ss', '-Htin', 'state', 'established', 'dst', neighbor);
    return Number(/ bytes_sent:(\d+)/.exec(text)?.[1]);
  }

  /** What it shows of an attribute of an IPv4 route that it does not know, by its number; undefined when it has none. */
  async attributeText(prefix: string, code: number): Promise<string | undefined> {
    const text = await this.#showRoute('show', 'route', prefix, 'table', 'master4', 'primary', 'all');
    return new RegExp(`^\\s+BGP\\.${code.toString(16)} .*$`, 'm').exec(text)?.[0];
  }

  /** The route with labels for a prefix, whatever its route distinguisher. */
  async labeledRoute(family: LabeledFamilyWord, prefix: string): Promise<SeenLabeledRoute | undefined> {
    const text = await this.#birdc('show', 'route', 'table', LABELED_TABLES[family], 'all');
    // Routes begin at the start of a line, with the route distinguisher where they have one.
    const route = text.split(/\n(?=\S)/).find((part) => part.split(/\s+/, 2).includes(prefix)) ?? '';
    const attribute = (name: string): string | undefined =>
      new RegExp(`^\\s+BGP\\.${name}: ?(.*)$`, 'm').exec(route)?.[1]?.trim();
    const label = attribute('mpls_label_stack');
    if (label === undefined) return undefined;
    const targets = attribute('ext_community')?.matchAll(/\(rt, (\d+), (\d+)\)/g) ?? [];
    return {
      prefix,
      label: Number(label),
      nextHop: attribute('next_hop')?.split(' ')[0] ?? '',
      asPath: attribute('as_path') ?? '',
      routeTargets: [...targets].map(([, admin, number]) => `${admin}:${number}`),
    };
  }

  async pathsFrom(family: 'ipv4' | 'ipv6', prefix: string, neighbor: string): Promise<readonly string[]> {
    const text = await this.#showRoute('show', 'route', prefix, 'table', TABLES[family], 'all');
    // Each path begins with the protocol that it came from.
    return text
      .split(/^(?=.*\[\w+ [\d:.]+)/m)
      .filter((path) => path.includes(`[${this.#protocol(neighbor)} `))
      .map((path) => /^\s+BGP\.as_path: ?(.*)$/m.exec(path)?.[1]?.trim() ?? '');
  }

  /** To BIRD, a route that is not there is an error. */
  async #showRoute(...words: readonly string[]): Promise<string> {
    try {
      return await this.#birdc(...words);
    } catch (error) {
      if (error instanceof CommandFailed && error.output.includes('Network not found')) return '';
      throw error;
    }
  }

  announce(route: OwnRoute): Promise<void> {
    return this.#replaceRoutes([...this.#routes.filter(({ prefix }) => prefix !== route.prefix), route]);
  }

  withdraw({ prefix }: OwnRoute): Promise<void> {
    return this.#replaceRoutes(this.#routes.filter((route) => route.prefix !== prefix));
  }

  async #replaceRoutes(routes: readonly OwnRoute[]): Promise<void> {
    this.#routes = routes;
    this.#writeConfiguration();
    await this.#birdc('configure');
  }

  /** Announces all its routes with GRACEFUL_SHUTDOWN (RFC 8326). */
  leave(): Promise<void> {
    const mark = ({ communities = [], ...route }: OwnRoute): OwnRoute => ({
      ...route,
      communities: [...communities, '65535:0'],
    });
    return this.#replaceRoutes(this.#routes.map(mark));
  }

  /** Ends a session with Administrative Shutdown and a text (RFC 9003). */
  async shutDown(neighbor: string, text: string): Promise<void> {
    await this.#birdc('disable', this.#protocol(neighbor), JSON.stringify(text));
  }

  async reset(neighbor: string): Promise<void> {
    await this.#birdc('restart', this.#protocol(neighbor));
  }
}

const TABLES: Readonly<Record<'ipv4' | 'ipv6', string>> = { ipv4: 'master4', ipv6: 'master6' };

const LABELED_TABLES: Readonly<Record<LabeledFamilyWord, string>> = {
  vpn4: 'vpntab4',
  vpn6: 'vpntab6',
  labeled4: 'master4',
  labeled6: 'master6',
};

/** Families for an OPEN that is to be long: their channels, and of what kind are the tables of these, which are their own. */
const MORE_CHANNELS = [
  ['vpn4 mpls', 'vpn4'],
  ['vpn6 mpls', 'vpn6'],
  ['ipv4 multicast', 'ipv4'],
  ['ipv6 multicast', 'ipv6'],
  ['vpn4 multicast', 'vpn4'],
  ['vpn6 multicast', 'vpn6'],
  ['ipv4 mpls', 'ipv4'],
  ['ipv6 mpls', 'ipv6'],
  ['flow4', 'flow4'],
  ['flow6', 'flow6'],
] as const;
const LONG_HOST_NAME = 'a-name-of-sixty-three-octets-as-long-as-a-label-may-be-in-the-d';

/** As BIRD calls the channel of a family. */
const CHANNELS: Readonly<Record<FamilyWord, string>> = {
  ipv4: 'ipv4',
  ipv6: 'ipv6',
  evpn: 'evpn',
  vpn4: 'vpn4 mpls',
  vpn6: 'vpn6 mpls',
  labeled4: 'ipv4 mpls',
  labeled6: 'ipv6 mpls',
};

function configurationText(settings: SpeakerSettings, routes: readonly OwnRoute[]): string {
  return `log stderr all;
router id ${settings.routerId};
protocol device { scan time 1; }
vpn4 table vpntab4;
vpn6 table vpntab6;
${settings.longOpen ? longOpenText() : ''}${bfdText(settings)}${staticText('ipv4', routes)}${staticText('ipv6', routes)}${settings.neighbors
  .map((neighbor, index) => neighborText(settings, neighbor, index))
  .join('')}`;
}

function longOpenText(): string {
  const tables = MORE_CHANNELS.map(([, kind], index) => `${kind} table more${index};\n`);
  return `hostname "${LONG_HOST_NAME}";\n${tables.join('')}`;
}

function moreChannels(): string[] {
  return MORE_CHANNELS.map(
    ([channel], index) => ` ${channel} { table more${index}; import all; export all; add paths yes; };\n`,
  );
}

function bfdText({ neighbors }: SpeakerSettings): string {
  const bfd = neighbors.find((neighbor) => neighbor.bfd)?.bfd;
  if (!bfd) return '';
  const timers = `{ interval ${bfd.interval} ms; multiplier ${bfd.multiplier}; };`;
  return `protocol bfd { interface "*" ${timers} multihop ${timers} }\n`;
}

function staticText(family: 'ipv4' | 'ipv6', routes: readonly OwnRoute[]): string {
  const lines = routes.filter((route) => route.family === family).map(routeText);
  return `protocol static static_${family} {\n ${family};\n${lines.join('')}}\n`;
}

function routeText({ prefix, communities = [], med, onlyToCustomer }: OwnRoute): string {
  const otc = onlyToCustomer === undefined ? '' : `bgp_otc = ${onlyToCustomer};`;
  const pairs = communities.map((pair) => `bgp_community.add((${pair.replace(':', ',')}));`);
  const metric = med === undefined ? '' : `bgp_med = ${med};`;
  return ` route ${prefix} blackhole { bgp_origin = ORIGIN_IGP; ${pairs.join(' ')} ${metric} ${otc} };\n`;
}

function longLivedText({ longLived }: SpeakerSettings): string {
  if (!longLived) return '';
  const { restartSeconds, staleSeconds } = longLived;
  return `graceful restart time ${restartSeconds}; long lived graceful restart on; long lived stale time ${staleSeconds};`;
}

function radvText(device: string, index: number): string {
  return `protocol radv radv${index} { interface "${device}" { max ra interval 4; }; }
`;
}

function neighborText(settings: SpeakerSettings, neighbor: NeighborSettings, index: number): string {
  const { address, localAddress, as, families, connects, password, bfd, multiHop, gtsm, addPath } = neighbor;
  const { linkLocal, role } = neighbor;
  const extended = (family: FamilyWord) =>
    linkLocal !== undefined && family === 'ipv4' ? 'extended next hop on;' : '';
  const paths = addPath ? 'add paths yes;' : '';
  const channels = families.map(
    (family) =>
      ` ${CHANNELS[family]} { import all; export all; next hop self; ${paths} ${extended(family)} };\n`,
  );
  if (settings.longOpen) channels.push(...moreChannels());
  // It does not learn neighbors, but tells them of itself.
  const peer = linkLocal === undefined ? address : `${linkLocal} % '${address}'`;
  const advertises = linkLocal === undefined ? '' : radvText(address, index);
  return `${advertises}protocol bgp peer${index} {
 local ${localAddress} as ${settings.as};
 neighbor ${peer} as ${as};
 ${connects ? '' : 'passive on;'}${password === undefined ? '' : `password ${JSON.stringify(password)};`}
 ${bfd ? 'bfd on;' : ''} ${multiHop ? 'multihop 2;' : ''} ${gtsm ? 'ttl security on;' : ''}
 ${role ? `local role ${role.local};` : ''} ${role?.strict ? 'require roles on;' : ''}
 ${settings.gracefulRestart ? 'graceful restart on;' : ''} ${longLivedText(settings)} ${settings.twoOctetAs ? 'enable as4 off;' : ''}
 ${settings.longOpen ? 'advertise hostname on; graceful restart on; long lived graceful restart on;' : ''}
 hold time 9;
 keepalive time 3;
 connect delay time 1;
 connect retry time 1;
 error wait time 1, 2;
${channels.join('')}}
`;
}
