import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteTable } from '../../bgp/rib/byte-table.ts';
import { Journal, type JournalReader } from '../../bgp/rib/journal.ts';
import { joinNlri, MOST_NLRI_BYTES, NlriSplitter } from '../../bgp/rib/nlri-key.ts';
import { BytePrefixTable, Ipv4PrefixTable, type PrefixTable } from '../../bgp/rib/prefix-table.ts';
import { type Family, IPV4_LABELED_UNICAST } from '../../bgp/wire/family.ts';
import { encodeNlri, type NlriRoute } from '../../bgp/wire/nlri.ts';
import { ByteWriter } from '../../net/byte-writer.ts';
import { toHex } from '../../net/hex.ts';
import { routeKey, routeOfNlri } from '../unit/bgp/rib/received-routes.ts';
import { ALL_FAMILIES, LABELED_FAMILIES } from '../unit/bgp/rib/speaker-bench.ts';
import { routeOf } from './wire-arbitraries.ts';

/** Numbers of keys in the order in which they are added or, when they are there, removed. */
const toggles = fc.array(fc.nat(200), { minLength: 200, maxLength: 1500 });

/** Byte strings of many lengths, some of them alike but for one byte. */
function stringOf(number: number): Uint8Array {
  return Uint8Array.from({ length: 1 + ((number * 7) % 45) }, (_, index) =>
    index === 0 ? number : number & 3,
  );
}

function unicastKeyOf(number: number): Uint8Array {
  const length = [0, 1, 8, 9, 16, 24, 25, 32][number & 7] ?? 0;
  const address = [10 + (number >> 5), number & 0xff, (number * 3) & 0xff, number & 0xff];
  const size = (length + 7) >> 3;
  const key = Uint8Array.of(length, ...address.slice(0, size));
  if (length % 8 > 0) key[size] = (key[size] ?? 0) & (0xff << (8 - (length % 8)));
  return key;
}

describe('tables of the RIB against a Map', () => {
  it('byte strings keep their ids and their bytes, and ids are used again', () => {
    fc.assert(
      fc.property(toggles, (numbers) => {
        const table = new ByteTable();
        const model = new Map<string, number>();
        let most = 0;
        for (const number of numbers) {
          const bytes = stringOf(number);
          const framed = Uint8Array.of(9, ...bytes, 9);
          const key = toHex(bytes);
          const known = model.get(key);
          expect(table.find(framed, 1, framed.length - 1)).toBe(known ?? -1);
          if (known === undefined) model.set(key, table.findOrAdd(framed, 1, framed.length - 1));
          else {
            table.remove(known);
            expect(table.length(known)).toBe(-1);
            model.delete(key);
          }
          most = Math.max(most, model.size);
        }
        for (const [key, id] of model) {
          expect(toHex(table.arena, table.offset(id), table.offset(id) + table.length(id))).toBe(key);
        }
        expect(table.size).toBe(model.size);
        expect(table.idLimit).toBe(most);
        expect(new Set(model.values()).size).toBe(model.size);
      }),
      { numRuns: 60 },
    );
  });

  it.each<[string, () => PrefixTable]>([
    ['IPv4 prefixes', () => new Ipv4PrefixTable()],
    ['prefixes of any family', () => new BytePrefixTable()],
  ])('%s likewise', (_, make) => {
    fc.assert(
      fc.property(toggles, (numbers) => {
        const table = make();
        const model = new Map<string, number>();
        let most = 0;
        const copy = new Uint8Array(8);
        for (const number of numbers) {
          const bytes = unicastKeyOf(number);
          const framed = Uint8Array.of(255, ...bytes, 255);
          const key = toHex(bytes);
          const known = model.get(key);
          expect(table.find(framed, 1, framed.length - 1)).toBe(known ?? -1);
          const id = known ?? table.findOrAdd(framed, 1, framed.length - 1);
          expect(table.findOrAdd(framed, 1, framed.length - 1)).toBe(id);
          expect(table.keyLength(id)).toBe(bytes.length);
          expect(toHex(copy, 1, table.copyKey(id, copy, 1))).toBe(key);
          if (known === undefined) model.set(key, id);
          else {
            table.remove(id);
            expect(table.keyLength(id)).toBe(-1);
            model.delete(key);
          }
          most = Math.max(most, model.size);
        }
        expect([table.size, table.idLimit]).toEqual([model.size, most]);
        for (const [key, id] of model) expect(toHex(copy, 0, table.copyKey(id, copy, 0))).toBe(key);
      }),
      { numRuns: 60 },
    );
  });
});

type Action =
  | { readonly kind: 'append'; readonly prefix: number }
  | { readonly kind: 'read'; readonly reader: number; readonly size: number }
  | { readonly kind: 'fork' | 'close'; readonly reader: number }
  | { readonly kind: 'open' | 'settle' };

const reader = fc.nat(3);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ kind: fc.constant('append' as const), prefix: fc.nat(30) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      reader,
      size: fc.integer({ min: 1, max: 40 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('fork' as const, 'close' as const), reader }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('open' as const, 'settle' as const) }) },
);

/** A reader and the prefixes that it has to be told of. */
interface ModelReader {
  readonly reader: JournalReader;
  readonly owed: Set<number>;
}

describe('the journal against a set for each reader', () => {
  it('gives every reader each changed prefix once after its last change, and settles what all have seen', () => {
    fc.assert(
      fc.property(fc.array(action, { minLength: 50, maxLength: 400 }), (actions) => {
        const settled: number[] = [];
        const journal = new Journal({ changeSeen: (prefix) => settled.push(prefix), isGone: () => false });
        const readers: ModelReader[] = [{ reader: journal.addReader(), owed: new Set() }];
        const unsettled = new Set<number>();
        const batch = new Int32Array(40);
        const read = ({ reader: from, owed }: ModelReader, size: number): void => {
          const count = from.read(batch.subarray(0, size));
          if (count !== Math.min(size, owed.size)) expect(count).toBe(Math.min(size, owed.size));
          if (![...batch.subarray(0, count)].every((prefix) => owed.delete(prefix)))
            expect(owed).toBe('told');
          if (count < size) expect(from.atEnd).toBe(true);
        };
        for (const step of actions) {
          switch (step.kind) {
            case 'append':
              journal.append(step.prefix);
              unsettled.add(step.prefix);
              for (const { owed } of readers) owed.add(step.prefix);
              break;
            case 'open':
              if (readers.length < 4) readers.push({ reader: journal.addReader(), owed: new Set() });
              break;
            case 'settle': {
              // In small portions, and no further than the last reader is.
              while (journal.settleable) journal.settle(3);
              const seen = [...unsettled].filter((prefix) => readers.every(({ owed }) => !owed.has(prefix)));
              expect(settled.splice(0).sort()).toEqual(seen.sort());
              for (const prefix of seen) unsettled.delete(prefix);
              break;
            }
            default: {
              const known = readers[step.reader];
              if (!known) break;
              if (step.kind === 'read') read(known, step.size);
              else if (step.kind === 'fork') {
                if (readers.length < 4)
                  readers.push({ reader: known.reader.fork(), owed: new Set(known.owed) });
              } else {
                known.reader.close();
                readers.splice(step.reader, 1);
              }
            }
          }
          const pending = Array.from({ length: 31 }, (_, prefix) => prefix).filter((prefix) =>
            journal.isPending(prefix),
          );
          if (pending.length !== unsettled.size) expect(new Set(pending)).toEqual(unsettled);
          expect(journal.pending).toBe(unsettled.size);
        }
        for (const known of readers) {
          read(known, 40);
          expect([known.owed.size, known.reader.atEnd]).toEqual([0, true]);
        }
        journal.settle(1_000_000);
        expect(settled.sort()).toEqual([...unsettled].sort());
        expect(journal.end).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('stays small however far a reader is behind', () => {
    const journal = new Journal({ changeSeen: () => undefined, isGone: () => false });
    const late = journal.addReader();
    for (let round = 0; round < 2000; round++) {
      for (let prefix = 0; prefix < 100; prefix++) journal.append(prefix);
    }
    expect(journal.end).toBeLessThanOrEqual(400);
    const batch = new Int32Array(4096);
    expect(new Set(batch.subarray(0, late.read(batch)))).toEqual(
      new Set(Array.from({ length: 100 }, (_, i) => i)),
    );
  });
});

/** One label, as it is without the capability for several (RFC 8277 §2.2). */
function withOneLabel(route: NlriRoute): NlriRoute {
  return route.kind === 'vpn' || route.kind === 'labeled'
    ? { ...route, labels: route.labels.slice(0, 1) }
    : route;
}

const anyRoute = fc
  .constantFrom(...ALL_FAMILIES, ...LABELED_FAMILIES)
  .chain((family) => routeOf(family, 'announced').map(withOneLabel));

describe('NLRI in two parts', () => {
  const splitter = new NlriSplitter();
  const writer = new ByteWriter();
  const bytesOf = (route: NlriRoute): Uint8Array => {
    encodeNlri(writer.reset(), route, false);
    return writer.take();
  };
  const split = (family: Family, bytes: Uint8Array, at: number, end: number, withdrawn = false): number =>
    splitter.split(family, bytes, at, end, withdrawn);

  it('are the same bytes when they are put together, and a withdrawal names the same route', () => {
    fc.assert(
      fc.property(anyRoute, (route) => {
        const nlri = bytesOf(route);
        const framed = Uint8Array.of(7, ...nlri, 7);
        expect(split(route.family, framed, 1, framed.length)).toBe(nlri.length + 1);
        if (route.kind === 'evpn-unknown' && route.routeType === 0) {
          expect([splitter.keyLength, splitter.malformed]).toEqual([0, false]);
          return;
        }
        const { key, keyLength, rest, restLength } = splitter;
        const joined = new Uint8Array(MOST_NLRI_BYTES * 2);
        const shifted = Uint8Array.of(1, 2, ...rest.subarray(0, restLength));
        const end = joinNlri(route.family, key, keyLength, shifted, 2, 2 + restLength, joined, 3);
        expect(toHex(joined, 3, end)).toBe(toHex(nlri));
        const bare = joinNlri(route.family, key, keyLength, rest, 0, 0, joined, 0);
        const withdrawn = routeOfNlri(route.family, joined.subarray(0, bare), 'withdrawn');
        expect(withdrawn && routeKey(withdrawn)).toBe(routeKey(route));
        const kept = toHex(key, 0, keyLength);
        expect(split(route.family, joined, 0, bare, true)).toBe(bare);
        expect(toHex(splitter.key, 0, splitter.keyLength)).toBe(kept);
      }),
      { numRuns: 1000 },
    );
  });

  it('have one label, whatever its bottom-of-stack bit says (RFC 8277 §2.2)', () => {
    const nlri = Uint8Array.of(48, 0x00, 0x01, 0x00, 10, 0, 1);
    expect(split(IPV4_LABELED_UNICAST, nlri, 0, nlri.length)).toBe(nlri.length);
    expect(toHex(splitter.key, 0, splitter.keyLength)).toBe('180a0001');
    expect(toHex(splitter.rest, 0, splitter.restLength)).toBe('000101');
  });

  it('have no host bits in the key', () => {
    fc.assert(
      fc.property(anyRoute, fc.nat(0xff), (route, noise) => {
        if (route.kind !== 'unicast' && (route.kind !== 'evpn' || route.routeType !== 5)) return;
        const nlri = bytesOf(route);
        expect(split(route.family, nlri, 0, nlri.length)).toBe(nlri.length);
        const clean = toHex(splitter.key, 0, splitter.keyLength);
        const { length, address } = route.prefix;
        const prefixAt = route.kind === 'unicast' ? 1 : 2 + 8 + 10 + 4 + 1;
        const last = route.kind === 'unicast' ? (length + 7) >> 3 : address.bytes.length;
        for (let bit = length; bit < last * 8; bit++) {
          const at = prefixAt + (bit >> 3);
          nlri[at] = (nlri[at] ?? 0) | (noise & (0x80 >> (bit & 7)));
        }
        split(route.family, nlri, 0, nlri.length);
        expect(toHex(splitter.key, 0, splitter.keyLength)).toBe(clean);
      }),
      { numRuns: 500 },
    );
  });

  it('are never read beyond the end', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ALL_FAMILIES, ...LABELED_FAMILIES),
        fc.uint8Array({ maxLength: 80 }),
        fc.nat(80),
        fc.boolean(),
        (family, bytes, cut, withdrawn) => {
          const end = Math.min(cut, bytes.length);
          if (end === 0) return;
          const exact = split(family, bytes.slice(0, end), 0, end, withdrawn);
          expect(split(family, bytes, 0, end, withdrawn)).toBe(exact);
          expect(exact === -1 || (exact > 0 && exact <= end)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
