import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../../src/cli/main.ts';
import { documents, edit, L3VNI, UNDERLAY, withFiles } from '../config/sample.ts';

const REPOSITORY = join(import.meta.dirname, '../../..');

afterEach(() => {
  vi.restoreAllMocks();
});

/** Runs the command line; standard output is taken from the process. */
async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk, encodingOrDone?: unknown, done?: unknown) => {
    text.out += String(chunk);
    for (const callback of [encodingOrDone, done]) if (typeof callback === 'function') callback();
    return true;
  });
  const code = await main(args, {
    out: (chunk) => {
      text.out += chunk;
    },
    err: (chunk) => {
      text.err += chunk;
    },
  });
  return { code, ...text };
}

/** Runs `check` over the text of a file. */
async function check(text: string, ...args: readonly string[]): Promise<{ code: number; out: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'openpe-check-'));
  try {
    const file = join(directory, 'openpe.yaml');
    writeFileSync(file, text);
    const { code, out } = await run('check', '--config', file, '--node-index', '0', ...args);
    return { code, out: out.replaceAll(`${directory}/`, '') };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('openpe-routerd', () => {
  test('--help names every command and shows how they are used', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    for (const command of ['run', 'check', 'plan', 'decode'])
      expect(out).toMatch(new RegExp(`^ {2}${command} `, 'm'));
    expect(out).toContain('openpe-routerd check --config openpe.yaml');
  });

  test('--version is the version of the package', async () => {
    const { code, out } = await run('--version');
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    [['chek'], /unknown command 'chek'[\s\S]*Did you mean check\?/],
    [[], /required option '-c, --config <path>' not specified/],
    [['check'], /required option '-c, --config <path>' not specified/],
    [['run', '--config', 'x', '--dataplane', 'some'], /Allowed choices are kernel, none/],
    [['run', '--config', 'x', '--bgp-listen', '::1:179'], /such as 192\.0\.2\.1:179 or \[2001:db8::1\]:179/],
    [['run', '--config', 'x', '--node-index', '-1'], /whole number from 0/],
    [['plan', '--config', 'x', '--netns', 'a/b'], /without "\/"/],
  ])('%j is refused with exit code 2', async (args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});

describe('openpe-routerd check', () => {
  test('a good configuration', async () => {
    const { code, out } = await check(documents(UNDERLAY, L3VNI));
    expect(code).toBe(0);
    expect(out).toBe('The configuration is good.\n  in use on node 0: Underlay underlay, L3VNI red\n');
  });

  test('a bad resource, as a compiler would say it', async () => {
    const { code, out } = await check(documents(UNDERLAY, edit(L3VNI, 'vni: 100', 'vni: 16777216')));
    expect(code).toBe(1);
    expect(out).toBe(`openpe.yaml:22:8: error: 16777216 is out of range
   22 |   vni: 16777216
      |        ^~~~~~~~
    in       L3VNI red, spec.vni
    found    16777216
    allowed  a whole number from 1 to 16777215

Only a part of the configuration can be used as it is.
  in use on node 0: Underlay underlay
  1 error, 0 not supported, 0 warnings
`);
  });

  test('nothing usable', async () => {
    const { code, out } = await check('kind: Pod\napiVersion: v1\nmetadata: {name: web}\n');
    expect(code).toBe(2);
    expect(out).toBe('Nothing of the configuration can be used.\n  of other kinds, skipped: Pod web\n');
  });

  test('what is not supported counts as well: not all that was asked for will run', async () => {
    const { code, out } = await check(
      edit(UNDERLAY, 'asn: 64514', 'asn: 64514\n  isis: {baseNet: 49.0001.0000.0000.0001.00}'),
    );
    expect(code).toBe(1);
    expect(out).toContain('unsupported: isis is not supported yet');
  });

  test('--json has all of it', async () => {
    const bad = edit(L3VNI, 'vni: 100', 'vni: 16777216');
    const pod = 'kind: Pod\napiVersion: v1\nmetadata: {name: web}\n';
    const { code, out } = await check(documents(UNDERLAY, bad, pod), '--json', '--node-name', 'a');
    expect(code).toBe(1);
    const verdict: unknown = JSON.parse(out);
    expect(verdict).toEqual({
      verdict: 'partly',
      exitCode: 1,
      node: { index: 0, name: 'a' },
      findings: [
        {
          level: 'error',
          reason: 'ValidationFailed',
          resource: { kind: 'L3VNI', name: 'red' },
          file: 'openpe.yaml',
          line: 22,
          column: 8,
          field: 'spec.vni',
          found: '16777216',
          allowed: 'a whole number from 1 to 16777215',
          message: '16777216 is out of range',
        },
      ],
      accepted: [{ kind: 'Underlay', name: 'underlay', file: 'openpe.yaml', line: 1 }],
      notForThisNode: [],
      skippedDocuments: [{ kind: 'Pod', name: 'web', file: 'openpe.yaml', line: 30 }],
    });
  });

  test('a line with a password is not shown, however broken', async () => {
    const { out } = await check(
      edit(UNDERLAY, '      address', '      passwrd: "horse battery\n      address'),
    );
    expect(out).toContain('error:');
    expect(out).not.toContain('horse');
  });

  test('labels choose among resources', async () => {
    const selective = edit(
      UNDERLAY,
      'spec:\n',
      'spec:\n  nodeSelector: {matchLabels: {rack: a, zone: "1"}}\n',
    );
    expect((await check(selective, '--node-labels', 'rack=a,zone=1')).code).toBe(0);
    expect((await check(selective, '--node-labels', 'rack=a', '--node-labels', 'zone=1')).code).toBe(0);
    const other = await check(selective, '--node-labels', 'rack=b,zone=1');
    expect(other.code).toBe(2);
    expect(other.out).toContain('not for this node: Underlay underlay');
  });
});

describe('the excerpt of the source', () => {
  test.each([
    '{asn: 64512, address: 192.168.11.2, password: s3cr3t-word, holdTimeSeconds: 2}',
    '{asn: 64512, address: 192.168.11.2, pasword: "s3cr3t-word"}',
  ])('shows no password: %s', async (neighbor) => {
    const { code, out } = await check(
      UNDERLAY.replace(/neighbors:[\s\S]*$/, `neighbors:\n    - ${neighbor}\n`),
    );
    expect(code).not.toBe(0);
    expect(out).toContain('address: 192.168.11.2');
    expect(out).not.toContain('s3cr3t');
  });
});

describe('the launchers', () => {
  test.each(['openpe-routerd', 'openpe-routerctl'])('%s says what to do when nothing is built', (program) => {
    withFiles({ 'package.json': '{"type": "module"}' }, (directory) => {
      cpSync(join(REPOSITORY, 'bin'), join(directory, 'bin'), { recursive: true });
      chmodSync(join(directory, 'bin', program), 0o755);
      const { status, stderr } = spawnSync(process.execPath, [join(directory, 'bin', program), 'status'], {
        encoding: 'utf8',
      });
      expect(stderr).toBe(
        `${program}: not built yet: run "npm ci && npm run build" in the directory of the project first.\n`,
      );
      expect(status).toBe(2);
    });
  });

  const built = {
    'package.json': '{"type": "module"}',
    'dist/openpe-routerd.cjs': `(function (exports, require) {
  exports.main = async (args) => {
    process.stdout.write(require('./words.cjs').join(args).padEnd(1000000, '.'));
    return 3;
  };
});`,
    'dist/words.cjs': `(function (exports) { exports.join = (words) => words.join(' '); });`,
  };

  test('hand on arguments and exit code', () => {
    withFiles(built, (directory) => {
      cpSync(join(REPOSITORY, 'bin'), join(directory, 'bin'), { recursive: true });
      const args = [join(directory, 'bin/openpe-routerd'), 'check', '--json'];
      const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      expect(status).toBe(3);
      expect(stdout).toMatch(/^check --json\.+$/);
    });
  });

  test('are quiet when nobody reads on', () => {
    withFiles(built, (directory) => {
      cpSync(join(REPOSITORY, 'bin'), join(directory, 'bin'), { recursive: true });
      const command = `"${process.execPath}" "${directory}/bin/openpe-routerd" check | head -c 5`;
      const { stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
      expect(stdout).toBe('check');
      expect(stderr).toBe('');
    });
  });
});
