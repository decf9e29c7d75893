import {
  describeNode,
  fieldOf,
  fieldPath,
  type TreeMap,
  type TreeNode,
  type TreeScalar,
} from './document-tree.ts';
import { locateViolation, type ReportProblem, type Violation } from './findings.ts';
import { nearestName } from './nearest-name.ts';

/** What a schema says about a value, as data: for comparing and for rewriting older forms. */
export interface SchemaFacts {
  readonly type: 'object' | 'list' | 'string' | 'integer' | 'boolean' | 'labels' | 'opaque';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly values?: readonly (string | number)[];
  readonly minItems?: number;
  readonly maxItems?: number;
  /** Field that tells the items of a list apart. */
  readonly uniqueBy?: string;
  readonly items?: SchemaFacts;
  readonly fields?: ReadonlyMap<string, FieldFacts>;
  /** Names of the rules that are checked once the value itself is well-formed. */
  readonly rules?: readonly string[];
}

/** What a schema says about a field. */
export interface FieldFacts {
  readonly facts: SchemaFacts;
  readonly presence: Presence;
  readonly defaultValue?: string | number;
}

type Presence = 'required' | 'optional' | 'defaulted';

/** Reads a value of type T out of a tree; undefined when it is not one, which has been reported. */
export interface Schema<T> {
  readonly facts: SchemaFacts;
  readonly read: (node: TreeNode, report: ReportProblem) => T | undefined;
}

/** A rule over a whole value, as CEL rules are in a custom resource definition. */
export interface Rule<T> {
  readonly name: string;
  /** The violation, or undefined when the value keeps the rule. */
  readonly check: (value: T) => Violation | undefined;
}

/** A field of an object. */
export interface Field<T, P extends Presence> {
  readonly schema: Schema<T>;
  readonly presence: P;
  readonly defaultValue?: string | number;
}

type FieldTable = Readonly<Record<string, Field<unknown, Presence>>>;
type ValueOf<F> = F extends Field<infer T, Presence> ? T : never;
type Simplify<T> = { [K in keyof T]: T[K] };

/** The type that an object schema reads. */
export type ObjectOf<F extends FieldTable> = Simplify<
  {
    readonly [K in keyof F as F[K]['presence'] extends 'optional' ? never : K]: ValueOf<F[K]>;
  } & {
    readonly [K in keyof F as F[K]['presence'] extends 'optional' ? K : never]?: ValueOf<F[K]>;
  }
>;

/** The type that a schema reads. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** A field that must be given. */
export function required<T>(schema: Schema<T>): Field<T, 'required'> {
  return { schema, presence: 'required' };
}

/** A field that may be absent. */
export function optional<T>(schema: Schema<T>): Field<T, 'optional'> {
  return { schema, presence: 'optional' };
}

/** A field that has a value when absent. */
export function defaulted<T>(schema: Schema<T>, defaultValue: string | number): Field<T, 'defaulted'> {
  return { schema, presence: 'defaulted', defaultValue };
}

function wrongType(node: TreeNode, report: ReportProblem, message: string, allowed: string): undefined {
  const note = node.kind === 'scalar' && node.note !== undefined ? ` (${node.note})` : '';
  report({
    location: node.location,
    field: node.path,
    message: `${message}${note}`,
    found: describeNode(node),
    allowed,
  });
}

/** A mapping with exactly these fields. Rules are checked when all fields are well-formed. */
export function object<F extends FieldTable>(
  fields: F,
  rules: readonly Rule<ObjectOf<F>>[] = [],
): Schema<ObjectOf<F>> {
  const names = Object.keys(fields);
  const fieldFacts = names.map((name): [string, FieldFacts] => {
    const field: Field<unknown, Presence> | undefined = fields[name];
    if (!field) throw new RangeError(`no schema for ${name}`);
    const { schema, presence, defaultValue } = field;
    return [name, { facts: schema.facts, presence, ...(defaultValue !== undefined && { defaultValue }) }];
  });
  const facts: SchemaFacts = {
    type: 'object',
    fields: new Map(fieldFacts),
    rules: rules.map((rule) => rule.name),
  };
  const read = (node: TreeNode, report: ReportProblem): ObjectOf<F> | undefined => {
    if (node.kind !== 'map') {
      return wrongType(node, report, 'a mapping is expected here', `fields ${names.join(', ')}`);
    }
    let complete = reportUnknownFields(node, names, report);
    const values: Record<string, unknown> = {};
    for (const name of names) {
      const field: Field<unknown, Presence> | undefined = fields[name];
      const value = field && readField(node, name, field, report);
      if (value === FIELD_FAILED) complete = false;
      else if (value !== undefined) values[name] = value;
    }
    if (!complete) return undefined;
    // Every required or defaulted field was read by its own schema, so the record has the inferred type.
    const result = values as ObjectOf<F>;
    return keepsRules(node, result, rules, report) ? result : undefined;
  };
  return { facts, read };
}

const FIELD_FAILED: unique symbol = Symbol('field failed');

function readField(
  node: TreeMap,
  name: string,
  field: Field<unknown, Presence>,
  report: ReportProblem,
): unknown {
  const child = fieldOf(node, name);
  if (child) {
    const value = field.schema.read(child, report);
    return value === undefined ? FIELD_FAILED : value;
  }
  if (field.presence === 'optional') return undefined;
  const path = fieldPath(node.path, node.spelling?.get(name) ?? name);
  if (field.presence === 'defaulted' && field.defaultValue !== undefined) {
    const { location } = node;
    const text = String(field.defaultValue);
    return field.schema.read({ kind: 'scalar', path, location, value: field.defaultValue, text }, report);
  }
  report({
    location: node.location,
    field: path,
    message: `${path} is missing`,
    allowed: describeFacts(field.schema.facts),
  });
  return FIELD_FAILED;
}

function reportUnknownFields(node: TreeMap, names: readonly string[], report: ReportProblem): boolean {
  let clean = true;
  for (const [name, entry] of node.entries) {
    if (names.includes(name)) continue;
    clean = false;
    const known = [...names.map((known) => node.spelling?.get(known) ?? known), ...(node.alsoKnown ?? [])];
    const near = nearestName(name, [...known, ...names]);
    report({
      location: entry.keyLocation,
      field: fieldPath(node.path, name),
      message: near ? `unknown field ${name}: did you mean ${near}?` : `unknown field ${name}: remove it`,
      found: name || '"" (empty)',
      allowed: known.join(', '),
    });
  }
  return clean;
}

function keepsRules<T>(node: TreeNode, value: T, rules: readonly Rule<T>[], report: ReportProblem): boolean {
  let kept = true;
  for (const rule of rules) {
    const violation = rule.check(value);
    if (!violation) continue;
    kept = false;
    report(locateViolation(node, violation));
  }
  return kept;
}

/** A whole number; bounds are inclusive. */
export function integer(bounds: { minimum?: number; maximum?: number }): Schema<number> {
  const facts: SchemaFacts = { type: 'integer', ...bounds };
  const allowed = describeFacts(facts);
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = bounds;
  const read = (node: TreeNode, report: ReportProblem): number | undefined => {
    if (node.kind === 'scalar' && typeof node.value === 'string' && /^-?\d+$/.test(node.value)) {
      return wrongType(node, report, 'a number is expected here, not text: remove the quotes', allowed);
    }
    if (node.kind !== 'scalar' || typeof node.value !== 'number' || !Number.isInteger(node.value)) {
      return wrongType(node, report, 'a whole number is expected here', allowed);
    }
    if (node.value >= minimum && node.value <= maximum) return node.value;
    return wrongType(node, report, `${node.text} is out of range`, allowed);
  };
  return { facts, read };
}

/** One of a few words or numbers. */
export function oneOf<const V extends readonly (string | number)[]>(values: V): Schema<V[number]> {
  const facts: SchemaFacts = { type: typeof values[0] === 'number' ? 'integer' : 'string', values };
  const read = (node: TreeNode, report: ReportProblem): V[number] | undefined => {
    const match = node.kind === 'scalar' ? values.find((value) => value === node.value) : undefined;
    if (match !== undefined) return match;
    const texts = values.map(String);
    const near = node.kind === 'scalar' ? nearestName(node.text, texts) : undefined;
    const hint = near ? `: did you mean ${near}?` : '';
    return wrongType(node, report, `${describeNode(node)} is not a known value${hint}`, texts.join(', '));
  };
  return { facts, read };
}

/** Limits of a text, and what they mean in words. */
export interface TextLimits {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: RegExp;
  /** What is allowed, for messages; needed with a pattern. */
  readonly allowed?: string;
  /** The value must not stand in messages. */
  readonly secret?: boolean;
}

/** A text within limits. */
export function text(limits: TextLimits = {}): Schema<string> {
  return parsedText({ ...limits, parse: (value) => value });
}

/** A text that means something: `parse` gives its meaning, or undefined when it has none. */
export function parsedText<T>(
  limits: TextLimits & { parse: (value: string) => T | undefined; rule?: string },
): Schema<T> {
  const { minLength, maxLength, pattern, rule } = limits;
  const facts: SchemaFacts = {
    type: 'string',
    ...(minLength !== undefined && { minLength }),
    ...(maxLength !== undefined && { maxLength }),
    ...(pattern && { pattern: pattern.source }),
    ...(rule !== undefined && { rules: [rule] }),
  };
  const allowed = limits.allowed ?? describeFacts(facts);
  const read = (node: TreeNode, report: ReportProblem): T | undefined => {
    const value = readText(node, report, allowed);
    if (value === undefined) return undefined;
    if (maxLength !== undefined && value.length > maxLength) {
      return wrongType(node, report, `too long: ${value.length} characters, at most ${maxLength}`, allowed);
    }
    if (value.length < (minLength ?? 0)) return wrongType(node, report, 'must not be empty', allowed);
    const parsed = pattern && !pattern.test(value) ? undefined : limits.parse(value);
    const shown = limits.secret ? 'this' : describeNode(node);
    return parsed ?? wrongType(node, report, `${shown} is not ${allowed}`, allowed);
  };
  return { facts, read };
}

function readText(node: TreeNode, report: ReportProblem, allowed: string): string | undefined {
  if (node.kind === 'scalar' && typeof node.value === 'string') return node.value;
  const quoting = node.kind === 'scalar' && node.value !== null;
  const message = quoting
    ? `text is expected here, not a ${typeof node.value === 'number' ? 'number' : 'truth value'}: put it in quotes`
    : 'text is expected here';
  return wrongType(node, report, message, allowed);
}

/** `true` or `false`. */
export const truthValue: Schema<boolean> = {
  facts: { type: 'boolean' },
  read: (node, report) =>
    node.kind === 'scalar' && typeof node.value === 'boolean'
      ? node.value
      : wrongType(node, report, 'a truth value is expected here', 'true or false'),
};

/** A list; `uniqueBy` names the field that must differ between its items. */
export function list<T>(
  items: Schema<T>,
  limits: { minItems?: number; maxItems?: number; uniqueBy?: keyof T & string } = {},
  rules: readonly Rule<readonly T[]>[] = [],
): Schema<readonly T[]> {
  const facts: SchemaFacts = {
    type: 'list',
    items: items.facts,
    ...limits,
    rules: rules.map((rule) => rule.name),
  };
  const { minItems = 0, maxItems = Number.MAX_SAFE_INTEGER, uniqueBy } = limits;
  const unique: readonly Rule<readonly T[]>[] = uniqueBy === undefined ? [] : [uniqueRule(uniqueBy)];
  const read = (node: TreeNode, report: ReportProblem): readonly T[] | undefined => {
    if (node.kind !== 'list') return wrongType(node, report, 'a list is expected here', describeFacts(facts));
    if (node.items.length < minItems || node.items.length > maxItems) {
      const message = `${describeNode(node)} is too ${node.items.length < minItems ? 'short' : 'long'}`;
      return wrongType(node, report, message, describeFacts(facts));
    }
    const values: T[] = [];
    for (const item of node.items) {
      const value = items.read(item, report);
      if (value !== undefined) values.push(value);
    }
    if (values.length < node.items.length) return undefined;
    return keepsRules(node, values, [...unique, ...rules], report) ? values : undefined;
  };
  return { facts, read };
}

function uniqueRule<T>(key: keyof T & string): Rule<readonly T[]> {
  return {
    name: `items differ in ${key}`,
    check: (values) => {
      const seen = new Set<unknown>();
      const index = values.findIndex((value) => seen.size === seen.add(value[key]).size);
      if (index === -1) return undefined;
      const message = `the same ${key} is given twice`;
      return { field: `[${index}].${key}`, message, allowed: `each ${key} once` };
    },
  };
}

/** A mapping of texts to texts. */
export const labels: Schema<ReadonlyMap<string, string>> = {
  facts: { type: 'labels' },
  read: (node, report) => {
    if (node.kind !== 'map') return wrongType(node, report, 'a mapping is expected here', 'label: value');
    const result = new Map<string, string>();
    for (const [name, { value }] of node.entries) {
      const label = readText(value, report, 'a label value as text');
      if (label === undefined) return undefined;
      result.set(name, label);
    }
    return result;
  },
};

/** A mapping that is handed on as it is. */
export const opaque: Schema<TreeMap> = {
  facts: { type: 'opaque' },
  read: (node, report) =>
    node.kind === 'map' ? node : wrongType(node, report, 'a mapping is expected here', 'a mapping'),
};

/** What a schema allows, in words. */
export function describeFacts(facts: SchemaFacts): string {
  if (facts.values) return facts.values.join(', ');
  switch (facts.type) {
    case 'integer':
      return describeRange('a whole number', facts.minimum, facts.maximum, '');
    case 'string':
      return describeRange('text', facts.minLength, facts.maxLength, ' characters');
    case 'list':
      return describeRange('a list', facts.minItems, facts.maxItems, ' items');
    case 'boolean':
      return 'true or false';
    case 'object':
      return `a mapping with ${[...(facts.fields?.keys() ?? [])].join(', ')}`;
    default:
      return 'a mapping';
  }
}

function describeRange(what: string, from: number | undefined, to: number | undefined, unit: string): string {
  if (from === undefined && to === undefined) return what;
  if (to === undefined) return `${what} of ${from}${unit} or more`;
  if (from === undefined) return `${what} of at most ${to}${unit}`;
  return `${what} ${unit === '' ? 'from' : 'of'} ${from} to ${to}${unit}`;
}

/** A scalar that stands where `place` stands, for rewriting older forms. */
export function scalarAt(place: TreeNode, value: string | number | boolean): TreeScalar {
  return { kind: 'scalar', path: place.path, location: place.location, value, text: String(value) };
}
