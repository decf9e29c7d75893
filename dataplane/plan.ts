import type { DesiredState } from './desired.ts';
import { isOwnNamespace, linkNamed, type ObservedLink, type ObservedState } from './observed.ts';
import { isUnderlayAlias, OWNER_ALIAS } from './ownership.ts';
import { planAddresses } from './plan-addresses.ts';
import { planRemovals, type Remaining, removeLinks } from './plan-removal.ts';
import type { Plan, PlanConflict, PlanStep } from './plan-step.ts';
import { lowestUnderlayMtu, moveBack, movedIn, planUnderlay } from './plan-underlay.ts';
import { planVrf } from './plan-vrf.ts';
import { RoutingTables } from './routing-tables.ts';
import { ROUTER_SYSCTLS } from './sysctls.ts';

/**
 * The steps from `observed` to `desired`, in the order to take them; none when all is as wanted. A
 * pure function: the same arguments give the same plan. What is not the daemon's own is never changed; when
 * it is in the way, that VRF or device is left out of the steps and named in the conflicts.
 */
export function plan(desired: DesiredState, observed: ObservedState): Plan {
  const { steps: removals, remaining } = planRemovals(desired, observed);
  const underlay = planUnderlay(desired, remaining);
  const vrfs = planVrfs(desired, remaining);
  return {
    steps: [
      ...removals,
      ...(observed.router === undefined ? [{ action: 'create namespace', group: 'namespace' } as const] : []),
      ...planSysctls(observed),
      ...underlay.steps,
      ...planLoopback(desired, observed),
      ...vrfs.steps,
    ],
    conflicts: [...underlay.conflicts, ...vrfs.conflicts],
  };
}

/**
 * The steps that undo everything: own links go, devices go back to the host with their addresses, the
 * namespace goes if the daemon made it.
 */
export function cleanup(observed: ObservedState): Plan {
  const { router } = observed;
  const own = router?.links.filter((link) => link.alias === OWNER_ALIAS && link.kind !== undefined) ?? [];
  const removals = removeLinks(own, observed).steps;
  if (router === undefined) return { steps: removals, conflicts: [] };
  const moves = movedIn(router).flatMap(moveBack);
  const loopback = linkNamed(router, 'lo');
  const stranded = strandedDevices(router.links);
  const last: PlanStep[] =
    isOwnNamespace(router) && stranded.length === 0
      ? [{ action: 'delete namespace', group: 'namespace' }]
      : planAddresses(LOOPBACK, loopback?.addresses ?? [], [], ({ own: set }) => set);
  return { steps: [...removals, ...moves, ...last], conflicts: stranded };
}

/** Drivers whose fallback device (`sit0` and the like) the kernel itself puts into every namespace. */
const FALLBACK_TUNNELS = ['sit', 'ipip', 'gre', 'gretap', 'erspan', 'ip6tnl', 'ip6gre', 'vti', 'vti6'];

/** Devices that others put into the namespace: virtual ones would be lost with it. */
function strandedDevices(links: readonly ObservedLink[]): PlanConflict[] {
  const isForeign = ({ name, alias, kind }: ObservedLink): boolean => {
    const ours = alias === OWNER_ALIAS || isUnderlayAlias(alias);
    return name !== 'lo' && !ours && !FALLBACK_TUNNELS.includes(kind ?? '');
  };
  const reason = 'somebody else put it into the router namespace: it stays there, and so does the namespace';
  return links.filter(isForeign).map(({ name }) => ({ object: `device ${name}`, reason }));
}

function planSysctls({ router, sysctls }: ObservedState): PlanStep[] {
  return ROUTER_SYSCTLS.flatMap(({ key, value, optional }) => {
    const absent = router !== undefined && sysctls.get(key) === undefined;
    if (sysctls.get(key) === value || (absent && optional)) return [];
    return [{ action: 'set sysctl', key, value, optional, group: `sysctl ${key}` }];
  });
}

const LOOPBACK = { side: 'router', device: 'lo', group: 'loopback', unique: true } as const;

function planLoopback(desired: DesiredState, observed: ObservedState): PlanStep[] {
  const loopback = linkNamed(observed.router, 'lo');
  const ownNamespace = isOwnNamespace(observed.router);
  const addresses = planAddresses(
    LOOPBACK,
    loopback?.addresses ?? [],
    desired.loopbackAddresses,
    ({ own, global }) => own || (ownNamespace && global),
  );
  if (loopback?.up) return addresses;
  const { side, device, group } = LOOPBACK;
  return [{ action: 'change link', side, device, change: { up: true }, group }, ...addresses];
}

function planVrfs(desired: DesiredState, remaining: Remaining): Plan {
  const tables = new RoutingTables(remaining.router, remaining.unreachableDefaults);
  const underlayMtu = lowestUnderlayMtu(desired, remaining);
  const plans = desired.vrfs.map((vrf) => planVrf(vrf, remaining, underlayMtu, tables));
  return {
    steps: plans.flatMap(({ steps }) => steps ?? []),
    conflicts: plans.flatMap(({ conflict }) => conflict ?? []),
  };
}
