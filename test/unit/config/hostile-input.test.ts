import { symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MAX_FINDINGS } from '../../../src/config/findings.ts';
import { loadConfiguration } from '../../../src/config/load-configuration.ts';
import { MAX_VALUES_PER_DOCUMENT } from '../../../src/config/yaml-documents.ts';
import { brief, documents, edit, L3VNI, load, UNDERLAY, withFiles } from './sample.ts';

describe('files that are no configuration', () => {
  test('a path that does not exist', () => {
    const { findings, accepted } = loadConfiguration('/nonexistent/openpe.yaml');
    expect(findings).toMatchObject([
      {
        level: 'error',
        reason: 'Unreadable',
        location: { file: '/nonexistent/openpe.yaml', line: 1, column: 1 },
        message: 'there is no such file or directory',
      },
    ]);
    expect(accepted).toEqual([]);
  });

  test('an empty directory, an empty file, a file of comments', () => {
    expect(load({}).findings).toMatchObject([{ message: 'the directory has no configuration files' }]);
    expect(load('')).toMatchObject({ findings: [], accepted: [] });
    expect(load('# nothing here\n---\n---\n')).toMatchObject({ findings: [], accepted: [] });
  });

  test('binary data', () => {
    const { findings } = load(Buffer.from([0x61, 0x0a, 0x62, 0x00, 0xff]));
    expect(findings).toMatchObject([
      { location: { line: 2, column: 2 }, message: 'this is no text file: a zero byte at offset 3' },
    ]);
  });

  test('text that is not UTF-8', () => {
    const latin1 = Buffer.from(`${UNDERLAY}# caf\u00e9\n`, 'latin1');
    expect(load(latin1).findings).toMatchObject(
      [{ location: { line: 16, column: 6 }, message: /byte 0xe9 at offset \d+; save it as UTF-8/ }].map(
        (finding) => ({ ...finding, message: expect.stringMatching(finding.message) }),
      ),
    );
  });

  test('a scalar, a list, a mapping of something else', () => {
    expect(brief(load('just text').findings)).toEqual([
      'error 1:1 -: this document is just text, not a resource',
    ]);
    expect(brief(load('[1, 2]').findings)).toEqual([
      'error 1:1 -: this document is a list of 2 items, not a resource',
    ]);
    expect(load('replicas: 3').findings).toMatchObject(
      [{ level: 'error', message: /neither kind nor/ }].map((finding) => ({
        ...finding,
        message: expect.stringMatching(finding.message),
      })),
    );
    expect(load('l3vniss: []').findings).toMatchObject([
      { field: 'l3vniss', message: 'unknown field l3vniss: did you mean l3vnis?' },
    ]);
  });

  test('a device is not read', () => {
    const { findings } = loadConfiguration('/dev/zero');
    expect(findings).toMatchObject([{ message: 'this is not a regular file' }]);
  });
});

describe('directories', () => {
  test('files are read in order, subdirectories too, hidden names and others not', () => {
    const { findings, accepted } = load({
      '20-vni.yaml': L3VNI,
      'sub/10-underlay.yml': UNDERLAY,
      '.hidden/x.yaml': 'nonsense',
      '..data/x.yaml': 'nonsense',
      'README.md': 'nonsense',
    });
    expect(findings).toEqual([]);
    expect(accepted.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['Underlay underlay', 'L3VNI red']);
  });

  test('symbolic links: to files as in a ConfigMap, in circles, and dangling', () => {
    withFiles({ '..data/openpe.yaml': UNDERLAY }, (directory) => {
      symlinkSync('..data/openpe.yaml', join(directory, 'openpe.yaml'));
      symlinkSync('.', join(directory, 'again'));
      const good = loadConfiguration(directory, { nodeIndex: 0 });
      expect(good.findings).toEqual([]);
      expect(good.accepted.length).toBe(1);
      symlinkSync('b.yaml', join(directory, 'a.yaml'));
      symlinkSync('a.yaml', join(directory, 'b.yaml'));
      symlinkSync('nowhere', join(directory, 'c.yaml'));
      const { findings, accepted } = loadConfiguration(directory, { nodeIndex: 0 });
      expect(findings.map(({ message }) => message)).toEqual([
        'its symbolic links run in a circle',
        'its symbolic links run in a circle',
        'there is no such file or directory',
      ]);
      expect(accepted.length).toBe(1);
      unlinkSync(join(directory, 'again'));
    });
  });
});

describe('YAML', () => {
  test('a field given twice', () => {
    const { findings, accepted } = load(documents(UNDERLAY, edit(L3VNI, 'vni: 100', 'vni: 100\n  vni: 200')));
    expect(brief(findings)).toEqual([
      'error 23:3 -: this document is not valid YAML and is left out: the field "vni" is given twice in the same mapping',
    ]);
    expect(findings[0]?.resource).toEqual({ kind: 'L3VNI', name: 'red' });
    expect(accepted.map(({ kind }) => kind)).toEqual(['Underlay']);
  });

  test('a broken document leaves the others alone', () => {
    const { findings, accepted } = load(documents('spec: [\n', UNDERLAY));
    expect(findings).toMatchObject([{ level: 'error', reason: 'Unreadable' }]);
    expect(accepted.length).toBe(1);
  });

  test('anchors are followed', () => {
    const text = edit(edit(UNDERLAY, 'asn: 64514', 'asn: &local 64514'), 'asn: 64512', 'asn: *local');
    expect(load(text).configuration.underlay?.neighbors[0]?.asn).toBe(64514);
  });

  test.each([
    ['an alias without an anchor', 'a: *nothing\n'],
    ['an anchor that contains itself', 'a: &a [*a]\n'],
    ['a key that is no word', '? [a]\n: b\n'],
    ['a merge of something else', '<<: 1\n'],
    ['deep nesting', '['.repeat(100) + ']'.repeat(100)],
    ['very deep nesting', '['.repeat(20_000)],
    ['nesting in blocks', Array.from({ length: 100 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('')],
  ])('%s', (_, text) => {
    const { findings, accepted } = load(documents(UNDERLAY, text));
    expect(findings.length).toBeGreaterThan(0);
    expect(findings[0]).toMatchObject({ level: 'error', reason: 'Unreadable' });
    expect(accepted.length).toBeLessThanOrEqual(1);
  });

  test('aliases that multiply', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const items = level === 0 ? Array(9).fill('lol') : Array(9).fill(`*l${level - 1}`);
      return `l${level}: &l${level} [${items.join(', ')}]`;
    });
    const { findings } = load(levels.join('\n'));
    expect(findings.length).toBe(1);
    expect(findings[0]?.message).toContain(`more than ${MAX_VALUES_PER_DOCUMENT} values`);
  });

  test('a thousand mistakes are enough', () => {
    const fields = Array.from({ length: MAX_FINDINGS * 3 }, (_, index) => `  x${index}: 1\n`).join('');
    const { findings } = load(`${UNDERLAY}${fields}`);
    expect(findings.length).toBe(MAX_FINDINGS + 1);
    expect(findings.filter(({ level }) => level === 'warning').length).toBe(1);
  });

  test('control characters of a file do not reach the terminal', () => {
    const { findings } = load(edit(UNDERLAY, 'asn: 64514', 'asn: "\\e[31mred"\n'));
    expect(findings.length).toBe(1);
    expect(JSON.stringify(findings)).not.toContain('\\u001b');
  });

  test('two thousand L3VNIs', () => {
    const vnis = Array.from({ length: 2000 }, (_, index) => {
      const network = `10.${index >> 8}.${index & 255}.0/24`;
      return `  - {vrf: v${index}, vni: ${index + 1}, hostSession: {asn: 1, hostASN: 2, localCIDR: {ipv4: ${network}}}}\n`;
    }).join('');
    const { findings, accepted } = load({ 'a.yaml': UNDERLAY, 'b.yaml': `l3vnis:\n${vnis}` });
    expect(findings).toEqual([]);
    expect(accepted.length).toBe(2001);
  });
});
