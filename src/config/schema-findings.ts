import * as z from 'zod/mini';
import {
  describeNode,
  fieldPath,
  nodeAtPath,
  plainValue,
  type TreeMap,
  type TreeNode,
} from './document-tree.ts';
import { type FieldProblem, locateViolation, type ReportProblem, type Violation } from './findings.ts';
import { nearestName } from './nearest-name.ts';
import { NOTES, type Notes, type Schema } from './schema.ts';

/** What a schema says about a value: JSON Schema with our notes. */
export type SchemaFacts = z.core.JSONSchema.JSONSchema & Notes;

const known = new WeakMap<object, SchemaFacts>();

/** What a schema says, as data: for messages, for comparing and for rewriting older forms. */
export function factsOf(schema: Schema<unknown>): SchemaFacts {
  let facts = known.get(schema);
  if (!facts) {
    facts = z.toJSONSchema(schema, { io: 'input', metadata: NOTES }) as SchemaFacts;
    known.set(schema, facts);
  }
  return facts;
}
/** What a schema says about a field or the items; undefined when it knows none. */
export function factsInside(facts: SchemaFacts | undefined, step: PropertyKey): SchemaFacts | undefined {
  const inner =
    typeof step === 'number'
      ? facts?.items
      : (facts?.properties?.[String(step)] ?? facts?.additionalProperties);
  return typeof inner === 'object' && !Array.isArray(inner) ? (inner as SchemaFacts) : undefined;
}

/** Reads a value of type T out of a tree; undefined when it is not one, which has been reported. */
export function readTree<T>(schema: Schema<T>, tree: TreeNode, report: ReportProblem): T | undefined {
  const { data, error } = schema.safeParse(plainValue(tree));
  for (const issue of error?.issues ?? []) {
    for (const problem of problemsOf(issue, schema, tree)) report(problem);
  }
  return data;
}

function problemsOf(issue: z.core.$ZodIssue, schema: Schema<unknown>, tree: TreeNode): FieldProblem[] {
  const node = nodeAtPath(tree, issue.path);
  const facts = issue.path.reduce(factsInside, factsOf(schema));
  if (!node) return [missing(issue.path, tree, facts)];
  if (issue.code === 'unrecognized_keys' && node.kind === 'map') {
    return issue.keys.map((name) => unknownField(name, node, facts));
  }
  const violation: Violation | undefined = issue.code === 'custom' && issue.params?.violation;
  if (violation) return [locateViolation(node, violation)];
  const note = node.kind === 'scalar' && node.note !== undefined ? ` (${node.note})` : '';
  const allowed = describeFacts(facts);
  const message = `${messageOf(issue, node, facts, allowed)}${note}`;
  return [{ location: node.location, field: node.path, message, found: describeNode(node), allowed }];
}

function missing(path: readonly PropertyKey[], tree: TreeNode, facts: SchemaFacts | undefined): FieldProblem {
  const parent = nodeAtPath(tree, path.slice(0, -1)) ?? tree;
  const name = String(path.at(-1));
  const spelling = parent.kind === 'map' ? parent.spelling?.get(name) : undefined;
  const field = fieldPath(parent.path, spelling ?? name);
  return { location: parent.location, field, message: `${field} is missing`, allowed: describeFacts(facts) };
}

function unknownField(name: string, node: TreeMap, facts: SchemaFacts | undefined): FieldProblem {
  const names = Object.keys(facts?.properties ?? {});
  const spelled = [...names.map((known) => node.spelling?.get(known) ?? known), ...(node.alsoKnown ?? [])];
  const near = nearestName(name, [...spelled, ...names]);
  return {
    location: node.entries.get(name)?.keyLocation ?? node.location,
    field: fieldPath(node.path, name),
    message: near ? `unknown field ${name}: did you mean ${near}?` : `unknown field ${name}: remove it`,
    found: name || '"" (empty)',
    allowed: spelled.join(', '),
  };
}

function messageOf(
  issue: z.core.$ZodIssue,
  node: TreeNode,
  facts: SchemaFacts | undefined,
  allowed: string,
): string {
  const found = describeNode(node);
  const text = node.kind === 'scalar' ? node.text : '';
  const textLength = node.kind === 'scalar' ? String(node.value).length : 0;
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, node);
    case 'invalid_value': {
      const near = nearestName(text, issue.values.map(String));
      return `${found} is not a known value${near ? `: did you mean ${near}?` : ''}`;
    }
    case 'too_big':
    case 'too_small':
      if (node.kind === 'list') return `${found} is too ${issue.code === 'too_big' ? 'long' : 'short'}`;
      if (issue.origin !== 'string') return `${text} is out of range`;
      if (issue.code === 'too_small') return 'must not be empty';
      return `too long: ${textLength} characters, at most ${issue.maximum}`;
    default:
      return `${facts?.secret ? 'this' : found} is not ${allowed}`;
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a whole number',
  boolean: 'a truth value',
  array: 'a list',
  string: 'text',
};

function wrongType(expected: string, node: TreeNode): string {
  const value = node.kind === 'scalar' ? node.value : null;
  if (expected === 'number' && typeof value === 'string' && /^-?\d+$/.test(value)) {
    return 'a number is expected here, not text: remove the quotes';
  }
  const message = `${EXPECTED[expected] ?? 'a mapping'} is expected here`;
  if (expected !== 'string' || value === null) return message;
  return `${message}, not a ${typeof value === 'number' ? 'number' : 'truth value'}: put it in quotes`;
}

/** What is allowed, in words. */
export function describeFacts(facts: SchemaFacts | undefined): string {
  if (facts?.allowed !== undefined) return facts.allowed;
  if (facts?.enum) return facts.enum.join(', ');
  switch (facts?.type) {
    case 'integer':
      return describeRange('a whole number', facts.minimum, facts.maximum, '');
    case 'string':
      return describeRange('text', facts.minLength, facts.maxLength, ' characters');
    case 'array':
      return describeRange('a list', facts.minItems, facts.maxItems, ' items');
    case 'boolean':
      return 'true or false';
    default:
      return facts?.properties ? `a mapping with ${Object.keys(facts.properties).join(', ')}` : 'a mapping';
  }
}

function describeRange(what: string, from: number | undefined, to: number | undefined, unit: string): string {
  const [low, high] = [isBound(from), isBound(to)];
  if (!low && !high) return what;
  if (!high) return `${what} of ${from}${unit} or more`;
  if (!low) return `${what} of at most ${to}${unit}`;
  return `${what} ${unit === '' ? 'from' : 'of'} ${from} to ${to}${unit}`;
}

/** zod writes the bounds of exact numbers, and 0 items, where a schema has none. */
function isBound(limit: number | undefined): boolean {
  return limit !== undefined && Number.isSafeInteger(limit) && Math.abs(limit) !== Number.MAX_SAFE_INTEGER;
}
