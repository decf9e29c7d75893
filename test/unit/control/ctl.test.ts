import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runCtl } from '../../../src/control/ctl-main.ts';
import type { ControlView } from '../../../src/control/view.ts';
import {
  fakeView,
  ManyRoutes,
  NOW,
  ROUTES,
  recordingView,
  SESSIONS,
  STATUS,
  serve,
  temporaryDirectory,
} from './fake-view.ts';

interface CtlResult {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

function collector(): { stream: Writable; text: () => string } {
  let text = '';
  const stream = new Writable({
    write(chunk, _, done) {
      text += chunk;
      done();
    },
  });
  return { stream, text: () => text };
}

async function ctl(...argv: string[]): Promise<CtlResult> {
  const output = collector();
  const errors = collector();
  const world = { output: output.stream, errors: errors.stream, wallTime: () => NOW };
  const code = await runCtl(argv, world);
  return { code, output: output.text(), errors: errors.text() };
}

async function ctlOn(view: ControlView, ...argv: string[]): Promise<CtlResult> {
  return ctl(...argv, '--control', (await serve(view)).path);
}

describe('text', () => {
  it('status', async () => {
    const { code, output } = await ctlOn(fakeView(), 'status');
    expect(code).toBe(0);
    expect(output).toMatch(/^Running for: +1h02m \(pid 4711\)$/m);
    expect(output).toMatch(/^Node: +pe-kind-worker \(index 1\)$/m);
    expect(output).toMatch(/^Configuration: +1 errors, 0 unsupported, 2 warnings$/m);
    expect(output).toMatch(/^VRF +FAMILY +ROUTES +PATHS +INSTALLED +FAILED$/m);
    expect(output).toMatch(/^red +ipv4-unicast +5 +5 +4 +1$/m);
    expect(output).toMatch(/^default +ipv4-unicast +12 +20 +- +-$/m);
  });

  it('sessions: prefixes while Established, else the last error, without control characters', async () => {
    const { code, output } = await ctlOn(fakeView(), 'sessions');
    expect(code).toBe(0);
    const [title, first, second, ...rest] = output.trimEnd().split('\n');
    expect(title).toMatch(/^PEER +VRF +AS +STATE +SINCE +BFD /);
    expect(first).toMatch(
      /^192\.168\.11\.2 +default +64512 +Established +3m20s +up +ipv4-unicast 12\/4 {2}l2vpn-evpn 5\/3 \(add-path both\)$/,
    );
    expect(second).toMatch(
      /^192\.169\.10\.3 +red +external +Active +12s +off +peer sent Cease\/Administrative Shutdown: upgrade\ufffd\[31m \(12s ago\)$/,
    );
    expect(rest).toEqual([]);
  });

  it('sessions: a neighbor by interface has its name, and its address once that is found', async () => {
    const sessions = SESSIONS.map(({ peerAddress: _, ...session }, index) => ({
      ...session,
      name: `eth${index}`,
      interface: `eth${index}`,
      ...(index === 0 && { peerAddress: 'fe80::1' }),
    }));
    const { output } = await ctlOn(fakeView({ sessions: () => sessions }), 'sessions');
    const [, first, second] = output.split('\n');
    expect(first).toMatch(/^eth0 \(fe80::1\) +default +64512 +Established/);
    expect(second).toMatch(/^eth1 +red +external +Active/);
  });

  it('routes: a heading for each table, marks, kernel state', async () => {
    const { code, output } = await ctlOn(fakeView(), 'routes');
    expect(code).toBe(0);
    expect(output.match(/^VRF .*$/gm)).toEqual(['VRF red, ipv4-unicast', 'VRF default, l2vpn-evpn']);
    expect(output).toMatch(/^> +172\.30\.0\.10\/32 +192\.169\.10\.3 .* 1m00s +installed +64515 i$/m);
    expect(output).toMatch(/^ +100\.65\.0\.0 +evpn +0 +- +1m00s +64512 64514 64515 i$/m);
    expect(output).toMatch(/^! +192\.168\.20\.0\/24 .*FAILED: ENETUNREACH/m);
    expect(output).toMatch(
      /^> +\[5\]:\[0\]:\[32\]:\[172\.30\.0\.10\] +10\.0\.0\.1:2 .* 192\.168\.11\.2 id 7 /m,
    );
  });

  it('routes PREFIX: all about it', async () => {
    const { output } = await ctlOn(fakeView(), 'routes', '172.30.0.10');
    expect(output).toMatch(/^Best by: +AS path length$/m);
    expect(output).toMatch(/^ {4}Lost by: +AS path length$/m);
    expect(output).toMatch(/^ {2}Path: +from evpn \(ebgp\), imported, stale$/m);
    expect(output).toMatch(/^ {2}Path: +from red\/192\.169\.10\.3 \(ebgp\), best, multipath$/m);
    expect(output).toMatch(/^ {4}Path identifier: +7$/m);
    expect(output).toMatch(/^ {4}Communities: +64515:1$/m);
    expect(output).toMatch(/^ {4}Extended communities: +rt:64514:100 encap:vxlan$/m);
  });

  it('routes hands on what is asked for', async () => {
    const { view, filters } = recordingView();
    const { code, output, errors } = await ctlOn(
      view,
      'routes',
      '10.0.0.1',
      '--vrf',
      'red',
      '--family',
      'evpn',
    );
    expect(filters).toMatchObject([{ vrf: 'red', family: 0x1946, longestMatch: true }]);
    expect({ code, output, errors }).toEqual({ code: 0, output: '', errors: 'no route for 10.0.0.1\n' });
  });

  it('vnis', async () => {
    const { output } = await ctlOn(fakeView(), 'vnis');
    expect(output).toMatch(/^VNI: +100 in VRF red, table 1100$/m);
    expect(output).toMatch(/^ {2}State: +failed: the kernel has no VRF support/m);
    expect(output).toMatch(/^ {2}Remote VTEPs: +100\.64\.0\.1 \(02:00:00:00:00:01, 3 routes\)$/m);
  });

  it('configuration', async () => {
    const { output } = await ctlOn(fakeView(), 'configuration');
    expect(output).toBe(
      'openpe.yaml:12:8: error: L3VNI blue: spec.vni: 0 is too small (found 0) (allowed: a whole number of 1 to 16777215)\n',
    );
  });

  it('columns of later pages stay where the first page put them', async () => {
    const many = new ManyRoutes(300);
    const { output } = await ctlOn(fakeView({ routes: () => many.routes() }), 'routes');
    const rows = output.split('\n').filter((line) => line.startsWith('>'));
    expect(rows).toHaveLength(300);
    expect(new Set(rows.map((row) => row.indexOf('192.169.10.3'))).size).toBe(1);
  });
});

describe('json', () => {
  it.each([
    ['status', STATUS],
    ['sessions', SESSIONS],
    ['routes', ROUTES],
  ])('%s is what the API gives', async (command, expected) => {
    const { code, output } = await ctlOn(fakeView(), command, '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(output)).toEqual(expected);
  });
});

describe('errors', () => {
  it('no daemon', async () => {
    const path = join(temporaryDirectory(), 'control.sock');
    const { code, output, errors } = await ctl('status', '--control', path);
    expect({ code, output }).toEqual({ code: 1, output: '' });
    expect(errors).toBe(
      `openpe-routerctl: cannot read from openpe-routerd at ${path}: ` +
        'there is no such socket; is openpe-routerd running, and with this --control path?\n',
    );
  });

  it('a refusal is told with what is allowed', async () => {
    const { code, errors } = await ctlOn(fakeView(), 'routes', '--vrf', 'blue');
    expect(code).toBe(1);
    expect(errors).toBe('openpe-routerctl: there is no VRF "blue"; allowed: default, red\n');
  });

  it.each(['text', 'json'])('an answer that breaks off is an error (%s)', async (format) => {
    const view = fakeView({
      *routes() {
        for (let i = 0; i < 1000; i++) yield ROUTES[0];
        throw new RangeError('defect');
      },
    });
    const { code, errors } = await ctlOn(view, 'routes', '-o', format);
    expect(code).toBe(1);
    expect(errors).toMatch(/^openpe-routerctl: cannot read from openpe-routerd at [^\n]+\n$/);
  });

  it.each([
    [['--nonsense']],
    [['routez']],
    [['routes', '--family', 'ipv5']],
    [['status', '-o', 'xml']],
    [['routes', '10.0.0.1', 'more']],
    [[]],
  ])('wrong command line %j', async (argv) => {
    const { code, errors } = await ctl(...argv);
    expect(code).toBe(2);
    expect(errors).not.toBe('');
  });

  it('help is no error and names all commands', async () => {
    const { code, output } = await ctl('--help');
    expect(code).toBe(0);
    for (const word of ['status', 'sessions', 'routes', 'vnis', 'configuration', 'Exit codes']) {
      expect(output).toContain(word);
    }
  });
});

describe('a reader that goes away', () => {
  it('ends the listing at the daemon too, without an error', async () => {
    const many = new ManyRoutes(1_000_000);
    const server = await serve(fakeView({ routes: () => many.routes() }));
    const errors = collector();
    const output = new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    const world = { output, errors: errors.stream, wallTime: () => NOW };
    expect(await runCtl(['routes', '--control', server.path], world)).toBe(0);
    expect(errors.text()).toBe('');
    await expect.poll(() => many.closed, { timeout: 5000 }).toBe(true);
    expect(many.taken).toBeLessThan(50_000);
  });
});
