import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LinkEnd } from './network/network.ts';
import { Network } from './network/network.ts';
import { waitFor } from './network/wait.ts';
import { Bird } from './speakers/bird.ts';
import { ExaBgp } from './speakers/exabgp.ts';
import { Frr } from './speakers/frr.ts';
import { GoBgp } from './speakers/gobgp.ts';
import { OpenPe } from './speakers/openpe.ts';
import type {
  BfdTimers,
  FamilyWord,
  LongLivedTimes,
  NeighborSettings,
  OwnRoute,
  PrefixLimit,
  RoleOf,
  Speaker,
  SpeakerPlace,
  SpeakerSettings,
} from './speakers/speaker.ts';

/** The programs that can be built into a topology. */
export const PROGRAMS = {
  openpe: (place: SpeakerPlace, settings: SpeakerSettings) => new OpenPe(place, settings),
  frr: (place: SpeakerPlace, settings: SpeakerSettings) => new Frr(place, settings),
  gobgp: (place: SpeakerPlace, settings: SpeakerSettings) => new GoBgp(place, settings),
  exabgp: (place: SpeakerPlace, settings: SpeakerSettings) => new ExaBgp(place, settings),
  bird: (place: SpeakerPlace, settings: SpeakerSettings) => new Bird(place, settings),
} as const;

/** Name of a program of a topology. */
export type ProgramName = keyof typeof PROGRAMS;

/** One router of a topology. */
export interface RouterPlan {
  readonly program: ProgramName;
  readonly as: number;
  /** The AS number it gives in its OPEN, when that is another one than its neighbors expect. */
  readonly claims?: number;
  /** Routes from the start. */
  readonly routes?: readonly OwnRoute[];
  /** CLUSTER_ID of a route reflector. */
  readonly clusterId?: string;
  /** Its neighbors are to keep its routes when it restarts (RFC 4724). */
  readonly gracefulRestart?: boolean;
  /** It knows only AS numbers of two octets (RFC 4271). */
  readonly twoOctetAs?: boolean;
  /** Its OPEN has more than 255 octets of optional parameters (RFC 9072). */
  readonly longOpen?: boolean;
  /** And for longer than that (RFC 9494). */
  readonly longLived?: LongLivedTimes;
}

/** A link between two routers, with a session for IPv4 and EVPN, and one over IPv6 for IPv6. */
export interface LinkPlan<Name extends string> {
  readonly between: readonly [Name, Name];
  readonly families: readonly FamilyWord[];
  /** Who connects; absent: both. */
  readonly connects?: Name;
  /** The end that is a client of the other one. */
  readonly client?: Name;
  /** Key of TCP MD5 signatures at each end. */
  readonly passwords?: readonly [string, string];
  /** The end that knows of the other one only from which network it comes. */
  readonly listens?: Name;
  /** BFD beside each session. */
  readonly bfd?: BfdTimers;
  /** The link has link-local addresses only, and both ends know of the other one just that it is there. */
  readonly unnumbered?: boolean;
  /** There is a router between the two, which only forwards. */
  readonly multiHop?: boolean;
  /** The most prefixes that one end takes from the other one. */
  readonly limit?: PrefixLimit & { readonly at: Name };
  /** The ends that have proof of the other one's nearness (RFC 5082). */
  readonly gtsm?: readonly Name[];
  /** What the ends are to each other (RFC 9234); undefined: says nothing of it. */
  readonly roles?: readonly [RoleOf | undefined, RoleOf | undefined];
  /** Both ends send all paths of a route, and take them (RFC 7911). */
  readonly addPath?: boolean;
  /** openpe-routerd sends this many of the best ones, not all. */
  readonly bestPaths?: number;
}

/** Routers by name, and their links. */
export interface TopologyPlan<Routers extends Readonly<Record<string, RouterPlan>>> {
  readonly routers: Routers;
  readonly links: readonly LinkPlan<Extract<keyof Routers, string>>[];
}

type SpeakersOf<Routers extends Readonly<Record<string, RouterPlan>>> = {
  readonly [Name in keyof Routers]: ReturnType<(typeof PROGRAMS)[Routers[Name]['program']]>;
};

/** Routers in namespaces of their own, running. */
export class Topology<Routers extends Readonly<Record<string, RouterPlan>>> {
  readonly speakers: SpeakersOf<Routers>;
  readonly #network: Network;
  readonly #neighbors: ReadonlyMap<string, readonly NeighborSettings[]>;
  readonly #addresses: ReadonlyMap<string, LinkEnd>;
  #failed = false;

  private constructor(
    network: Network,
    plan: TopologyPlan<Routers>,
    namespaces: ReadonlyMap<string, string>,
    ends: ReadonlyMap<string, LinkEnd>,
  ) {
    this.#network = network;
    this.#addresses = ends;
    const names = Object.keys(plan.routers);
    this.#neighbors = new Map(names.map((name) => [name, neighborsOf(plan, name, ends)]));
    const made = names.map(
      (name, index) => [name, this.#makeSpeaker(plan, name, index, namespaces)] as const,
    );
    this.speakers = Object.fromEntries(made) as unknown as SpeakersOf<Routers>;
  }

  /** Makes namespaces and links, and starts all routers. */
  static async start<const R extends Readonly<Record<string, RouterPlan>>>(
    plan: TopologyPlan<R>,
  ): Promise<Topology<R>> {
    const network = new Network();
    let topology: Topology<R> | undefined;
    try {
      const namespaces = new Map<string, string>();
      for (const name of Object.keys(plan.routers)) namespaces.set(name, await network.addNamespace(name));
      const ends = new Map<string, LinkEnd>();
      for (const { between, multiHop, unnumbered } of plan.links) {
        const [first, second] = between;
        const pair = [namespaces.get(first) ?? '', namespaces.get(second) ?? ''] as const;
        const [from, to] = await (multiHop
          ? network.addPathOverRouter(...pair)
          : unnumbered
            ? network.addBareLink(...pair)
            : network.addLink(...pair));
        ends.set(`${first} ${second}`, from);
        ends.set(`${second} ${first}`, to);
      }
      topology = new Topology(network, plan, namespaces, ends);
      await Promise.all(topology.#all.map((speaker) => speaker.start()));
      return topology;
    } catch (error) {
      topology?.reportFailure();
      await topology?.remove();
      if (!topology) network.remove(false);
      throw error;
    }
  }

  get #all(): readonly Speaker[] {
    return Object.values(this.speakers) as unknown as readonly Speaker[];
  }

  #makeSpeaker(
    plan: TopologyPlan<Routers>,
    name: string,
    index: number,
    namespaces: ReadonlyMap<string, string>,
  ): Speaker {
    const directory = join(this.#network.directory, name);
    mkdirSync(directory);
    const {
      program,
      as,
      claims,
      routes = [],
      clusterId,
      gracefulRestart = false,
      twoOctetAs = false,
      longOpen = false,
      longLived,
    } = plan.routers[name] as RouterPlan;
    const neighbors = this.#neighbors.get(name) ?? [];
    const reflector = clusterId === undefined ? {} : { clusterId };
    const settings = {
      as: claims ?? as,
      routerId: `10.255.${index}.1`,
      neighbors,
      routes,
      gracefulRestart,
      twoOctetAs,
      longOpen,
      ...(longLived && { longLived }),
      ...reflector,
    };
    return PROGRAMS[program]({ namespace: namespaces.get(name) ?? '', directory }, settings);
  }

  /** Address of a router on its link to another one. */
  address(of: keyof Routers & string, towards: keyof Routers & string, version: 4 | 6 = 4): string {
    const { ipv4, ipv6 } = this.#endOf(of, towards);
    return version === 4 ? ipv4 : ipv6;
  }

  /** Interface of a router on its link to another one. */
  interfaceOf(of: keyof Routers & string, towards: keyof Routers & string): string {
    return this.#endOf(of, towards).device;
  }

  /** Takes one end of a link down, or up again. */
  async setLink(of: keyof Routers & string, towards: keyof Routers & string, up: boolean): Promise<void> {
    const end = this.#endOf(of, towards);
    await (up ? this.#network.setUp(end) : this.#network.setDown(end));
  }

  #endOf(of: string, towards: string): LinkEnd {
    const end = this.#addresses.get(`${of} ${towards}`);
    if (!end) throw new RangeError(`there is no link between ${of} and ${towards}`);
    return end;
  }

  /** Waits until the sessions of a router, or of all, are Established at its own end. */
  async established(...names: (keyof Routers & string)[]): Promise<void> {
    for (const name of names.length > 0 ? names : this.#neighbors.keys()) {
      const speaker = this.speakers[name] as unknown as Speaker;
      for (const { address } of this.#neighbors.get(name) ?? []) {
        const what = `${name} (${speaker.program}): session with ${address} Established`;
        await waitFor(what, () => speaker.established(address), Boolean);
      }
    }
  }

  /** Prints what all routers printed, and keeps their files. */
  reportFailure(): void {
    this.#failed = true;
    process.stderr.write(`interop: files are kept in ${this.#network.directory}\n`);
    for (const [name, speaker] of Object.entries<Speaker>(this.speakers as never)) {
      process.stderr.write(`---- ${name} (${speaker.program}) ----\n${speaker.log()}\n`);
    }
  }

  /** Ends all routers and removes everything. */
  async remove(): Promise<void> {
    await Promise.all(this.#all.map((speaker) => speaker.stop()));
    this.#network.remove(this.#failed);
  }
}

function neighborsOf<R extends Readonly<Record<string, RouterPlan>>>(
  plan: TopologyPlan<R>,
  name: string,
  ends: ReadonlyMap<string, LinkEnd>,
): NeighborSettings[] {
  return plan.links.flatMap(
    ({ between, families, connects, client, passwords, listens, bfd, multiHop, gtsm, limit, ...link }) => {
      const { addPath, bestPaths, unnumbered, roles } = link;
      const [first, second] = between;
      if (name !== first && name !== second) return [];
      const other = name === first ? second : first;
      const own = ends.get(`${name} ${other}`);
      const far = ends.get(`${other} ${name}`);
      if (!own || !far) return [];
      const password = passwords?.[name === first ? 0 : 1];
      const role = roles?.[name === first ? 0 : 1];
      const common = {
        as: plan.routers[other]?.as ?? 0,
        connects: connects === undefined || connects === name,
        isClient: client === other,
        ...(password !== undefined && { password }),
        ...(bfd && { bfd }),
        ...(multiHop && { multiHop }),
        ...(limit?.at === name && { limit }),
        ...(addPath && { addPath }),
        ...(bestPaths !== undefined && { bestPaths }),
        ...(role && { role }),
        ...(gtsm?.some((end) => end === name) && { gtsm: true }),
      };
      if (unnumbered) {
        return [{ ...common, address: own.device, localAddress: own.ipv6, linkLocal: far.ipv6, families }];
      }
      const overIpv4 = families.filter((family) => family === 'ipv4' || family === 'evpn');
      const overIpv6 = families.filter((family) => family !== 'ipv4' && family !== 'evpn');
      const sessions: NeighborSettings[] = [];
      if (overIpv4.length > 0) {
        const range = listens === name ? { listenRange: far.ipv4.replace(/\d+$/, '0/24') } : {};
        sessions.push({
          ...common,
          ...range,
          address: far.ipv4,
          localAddress: own.ipv4,
          families: overIpv4,
        });
      }
      if (overIpv6.length > 0) {
        const range = listens === name ? { listenRange: far.ipv6.replace(/\d+$/, '/64') } : {};
        sessions.push({
          ...common,
          ...range,
          address: far.ipv6,
          localAddress: own.ipv6,
          families: overIpv6,
        });
      }
      return sessions;
    },
  );
}
