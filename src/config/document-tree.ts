import type { SourceLocation } from './model.ts';

/**
 * The content of one document, whatever it was written in, with the place of every value: what the
 * schemas read. Rewriting an older form into the current one moves nodes but leaves their `path` and
 * `location` as they are, so that messages speak of what the user wrote.
 */
export type TreeNode = TreeMap | TreeList | TreeScalar;

interface Placed {
  /** Path as written, such as `spec.neighbors[0].asn`; empty for the root of a document. */
  readonly path: string;
  readonly location: SourceLocation;
}

/** A number, a text, a truth value or null. */
export interface TreeScalar extends Placed {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** The value as written, without quotes. */
  readonly text: string;
  /** Why the value stands for this field, when that is not plain to see; messages add it. */
  readonly note?: string;
}

/** A list. */
export interface TreeList extends Placed {
  readonly kind: 'list';
  readonly items: readonly TreeNode[];
}

/** A field of a map. */
export interface TreeEntry {
  readonly keyLocation: SourceLocation;
  readonly value: TreeNode;
}

/** A map, its fields in the order of the document. */
export interface TreeMap extends Placed {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, TreeEntry>;
  /** What a missing field is called in the form the user wrote, by its name in the schema. */
  readonly spelling?: ReadonlyMap<string, string>;
  /** Field names that only the user's form has, for suggestions. */
  readonly alsoKnown?: readonly string[];
}

/** Path of a field inside a map; either part may be empty. */
export function fieldPath(parent: string, name: string): string {
  return parent === '' || name === '' ? `${parent}${name}` : `${parent}.${name}`;
}

/** The field's value; undefined when it is absent or null, which mean the same in Kubernetes resources. */
export function fieldOf(node: TreeNode | undefined, name: string): TreeNode | undefined {
  if (node?.kind !== 'map') return undefined;
  const value = node.entries.get(name)?.value;
  return value?.kind === 'scalar' && value.value === null ? undefined : value;
}

/** The node at a relative path such as `localCIDR.ipv4` or `cidrs[1]`, or the deepest ancestor that exists. */
export function nearestNode(root: TreeNode, relativePath: string): TreeNode {
  let node = root;
  for (const step of relativePath.match(/[^.[\]]+/g) ?? []) {
    const next = node.kind === 'list' ? node.items[Number(step)] : fieldOf(node, step);
    if (!next) return node;
    node = next;
  }
  return node;
}

/** The node at a relative path; undefined when there is none. */
export function nodeAt(root: TreeNode, relativePath: string): TreeNode | undefined {
  let node: TreeNode | undefined = root;
  for (const step of relativePath.match(/[^.[\]]+/g) ?? []) {
    node = node?.kind === 'list' ? node.items[Number(step)] : fieldOf(node, step);
  }
  return node;
}

/** A text field's value; undefined for anything else. */
export function textField(node: TreeNode | undefined, name: string): string | undefined {
  const value = fieldOf(node, name);
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined;
}

/** The bare value, without places. Null fields of a map become undefined, which is how they are meant. */
export function plainValue(node: TreeNode): unknown {
  if (node.kind === 'list') return node.items.map(plainValue);
  if (node.kind === 'scalar') return node.value;
  const entries = [...node.entries].map(([name, { value }]) => [name, plainValue(value) ?? undefined]);
  return Object.fromEntries(entries);
}

/** The node at a path of field names and indices; undefined when there is none. */
export function nodeAtPath(root: TreeNode, path: readonly PropertyKey[]): TreeNode | undefined {
  let node: TreeNode | undefined = root;
  for (const step of path) {
    node = node?.kind === 'list' ? node.items[Number(step)] : fieldOf(node, String(step));
  }
  return node;
}

/** A scalar that stands where `place` stands, for rewriting older forms. */
export function scalarAt(place: TreeNode, value: string | number | boolean): TreeScalar {
  return { kind: 'scalar', path: place.path, location: place.location, value, text: String(value) };
}

const LONGEST_QUOTED_VALUE = 60;

/** A value in the words of a message: the text as written, cut when long, or what kind of thing it is. */
export function describeNode(node: TreeNode): string {
  if (node.kind === 'map') return `a mapping with ${countOf(node.entries.size, 'field')}`;
  if (node.kind === 'list') return `a list of ${countOf(node.items.length, 'item')}`;
  if (node.value === null) return 'nothing (null)';
  if (node.value === '') return '"" (empty)';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters must not reach a terminal
  const printable = node.text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
  return printable.length > LONGEST_QUOTED_VALUE
    ? `${printable.slice(0, LONGEST_QUOTED_VALUE)}… (${printable.length} characters)`
    : printable;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
