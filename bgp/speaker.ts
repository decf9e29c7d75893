import type { IpAddress } from '../net/address.ts';
import { Peer, type PeerConfiguration, type PeerEvents } from './peer.ts';
import { AttributeStore } from './rib/attribute-store.ts';
import { markLongLivedStale } from './rib/long-lived-stale.ts';
import { STALE_FLAGS } from './rib/path-table.ts';
import type { Rib, RibTime } from './rib/rib.ts';
import { type RouteSource, SourceRegistry } from './rib/sources.ts';
import type { UpdateGroup } from './rib/update-group.ts';
import { RoutingInstance } from './routing-instance.ts';
import type { Clock } from './session/clock.ts';
import type { PeerSettings, SessionEvents, SessionHandle } from './session/session-events.ts';
import type { Family } from './wire/family.ts';
import { type RoundEnd, WorkPhase } from './work-phase.ts';

/** Something that follows a RIB and acts on what changes: an importer, an exporter, a forwarding table. */
export interface RibFollower {
  /** True when {@link follow} has something to do. */
  readonly pending: boolean;
  /** Handles at most `limit` changed prefixes. */
  follow(limit: number): void;
}

/** What a speaker is given. */
export interface SpeakerOptions {
  readonly clock: Clock;
  /** Makes the session of a peer; the speaker starts it. */
  readonly openSession: (settings: PeerSettings, events: SessionEvents) => SessionHandle;
  /** Runs a callback once the event loop has come round: `setImmediate`. */
  readonly defer: (callback: () => void) => void;
  readonly events?: PeerEvents;
}

/** A source whose paths are being removed, or marked. */
interface Sweep {
  readonly source: RouteSource;
  readonly ribs: Rib[];
  /** Bits of `PathFlag`: only paths with one of them; undefined: all, and the source is lost. */
  readonly only: number | undefined;
  /** Not removed, but marked as long-lived stale. */
  readonly marks?: true;
  next: number;
}

/** A {@link WorkPhase} of whatever kind. */
interface Round {
  round(end: number): RoundEnd;
}

/** Octets of a read that is worked on at once: some ten messages. */
const SMALL_READ = 1024;

/** Read by every path, so it is a plain field. */
class TurnTime implements RibTime {
  seconds = 0;
}

/** Milliseconds of work before other events get their turn; a portion may go past it by one or two. */
const TURN_TIME = 5;

/**
 * A BGP speaker: routing instances with their RIBs, peers, and the loop that moves routes between
 * them. All work happens in turns of a few milliseconds, so that timers and other sockets are served
 * while a million routes load.
 */
export class Speaker {
  readonly attributes = new AttributeStore();
  readonly sources = new SourceRegistry();
  readonly #clock: Clock;
  readonly #openSession: SpeakerOptions['openSession'];
  readonly #defer: SpeakerOptions['defer'];
  readonly #events: PeerEvents;
  readonly #instances = new Map<string, RoutingInstance>();
  readonly #peers: Peer[] = [];
  readonly #followers: RibFollower[] = [];
  readonly #sweeps: Sweep[] = [];
  #ribs: readonly Rib[] = [];
  /** Undefined after one came or went. */
  #groups: readonly UpdateGroup[] | undefined;
  readonly #phases: readonly Round[];
  #nextPhase = 0;
  #turnCount = 0;
  #scheduled = false;
  /** A turn was run right after a read in this round of the event loop. */
  #wasPrompt = false;
  /** Nothing is announced yet. */
  #silent = false;
  readonly #drain = { active: false };
  /** Wall-clock seconds when the present read or turn began: asked for by every path, and not worth a system call each. */
  readonly #time = new TurnTime();

  constructor({ clock, openSession, defer, events = {} }: SpeakerOptions) {
    this.#clock = clock;
    this.#openSession = openSession;
    this.#defer = defer;
    this.#events = events;
    this.#noteTime();
    this.#phases = this.#makePhases();
  }

  /** In the order in which a change goes through them. */
  #makePhases(): readonly Round[] {
    const clock = this.#clock;
    return [
      new WorkPhase<Sweep>(clock, {
        things: () => this.#sweeps.slice(0, 1),
        hasWork: () => true,
        work: (sweep, limit) => this.#stepSweep(sweep, limit),
      }),
      new WorkPhase<Rib>(clock, {
        things: () => this.#ribs,
        hasWork: (rib) => rib.undecided,
        work: (rib, limit) => rib.decide(limit),
      }),
      new WorkPhase<RibFollower>(clock, {
        things: () => this.#followers,
        hasWork: (follower) => follower.pending,
        work: (follower, limit) => follower.follow(limit),
      }),
      new WorkPhase<UpdateGroup>(clock, {
        things: () => this.#allGroups(),
        hasWork: (group) => !this.#silent && group.ready,
        work: (group, limit) => group.flush(limit),
      }),
      new WorkPhase<Rib>(clock, {
        things: () => this.#ribs,
        hasWork: (rib) => rib.unsettled,
        work: (rib, limit) => rib.settle(limit),
      }),
    ];
  }

  #allGroups(): readonly UpdateGroup[] {
    this.#groups ??= [...this.#instances.values()].flatMap(({ groups }) => groups);
    return this.#groups;
  }

  get instances(): ReadonlyMap<string, RoutingInstance> {
    return this.#instances;
  }

  /** Turns of work so far. */
  get turns(): number {
    return this.#turnCount;
  }

  get peers(): readonly Peer[] {
    return this.#peers;
  }

  /** Adds a routing instance with a RIB for each family. */
  addInstance(name: string, families: readonly Family[], multipath: boolean): RoutingInstance {
    const instance = new RoutingInstance(name, families, multipath, {
      attributes: this.attributes,
      sources: this.sources,
      time: this.#time,
      groupsChanged: () => {
        this.#groups = undefined;
      },
    });
    this.#instances.set(name, instance);
    this.#ribs = [...this.#ribs, ...instance.ribs.values()];
    return instance;
  }

  /** Adds a peer and starts its session. */
  addPeer(configuration: PeerConfiguration): Peer {
    const peer = new Peer(configuration, {
      attributes: this.attributes,
      sources: this.sources,
      beginRead: () => this.#noteTime(),
      schedule: () => this.schedule(),
      readComplete: (size) => this.#readComplete(size),
      clock: this.#clock,
      drain: this.#drain,
      sweep: (source, ribs, only) => this.sweep(source, ribs, only),
      markLongLived: (source, rib, only) => this.#markLongLived(source, rib, only),
      events: this.#events,
    });
    const session = this.#openSession(configuration.settings, peer);
    peer.attach(session);
    this.#peers.push(peer);
    session.start();
    return peer;
  }

  /** Ends the session of a peer with a Cease of this subcode (RFC 4486) and forgets the peer. */
  removePeer(peer: Peer, subcode: number, reason: string): void {
    peer.forget();
    peer.session?.stop(subcode, reason);
    const index = this.#peers.indexOf(peer);
    if (index >= 0) this.#peers.splice(index, 1);
  }

  /** True after {@link drain}. */
  get draining(): boolean {
    return this.#drain.active;
  }

  /**
   * Tells all peers that this router is about to leave (RFC 8326): its routes are announced again as the worst ones, so that
   * traffic goes elsewhere before the sessions end.
   */
  drain(): void {
    if (this.#drain.active) return;
    this.#drain.active = true;
    for (const group of this.#allGroups()) group.refreshAll();
    this.schedule();
  }

  /** Ends all sessions because this router restarts: peers that help keep its routes (RFC 4724), all others get a Cease. */
  leave(subcode: number, reason: string): void {
    for (const peer of this.#peers) {
      peer.session?.leave(subcode, reason);
      peer.forget();
    }
  }

  addFollower(follower: RibFollower): void {
    this.#followers.push(follower);
  }

  removeFollower(follower: RibFollower): void {
    const index = this.#followers.indexOf(follower);
    if (index >= 0) this.#followers.splice(index, 1);
  }

  /** Says which addresses are this router's own: routes with such a next hop are refused. */
  setOwnAddresses(addresses: readonly IpAddress[]): void {
    this.attributes.nextHops.setOwnAddresses(addresses);
  }

  /**
   * Removes all paths of a source from RIBs, in slices, then gives the source back. With `only`, bits of `PathFlag`,
   * just those that have one of them, and the source stays.
   */
  sweep(source: RouteSource, ribs: readonly Rib[], only?: number): void {
    this.#sweeps.push({ source, ribs: [...ribs], only, next: 0 });
    this.schedule();
  }

  /** Marks paths of a source as long-lived stale, in slices, after what is being removed now. */
  #markLongLived(source: RouteSource, rib: Rib, only: number): void {
    this.#sweeps.push({ source, ribs: [rib], only, marks: true, next: 0 });
    this.schedule();
  }

  /**
   * Announces nothing to any peer until {@link speakUp}: a router that has restarted does not know enough yet, and
   * its End-of-RIB would have its peers drop what it will announce again (RFC 4724 §4.1).
   */
  beSilent(): void {
    this.#silent = true;
  }

  /** Announces what there is, and what comes. */
  speakUp(): void {
    if (!this.#silent) return;
    this.#silent = false;
    this.schedule();
  }

  /** Has a turn of the loop run when the event loop comes round. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#defer(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  /**
   * A few routes that come by themselves go on at once: to wait for the other sockets would take longer than all else
   * that is done with them. Only the first ones of each round of the event loop, so that many are still packed together.
   */
  #readComplete(size: number): void {
    if (size > SMALL_READ || this.#scheduled || this.#wasPrompt) {
      this.schedule();
      return;
    }
    this.#wasPrompt = true;
    this.#turn();
    this.#defer(this.#nextRound);
  }

  readonly #nextRound = (): void => {
    this.#wasPrompt = false;
  };

  #noteTime(): void {
    this.#time.seconds = Math.floor(this.#clock.wallTime() / 1000);
  }

  #turn(): void {
    const end = this.#clock.now() + TURN_TIME;
    this.#turnCount++;
    this.#noteTime();
    for (let idle = 0; idle < this.#phases.length; this.#nextPhase++) {
      if (this.#nextPhase >= this.#phases.length) this.#nextPhase = 0;
      const result = this.#phases[this.#nextPhase]?.round(end);
      if (result === 'time is over') {
        this.schedule();
        return;
      }
      idle = result === 'worked' ? 0 : idle + 1;
    }
    this.#nextPhase = 0;
  }

  #stepSweep(sweep: Sweep, limit: number): void {
    const rib = sweep.ribs[0];
    if (rib) {
      sweep.next = sweep.marks
        ? markLongLivedStale(rib, sweep.source, sweep.next, limit, sweep.only ?? STALE_FLAGS)
        : rib.sweepSource(sweep.source, sweep.next, limit, sweep.only);
      if (sweep.next >= 0) return;
      sweep.ribs.shift();
      sweep.next = 0;
      return;
    }
    this.#sweeps.shift();
    if (sweep.only === undefined) this.sources.remove(sweep.source);
  }
}
