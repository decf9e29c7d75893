import { writeNexthop } from '../../dataplane/fib/object-request.ts';
import { writeRoute, writeRouteRemoval } from '../../dataplane/fib/route-message.ts';
import { MessageBuilder } from '../../dataplane/netlink/message-builder.ts';
import { RouteSocket } from '../../dataplane/netlink/route-socket.ts';
import { ipv4Mapped } from '../../net/address.ts';
import { prefixLength, prefixOf, type RoutePlan, VTEPS, vtepAddress, vtepsOfRoutes } from './type5-routes.ts';

/** Where the messages go. */
export interface RawTarget {
  readonly namespace: string;
  readonly table: number;
  /** Index of the device behind which the tunnel endpoints are. */
  readonly device: number;
}

const FIRST_ID = 1_000_000;
/** As much as the daemon's socket sends at once. */
const BATCH = 128 * 1024;

/** The messages that the daemon sends for the routes of a plan, ready to be sent. */
export interface RawMessages {
  readonly additions: readonly Uint8Array[];
  readonly removals: readonly Uint8Array[];
}

type Write = (builder: MessageBuilder, prefix: Uint8Array, i: number) => void;

function inBatches({ version, count }: RoutePlan, write: Write): Uint8Array[] {
  const builder = new MessageBuilder(BATCH + 128);
  const batches: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    write(builder, prefixOf(version, i).bytes, i);
    if (builder.length + 72 <= BATCH && i + 1 < count) continue;
    batches.push(builder.copy());
    builder.reset();
  }
  return batches;
}

/** Sends prebuilt route messages in a loop: what the kernel can do. */
export class RawSender {
  readonly #target: RawTarget;
  readonly #socket: RouteSocket;

  constructor(target: RawTarget) {
    this.#target = target;
    this.#socket = RouteSocket.open(target.namespace);
  }

  /** Makes the next-hop objects, which stay. */
  async makeNexthops(version: 4 | 6): Promise<void> {
    const builder = new MessageBuilder();
    for (let vtep = 0; vtep < VTEPS; vtep++) {
      const gateway = version === 4 ? vtepAddress(vtep) : ipv4Mapped(vtepAddress(vtep));
      writeNexthop(builder, firstId(version) + vtep, gateway.bytes, this.#target.device, true);
    }
    await this.send([builder.copy()]);
  }

  prebuild(plan: RoutePlan): RawMessages {
    const { table } = this.#target;
    const { version } = plan;
    const length = prefixLength(version);
    const vteps = vtepsOfRoutes(plan);
    return {
      additions: inBatches(plan, (builder, prefix, i) =>
        writeRoute(builder, version, prefix, length, table, firstId(version) + (vteps[i] ?? 0)),
      ),
      removals: inBatches(plan, (builder, prefix) =>
        writeRouteRemoval(builder, version, prefix, length, table),
      ),
    };
  }

  /** @throws Error when the kernel refuses a message */
  async send(batches: readonly Uint8Array[]): Promise<void> {
    for (const batch of batches) {
      const [error] = await this.#socket.sendBatch(batch);
      if (error) throw new Error(`the kernel refused message ${error.index}: ${error.reason}`);
    }
  }

  close(): void {
    this.#socket.close();
  }
}

function firstId(version: 4 | 6): number {
  return FIRST_ID + (version === 6 ? VTEPS : 0);
}
