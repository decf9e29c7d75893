import { addressEquals } from '../net/address.ts';
import { PathFlag, STALE_FLAGS } from './rib/path-table.ts';
import type { Rib } from './rib/rib.ts';
import type { RouteSource } from './rib/sources.ts';
import type { Clock, Timer } from './session/clock.ts';
import type { NegotiatedSession, SessionDown } from './session/session-events.ts';
import { CeaseSubcode, NotificationCode } from './wire/constants.ts';
import type { Family } from './wire/family.ts';

/** What {@link StaleRoutes} works with. */
export interface StaleRoutesContext {
  readonly clock: Clock;
  /** The RIBs that the peer's routes are in. */
  readonly ribs: ReadonlyMap<Family, Rib>;
  /** Removes paths of a source: all, and the source with them, or those with one of the bits `only`. */
  readonly sweep: (source: RouteSource, ribs: readonly Rib[], only?: number) => void;
}

/** Seconds that a peer has between the beginning and the end of telling everything again. */
const REFRESH_TIME = 360;

/** Milliseconds from the beginning of a refresh until another one is taken note of, for each path in the table. */
const REFRESH_PAUSE_PER_PATH = 0.001;

/** Families whose routes are kept when a session ends like this (RFC 4724 §4.2, RFC 8538 §4); most often none. */
export function keptFamilies({ gracefulRestart, families }: NegotiatedSession, down: SessionDown): Family[] {
  if (!gracefulRestart || !isGraceful(down, gracefulRestart.notification)) return [];
  const offered = new Set(gracefulRestart.families.map(({ family }) => family));
  return families.filter((family) => offered.has(family));
}

function isGraceful({ notification, heldFor }: SessionDown, notificationToo: boolean): boolean {
  if (heldFor !== undefined) return false;
  if (!notification) return true;
  const { code, subcode } = notification;
  const isFinal =
    code === NotificationCode.CEASE &&
    (subcode === CeaseSubcode.HARD_RESET || subcode === CeaseSubcode.BFD_DOWN);
  return notificationToo && !isFinal;
}

/**
 * Routes of one peer that are not certain any more, and stay in use for a while: those of a peer that restarts
 * (RFC 4724 §4.2), and those of one that tells all of a family again (RFC 7313 §4.2). What it has not told again
 * when it says that it is done, or when the time is over, goes.
 */
export class StaleRoutes {
  readonly #context: StaleRoutesContext;
  /** The peer as a source, while its session is lost. */
  #kept: { readonly source: RouteSource; readonly families: readonly Family[] } | undefined;
  /** For the peer to come back, then for it to tell its routes. */
  #timer: Timer | undefined;
  readonly #refreshTimers = new Map<Family, Timer>();
  /** Families with routes that may be stale still: they are looked through only then. */
  readonly #marked = new Set<Family>();
  /** Times of the clock. */
  readonly #refreshAllowedAt = new Map<Family, number>();

  constructor(context: StaleRoutesContext) {
    this.#context = context;
  }

  /** The session of a source is lost: keeps the routes of these families for `seconds`, and removes all others. */
  keep(source: RouteSource, families: readonly Family[], seconds: number): void {
    const { ribs, sweep, clock } = this.#context;
    this.#stopTimers();
    this.#marked.clear();
    if (families.length === 0) {
      sweep(source, [...ribs.values()]);
      return;
    }
    const kept: Rib[] = [];
    const others: Rib[] = [];
    for (const [family, rib] of ribs) (families.includes(family) ? kept : others).push(rib);
    for (const rib of ribs.values()) rib.markStale(source);
    for (const family of families) this.#marked.add(family);
    sweep(source, others, STALE_FLAGS);
    // RFC 4724 §4.2: what was stale already does not live on when the peer restarts once more.
    sweep(source, kept, PathFlag.expired);
    this.#kept = { source, families };
    this.#timer = clock.setTimer(seconds * 1000, () => this.drop());
  }

  /**
   * The session is back: gives the source to go on with, or undefined when none was kept. Routes of families in which
   * the peer did not go on forwarding are removed at once; `stalePathTime`: seconds for the others.
   */
  resume(negotiated: NegotiatedSession, stalePathTime: number): RouteSource | undefined {
    const kept = this.#kept;
    if (!kept) return undefined;
    if (!isOf(kept.source, negotiated)) {
      this.drop();
      return undefined;
    }
    const { ribs, sweep, clock } = this.#context;
    const { source, families } = kept;
    const told = negotiated.gracefulRestart?.families ?? [];
    const forwarded = families.filter(
      (family) =>
        negotiated.families.includes(family) &&
        told.some((offer) => offer.family === family && offer.forwarding),
    );
    const lost = [...ribs].filter(([family]) => !forwarded.includes(family)).map(([, rib]) => rib);
    sweep(source, lost, STALE_FLAGS);
    this.#stopTimers();
    this.#kept = undefined;
    this.#timer = clock.setTimer(stalePathTime * 1000, () => {
      for (const family of forwarded) if (!this.#refreshTimers.has(family)) this.#sweepFamily(source, family);
    });
    for (const family of families) if (!forwarded.includes(family)) this.#marked.delete(family);
    return source;
  }

  /** The peer has told all of a family (End-of-RIB): what it did not tell goes. */
  endOfRib(source: RouteSource, family: Family): void {
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
    if (rib) this.#context.sweep(source, [rib], STALE_FLAGS);
  }

  /** Removes what was kept of a lost session. */
  drop(): void {
    this.#stopTimers();
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
