import { describeNode, fieldPath, nearestNode, nodeAt, type TreeNode } from './document-tree.ts';
import type { ConfigurationFinding, FindingLevel, ResourceReference, SourceLocation } from './model.ts';

/** So many findings are kept; a file that is wrong throughout needs no more to be understood. */
export const MAX_FINDINGS = 1000;

/** Something wrong with a field, before it is known which resource it belongs to. */
export interface FieldProblem {
  readonly location: SourceLocation;
  readonly field: string;
  readonly message: string;
  readonly found?: string;
  readonly allowed?: string;
}

/** Where schemas report to. */
export type ReportProblem = (problem: FieldProblem) => void;

/** All findings of one reading of the configuration, in the order they were made; bounded by {@link MAX_FINDINGS}. */
export class FindingList {
  readonly #findings: ConfigurationFinding[] = [];

  /** What was found so far. */
  get all(): readonly ConfigurationFinding[] {
    return this.#findings;
  }

  /** Adds one finding; past the bound, one last warning says so. */
  add(finding: ConfigurationFinding): void {
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push(finding);
    else if (this.#findings.length === MAX_FINDINGS) {
      this.#findings.push({
        level: 'warning',
        reason: 'ValidationFailed',
        location: finding.location,
        message: `more than ${MAX_FINDINGS} findings: the rest is not shown`,
      });
    }
  }
}

/** A violation of a rule that involves several fields or resources. */
export interface Violation {
  /** Path relative to the node the rule is about; absent: the node itself. */
  readonly field?: string;
  readonly message: string;
  readonly allowed?: string;
}

/** Places a violation: at its field, or at the nearest ancestor when the field is absent. */
export function locateViolation(node: TreeNode, violation: Violation): FieldProblem {
  const relative = violation.field ?? '';
  const exact = nodeAt(node, relative);
  const nearest = nearestNode(node, relative);
  return {
    location: nearest.location,
    field: exact ? exact.path : fieldPath(node.path, relative),
    message: violation.message,
    ...(exact?.kind === 'scalar' && { found: describeNode(exact) }),
    ...(violation.allowed !== undefined && { allowed: violation.allowed }),
  };
}

/** Reports findings about one resource and remembers whether any was an error. */
export class ResourceReporter {
  readonly #findings: FindingList;
  readonly #resource: ResourceReference;
  #failed = false;

  constructor(findings: FindingList, resource: ResourceReference) {
    this.#findings = findings;
    this.#resource = resource;
  }

  /** True once an error was reported: the resource is not to be used. */
  get failed(): boolean {
    return this.#failed;
  }

  /** For schemas: reports an error of validation. */
  readonly problem: ReportProblem = (problem) => this.report('error', 'ValidationFailed', problem);

  /** Reports an error of validation at a path below `node`. */
  violation(node: TreeNode, violation: Violation): void {
    this.problem(locateViolation(node, violation));
  }

  /** Reports a finding of any level; `error` marks the resource as failed. */
  report(level: FindingLevel, reason: ConfigurationFinding['reason'], problem: FieldProblem): void {
    if (level === 'error') this.#failed = true;
    const secret = /password$/i.test(problem.field);
    const { found, ...rest } = problem;
    this.#findings.add({
      level,
      reason,
      resource: { kind: this.#resource.kind, name: this.#resource.name },
      ...rest,
      ...(found !== undefined && { found: secret ? '(not shown)' : found }),
    });
  }
}
