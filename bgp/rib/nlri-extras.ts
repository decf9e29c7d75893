import { ByteTable } from './byte-table.ts';
import { growInt32, sameBytes } from './columns.ts';

/**
 * Interns what belongs to a path but not to its key: of an EVPN route the ESI, the gateway and the
 * labels (RFC 7432 §7: they are not part of the route key), of an imported route its router MAC. Id 0
 * stands for nothing. References are counted.
 */
export class NlriExtras {
  readonly #table = new ByteTable();
  #references = new Int32Array(8);
  /** What was interned last, or 0; it may be gone by now, and its length with it. */
  #last = 0;

  constructor() {
    // Takes id 0 out of circulation.
    this.#table.add(Uint8Array.of(0), 0, 1);
  }

  /** Strings in use, the empty one of id 0 not counted. */
  get size(): number {
    return this.#table.size - 1;
  }

  intern(bytes: Uint8Array, start: number, end: number): number {
    // Routes of one message mostly have the same.
    if (this.#isLast(bytes, start, end)) return this.#last;
    const found = this.#table.find(bytes, start, end);
    if (found >= 0) {
      this.#last = found;
      return found;
    }
    const id = this.#table.add(bytes, start, end);
    this.#references = growInt32(this.#references, id + 1);
    this.#references[id] = 0;
    this.#last = id;
    return id;
  }

  #isLast(bytes: Uint8Array, start: number, end: number): boolean {
    const length = this.#table.length(this.#last);
    return (
      this.#last !== 0 &&
      length === end - start &&
      sameBytes(this.#table.arena, this.#table.offset(this.#last), bytes, start, length)
    );
  }

  retain(id: number): void {
    if (id !== 0) this.#references[id] = (this.#references[id] as number) + 1;
  }

  release(id: number): void {
    if (id === 0) return;
    const left = (this.#references[id] as number) - 1;
    this.#references[id] = left;
    if (left <= 0) this.#table.remove(id);
  }

  /** The buffer that {@link start} and {@link end} point into; valid until the next addition. */
  get bytes(): Uint8Array {
    return this.#table.arena;
  }

  start(id: number): number {
    return this.#table.offset(id);
  }

  end(id: number): number {
    return this.#table.offset(id) + this.#table.length(id);
  }
}
