// Hot: runs once per run of paths with the same attributes. Writes bytes into scratch space.
import { ByteWriter } from '../../net/byte-writer.ts';
import { AttributeCode } from '../wire/constants.ts';
import { attributeCode, attributeEnd, attributeValue } from './attribute-header.ts';
import type { AttributeStore } from './attribute-store.ts';
import { internBytes } from './local-attributes.ts';

const scratch = new ByteWriter();

/** A set like `id` with one community more, behind those that it has. */
export function internWithCommunity(store: AttributeStore, id: number, community: number): number {
  const { bytes } = store;
  const end = store.attributesEnd(id);
  scratch.reset();
  let pending = true;
  for (let at = store.attributesStart(id); at < end; at = attributeEnd(bytes, at)) {
    const code = attributeCode(bytes, at);
    if (pending && code >= AttributeCode.COMMUNITIES) {
      writeCommunities(bytes, code === AttributeCode.COMMUNITIES ? at : -1, community);
      pending = false;
      if (code === AttributeCode.COMMUNITIES) continue;
    }
    scratch.raw(bytes, at, attributeEnd(bytes, at));
  }
  if (pending) writeCommunities(bytes, -1, community);
  return internBytes(store, store.kind(id), store.nextHop(id), scratch);
}

/** COMMUNITIES with those of the attribute at `at`, if that is not -1, and `community`. */
function writeCommunities(bytes: Uint8Array, at: number, community: number): void {
  const start = at < 0 ? 0 : attributeValue(bytes, at);
  const end = at < 0 ? 0 : attributeEnd(bytes, at);
  const size = end - start + 4;
  if (size > 255) scratch.u8(0xd0).u8(AttributeCode.COMMUNITIES).u16(size);
  else scratch.u8(0xc0).u8(AttributeCode.COMMUNITIES).u8(size);
  scratch.raw(bytes, start, end).u32(community);
}
