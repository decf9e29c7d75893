import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { EXIT_CODES, formatReport, verdictOf } from '../../../src/cli/check-report.ts';
import { loadConfiguration } from '../../../src/config/load-configuration.ts';

const BROKEN = fileURLToPath(new URL('broken', import.meta.url));

/** What `check` says first about each file, and what it can still use. */
const EXPECTED: Readonly<
  Record<string, { at: string; field?: string; says: RegExp; usable: string[]; exitCode: number }>
> = {
  '01-yaml-syntax.yaml': {
    at: '9:3',
    says: /not valid YAML and is left out: .* end with a \]/,
    usable: [],
    exitCode: 2,
  },
  '02-misspelt-field.yaml': {
    at: '24:3',
    field: 'spec.exportRT',
    says: /unknown field exportRT: did you mean exportRTs\?/,
    usable: ['underlay', 'blue'],
    exitCode: 1,
  },
  '03-vni-out-of-range.yaml': {
    at: '22:8',
    field: 'spec.vni',
    says: /16777216 is out of range[\s\S]*allowed {2}a whole number from 1 to 16777215/,
    usable: ['underlay', 'blue'],
    exitCode: 1,
  },
  '04-vni-used-twice.yaml': {
    at: '35:8',
    field: 'spec.vni',
    says: /VNI 200 is in use already, by L3VNI blue \(.*04-vni-used-twice.yaml:17\)/,
    usable: ['underlay', 'blue'],
    exitCode: 1,
  },
  '05-overlapping-networks.yaml': {
    at: '41:13',
    field: 'spec.hostSession.localCIDR.ipv4',
    says: /192\.169\.0\.0\/16 overlaps with 192\.169\.11\.0\/24 of L3VNI blue/,
    usable: ['underlay', 'blue'],
    exitCode: 1,
  },
  '06-second-underlay.yaml': {
    at: '34:1',
    field: 'spec',
    says: /this node has an Underlay already: Underlay underlay[\s\S]*one Underlay for each node/,
    usable: ['underlay', 'blue'],
    exitCode: 1,
  },
  '07-missing-asn.yaml': {
    at: '24:3',
    field: 'spec.hostSession.asn',
    says: /spec\.hostSession\.asn is missing[\s\S]*allowed {2}a whole number from 1 to 4294967295/,
    usable: ['underlay', 'blue'],
    exitCode: 1,
  },
  '08-host-has-router-asn.yaml': {
    at: '26:14',
    field: 'spec.hostSession.hostASN',
    says: /the host has the same AS number as the router[\s\S]*any AS number but 64514/,
    usable: ['underlay', 'blue'],
    exitCode: 1,
  },
  '09-no-tunnel-endpoint.yaml': {
    at: '19:1',
    field: 'spec',
    says: /the Underlay underlay has no tunnel endpoint, which this L3VNI needs/,
    usable: ['underlay'],
    exitCode: 1,
  },
  '10-name-too-long-for-vrf.yaml': {
    at: '33:9',
    field: 'metadata.name',
    says: /too long: 22 characters, at most 15 \(the VRF has the name of the resource/,
    usable: ['underlay', 'blue'],
    exitCode: 1,
  },
};

describe('ten broken files', () => {
  test('each one is described below', () => {
    expect(readdirSync(BROKEN).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  test.each(Object.entries(EXPECTED))('%s', (name, { at, field, says, usable, exitCode }) => {
    const file = join(BROKEN, name);
    const result = loadConfiguration(file, { nodeIndex: 0 });
    const [first] = result.findings;
    expect(first?.level).toBe('error');
    expect(first?.location.file).toBe(file);
    expect(`${first?.location.line}:${first?.location.column}`).toBe(at);
    expect(first?.field).toBe(field);
    expect(result.accepted.map((resource) => resource.name)).toEqual(usable);
    const report = formatReport(result, { color: false, sourceLine: () => undefined });
    expect(report).toMatch(says);
    expect(report.startsWith(`${file}:${at}: error: `)).toBe(true);
    expect(EXIT_CODES[verdictOf(result)]).toBe(exitCode);
  });
});
