// Hot: runs once per changed prefix and stream that tells several paths. Nothing is allocated but by growth.
import { growInt32 } from './columns.ts';
import { PathFlag } from './path-table.ts';
import type { Rib } from './rib.ts';

/** Which paths of a prefix are told, where that is more than the best one. */
export class PathSelection {
  readonly #rib: Rib;
  #paths = new Int32Array(16);
  #candidates = new Int32Array(16);

  constructor(rib: Rib) {
    this.#rib = rib;
  }

  /**
   * Selects all paths of a prefix that can be used if they are no more than `most`, in any order; else the best one, the
   * best one of the rest, and so on. Gives how many there are.
   */
  select(prefix: number, most: number): number {
    const usable = this.#collectUsable(prefix);
    if (usable <= most) return usable;
    for (let i = 0; i < most; i++) this.#moveBest(i, usable);
    return most;
  }

  /** One of the paths that were selected. */
  path(index: number): number {
    return this.#paths[index] as number;
  }

  #collectUsable(prefix: number): number {
    const { paths } = this.#rib;
    let count = 0;
    for (let path = this.#rib.firstPath(prefix); path >= 0; path = paths.next(path)) {
      if (paths.flags(path) & PathFlag.unusable) continue;
      if (count >= this.#paths.length) this.#paths = growInt32(this.#paths, count + 1);
      this.#paths[count++] = path;
    }
    return count;
  }

  /** Moves the best path of those from index `from` to `end` to `from`. */
  #moveBest(from: number, end: number): void {
    this.#candidates = growInt32(this.#candidates, end);
    for (let i = from; i < end; i++) this.#candidates[i - from] = this.#paths[i] as number;
    const best = this.#rib.decision.select(this.#candidates, end - from);
    const at = this.#paths.indexOf(best, from);
    this.#paths[at] = this.#paths[from] as number;
    this.#paths[from] = best;
  }
}
