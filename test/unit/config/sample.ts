import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { formatAddress, type IpAddress } from '../../../net/address.ts';
import { loadConfiguration } from '../../../src/config/load-configuration.ts';
import type { ConfigurationFinding, ConfigurationResult } from '../../../src/config/model.ts';
import type { NodeContext } from '../../../src/config/node-identity.ts';

/** An Underlay in which a test can replace a part. */
export const UNDERLAY = `apiVersion: network.openperouter.io/v1alpha1
kind: Underlay
metadata:
  name: underlay
spec:
  asn: 64514
  tunnelEndpoint:
    cidrs: [100.65.0.0/24]
  interfaces:
    - type: NetworkDevice
      networkDevice:
        interfaceName: toswitch1
  neighbors:
    - asn: 64512
      address: 192.168.11.2
`;

/** An L3VNI in which a test can replace a part. */
export const L3VNI = `apiVersion: network.openperouter.io/v1alpha1
kind: L3VNI
metadata:
  name: red
spec:
  vni: 100
  vrf: red
  hostSession:
    asn: 64514
    hostASN: 64515
    localCIDR:
      ipv4: 192.169.10.0/24
`;

/** Replaces the one place where `part` stands; throws when there is none. */
export function edit(text: string, part: string, replacement: string): string {
  if (text.split(part).length !== 2) throw new Error(`"${part}" does not stand in the sample exactly once`);
  return text.replace(part, () => replacement);
}

/** Documents of one file. */
export function documents(...texts: readonly string[]): string {
  return texts.join('---\n');
}

/** Writes files into a new directory, hands it to `use`, and removes it again. */
export function withFiles<T>(
  files: Readonly<Record<string, string | Uint8Array>>,
  use: (path: string) => T,
): T {
  const directory = mkdtempSync(join(tmpdir(), 'openpe-config-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Loads files for a node (node 0 unless told otherwise); file names in findings are relative to their directory. */
export function load(
  files: string | Uint8Array | Readonly<Record<string, string | Uint8Array>>,
  node: NodeContext = { nodeIndex: 0 },
): ConfigurationResult {
  const all = typeof files === 'string' || files instanceof Uint8Array ? { 'openpe.yaml': files } : files;
  return withFiles(all, (directory) => {
    const result = loadConfiguration(directory, node);
    const findings = result.findings.map((finding) => ({
      ...finding,
      location: { ...finding.location, file: relative(directory, finding.location.file) },
      message: finding.message.replaceAll(`${directory}/`, ''),
    }));
    return { ...result, findings };
  });
}

/** `level line:column field: message` of each finding. */
export function brief(findings: readonly ConfigurationFinding[]): string[] {
  return findings.map(
    ({ level, location, field, message }) =>
      `${level} ${location.line}:${location.column} ${field ?? '-'}: ${message}`,
  );
}

/** Addresses as text, sources without their location: for comparing models as a person reads them. */
export function readable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, part: unknown) => {
      if (isAddress(part)) return formatAddress(part);
      return key === 'location' ? undefined : part;
    }),
  );
}

function isAddress(value: unknown): value is IpAddress {
  return typeof value === 'object' && value !== null && 'bytes' in value && 'version' in value;
}
