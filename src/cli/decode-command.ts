import { createReadStream } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Family, familyByName } from '../../bgp/wire/family.ts';
import { ByteSource } from '../decode/byte-source.ts';
import { CaptureError } from '../decode/capture-error.ts';
import type { CaptureSummary, TimedMessage } from '../decode/capture-summary.ts';
import { decodeCapture } from '../decode/decode-capture.ts';
import { decodeHexLine, linesOf } from '../decode/decode-hex.ts';
import { messageJson } from '../decode/message-json.ts';
import { messageText } from '../decode/message-text.ts';
import { type AssumedContext, assumedContext } from '../decode/session-context.ts';

/** The program's streams; passed in, so that tests can replace them. */
export interface DecodeStreams {
  readonly input: AsyncIterable<Uint8Array>;
  readonly output: NodeJS.WritableStream;
  readonly errors: NodeJS.WritableStream;
  /** The file at a path, in chunks. */
  readonly open: (path: string) => AsyncIterable<Uint8Array>;
}

interface DecodeOptions {
  readonly json?: true;
  readonly format?: 'capture' | 'hex';
  readonly as2?: true;
  readonly addPath?: ReadonlySet<Family>;
  readonly extendedMessage?: true;
  readonly extendedNextHop?: true;
  readonly peer: 'ebgp' | 'ibgp';
}

const HELP = `
The file is a pcap or pcapng capture or an MRT file, or - for standard input. Messages of one
direction come in order; what the OPENs of a session say about AS numbers, path identifiers and
message size is taken from them. Where a capture begins in the middle of a session, and for
--format hex, the options say it.

Examples:
  openpe-routerd decode session.pcap
  openpe-routerd decode --json session.pcap | jq 'select(.outcome != "ok")'
  tcpdump -w - -U port 179 | openpe-routerd decode -
  echo ffffffffffffffffffffffffffffffff001304 | openpe-routerd decode --format hex

Exit status: 0 the input was read to its end, 2 it could not be read.`;

/** Adds the command `decode`. Its exit status is set in `process.exitCode`. */
export function registerDecodeCommand(program: Command, streams: DecodeStreams = processStreams()): void {
  program
    .command('decode')
    .description('print the BGP messages of a packet capture, an MRT file or hex lines')
    .argument('[file]', 'capture to read, - for standard input', '-')
    .option('--json', 'one JSON object per message and line')
    .addOption(new Option('--format <format>', 'what the input is').choices(['capture', 'hex']))
    .option('--as2', 'AS numbers have two octets')
    .option(
      '--add-path <families>',
      'families with path identifiers, such as ipv4-unicast,l2vpn-evpn',
      families,
    )
    .option('--extended-message', 'messages of up to 65,535 octets (RFC 8654)')
    .option('--extended-next-hop', 'IPv4 routes may have IPv6 next hops (RFC 8950)')
    .addOption(new Option('--peer <type>', 'kind of session').choices(['ebgp', 'ibgp']).default('ebgp'))
    .addHelpText('after', HELP)
    .action(async (file: string, options: DecodeOptions) => {
      process.exitCode = await decode(file, options, streams);
    });
}

function processStreams(): DecodeStreams {
  return {
    input: process.stdin,
    output: process.stdout,
    errors: process.stderr,
    open: (path) => createReadStream(path, { highWaterMark: 1024 * 1024 }),
  };
}

function families(text: string): ReadonlySet<Family> {
  return new Set(
    text.split(',').map((name) => {
      const family = familyByName(name.trim());
      if (family === undefined) throw new InvalidArgumentError(`"${name}" is not an address family.`);
      return family;
    }),
  );
}

async function decode(file: string, options: DecodeOptions, streams: DecodeStreams): Promise<0 | 2> {
  const assumed: AssumedContext = {
    fourOctetAs: !options.as2,
    addPath: options.addPath ?? new Set(),
    extendedMessage: options.extendedMessage ?? false,
    extendedNextHop: options.extendedNextHop ?? false,
    peerType: options.peer,
  };
  const chunks = file === '-' ? streams.input : streams.open(file);
  const output = new LineOutput(streams.output);
  // A reader that has seen enough (head, less) is no error.
  streams.output.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  try {
    if (options.format === 'hex') {
      await decodeLines(chunks, assumed, options, output);
    } else {
      const summary = await decodeCapture(new ByteSource(chunks), assumed, {
        message: (seen) => output.line(captureLine(seen, options)),
        ready: () => output.drained(),
      });
      reportLosses(summary, streams.errors);
    }
    await output.flush();
    return 0;
  } catch (error) {
    await output.flush();
    if (!(error instanceof CaptureError) && !isFileError(error)) throw error;
    streams.errors.write(`openpe-routerd decode: ${file}: ${error.message}\n`);
    return 2;
  }
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

async function decodeLines(
  chunks: AsyncIterable<Uint8Array>,
  assumed: AssumedContext,
  options: DecodeOptions,
  output: LineOutput,
): Promise<void> {
  const context = assumedContext(assumed);
  for await (const line of linesOf(chunks)) {
    const { message, length } = decodeHexLine(line, context);
    output.line(options.json ? JSON.stringify(messageJson(message)) : messageText(message, length));
    await output.drained();
  }
}

function captureLine(seen: TimedMessage, options: DecodeOptions): string {
  const { source, destination, message, length, time } = seen;
  if (options.json) return JSON.stringify({ src: source, dst: destination, ...messageJson(message) });
  return `${timeText(time)}${source} > ${destination} ${messageText(message, length)}`;
}

/** Nothing for a time that a damaged file makes up and no calendar has. */
function timeText(seconds: number | undefined): string {
  const date = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? '' : `${date.toISOString()} `;
}

function reportLosses(summary: CaptureSummary, errors: NodeJS.WritableStream): void {
  const losses = [
    [summary.gaps, 'holes in TCP streams'],
    [summary.fragments, 'IP fragments not read'],
    [summary.malformed, 'malformed packets or records'],
  ] as const;
  const words = losses.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  if (words.length > 0) errors.write(`${words.join(', ')}\n`);
}

/** Lines are written in pieces of so many characters… */
const PIECE_SIZE = 64 * 1024;
/** …or after so many milliseconds, for who watches a live capture. */
const PIECE_DELAY = 200;

/** Lines that are written in large pieces. */
class LineOutput {
  readonly #stream: NodeJS.WritableStream;
  #text: string[] = [];
  #length = 0;
  #full = false;
  #delay: NodeJS.Timeout | undefined;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  line(text: string): void {
    this.#text.push(text, '\n');
    this.#length += text.length;
    if (this.#length >= PIECE_SIZE) this.#write();
    else this.#delay ??= setTimeout(() => this.#write(), PIECE_DELAY);
  }

  #write(): void {
    clearTimeout(this.#delay);
    this.#delay = undefined;
    if (this.#text.length > 0) this.#full = !this.#stream.write(this.#text.join(''));
    this.#text = [];
    this.#length = 0;
  }

  /** Waits while the reader is slower than the output. */
  drained(): Promise<void> | undefined {
    if (!this.#full) return undefined;
    this.#full = false;
    return new Promise((resolve) => this.#stream.once('drain', () => resolve()));
  }

  async flush(): Promise<void> {
    this.#write();
    await this.drained();
  }
}
