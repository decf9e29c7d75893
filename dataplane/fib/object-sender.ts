import { MessageBuilder } from '../netlink/message-builder.ts';
import type { BatchChannel } from './batch-channel.ts';
import type { FailureList } from './failures.ts';
import type { NexthopObjects } from './nexthop-objects.ts';
import type { ObjectRequest } from './object-request.ts';
import type { TunnelEntries } from './tunnel-entries.ts';

/** Attempts in one go: an id that is taken, or a group whose member was refused, asks for a further one. */
const ROUNDS = 8;
/** Bytes of a batch after which no further object is added to it: groups can be large. */
const BATCH_BYTES = 96 * 1024;

/** Sends what next hops need, in the order in which one thing needs the other. */
export class ObjectSender {
  readonly #channel: BatchChannel;
  readonly #entries: TunnelEntries;
  readonly #objects: NexthopObjects;
  readonly #builder = new MessageBuilder();

  constructor(channel: BatchChannel, entries: TunnelEntries, objects: NexthopObjects) {
    this.#channel = channel;
    this.#entries = entries;
    this.#objects = objects;
  }

  /** Adds what is needed and missing. Gives false when there was nothing to do. */
  async bringAbout(failures: FailureList): Promise<boolean> {
    for (let round = 0; round < ROUNDS; round++) {
      const requests = [...this.#entries.additions(), ...this.#objects.additions()];
      if (requests.length === 0) return round > 0;
      await this.#send(requests, failures);
    }
    return true;
  }

  /** Removes what nobody needs. */
  async removeUnused(failures: FailureList): Promise<void> {
    // With the claim of a router MAC gone, that of an older claim may count again.
    await this.#send(this.#entries.additions(), failures);
    await this.#send([...this.#objects.removals(), ...this.#entries.removals()], failures);
  }

  async #send(requests: readonly ObjectRequest[], failures: FailureList): Promise<void> {
    const builder = this.#builder;
    for (let start = 0; start < requests.length; ) {
      const batch: ObjectRequest[] = [];
      await this.#channel.mayGoOn();
      builder.reset();
      for (; start < requests.length && builder.length < BATCH_BYTES; start++) {
        const request = requests[start] as ObjectRequest;
        if (builder.count >= this.#channel.limit) break;
        if (request.impossible === undefined) {
          request.write(builder);
          batch.push(request);
        } else {
          answer(request, { errno: 0, reason: request.impossible }, failures);
        }
      }
      if (batch.length === 0) continue;
      await this.#exchange(batch, requests.slice(start), failures);
    }
  }

  async #exchange(
    batch: readonly ObjectRequest[],
    rest: readonly ObjectRequest[],
    failures: FailureList,
  ): Promise<void> {
    try {
      await this.#channel.exchange(this.#builder.bytes(), batch.length, (errors) => {
        const byIndex = new Map(errors.map((error) => [error.index, error]));
        batch.forEach((request, index) => {
          answer(request, byIndex.get(index), failures);
        });
      });
    } catch (error) {
      const lost = { errno: 0, reason: 'the netlink socket failed before the kernel answered' };
      for (const request of [...batch, ...rest]) request.answered(lost);
      throw error;
    }
  }
}

function answer(
  request: ObjectRequest,
  refusal: Parameters<ObjectRequest['answered']>[0],
  failures: FailureList,
): void {
  const reason = request.answered(refusal);
  if (reason === undefined) return;
  failures.add({ table: 0, object: request.object, operation: request.operation, reason });
}
