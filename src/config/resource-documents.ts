import { describeNode, fieldOf, fieldPath, type TreeMap, type TreeNode, textField } from './document-tree.ts';
import { type FindingList, ResourceReporter } from './findings.ts';
import type { ConfigurationResult } from './model.ts';
import { nearestName } from './nearest-name.ts';
import {
  API_VERSION,
  type ConfigurationKind,
  CURRENT_GROUP,
  FIRST_GROUP,
  isConfigurationKind,
  OTHER_KINDS,
  type ResourceDocument,
  SPEC_SCHEMAS,
} from './resource-kinds.ts';
import { isNodeConfig, isStaticConfig, readStaticConfig } from './static-file.ts';

/** What the documents of all files turned out to be. */
export interface SortedDocuments {
  readonly resources: ResourceDocument[];
  readonly nodeConfigs: TreeMap[];
  readonly skipped: Array<ConfigurationResult['skippedDocuments'][number]>;
}

/** Finds out what a document is and adds it to `sorted`; what cannot be told is reported. */
export function sortDocument(root: TreeNode, sorted: SortedDocuments, findings: FindingList): void {
  if (root.kind === 'scalar' && root.value === null) return;
  if (root.kind !== 'map') {
    reportDocument(findings, 'error', root, `this document is ${describeNode(root)}, not a resource`);
    return;
  }
  const kind = textField(root, 'kind');
  if (kind === undefined && !root.entries.has('apiVersion')) {
    sortPlainMap(root, sorted, findings);
    return;
  }
  const items = fieldOf(root, 'items');
  if (kind?.endsWith('List') && items?.kind === 'list') {
    for (const item of items.items) sortDocument(item, sorted, findings);
    return;
  }
  sortResource(root, kind ?? '', sorted, findings);
}

function sortPlainMap(root: TreeMap, sorted: SortedDocuments, findings: FindingList): void {
  if (isNodeConfig(root)) sorted.nodeConfigs.push(root);
  else if (isStaticConfig(root)) sorted.resources.push(...readStaticConfig(root, findings));
  else {
    const message = 'this document is no resource: it has neither kind nor a field of the static files';
    reportDocument(
      findings,
      'error',
      root,
      message,
      'kind and apiVersion, or underlays, l3vnis, nodeIndex, …',
    );
  }
}

function sortResource(root: TreeMap, kind: string, sorted: SortedDocuments, findings: FindingList): void {
  const apiVersion = textField(root, 'apiVersion') ?? '';
  const [group = '', version = ''] = apiVersion.split('/');
  const ours = group === CURRENT_GROUP || group === FIRST_GROUP;
  if (!ours || OTHER_KINDS.has(kind)) {
    const meant = isConfigurationKind(kind) || nearestName(group, [CURRENT_GROUP, FIRST_GROUP]) !== undefined;
    if (!ours && meant) {
      const place = fieldOf(root, 'apiVersion') ?? root;
      const message = `a resource of kind ${kind || '(none)'} with an apiVersion that is not known`;
      const allowed = `${CURRENT_GROUP}/${API_VERSION} or ${FIRST_GROUP}/${API_VERSION}`;
      reportDocument(findings, 'error', place, message, allowed, apiVersion || undefined);
      return;
    }
    const name = textField(fieldOf(root, 'metadata'), 'name') ?? '';
    sorted.skipped.push({ kind: kind || apiVersion, name, location: root.location });
    return;
  }
  if (version !== API_VERSION) {
    const message = `version ${version || '(none)'} of ${group} is not known`;
    reportDocument(findings, 'error', fieldOf(root, 'apiVersion') ?? root, message, API_VERSION, apiVersion);
    return;
  }
  if (!isConfigurationKind(kind)) {
    const known = Object.keys(SPEC_SCHEMAS);
    const near = nearestName(kind, known);
    const message = `${kind || '(nothing)'} is not a kind of ${group}${near ? `: did you mean ${near}?` : ''}`;
    reportDocument(findings, 'error', fieldOf(root, 'kind') ?? root, message, known.join(', '), kind);
    return;
  }
  const resource = readResource(root, kind, group === FIRST_GROUP ? 'first' : 'current', findings);
  if (resource) sorted.resources.push(resource);
}

const RESOURCE_FIELDS: readonly string[] = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

function readResource(
  root: TreeMap,
  kind: ConfigurationKind,
  form: ResourceDocument['form'],
  findings: FindingList,
): ResourceDocument | undefined {
  const metadata = fieldOf(root, 'metadata');
  const nameNode = fieldOf(metadata, 'name');
  const name = textField(metadata, 'name') ?? '';
  const reference = { kind, name: name || '(unnamed)', location: root.location };
  const reporter = new ResourceReporter(findings, reference);
  for (const [field, entry] of root.entries) {
    if (RESOURCE_FIELDS.includes(field)) continue;
    const near = nearestName(field, RESOURCE_FIELDS);
    reporter.problem({
      location: entry.keyLocation,
      field: fieldPath(root.path, field),
      message: `unknown field ${field}: ${near ? `did you mean ${near}?` : 'remove it'}`,
      found: field,
      allowed: RESOURCE_FIELDS.join(', '),
    });
  }
  if (nameNode?.kind !== 'scalar' || name === '') {
    const message = nameNode ? 'the name is text' : `this ${kind} has no name`;
    reporter.violation(root, { field: 'metadata.name', message, allowed: 'metadata.name, such as red' });
  }
  const spec = fieldOf(root, 'spec');
  if (spec?.kind !== 'map') {
    const message = spec ? 'spec is a mapping' : `this ${kind} has no spec`;
    reporter.violation(root, { field: 'spec', message, allowed: 'a mapping' });
  }
  if (reporter.failed || spec?.kind !== 'map' || nameNode?.kind !== 'scalar') return undefined;
  const namespace = textField(metadata, 'namespace') ?? '';
  return { kind, reference, namespace, form, spec, nameNode };
}

function reportDocument(
  findings: FindingList,
  level: 'error' | 'warning',
  place: TreeNode,
  message: string,
  allowed?: string,
  found?: string,
): void {
  findings.add({
    level,
    reason: 'ValidationFailed',
    location: place.location,
    ...(place.path !== '' && { field: place.path }),
    ...(found !== undefined && { found }),
    ...(allowed !== undefined && { allowed }),
    message,
  });
}
