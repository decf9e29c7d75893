import { addressEquals } from '../net/address.ts';
import type { KeptRoutes } from './kept-routes.ts';
import { LongLivedTimers } from './long-lived-timers.ts';
import { PathFlag } from './rib/path-table.ts';
import type { Rib } from './rib/rib.ts';
import type { RouteSource } from './rib/sources.ts';
import type { Clock, Timer } from './session/clock.ts';
import type { NegotiatedSession } from './session/session-events.ts';
import type { Family } from './wire/family.ts';

/** What {@link StaleRoutes} works with. */
export interface StaleRoutesContext {
  readonly clock: Clock;
  /** The RIBs that the peer's routes are in. */
  readonly ribs: ReadonlyMap<Family, Rib>;
  /** Removes paths of a source: all, and the source with them, or those with one of the bits `only`. */
  readonly sweep: (source: RouteSource, ribs: readonly Rib[], only?: number) => void;
  /** Marks the paths of a source that have one of the bits `only` with LLGR_STALE, and removes those with NO_LLGR. */
  readonly markLongLived: (source: RouteSource, rib: Rib, only: number) => void;
  /** Routes of these families are marked from now on; the longest time that some stay, in seconds. */
  readonly longLived: (families: readonly Family[], seconds: number) => void;
}

/** Seconds that a peer has between the beginning and the end of telling everything again. */
const REFRESH_TIME = 360;

/** Milliseconds from the beginning of a refresh until another one is taken note of, for each path in the table. */
const REFRESH_PAUSE_PER_PATH = 0.001;

/**
 * Routes of one peer that are not certain any more, and stay in use for a while: those of a peer that restarts
 * (RFC 4724 §4.2), and behind that those of one that is gone for long (RFC 9494 §4.2), and those of one that tells all of
 * a family again (RFC 7313 §4.2). What it has not told again when it says that it is done, or when the time is over, goes.
 */
export class StaleRoutes {
  readonly #context: StaleRoutesContext;
  /** The peer as a source, while its session is lost, and the families that it still has routes in. */
  #kept: { readonly source: RouteSource; readonly families: Set<Family> } | undefined;
  /** The peer as a source, since its session is back. */
  #resumed: RouteSource | undefined;
  /** For the peer to come back, then for it to tell its routes. */
  #timer: Timer | undefined;
  readonly #refreshTimers = new Map<Family, Timer>();
  /** Run until the peer has told all of the family, through any number of sessions. */
  readonly #longLived: LongLivedTimers;
  /** Families whose long-lived time was over before the peer, which was back, had told all. */
  readonly #exhausted = new Set<Family>();
  /** Families with routes that may be stale still: they are looked through only then. */
  readonly #marked = new Set<Family>();
  /** Times of the clock. */
  readonly #refreshAllowedAt = new Map<Family, number>();

  constructor(context: StaleRoutesContext) {
    this.#context = context;
    this.#longLived = new LongLivedTimers({
      clock: context.clock,
      over: (family) => this.#longLivedOver(family),
    });
  }

  /** By family with long-lived stale routes: wall-clock milliseconds until which they stay. */
  get longLivedEnds(): ReadonlyMap<Family, number> {
    return this.#longLived.ends;
  }

  /** The session of a source is lost: keeps of its routes what is said, and removes all others. */
  keep(source: RouteSource, lost: KeptRoutes): void {
    const { ribs, sweep, clock } = this.#context;
    this.#stopTimers();
    this.#marked.clear();
    this.#resumed = undefined;
    const { restarting, restartTime, longLived } = this.#stillToKeep(lost);
    const families = new Set([...restarting, ...longLived.keys()]);
    for (const family of this.#longLived.ends.keys())
      if (!longLived.has(family)) this.#longLived.cancel(family);
    if (families.size === 0) {
      sweep(source, [...ribs.values()]);
      return;
    }
    const others = [...ribs].filter(([family]) => !families.has(family)).map(([, rib]) => rib);
    const again: Rib[] = [];
    for (const [family, rib] of ribs) {
      // RFC 4724 §4.2: what was stale already does not live on when the peer restarts once more; RFC 9494 §4.2: unless
      // its long-lived time runs.
      rib.markStale(source);
      if (families.has(family) && !this.#longLived.runs(family)) again.push(rib);
    }
    for (const family of families) this.#marked.add(family);
    this.#sweepStale(source, others);
    sweep(source, again, PathFlag.expired);
    this.#kept = { source, families };
    const isOver = (family: Family): boolean =>
      this.#longLived.runs(family) || restartTime === 0 || !restarting.includes(family);
    this.#beginLongLived(new Map([...longLived].filter(([family]) => isOver(family))));
    if (restarting.some((family) => !this.#longLived.runs(family))) {
      this.#timer = clock.setTimer(restartTime * 1000, () => this.#restartTimeOver(longLived));
    }
  }

  /** RFC 9494 §4.2: a time that was over while the peer told its routes is not given again. */
  #stillToKeep(lost: KeptRoutes): KeptRoutes {
    const isLeft = (family: Family): boolean => !this.#exhausted.has(family);
    const restarting = lost.restarting.filter(isLeft);
    const longLived = new Map(
      [...lost.longLived].filter(([family, seconds]) => isLeft(family) && this.#lasts(family, seconds)),
    );
    this.#exhausted.clear();
    return { ...lost, restarting, longLived };
  }

  /** RFC 9494 §4.2: a time that runs is not changed by what the peer says now, before it has told all its routes. */
  #lasts(family: Family, seconds: number): boolean {
    return seconds > 0 || this.#longLived.runs(family);
  }

  /** The peer has not come back in the time that a restart takes. */
  #restartTimeOver(longLived: ReadonlyMap<Family, number>): void {
    const kept = this.#kept;
    if (!kept) return;
    const waiting = [...kept.families].filter((family) => !this.#longLived.runs(family));
    const gone = waiting.filter((family) => !longLived.has(family));
    for (const family of gone) this.#letGo(kept, family);
    this.#beginLongLived(new Map([...longLived].filter(([family]) => waiting.includes(family))));
  }

  #beginLongLived(seconds: ReadonlyMap<Family, number>): void {
    const { source } = this.#kept ?? {};
    if (!source || seconds.size === 0) return;
    const { ribs, markLongLived, longLived } = this.#context;
    for (const [family, rib] of ribs) {
      if (seconds.has(family)) markLongLived(source, rib, rib.staleFlags(source));
    }
    for (const [family, time] of seconds) this.#longLived.begin(family, time);
    const now = this.#context.clock.wallTime();
    // Of all families: one that began earlier may last longer.
    const left = [...this.#longLived.ends.values()].map((end) => end - now);
    longLived([...seconds.keys()], Math.ceil(Math.max(...left) / 1000));
  }

  #longLivedOver(family: Family): void {
    if (this.#kept) this.#letGo(this.#kept, family);
    else if (this.#resumed) {
      this.#exhausted.add(family);
      if (!this.#refreshTimers.has(family)) this.#sweepFamily(this.#resumed, family);
    }
  }

  /** The time is over for a family of a peer whose session is lost; with the last one the peer is forgotten as a source. */
  #letGo({ source, families }: { source: RouteSource; families: Set<Family> }, family: Family): void {
    families.delete(family);
    if (families.size === 0) this.drop();
    else this.#sweepFamily(source, family);
  }

  /**
   * The session is back: gives the source to go on with, or undefined when none was kept. Routes of families in which
   * the peer did not go on forwarding are removed at once; `stalePathTime`: seconds for the others, if their long-lived time
   * does not run.
   */
  resume(negotiated: NegotiatedSession, stalePathTime: number): RouteSource | undefined {
    const kept = this.#kept;
    if (!kept) return undefined;
    if (!isOf(kept.source, negotiated)) {
      this.drop();
      return undefined;
    }
    const { ribs, clock } = this.#context;
    const { source, families } = kept;
    const forwarded = [...families].filter((family) => this.#isForwarded(family, negotiated));
    const lost = [...ribs].filter(([family]) => !forwarded.includes(family)).map(([, rib]) => rib);
    this.#sweepStale(source, lost);
    this.#stopTimers();
    this.#kept = undefined;
    this.#resumed = source;
    for (const family of families) {
      if (forwarded.includes(family)) continue;
      this.#marked.delete(family);
      this.#longLived.cancel(family);
    }
    const short = forwarded.filter((family) => !this.#longLived.runs(family));
    this.#timer = clock.setTimer(stalePathTime * 1000, () => {
      for (const family of short) if (!this.#refreshTimers.has(family)) this.#sweepFamily(source, family);
    });
    return source;
  }

  /** By the capability that the routes are kept by: RFC 4724 §4.2, or RFC 9494 §4.2 once the long-lived time has begun. */
  #isForwarded(family: Family, { families, gracefulRestart, longLived }: NegotiatedSession): boolean {
    const told = this.#longLived.runs(family) ? longLived : gracefulRestart;
    return (
      families.includes(family) &&
      (told?.families ?? []).some((offer) => offer.family === family && offer.forwarding)
    );
  }

  /** The peer has told all of a family (End-of-RIB): what it did not tell goes. */
  endOfRib(source: RouteSource, family: Family): void {
    this.#longLived.cancel(family);
    this.#exhausted.delete(family);
    if (!this.#refreshTimers.has(family)) this.#sweepFamily(source, family);
  }

  /** The peer begins to tell all of a family again (RFC 7313 §4.2). */
  beginRefresh(source: RouteSource, family: Family): void {
    const rib = this.#context.ribs.get(family);
    const now = this.#context.clock.now();
    // Marking goes over the whole table: a peer that begins again sooner than it could tell one is not followed.
    if (!rib || this.#refreshTimers.has(family) || now < (this.#refreshAllowedAt.get(family) ?? 0)) return;
    this.#refreshAllowedAt.set(family, now + rib.paths.idLimit * REFRESH_PAUSE_PER_PATH);
    rib.markStale(source);
    this.#marked.add(family);
    const timer = this.#context.clock.setTimer(REFRESH_TIME * 1000, () => this.endRefresh(source, family));
    this.#refreshTimers.set(family, timer);
  }

  /** The peer has told all of a family again; without a beginning nothing happens. */
  endRefresh(source: RouteSource, family: Family): void {
    const timer = this.#refreshTimers.get(family);
    if (!timer) return;
    timer.cancel();
    this.#refreshTimers.delete(family);
    this.#sweepFamily(source, family);
  }

  #sweepFamily(source: RouteSource, family: Family): void {
    if (!this.#marked.delete(family)) return;
    const rib = this.#context.ribs.get(family);
    if (rib) this.#sweepStale(source, [rib]);
  }

  /** What is stale now: paths that will be marked before the sweep comes to them stay. */
  #sweepStale(source: RouteSource, ribs: readonly Rib[]): void {
    for (const rib of ribs) this.#context.sweep(source, [rib], rib.staleFlags(source));
  }

  /** Removes what was kept of a lost session. */
  drop(): void {
    this.#stopTimers();
    this.#longLived.cancelAll();
    this.#exhausted.clear();
    const kept = this.#kept;
    this.#kept = undefined;
    this.#marked.clear();
    if (kept) this.#context.sweep(kept.source, [...this.#context.ribs.values()]);
  }

  #stopTimers(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const timer of this.#refreshTimers.values()) timer.cancel();
    this.#refreshTimers.clear();
  }
}

/** The same router as before, by what the decision process knows of it. */
function isOf({ routerId, address }: RouteSource, negotiated: NegotiatedSession): boolean {
  return (
    routerId === negotiated.remoteRouterId &&
    address !== undefined &&
    addressEquals(address, negotiated.remoteAddress)
  );
}
