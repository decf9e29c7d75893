import type { TreeMap } from './document-tree.ts';
import { type FindingList, ResourceReporter } from './findings.ts';
import { rewriteFirstApi } from './first-api.ts';
import type { ResourceReference } from './model.ts';
import { type NodeSelector, selectorMatches, selectsAll } from './node-selector.ts';
import {
  type ConfigurationKind,
  type ResourceDocument,
  SPEC_SCHEMAS,
  type SpecOf,
} from './resource-kinds.ts';
import type { Schema } from './schema.ts';
import { readTree } from './schema-findings.ts';

/** A resource that is valid by itself and applies to this node. */
export interface Candidate<S> {
  readonly reference: ResourceReference;
  readonly namespace: string;
  readonly form: ResourceDocument['form'];
  /** `spec` in the current form. */
  readonly tree: TreeMap;
  readonly spec: S;
  readonly reporter: ResourceReporter;
  /** Place among all resources in the order of reading. */
  readonly order: number;
}

/** All candidates by kind, in the order of reading. */
export type Candidates = { readonly [K in ConfigurationKind]: Array<Candidate<SpecOf<K>>> };

/** What came of the single resources. */
export interface Selection {
  readonly candidates: Candidates;
  readonly notForThisNode: ResourceReference[];
}

const SCHEMAS: { readonly [K in ConfigurationKind]: Schema<SpecOf<K>> } = SPEC_SCHEMAS;

/** Validates every resource by itself and keeps those that apply to a node of the given labels. */
export function selectCandidates(
  documents: readonly ResourceDocument[],
  nodeLabels: ReadonlyMap<string, string> | undefined,
  findings: FindingList,
): Selection {
  const selection: Selection = {
    candidates: { Underlay: [], L3VNI: [], L2VNI: [], L3Passthrough: [], L3VPN: [], RawFRRConfig: [] },
    notForThisNode: [],
  };
  const seen = new Map<string, ResourceReference>();
  documents.forEach((document, order) => {
    const { kind, reference, namespace } = document;
    const reporter = new ResourceReporter(findings, reference);
    const key = [kind, namespace, reference.name].join('\n');
    // Entries of static files have no identity of their own: each file counts from 0.
    const before = document.nameNode && seen.get(key);
    if (before) {
      const place = document.nameNode ?? document.spec;
      const message = `${kind} ${before.name} is defined already, at ${placeOf(before)}`;
      reporter.violation(place, { message, allowed: 'each name once for a kind and namespace' });
      return;
    }
    seen.set(key, reference);
    admit(kind, document, order, reporter, nodeLabels, selection);
  });
  return selection;
}

function admit<K extends ConfigurationKind>(
  kind: K,
  document: ResourceDocument,
  order: number,
  reporter: ResourceReporter,
  nodeLabels: ReadonlyMap<string, string> | undefined,
  { candidates, notForThisNode }: Selection,
): void {
  const { reference, namespace, form, nameNode } = document;
  const tree = form === 'first' ? rewriteFirstApi(kind, document.spec, nameNode, reporter) : document.spec;
  const spec = readTree(SCHEMAS[kind], tree, reporter.problem);
  if (reporter.failed || spec === undefined) return;
  const { nodeSelector }: { readonly nodeSelector?: NodeSelector | undefined } = spec;
  if (nodeSelector && !selectsAll(nodeSelector)) {
    if (!nodeLabels) reportUnknownLabels(document, reporter);
    if (!nodeLabels || !selectorMatches(nodeSelector, nodeLabels)) {
      notForThisNode.push(reference);
      return;
    }
  }
  candidates[kind].push({ reference, namespace, form, tree, spec, reporter, order });
}

function reportUnknownLabels({ kind, spec }: ResourceDocument, reporter: ResourceReporter): void {
  const place = spec.entries.get('nodeSelector')?.value ?? spec;
  reporter.report('warning', 'DependencyFailed', {
    location: place.location,
    field: place.path,
    message: `the labels of this node are not known, so this ${kind} is not used`,
    allowed: 'give the labels with --node-labels key=value,…',
  });
}

/** Where a resource stands, for messages about another one. */
export function placeOf({ location }: ResourceReference): string {
  return `${location.file}:${location.line}`;
}
