import type { Rib } from '../../../bgp/rib/rib.ts';
import type { RoutingInstance } from '../../../bgp/routing-instance.ts';
import type { Clock } from '../../../bgp/session/clock.ts';
import type { Speaker } from '../../../bgp/speaker.ts';
import { IPV4_UNICAST } from '../../../bgp/wire/family.ts';
import type { BatchSocket } from '../../../dataplane/fib/batch-channel.ts';
import { Fib } from '../../../dataplane/fib/fib.ts';
import { FibFeed } from '../../node/fib-feed.ts';
import { hostNexthop, importedNexthop } from '../../node/path-nexthop.ts';
import { PRACTICE_VNI } from './practice-messages.ts';

/** A table with a number of a VRF's. */
const TABLE = 1000;

/** A kernel that takes whatever it is sent, and has nothing. */
const NO_KERNEL: BatchSocket = { sendBatch: () => Promise.resolve([]) };

/** Has the routes of a VRF of practice handed to a kernel that is not there. */
export function addPracticeKernel(speaker: Speaker, vrf: RoutingInstance, clock: Clock): void {
  const fib = new Fib({ socket: NO_KERNEL, interfaceIndex: () => 1, now: () => clock.now() });
  for (const rib of vrf.ribs.values()) speaker.addFollower(feedOf(rib, fib));
}

function feedOf(rib: Rib, routes: Fib): FibFeed {
  const version = rib.family === IPV4_UNICAST ? 4 : 6;
  return new FibFeed({
    rib,
    version,
    table: TABLE,
    routes,
    nexthopOf: (_, path) =>
      rib.sources.get(rib.paths.source(path)).imported
        ? importedNexthop(rib, path, version, PRACTICE_VNI)
        : hostNexthop(rib, path, PRACTICE_VNI),
    handedOver: () => {
      routes.flush().catch(() => undefined);
    },
  });
}
