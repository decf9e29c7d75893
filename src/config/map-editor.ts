import { fieldPath, type TreeEntry, type TreeMap, type TreeNode } from './document-tree.ts';
import type { ResourceReporter } from './findings.ts';
import type { SourceLocation } from './model.ts';

/** Builds a changed copy of a map. Names are looked up without regard to case, as Go's JSON decoder does. */
export class MapEditor {
  readonly #map: TreeMap;
  readonly #reporter: ResourceReporter;
  readonly #entries: Map<string, TreeEntry>;
  readonly #spelling = new Map<string, string>();
  readonly #alsoKnown: string[] = [];

  constructor(map: TreeMap, reporter: ResourceReporter) {
    this.#map = map;
    this.#reporter = reporter;
    this.#entries = new Map(map.entries);
  }

  #nameLike(name: string): string | undefined {
    const wanted = name.toLowerCase();
    for (const given of this.#entries.keys()) if (given.toLowerCase() === wanted) return given;
    return undefined;
  }

  /** True when a field of that name is there and not null. */
  has(name: string): boolean {
    const given = this.#nameLike(name);
    const value = given === undefined ? undefined : this.#entries.get(given)?.value;
    return value !== undefined && !(value.kind === 'scalar' && value.value === null);
  }

  /** Takes a field out of the map; undefined when it is absent or null. The name joins those to suggest. */
  take(name: string): TreeNode | undefined {
    this.#alsoKnown.push(name);
    const given = this.#nameLike(name);
    if (given === undefined) return undefined;
    const present = this.has(given);
    const value = this.#entries.get(given)?.value;
    this.#entries.delete(given);
    return present ? value : undefined;
  }

  /** Puts a value under a current name; with another value there already, the form is ambiguous, which is an error. */
  put(name: string, value: TreeNode, keyLocation: SourceLocation = value.location): void {
    const given = this.#nameLike(name);
    if (given !== undefined && this.has(given)) {
      const other = this.#entries.get(given)?.value;
      this.#reporter.problem({
        location: value.location,
        field: value.path,
        message: `${value.path} and ${other?.path ?? fieldPath(this.#map.path, name)} say the same thing: remove one`,
        allowed: 'one of the two forms',
      });
      return;
    }
    if (given !== undefined) this.#entries.delete(given);
    this.#entries.set(name, { keyLocation, value });
  }

  /** Changes a field's value in place, when it is there. */
  change(name: string, change: (value: TreeNode) => TreeNode | undefined): void {
    const given = this.#nameLike(name);
    const entry = given === undefined ? undefined : this.#entries.get(given);
    if (given === undefined || !entry || !this.has(given)) return;
    const value = change(entry.value);
    if (value) this.#entries.set(given, { ...entry, value });
    else this.#entries.delete(given);
  }

  /** Moves a field to its current name. */
  rename(from: string, to: string): void {
    const value = this.take(from);
    if (value) this.put(to, value);
  }

  /** What a missing field is called in the user's form. */
  spell(name: string, asWritten: string): void {
    this.#spelling.set(name, asWritten);
  }

  /** The changed map. */
  result(): TreeMap {
    return {
      ...this.#map,
      entries: this.#entries,
      spelling: this.#spelling,
      alsoKnown: this.#alsoKnown,
    };
  }
}

/** A map that stands where `place` stands, of the given fields. */
export function mapAt(place: TreeNode, fields: Readonly<Record<string, TreeNode | undefined>>): TreeMap {
  const entries = new Map<string, TreeEntry>();
  for (const [name, value] of Object.entries(fields)) {
    if (value) entries.set(name, { keyLocation: value.location, value });
  }
  return { kind: 'map', path: place.path, location: place.location, entries };
}

/** A list that stands where `place` stands. */
export function listAt(place: TreeNode, items: readonly TreeNode[]): TreeNode {
  return { kind: 'list', path: place.path, location: place.location, items };
}
