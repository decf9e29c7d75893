import { type ApplyReport, applySteps } from './apply.ts';
import { DeviceFilter } from './device-filter.ts';
import { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK } from './netlink/constants.ts';
import { RouteSocket } from './netlink/route-socket.ts';
import { type Subscription, subscribe } from './netlink/subscription.ts';
import { namespaceExists, namespaceIdentity } from './network-namespace.ts';
import { observeNamespace, observeSysctls, observeUnreachableDefaults } from './observe.ts';
import {
  linkNamed,
  type ObservedNamespace,
  type ObservedState,
  type Side,
  type UnreachableDefault,
} from './observed.ts';
import type { NamespaceNames, PlanStep } from './plan-step.ts';

/** Milliseconds that what is known of the routes is taken for true; see {@link KernelNetwork.observe}. */
const ROUTES_REMEMBERED = 60_000;

/**
 * The kernel's networking of this node, in the router's and in the host's namespace: what is there, and changing
 * it. Observing writes nothing, and neither does applying no steps.
 */
export class KernelNetwork {
  readonly names: NamespaceNames;
  readonly #sockets = new Map<Side, RouteSocket>();
  /** A namespace of the same name may be another one by now. */
  #routerIdentity: number | undefined;
  #unreachableDefaults: { readonly found: readonly UnreachableDefault[]; readonly at: number } | undefined;
  #host: ObservedNamespace = { links: [] };
  readonly #now: () => number;

  /**
   * `names.host` undefined: the namespace that the process runs in. Nothing is opened before it is needed.
   *
   * @param now milliseconds of a clock that never goes back
   */
  constructor(names: NamespaceNames, now: () => number = () => performance.now()) {
    this.names = names;
    this.#now = now;
  }

  /**
   * Dumps what the plan depends on. Needs no privileges as long as the router's namespace is not there.
   *
   * To find the unreachable defaults the kernel looks at every route it has, some 0.1 s for a million. What it found
   * is remembered for a minute, unless this object changes it or `verifyRoutes` asks to look again.
   *
   * @throws NamespaceError, NetlinkError
   */
  async observe(options: { readonly verifyRoutes?: boolean } = {}): Promise<ObservedState> {
    const host = await observeNamespace(this.#socket('host'), { statistics: false });
    this.#host = host;
    if (!namespaceExists(this.names.router)) {
      this.#leaveRouter();
      return { router: undefined, host, sysctls: new Map(), unreachableDefaults: [] };
    }
    const identity = namespaceIdentity(this.names.router);
    if (identity !== this.#routerIdentity) this.#leaveRouter();
    this.#routerIdentity = identity;
    const socket = this.#socket('router');
    const router = await observeNamespace(socket, { statistics: true });
    // IPv6's unreachable routes lean on the loopback device and go down with it.
    const forget = options.verifyRoutes || linkNamed(router, 'lo')?.up === false;
    return {
      router,
      host,
      sysctls: observeSysctls(this.names.router),
      unreachableDefaults: await this.#observeUnreachableDefaults(socket, forget),
    };
  }

  /** Carries out the steps of a plan; see {@link applySteps}. */
  apply(steps: readonly PlanStep[]): Promise<ApplyReport> {
    if (steps.some(({ action }) => action.endsWith('unreachable default')))
      this.#unreachableDefaults = undefined;
    return applySteps(steps, {
      names: this.names,
      socket: (side) => this.#socket(side),
      leaveRouter: () => this.#leaveRouter(),
    });
  }

  /**
   * Calls `changed` at every change of a device or an address in the router's namespace, and of those devices in the
   * host's that are named (all when `hostDevices` is absent: a host has many that are of no interest). Changes made
   * through this object count too. The router's namespace has to be there.
   *
   * @throws NamespaceError
   */
  watch(changed: () => void, hostDevices?: Iterable<string>): Subscription {
    const groups = [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR];
    const named = hostDevices && new DeviceFilter(hostDevices, this.#host);
    const router = subscribe(this.names.router, groups, { changed, lost: changed });
    const host = subscribe(this.names.host, groups, {
      changed: (type, payload) => {
        if (named === undefined || named.concerns(type, payload)) changed();
      },
      lost: changed,
    });
    return {
      close: () => {
        router.close();
        host.close();
      },
    };
  }

  /** Closes the sockets; they open again when needed. */
  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #socket(side: Side): RouteSocket {
    const open = this.#sockets.get(side);
    if (open !== undefined) return open;
    const socket = RouteSocket.open(side === 'router' ? this.names.router : this.names.host);
    this.#sockets.set(side, socket);
    return socket;
  }

  async #observeUnreachableDefaults(
    socket: RouteSocket,
    forget: boolean,
  ): Promise<readonly UnreachableDefault[]> {
    const remembered = forget ? undefined : this.#unreachableDefaults;
    if (remembered !== undefined && this.#now() - remembered.at < ROUTES_REMEMBERED) return remembered.found;
    this.#unreachableDefaults = { found: await observeUnreachableDefaults(socket), at: this.#now() };
    return this.#unreachableDefaults.found;
  }

  #leaveRouter(): void {
    this.#unreachableDefaults = undefined;
    this.#sockets.get('router')?.close();
    this.#sockets.delete('router');
  }
}
