// Hot: runs once per UPDATE. Nothing is allocated but for a route with BLACKHOLE.
import { WellKnownCommunity } from '../wire/constants.ts';
import { internWithCommunity } from './added-community.ts';
import { AttributeFact, AttributeKind, type AttributeStore } from './attribute-store.ts';

const LIMITED = AttributeFact.noExport | AttributeFact.noAdvertise;

/**
 * RFC 7999 §3.2: what an external peer wants to have discarded does not leave the AS. Gives the set `id`, or one with
 * NO_EXPORT, which FRR adds too; `id` is dropped then, if nothing refers to it.
 */
export function limitBlackhole(store: AttributeStore, id: number): number {
  const facts = store.flags(id);
  if ((facts & AttributeFact.blackhole) === 0) return id;
  if (facts & LIMITED || store.kind(id) !== AttributeKind.ebgp) return id;
  const limited = internWithCommunity(store, id, WellKnownCommunity.NO_EXPORT);
  store.collect(id);
  return limited;
}
