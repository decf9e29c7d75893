import { type Candidate, type Candidates, selectCandidates } from './candidates.ts';
import { checkTogether } from './cross-checks.ts';
import { fieldOf, type TreeMap, textField } from './document-tree.ts';
import { FindingList } from './findings.ts';
import { buildL3Vni } from './l3vni-model.ts';
import type {
  ConfigurationFinding,
  ConfigurationResult,
  L3Vni,
  ResourceReference,
  Underlay,
} from './model.ts';
import { hostInterfaceAddress, isNodeIndexGiven, type NodeContext, resolveNode } from './node-identity.ts';
import { type SortedDocuments, sortDocument } from './resource-documents.ts';
import { type ConfigurationKind, SPEC_SCHEMAS } from './resource-kinds.ts';
import type { Schema } from './schema.ts';
import { readTree } from './schema-findings.ts';
import { findConfigurationFiles, readConfigurationFile } from './source-files.ts';
import { buildUnderlay } from './underlay-model.ts';
import { UNSUPPORTED_KINDS, withoutUnsupported } from './unsupported-features.ts';
import { parseYamlDocuments, type YamlDocument } from './yaml-documents.ts';

/**
 * Reads the configuration at `path`, a file or a directory of them, for this node. Whatever is wrong becomes a
 * finding, the resource it is about is left out and the rest is used: nothing is thrown for any content.
 * Reads synchronously: about 1 ms for the resources of a node, for start and reload only.
 */
export function loadConfiguration(path: string, node: NodeContext = {}): ConfigurationResult {
  const findings = new FindingList();
  const { files, problems } = findConfigurationFiles(path);
  for (const problem of problems) findings.add({ level: 'error', reason: 'Unreadable', ...problem });
  const documents: SortedDocuments = { resources: [], nodeConfigs: [], skipped: [] };
  for (const file of files) readFile(file, documents, findings);
  const { interfaceAddress = hostInterfaceAddress } = node;
  const { identity, usable } = resolveNode(documents.nodeConfigs, { ...node, interfaceAddress }, findings);
  const { candidates, notForThisNode } = selectCandidates(documents.resources, node.nodeLabels, findings);
  checkTogether(candidates);
  reportUnsupportedKinds(candidates);
  const underlay = usable ? firstUnderlay(candidates, identity.nodeIndex) : undefined;
  const l3vnis = usable ? usableL3Vnis(candidates, identity.nodeIndex, underlay) : [];
  const accepted: ResourceReference[] = [...(underlay ? [underlay] : []), ...l3vnis].map(
    ({ source }) => source,
  );
  if (accepted.length > 0 && !isNodeIndexGiven(documents.nodeConfigs, node)) {
    findings.add(missingNodeIndex(path));
  }
  return {
    configuration: { ...identity, ...(underlay && { underlay }), l3vnis },
    findings: inReadingOrder(findings.all, files),
    skippedDocuments: documents.skipped,
    accepted,
    notForThisNode,
  };
}

function readFile(file: string, documents: SortedDocuments, findings: FindingList): void {
  const content = readConfigurationFile(file);
  if ('problem' in content) {
    findings.add({ level: 'error', reason: 'Unreadable', ...content.problem });
    return;
  }
  for (const document of parseYamlDocuments(content.text, file)) {
    if (document.problems.length > 0) reportYamlProblems(document, findings);
    else if (document.root) sortDocument(document.root, documents, findings);
  }
}

function reportYamlProblems({ root, problems }: YamlDocument, findings: FindingList): void {
  const kind = textField(root, 'kind');
  const name = textField(fieldOf(root, 'metadata'), 'name');
  for (const { location, message, found } of problems) {
    findings.add({
      level: 'error',
      reason: 'Unreadable',
      ...(kind !== undefined && name !== undefined && { resource: { kind, name } }),
      location,
      ...(found !== undefined && { found }),
      message: `this document is not valid YAML and is left out: ${message}`,
    });
  }
}

function reportUnsupportedKinds(candidates: Candidates): void {
  for (const [kind, message] of Object.entries(UNSUPPORTED_KINDS)) {
    const all: ReadonlyArray<Candidate<unknown>> = candidates[kind as ConfigurationKind];
    for (const { reporter, reference } of all) {
      const { location } = reference;
      if (!reporter.failed)
        reporter.report('unsupported', 'Unsupported', { location, field: 'kind', message });
    }
  }
}

/** Candidates of a supported kind that are still good. */
function inUse<K extends ConfigurationKind>(candidates: Candidates, kind: K): Candidates[K] | [] {
  if (UNSUPPORTED_KINDS[kind] !== undefined) return [];
  return candidates[kind];
}

function firstUnderlay(candidates: Candidates, nodeIndex: number): Underlay | undefined {
  const candidate = candidates.Underlay.find(({ reporter }) => !reporter.failed);
  const supported = candidate && supportedPart('Underlay', SPEC_SCHEMAS.Underlay, candidate);
  if (!supported) return undefined;
  const passthroughs = inUse(candidates, 'L3Passthrough').map(({ spec }) => spec.hostSession.localCIDR);
  const families = {
    hasVnis: inUse(candidates, 'L3VNI').length > 0 || inUse(candidates, 'L2VNI').length > 0,
    passthroughIpv4: passthroughs.some(({ ipv4 }) => ipv4 !== undefined),
    passthroughIpv6: passthroughs.some(({ ipv6 }) => ipv6 !== undefined),
  };
  const { reference, reporter } = candidate;
  return buildUnderlay(reference, supported.spec, supported.tree, nodeIndex, families, reporter);
}

function usableL3Vnis(candidates: Candidates, nodeIndex: number, underlay: Underlay | undefined): L3Vni[] {
  return candidates.L3VNI.flatMap((candidate) => {
    const { reference, reporter } = candidate;
    const supported = reporter.failed ? undefined : supportedPart('L3VNI', SPEC_SCHEMAS.L3VNI, candidate);
    if (!supported) return [];
    return buildL3Vni(reference, supported.spec, supported.tree, nodeIndex, underlay, reporter) ?? [];
  });
}

/** The part of a resource that is built; undefined when nothing of use is left. */
function supportedPart<S>(
  kind: ConfigurationKind,
  schema: Schema<S>,
  candidate: Candidate<S>,
): { readonly spec: S; readonly tree: TreeMap } | undefined {
  const tree = withoutUnsupported(kind, candidate.tree, candidate.reporter);
  if (!tree) return undefined;
  if (tree === candidate.tree) return candidate;
  const spec = readTree(schema, tree, candidate.reporter.problem);
  return spec === undefined ? undefined : { spec, tree };
}

function missingNodeIndex(file: string): ConfigurationFinding {
  return {
    level: 'warning',
    reason: 'DependencyFailed',
    location: { file, line: 1, column: 1 },
    field: 'nodeIndex',
    message:
      'nothing says which node this is, so it is taken for node 0; two nodes with one index have the same addresses',
    allowed: '--node-index N, or nodeIndex in node-config.yaml',
  };
}

/** In the order in which a person reads the files. */
function inReadingOrder(
  findings: readonly ConfigurationFinding[],
  files: readonly string[],
): readonly ConfigurationFinding[] {
  const positions = new Map(files.map((file, index) => [file, index]));
  const position = ({ location }: ConfigurationFinding): number => positions.get(location.file) ?? -1;
  return findings.toSorted(
    (a, b) =>
      position(a) - position(b) || a.location.line - b.location.line || a.location.column - b.location.column,
  );
}
