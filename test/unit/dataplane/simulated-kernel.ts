import type {
  ObservedAddress,
  ObservedLink,
  ObservedNamespace,
  ObservedState,
  Side,
} from '../../../dataplane/observed.ts';
import { OWNER_ALIAS, UNDERLAY_GROUP, underlayAlias } from '../../../dataplane/ownership.ts';
import type { PlanStep } from '../../../dataplane/plan-step.ts';
import { prefixEquals } from '../../../net/prefix.ts';
import { configured, link, loopback } from './states.ts';

/** A kernel that does what the steps of a plan say, with its side effects, and refuses what the real one refuses. */
export class SimulatedKernel {
  #router: ObservedNamespace | undefined;
  #host: ObservedNamespace;
  readonly #sysctls: Map<string, string | undefined>;
  #defaults: ObservedState['unreachableDefaults'];
  #nextIndex: number;

  constructor(state: ObservedState) {
    this.#router = state.router;
    this.#host = state.host;
    this.#sysctls = new Map(state.sysctls);
    this.#defaults = state.unreachableDefaults;
    const links = [...(state.router?.links ?? []), ...state.host.links];
    this.#nextIndex = 1 + Math.max(1000, ...links.map(({ index }) => index));
  }

  state(): ObservedState {
    return {
      router: this.#router,
      host: this.#host,
      sysctls: new Map(this.#sysctls),
      unreachableDefaults: this.#defaults,
    };
  }

  perform(steps: readonly PlanStep[]): this {
    for (const step of steps) this.#perform(step);
    return this;
  }

  #perform(step: PlanStep): void {
    switch (step.action) {
      case 'create namespace':
        if (this.#router) throw new Error('EEXIST: namespace');
        this.#router = { links: [loopback({ up: false, alias: OWNER_ALIAS, addresses: [] })] };
        break;
      case 'delete namespace':
        if (!this.#router) throw new Error('ENOENT: namespace');
        this.#router = undefined;
        this.#defaults = [];
        this.#sysctls.clear();
        break;
      case 'set sysctl':
        this.#sysctls.set(step.key, step.value);
        break;
      case 'move device':
        this.#move(step.device, step.to, step.addresses);
        break;
      case 'add address':
        this.#change(step.side, step.device, ({ addresses }) => ({
          addresses: [...addresses, this.#newAddress(step, addresses)],
        }));
        break;
      case 'remove address':
        this.#change(step.side, step.device, ({ addresses }) => {
          const left = addresses.filter(({ prefix }) => !prefixEquals(prefix, step.prefix));
          if (left.length === addresses.length) throw new Error('EADDRNOTAVAIL');
          return { addresses: left };
        });
        break;
      case 'create vrf':
        if (this.#links('router').some(({ vrfTable }) => vrfTable === step.table))
          throw new Error('EEXIST: table');
        this.#add('router', step.name, { kind: 'vrf', vrfTable: step.table, mtu: 65575 });
        break;
      case 'add unreachable default':
        this.#find('router', step.vrf);
        this.#defaults = [...this.#defaults, { table: step.table, version: step.version }];
        break;
      case 'remove unreachable default': {
        const left = this.#defaults.filter(
          ({ table, version }) => table !== step.table || version !== step.version,
        );
        if (left.length === this.#defaults.length) throw new Error('ESRCH');
        this.#defaults = left;
        break;
      }
      case 'create bridge':
        this.#add('router', step.name, {
          kind: 'bridge',
          masterIndex: this.#find('router', step.vrf).index,
          generatesLinkLocal: false,
        });
        break;
      case 'create vxlan':
        this.#createVxlan(step);
        break;
      case 'create veth':
        this.#createVeth(step);
        break;
      case 'change link':
        this.#changeLink(step);
        break;
      case 'remove link':
        this.#remove(step.side, step.device);
        break;
    }
  }

  #createVxlan(step: PlanStep & { action: 'create vxlan' }): void {
    const { vni, port } = step.parameters;
    const taken = this.#links('router').some(({ vxlan }) => vxlan?.vni === vni && vxlan.port === port);
    if (taken) throw new Error('EEXIST: A VXLAN device with the specified VNI already exists');
    this.#add('router', step.name, {
      kind: 'vxlan',
      vxlan: { ...step.parameters, learning: false },
      lowerIndex: 1,
      masterIndex: this.#find('router', step.bridge).index,
      generatesLinkLocal: false,
      suppressesNeighbours: true,
    });
  }

  #createVeth(step: PlanStep & { action: 'create veth' }): void {
    const mtu = step.mtu ?? 1500;
    const [inside, outside] = [this.#nextIndex++, this.#nextIndex++];
    const masterIndex = this.#find('router', step.vrf).index;
    this.#add('router', step.routerName, {
      kind: 'veth',
      mtu,
      index: inside,
      lowerIndex: outside,
      masterIndex,
    });
    this.#add('host', step.hostName, { kind: 'veth', mtu, index: outside, lowerIndex: inside });
  }

  #changeLink({ side, device, change }: PlanStep & { action: 'change link' }): void {
    const master = change.master === undefined ? undefined : this.#find(side, change.master);
    this.#change(side, device, (found) => ({
      ...(change.alias !== undefined && { alias: change.alias }),
      ...(change.mtu !== undefined && { mtu: change.mtu }),
      ...(change.up && { up: true }),
      ...(change.withoutLinkLocal && { generatesLinkLocal: false }),
      ...(change.suppressNeighbours && { suppressesNeighbours: true }),
      ...(device === 'lo' &&
        change.up &&
        found.addresses.length === 0 && { addresses: loopback().addresses }),
      ...(master && {
        masterIndex: master.index,
        // Enslaving to a VRF takes the IPv6 addresses away.
        addresses: found.addresses.filter(({ prefix }) => prefix.address.version === 4),
      }),
    }));
  }

  #move(device: string, to: Side, addresses: readonly ObservedAddress['prefix'][]): void {
    const from: Side = to === 'router' ? 'host' : 'router';
    const found = this.#find(from, device);
    const marks =
      to === 'router'
        ? { group: UNDERLAY_GROUP, alias: underlayAlias(addresses) }
        : { group: 0, alias: undefined };
    this.#set(
      from,
      this.#links(from).filter((one) => one !== found),
    );
    this.#set(to, [
      ...this.#links(to),
      { ...found, ...marks, up: true, addresses: [], masterIndex: undefined },
    ]);
  }

  #newAddress(
    step: PlanStep & { action: 'add address' },
    present: readonly ObservedAddress[],
  ): ObservedAddress {
    if (present.some(({ prefix }) => prefixEquals(prefix, step.prefix))) throw new Error('EEXIST: address');
    return { ...configured('0.0.0.0/0'), prefix: step.prefix, own: true };
  }

  #add(side: Side, name: string, properties: Partial<ObservedLink>): void {
    if (this.#links(side).some((one) => one.name === name)) throw new Error(`EEXIST: ${name}`);
    const made = link(name, this.#nextIndex++, { alias: OWNER_ALIAS, ...properties });
    this.#set(side, [...this.#links(side), made]);
  }

  #remove(side: Side, name: string): void {
    const found = this.#find(side, name);
    const isPeer = ({ kind, index, lowerIndex }: ObservedLink): boolean =>
      found.kind === 'veth' && kind === 'veth' && index === found.lowerIndex && lowerIndex === found.index;
    for (const place of ['router', 'host'] as const) {
      const left = this.#links(place).filter((one) => one !== found && !isPeer(one));
      const released = left.map((one) =>
        place === side && one.masterIndex === found.index ? { ...one, masterIndex: undefined } : one,
      );
      this.#set(place, released);
    }
  }

  #change(side: Side, name: string, change: (found: ObservedLink) => Partial<ObservedLink>): void {
    const found = this.#find(side, name);
    this.#set(
      side,
      this.#links(side).map((one) => (one === found ? { ...one, ...change(one) } : one)),
    );
  }

  #find(side: Side, name: string): ObservedLink {
    const found = this.#links(side).find((one) => one.name === name);
    if (!found) throw new Error(`ENODEV: ${name}`);
    return found;
  }

  #links(side: Side): readonly ObservedLink[] {
    const namespace = side === 'router' ? this.#router : this.#host;
    if (!namespace) throw new Error('ENOENT: namespace');
    return namespace.links;
  }

  #set(side: Side, links: readonly ObservedLink[]): void {
    if (side === 'router') this.#router = { links };
    else this.#host = { links };
  }
}
