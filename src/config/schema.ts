import * as z from 'zod/mini';
import type { Violation } from './findings.ts';

/** A schema that reads a T. */
export type Schema<T> = z.ZodMiniType<T>;

/** What JSON Schema has no word for; stands in the JSON Schema of a value all the same. */
export interface Notes {
  /** What is allowed, in words. */
  readonly allowed?: string;
  /** Field that tells the items of a list apart. */
  readonly uniqueBy?: string;
  /** Names of the rules that are checked once the value itself is well-formed. */
  readonly rules?: readonly string[];
  /** The value must not stand in messages. */
  readonly secret?: boolean;
}

/** The notes of all schemas. */
export const NOTES = z.registry<Notes>();

/** A rule over a whole value, as CEL rules are in a custom resource definition. */
export interface Rule<T> {
  readonly name: string;
  /** The violation, or undefined when the value keeps the rule. */
  readonly check: (value: T) => Violation | undefined;
}

/** The code of zod's issue for a broken rule, and where it keeps the violation. */
function broken<T>(input: T, violation: Violation | undefined) {
  return { code: 'custom' as const, input, path: [], params: { violation } };
}

function keeping<T>(rules: readonly Rule<T>[]): z.core.CheckFn<T> {
  return ({ value, issues }) => {
    if (issues.length > 0) return;
    for (const rule of rules) {
      const violation = rule.check(value);
      if (violation) issues.push(broken(value, violation));
    }
  };
}

const namesOf = (rules: ReadonlyArray<{ readonly name: string }>) => rules.map(({ name }) => name);

/** A mapping with exactly these fields. Rules are checked when all fields are well-formed. */
export function object<S extends z.core.$ZodLooseShape>(
  fields: S,
  rules: readonly Rule<z.output<z.ZodMiniObject<S>>>[] = [],
) {
  return z
    .strictObject(fields)
    .check(keeping(rules))
    .register(NOTES, { rules: namesOf(rules) });
}

/** A list; `uniqueBy` names the field that must differ between its items. */
export function list<S extends z.ZodMiniType>(
  items: S,
  limits: { minItems?: number; maxItems?: number; uniqueBy?: keyof z.output<S> & string } = {},
  rules: readonly Rule<Array<z.output<S>>>[] = [],
) {
  const { minItems = 0, maxItems = Number.MAX_SAFE_INTEGER, uniqueBy } = limits;
  const unique = uniqueBy === undefined ? [] : [uniqueRule<z.output<S>>(uniqueBy)];
  return z
    .array(items)
    .check(z.minLength(minItems), z.maxLength(maxItems), keeping([...unique, ...rules]))
    .register(NOTES, { rules: namesOf(rules), ...(uniqueBy !== undefined && { uniqueBy }) });
}

function uniqueRule<T>(key: keyof T & string): Rule<T[]> {
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

/** A whole number; bounds are inclusive. */
export function integer({ minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = {}) {
  return z.int({ abort: true }).check(z.minimum(minimum), z.maximum(maximum));
}

/** Limits of a text, and what they mean in words. */
export interface TextLimits {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: RegExp;
  /** What is allowed, for messages; needed with a pattern. */
  readonly allowed?: string;
  readonly secret?: boolean;
}

/** A text within limits. */
export function text({ minLength, maxLength, pattern, ...notes }: TextLimits = {}) {
  const checks = [
    ...(minLength === undefined ? [] : [z.minLength(minLength, { abort: true })]),
    ...(maxLength === undefined ? [] : [z.maxLength(maxLength, { abort: true })]),
    ...(pattern ? [z.regex(pattern)] : []),
  ];
  return z
    .string()
    .check(...checks)
    .register(NOTES, notes);
}

/** A text that means something: `parse` gives its meaning, or undefined when it has none. */
export function parsedText<T>({
  parse,
  rule,
  ...limits
}: TextLimits & { parse: (value: string) => T | undefined; rule?: string }) {
  const written = text(limits).register(NOTES, {
    ...(limits.allowed !== undefined && { allowed: limits.allowed }),
    ...(rule !== undefined && { rules: [rule] }),
  });
  const meaning = z.transform((value: string, { issues }) => {
    const parsed = parse(value);
    if (parsed !== undefined) return parsed;
    issues.push(broken(value, undefined));
    return z.NEVER;
  });
  return z.pipe(written, meaning);
}

/** A mapping of texts to texts. */
export const labels = z.record(z.string(), z.string().register(NOTES, { allowed: 'a label value as text' }));

/** A mapping that is handed on as it is. */
export const opaque = z.looseObject({});
