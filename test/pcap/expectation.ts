import { readFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { Command } from 'commander';
import { registerDecodeCommand } from '../../src/cli/decode-command.ts';
import type { MessageJson, UpdateJson } from '../../src/decode/json-types.ts';

/** One message of a `*.expect.json`. */
interface ExpectedMessage extends Omit<MessageJson, 'update'> {
  readonly src: string;
  readonly dst: string;
  readonly attribute_codes?: readonly number[];
  readonly update?: Omit<UpdateJson, 'attribute_codes'>;
}

/** A `*.expect.json`: what a decoder has to find in the capture of the same name. */
export interface Expectation {
  readonly file: string;
  readonly expect: 'decode' | 'no-crash';
  readonly link_type_optional?: true;
  readonly messages?: readonly ExpectedMessage[];
}

/** What the command printed, and its exit status. */
export interface DecodeRun {
  readonly output: string;
  readonly errors: string;
  readonly status: number | string | undefined;
}

export function readExpectation(path: string): Expectation {
  return JSON.parse(readFileSync(path, 'utf8')) as Expectation;
}

/** Runs `decode` in this process with the given arguments and standard input. */
export async function runDecode(args: readonly string[], input = ''): Promise<DecodeRun> {
  let output = '';
  let errors = '';
  const sinkText = (text: string): void => {
    errors += text;
  };
  const sink = (take: (text: string) => void): Writable =>
    new Writable({
      write(chunk, _encoding, done) {
        take(String(chunk));
        done();
      },
    });
  const program = new Command().exitOverride().configureOutput({ writeErr: sinkText });
  registerDecodeCommand(program, {
    input: Readable.from([Buffer.from(input)]),
    output: sink((text) => {
      output += text;
    }),
    errors: sink(sinkText),
    open: (path) => Readable.from([readFileSync(path)]),
  });
  const before = process.exitCode;
  await program.parseAsync(['decode', ...args], { from: 'user' });
  const status = process.exitCode;
  process.exitCode = before;
  return { output, errors, status };
}

/** The lines of `decode --json`. */
export function parseLines(output: string): MessageJson[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as MessageJson);
}

/** Messages by direction, in the shape that {@link expectedByDirection} gives. */
export function byDirection(messages: readonly MessageJson[]): Record<string, unknown[]> {
  return group(messages.map((message) => ({ ...message, notification: withoutWords(message) })));
}

/** The expected messages by direction, brought into the shape of `decode --json`. */
export function expectedByDirection(expectation: Expectation): Record<string, unknown[]> {
  const messages = (expectation.messages ?? []).map((message) => ({
    src: message.src,
    dst: message.dst,
    type: message.type,
    outcome: message.outcome,
    discarded_attributes: message.discarded_attributes,
    open: message.open,
    notification: message.notification,
    route_refresh: message.route_refresh,
    update: message.update && { ...message.update, attribute_codes: message.attribute_codes ?? [] },
  }));
  return group(messages);
}

/** The words for a NOTIFICATION are our own. */
function withoutWords({ notification }: MessageJson): object | undefined {
  if (!notification) return undefined;
  const { message: _, ...rest } = notification;
  return rest;
}

function group(messages: readonly { src?: string; dst?: string }[]): Record<string, unknown[]> {
  const directions: Record<string, unknown[]> = {};
  for (const { src, dst, ...message } of messages) {
    const direction = `${src} > ${dst}`;
    directions[direction] ??= [];
    directions[direction].push(JSON.parse(JSON.stringify(message)));
  }
  return directions;
}
