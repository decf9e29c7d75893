import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressPlus, formatAddress, parseAddress } from '../../net/address.ts';
import { formatPrefix, networkOf, parsePrefix, prefixContains, prefixesOverlap } from '../../net/prefix.ts';
import { formatReport, reportAsJson } from '../../src/cli/check-report.ts';
import { readAddress, readPrefix } from '../../src/config/address-notation.ts';
import { hostSessionAddresses, routerIdOf, vtepOf } from '../../src/config/address-plan.ts';
import type { ConfigurationResult } from '../../src/config/model.ts';
import { load } from '../unit/config/sample.ts';

const EXAMPLES = join(import.meta.dirname, '../../deploy/examples/metallb');
const SEEDS = ['current', 'first-api'].flatMap((api) =>
  readdirSync(join(EXAMPLES, api)).map((file) => readFileSync(join(EXAMPLES, api, file), 'utf8')),
);

/** Every finding can be shown, has a place, and no resource is both accepted and in error. */
function expectSound(result: ConfigurationResult): void {
  for (const { location, message } of result.findings) {
    expect(location.line).toBeGreaterThanOrEqual(1);
    expect(location.column).toBeGreaterThanOrEqual(1);
    expect(message).not.toBe('');
  }
  const refused = new Set(
    result.findings
      .filter(({ level, resource }) => level === 'error' && resource)
      .map(({ location }) => `${location.file}:${location.line}`),
  );
  for (const { location } of result.accepted)
    expect(refused).not.toContain(`${location.file}:${location.line}`);
  const report = formatReport(result, { color: true, sourceLine: () => 'a line' });
  expect(report.length).toBeGreaterThan(0);
  expect(() => JSON.stringify(reportAsJson(result))).not.toThrow();
}

/** Pieces that YAML and the schemas are sensitive to. */
const fragment = fc.oneof(
  fc.constantFrom(
    '\n',
    ':',
    '- ',
    '  ',
    '[',
    ']',
    '{',
    '}',
    '&a',
    '*a',
    '"',
    "'",
    '|',
    '>',
    '---\n',
    '\t',
    '!!int ',
  ),
  fc.constantFrom(
    'null',
    '-1',
    '1e400',
    '99999999999999999999',
    '0x1f',
    '.nan',
    'true',
    '::',
    '/33',
    '~',
    '<<: ',
  ),
  fc.constantFrom(
    'spec',
    'vni',
    'hostSession',
    'localcidr',
    'neighbors',
    '__proto__',
    'constructor',
    '64514',
  ),
  fc.string({ maxLength: 5 }),
);

const edits = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(30), fragment), {
  minLength: 1,
  maxLength: 8,
});

function mutate(seed: string, changes: ReadonlyArray<readonly [number, number, string]>): string {
  return changes.reduce((text, [where, removed, inserted]) => {
    const at = Math.floor(where * text.length);
    return text.slice(0, at) + inserted + text.slice(at + removed);
  }, seed);
}

describe('no content of a file makes the reader throw', () => {
  test('mutated resources', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SEEDS), edits, (seed, changes) =>
        expectSound(load(mutate(seed, changes))),
      ),
      { numRuns: 150 },
    );
  });

  test('resources with a value of any shape at any place', () => {
    const json = fc.jsonValue({ maxDepth: 3 });
    const lines = fc.tuple(fc.constantFrom(...SEEDS), fc.nat(60), json);
    fc.assert(
      fc.property(lines, ([seed, number, value]) => {
        const all = seed.split('\n');
        const line = all[number % all.length] ?? '';
        const replaced = line.replace(/:.*$/, () => `: ${JSON.stringify(value)}`);
        expectSound(load(all.with(number % all.length, replaced).join('\n')));
      }),
      { numRuns: 150 },
    );
  });

  test('static files and node configurations with values of any shape', () => {
    const name = fc.constantFrom('underlays', 'l3vnis', 'l2vnis', 'bgppassthrough', 'nodeIndex', 'nodeName');
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue({ maxDepth: 4 })), (content) => {
        expectSound(load(JSON.stringify(content)));
      }),
      { numRuns: 100 },
    );
  });

  test('arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expectSound(load(bytes))),
      { numRuns: 100 },
    );
  });
});

describe('addresses of nodes', () => {
  const network = fc
    .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.integer({ min: 8, max: 32 }))
    .map(([bytes, length]) => networkOf({ address: { version: 4, bytes }, length }));
  const index = fc.nat(300);

  test('lie in their network, and two nodes never share one', () => {
    fc.assert(
      fc.property(network, index, index, (prefix, a, b) => {
        for (const plan of [vtepOf, routerIdOf]) {
          const [first, second] = [plan(prefix, a), plan(prefix, b)];
          if (first) expect(prefixContains(prefix, first)).toBe(true);
          if (first && second) expect(first.bytes.join() === second.bytes.join()).toBe(a === b);
        }
        const [first, second] = [hostSessionAddresses(prefix, a), hostSessionAddresses(prefix, b)];
        if (!first || !second) return;
        expect(first.router).toEqual(second.router);
        expect(prefixContains(prefix, first.host.address)).toBe(true);
        expect(first.host.address).toEqual(addressPlus(first.router.address, 1 + a));
        expect(first.host.address.bytes.join() === second.host.address.bytes.join()).toBe(a === b);
      }),
    );
  });
});

describe('notations of addresses', () => {
  const version = fc.constantFrom(4 as const, 6 as const);
  const prefix = version.chain((version) => {
    const size = version === 4 ? 4 : 16;
    const sparse = fc.oneof(fc.constant(0), fc.nat(255));
    return fc.record({
      address: fc
        .array(sparse, { minLength: size, maxLength: size })
        .map((bytes) => ({ version, bytes: Uint8Array.from(bytes) })),
      length: fc.nat(size * 8),
    });
  });

  test('every address and network is read back from its canonical text', () => {
    fc.assert(
      fc.property(prefix, (value) => {
        expect(readAddress(formatAddress(value.address))).toEqual(value.address);
        expect(readPrefix(formatPrefix(value))).toEqual(value);
      }),
    );
  });

  test('the configuration takes what the rest of the program takes, and refuses the rest', () => {
    const piece = fc.constantFrom(
      ':',
      '::',
      '.',
      '/',
      '%',
      '0',
      '00',
      '255',
      '256',
      'ffff',
      '12345',
      '-',
      ' ',
    );
    const text = fc.oneof(
      fc.tuple(prefix.map(formatPrefix), edits).map(([seed, changes]) => mutate(seed, changes)),
      fc
        .tuple(prefix.map(formatPrefix), fc.nat(40), fc.nat(3), piece)
        .map(([seed, at, removed, inserted]) => seed.slice(0, at) + inserted + seed.slice(at + removed)),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (text) => {
        expect(readAddress(text)).toEqual(parseAddress(text));
        expect(readPrefix(text)).toEqual(/\/0\d/.test(text) ? undefined : parsePrefix(text));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('overlapping networks', () => {
  const cidr = fc
    .tuple(fc.constantFrom(10, 172), fc.nat(3), fc.nat(3), fc.integer({ min: 9, max: 28 }))
    .map(([a, b, c, length]) => `${a}.${b}.${c * 64}.0/${length}`);

  test('an L3VNI is refused exactly when its network overlaps one that is in use', () => {
    fc.assert(
      fc.property(fc.array(cidr, { minLength: 1, maxLength: 8 }), (cidrs) => {
        const entries = cidrs.map(
          (text, index) =>
            `  - {vrf: v${index}, vni: ${index + 1}, hostSession: {asn: 1, hostASN: 2, localCIDR: {ipv4: ${text}}}}\n`,
        );
        const { findings } = load(`l3vnis:\n${entries.join('')}`);
        const refused = findings
          .filter(({ field }) => field?.endsWith('localCIDR.ipv4'))
          .map(({ field }) => Number(/\[(\d+)\]/.exec(field ?? '')?.[1]));
        const kept: number[] = [];
        const expected: number[] = [];
        const overlap = (a: string, b: string): boolean => {
          const [first, second] = [parsePrefix(a), parsePrefix(b)];
          return first !== undefined && second !== undefined && prefixesOverlap(first, second);
        };
        cidrs.forEach((text, index) => {
          if (kept.some((other) => overlap(text, cidrs[other] ?? ''))) expected.push(index);
          else kept.push(index);
        });
        expect(refused).toEqual(expected);
      }),
    );
  });
});
