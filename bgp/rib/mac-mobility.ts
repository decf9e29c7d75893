// Runs once per path of a MAC/IP route that has several. Nothing is allocated.
import { AttributeCode } from '../wire/constants.ts';
import { readU32 } from '../wire/octets.ts';
import { attributeCode, attributeEnd, attributeValue } from './attribute-header.ts';
import type { AttributeStore } from './attribute-store.ts';

// The MAC Mobility extended community (RFC 7432 §7.7): type, subtype, flags, a reserved octet, sequence number.
const EVPN_TYPE = 0x06;
const MAC_MOBILITY = 0x00;
const STICKY_FLAG = 0x01;
const COMMUNITY_SIZE = 8;

/** Higher than any sequence number, which has four octets: an address that does not move beats all that say it has. */
const STICKY = 2 ** 32;

/**
 * Which of two attribute sets of a MAC/IP Advertisement route tells where the address is now (RFC 7432 §15): negative
 * for `a`. The address that must not move, then the higher sequence number.
 */
export function compareMacMobility(attributes: AttributeStore, a: number, b: number): number {
  return a === b ? 0 : mobility(attributes, b) - mobility(attributes, a);
}

/** Sequence number or {@link STICKY}; without the community the sequence number is 0 (RFC 7432 §15). */
function mobility(attributes: AttributeStore, id: number): number {
  const { bytes } = attributes;
  const end = attributes.attributesEnd(id);
  for (let at = attributes.attributesStart(id); at < end; at = attributeEnd(bytes, at)) {
    if (attributeCode(bytes, at) !== AttributeCode.EXTENDED_COMMUNITIES) continue;
    const last = attributeEnd(bytes, at);
    for (let i = attributeValue(bytes, at); i + COMMUNITY_SIZE <= last; i += COMMUNITY_SIZE) {
      if (bytes[i] !== EVPN_TYPE || bytes[i + 1] !== MAC_MOBILITY) continue;
      return (bytes[i + 2] as number) & STICKY_FLAG ? STICKY : readU32(bytes, i + 4);
    }
  }
  return 0;
}
