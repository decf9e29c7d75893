import { networkInterfaces } from 'node:os';
import * as z from 'zod/mini';
import { formatAddress } from '../../net/address.ts';
import { formatPrefix, type IpPrefix, parsePrefix, prefixContains } from '../../net/prefix.ts';
import { fieldPath, type TreeMap } from './document-tree.ts';
import { type FindingList, ResourceReporter } from './findings.ts';
import { cidr, looseInterfaceName } from './network-values.ts';
import { integer, object, text } from './schema.ts';
import { readTree } from './schema-findings.ts';

/** The largest node index: more nodes than any prefix of use has addresses, and exact in all arithmetic. */
export const MAX_NODE_INDEX = 2 ** 31 - 1;

/** What is known about this node from outside the configuration; what is given here wins over node-config.yaml. */
export interface NodeContext {
  readonly nodeIndex?: number;
  readonly nodeName?: string;
  /** Labels of this node, for `nodeSelector`; absent: not known. */
  readonly nodeLabels?: ReadonlyMap<string, string>;
  /** Addresses of an interface with their lengths, undefined without such an interface; default: those of the host. */
  readonly interfaceAddress?: (name: string) => readonly IpPrefix[] | undefined;
}

/** What this node is. */
export interface NodeIdentity {
  readonly nodeIndex: number;
  readonly nodeName?: string;
  readonly logLevel?: string;
}

/** {@link NodeIdentity}, and whether it can be relied on. */
export interface ResolvedNode {
  readonly identity: NodeIdentity;
  /** False: an index was given and is of no use. Nothing may run then: index 0 is another node's. */
  readonly usable: boolean;
}

/** Log levels of node-config.yaml, which are also the daemon's. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

const nodeIndex = object(
  {
    index: z.optional(integer({ minimum: 0, maximum: MAX_NODE_INDEX })),
    interfaceName: z.optional(looseInterfaceName),
    cidr: z.optional(cidr()),
  },
  [
    {
      name: 'index or interfaceName',
      check: ({ index = 0, interfaceName }) =>
        index !== 0 && interfaceName !== undefined
          ? { field: 'interfaceName', message: 'index and interfaceName cannot be given together' }
          : undefined,
    },
    {
      name: 'cidr goes with interfaceName',
      check: (value) =>
        value.cidr && value.interfaceName === undefined
          ? { field: 'cidr', message: 'cidr chooses among the addresses of interfaceName, which is missing' }
          : undefined,
    },
  ],
);

const nodeConfig = object({
  nodeIndex: z.optional(nodeIndex),
  nodeName: z.optional(text({ minLength: 1, maxLength: 253 })),
  logLevel: z.optional(z.enum(LOG_LEVELS)),
});

type NodeConfig = z.output<typeof nodeConfig>;

/** The addresses of the interfaces in this process's network namespace. */
export function hostInterfaceAddress(name: string): readonly IpPrefix[] | undefined {
  return networkInterfaces()[name]?.flatMap((info) => parsePrefix(info.cidr ?? '') ?? []);
}

/** Who this node is, from the command line first and node-config.yaml second. Without any index it is node 0. */
export function resolveNode(
  documents: readonly TreeMap[],
  context: NodeContext,
  findings: FindingList,
): ResolvedNode {
  const [root, ...others] = documents;
  let config: NodeConfig | undefined;
  let index = context.nodeIndex;
  if (root) {
    const reporter = reporterOf(root, findings);
    config = readTree(nodeConfig, root, reporter.problem);
    index ??= config?.nodeIndex && indexOf(config.nodeIndex, root, context, reporter);
  }
  for (const other of others) {
    const first = `${root?.location.file}:${root?.location.line}`;
    reporterOf(other, findings).violation(other, {
      message: `a second node configuration; the first is at ${first}`,
      allowed: 'one for each node',
    });
  }
  const nodeName = context.nodeName ?? config?.nodeName;
  return {
    identity: {
      nodeIndex: index ?? 0,
      ...(nodeName !== undefined && { nodeName }),
      ...(config?.logLevel !== undefined && { logLevel: config.logLevel }),
    },
    usable: index !== undefined || !isNodeIndexGiven(documents, context),
  };
}

/** True when something says which node this is. */
export function isNodeIndexGiven(documents: readonly TreeMap[], context: NodeContext): boolean {
  return context.nodeIndex !== undefined || documents.some((root) => root.entries.has('nodeIndex'));
}

function reporterOf(root: TreeMap, findings: FindingList): ResourceReporter {
  return new ResourceReporter(findings, { kind: 'NodeConfig', name: 'node-config', location: root.location });
}

function indexOf(
  given: z.output<typeof nodeIndex>,
  root: TreeMap,
  context: NodeContext,
  reporter: ResourceReporter,
): number | undefined {
  const { interfaceName } = given;
  if (interfaceName === undefined) return given.index ?? 0;
  const field = fieldPath('nodeIndex', 'interfaceName');
  const addresses = context.interfaceAddress?.(interfaceName);
  if (!addresses?.length) {
    const message = `there is no interface ${interfaceName} with an address on this node`;
    reporter.violation(root, { field, message, allowed: 'an interface that exists, or nodeIndex.index' });
    return undefined;
  }
  const { cidr: wanted } = given;
  const candidates = wanted ? addresses.filter(({ address }) => prefixContains(wanted, address)) : addresses;
  const chosen = wanted ? candidates[0] : (candidates.find((a) => a.address.version === 4) ?? candidates[0]);
  if (!chosen) {
    const found = addresses.map(({ address }) => formatAddress(address)).join(', ');
    const message = `no address of ${interfaceName} (${found}) lies in nodeIndex.cidr`;
    reporter.violation(root, { field: fieldPath('nodeIndex', 'cidr'), message });
    return undefined;
  }
  const part = hostPart(chosen);
  if (part <= MAX_NODE_INDEX) return part;
  const message = `the host part of ${formatPrefix(chosen)} is too large for a node index`;
  reporter.violation(root, { field, message, allowed: `0 to ${MAX_NODE_INDEX}` });
  return undefined;
}

/** The bits of an interface address after its prefix, as a number: 3 for 192.168.11.3/24. */
export function hostPart({ address, length }: IpPrefix): number {
  let value = 0;
  address.bytes.forEach((byte, index) => {
    const networkBits = Math.min(8, Math.max(0, length - index * 8));
    value = value * 256 + (byte & (0xff >> networkBits));
  });
  return value;
}
