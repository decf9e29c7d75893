// Hot: the reader asks once per UPDATE of a session with a role. Nothing is allocated.
import { AttributeCode } from '../wire/constants.ts';
import { type Family, isUnicast } from '../wire/family.ts';
import { readU32 } from '../wire/octets.ts';
import { attributeCode, attributeEnd, attributeValue } from './attribute-header.ts';
import { AttributeFact, type AttributeStore } from './attribute-store.ts';

/** What is to be done with the attribute ONLY_TO_CUSTOMER (OTC) on routes that come (RFC 9234 §5, ingress). */
export interface OtcIngress {
  /** Which routes that have it are leaks: all, or those that another AS than {@link remoteAs} has marked. */
  readonly leaks: 'all' | 'marked by others' | 'none';
  /** Routes without it get it. */
  readonly adds: boolean;
  readonly remoteAs: number;
}

/** The same on routes that go (RFC 9234 §5, egress). */
export interface OtcEgress {
  /** Routes that have it are not sent. */
  readonly blocks: boolean;
  /** Routes without it get it, with our AS number. */
  readonly adds: boolean;
}

/** Octets of the attribute with its header. */
export const OTC_SIZE = 7;

/** Writes the attribute to `target` from `at` on; returns the end. */
export function writeOtc(target: Uint8Array, at: number, asn: number): number {
  target[at] = 0xc0;
  target[at + 1] = AttributeCode.ONLY_TO_CUSTOMER;
  target[at + 2] = 4;
  target[at + 3] = asn >>> 24;
  target[at + 4] = (asn >>> 16) & 0xff;
  target[at + 5] = (asn >>> 8) & 0xff;
  target[at + 6] = asn & 0xff;
  return at + OTC_SIZE;
}

/** True when a route of the family with this set is a leak: only IPv4 and IPv6 unicast are looked at. */
export function isLeak(
  store: AttributeStore,
  id: number,
  family: Family,
  { leaks, remoteAs }: OtcIngress,
): boolean {
  if (!isUnicast(family) || (store.flags(id) & AttributeFact.onlyToCustomer) === 0) return false;
  return leaks === 'all' || (leaks === 'marked by others' && otcOf(store, id) !== remoteAs);
}

/** Adds the attribute to `bytes[start..end)` for routes of the family that need it and have it not; gives the new end. */
export function addOtc(
  bytes: Uint8Array,
  start: number,
  end: number,
  family: Family,
  { adds, remoteAs }: OtcIngress,
): number {
  if (!adds || !isUnicast(family) || findOtc(bytes, start, end) >= 0) return end;
  return writeOtc(bytes, end, remoteAs);
}

/** The AS number in the attribute of a set that has it. */
export function otcOf(store: AttributeStore, id: number): number {
  const { bytes } = store;
  return readU32(
    bytes,
    attributeValue(bytes, findOtc(bytes, store.attributesStart(id), store.attributesEnd(id))),
  );
}

function findOtc(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at = attributeEnd(bytes, at)) {
    if (attributeCode(bytes, at) === AttributeCode.ONLY_TO_CUSTOMER) return at;
  }
  return -1;
}
