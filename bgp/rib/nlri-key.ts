// Hot: runs once per route. Offsets and copies into scratch buffers; nothing is allocated.
import { maskBytes } from '../../net/prefix.ts';
import { afiOf, type Family, hasLabels, isVpnFamily, L2VPN_EVPN } from '../wire/family.ts';
import { RD_SIZE } from '../wire/route-distinguisher.ts';

/** RFC 9136 §3.1: IP prefix routes. */
const LAST_KNOWN_TYPE = 5;
/** EVPN MAC/IP Advertisement (RFC 7432 §7.2). */
export const MAC_ROUTE_TYPE = 2;

/** A label with its traffic class and bottom-of-stack bit (RFC 8277 §2). */
const LABEL_SIZE = 3;
const LABEL_BITS = 24;
const BOTTOM_OF_STACK = 1;
/** First octet of the three that a withdrawal has in place of labels: 0x800000. */
const WITHDRAWN_LABEL = 0x80;

/** Bytes of the longest NLRI that {@link NlriSplitter} takes: EVPN routes have one length octet. */
export const MOST_NLRI_BYTES = 2 + 255;

/**
 * Takes NLRI apart into what identifies the route (the key of the prefix table) and the rest.
 *
 * Unicast: the key is the NLRI. With labels (RFC 8277, RFC 4364): the key is the length of the prefix, the route
 * distinguisher of a VPN, and the prefix; the labels are the rest. EVPN (RFC 7432 §7.2 to 7.4, RFC 9136 §3.1): the key
 * leaves out ESI, labels and gateway, which may change without the route being another one:
 *
 * | type | key | rest |
 * |---|---|---|
 * | 1 | type RD ESI tag | label |
 * | 2 | type RD tag MAC-length MAC IP-length IP | ESI labels |
 * | 3, 4, and those from 6 on, which are not known here | type and all of the value | - |
 * | 5 | type RD tag prefix-length prefix, host bits zero | ESI gateway label |
 *
 * A route of type 0, or whose value has not the form of its type's RFC, has no key.
 */
export class NlriSplitter {
  readonly key = new Uint8Array(MOST_NLRI_BYTES);
  keyLength = 0;
  readonly rest = new Uint8Array(MOST_NLRI_BYTES);
  restLength = 0;
  /** The route without a key is one of a known type: its form is wrong. */
  malformed = false;
  /** A Type 5 route has both an Ethernet segment and a gateway: it counts as withdrawn (RFC 9136 §3.2). */
  contradictory = false;

  /**
   * Splits the NLRI of a family at `at`; returns the offset behind it, or -1 when it is cut short or has a length that it
   * cannot have. `withdrawn`: it stands in MP_UNREACH_NLRI.
   */
  split(family: Family, bytes: Uint8Array, at: number, end: number, withdrawn: boolean): number {
    if (family === L2VPN_EVPN) return this.evpn(bytes, at, end);
    if (hasLabels(family)) return this.labeled(family, bytes, at, end, withdrawn);
    return this.unicast(bytes, at, end, afiOf(family) === 1 ? 32 : 128);
  }

  /**
   * Splits the unicast NLRI at `at`; returns the offset behind it, or -1 when it is cut short or longer
   * than `bits`.
   */
  unicast(bytes: Uint8Array, at: number, end: number, bits: 32 | 128): number {
    const length = bytes[at] as number;
    const size = (length + 7) >> 3;
    const next = at + 1 + size;
    if (length > bits || next > end) return -1;
    for (let i = 0; i <= size; i++) this.key[i] = bytes[at + i] as number;
    const spare = size * 8 - length;
    if (spare > 0) this.key[size] = (this.key[size] as number) & (0xff << spare);
    this.keyLength = size + 1;
    this.restLength = 0;
    this.contradictory = false;
    return next;
  }

  /**
   * Splits the NLRI with a label at `at`, which has a route distinguisher in VPN families; returns the offset behind it, or -1
   * when its length is none that it can have. There is one label: several take a capability that is not offered (RFC 8277
   * §2.1). That of a withdrawal says nothing (§2.4).
   */
  labeled(family: Family, bytes: Uint8Array, at: number, end: number, withdrawn: boolean): number {
    const rdSize = isVpnFamily(family) ? RD_SIZE : 0;
    const bits = bytes[at] as number;
    const next = at + 1 + ((bits + 7) >> 3);
    if (next > end) return -1;
    const length = bits - rdSize * 8 - LABEL_BITS;
    if (length < 0 || length > (afiOf(family) === 1 ? 32 : 128)) return -1;
    const value = at + 1 + LABEL_SIZE;
    this.key[0] = length;
    this.keyLength = 1;
    this.restLength = 0;
    this.contradictory = false;
    this.#toKey(bytes, value, next);
    maskBytes(this.key, 1 + rdSize, this.keyLength - 1 - rdSize, length);
    if (withdrawn) return next;
    this.#toRest(bytes, at + 1, value);
    // What one must not look at on reception should be set on transmission (RFC 8277 §2.2).
    this.rest[LABEL_SIZE - 1] = (this.rest[LABEL_SIZE - 1] as number) | BOTTOM_OF_STACK;
    return next;
  }

  /**
   * Splits the EVPN NLRI at `at`; returns the offset behind it, or -1 when it is cut short. `keyLength`
   * is 0 for a route to pass over: of type 0, or {@link malformed}, which peers would end their sessions for if it
   * were passed on. Routes of unknown types are passed on as they came: others may know them.
   */
  evpn(bytes: Uint8Array, at: number, end: number): number {
    if (at + 2 > end) return -1;
    const type = bytes[at] as number;
    const value = at + 2;
    const next = value + (bytes[at + 1] as number);
    if (next > end) return -1;
    this.key[0] = type;
    this.keyLength = 1;
    this.restLength = 0;
    this.contradictory = false;
    this.malformed = false;
    if (type > LAST_KNOWN_TYPE) this.#toKey(bytes, value, next);
    else if (type === 0) this.keyLength = 0;
    else if (!this.#splitKnown(type, bytes, value, next)) {
      this.keyLength = 0;
      this.malformed = true;
    }
    return next;
  }

  #splitKnown(type: number, bytes: Uint8Array, value: number, end: number): boolean {
    switch (type) {
      case 1:
        return this.#autoDiscoveryRoute(bytes, value, end);
      case MAC_ROUTE_TYPE:
        return this.#macRoute(bytes, value, end);
      case 3:
        return this.#wholeRoute(bytes, value, end, value + 12);
      case 4:
        return this.#wholeRoute(bytes, value, end, value + 18);
      default:
        return this.#prefixRoute(bytes, value, end);
    }
  }

  #autoDiscoveryRoute(bytes: Uint8Array, value: number, end: number): boolean {
    if (end - value !== 25) return false;
    this.#toKey(bytes, value, value + 22);
    this.#toRest(bytes, value + 22, end);
    return true;
  }

  #macRoute(bytes: Uint8Array, value: number, end: number): boolean {
    if (end - value < 33 || bytes[value + 22] !== 48) return false;
    const ipBits = bytes[value + 29] as number;
    const labels = value + 30 + (ipBits >> 3);
    if (ipBits !== 0 && ipBits !== 32 && ipBits !== 128) return false;
    if (end - labels !== 3 && end - labels !== 6) return false;
    this.#toKey(bytes, value, value + 8);
    this.#toKey(bytes, value + 18, labels);
    this.#toRest(bytes, value + 8, value + 18);
    this.#toRest(bytes, labels, end);
    return true;
  }

  /** A route that ends in the address of a router, whose length stands at `lengthAt`, and is all key. */
  #wholeRoute(bytes: Uint8Array, value: number, end: number, lengthAt: number): boolean {
    const bits = (end - lengthAt - 1) * 8;
    if ((bits !== 32 && bits !== 128) || bytes[lengthAt] !== bits) return false;
    this.#toKey(bytes, value, end);
    return true;
  }

  #prefixRoute(bytes: Uint8Array, value: number, end: number): boolean {
    const size = end - value;
    if (size !== 34 && size !== 58) return false;
    const addressSize = size === 34 ? 4 : 16;
    const prefix = value + 22;
    const length = bytes[prefix] as number;
    if (length > addressSize * 8) return false;
    this.#toKey(bytes, value, value + 8);
    this.#toKey(bytes, value + 18, prefix + 1 + addressSize);
    maskBytes(this.key, this.keyLength - addressSize, addressSize, length);
    this.#toRest(bytes, value + 8, value + 18);
    this.#toRest(bytes, prefix + 1 + addressSize, end);
    this.contradictory = hasBits(this.rest, 0, 10) && hasBits(this.rest, 10, 10 + addressSize);
    return true;
  }

  #toKey(bytes: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) this.key[this.keyLength++] = bytes[i] as number;
  }

  #toRest(bytes: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) this.rest[this.restLength++] = bytes[i] as number;
  }
}

function hasBits(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return true;
  return false;
}

/**
 * Puts an NLRI together again from key and rest, at `target[at]`; returns its end. Without a rest
 * (`restEnd` equal to `restStart`), as in a withdrawal, the places of ESI, gateway and label are zero.
 */
export function joinNlri(
  family: Family,
  key: Uint8Array,
  keyLength: number,
  rest: Uint8Array,
  restStart: number,
  restEnd: number,
  target: Uint8Array,
  at: number,
): number {
  if (hasLabels(family)) return joinLabeled(key, keyLength, rest, restStart, restEnd, target, at);
  if (family !== L2VPN_EVPN) {
    for (let i = 0; i < keyLength; i++) target[at + i] = key[i] as number;
    return at + keyLength;
  }
  const type = key[0] as number;
  target[at] = type;
  const value = at + 2;
  let end: number;
  if (type === 5 && (keyLength === 18 || keyLength === 30)) {
    end = joinAroundEsi(key, keyLength, rest, restStart, restEnd, keyLength === 18 ? 7 : 19, target, value);
  } else if (type === 2 && keyLength >= 21) {
    end = joinAroundEsi(key, keyLength, rest, restStart, restEnd, 3, target, value);
  } else {
    end = value;
    for (let i = 1; i < keyLength; i++) target[end++] = key[i] as number;
    if (type === 1 && keyLength === 23) end = copyOrZero(rest, restStart, restEnd, 3, target, end);
  }
  target[at + 1] = end - value;
  return end;
}

/** Without a label, a withdrawal has its compatibility value (RFC 8277 §2.4). */
function joinLabeled(
  key: Uint8Array,
  keyLength: number,
  rest: Uint8Array,
  restStart: number,
  restEnd: number,
  target: Uint8Array,
  at: number,
): number {
  const length = key[0] as number;
  const rdBits = (keyLength - 1 - ((length + 7) >> 3)) * 8;
  target[at] = LABEL_BITS + rdBits + length;
  let end = copyOrZero(rest, restStart, restEnd, LABEL_SIZE, target, at + 1);
  if (restEnd === restStart) target[at + 1] = WITHDRAWN_LABEL;
  for (let i = 1; i < keyLength; i++) target[end++] = key[i] as number;
  return end;
}

/** RD, ESI, the rest of the key, then what follows it; `tail`: its size when there is no rest. */
function joinAroundEsi(
  key: Uint8Array,
  keyLength: number,
  rest: Uint8Array,
  restStart: number,
  restEnd: number,
  tail: number,
  target: Uint8Array,
  at: number,
): number {
  const has = restEnd > restStart;
  for (let i = 1; i < 9; i++) target[at++] = key[i] as number;
  at = copyOrZero(rest, restStart, has ? restStart + 10 : restStart, 10, target, at);
  for (let i = 9; i < keyLength; i++) target[at++] = key[i] as number;
  return copyOrZero(rest, has ? restStart + 10 : restEnd, restEnd, tail, target, at);
}

function copyOrZero(
  source: Uint8Array,
  start: number,
  end: number,
  zeroes: number,
  target: Uint8Array,
  at: number,
): number {
  if (end > start) for (let i = start; i < end; i++) target[at++] = source[i] as number;
  else for (let i = 0; i < zeroes; i++) target[at++] = 0;
  return at;
}
