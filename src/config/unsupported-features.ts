import { fieldOf, type TreeEntry, type TreeMap, type TreeNode } from './document-tree.ts';
import type { ResourceReporter } from './findings.ts';
import type { ConfigurationKind } from './resource-kinds.ts';

/** Kinds that are validated but not built yet. Remove a line when the kind is. */
export const UNSUPPORTED_KINDS: Partial<Record<ConfigurationKind, string>> = {
  L2VNI: 'L2VNI is not supported yet: this resource is not used',
  L3Passthrough: 'L3Passthrough is not supported yet: this resource is not used',
  L3VPN: 'L3VPN (SRv6) is not supported yet: this resource is not used',
  RawFRRConfig: 'there is no FRR here that could take raw configuration: this resource is not used',
};

/** Something that the schema accepts and that is not built yet. */
export interface UnsupportedFeature {
  readonly kind: ConfigurationKind;
  /** Where it stands in `spec`; `[]` is any item of a list. */
  readonly path: string;
  /** Only this value of the field. */
  readonly value?: string;
  /** What is left out for it: `path` itself or something that contains it. */
  readonly drops: string;
  readonly message: string;
}

/** All of them. Remove a row when the feature is built: the models carry the rest already. */
export const UNSUPPORTED_FEATURES: readonly UnsupportedFeature[] = [
  {
    kind: 'Underlay',
    path: 'isis',
    drops: 'isis',
    message: 'isis is not supported yet: the underlay runs BGP only',
  },
  {
    kind: 'Underlay',
    path: 'srv6',
    drops: 'srv6',
    message: 'srv6 is not supported yet: no SRv6 locator is made',
  },
  {
    kind: 'Underlay',
    path: 'interfaces[].cniDevice',
    drops: 'interfaces[]',
    message: 'interfaces of type CNIDevice are not supported yet: this interface is left out',
  },
  {
    kind: 'Underlay',
    path: 'neighbors[].passwordSecret',
    drops: 'neighbors[]',
    message: 'passwordSecret is not supported yet: this neighbor is left out; give password instead',
  },
];

/**
 * Reports what of a `spec` is not built yet and returns the `spec` without it. A list of which nothing is
 * left takes its item, or the whole resource (undefined), with it: an empty list would mean its default.
 */
export function withoutUnsupported(
  kind: ConfigurationKind,
  spec: TreeMap,
  reporter: ResourceReporter,
): TreeMap | undefined {
  const dropped = new Set<TreeNode>();
  for (const feature of UNSUPPORTED_FEATURES) {
    if (feature.kind !== kind) continue;
    for (const { node, drop } of matches(spec, feature)) {
      const { location, path: field } = node;
      reporter.report('unsupported', 'Unsupported', { location, field, message: feature.message });
      dropped.add(drop);
    }
  }
  if (dropped.size === 0) return spec;
  const rest = withoutNodes(spec, dropped);
  if (rest?.kind === 'map') return rest;
  const message = `nothing that can be used is left: this ${kind} is not used`;
  reporter.report('unsupported', 'Unsupported', { location: spec.location, field: spec.path, message });
  return undefined;
}

function stepsOf(path: string): readonly string[] {
  return path.replaceAll('[]', '.[]').split('.');
}

function matches(spec: TreeMap, feature: UnsupportedFeature): Array<{ node: TreeNode; drop: TreeNode }> {
  const dropDepth = stepsOf(feature.drops).length;
  let trails: TreeNode[][] = [[spec]];
  for (const step of stepsOf(feature.path)) {
    trails = trails.flatMap((trail) => childrenOf(trail.at(-1), step).map((child) => [...trail, child]));
  }
  return trails.flatMap((trail) => {
    const node = trail.at(-1);
    const drop = trail[dropDepth];
    if (!node || !drop) return [];
    const wanted = feature.value === undefined || (node.kind === 'scalar' && node.value === feature.value);
    return wanted ? [{ node, drop }] : [];
  });
}

function childrenOf(node: TreeNode | undefined, step: string): readonly TreeNode[] {
  if (step === '[]') return node?.kind === 'list' ? node.items : [];
  const child = fieldOf(node, step);
  return child ? [child] : [];
}

function withoutNodes(node: TreeNode, dropped: ReadonlySet<TreeNode>): TreeNode | undefined {
  if (node.kind === 'scalar') return node;
  if (node.kind === 'list') {
    const items = node.items.flatMap((item) =>
      dropped.has(item) ? [] : (withoutNodes(item, dropped) ?? []),
    );
    return items.length === 0 && node.items.length > 0 ? undefined : { ...node, items };
  }
  const entries = new Map<string, TreeEntry>();
  for (const [name, entry] of node.entries) {
    if (dropped.has(entry.value)) continue;
    const value = withoutNodes(entry.value, dropped);
    if (!value) return undefined;
    entries.set(name, { ...entry, value });
  }
  return { ...node, entries };
}
