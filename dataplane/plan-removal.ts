import { addressEquals } from '../net/address.ts';
import type { DesiredL3Vni, DesiredState, DesiredVeth } from './desired.ts';
import {
  linkNamed,
  type ObservedLink,
  type ObservedNamespace,
  type ObservedState,
  peerOf,
  type UnreachableDefault,
} from './observed.ts';
import { OWNER_ALIAS } from './ownership.ts';
import type { PlanStep } from './plan-step.ts';

/** What the kernel has once the steps so far are done. */
export interface Remaining {
  readonly router: ObservedNamespace;
  readonly host: ObservedNamespace;
  readonly unreachableDefaults: readonly UnreachableDefault[];
}

/** `lo` of a network namespace has this index in all of them. */
const LOOPBACK_INDEX = 1;

/** What leans on something else goes before it. */
const REMOVAL_ORDER = ['veth', 'vxlan', 'bridge', 'vrf'];

/** Steps that remove the daemon's own links that are not wanted, or not as they are, and what is left then. */
export function planRemovals(
  desired: DesiredState,
  observed: ObservedState,
): { readonly steps: readonly PlanStep[]; readonly remaining: Remaining } {
  const router = observed.router ?? { links: [] };
  const reusable = reusableLinks(desired, router, observed.host);
  const stale = router.links.filter((link) => link.alias === OWNER_ALIAS && !reusable.has(link));
  return removeLinks(
    stale.filter(({ kind }) => kind !== undefined),
    observed,
  );
}

/** Steps that remove these links of the router's namespace with all that hangs on them. */
export function removeLinks(
  stale: readonly ObservedLink[],
  observed: ObservedState,
): { readonly steps: readonly PlanStep[]; readonly remaining: Remaining } {
  const router = observed.router ?? { links: [] };
  const ordered = stale.toSorted((a, b) => orderOf(a) - orderOf(b));
  const steps = ordered.flatMap((link) => [
    ...unreachableDefaultsOf(link, observed).map((entry) => removeDefault(link, entry)),
    removeLink(link),
  ]);
  const tables = new Set(stale.map(({ vrfTable }) => vrfTable));
  const gone = new Set([...stale, ...stale.flatMap((link) => peerOf(link, observed.host) ?? [])]);
  const remaining = {
    router: without(router, gone),
    host: without(observed.host, gone),
    unreachableDefaults: observed.unreachableDefaults.filter(({ table }) => !tables.has(table)),
  };
  return { steps, remaining };
}

/** True for a VXLAN device whose unchangeable properties are as wanted. */
export function isVxlanOf(link: ObservedLink, wanted: DesiredL3Vni): boolean {
  const found = link.vxlan;
  if (link.kind !== 'vxlan' || found === undefined) return false;
  const sameTunnel = found.vni === wanted.vni && found.port === wanted.port;
  const sameSource = addressEquals(found.local, wanted.vtep) && link.lowerIndex === LOOPBACK_INDEX;
  return sameTunnel && sameSource && !found.learning;
}

/** True for a veth whose ends are where they should be, under the right names. */
export function isVethOf(link: ObservedLink, wanted: DesiredVeth, host: ObservedNamespace): boolean {
  return peerOf(link, host)?.name === wanted.hostName;
}

function reusableLinks(
  desired: DesiredState,
  router: ObservedNamespace,
  host: ObservedNamespace,
): ReadonlySet<ObservedLink> {
  const reusable = new Set<ObservedLink>();
  const keep = (name: string, fits: (link: ObservedLink) => boolean): void => {
    const link = linkNamed(router, name);
    if (link !== undefined && fits(link)) reusable.add(link);
  };
  for (const { name, l3vni } of desired.vrfs) {
    const { veth } = l3vni;
    keep(name, ({ kind }) => kind === 'vrf');
    keep(l3vni.bridge, ({ kind }) => kind === 'bridge');
    keep(l3vni.vxlan, (link) => isVxlanOf(link, l3vni));
    if (veth) keep(veth.routerName, (link) => isVethOf(link, veth, host));
  }
  return reusable;
}

function unreachableDefaultsOf(link: ObservedLink, observed: ObservedState): readonly UnreachableDefault[] {
  if (link.vrfTable === undefined) return [];
  return observed.unreachableDefaults.filter(({ table }) => table === link.vrfTable);
}

function removeDefault(vrf: ObservedLink, { table, version }: UnreachableDefault): PlanStep {
  const group = `removal of ${vrf.name}`;
  return { action: 'remove unreachable default', vrf: vrf.name, table, version, group };
}

function removeLink({ name, kind }: ObservedLink): PlanStep {
  return {
    action: 'remove link',
    side: 'router',
    device: name,
    kind: kind ?? 'device',
    group: `removal of ${name}`,
  };
}

function orderOf(link: ObservedLink): number {
  return REMOVAL_ORDER.indexOf(link.kind ?? '');
}

/** The namespace without some links; who belonged to one of them belongs to nobody. */
function without(namespace: ObservedNamespace, gone: ReadonlySet<ObservedLink>): ObservedNamespace {
  const masters = new Set([...gone].map(({ index }) => index));
  const left = namespace.links.filter((link) => !gone.has(link));
  const released = (link: ObservedLink): ObservedLink =>
    link.masterIndex !== undefined && masters.has(link.masterIndex)
      ? { ...link, masterIndex: undefined }
      : link;
  return { links: left.map(released) };
}
