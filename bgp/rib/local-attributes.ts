import { ByteWriter } from '../../net/byte-writer.ts';
import { AttributeCode } from '../wire/constants.ts';
import { attributeCode, attributeEnd, attributeValue } from './attribute-header.ts';
import {
  AttributeKind,
  type AttributeStore,
  IDENTITY_HEADER_SIZE,
  writeIdentityHeader,
} from './attribute-store.ts';

const scratch = new ByteWriter();
const identity = new Uint8Array(IDENTITY_HEADER_SIZE + 65535);

/**
 * The attributes of a route that this router originates: ORIGIN IGP, an empty AS_PATH and MED 0, as a
 * `network` statement of FRR gives them. Its next hop is whatever address the session has.
 */
export function internOriginated(store: AttributeStore): number {
  scratch.reset().raw(Uint8Array.of(0x40, 1, 1, 0, 0x40, 2, 0, 0x80, 4, 4, 0, 0, 0, 0));
  return internBytes(store, AttributeKind.local, -1, scratch);
}

/** How {@link internRewritten} changes a set. */
export interface AttributeRewrite {
  readonly kind: AttributeKind;
  /** Id in {@link AttributeStore.nextHops}, or -1 for none. */
  readonly nextHop: number;
  /** Replaces the extended communities; eight octets each, undefined: none. */
  readonly extendedCommunities: Uint8Array | undefined;
}

/** A set like `id` with another next hop and other extended communities; everything else stays as it is. */
export function internRewritten(store: AttributeStore, id: number, rewrite: AttributeRewrite): number {
  const bytes = store.bytes;
  const end = store.attributesEnd(id);
  scratch.reset();
  let pending = rewrite.extendedCommunities;
  for (let at = store.attributesStart(id); at < end; at = attributeEnd(bytes, at)) {
    const code = attributeCode(bytes, at);
    if (code > AttributeCode.EXTENDED_COMMUNITIES && pending) {
      writeExtendedCommunities(pending);
      pending = undefined;
    }
    if (code !== AttributeCode.EXTENDED_COMMUNITIES) scratch.raw(bytes, at, attributeEnd(bytes, at));
  }
  if (pending) writeExtendedCommunities(pending);
  return internBytes(store, rewrite.kind, rewrite.nextHop, scratch);
}

function writeExtendedCommunities(communities: Uint8Array): void {
  if (communities.length === 0) return;
  if (communities.length > 255) scratch.u8(0xd0).u8(16).u16(communities.length);
  else scratch.u8(0xc0).u8(16).u8(communities.length);
  scratch.raw(communities);
}

/** The set of these attributes, each in good form. */
export function internBytes(
  store: AttributeStore,
  kind: AttributeKind,
  nextHop: number,
  attributes: ByteWriter,
): number {
  writeIdentityHeader(identity, 0, kind, nextHop);
  identity.set(attributes.bytes(), IDENTITY_HEADER_SIZE);
  return store.intern(identity, 0, IDENTITY_HEADER_SIZE + attributes.length);
}

/** The extended communities of a set, eight octets each; empty when it has none. */
export function extendedCommunitiesOf(store: AttributeStore, id: number): Uint8Array {
  const bytes = store.bytes;
  const end = store.attributesEnd(id);
  for (let at = store.attributesStart(id); at < end; at = attributeEnd(bytes, at)) {
    if (attributeCode(bytes, at) !== AttributeCode.EXTENDED_COMMUNITIES) continue;
    return bytes.slice(attributeValue(bytes, at), attributeEnd(bytes, at));
  }
  return new Uint8Array(0);
}
