import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { missingRequirement } from './network/requirements.ts';
import { type RouterPlan, Topology, type TopologyPlan } from './topology.ts';

const missing = missingRequirement();

/** Tests against one topology, which runs while they do. Without what real routers need they are skipped, with the reason. */
export function describeTopology<const R extends Readonly<Record<string, RouterPlan>>>(
  name: string,
  plan: TopologyPlan<R>,
  tests: (topology: () => Topology<R>) => void,
): void {
  describe(name, () => {
    let topology: Topology<R> | undefined;
    beforeAll(async () => {
      if (missing === undefined) topology = await Topology.start(plan);
    });
    beforeEach(({ onTestFailed, skip }) => {
      skip(missing !== undefined, missing);
      onTestFailed(() => topology?.reportFailure());
    });
    afterAll(async () => {
      await topology?.remove();
    });
    tests(() => {
      if (!topology) throw new Error('the topology is not running');
      return topology;
    });
  });
}
