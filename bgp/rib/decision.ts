// Hot: runs once per changed prefix that has several paths. Nothing is allocated.
import { AttributeFact, type AttributeStore } from './attribute-store.ts';
import { growInt32 } from './columns.ts';
import { LeastMed } from './least-med.ts';
import { compareMacMobility } from './mac-mobility.ts';
import type { PathTable } from './path-table.ts';
import { comparePeerAddress, SourceKind, type SourceRegistry } from './sources.ts';

/** Steps of the decision process in their order, as people read them. */
export const DECISION_STEPS = [
  'MAC mobility',
  'long-lived stale',
  'local preference',
  'locally originated',
  'AS path length',
  'origin',
  'MED',
  'external over internal',
  'router id',
  'cluster list length',
  'peer address',
  'path identifier',
] as const;

/** A step of {@link DECISION_STEPS}, or `only path` for one without competition. */
export type DecisionReason = (typeof DECISION_STEPS)[number] | 'only path';

/** The first step of all routes but MAC/IP Advertisement routes. */
const COMMON_STEP = 1;
const MED_STEP = 6;
/** Paths that are equal in all steps before this one may share the traffic. */
const FIRST_TIE_BREAK = 8;
/** As many paths are compared by MED each with each other; more of them in a table. */
const FEW = 8;

/**
 * The decision process of RFC 4271 §9.1.2.2 over the paths of one prefix. MED is compared only between
 * paths of the same neighbour AS, and a path that loses by MED takes no part in the later steps, so
 * that the order of arrival has no influence.
 */
export class DecisionProcess {
  readonly #attributes: AttributeStore;
  readonly #sources: SourceRegistry;
  readonly #paths: PathTable;
  readonly #isMacRoute: ((path: number) => boolean) | undefined;
  #candidates = new Int32Array(16);
  readonly #leastMed = new LeastMed();

  /** `isMacRoute`: whether a path is one of an EVPN MAC/IP Advertisement route; absent in other families. */
  constructor(
    attributes: AttributeStore,
    sources: SourceRegistry,
    paths: PathTable,
    isMacRoute?: (path: number) => boolean,
  ) {
    this.#attributes = attributes;
    this.#sources = sources;
    this.#paths = paths;
    this.#isMacRoute = isMacRoute;
  }

  /** The best of `count` paths at the start of `candidates` (which is reordered), or -1 when there is none. */
  select(candidates: Int32Array, count: number): number {
    if (count === 0) return -1;
    let left = this.#keepBest(candidates, count, this.#firstStep(candidates[0] as number), MED_STEP);
    if (left > 1) left = this.#dropWorseMed(candidates, left);
    if (left > 1) this.#keepBest(candidates, left, MED_STEP + 1, DECISION_STEPS.length);
    return candidates[0] as number;
  }

  #firstStep(path: number): number {
    return this.#isMacRoute?.(path) ? 0 : COMMON_STEP;
  }

  /** Moves the paths that no other beats in steps `from` to `to` to the front; returns how many. */
  #keepBest(candidates: Int32Array, count: number, from: number, to: number): number {
    let kept = 1;
    for (let i = 1; i < count; i++) {
      const path = candidates[i] as number;
      const order = this.#compare(path, candidates[0] as number, from, to);
      if (order > 0) continue;
      if (order < 0) kept = 0;
      candidates[kept++] = path;
    }
    return kept;
  }

  #dropWorseMed(candidates: Int32Array, count: number): number {
    return count > FEW ? this.#keepLeastMed(candidates, count) : this.#dropBeatenByMed(candidates, count);
  }

  /** A peer may send hundreds of paths of one prefix (RFC 7911): to compare each with each takes too long. */
  #keepLeastMed(candidates: Int32Array, count: number): number {
    const attributes = this.#attributes;
    const least = this.#leastMed;
    least.begin(count);
    for (let i = 0; i < count; i++) {
      const id = this.#paths.attributes(candidates[i] as number);
      least.note(attributes.neighborAs(id), attributes.med(id));
    }
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const path = candidates[i] as number;
      const id = this.#paths.attributes(path);
      if (attributes.med(id) === least.of(attributes.neighborAs(id))) candidates[kept++] = path;
    }
    return kept;
  }

  #dropBeatenByMed(candidates: Int32Array, count: number): number {
    const attributes = this.#attributes;
    this.#candidates = growInt32(this.#candidates, count);
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const mine = this.#paths.attributes(candidates[i] as number);
      let beaten = false;
      for (let j = 0; j < count && !beaten; j++) {
        const other = this.#paths.attributes(candidates[j] as number);
        beaten =
          attributes.neighborAs(mine) === attributes.neighborAs(other) &&
          attributes.med(other) < attributes.med(mine);
      }
      if (!beaten) this.#candidates[kept++] = candidates[i] as number;
    }
    for (let i = 0; i < kept; i++) candidates[i] = this.#candidates[i] as number;
    return kept;
  }

  #compare(a: number, b: number, from: number, to: number): number {
    for (let step = from; step < to; step++) {
      const order = this.#compareStep(a, b, step);
      if (order !== 0) return order;
    }
    return 0;
  }

  /** Negative when path `a` is better than `b` in one step. */
  #compareStep(a: number, b: number, step: number): number {
    const paths = this.#paths;
    const attributes = this.#attributes;
    const attributeA = paths.attributes(a);
    const attributeB = paths.attributes(b);
    switch (step) {
      case 0:
        // RFC 9494 §4.4: a long-lived stale path is less preferred than any other, wherever the address was last.
        return this.#compareLongLived(attributeA, attributeB) === 0
          ? compareMacMobility(attributes, attributeA, attributeB)
          : 0;
      case COMMON_STEP:
        return this.#compareLongLived(attributeA, attributeB);
      case 2:
        return attributes.localPref(attributeB) - attributes.localPref(attributeA);
      case 3:
        return Number(this.#kind(b) === SourceKind.local) - Number(this.#kind(a) === SourceKind.local);
      case 4:
        return attributes.asPathLength(attributeA) - attributes.asPathLength(attributeB);
      case 5:
        return attributes.origin(attributeA) - attributes.origin(attributeB);
      case MED_STEP:
        return this.#compareMed(attributeA, attributeB);
      case 7:
        return Number(this.#kind(a) === SourceKind.ibgp) - Number(this.#kind(b) === SourceKind.ibgp);
      case FIRST_TIE_BREAK:
        return this.#routerId(a) - this.#routerId(b);
      case 9:
        return attributes.clusterListLength(attributeA) - attributes.clusterListLength(attributeB);
      case 10:
        return comparePeerAddress(this.#sources.get(paths.source(a)), this.#sources.get(paths.source(b)));
      default:
        return paths.pathId(a) - paths.pathId(b);
    }
  }

  #compareLongLived(a: number, b: number): number {
    const attributes = this.#attributes;
    return (
      (attributes.flags(a) & AttributeFact.longLivedStale) -
      (attributes.flags(b) & AttributeFact.longLivedStale)
    );
  }

  #compareMed(a: number, b: number): number {
    const attributes = this.#attributes;
    return attributes.neighborAs(a) === attributes.neighborAs(b) ? attributes.med(a) - attributes.med(b) : 0;
  }

  #kind(path: number): SourceKind {
    return this.#sources.get(this.#paths.source(path)).kind;
  }

  /** RFC 4456 §9: ORIGINATOR_ID stands in for the peer's identifier. */
  #routerId(path: number): number {
    const originator = this.#attributes.originatorId(this.#paths.attributes(path));
    return originator !== 0 ? originator : this.#sources.get(this.#paths.source(path)).routerId;
  }

  /** True when traffic may be spread over `path` besides the best path: equal up to the tie breaks. */
  isMultipath(best: number, path: number): boolean {
    return this.#compare(best, path, this.#firstStep(best), FIRST_TIE_BREAK) === 0;
  }

  /** The step in which `best` beats `other`. */
  reason(best: number, other: number): DecisionReason {
    const first = this.#firstStep(best);
    const isDecided = (step: number): boolean => step >= first && this.#compareStep(best, other, step) !== 0;
    return DECISION_STEPS.find((_, step) => isDecided(step)) ?? 'path identifier';
  }
}
