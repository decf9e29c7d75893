import type { Rib } from './rib/rib.ts';
import type { RouteSource } from './rib/sources.ts';
import type { SessionError } from './session/session-events.ts';
import { CeaseSubcode, NotificationCode } from './wire/constants.ts';
import { type Family, familyName } from './wire/family.ts';

/** How many prefixes a peer may announce in a family. */
export interface PrefixLimit {
  readonly limit: number;
  /** There is a warning from so many on. */
  readonly warnAt: number;
  /** What follows when the limit is passed: a warning, or the end of the session for so many milliseconds, Infinity: until an operator clears it. */
  readonly answer: 'warn' | { readonly heldFor: number };
}

/** How a count stands to its limit. */
export type LimitState = 'below' | 'near' | 'exceeded';

/** Below this part of the mark a warning is forgotten, and said again the next time: counts go up and down. */
const FORGET_BELOW = 0.9;

/** What {@link PrefixLimits} works with. */
export interface PrefixLimitsContext {
  readonly limits: ReadonlyMap<Family, PrefixLimit>;
  readonly ribs: ReadonlyMap<Family, Rib>;
  /** A mark was passed, for the first time since the count was well below it. */
  readonly passed: (family: Family, count: number, state: 'near' | 'exceeded') => void;
}

/**
 * Holds the paths of one peer against the limits of its families (RFC 4271 §6.7). It is asked after each message: one
 * message may go past a limit by the routes that it has. Paths that are kept through a restart count when they are told
 * again.
 */
export class PrefixLimits {
  readonly #context: PrefixLimitsContext;
  readonly #said = new Map<Family, LimitState>();

  constructor(context: PrefixLimitsContext) {
    this.#context = context;
  }

  /** The peer begins to tell its routes. */
  begin(): void {
    this.#said.clear();
  }

  /** The error that ends the session when the paths of its source are too many. */
  check(source: RouteSource): SessionError | undefined {
    for (const [family, limit] of this.#context.limits) {
      const rib = this.#context.ribs.get(family);
      const count = rib?.freshPathCount(source) ?? 0;
      this.#note(family, count, limit);
      if (limit.answer === 'warn') continue;
      if (count > limit.limit) return tooMany(family, count, limit.limit, limit.answer);
      // As many again may be kept from before, not more: a peer may come and go without ever telling all.
      const all = rib?.pathCount(source) ?? 0;
      if (all > 2 * limit.limit) return tooMany(family, all, limit.limit, limit.answer);
    }
    return undefined;
  }

  #note(family: Family, count: number, { limit, warnAt }: PrefixLimit): void {
    const said = this.#said.get(family) ?? 'below';
    if (count > limit && said !== 'exceeded') this.#say(family, count, 'exceeded');
    else if (count >= warnAt && said === 'below') this.#say(family, count, 'near');
    else if (count < warnAt * FORGET_BELOW) this.#said.delete(family);
    else if (count < limit * FORGET_BELOW && said === 'exceeded') this.#said.set(family, 'near');
  }

  #say(family: Family, count: number, state: 'near' | 'exceeded'): void {
    this.#said.set(family, state);
    this.#context.passed(family, count, state);
  }
}

/** RFC 4486 §4: the data is the family and the limit. */
function tooMany(
  family: Family,
  count: number,
  limit: number,
  { heldFor }: { heldFor: number },
): SessionError {
  const data = new Uint8Array(7);
  const view = new DataView(data.buffer);
  view.setUint16(0, family >>> 8);
  view.setUint8(2, family & 0xff);
  view.setUint32(3, limit);
  return {
    code: NotificationCode.CEASE,
    subcode: CeaseSubcode.MAXIMUM_NUMBER_OF_PREFIXES_REACHED,
    data,
    message: `${count} prefixes of ${familyName(family)}, and ${limit} are the most`,
    heldFor,
  };
}
