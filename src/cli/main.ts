import { Command, CommanderError } from 'commander';
import { registerCheckCommand } from './check-command.ts';
import { EXIT_GOOD, EXIT_UNUSABLE } from './exit-codes.ts';
import { packageVersion } from './package-version.ts';
import { registerPlanCommand } from './plan-command.ts';
import { registerRunCommand } from './run-command.ts';

const DESCRIPTION =
  "A Provider Edge router for Kubernetes nodes, in one process: it reads OpenPERouter's resources, builds " +
  'VRFs, bridges, VXLAN devices and veths, speaks BGP with the fabric and with the host, and carries the ' +
  "host's routes through EVPN Type 5.";

const AFTER_HELP = `
Examples:
  openpe-routerd --config /etc/openpe-routerd --node-index 0
      route packets on this node, as its first node
  openpe-routerd check --config openpe.yaml
      say what is wrong with a file, with line and column
  openpe-routerd plan --config openpe.yaml
      print what would be changed in the kernel, and change nothing
  openpe-routerd run --config openpe.yaml --dataplane none --bgp-listen 127.0.0.1:1790
      only speak BGP: needs no root and touches no kernel object
  openpe-routerd decode --json capture.pcap
      print the BGP messages in a packet capture

"openpe-routerd help COMMAND" shows the options of a command, "help run" those of the daemon.
To look into a running daemon: openpe-routerctl status
`;

/** What a program is given besides its arguments. */
export interface CliOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/**
 * Runs the command line `args` (without the name of the program) and gives its exit code.
 * `run`, the default, ends when the daemon does.
 */
export async function main(args: readonly string[], output?: CliOutput): Promise<number> {
  let exitCode = EXIT_GOOD;
  const finish = (code: number): void => {
    exitCode = code;
  };
  const program = createProgram(output);
  registerRunCommand(program, finish);
  registerCheckCommand(program, finish);
  registerPlanCommand(program, finish);
  if (!isOtherCommand(args[0])) (await import('./decode-command.ts')).registerDecodeCommand(program);
  try {
    await refuseUnknownCommand(program, args[0]);
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander throws where it would exit: after help and version with 0, after a bad command line with 1.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_GOOD : EXIT_UNUSABLE;
    throw error;
  }
}

/** Commander would take an unknown word for an argument of the default command. */
async function refuseUnknownCommand(program: Command, word: string | undefined): Promise<void> {
  if (word === undefined || word.startsWith('-')) return;
  const known = [...program.commands.map((command) => command.name()), 'help'];
  if (known.includes(word)) return;
  const { nearestName } = await import('../config/nearest-name.ts');
  const near = nearestName(word, known);
  program.error(`error: unknown command '${word}'${near ? `\n(Did you mean ${near}?)` : ''}`);
}

/** The decoder takes longest to load; the commands that have no use for it start without. */
function isOtherCommand(name: string | undefined): boolean {
  return name === 'run' || name === 'check' || name === 'plan';
}

function createProgram(output: CliOutput | undefined): Command {
  const program = new Command('openpe-routerd')
    .description(DESCRIPTION)
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', AFTER_HELP)
    .showHelpAfterError('(openpe-routerd --help shows what there is)')
    .exitOverride();
  if (output) program.configureOutput({ writeOut: output.out, writeErr: output.err });
  return program;
}
