import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runIn } from '../network/commands.ts';
import { DaemonProcess } from '../network/daemon-process.ts';
import { DaemonSpeaker } from './daemon-speaker.ts';
import type {
  EvpnSpeaker,
  FamilyWord,
  LabeledFamilyWord,
  NeighborSettings,
  Originator,
  OwnEvpnRoute,
  OwnLabeledRoute,
  OwnMacRoute,
  OwnRoute,
  PathSpeaker,
  SeenEvpnRoute,
  SeenMacRoute,
  SeenRoute,
  SpeakerSettings,
} from './speaker.ts';

const FAMILY_NAMES: Readonly<Record<FamilyWord, string>> = {
  ipv4: 'ipv4-unicast',
  ipv6: 'ipv6-unicast',
  evpn: 'l2vpn-evpn',
  vpn4: 'l3vpn-ipv4-unicast',
  vpn6: 'l3vpn-ipv6-unicast',
  labeled4: 'ipv4-labelled-unicast',
  labeled6: 'ipv6-labelled-unicast',
};

/** Tables with labels, as the command line calls them. */
const RIB_NAMES: Readonly<Record<LabeledFamilyWord, string>> = {
  vpn4: 'vpnv4',
  vpn6: 'vpnv6',
  labeled4: 'ipv4-mpls',
  labeled6: 'ipv6-mpls',
};

/** Session state numbers of GoBGP's API. */
const ESTABLISHED = 6;

const ORIGINS = ['igp', 'egp', 'incomplete'] as const;

/** A path attribute; which fields it has depends on its type code. */
interface GoBgpAttribute {
  readonly type: number;
  readonly value?: unknown;
  readonly nexthop?: string;
  readonly metric?: number;
  readonly communities?: readonly number[];
  readonly as_paths?: readonly { readonly asns: readonly number[] }[] | null;
}

interface GoBgpPath {
  readonly best?: boolean;
  readonly 'neighbor-ip'?: string;
  readonly nlri: unknown;
  readonly attrs: readonly GoBgpAttribute[];
}

interface GoBgpType5 {
  readonly type: number;
  readonly value: {
    readonly rd: { readonly admin: number | string; readonly assigned: number };
    readonly prefix: string;
    readonly label: number;
  };
}

interface GoBgpType2 {
  readonly type: number;
  readonly value: { readonly mac: string };
}

interface GoBgpExtendedCommunity {
  readonly type: number;
  readonly subtype: number;
  readonly value?: string;
  readonly mac?: string;
  readonly sequence?: number;
}

/** GoBGP without zebra. */
export class GoBgp extends DaemonSpeaker implements Originator, EvpnSpeaker, PathSpeaker {
  readonly program = 'GoBGP';

  async start(): Promise<void> {
    const { namespace, directory } = this.place;
    const file = join(directory, 'gobgpd.toml');
    writeFileSync(file, configurationText(this.settings));
    const args = ['-f', file, '--api-hosts', '127.0.0.1:50051', '--pprof-disable'];
    this.process = new DaemonProcess(namespace, join(directory, 'gobgpd.log'), 'gobgpd', ...args);
    await this.process.answers('GoBGP', () => this.#gobgp('global'));
    for (const route of this.settings.routes) await this.announce(route);
  }

  #gobgp(...args: readonly string[]): Promise<string> {
    return runIn(this.place.namespace, 'gobgp', ...args);
  }

  async established(neighbor: string): Promise<boolean> {
    type Neighbor = { readonly state?: { readonly session_state?: number } };
    const { state } = JSON.parse(await this.#gobgp('-j', 'neighbor', neighbor)) as Neighbor;
    return state?.session_state === ESTABLISHED;
  }

  async prefixes(family: 'ipv4' | 'ipv6'): Promise<ReadonlySet<string>> {
    return new Set(Object.keys(JSON.parse(await this.#gobgp('-j', 'global', 'rib', '-a', family))));
  }

  async #paths(family: FamilyWord, ...key: readonly string[]): Promise<readonly GoBgpPath[]> {
    type Table = Readonly<Record<string, readonly GoBgpPath[]>>;
    const text = await this.#gobgp('-j', 'global', 'rib', '-a', family, ...key);
    const table = text.startsWith('{') ? (JSON.parse(text) as Table) : {};
    return Object.values(table).flat();
  }

  async #best(family: FamilyWord, ...key: readonly string[]): Promise<readonly GoBgpPath[]> {
    return (await this.#paths(family, ...key)).filter((path) => path.best);
  }

  async pathsFrom(family: 'ipv4' | 'ipv6', prefix: string, neighbor: string): Promise<readonly string[]> {
    const paths = await this.#paths(family, prefix);
    return paths.filter((path) => path['neighbor-ip'] === neighbor).map(asPathOf);
  }

  async route(family: 'ipv4' | 'ipv6', prefix: string): Promise<SeenRoute | undefined> {
    const [path] = await this.#best(family, prefix);
    if (!path) return undefined;
    const { med, localPref } = attributesOf(path);
    return {
      prefix,
      nextHop: nextHopOf(path),
      asPath: asPathOf(path),
      origin: ORIGINS[attribute(path, 1)?.value as number] ?? 'incomplete',
      communities: (attribute(path, 8)?.communities ?? []).map(
        (number) => `${Math.floor(number / 65536)}:${number % 65536}`,
      ),
      ...(med !== undefined && { med }),
      ...(localPref !== undefined && { localPref }),
    };
  }

  async evpnRoutes(): Promise<readonly SeenEvpnRoute[]> {
    return (await this.#best('evpn')).flatMap((path) => evpnRouteOf(path));
  }

  /** All paths of Type 5 routes, the best ones and the others. */
  async evpnPaths(): Promise<readonly SeenEvpnRoute[]> {
    return (await this.#paths('evpn')).flatMap((path) => evpnRouteOf(path));
  }

  async announce({ family, prefix, communities = [], med }: OwnRoute): Promise<void> {
    const community = communities.length > 0 ? ['community', communities.join(',')] : [];
    const metric = med === undefined ? [] : ['med', String(med)];
    await this.#gobgp('global', 'rib', 'add', prefix, 'origin', 'igp', ...community, ...metric, '-a', family);
  }

  async withdraw({ family, prefix }: OwnRoute): Promise<void> {
    await this.#gobgp('global', 'rib', 'del', prefix, '-a', family);
  }

  async announceEvpn(route: OwnEvpnRoute): Promise<void> {
    await this.#changeEvpn('add', route);
  }

  async withdrawEvpn(route: OwnEvpnRoute): Promise<void> {
    await this.#changeEvpn('del', route);
  }

  async #changeEvpn(action: 'add' | 'del', route: OwnEvpnRoute): Promise<void> {
    const key = ['prefix', route.prefix, 'etag', '0', 'label', String(route.vni), 'rd', route.rd];
    const targets = ['rt', route.routeTarget, 'encap', 'vxlan', 'router-mac', route.routerMac];
    await this.#gobgp('global', 'rib', action, ...key, ...targets, '-a', 'evpn');
  }

  /** The best route to a MAC address. */
  async macRoute(mac: string): Promise<SeenMacRoute | undefined> {
    return (await this.#best('evpn')).flatMap(macRouteOf).find((route) => route.mac === mac);
  }

  async announceMac(route: OwnMacRoute): Promise<void> {
    await this.#changeMac('add', route);
  }

  async withdrawMac(route: OwnMacRoute): Promise<void> {
    await this.#changeMac('del', route);
  }

  async #changeMac(action: 'add' | 'del', route: OwnMacRoute): Promise<void> {
    const key = [route.mac, route.address, 'etag', '0', 'label', String(route.vni), 'rd', route.rd];
    const rest = ['rt', route.routeTarget, 'encap', 'vxlan', '-a', 'evpn'];
    await this.#gobgp('global', 'rib', action, 'macadv', ...key, ...rest);
  }

  async announceLabeled(route: OwnLabeledRoute): Promise<void> {
    const { family, prefix, rd, label, nextHop } = route;
    const vpn = rd === '' ? [String(label)] : ['label', String(label), 'rd', rd, 'rt', rd];
    await this.#gobgp('global', 'rib', 'add', '-a', RIB_NAMES[family], prefix, ...vpn, 'nexthop', nextHop);
  }

  async withdrawLabeled({ family, prefix, rd, label }: OwnLabeledRoute): Promise<void> {
    const vpn = rd === '' ? [String(label)] : ['label', String(label), 'rd', rd];
    await this.#gobgp('global', 'rib', 'del', '-a', RIB_NAMES[family], prefix, ...vpn);
  }

  /** Off and on again: after its own reset command GoBGP stays idle for half a minute. */
  async reset(neighbor: string): Promise<void> {
    await this.#gobgp('neighbor', neighbor, 'disable');
    await this.#gobgp('neighbor', neighbor, 'enable');
  }
}

function attribute(path: GoBgpPath, type: number): GoBgpAttribute | undefined {
  return path.attrs.find((one) => one.type === type);
}

function attributesOf(path: GoBgpPath): { med: number | undefined; localPref: number | undefined } {
  const localPref = attribute(path, 5)?.value;
  return {
    med: attribute(path, 4)?.metric,
    localPref: typeof localPref === 'number' ? localPref : undefined,
  };
}

function nextHopOf(path: GoBgpPath): string {
  return (attribute(path, 3) ?? attribute(path, 14))?.nexthop ?? '';
}

function asPathOf(path: GoBgpPath): string {
  return (attribute(path, 2)?.as_paths ?? []).flatMap(({ asns }) => asns).join(' ');
}

function evpnRouteOf(path: GoBgpPath): SeenEvpnRoute[] {
  const { type, value } = path.nlri as GoBgpType5;
  if (type !== 5) return [];
  const communities = (attribute(path, 16)?.value ?? []) as readonly GoBgpExtendedCommunity[];
  return [
    {
      prefix: value.prefix,
      rd: `${value.rd.admin}:${value.rd.assigned}`,
      nextHop: nextHopOf(path),
      asPath: asPathOf(path),
      vni: value.label,
      routeTargets: communities.flatMap((one) => (one.subtype === 2 && one.value ? [one.value] : [])),
      routerMac: communities.find(({ mac }) => mac !== undefined)?.mac ?? '',
    },
  ];
}

function macRouteOf(path: GoBgpPath): SeenMacRoute[] {
  const { type, value } = path.nlri as GoBgpType2;
  if (type !== 2) return [];
  const communities = (attribute(path, 16)?.value ?? []) as readonly GoBgpExtendedCommunity[];
  const mobility = communities.find((one) => one.type === 6 && one.subtype === 0);
  return [{ mac: value.mac, asPath: asPathOf(path), mobilitySequence: mobility?.sequence }];
}

function configurationText({ as, routerId, neighbors }: SpeakerSettings): string {
  const global = `[global.config]\nas = ${as}\nrouter-id = "${routerId}"\n`;
  return global + neighbors.map(neighborText).join('');
}

function neighborText({
  address,
  localAddress,
  as,
  families,
  connects,
  password = '',
  addPath = false,
}: NeighborSettings): string {
  const familyText = families.map(
    (family) =>
      `[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = "${FAMILY_NAMES[family]}"\n`,
  );
  return `[[neighbors]]
[neighbors.config]
neighbor-address = "${address}"
peer-as = ${as}
auth-password = ${JSON.stringify(password)}
[neighbors.transport.config]
local-address = "${localAddress}"
passive-mode = ${!connects}
[neighbors.add-paths.config]
receive = ${addPath}
send-max = ${addPath ? 8 : 0}
[neighbors.timers.config]
connect-retry = 1
hold-time = 9
keepalive-interval = 3
idle-hold-time-after-reset = 1
${familyText.join('')}`;
}
