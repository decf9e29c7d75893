import { describe, expect, it } from 'vitest';
import { internWithCommunity } from '../../../../bgp/rib/added-community.ts';
import { AttributeKind, AttributeStore } from '../../../../bgp/rib/attribute-store.ts';
import { internBytes } from '../../../../bgp/rib/local-attributes.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import { fromHex, toHex } from '../../../../net/hex.ts';

const ORIGIN = '40010100';
const MED = '80040400000000';
const LARGE = 'c0200c000000010000000200000003';

function withCommunity(hex: string): string {
  const store = new AttributeStore();
  const nextHop = store.nextHops.intern(Uint8Array.of(192, 0, 2, 1), 0, 4);
  const bytes = fromHex(hex) ?? new Uint8Array(0);
  const id = internBytes(store, AttributeKind.ibgp, nextHop, new ByteWriter().raw(bytes));
  const marked = internWithCommunity(store, id, 0xffff0006);
  expect([store.kind(marked), store.nextHop(marked)]).toEqual([AttributeKind.ibgp, nextHop]);
  return toHex(store.bytes.slice(store.attributesStart(marked), store.attributesEnd(marked)));
}

describe('one community more', () => {
  it.each([
    ['alone', '', 'c00804ffff0006'],
    ['at the end', ORIGIN + MED, `${ORIGIN}${MED}c00804ffff0006`],
    ['between', ORIGIN + LARGE, `${ORIGIN}c00804ffff0006${LARGE}`],
    ['behind others', `${ORIGIN}c0080400010002${LARGE}`, `${ORIGIN}c0080800010002ffff0006${LARGE}`],
    [
      'behind others, in no order',
      `${LARGE}c0080400010002${ORIGIN}`,
      `${LARGE}c0080800010002ffff0006${ORIGIN}`,
    ],
    [
      'where that takes a longer length',
      `c008fc${'00010002'.repeat(63)}`,
      `d0080100${'00010002'.repeat(63)}ffff0006`,
    ],
  ])('%s', (_name, before, after) => {
    expect(withCommunity(before)).toBe(after);
  });
});
