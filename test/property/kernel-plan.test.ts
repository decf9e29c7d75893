import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DesiredState } from '../../dataplane/desired.ts';
import type { ObservedLink, ObservedState } from '../../dataplane/observed.ts';
import { OWNER_ALIAS } from '../../dataplane/ownership.ts';
import { cleanup, plan } from '../../dataplane/plan.ts';
import { SimulatedKernel } from '../unit/dataplane/simulated-kernel.ts';
import { configured, desiredVrf, freshNode, link, prefix } from '../unit/dataplane/states.ts';

const vrfNames = fc.uniqueArray(fc.constantFrom('red', 'blue', 'green', 'yellow'), { maxLength: 4 });

/** Configurations with some VRFs, whose VNIs and tunnel endpoints change from one to the next. */
const desiredStates: fc.Arbitrary<DesiredState> = fc
  .record({
    names: vrfNames,
    vniBase: fc.constantFrom(100, 101, 500),
    vtep: fc.constantFrom('100.65.0.0', '100.65.0.7', '2001:db8:65::1'),
    withVeth: fc.boolean(),
    underlay: fc.boolean(),
  })
  .map(({ names, vniBase, vtep, withVeth, underlay }) => ({
    namespace: 'perouter',
    underlayInterfaces: underlay ? ['toswitch1'] : [],
    loopbackAddresses: [prefix(`${vtep}/${vtep.includes(':') ? 128 : 32}`)],
    vrfs: names.map((name, index) => {
      const vrf = desiredVrf(name, vniBase + index, 10 + index, vtep);
      if (withVeth) return vrf;
      const { veth: _, ...bare } = vrf.l3vni;
      return { name, l3vni: bare };
    }),
  }));

/** What a person or another program may do to a device. */
const damages: fc.Arbitrary<Partial<ObservedLink>> = fc.constantFrom<Partial<ObservedLink>>(
  { up: false },
  { masterIndex: undefined },
  { mtu: 1400 },
  { generatesLinkLocal: true },
  { suppressesNeighbours: false },
  { addresses: [] },
  { addresses: [configured('198.51.100.1/24')] },
  { lowerIndex: 4711 },
);

function damage(state: ObservedState, picks: ReadonlyArray<[number, Partial<ObservedLink>]>): ObservedState {
  const links = [...(state.router?.links ?? [])];
  for (const [pick, change] of picks) {
    const index = pick % Math.max(links.length, 1);
    const found = links[index];
    // Another end of a veth is no damage that an observed state can show without its device being another one.
    const possible = found && !(found.kind === 'veth' && 'lowerIndex' in change);
    if (found && possible) links[index] = { ...found, ...change };
  }
  return { ...state, router: { links } };
}

describe('plan and cleanup', () => {
  it('leave nothing to do once carried out, from any configuration to any other, whatever was damaged between', () => {
    fc.assert(
      fc.property(
        desiredStates,
        fc.array(fc.tuple(fc.nat(), damages), { maxLength: 4 }),
        desiredStates,
        (first, picks, second) => {
          const kernel = new SimulatedKernel(freshNode()).perform(plan(first, freshNode()).steps);
          const damaged = damage(kernel.state(), picks);
          const repair = plan(second, damaged);
          const repaired = new SimulatedKernel(damaged).perform(repair.steps).state();
          expect(plan(second, repaired).steps).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('touch no device that is not own', () => {
    const foreign = fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('red', 'br-pe-100', 'vni101', 'pe-e-100', 'tap0', 'blue', 'eth5'),
        kind: fc.constantFrom(undefined, 'vrf', 'bridge', 'vxlan', 'veth', 'dummy'),
        up: fc.boolean(),
        masterIndex: fc.constantFrom(undefined, 1, 500),
      }),
      { selector: ({ name }) => name, maxLength: 5 },
    );
    fc.assert(
      fc.property(foreign, desiredStates, (devices, desired) => {
        const fresh = freshNode();
        const made = new SimulatedKernel(fresh).perform(plan({ ...desired, vrfs: [] }, fresh).steps).state();
        const links = devices.map(({ name, ...rest }, i) =>
          link(name, 500 + i, { ...rest, ...(rest.kind === 'vrf' && { vrfTable: 10 + i }) }),
        );
        const state = { ...made, router: { links: [...(made.router?.links ?? []), ...links] } };
        for (const { steps } of [plan(desired, state), cleanup(state)]) {
          const after = new SimulatedKernel(state).perform(steps).state();
          for (const before of links) {
            const found = after.router?.links.find(({ index }) => index === before.index);
            // One that is exactly as wanted may be taken over: then its alias and its unwanted addresses change.
            const taken = found?.alias === OWNER_ALIAS;
            expect({ ...found, ...(taken && { alias: before.alias, addresses: before.addresses }) }).toEqual(
              before,
            );
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('leave nothing own behind', () => {
    fc.assert(
      fc.property(desiredStates, (desired) => {
        const fresh = freshNode();
        const state = new SimulatedKernel(fresh).perform(plan(desired, fresh).steps).state();
        const after = new SimulatedKernel(state).perform(cleanup(state).steps).state();
        expect(after.router).toBeUndefined();
        expect(after.host.links.map(({ name }) => name).sort()).toEqual(['eth0', 'lo', 'toswitch1']);
      }),
    );
  });
});
