import type { NodeConfiguration, Underlay } from '../config/model.ts';
import type { Logger } from '../daemon/log.ts';
import type { KernelPort, Router } from '../daemon/router.ts';
import type { KernelView } from '../daemon/view.ts';

/** The kernel objects of the node while the daemon runs. */
export interface KernelRuntime extends KernelPort, KernelView {
  /** Joins the router: routes, addresses and changes of the kernel reach it from now on. */
  attach(router: Router): void;
  /** Stops following the kernel; with `cleanup` all that was made is removed. */
  stop(cleanup: boolean): Promise<void>;
}

/** Builds what the configuration wants in the kernel. */
export async function startKernel(
  configuration: NodeConfiguration & { readonly underlay: Underlay },
  namespace: string,
  log: Logger,
): Promise<KernelRuntime> {
  log.error({ namespace, vnis: configuration.l3vnis.length }, 'the kernel data plane is not there');
  throw new Error('the kernel data plane is not there');
}
