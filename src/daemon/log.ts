/** Numbers of the levels in JSON lines: those of pino and bunyan, which programs that read logs know. */
const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const;

type Level = keyof typeof LEVELS;

/** What belongs to a line besides its message; `err` is an error. Undefined values are left out. */
type Fields = Readonly<Record<string, unknown>>;

/** Writes a line of one level. */
interface LogLine {
  (message: string): void;
  (fields: Fields, message: string): void;
}

/** Where the daemon says what it does. */
export type Logger = Readonly<Record<Level, LogLine>>;

/** How log lines look. */
export interface LogOptions {
  /** The least important level that is written. */
  readonly level: Level;
  /** `text`: a line for people; `json`: one object per line. */
  readonly format: 'text' | 'json';
  /** Takes whole lines; standard error, at once and in order, unless given. */
  readonly write?: (line: string) => void;
}

/** A logger; a level that is off costs a call of an empty function. */
export function createLogger({ level, format, write = standardError() }: LogOptions): Logger {
  const lineOf = format === 'json' ? jsonLine : textLine;
  const logLine = (name: Level): LogLine => {
    if (LEVELS[name] < LEVELS[level]) return () => undefined;
    return (fieldsOrMessage: Fields | string, message?: string) =>
      typeof fieldsOrMessage === 'string'
        ? write(lineOf(name, {}, fieldsOrMessage))
        : write(lineOf(name, fieldsOrMessage, message ?? ''));
  };
  return {
    trace: logLine('trace'),
    debug: logLine('debug'),
    info: logLine('info'),
    warn: logLine('warn'),
    error: logLine('error'),
    fatal: logLine('fatal'),
  };
}

function standardError(): (line: string) => void {
  // Routes are worth more than a log that nobody takes.
  process.stderr.on('error', () => undefined);
  return (line) => void process.stderr.write(line);
}

/** `{"level":30,"time":1769860800000,"peer":"192.168.11.2","msg":"session established"}`. */
function jsonLine(level: Level, { err, ...fields }: Fields, message: string): string {
  const line = {
    level: LEVELS[level],
    time: Date.now(),
    ...fields,
    ...(err !== undefined && { err: errorFields(err) }),
    msg: message,
  };
  return `${JSON.stringify(line)}\n`;
}

function errorFields(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name: type, message, stack, cause } = error;
  const code = 'code' in error ? String(error.code) : undefined;
  return { type, message, code, stack, ...(cause !== undefined && { cause: errorFields(cause) }) };
}

/** `2026-01-31T12:00:00.000Z INFO  session established peer=192.168.11.2 families=…`. */
function textLine(level: Level, { err, ...fields }: Fields, message: string): string {
  const words = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${fieldText(value)}`);
  // The messages of an error's causes are in its own already.
  if (err !== undefined)
    words.push(`error=${JSON.stringify(err instanceof Error ? err.message : String(err))}`);
  return `${[new Date().toISOString(), level.toUpperCase().padEnd(5), message, ...words].join(' ')}\n`;
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value);
}
