import { AttributeReader, viewOf } from './netlink/attribute-reader.ts';
import { IFLA_IFNAME, RTM_DELLINK, RTM_NEWLINK } from './netlink/constants.ts';
import type { ObservedNamespace } from './observed.ts';

/** Sizes of `struct ifinfomsg` and `struct ifaddrmsg`; both have the device's index at offset 4. */
const LINK_HEADER = 16;
const ADDRESS_HEADER = 8;

/** Tells which notifications of the kernel are about devices of certain names. */
export class DeviceFilter {
  readonly #names: ReadonlySet<string>;
  /** Indexes of those devices: notifications of addresses name no device. */
  readonly #indexes: Set<number>;

  constructor(names: Iterable<string>, observed: ObservedNamespace) {
    this.#names = new Set(names);
    const present = observed.links.filter(({ name }) => this.#names.has(name));
    this.#indexes = new Set(present.map(({ index }) => index));
  }

  /** True for a notification about one of the devices, also when it has lost or got its name by it. */
  concerns(type: number, payload: Uint8Array): boolean {
    if (payload.length < ADDRESS_HEADER) return false;
    const index = viewOf(payload).getInt32(4, true);
    if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return this.#indexes.has(index);
    const name = new AttributeReader(payload, LINK_HEADER).text(IFLA_IFNAME);
    const known = this.#indexes.has(index);
    if (name === undefined || !this.#names.has(name)) {
      this.#indexes.delete(index);
      return known;
    }
    if (type === RTM_DELLINK) this.#indexes.delete(index);
    else this.#indexes.add(index);
    return true;
  }
}
