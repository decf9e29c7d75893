import type { Clock } from '../../bgp/session/clock.ts';
import { formatAddress } from '../../net/address.ts';
import type { Logger } from './log.ts';
import { LogLimit } from './log-limit.ts';
import type { SessionOpener } from './session-opener.ts';

/** What {@link findNeighbors} is given. */
export interface UnnumberedNeighborsOptions {
  /** Interfaces that have a neighbor to be found. */
  readonly interfaces: readonly string[];
  readonly opener: SessionOpener;
  /** Name of the network namespace; undefined: the process's own, which is not this router's to set up. */
  readonly namespace: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Finds the neighbors on interfaces, and tells their sessions, until the result is closed. */
export async function findNeighbors(
  options: UnnumberedNeighborsOptions,
): Promise<{ close(): void } | undefined> {
  const { interfaces, opener, namespace, clock, log } = options;
  if (interfaces.length === 0) return undefined;
  // Most configurations have no use for it.
  const { NeighborDiscovery } = await import('../discovery/neighbor-discovery.ts');
  const limit = new LogLimit(clock);
  /** Addresses that were told last. */
  const known = new Map<string, string>();
  const discovery = new NeighborDiscovery({
    namespace,
    interfaces,
    keepKernelOut: namespace !== undefined,
    clock,
    random: Math.random,
    found: (name, address) => {
      const text = formatAddress(address);
      if (known.get(name) !== text)
        log.info({ peer: name, address: text }, 'found the neighbor on the interface');
      known.set(name, text);
      opener.sessionOn(name)?.found(address);
    },
    lost: (name, reason) => {
      known.delete(name);
      log.info({ peer: name, reason }, 'there is no neighbor on the interface');
      opener.sessionOn(name)?.lost(reason);
    },
    isInUse: (name) => {
      const session = opener.sessionOn(name);
      return session?.state === 'Established' || session?.heldUntil !== undefined;
    },
    warn: (message) =>
      limit.pass('discovery', (leftOut) => log.warn(leftOut > 0 ? { leftOut } : {}, message)),
  });
  discovery.start();
  return discovery;
}
