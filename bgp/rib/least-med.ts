// Hot for prefixes with many paths. Columns that are used again; nothing is allocated but by growth.
import { growUint32, mixHash } from './columns.ts';

const FIRST_SIZE = 64;

/** The least MED of each neighbour AS among some paths. */
export class LeastMed {
  /** By hash of the neighbour AS: its place in the columns plus one, 0 for none. */
  #slots = new Int32Array(FIRST_SIZE);
  #neighborAs = new Uint32Array(FIRST_SIZE);
  #med = new Uint32Array(FIRST_SIZE);
  #count = 0;

  /** Forgets all; room for `size` neighbour ASes is made. */
  begin(size: number): void {
    this.#count = 0;
    if (size * 2 > this.#slots.length) this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(size * 2)));
    else this.#slots.fill(0);
    this.#neighborAs = growUint32(this.#neighborAs, size);
    this.#med = growUint32(this.#med, size);
  }

  note(neighborAs: number, med: number): void {
    const slot = this.#slotOf(neighborAs);
    const place = (this.#slots[slot] as number) - 1;
    if (place >= 0) {
      if (med < (this.#med[place] as number)) this.#med[place] = med;
      return;
    }
    this.#neighborAs[this.#count] = neighborAs;
    this.#med[this.#count++] = med;
    this.#slots[slot] = this.#count;
  }

  /** The least one noted for a neighbour AS that was noted. */
  of(neighborAs: number): number {
    return this.#med[(this.#slots[this.#slotOf(neighborAs)] as number) - 1] as number;
  }

  /** The slot of a neighbour AS, or the free one that is for it. */
  #slotOf(neighborAs: number): number {
    const mask = this.#slots.length - 1;
    let slot = mixHash(neighborAs) & mask;
    for (let place = this.#slots[slot] as number; place !== 0; place = this.#slots[slot] as number) {
      if (this.#neighborAs[place - 1] === neighborAs) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }
}
