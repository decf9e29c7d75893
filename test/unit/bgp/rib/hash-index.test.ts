import { describe, expect, it } from 'vitest';
import { mixHash } from '../../../../bgp/rib/columns.ts';
import { HashIndex, type HashOwner, NONE } from '../../../../bgp/rib/hash-index.ts';
import { Ipv4PrefixTable } from '../../../../bgp/rib/prefix-table.ts';

/** Keys are numbers, and their hashes what the test says. */
class NumberTable implements HashOwner {
  readonly index = new HashIndex(this);
  readonly #hashes: number[] = [];

  constructor(hashes: readonly number[]) {
    for (const hash of hashes) this.#add(hash);
  }

  #add(hash: number): void {
    const id = this.#hashes.push(hash) - 1;
    this.index.insert(hash, id);
  }

  hashOf(id: number): number {
    return this.#hashes[id] ?? 0;
  }

  /** Ids of all entries that a search for the hash would look at. */
  candidates(hash: number): number[] {
    const found: number[] = [];
    const slots = this.index.slotsFor(hash);
    for (let slot = slots.home(hash); ; slot = slots.after(slot)) {
      const id = slots.at(slot, hash);
      if (id === NONE) return found;
      if (id >= 0) found.push(id);
    }
  }
}

/** Another number for each, spread over all 32 bits. */
function spread(number: number): number {
  return mixHash(number + 1);
}

const MANY = 150_000;

describe('an index of hashes', () => {
  it('finds what has the same hash, all of it, and looks at next to nothing else', () => {
    const table = new NumberTable(Array.from({ length: MANY }, (_, id) => spread(id)));
    expect(table.index.size).toBe(MANY);
    let strangers = 0;
    let missing = 0;
    for (let id = 0; id < MANY; id++) {
      const candidates = table.candidates(spread(id));
      if (!candidates.includes(id)) missing++;
      strangers += candidates.length - 1;
    }
    expect(missing).toBe(0);
    expect(strangers).toBeLessThan(MANY / 4);
  });

  it('copes with many entries of one hash, and with those whose bits are all set', () => {
    const table = new NumberTable([...new Array<number>(300).fill(-1), ...new Array<number>(300).fill(0)]);
    expect(table.candidates(-1)).toHaveLength(300);
    expect(table.candidates(0)).toHaveLength(300);
    for (let id = 0; id < 300; id += 2) table.index.remove(-1, id);
    expect(table.candidates(-1).every((id) => id % 2 === 1)).toBe(true);
    expect(table.index.size).toBe(450);
  });
});

describe('a table of prefixes that outgrows one part', () => {
  it('keeps every prefix through growing, removing and adding again', () => {
    const table = new Ipv4PrefixTable();
    const addresses = Array.from({ length: MANY }, (_, number) => spread(number) >>> 0);
    const ids = addresses.map((address) => table.findOrAddAddress(address, 32));
    expect(new Set(ids).size).toBe(MANY);
    for (let number = 0; number < MANY; number += 3) table.remove(ids[number] ?? -1);
    let wrong = 0;
    addresses.forEach((address, number) => {
      if (table.findAddress(address, 32) !== (number % 3 === 0 ? -1 : ids[number])) wrong++;
    });
    expect(wrong).toBe(0);
    for (const address of addresses) table.findOrAddAddress(address, 32);
    expect([table.size, table.idLimit]).toEqual([MANY, MANY]);
    expect(addresses.every((address) => table.findAddress(address, 32) >= 0)).toBe(true);
    expect(table.findAddress(addresses[0] ?? 0, 31)).toBe(-1);
  });
});
