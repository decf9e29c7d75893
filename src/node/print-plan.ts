import type { DesiredState } from '../../dataplane/desired.ts';
import { KernelNetwork } from '../../dataplane/kernel-network.ts';
import { NetlinkError } from '../../dataplane/netlink/netlink-error.ts';
import { NamespaceError } from '../../dataplane/network-namespace.ts';
import { plan } from '../../dataplane/plan.ts';
import { describeStep, type NamespaceNames, type Plan, stepToJson } from '../../dataplane/plan-step.ts';
import { EXIT_BAD, EXIT_GOOD, EXIT_UNUSABLE } from '../cli/exit-codes.ts';
import type { PlanOptions } from '../cli/run-options.ts';
import { loadConfiguration } from '../config/load-configuration.ts';
import type { ConfigurationResult } from '../config/model.ts';
import { hostInterfaceAddress } from '../config/node-identity.ts';
import { desiredState } from './desired-state.ts';

/** How and where a plan is printed. */
export interface PrintPlanOptions extends PlanOptions {
  readonly json?: boolean;
  /** Name of the host's network namespace, absent: the one the process runs in. */
  readonly hostNetns?: string;
  /** Standard output when absent. */
  readonly out?: (text: string) => void;
  /** Standard error when absent. */
  readonly err?: (text: string) => void;
}

/**
 * Prints what would be changed in the kernel, and changes nothing. Gives the exit code: 0 (also when there is
 * something to change), 1 when something is in the way or the kernel cannot be asked, 2 when the configuration has no
 * usable Underlay.
 */
export async function printPlan(options: PrintPlanOptions): Promise<number> {
  const { configPath, netns, hostNetns, ...node } = options;
  const out = options.out ?? ((text: string): void => void process.stdout.write(text));
  const err = options.err ?? ((text: string): void => void process.stderr.write(text));
  const result = loadConfiguration(configPath, { ...node, interfaceAddress: hostInterfaceAddress });
  err(describeFindings(result, configPath));
  if (result.configuration.underlay === undefined) {
    err(`There is no usable Underlay in ${configPath}: nothing to plan.\n`);
    return EXIT_UNUSABLE;
  }
  const names: NamespaceNames = { router: netns, host: hostNetns };
  try {
    const made = await makePlan(desiredState(result.configuration, netns), names);
    out(options.json ? planAsJson(made, names) : planAsText(made, names));
    return made.conflicts.length === 0 ? EXIT_GOOD : EXIT_BAD;
  } catch (error) {
    if (!(error instanceof NamespaceError || error instanceof NetlinkError)) throw error;
    err(`Cannot look at the kernel: ${error.message}\n`);
    return EXIT_BAD;
  }
}

async function makePlan(desired: DesiredState, names: NamespaceNames): Promise<Plan> {
  const network = new KernelNetwork(names);
  try {
    return plan(desired, await network.observe());
  } finally {
    network.close();
  }
}

function describeFindings({ findings }: ConfigurationResult, configPath: string): string {
  if (findings.length === 0) return '';
  const count = findings.length === 1 ? 'is 1 finding' : `are ${findings.length} findings`;
  return `There ${count} about the configuration: see openpe-routerd check --config ${configPath}\n`;
}

/** A plan for people, with a line for each step and each conflict. */
export function planAsText({ steps, conflicts }: Plan, names: NamespaceNames): string {
  const lines = [
    ...steps.map((step) => describeStep(step, names)),
    ...conflicts.map(({ object, reason }) => `! ${object}: ${reason}`),
  ];
  if (steps.length === 0) {
    const rest = conflicts.length === 0 ? ': the kernel is as the configuration wants it' : ' besides that';
    lines.push(`Nothing to do${rest}.`);
  }
  return `${lines.join('\n')}\n`;
}

/** A plan for machines: `steps` with their group and text, and `conflicts`. */
export function planAsJson({ steps, conflicts }: Plan, names: NamespaceNames): string {
  const described = steps.map((step) => ({ ...stepToJson(step), text: describeStep(step, names) }));
  return `${JSON.stringify({ namespace: names.router, steps: described, conflicts }, null, 2)}\n`;
}
