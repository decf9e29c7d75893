// Hot: runs once per path of a peer that is lost for long. Nothing is allocated but by growth.
import { WellKnownCommunity } from '../wire/constants.ts';
import { internWithCommunity } from './added-community.ts';
import { AttributeFact } from './attribute-store.ts';
import type { Rib } from './rib.ts';
import type { RouteSource } from './sources.ts';

/**
 * Gives the paths of a source that have one of the bits `only` the community LLGR_STALE, and removes those with NO_LLGR
 * (RFC 9494 §4.2); looks at `count` paths from `from` on, and returns where to go on, or -1 when all were looked at. They
 * stay stale, so that they go when the source has told its routes again without them.
 */
export function markLongLivedStale(
  rib: Rib,
  source: RouteSource,
  from: number,
  count: number,
  only: number,
): number {
  if (rib.pathCount(source) === 0) return -1;
  const { paths, attributes: store } = rib;
  const end = Math.min(from + count, paths.idLimit);
  // Paths of a peer come in runs with the same attributes.
  let lastBefore = -1;
  let lastAfter = -1;
  for (let path = from; path < end; path++) {
    if (paths.source(path) !== source.id) continue;
    if ((paths.flags(path) & only) === 0) continue;
    const before = paths.attributes(path);
    const facts = store.flags(before);
    if (facts & AttributeFact.noLongLived) {
      rib.withdraw(paths.prefix(path), source.id, paths.pathId(path));
      continue;
    }
    if (facts & AttributeFact.longLivedStale) continue;
    const known = before === lastBefore;
    const after = known ? lastAfter : internWithCommunity(store, before, WellKnownCommunity.LLGR_STALE);
    lastBefore = before;
    lastAfter = after;
    rib.setAttributes(path, after);
  }
  return end < paths.idLimit ? end : -1;
}
