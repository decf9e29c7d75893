import { AttributeReader, messagesOf, viewOf } from '../../../../dataplane/netlink/attribute-reader.ts';
import * as kernel from '../../../../dataplane/netlink/constants.ts';
import type { BatchError } from '../../../../dataplane/netlink/route-socket.ts';
import { formatAddressBytes } from '../../../../net/address.ts';
import { formatOctets } from '../../../../net/mac.ts';

const ENOENT = 2;
const ESRCH = 3;
const EEXIST = 17;
const EINVAL = 22;

/** A refusal by errno, as the kernel would give it. */
class Refused extends Error {
  readonly errno: number;

  constructor(errno: number, text: string) {
    super(text);
    this.errno = errno;
  }
}

const typeNames: Record<number, string> = {
  [kernel.RTM_NEWROUTE]: 'NEWROUTE',
  [kernel.RTM_DELROUTE]: 'DELROUTE',
  [kernel.RTM_NEWNEIGH]: 'NEWNEIGH',
  [kernel.RTM_DELNEIGH]: 'DELNEIGH',
  [kernel.RTM_NEWNEXTHOP]: 'NEWNEXTHOP',
  [kernel.RTM_DELNEXTHOP]: 'DELNEXTHOP',
};

const familyNames: Record<number, string> = { 0: 'unspec', 2: 'inet', 7: 'bridge', 10: 'inet6' };

function addressText(bytes: Uint8Array): string {
  return formatAddressBytes(bytes, 0, bytes.length === 4 ? 4 : 6);
}

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Refused(EINVAL, `${what} is missing`);
  return value;
}

/**
 * A model of the kernel's part in routes: decodes what it is sent, keeps routes, next-hop objects, neighbours
 * and FDB entries, and refuses what the kernel refuses. It complains of the removal of an object that something still uses,
 * which the kernel would answer by removing the routes too.
 */
export class FakeKernel {
  /** `table prefix/length` to next-hop id. */
  readonly routes = new Map<string, number>();
  /** Id to `gateway index [onlink]`, or to the member ids of a group. */
  readonly nexthops = new Map<number, string | readonly number[]>();
  /** `index address` to MAC. */
  readonly neighbours = new Map<string, string>();
  /** `index MAC` to endpoint: the VXLAN device's entry, and `index MAC master`. */
  readonly fdb = new Map<string, string>();
  /** Readable form of each message. */
  readonly log: string[] = [];
  /** Messages of each batch. */
  readonly batches: number[] = [];
  readonly complaints: string[] = [];
  /** Refuses a message for a reason of the test's own. */
  refuse: (text: string) => number | undefined = () => undefined;
  /** Called before the answer to each batch. */
  beforeAnswer: () => void | Promise<void> = () => undefined;
  /** Devices that exist. */
  readonly devices = new Map<string, number>();

  interfaceIndex = (name: string): number | undefined => this.devices.get(name);

  async sendBatch(messages: Uint8Array): Promise<readonly BatchError[]> {
    const errors: BatchError[] = [];
    let index = 0;
    for (const { type, flags, payload } of messagesOf(messages)) {
      try {
        this.#take(type, flags, payload);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        errors.push({ index, errno: error.errno, text: undefined, reason: error.message });
      }
      index++;
    }
    this.batches.push(index);
    await this.beforeAnswer();
    return errors;
  }

  #take(type: number, flags: number, payload: Uint8Array): void {
    const text = describeMessage(type, flags, payload);
    this.log.push(text);
    const errno = this.refuse(text);
    if (errno !== undefined) throw new Refused(errno, `refused by the test`);
    if (type === kernel.RTM_NEWROUTE || type === kernel.RTM_DELROUTE) this.#route(type, payload);
    else if (type === kernel.RTM_NEWNEIGH || type === kernel.RTM_DELNEIGH) this.#neighbour(type, payload);
    else this.#nexthop(type, flags, payload);
  }

  #route(type: number, payload: Uint8Array): void {
    const attributes = new AttributeReader(payload, 12);
    const table = attributes.u32(kernel.RTA_TABLE) ?? payload[4];
    const key = `${table} ${addressText(present(attributes.bytes(kernel.RTA_DST), 'RTA_DST'))}/${payload[1]}`;
    if (type === kernel.RTM_DELROUTE) {
      if (!this.routes.delete(key)) throw new Refused(ESRCH, 'no such process');
      return;
    }
    const id = present(attributes.u32(kernel.RTA_NH_ID), 'RTA_NH_ID');
    const object = this.nexthops.get(id);
    if (object === undefined) {
      this.complaints.push(`route ${key} to undefined next hop ${id}`);
      throw new Refused(EINVAL, 'Nexthop id does not exist');
    }
    const ipv4Gateway = this.#gateways(id).some((gateway) => !gateway.includes(':'));
    if (payload[0] === kernel.AF_INET6 && ipv4Gateway) {
      throw new Refused(EINVAL, 'IPv6 routes can not use an IPv4 nexthop');
    }
    this.routes.set(key, id);
  }

  /** `gateway index [onlink]` of an object or of the members of a group. */
  #gateways(id: number): string[] {
    const object = this.nexthops.get(id) ?? '';
    return typeof object === 'string' ? [object] : object.map((member) => String(this.nexthops.get(member)));
  }

  #nexthop(type: number, flags: number, payload: Uint8Array): void {
    const attributes = new AttributeReader(payload, 8);
    const id = present(attributes.u32(kernel.NHA_ID), 'NHA_ID');
    if (type === kernel.RTM_DELNEXTHOP) {
      this.#removeNexthop(id);
      return;
    }
    const exists = this.nexthops.has(id);
    if (exists && (flags & kernel.NLM_F_EXCL) !== 0) throw new Refused(EEXIST, 'file exists');
    const group = attributes.bytes(kernel.NHA_GROUP);
    if (group === undefined) {
      const gateway = addressText(present(attributes.bytes(kernel.NHA_GATEWAY), 'NHA_GATEWAY'));
      const index = this.#device(present(attributes.u32(kernel.NHA_OIF), 'NHA_OIF'));
      const onlink = (viewOf(payload).getUint32(4, true) & kernel.RTNH_F_ONLINK) !== 0;
      this.nexthops.set(id, `${gateway} ${index}${onlink ? ' onlink' : ''}`);
      return;
    }
    const members: number[] = [];
    for (let at = 0; at < group.length; at += 8) members.push(viewOf(group).getUint32(at, true));
    if (members.some((member) => typeof this.nexthops.get(member) !== 'string')) {
      throw new Refused(EINVAL, 'Invalid nexthop id');
    }
    this.nexthops.set(id, members);
  }

  #removeNexthop(id: number): void {
    if (!this.nexthops.has(id)) throw new Refused(ENOENT, 'no such object');
    for (const [route, used] of this.routes) {
      if (used === id) this.complaints.push(`next hop ${id} removed under route ${route}`);
    }
    for (const [group, members] of this.nexthops) {
      if (typeof members !== 'string' && members.includes(id)) {
        this.complaints.push(`next hop ${id} removed under group ${group}`);
      }
    }
    this.nexthops.delete(id);
  }

  #device(index: number): number {
    if (![...this.devices.values()].includes(index)) throw new Refused(EINVAL, 'Invalid device index');
    return index;
  }

  #neighbour(type: number, payload: Uint8Array): void {
    const attributes = new AttributeReader(payload, 12);
    const index = this.#device(viewOf(payload).getInt32(4, true));
    const flags = payload[10] ?? 0;
    const adds = type === kernel.RTM_NEWNEIGH;
    if (payload[0] !== kernel.AF_BRIDGE) {
      const key = `${index} ${addressText(present(attributes.bytes(kernel.NDA_DST), 'NDA_DST'))}`;
      if (adds)
        this.neighbours.set(key, formatOctets(present(attributes.bytes(kernel.NDA_LLADDR), 'NDA_LLADDR')));
      else if (!this.neighbours.delete(key)) throw new Refused(ENOENT, 'no such neighbour');
      return;
    }
    const key = `${index} ${formatOctets(present(attributes.bytes(kernel.NDA_LLADDR), 'NDA_LLADDR'))}`;
    if (adds) {
      this.fdb.set(key, addressText(present(attributes.bytes(kernel.NDA_DST), 'NDA_DST')));
      this.fdb.set(`${key} master`, '');
      return;
    }
    for (const [flag, name] of [
      [kernel.NTF_SELF, key],
      [kernel.NTF_MASTER, `${key} master`],
    ] as const) {
      if ((flags & flag) !== 0 && !this.fdb.delete(name)) throw new Refused(ENOENT, 'no such entry');
    }
  }

  /** The next hops of a route as `gateway index [onlink]`, sorted; undefined for no route. */
  routeTo(key: string): string[] | undefined {
    const id = this.routes.get(key);
    return id === undefined ? undefined : this.#gateways(id).sort();
  }

  /** Removes a device and all that the kernel removes with it. */
  removeDevice(name: string): void {
    const index = this.devices.get(name);
    this.devices.delete(name);
    const onDevice = (key: string) => key.startsWith(`${index} `);
    for (const key of this.neighbours.keys()) if (onDevice(key)) this.neighbours.delete(key);
    for (const key of this.fdb.keys()) if (onDevice(key)) this.fdb.delete(key);
    for (const [id, object] of this.nexthops) {
      if (typeof object === 'string' && object.split(' ')[1] === String(index)) this.#vanish(id);
    }
  }

  #vanish(id: number): void {
    this.nexthops.delete(id);
    for (const [route, used] of this.routes) if (used === id) this.routes.delete(route);
    for (const [group, members] of this.nexthops) {
      if (typeof members === 'string' || !members.includes(id)) continue;
      const left = members.filter((member) => member !== id);
      if (left.length > 0) this.nexthops.set(group, left);
      else this.#vanish(group);
    }
  }

  /** What the kernel has, in numbers. */
  get sizes(): { routes: number; nexthops: number; neighbours: number; fdb: number } {
    const { routes, nexthops, neighbours, fdb } = this;
    return { routes: routes.size, nexthops: nexthops.size, neighbours: neighbours.size, fdb: fdb.size };
  }
}

/** All of a message in one line, in the manner of the reference lab's netlink captures. */
function describeMessage(type: number, flags: number, payload: Uint8Array): string {
  const name = typeNames[type] ?? `type ${type}`;
  const flagNames = [
    [kernel.NLM_F_REPLACE, 'REPLACE'],
    [kernel.NLM_F_EXCL, 'EXCL'],
    [kernel.NLM_F_CREATE, 'CREATE'],
  ] as const;
  // A deletion has other flags in the same bits.
  const set = name.startsWith('NEW')
    ? flagNames.filter(([bit]) => (flags & bit) !== 0).map(([, text]) => text)
    : [];
  const head = `${name} ${set.join('|')}`.trimEnd();
  const family = familyNames[payload[0] ?? 0];
  const view = viewOf(payload);
  if (name.endsWith('ROUTE')) {
    const a = new AttributeReader(payload, 12);
    const table = `table ${payload[4]} proto ${payload[5]} scope ${payload[6]} type ${payload[7]}`;
    const dst = addressText(a.bytes(kernel.RTA_DST) ?? new Uint8Array(4));
    const parts = [`DST=${dst}`, `PRIORITY=${a.u32(kernel.RTA_PRIORITY)}`];
    if (a.has(kernel.RTA_NH_ID)) parts.push(`NH_ID=${a.u32(kernel.RTA_NH_ID)}`);
    if (a.has(kernel.RTA_TABLE)) parts.push(`TABLE=${a.u32(kernel.RTA_TABLE)}`);
    return `${head} family ${family} dst/${payload[1]} ${table} flags ${view.getUint32(8, true)} | ${parts.join(' ')}`;
  }
  if (name.endsWith('NEXTHOP')) {
    const a = new AttributeReader(payload, 8);
    const parts = [`ID=${a.u32(kernel.NHA_ID)}`];
    const gateway = a.bytes(kernel.NHA_GATEWAY);
    if (gateway) parts.push(`GATEWAY=${addressText(gateway)}`);
    if (a.has(kernel.NHA_OIF)) parts.push(`OIF=${a.u32(kernel.NHA_OIF)}`);
    const group = a.bytes(kernel.NHA_GROUP);
    if (group) parts.push(`GROUP=${Buffer.from(group).toString('hex')}`);
    return `${head} family ${family} scope ${payload[1]} proto ${payload[2]} flags ${view.getUint32(4, true)} | ${parts.join(' ')}`;
  }
  const a = new AttributeReader(payload, 12);
  const parts: string[] = [];
  if (a.has(kernel.NDA_PROTOCOL)) parts.push(`PROTOCOL=${a.u8(kernel.NDA_PROTOCOL)}`);
  const mac = a.bytes(kernel.NDA_LLADDR);
  if (mac) parts.push(`LLADDR=${formatOctets(mac)}`);
  const dst = a.bytes(kernel.NDA_DST);
  if (dst) parts.push(`DST=${addressText(dst)}`);
  if (a.has(kernel.NDA_SRC_VNI)) parts.push(`SRC_VNI=${a.u32(kernel.NDA_SRC_VNI)}`);
  if (a.has(kernel.NDA_MASTER)) parts.push(`MASTER=${a.u32(kernel.NDA_MASTER)}`);
  return `${head} family ${family} ifindex ${view.getInt32(4, true)} state ${view.getUint16(8, true)} flags ${payload[10]} | ${parts.join(' ')}`;
}
