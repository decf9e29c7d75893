import type { Writable } from 'node:stream';
import { Command, CommanderError, Option } from 'commander';
import { packageVersion } from '../cli/package-version.ts';
import type { ConfigurationFinding } from '../config/model.ts';
import { DEFAULT_DRAIN_TIME, FAMILY_WORDS } from './api-request.ts';
import { ControlClient, ControlClientError } from './client.ts';
import { printFindings } from './configuration-text.ts';
import { DEFAULT_CONTROL_SOCKET } from './control-socket.ts';
import { drained } from './element-stream.ts';
import { printRouteDetails, printRoutes } from './route-text.ts';
import { printSessions } from './session-text.ts';
import { printStatus, printVnis } from './status-text.ts';
import type { RouteView, SessionView, StatusView, VniView } from './view.ts';

/** The world of one run, passed in for tests. */
export interface CtlWorld {
  readonly output: Writable;
  readonly errors: Writable;
  /** Wall-clock milliseconds. */
  readonly wallTime: () => number;
}

/** Done. */
export const EXIT_OK = 0;
/** The daemon could not be asked, or refused. */
export const EXIT_FAILED = 1;
/** The command line was wrong. */
export const EXIT_USAGE = 2;

/** Options that every command has. */
interface CommonOptions {
  readonly control: string;
  readonly output: 'text' | 'json';
}

/** Whoever reads the output wants no more of it: no error. */
class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/**
 * Runs `openpe-routerctl` with the arguments after the program's name; gives the exit code. The caller sets
 * `process.exitCode` and lets the process end by itself, so that standard output is written to its end.
 */
export function main(argv: readonly string[]): Promise<number> {
  return runCtl(argv, { output: process.stdout, errors: process.stderr, wallTime: () => Date.now() });
}

/** {@link main} in a given world. */
export async function runCtl(argv: readonly string[], world: CtlWorld): Promise<number> {
  const program = commandLine(world);
  // Without a listener a closed pipe would end the process; the writes notice it by themselves.
  const ignore = (): void => undefined;
  world.output.on('error', ignore);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return EXIT_OK;
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT_OK;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    if (!(error instanceof ControlClientError)) throw error;
    world.errors.write(`openpe-routerctl: ${error.message}\n`);
    return EXIT_FAILED;
  }
}

function commandLine(world: CtlWorld): Command {
  const program = new Command('openpe-routerctl')
    .description('Look into a running openpe-routerd: its sessions, routes and VNIs.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void world.output.write(text),
      writeErr: (text) => void world.errors.write(text),
    })
    .showHelpAfterError('(openpe-routerctl --help shows what there is)')
    .addHelpText('after', EXAMPLES);
  const run = new CtlRun(world);
  addCommand(program, 'status', 'the daemon as a whole: node, data plane, tables, memory').action(
    (options: CommonOptions) => run.status(options),
  );
  addCommand(program, 'sessions', 'BGP sessions: state, since when, prefixes or last error').action(
    (options: CommonOptions) => run.sessions(options),
  );
  addCommand(program, 'routes', 'routes of all tables, or all about one route')
    .argument('[prefix]', 'that route (192.0.2.0/24), or the most specific one to an address (192.0.2.1)')
    .option('--vrf <name>', 'only this VRF; the underlay is "default"')
    .addOption(new Option('--family <family>', 'only this family').choices(FAMILY_WORDS))
    .action((prefix: string | undefined, options: CommonOptions & RouteOptions) =>
      run.routes(prefix, options),
    );
  addCommand(program, 'vnis', 'VNIs with their VRF, devices, route targets and remote VTEPs').action(
    (options: CommonOptions) => run.vnis(options),
  );
  addCommand(program, 'configuration', 'what the daemon had to say about its configuration').action(
    (options: CommonOptions) => run.configuration(options),
  );
  addCommand(
    program,
    'drain',
    'have peers choose other paths (RFC 8326), then end all sessions; a restart undoes it',
  )
    .option('--seconds <seconds>', 'until the sessions end', String(DEFAULT_DRAIN_TIME))
    .action((options: CommonOptions & DrainOptions) => run.drain(options));
  addCommand(program, 'clear', 'end a session and let it come back; also one that is held down')
    .argument('<peer>', 'name of the session, as `sessions -o json` has it: 192.168.11.2, red/192.169.10.2')
    .action((peer: string, options: CommonOptions) => run.clear(peer, options));
  return program;
}

const EXAMPLES = `
Examples:
  openpe-routerctl sessions
  openpe-routerctl routes --vrf red --family ipv4
  openpe-routerctl routes 172.30.0.10
  openpe-routerctl routes -o json | jq -r '.[].prefix'

Exit codes: 0 done, 1 the daemon could not be asked or refused, 2 wrong command line.`;

function addCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(
      new Option('-o, --output <format>', 'text, or json as the API gives it')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('--control <path>', 'the control socket of the daemon', DEFAULT_CONTROL_SOCKET);
}

interface DrainOptions {
  readonly seconds: string;
}

interface RouteOptions {
  readonly vrf?: string;
  readonly family?: string;
}

/** The commands, writing no faster than their output is read. */
class CtlRun {
  readonly #world: CtlWorld;

  constructor(world: CtlWorld) {
    this.#world = world;
  }

  readonly #write = async (text: string | Uint8Array): Promise<void> => {
    const { output } = this.#world;
    if (!output.destroyed && !output.write(text)) await drained(output);
    if (output.destroyed) throw new OutputClosed();
  };

  /** Prints JSON as it comes, or has it rendered as text. */
  async #print(
    options: CommonOptions,
    resource: string,
    query: Readonly<Record<string, string>>,
    asText: (client: ControlClient) => Promise<unknown>,
  ): Promise<void> {
    const client = new ControlClient(options.control);
    if (options.output === 'text') {
      await asText(client);
      return;
    }
    for await (const chunk of client.text(resource, query)) await this.#write(chunk);
  }

  /** Says on standard error that a list was empty. */
  #note(any: boolean, text: string): void {
    if (!any) this.#world.errors.write(`${text}\n`);
  }

  status(options: CommonOptions): Promise<void> {
    return this.#print(options, 'status', {}, async (client) =>
      printStatus(await client.value<StatusView>('status'), this.#write),
    );
  }

  sessions(options: CommonOptions): Promise<void> {
    return this.#print(options, 'sessions', {}, async (client) => {
      const sessions = client.elements<SessionView>('sessions');
      this.#note(await printSessions(sessions, this.#write, this.#world.wallTime()), 'no sessions');
    });
  }

  routes(prefix: string | undefined, options: CommonOptions & RouteOptions): Promise<void> {
    const query = {
      ...(prefix !== undefined && { prefix }),
      ...(options.vrf !== undefined && { vrf: options.vrf }),
      ...(options.family !== undefined && { family: options.family }),
    };
    return this.#print(options, 'routes', query, async (client) => {
      const routes = client.elements<RouteView>('routes', query);
      const print = prefix === undefined ? printRoutes : printRouteDetails;
      const any = await print(routes, this.#write, this.#world.wallTime());
      this.#note(any, prefix === undefined ? 'no routes' : `no route for ${prefix}`);
    });
  }

  vnis(options: CommonOptions): Promise<void> {
    return this.#print(options, 'vnis', {}, async (client) => {
      this.#note(await printVnis(client.elements<VniView>('vnis'), this.#write), 'no VNIs');
    });
  }

  async drain({ control, seconds, output }: CommonOptions & DrainOptions): Promise<void> {
    const answer = await new ControlClient(control).act<{ readonly seconds: number }>('drain', { seconds });
    const text = `all routes are announced as the worst ones now; the sessions end in ${answer.seconds} s\n`;
    await this.#write(output === 'json' ? `${JSON.stringify(answer)}\n` : text);
  }

  async clear(peer: string, { control, output }: CommonOptions): Promise<void> {
    const answer = await new ControlClient(control).act<{ readonly cleared: string }>('clear', { peer });
    await this.#write(output === 'json' ? `${JSON.stringify(answer)}\n` : `${answer.cleared} was cleared\n`);
  }

  configuration(options: CommonOptions): Promise<void> {
    return this.#print(options, 'configuration', {}, async (client) => {
      const { findings } = await client.value<{ findings: readonly ConfigurationFinding[] }>('configuration');
      this.#note(await printFindings(findings, this.#write), 'no findings: all of it is in use');
    });
  }
}
