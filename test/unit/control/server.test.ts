import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { IPV4_UNICAST } from '../../../bgp/wire/family.ts';
import { ControlSocketError } from '../../../src/control/control-socket.ts';
import { type ControlServer, startControlServer } from '../../../src/control/server.ts';
import {
  exchange,
  fakeView,
  ManyRoutes,
  NO_ACTIONS,
  ROUTES,
  recordingView,
  SESSIONS,
  STATUS,
  serve,
  temporaryDirectory,
  VNIS,
} from './fake-view.ts';

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

function get(
  server: ControlServer,
  path: string,
  options: { method?: string; accept?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath: server.path,
      path,
      method: options.method ?? 'GET',
      headers: { accept: options.accept ?? '*/*', connection: 'close' },
    });
    asked.once('error', reject);
    asked.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode, type: response.headers['content-type'], body }),
      );
    });
    asked.end();
  });
}

describe('resources', () => {
  it.each([
    ['/v1/status', STATUS],
    ['/v1/sessions', SESSIONS],
    ['/v1/routes', ROUTES],
    ['/v1/vnis', VNIS],
  ])('%s', async (path, expected) => {
    const answer = await get(await serve(fakeView()), path);
    expect(answer).toMatchObject({ status: 200, type: 'application/json' });
    expect(JSON.parse(answer.body)).toEqual(expected);
  });

  it('/v1/configuration', async () => {
    const answer = await get(await serve(fakeView()), '/v1/configuration');
    expect(JSON.parse(answer.body)).toEqual({ findings: fakeView().findings() });
  });

  it('hands the filter on', async () => {
    const { view, filters } = recordingView();
    await get(await serve(view), '/v1/routes?vrf=red&family=ipv4');
    expect(filters).toEqual([{ vrf: 'red', family: IPV4_UNICAST }]);
  });

  it('gives lines where they are asked for', async () => {
    const answer = await get(await serve(fakeView()), '/v1/sessions', { accept: 'application/x-ndjson' });
    expect(answer.type).toBe('application/x-ndjson');
    const lines = answer.body.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(SESSIONS);
  });
});

describe('refusals', () => {
  it.each([
    ['/v1/routes?family=x', 'GET', 400, 'InvalidParameter'],
    ['/v1/nothing', 'GET', 404, 'NotFound'],
    ['/v1/status', 'POST', 405, 'MethodNotAllowed'],
  ])('%s with %s is %d', async (path, method, status, reason) => {
    const answer = await get(await serve(fakeView()), path, { method });
    expect(answer).toMatchObject({ status, type: 'application/json' });
    expect(JSON.parse(answer.body).error).toMatchObject({ reason });
  });

  it.each([
    ['not HTTP', 'hello\r\n\r\n'],
    ['binary', '\u0000\u0001\u0002\u0003\r\n\r\n'],
    ['too long headers', `GET /v1/status HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['no Host', 'GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ])('%s', async (_, bytes) => {
    const server = await serve(fakeView());
    expect(await exchange(server.path, bytes)).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect((await get(server, '/v1/status')).status).toBe(200);
  });

  it('a connection that says nothing or half a request harms nobody', async () => {
    const server = await serve(fakeView());
    const silent = connect(server.path);
    const half = connect(server.path);
    half.write('GET /v1/sta');
    const answer = await get(server, '/v1/status');
    silent.destroy();
    half.destroy();
    expect(answer.status).toBe(200);
  });

  it('a defect of the view is an error, is logged, and ends nothing', async () => {
    const logged: unknown[] = [];
    const view = fakeView({
      status: () => {
        throw new RangeError('defect');
      },
    });
    const server = await serve(view, (_, error) => logged.push(error));
    const answer = await get(server, '/v1/status');
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain('defect');
    expect(logged).toEqual([new RangeError('defect')]);
    expect((await get(server, '/v1/sessions')).status).toBe(200);
  });

  it('a defect in the middle of a list breaks the connection', async () => {
    const view = fakeView({
      *routes() {
        for (let i = 0; i < 1000; i++) yield ROUTES[0];
        throw new RangeError('defect');
      },
    });
    const server = await serve(view);
    await expect(get(server, '/v1/routes')).rejects.toThrow();
    expect((await get(server, '/v1/status')).status).toBe(200);
  });
});

describe('large tables', () => {
  const MEBIBYTE = 1024 * 1024;

  it('a million routes pass with less than 2 MiB on their way at any time', {
    timeout: 120_000,
  }, async () => {
    const count = 1_000_000;
    const many = new ManyRoutes(count);
    const server = await serve(fakeView({ routes: () => many.routes() }));
    const first = JSON.stringify([...new ManyRoutes(1).routes()][0]).length;
    let received = 0;
    let mostOnTheWay = 0;
    await new Promise<void>((resolve, reject) => {
      const headers = { accept: 'application/x-ndjson' };
      const asked = request({ socketPath: server.path, path: '/v1/routes', headers, agent: false });
      asked.once('error', reject);
      asked.once('response', (response) => {
        response.on('data', (chunk: Buffer) => {
          for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) received++;
          mostOnTheWay = Math.max(mostOnTheWay, (many.taken - received) * first);
        });
        response.once('error', reject);
        response.once('end', resolve);
      });
      asked.end();
    });
    expect(received).toBe(count);
    expect(mostOnTheWay).toBeLessThan(2 * MEBIBYTE);
  });

  it('a client that stops reading holds back its own answer only, and is let go when it leaves', async () => {
    const many = new ManyRoutes(1_000_000);
    const server = await serve(fakeView({ routes: () => many.routes() }));
    const stopped = connect(server.path);
    stopped.write('GET /v1/routes HTTP/1.1\r\nHost: x\r\n\r\n');
    stopped.pause();
    let before = -1;
    while (many.taken === 0 || many.taken !== before) {
      before = many.taken;
      expect((await get(server, '/v1/status')).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(many.taken * 200).toBeLessThan(2 * MEBIBYTE);
    expect(many.closed).toBe(false);
    stopped.destroy();
    await expect.poll(() => many.closed, { timeout: 5000 }).toBe(true);
  });
});

describe('the socket', () => {
  it('has mode 0660, and its directory is made', async () => {
    const path = join(temporaryDirectory(), 'a', 'b', 'control.sock');
    const server = await startControlServer({ path, actions: NO_ACTIONS, view: fakeView() });
    onTestFinished(() => server.close());
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect((await get(server, '/v1/status')).status).toBe(200);
  });

  it('is gone after close, with connections that were open', async () => {
    const server = await serve(fakeView());
    const open = connect(server.path);
    open.on('error', () => undefined);
    const closed = new Promise((resolve) => open.once('close', resolve));
    await new Promise<void>((resolve) => open.once('connect', () => resolve()));
    open.resume();
    await server.close();
    await closed;
    expect(statSync(server.path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('one that somebody answers on is left alone', async () => {
    const server = await serve(fakeView());
    const second = startControlServer({ path: server.path, actions: NO_ACTIONS, view: fakeView() });
    await expect(second).rejects.toThrow(ControlSocketError);
    await expect(second).rejects.toThrow(/another openpe-routerd answers/);
    expect((await get(server, '/v1/status')).status).toBe(200);
  });

  it('one that was left behind is replaced', async () => {
    const path = join(temporaryDirectory(), 'control.sock');
    leaveSocketBehind(path);
    expect(statSync(path).isSocket()).toBe(true);
    const server = await startControlServer({ path, actions: NO_ACTIONS, view: fakeView() });
    onTestFinished(() => server.close());
    expect((await get(server, '/v1/status')).status).toBe(200);
  });

  it('a file of that name is left alone', async () => {
    const path = join(temporaryDirectory(), 'control.sock');
    writeFileSync(path, 'mine');
    await expect(startControlServer({ path, actions: NO_ACTIONS, view: fakeView() })).rejects.toThrow(
      /no socket/,
    );
    expect(statSync(path).size).toBe(4);
  });

  it('a directory that cannot be made is a typed error', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'file'), '');
    const starting = startControlServer({
      path: join(directory, 'file', 'x.sock'),
      actions: NO_ACTIONS,
      view: fakeView(),
    });
    await expect(starting).rejects.toThrow(ControlSocketError);
  });
});

/** Binds a socket in a process that then dies without removing it. */
function leaveSocketBehind(path: string): void {
  const dies = "() => process.kill(process.pid, 'SIGKILL')";
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, ${dies})`;
  spawnSync(process.execPath, ['-e', script]);
}
