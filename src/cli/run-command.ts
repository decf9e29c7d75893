import type { Command } from 'commander';
import {
  addConfigurationOptions,
  addDaemonOptions,
  addNetnsOption,
  type RawRunOptions,
  runOptions,
} from './run-options.ts';

const AFTER_HELP = `
Exit code: 0 after SIGTERM or SIGINT, 1 when it failed, 2 when nothing can be used.

On shutdown the kernel keeps forwarding, and the next start takes over what is there; with
--cleanup nothing is left behind.

Examples:
  openpe-routerd run --config /etc/openpe-routerd --node-index 0
  openpe-routerd run --config openpe.yaml --node-index 1 --log-level debug --cleanup
  openpe-routerd run --config openpe.yaml --dataplane none --bgp-listen 127.0.0.1:1790
`;

/** Adds `run`, which is also what happens without a command; `finish` is given its exit code. */
export function registerRunCommand(program: Command, finish: (exitCode: number) => void): void {
  const command = program
    .command('run', { isDefault: true })
    .description('route packets on this node until a signal ends it (the default)')
    .addHelpText('after', AFTER_HELP);
  addDaemonOptions(addNetnsOption(addConfigurationOptions(command))).action(async (raw: RawRunOptions) => {
    const { runDaemon } = await import('../daemon/run.ts');
    finish(await runDaemon(runOptions(raw)));
  });
}
