import { type IpAddress, ipv4Mapped, isLinkLocal } from '../net/address.ts';
import { ByteWriter } from '../net/byte-writer.ts';
import { KEPT_NOTHING, keptRoutes } from './kept-routes.ts';
import { type PrefixLimit, PrefixLimits } from './prefix-limits.ts';
import type { DrainState, Reflection } from './rib/attribute-export.ts';
import type { AttributeStore } from './rib/attribute-store.ts';
import type { Rib } from './rib/rib.ts';
import { type RouteSource, SourceKind, type SourceRegistry } from './rib/sources.ts';
import type { UpdateGroup } from './rib/update-group.ts';
import { UpdateReader } from './rib/update-reader.ts';
import type { AddPathSending, GroupMember } from './rib/update-stream.ts';
import { otcEgress, otcIngress } from './role-rules.ts';
import type { RoutingInstance } from './routing-instance.ts';
import type { Clock } from './session/clock.ts';
import type {
  NegotiatedSession,
  PeerSettings,
  SessionDown,
  SessionError,
  SessionEvents,
  SessionHandle,
  SessionState,
} from './session/session-events.ts';
import { StaleRoutes } from './stale-routes.ts';
import type { ErrorClass, UpdateError } from './wire/attribute-errors.ts';
import { RouteRefreshSubtype } from './wire/constants.ts';
import { type Family, familyName, hasLabels, IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from './wire/family.ts';
import { encodeRouteRefresh } from './wire/route-refresh.ts';
import { encodeEndOfRib } from './wire/update.ts';

/** A neighbour and how its routes are treated. */
export interface PeerConfiguration {
  readonly settings: PeerSettings;
  readonly instance: RoutingInstance;
  /** How often our own AS may stand in an AS path from this peer (`allowas-in`); 0 refuses all such routes. */
  readonly allowOwnAs: number;
  /** Addresses of ours beside the session's own one: next hops for families of the other IP version. */
  readonly addressesBeside?: (local: IpAddress, interfaceName?: string) => readonly IpAddress[];
  /** By family in which several paths of a prefix are sent, if the peer takes them: the most of them, Infinity for all. */
  readonly addPath?: ReadonlyMap<Family, number>;
  /** Set where this router is a route reflector (RFC 4456). */
  readonly reflection?: PeerReflection | undefined;
  /** Limits of what is taken from the peer. */
  readonly prefixLimits?: ReadonlyMap<Family, PrefixLimit>;
}

/** How a route reflector stands to a peer; it matters for internal ones. */
export interface PeerReflection {
  /** CLUSTER_ID of this router, unsigned. */
  readonly clusterId: number;
  /** Families in which the peer is a client. */
  readonly clientOf: readonly Family[];
}

/** What a peer needs from the speaker around it. */
export interface PeerContext {
  readonly attributes: AttributeStore;
  readonly sources: SourceRegistry;
  /** Called before the first UPDATE of a read. */
  readonly beginRead: () => void;
  /** Has the speaker's loop run soon. */
  readonly schedule: () => void;
  /** The same after a read of so many octets; at once if that is little. */
  readonly readComplete: (size: number) => void;
  /**
   * Has all paths of a source removed, in slices, and the source given back afterwards; or, with bits of `PathFlag`,
   * just those with one of them.
   */
  readonly sweep: (source: RouteSource, ribs: readonly Rib[], only?: number) => void;
  /** Has the stale paths of a source marked as long-lived stale, in slices (RFC 9494). */
  readonly markLongLived: (source: RouteSource, rib: Rib, only: number) => void;
  readonly clock: Clock;
  readonly drain: DrainState;
  readonly events: PeerEvents;
}

/** What the owner of a speaker may want to hear about peers. */
export interface PeerEvents {
  stateChanged?(peer: Peer, state: SessionState): void;
  established?(peer: Peer, negotiated: NegotiatedSession): void;
  down?(peer: Peer, reason: SessionDown): void;
  endOfRib?(peer: Peer, family: Family): void;
  /** Routes of a lost session stay in use for so many seconds: the peer restarts (RFC 4724). */
  kept?(peer: Peer, families: readonly Family[], seconds: number): void;
  /** The peer is gone for longer than a restart takes: routes stay as the least preferred ones, for so many seconds at most (RFC 9494). */
  longLived?(peer: Peer, families: readonly Family[], seconds: number): void;
  tolerated?(peer: Peer, error: UpdateError): void;
  /** Routes of an UPDATE were refused: by the roles of both ends they are a leak (RFC 9234). */
  leaked?(peer: Peer, family: Family): void;
  /** The peer is near the most prefixes of a family that are taken from it, or beyond. */
  prefixLimit?(peer: Peer, family: Family, count: number, state: 'near' | 'exceeded'): void;
  /** A family was negotiated for which there is no next hop to announce. */
  unannounced?(peer: Peer, family: Family): void;
}

/** Bytes in user space beyond which a peer counts as slow and leaves its group for a while. */
const SLOW_PEER_BYTES = 1024 * 1024;

/** One configured neighbour: joins its session to the RIBs of its routing instance. */
export class Peer implements SessionEvents {
  readonly configuration: PeerConfiguration;
  readonly #context: PeerContext;
  #session: SessionHandle | undefined;
  #source: RouteSource | undefined;
  #reader: UpdateReader | undefined;
  #member: GroupMember | undefined;
  #reading = false;
  readonly #groups = new Map<Family, UpdateGroup>();
  readonly #endOfRibSeen = new Set<Family>();
  readonly #stale: StaleRoutes;
  /** Undefined: none are set. */
  readonly #limits: PrefixLimits | undefined;
  /** While the session is established. */
  #negotiated: NegotiatedSession | undefined;
  #forgotten = false;
  #lost = 0;
  #leaks = 0;
  readonly #updateErrors = new Map<ErrorClass, number>();

  constructor(configuration: PeerConfiguration, context: PeerContext) {
    this.configuration = configuration;
    this.#context = context;
    const { clock, sweep, markLongLived } = context;
    const { prefixLimits: limits, instance } = configuration;
    this.#stale = new StaleRoutes({
      clock,
      sweep,
      markLongLived,
      ribs: instance.ribs,
      longLived: (...about) => context.events.longLived?.(this, ...about),
    });
    this.#limits = limits?.size
      ? new PrefixLimits({
          limits,
          ribs: instance.ribs,
          passed: (...about) => context.events.prefixLimit?.(this, ...about),
        })
      : undefined;
  }

  /** Says which session the peer talks through; before the session is started. */
  attach(session: SessionHandle): void {
    this.#session = session;
  }

  get name(): string {
    return this.configuration.settings.name;
  }

  /** The session; undefined only until {@link attach}. */
  get session(): SessionHandle | undefined {
    return this.#session;
  }

  /** The peer as a source of routes while it is established. */
  get source(): RouteSource | undefined {
    return this.#source;
  }

  /** Families for which the peer has sent End-of-RIB. */
  get endOfRibSeen(): ReadonlySet<Family> {
    return this.#endOfRibSeen;
  }

  /** How often the session was lost. */
  get lost(): number {
    return this.#lost;
  }

  /** Errors in UPDATEs that did not end the session, by their class (RFC 7606 §2). */
  get updateErrors(): ReadonlyMap<ErrorClass, number> {
    return this.#updateErrors;
  }

  /** By family with long-lived stale routes of the peer: wall-clock milliseconds until which they stay (RFC 9494). */
  get longLivedEnds(): ReadonlyMap<Family, number> {
    return this.#stale.longLivedEnds;
  }

  /** UPDATEs whose routes were refused as leaks (RFC 9234). */
  get leaks(): number {
    return this.#leaks;
  }

  /** Prefixes that the peer has been told; paths, where several of a prefix are told. */
  advertised(family: Family): number {
    return this.#member ? (this.#groups.get(family)?.advertisedTo(this.#member) ?? 0) : 0;
  }

  /** Paths from the peer. */
  received(family: Family): number {
    const rib = this.configuration.instance.ribs.get(family);
    return this.#source && rib ? rib.pathCount(this.#source) : 0;
  }

  established(negotiated: NegotiatedSession): void {
    const { instance, settings, allowOwnAs, reflection } = this.configuration;
    const { sources, attributes } = this.#context;
    const stalePathTime = settings.gracefulRestart?.stalePathTime ?? 0;
    const source =
      this.#stale.resume(negotiated, stalePathTime) ??
      sources.add({
        name: this.name,
        kind: negotiated.peerType === 'ebgp' ? SourceKind.ebgp : SourceKind.ibgp,
        imported: false,
        routerId: negotiated.remoteRouterId,
        address: negotiated.remoteAddress,
        clientOf: reflection?.clientOf ?? [],
      });
    this.#source = source;
    this.#negotiated = negotiated;
    this.#endOfRibSeen.clear();
    this.#limits?.begin();
    this.#reader = new UpdateReader({
      attributes,
      source,
      context: {
        fourOctetAs: negotiated.fourOctetAs,
        addPath: (family) => negotiated.addPath.receive.includes(family),
        extendedMessage: negotiated.maxMessageSize > 4096,
        extendedNextHop: negotiated.extendedNextHop || (negotiated.labeledExtendedNextHop ?? []).length > 0,
        peerType: negotiated.peerType,
      },
      ribs: new Map([...instance.ribs].filter(([family]) => negotiated.families.includes(family))),
      localAs: negotiated.localAs,
      allowOwnAs,
      routerId: settings.routerId,
      clusterId: reflection?.clusterId,
      interfaceNumber:
        negotiated.interfaceName === undefined
          ? undefined
          : attributes.nextHops.interfaceNumber(negotiated.interfaceName, negotiated.localAddress),
      onlyToCustomer: otcIngress(negotiated),
      leaked: (family) => this.#noteLeak(family),
      endOfRib: (family) => {
        if (negotiated.families.includes(family)) this.#noteEndOfRib(family);
      },
      tolerated: (error) => this.#noteError(error),
    });
    this.#joinGroups(negotiated, source);
    this.#context.events.established?.(this, negotiated);
    this.#context.schedule();
  }

  #noteError(error: UpdateError): void {
    const { errorClass } = error;
    this.#updateErrors.set(errorClass, (this.#updateErrors.get(errorClass) ?? 0) + 1);
    this.#context.events.tolerated?.(this, error);
  }

  #noteLeak(family: Family): void {
    this.#leaks++;
    this.#context.events.leaked?.(this, family);
  }

  #noteEndOfRib(family: Family): void {
    this.#endOfRibSeen.add(family);
    if (this.#source) this.#stale.endOfRib(this.#source, family);
    this.#context.events.endOfRib?.(this, family);
  }

  #joinGroups(negotiated: NegotiatedSession, source: RouteSource): void {
    const session = this.#session;
    if (!session) return;
    const member: GroupMember = {
      sourceId: source.id,
      send: (bytes) => session.send(bytes),
      get waiting() {
        return session.bufferedBytes > 0;
      },
      get blocked() {
        return session.bufferedBytes > SLOW_PEER_BYTES;
      },
    };
    this.#member = member;
    for (const family of negotiated.families) {
      const rib = this.configuration.instance.ribs.get(family);
      const selfNextHop = this.#selfNextHop(family, negotiated);
      if (!rib) continue;
      if (!selfNextHop) {
        this.#announceNothing(family, session);
        continue;
      }
      const group = this.configuration.instance.group(rib, {
        family,
        peerType: negotiated.peerType,
        localAs: negotiated.localAs,
        fourOctetAs: negotiated.fourOctetAs,
        maxMessageSize: negotiated.maxMessageSize,
        selfNextHop,
        nextHopUnchanged: family === L2VPN_EVPN || hasLabels(family) || negotiated.peerType === 'ibgp',
        reflection: this.#reflectionTo(family, negotiated),
        labeledIpv6NextHop: negotiated.labeledExtendedNextHop?.includes(family) ?? false,
        bilateral: negotiated.role?.local === 'peer',
        longLived: negotiated.longLived !== undefined,
        addPath: this.#addPathTo(family, negotiated),
        onlyToCustomer: otcEgress(negotiated, family),
        drain: this.#context.drain,
      });
      group.addMember(member);
      this.#groups.set(family, group);
    }
  }

  #addPathTo(family: Family, { addPath }: NegotiatedSession): AddPathSending | undefined {
    return addPath.send.includes(family)
      ? { most: this.configuration.addPath?.get(family) ?? Number.POSITIVE_INFINITY }
      : undefined;
  }

  #reflectionTo(family: Family, { peerType }: NegotiatedSession): Reflection | undefined {
    const { reflection } = this.configuration;
    if (!reflection || peerType !== 'ibgp') return undefined;
    return { clusterId: reflection.clusterId, toClient: reflection.clientOf.includes(family) };
  }

  /** End-of-RIB alone: without a next hop no route of ours is of use. */
  #announceNothing(family: Family, session: SessionHandle): void {
    const writer = new ByteWriter(64);
    encodeEndOfRib(writer, family);
    session.send(writer.take());
    this.#context.events.unannounced?.(this, family);
  }

  /** Our address in the version of the family; undefined when there is none to announce. EVPN takes either. */
  #selfNextHop(family: Family, negotiated: NegotiatedSession): Uint8Array | undefined {
    const local = negotiated.localAddress;
    const beside = this.configuration.addressesBeside?.(local, negotiated.interfaceName) ?? [];
    const ipv4 = beside.find(({ version }) => version === 4);
    const ipv6 = beside.find(({ version }) => version === 6);
    if (family !== IPV4_UNICAST && family !== IPV6_UNICAST) return local.bytes;
    if (local.version === 6 && (family === IPV6_UNICAST || negotiated.extendedNextHop)) {
      // RFC 2545 §3: a link-local address goes beside a global one, where there is one.
      return isLinkLocal(local) && ipv6 ? Uint8Array.of(...ipv6.bytes, ...local.bytes) : local.bytes;
    }
    if (family === IPV4_UNICAST) return (local.version === 4 ? local : ipv4)?.bytes;
    // Without an IPv6 address of our own there is the IPv4-mapped one, as FRR and GoBGP send it.
    return (ipv6 ?? ipv4Mapped(local)).bytes;
  }

  update(bytes: Uint8Array, start: number, end: number): SessionError | undefined {
    if (!this.#reading) {
      this.#reading = true;
      this.#context.beginRead();
    }
    const error = this.#reader?.read(bytes, start, end);
    return error ?? (this.#limits && this.#source && this.#limits.check(this.#source));
  }

  routeRefresh(family: Family, subtype: number): void {
    const source = this.#source;
    if (source && subtype === RouteRefreshSubtype.BEGINNING) this.#stale.beginRefresh(source, family);
    if (source && subtype === RouteRefreshSubtype.END) this.#stale.endRefresh(source, family);
    const group = this.#groups.get(family);
    if (subtype !== RouteRefreshSubtype.REQUEST || !group || !this.#member) return;
    const enhanced = this.#session?.negotiated?.enhancedRouteRefresh === true;
    const marker = (kind: 1 | 2): Uint8Array => routeRefreshMessage(family, kind);
    group.refresh(this.#member, enhanced ? { before: marker(1), after: marker(2) } : {});
    this.#context.schedule();
  }

  readComplete(size: number): void {
    this.#reading = false;
    this.#context.readComplete(size);
  }

  writable(): void {
    this.#context.schedule();
  }

  down(reason: SessionDown): void {
    this.#lost++;
    const { instance } = this.configuration;
    for (const group of this.#groups.values()) {
      if (this.#member) group.removeMember(this.#member);
      instance.dropIfEmpty(group);
    }
    this.#groups.clear();
    this.#member = undefined;
    this.#reader = undefined;
    this.#keepStale(reason);
    this.#context.events.down?.(this, reason);
  }

  /** The routes of a peer that restarts are kept for as long as it has said to need. */
  #keepStale(reason: SessionDown): void {
    const [source, negotiated] = [this.#source, this.#negotiated];
    this.#source = undefined;
    this.#negotiated = undefined;
    if (!source || !negotiated) return;
    const kept = this.#forgotten ? KEPT_NOTHING : keptRoutes(negotiated, reason);
    const { restarting, restartTime } = kept;
    if (restarting.length > 0) this.#context.events.kept?.(this, restarting, restartTime);
    this.#stale.keep(source, kept);
  }

  /** Keeps nothing of the peer from now on: it is not configured any more. */
  forget(): void {
    this.#forgotten = true;
    this.#stale.drop();
  }

  stateChanged(state: SessionState): void {
    this.#context.events.stateChanged?.(this, state);
  }

  /** Text for logs: `192.168.11.2 (ipv4-unicast, l2vpn-evpn)`. */
  describe(): string {
    return `${this.name} (${this.configuration.settings.families.map(familyName).join(', ')})`;
  }
}

function routeRefreshMessage(family: Family, subtype: 1 | 2): Uint8Array {
  const writer = new ByteWriter(32);
  encodeRouteRefresh(writer, { family, subtype });
  return writer.take();
}
