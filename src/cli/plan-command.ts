import type { Command } from 'commander';
import {
  addConfigurationOptions,
  addNetnsOption,
  configurationOptions,
  type RawConfigurationOptions,
} from './run-options.ts';

const AFTER_HELP = `
The steps are those of "run", found in the same way from what the kernel has now.

Example:
  openpe-routerd plan --config /etc/openpe-routerd --node-index 0
`;

interface RawPlanOptions extends RawConfigurationOptions {
  readonly netns: string;
  readonly json?: boolean;
}

/** Adds `plan`; `finish` is given its exit code. */
export function registerPlanCommand(program: Command, finish: (exitCode: number) => void): void {
  const command = program
    .command('plan')
    .description('print what would be changed in the kernel, and change nothing')
    .addHelpText('after', AFTER_HELP);
  addNetnsOption(addConfigurationOptions(command))
    .option('--json', 'print the steps as JSON')
    .action(async (raw: RawPlanOptions) => {
      const { printPlan } = await import('../node/print-plan.ts');
      finish(await printPlan({ ...configurationOptions(raw), netns: raw.netns, json: raw.json === true }));
    });
}
