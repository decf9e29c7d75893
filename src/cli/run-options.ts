import { type Command, InvalidArgumentError, Option } from 'commander';
import { type IpAddress, parseAddress } from '../../net/address.ts';
import { DEFAULT_CONTROL_SOCKET } from '../control/control-socket.ts';

/** Log levels, the most talkative first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** How much is logged. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where BGP listens. */
export interface ListenAddress {
  readonly address: IpAddress;
  /** TCP port; 0 lets the kernel choose. */
  readonly port: number;
}

/** Which configuration is read, and for which node. */
export interface ConfigurationOptions {
  /** A file or a directory. */
  readonly configPath: string;
  /** Wins over node-config.yaml. */
  readonly nodeIndex?: number;
  /** Wins over node-config.yaml. */
  readonly nodeName?: string;
  /** Absent: not known, and resources with a nodeSelector are not used. */
  readonly nodeLabels?: ReadonlyMap<string, string>;
}

/** Options of `openpe-routerd plan`. */
export interface PlanOptions extends ConfigurationOptions {
  /** Name of the router's network namespace, below /run/netns. */
  readonly netns: string;
}

/** Options of `openpe-routerd run`. */
export interface RunOptions extends PlanOptions {
  /** `none`: the BGP speaker alone; the kernel is not touched. */
  readonly dataplane: 'kernel' | 'none';
  /** Empty: port 179 of every address, in the router's namespace. */
  readonly bgpListen: readonly ListenAddress[];
  /** Path of the control socket. */
  readonly controlPath: string;
  /** Absent: the level of node-config.yaml, or `info`. */
  readonly logLevel?: LogLevel;
  readonly logFormat: 'text' | 'json';
  /** On shutdown, remove what was made in the kernel and move the underlay devices back. */
  readonly cleanup: boolean;
}

/** Default of `--netns`: OpenPERouter's name. */
export const DEFAULT_NETNS = 'perouter';

/** Parses `192.0.2.1:179` or `[2001:db8::1]:179`; throws commander's InvalidArgumentError. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const address = parseAddress(match?.[1] ?? match?.[2] ?? '');
  const port = Number(match?.[3]);
  const bracketed = match?.[1] !== undefined;
  if (!address || port > 65535 || (address.version === 6) !== bracketed) {
    throw new InvalidArgumentError('Expected ADDRESS:PORT, such as 192.0.2.1:179 or [2001:db8::1]:179.');
  }
  return { address, port };
}

/** Parses a node index; throws commander's InvalidArgumentError. */
export function parseNodeIndex(text: string): number {
  const index = Number(text);
  if (!/^\d{1,10}$/.test(text) || index > 2 ** 31 - 1) {
    throw new InvalidArgumentError('Expected a whole number from 0.');
  }
  return index;
}

/** Parses `key=value,key=value` and adds it to what earlier options gave; throws commander's InvalidArgumentError. */
export function parseNodeLabels(
  text: string,
  previous: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const labels = new Map(previous);
  for (const pair of text.split(',').filter((part) => part !== '')) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new InvalidArgumentError(`Expected key=value,key=value; found "${pair}".`);
    labels.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim());
  }
  return labels;
}

function parseNetns(text: string): string {
  if (!/^[^/]{1,255}$/.test(text) || text === '.' || text === '..') {
    throw new InvalidArgumentError('Expected the name of a network namespace, without "/".');
  }
  return text;
}

/** Adds the options that say which configuration is read, and for which node. */
export function addConfigurationOptions(command: Command): Command {
  return command
    .requiredOption('-c, --config <path>', 'a YAML file, or a directory of them')
    .option('--node-index <n>', 'index of this node, from 0: its addresses follow from it', parseNodeIndex)
    .option('--node-name <name>', 'name of this node')
    .option('--node-labels <k=v,...>', 'labels of this node, for nodeSelector', parseNodeLabels);
}

/** Adds `--netns`. */
export function addNetnsOption(command: Command): Command {
  return command.addOption(
    new Option('--netns <name>', 'network namespace of the router, below /run/netns')
      .argParser(parseNetns)
      .default(DEFAULT_NETNS),
  );
}

/** Adds the options of the daemon alone. */
export function addDaemonOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--dataplane <kind>', 'kernel: routes packets; none: only speaks BGP, without root')
        .choices(['kernel', 'none'] as const)
        .default('kernel'),
    )
    .addOption(
      new Option('--bgp-listen <address:port>', 'where BGP listens; repeatable')
        .argParser((text: string, previous: readonly ListenAddress[]) => [
          ...previous,
          parseListenAddress(text),
        ])
        .default([], 'port 179 of every address'),
    )
    .option('--control <path>', 'socket for openpe-routerctl', DEFAULT_CONTROL_SOCKET)
    .addOption(new Option('--log-level <level>', 'how much is logged').choices(LOG_LEVELS))
    .addOption(
      new Option('--log-format <format>', 'for people or for machines')
        .choices(['text', 'json'] as const)
        .default('text'),
    )
    .option('--cleanup', 'on shutdown, undo all in the kernel and move the underlay devices back', false);
}

/** What commander gives for {@link addConfigurationOptions}. */
export interface RawConfigurationOptions {
  readonly config: string;
  readonly nodeIndex?: number;
  readonly nodeName?: string;
  readonly nodeLabels?: ReadonlyMap<string, string>;
}

/** What commander gives for all options of `run`. */
export interface RawRunOptions extends RawConfigurationOptions {
  readonly netns: string;
  readonly dataplane: RunOptions['dataplane'];
  readonly bgpListen: readonly ListenAddress[];
  readonly control: string;
  readonly logLevel?: LogLevel;
  readonly logFormat: RunOptions['logFormat'];
  readonly cleanup: boolean;
}

/** Renames commander's options. */
export function configurationOptions(raw: RawConfigurationOptions): ConfigurationOptions {
  const { config: configPath, nodeIndex, nodeName, nodeLabels } = raw;
  return {
    configPath,
    ...(nodeIndex !== undefined && { nodeIndex }),
    ...(nodeName !== undefined && { nodeName }),
    ...(nodeLabels && { nodeLabels }),
  };
}

/** Renames commander's options. */
export function runOptions(raw: RawRunOptions): RunOptions {
  const { netns, dataplane, bgpListen, control: controlPath, logLevel, logFormat, cleanup } = raw;
  return {
    ...configurationOptions(raw),
    netns,
    dataplane,
    bgpListen,
    controlPath,
    ...(logLevel && { logLevel }),
    logFormat,
    cleanup,
  };
}
