import { describe, expect, test } from 'vitest';
import { createLogger, type LogOptions } from '../../../src/daemon/log.ts';

function linesOf(
  options: Pick<LogOptions, 'level' | 'format'>,
  use: (log: ReturnType<typeof createLogger>) => void,
): string[] {
  const lines: string[] = [];
  use(createLogger({ ...options, write: (line) => lines.push(line) }));
  return lines;
}

const failure = Object.assign(new Error('cannot send', { cause: new TypeError('no "socket"') }), {
  code: 'EPIPE',
});

describe('text lines', () => {
  test('have time, level, message and fields', () => {
    const [line] = linesOf({ level: 'info', format: 'text' }, (log) =>
      log.info({ peer: '192.0.2.1', reason: 'hold timer', holdTime: 9, vrf: undefined }, 'session down'),
    );
    expect(line).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO {2}session down peer=192\.0\.2\.1 reason="hold timer" holdTime=9\n$/,
    );
  });

  test('have the message of an error', () => {
    const [line] = linesOf({ level: 'info', format: 'text' }, (log) =>
      log.fatal({ err: failure }, 'it ends'),
    );
    expect(line).toMatch(/Z FATAL it ends error="cannot send"\n$/);
  });

  test('never break where a field does', () => {
    const [line] = linesOf({ level: 'info', format: 'text' }, (log) => log.warn({ text: 'a\nb="c"' }, 'odd'));
    expect(line?.endsWith('odd text="a\\nb=\\"c\\""\n')).toBe(true);
  });
});

describe('JSON lines', () => {
  test('have level, time, fields and message', () => {
    const before = Date.now();
    const [line] = linesOf({ level: 'trace', format: 'json' }, (log) =>
      log.warn({ peer: '192.0.2.1', vrf: undefined }, 'session down'),
    );
    const { time, ...rest } = JSON.parse(line ?? '');
    expect(rest).toEqual({ level: 40, peer: '192.0.2.1', msg: 'session down' });
    expect(time).toBeGreaterThanOrEqual(before);
    expect(line?.endsWith('}\n')).toBe(true);
  });

  test('have an error with its causes', () => {
    const [line] = linesOf({ level: 'info', format: 'json' }, (log) => log.error({ err: failure }, 'failed'));
    expect(JSON.parse(line ?? '')).toMatchObject({
      level: 50,
      err: {
        type: 'Error',
        message: 'cannot send',
        code: 'EPIPE',
        stack: expect.stringContaining('log.test.ts'),
        cause: { type: 'TypeError', message: 'no "socket"' },
      },
    });
  });

  test('have what was thrown when that is no error', () => {
    const [line] = linesOf({ level: 'info', format: 'json' }, (log) => log.error({ err: 'odd' }, 'failed'));
    expect(JSON.parse(line ?? '').err).toEqual({ message: 'odd' });
  });
});

test.each([
  ['trace', 6],
  ['info', 4],
  ['error', 2],
] as const)('from level %s on there are %i lines', (level, count) => {
  const lines = linesOf({ level, format: 'json' }, (log) => {
    for (const name of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[name](name);
  });
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].slice(-count),
  );
});
