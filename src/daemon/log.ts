import { pino } from 'pino';

/** Where the daemon says what it does. */
export type Logger = pino.Logger;

/** How log lines look. */
export interface LogOptions {
  /** `trace`, `debug`, `info`, `warn`, `error` or `fatal`. */
  readonly level: string;
  /** `text`: a line for people; `json`: one object per line. */
  readonly format: 'text' | 'json';
}

const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};

/** A logger that writes to standard error, at once and in order. */
export function createLogger(options: LogOptions): Logger {
  // The messages of an error's causes are in its own already.
  const serializers = { err: pino.stdSerializers.errWithCause };
  const settings = { level: options.level, base: null, serializers };
  if (options.format === 'json') return pino(settings, pino.destination({ fd: 2, sync: true }));
  return pino(settings, { write: (line) => void process.stderr.write(textLine(line)) });
}

/** `2026-01-31T12:00:00.000Z INFO  session established peer=192.168.11.2 families=…`. */
function textLine(json: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const words = Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`);
  const error = err as { message?: string } | undefined;
  if (error?.message) words.push(`error=${JSON.stringify(error.message)}`);
  const label = (LEVEL_NAMES[Number(level)] ?? '').padEnd(5);
  return `${[new Date(Number(time)).toISOString(), label, String(msg ?? ''), ...words].join(' ')}\n`;
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value);
}
