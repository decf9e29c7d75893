import { formatAddressBytes } from '../../net/address.ts';
import { toHex } from '../../net/hex.ts';
import {
  type ObjectRequest,
  type Refusal,
  writeGroup,
  writeNexthop,
  writeNexthopRemoval,
} from './object-request.ts';
import { FIRST_NEXTHOP_ID, NEXTHOP_ID_LIMIT } from './own-objects.ts';
import type { InterfaceIndex } from './tunnel-entries.ts';

interface ObjectState {
  /** Dense number of the object; {@link NexthopObjects.id} has its id in the kernel. */
  readonly slot: number;
  /** Sets and groups that need it. */
  users: number;
  present: boolean;
  /** Found at the start and not claimed. */
  stale: boolean;
  failure: string | undefined;
}

/** A gateway on a device. */
export interface NexthopObject extends ObjectState {
  readonly kind: 'nexthop';
  readonly gateway: Uint8Array;
  readonly onlink: boolean;
  /** Undefined for an object that was found in the kernel. */
  device: string | undefined;
  /** Index of the device that the kernel has it on. */
  index: number;
}

/** Several next hops for ECMP. */
export interface GroupObject extends ObjectState {
  readonly kind: 'group';
  readonly members: readonly NexthopObject[];
  /** Slots of the members that the kernel's group has. */
  sent: readonly number[];
}

const EEXIST = 17;
const ENOENT = 2;
const EOPNOTSUPP = 95;
const NO_OBJECTS = 'this kernel has no next-hop objects: Linux 5.3 or later is needed';

/**
 * Next-hop objects and groups, shared by all sets of next hops that have the same gateways, devices and
 * flags. They are there as long as a set needs them.
 */
export class NexthopObjects {
  readonly #interfaceIndex: InterfaceIndex;
  readonly #nexthops = new Map<string, NexthopObject>();
  readonly #groups = new Map<string, GroupObject>();
  /** Objects found in the kernel whose device's name nobody has told yet, by device index. */
  readonly #found = new Map<string, NexthopObject>();
  readonly #bySlot: (NexthopObject | GroupObject | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #changed = new Set<NexthopObject | GroupObject>();
  readonly #failed = new Set<NexthopObject | GroupObject>();
  /** Ids in use, ours and those of others in our range. */
  readonly #takenIds = new Set<number>();
  #nextId = FIRST_NEXTHOP_ID;
  /** By slot: id in the kernel. Read per route. */
  id = new Uint32Array(64);

  constructor(interfaceIndex: InterfaceIndex) {
    this.#interfaceIndex = interfaceIndex;
  }

  /** Objects and groups in the kernel, as far as it has said so. */
  get installedCount(): number {
    return this.#bySlot.filter((object) => object?.present).length;
  }

  /** The object of a gateway on a device, with one user more. */
  acquireNexthop(gateway: Uint8Array, device: string, onlink: boolean): NexthopObject {
    const key = nexthopKey(gateway, device, onlink);
    let object = this.#nexthops.get(key);
    if (object === undefined) {
      const index = this.#interfaceIndex(device) ?? 0;
      const foundKey = nexthopKey(gateway, `#${index}`, onlink);
      object = this.#found.get(foundKey) ?? this.#newNexthop(gateway, device, onlink, index);
      this.#found.delete(foundKey);
      object.device = device;
      this.#nexthops.set(key, object);
    }
    return this.#use(object);
  }

  /** The group of these objects, which keep one user more for it, with one user more. */
  acquireGroup(members: readonly NexthopObject[]): GroupObject {
    const sorted = [...members].sort((a, b) => a.slot - b.slot);
    const key = groupKey(sorted);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { kind: 'group', members: sorted, sent: [], ...this.#newState() };
      this.#bySlot[group.slot] = group;
      this.#groups.set(key, group);
      for (const member of sorted) this.#use(member);
    }
    return this.#use(group);
  }

  /** One user more of an object that was taken over, for the routes that were found with it. */
  keep(slot: number): void {
    const object = this.#bySlot[slot];
    if (object !== undefined) object.users++;
  }

  #use<T extends NexthopObject | GroupObject>(object: T): T {
    object.users++;
    object.stale = false;
    this.#changed.add(object);
    return object;
  }

  /** One user less. */
  release(slot: number): void {
    const object = this.#bySlot[slot];
    if (object === undefined) return;
    object.users--;
    this.#changed.add(object);
  }

  #newNexthop(
    gateway: Uint8Array,
    device: string | undefined,
    onlink: boolean,
    index: number,
  ): NexthopObject {
    const object: NexthopObject = { kind: 'nexthop', gateway, onlink, device, index, ...this.#newState() };
    this.#bySlot[object.slot] = object;
    return object;
  }

  #newState(): ObjectState {
    const slot = this.#freeSlots.pop() ?? this.#bySlot.length;
    if (slot >= this.id.length) {
      const grown = new Uint32Array(this.id.length * 2);
      grown.set(this.id);
      this.id = grown;
    }
    this.id[slot] = 0;
    return { slot, users: 0, present: false, stale: false, failure: undefined };
  }

  /** True when routes may refer to the object. */
  isPresent(slot: number): boolean {
    return this.#bySlot[slot]?.present ?? false;
  }

  /** Why the object in a slot is not in the kernel. */
  failureOf(slot: number): string | undefined {
    const object = this.#bySlot[slot];
    if (object?.kind !== 'group') return object?.failure;
    return object.members.find((member) => member.failure !== undefined)?.failure ?? object.failure;
  }

  /** Text of an object for messages to people. */
  describe(object: NexthopObject | GroupObject): string {
    if (object.kind === 'group') return object.members.map((member) => this.describe(member)).join(', ');
    const { gateway } = object;
    const address = formatAddressBytes(gateway, 0, gateway.length === 4 ? 4 : 6);
    return `next hop ${address} dev ${object.device ?? `#${object.index}`}`;
  }

  /** An id of the kernel that is not ours: not to be given to an object. */
  reserveId(id: number): void {
    this.#takenIds.add(id);
  }

  /** Takes over an object that an earlier run left; gives its slot. */
  adoptNexthop(id: number, gateway: Uint8Array, index: number, onlink: boolean): number {
    const object = this.#newNexthop(gateway.slice(), undefined, onlink, index);
    this.#found.set(nexthopKey(gateway, `#${index}`, onlink), object);
    return this.#adopt(object, id);
  }

  /** Takes over a group of objects that have been taken over before; undefined when one has not. */
  adoptGroup(id: number, memberSlots: readonly number[]): number | undefined {
    const members: NexthopObject[] = [];
    for (const slot of memberSlots) {
      const member = this.#bySlot[slot];
      if (member?.kind !== 'nexthop') return undefined;
      members.push(member);
    }
    const group = this.acquireGroup(members);
    group.users--;
    group.sent = group.members.map((member) => member.slot);
    return this.#adopt(group, id);
  }

  #adopt(object: NexthopObject | GroupObject, id: number): number {
    this.#takenIds.add(id);
    this.id[object.slot] = id;
    object.present = true;
    object.stale = true;
    return object.slot;
  }

  /** Lets go of what was taken over and is not in use: the next {@link removals} has it. */
  sweep(): void {
    for (const object of this.#bySlot) {
      if (!object?.stale) continue;
      object.stale = false;
      this.#changed.add(object);
    }
  }

  /**
   * The device is gone, and with it its objects, groups without any other member, and the routes that
   * use them. Gives the slots of those; what is still needed will be added again.
   */
  forgetDevice(name: string): Set<number> {
    const gone = new Set<number>();
    const index = this.#interfaceIndex(name);
    for (const object of this.#bySlot) {
      if (object?.kind !== 'nexthop' || !object.present) continue;
      if (object.device !== name && (object.device !== undefined || object.index !== index)) continue;
      this.#vanished(object);
      gone.add(object.slot);
    }
    for (const group of this.#groups.values()) {
      const left = group.sent.filter((slot) => !gone.has(slot));
      if (left.length === group.sent.length) continue;
      group.sent = left;
      this.#changed.add(group);
      if (left.length > 0) continue;
      this.#vanished(group);
      gone.add(group.slot);
    }
    return gone;
  }

  #vanished(object: NexthopObject | GroupObject): void {
    object.present = false;
    object.stale = false;
    this.#freeId(object);
    this.#changed.add(object);
  }

  #freeId(object: NexthopObject | GroupObject): void {
    this.#takenIds.delete(this.id[object.slot] ?? 0);
    this.id[object.slot] = 0;
  }

  /** Tries again what failed. */
  retryFailed(): void {
    for (const object of this.#failed) this.#changed.add(object);
  }

  /** What failed and is still wanted. */
  *failures(): Generator<{ object: string; reason: string }> {
    for (const object of this.#failed) {
      if (object.failure !== undefined) yield { object: this.describe(object), reason: object.failure };
    }
  }

  /** Requests for objects that are needed and missing: single ones, then groups. */
  additions(): ObjectRequest[] {
    const nexthops: ObjectRequest[] = [];
    const groups: ObjectRequest[] = [];
    const coming = new Set<NexthopObject>();
    for (const object of this.#changed) {
      if (object.kind !== 'nexthop' || object.users === 0) continue;
      this.#changed.delete(object);
      if (object.present || object.device === undefined) continue;
      const request = this.#nexthopAddition(object);
      if (request.impossible === undefined) coming.add(object);
      nexthops.push(request);
    }
    for (const object of this.#changed) {
      if (object.kind !== 'group' || object.users === 0) continue;
      this.#changed.delete(object);
      const usable = object.members.filter((member) => member.present || coming.has(member));
      if (!object.present || usable.length > object.sent.length) {
        groups.push(this.#groupAddition(object, usable));
      } else {
        object.failure = undefined;
        this.#failed.delete(object);
      }
    }
    return [...nexthops, ...groups];
  }

  #nexthopAddition(object: NexthopObject): ObjectRequest {
    const index = this.#interfaceIndex(object.device ?? '');
    object.index = index ?? 0;
    const id = this.#takeId(object.slot);
    return {
      operation: 'add next hop',
      object: this.describe(object),
      ...(index === undefined ? { impossible: 'there is no such device' } : {}),
      write: (builder) => writeNexthop(builder, id, object.gateway, object.index, object.onlink),
      answered: (refusal) => {
        const reason = this.#added(object, refusal);
        if (refusal === undefined) this.#membersChanged(object);
        return reason;
      },
    };
  }

  /** Groups that were sent without the object get it now. */
  #membersChanged(object: NexthopObject): void {
    for (const group of this.#groups.values()) {
      if (group.members.includes(object) && !group.sent.includes(object.slot)) this.#changed.add(group);
    }
  }

  #groupAddition(group: GroupObject, usable: readonly NexthopObject[]): ObjectRequest {
    const change = group.present;
    const id = change ? (this.id[group.slot] as number) : this.#takeId(group.slot);
    return {
      operation: change ? 'change next-hop group' : 'add next-hop group',
      object: this.describe(group),
      ...(usable.length === 0 ? { impossible: 'none of its next hops is there' } : {}),
      write: (builder) =>
        writeGroup(
          builder,
          id,
          usable.map((member) => this.id[member.slot] as number),
          change,
        ),
      answered: (refusal) => {
        // One of the members was refused a moment ago: the others make the group.
        const missing = usable.some((member) => !member.present);
        if (refusal !== undefined && missing) {
          if (!change) this.#freeId(group);
          this.#changed.add(group);
          return undefined;
        }
        if (refusal === undefined) group.sent = usable.map((member) => member.slot);
        return change ? this.#settled(group, refusal) : this.#added(group, refusal);
      },
    };
  }

  #added(object: NexthopObject | GroupObject, refusal: Refusal | undefined): string | undefined {
    if (refusal?.errno === EEXIST) {
      // Somebody else has the id: it stays taken, and another one is tried.
      this.id[object.slot] = 0;
      this.#changed.add(object);
      return undefined;
    }
    if (refusal === undefined) object.present = true;
    else this.#freeId(object);
    return this.#settled(object, refusal);
  }

  #settled(object: NexthopObject | GroupObject, refusal: Refusal | undefined): string | undefined {
    if (refusal === undefined) this.#failed.delete(object);
    else this.#failed.add(object);
    object.failure = refusal?.errno === EOPNOTSUPP ? NO_OBJECTS : refusal?.reason;
    return object.failure;
  }

  #takeId(slot: number): number {
    while (this.#takenIds.has(this.#nextId)) this.#advanceId();
    const id = this.#nextId;
    this.#takenIds.add(id);
    this.#advanceId();
    this.id[slot] = id;
    return id;
  }

  #advanceId(): void {
    this.#nextId = this.#nextId + 1 === NEXTHOP_ID_LIMIT ? FIRST_NEXTHOP_ID : this.#nextId + 1;
  }

  /** Requests that remove objects which nobody needs: groups, then single ones. */
  removals(): ObjectRequest[] {
    const groups = this.#unused('group');
    for (const group of groups) {
      for (const member of group.kind === 'group' ? group.members : []) this.release(member.slot);
    }
    return [...groups, ...this.#unused('nexthop')]
      .filter((object) => object.present || this.#destroy(object))
      .map((object) => this.#removal(object));
  }

  #unused(kind: 'nexthop' | 'group'): (NexthopObject | GroupObject)[] {
    const unused: (NexthopObject | GroupObject)[] = [];
    for (const object of this.#changed) {
      if (object.kind !== kind || object.users > 0 || object.stale) continue;
      this.#changed.delete(object);
      this.#failed.delete(object);
      this.#unlist(object);
      unused.push(object);
    }
    return unused;
  }

  /** From now on the object is not found any more: who needs the same one gets a new one. */
  #unlist(object: NexthopObject | GroupObject): void {
    if (object.kind === 'group') this.#groups.delete(groupKey(object.members));
    else if (object.device !== undefined)
      this.#nexthops.delete(nexthopKey(object.gateway, object.device, object.onlink));
    else this.#found.delete(nexthopKey(object.gateway, `#${object.index}`, object.onlink));
  }

  #removal(object: NexthopObject | GroupObject): ObjectRequest {
    const id = this.id[object.slot] as number;
    return {
      operation: object.kind === 'group' ? 'remove next-hop group' : 'remove next hop',
      object: this.describe(object),
      write: (builder) => writeNexthopRemoval(builder, id),
      answered: (refusal) => {
        this.#destroy(object);
        return refusal?.errno === ENOENT ? undefined : refusal?.reason;
      },
    };
  }

  /** Always false, for {@link removals}. */
  #destroy(object: NexthopObject | GroupObject): false {
    this.#freeId(object);
    object.present = false;
    this.#bySlot[object.slot] = undefined;
    this.#freeSlots.push(object.slot);
    return false;
  }
}

function nexthopKey(gateway: Uint8Array, device: string, onlink: boolean): string {
  return `${toHex(gateway)} ${onlink ? 'onlink ' : ''}${device}`;
}

function groupKey(members: readonly NexthopObject[]): string {
  return members.map(({ slot }) => slot).join(' ');
}
