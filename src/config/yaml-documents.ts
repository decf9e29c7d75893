import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseAllDocuments,
  type YAMLMap,
} from 'yaml';
import { fieldPath, type TreeEntry, type TreeNode } from './document-tree.ts';
import type { SourceLocation } from './model.ts';

/** Values in one document, aliases expanded; more is a mistake or an attack ("billion laughs"). */
export const MAX_VALUES_PER_DOCUMENT = 200_000;

/** Levels of nesting in one document; OpenPERouter's resources have nine. */
export const MAX_DEPTH = 64;

/** What is wrong with a document as YAML. */
export interface YamlProblem {
  readonly location: SourceLocation;
  readonly message: string;
  readonly found?: string;
}

/** One document of a file. With problems, `root` is what could be made of it: for naming it, not for use. */
export interface YamlDocument {
  readonly root: TreeNode | undefined;
  readonly problems: readonly YamlProblem[];
}

/** Splits the text of a file into its documents (YAML 1.2 core schema, `<<` merge keys understood). Never throws. */
export function parseYamlDocuments(text: string, file: string): YamlDocument[] {
  const lines = new LineCounter();
  let documents: Document.Parsed[];
  try {
    documents = Array.from(
      parseAllDocuments(text, {
        lineCounter: lines,
        prettyErrors: false,
        logLevel: 'silent',
        uniqueKeys: false,
      }),
    );
  } catch (error) {
    // The parser recurses per level of nesting, so hostile nesting ends in a RangeError.
    const reason = error instanceof RangeError ? 'nested too deeply' : String(error);
    return [{ root: undefined, problems: [{ location: { file, line: 1, column: 1 }, message: reason }] }];
  }
  const locate = (offset: number): SourceLocation => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  return documents.map((document) => readDocument(document, locate));
}

function readDocument(document: Document.Parsed, locate: (offset: number) => SourceLocation): YamlDocument {
  const problems = document.errors.map(
    (error): YamlProblem => ({ location: locate(error.pos[0]), message: error.message }),
  );
  const reader = new TreeReader(locate, problems);
  try {
    return { root: reader.read(document.contents, '', 0), problems };
  } catch (error) {
    if (!(error instanceof DocumentRefused)) throw error;
    return { root: undefined, problems: [...problems, error.problem] };
  }
}

/** Ends the reading of one document; caught in {@link readDocument}. */
class DocumentRefused extends Error {
  override readonly name = 'DocumentRefused';
  readonly problem: YamlProblem;

  constructor(problem: YamlProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** Turns the parser's nodes into a tree, following aliases within bounds. */
class TreeReader {
  readonly #locate: (offset: number) => SourceLocation;
  /** An alias means the last anchor of its name before it (YAML 1.2 §3.2.2.2). */
  readonly #anchors = new Map<string, unknown>();
  readonly #problems: YamlProblem[];
  #values = 0;
  #lastOffset = 0;

  constructor(locate: (offset: number) => SourceLocation, problems: YamlProblem[]) {
    this.#locate = locate;
    this.#problems = problems;
  }

  read(node: unknown, path: string, depth: number): TreeNode {
    const offset = offsetOf(node) ?? this.#lastOffset;
    this.#lastOffset = offset;
    const location = this.#locate(offset);
    if (++this.#values > MAX_VALUES_PER_DOCUMENT) {
      throw new DocumentRefused({
        location,
        message: `the document has more than ${MAX_VALUES_PER_DOCUMENT} values once its aliases are expanded`,
      });
    }
    if (depth > MAX_DEPTH) {
      throw new DocumentRefused({ location, message: `nested more than ${MAX_DEPTH} levels deep` });
    }
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target === undefined) {
        throw new DocumentRefused({
          location,
          message: `no anchor "&${node.source}" stands before this alias`,
        });
      }
      return this.read(target, path, depth + 1);
    }
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor) this.#anchors.set(node.anchor, node);
    if (isMap(node)) return { kind: 'map', path, location, entries: this.#entries(node, path, depth) };
    if (isSeq(node)) {
      const items = node.items.map((item, index) => this.read(item, `${path}[${index}]`, depth + 1));
      return { kind: 'list', path, location, items };
    }
    const value = isScalar(node) ? node.value : null;
    const text = isScalar(node) ? (node.source ?? String(value)) : '';
    const known = value === null || typeof value === 'number' || typeof value === 'boolean';
    return { kind: 'scalar', path, location, value: known ? value : String(value), text };
  }

  #entries(map: YAMLMap, path: string, depth: number): Map<string, TreeEntry> {
    const entries = new Map<string, TreeEntry>();
    const merged: TreeNode[] = [];
    for (const pair of map.items as Pair[]) {
      const keyLocation = this.#locate(offsetOf(pair.key) ?? this.#lastOffset);
      if (!isScalar(pair.key)) {
        throw new DocumentRefused({ location: keyLocation, message: 'a field name must be a plain word' });
      }
      if (pair.key.anchor) this.#anchors.set(pair.key.anchor, pair.key);
      const name = String(pair.key.source ?? pair.key.value);
      const own = this.read(pair.value, fieldPath(path, name), depth + 1);
      // What is wrong with a mapping or a list is best said where its name stands, not at its first field.
      const value = own.kind === 'scalar' ? own : { ...own, location: keyLocation };
      if (name === '<<') merged.push(...(value.kind === 'list' ? value.items : [value]));
      else if (!entries.has(name)) entries.set(name, { keyLocation, value });
      else {
        // Checked here because the parser's own check takes quadratic time.
        const message = `the field "${name}" is given twice in the same mapping`;
        this.#problems.push({ location: keyLocation, message, found: name });
      }
    }
    for (const source of merged) {
      if (source.kind !== 'map') {
        throw new DocumentRefused({
          location: source.location,
          message: '"<<" takes a mapping or a list of them',
        });
      }
      for (const [name, entry] of source.entries) if (!entries.has(name)) entries.set(name, entry);
    }
    return entries;
  }
}

function offsetOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}
