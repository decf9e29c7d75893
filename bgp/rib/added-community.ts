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
  const start = store.attributesStart(id);
  const end = store.attributesEnd(id);
  scratch.reset();
  // Attributes may come in any order (RFC 4271 §5).
  const at = placeOfCommunities(bytes, start, end);
  scratch.raw(bytes, start, at);
  const isThere = at < end && attributeCode(bytes, at) === AttributeCode.COMMUNITIES;
  writeCommunities(bytes, isThere ? at : -1, community);
  scratch.raw(bytes, isThere ? attributeEnd(bytes, at) : at, end);
  return internBytes(store, store.kind(id), store.nextHop(id), scratch);
}

/** Where COMMUNITIES is; else where it belongs by the order of the codes. */
function placeOfCommunities(bytes: Uint8Array, start: number, end: number): number {
  let place = end;
  for (let at = start; at < end; at = attributeEnd(bytes, at)) {
    const code = attributeCode(bytes, at);
    if (code === AttributeCode.COMMUNITIES) return at;
    if (place === end && code > AttributeCode.COMMUNITIES) place = at;
  }
  return place;
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
