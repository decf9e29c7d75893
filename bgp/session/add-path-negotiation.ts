import type { AddPathMode, Capability } from '../wire/capabilities.ts';
import type { Family } from '../wire/family.ts';
import type { OpenMessage } from '../wire/open.ts';

/** Families whose routes have path identifiers before them, in each direction (RFC 7911). */
export interface NegotiatedAddPath {
  /** The peer's routes have them. */
  readonly receive: readonly Family[];
  /** Ours have them. */
  readonly send: readonly Family[];
}

/** What a session without path identifiers has. */
export const NO_ADD_PATH: NegotiatedAddPath = { receive: [], send: [] };

/** Several paths are taken in every family: that costs nothing before a peer sends them. They are sent where configured. */
export function addPathCapability(families: readonly Family[], send: readonly Family[]): Capability {
  return {
    kind: 'add-path',
    families: families.map((family) => ({ family, mode: send.includes(family) ? 'both' : 'receive' })),
  };
}

/** A direction has path identifiers when one side can send and the other can receive them (RFC 7911 §5). */
export function negotiatedAddPath(
  families: readonly Family[],
  sent: OpenMessage,
  received: OpenMessage,
): NegotiatedAddPath {
  const ours = modesOf(sent);
  const theirs = modesOf(received);
  const both = (from: ModeByFamily, to: ModeByFamily): Family[] =>
    families.filter((family) => can(from.get(family), 'send') && can(to.get(family), 'receive'));
  return { receive: both(theirs, ours), send: both(ours, theirs) };
}

type ModeByFamily = ReadonlyMap<Family, AddPathMode>;

function can(mode: AddPathMode | undefined, direction: 'send' | 'receive'): boolean {
  return mode === direction || mode === 'both';
}

/** RFC 7911 §4 wants one capability, and is silent on a family that is named twice: the last word counts. */
function modesOf({ capabilities }: OpenMessage): ModeByFamily {
  const modes = new Map<Family, AddPathMode>();
  for (const capability of capabilities) {
    if (capability.kind !== 'add-path') continue;
    for (const { family, mode } of capability.families) modes.set(family, mode);
  }
  return modes;
}
