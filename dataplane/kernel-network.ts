import { type ApplyReport, applySteps } from './apply.ts';
import { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK } from './netlink/constants.ts';
import { RouteSocket } from './netlink/route-socket.ts';
import { type Subscription, subscribe } from './netlink/subscription.ts';
import { namespaceExists, namespaceIdentity } from './network-namespace.ts';
import { observeNamespace, observeSysctls, observeUnreachableDefaults } from './observe.ts';
import type { ObservedState, Side, UnreachableDefault } from './observed.ts';
import type { NamespaceNames, PlanStep } from './plan-step.ts';

/**
 * The kernel's networking of this node, in the router's and in the host's namespace: what is there, and changing
 * it. Observing writes nothing, and neither does applying no steps.
 */
export class KernelNetwork {
  readonly names: NamespaceNames;
  readonly #sockets = new Map<Side, RouteSocket>();
  /** A namespace of the same name may be another one by now. */
  #routerIdentity: number | undefined;
  #unreachableDefaults: readonly UnreachableDefault[] | undefined;

  /** `names.host` undefined: the namespace that the process runs in. Nothing is opened before it is needed. */
  constructor(names: NamespaceNames) {
    this.names = names;
  }

  /**
   * Dumps what the plan depends on. Needs no privileges as long as the router's namespace is not there.
   *
   * The kernel looks at every route to find the unreachable defaults, some 0.1 s for a million; with
   * `rememberRoutes` those of an earlier call are taken, which is right unless somebody else removed one.
   *
   * @throws NamespaceError, NetlinkError
   */
  async observe(options: { readonly rememberRoutes?: boolean } = {}): Promise<ObservedState> {
    const host = await observeNamespace(this.#socket('host'), { statistics: false });
    if (!namespaceExists(this.names.router)) {
      this.#leaveRouter();
      return { router: undefined, host, sysctls: new Map(), unreachableDefaults: [] };
    }
    const identity = namespaceIdentity(this.names.router);
    if (identity !== this.#routerIdentity) this.#leaveRouter();
    this.#routerIdentity = identity;
    const socket = this.#socket('router');
    return {
      router: await observeNamespace(socket, { statistics: true }),
      host,
      sysctls: observeSysctls(this.names.router),
      unreachableDefaults: await this.#observeUnreachableDefaults(socket, options.rememberRoutes ?? false),
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
   * Calls `changed` at every change of a device or an address in either namespace, also at those made through this
   * object. The router's namespace has to be there.
   *
   * @throws NamespaceError
   */
  watch(changed: () => void): Subscription {
    const groups = [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR];
    const handlers = { changed: () => changed(), lost: () => changed() };
    const router = subscribe(this.names.router, groups, handlers);
    const host = subscribe(this.names.host, groups, handlers);
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
    remembered: boolean,
  ): Promise<readonly UnreachableDefault[]> {
    if (!remembered) this.#unreachableDefaults = undefined;
    this.#unreachableDefaults ??= await observeUnreachableDefaults(socket);
    return this.#unreachableDefaults;
  }

  #leaveRouter(): void {
    this.#unreachableDefaults = undefined;
    this.#sockets.get('router')?.close();
    this.#sockets.delete('router');
  }
}
