import type { WireContext } from '../../../../bgp/wire/context.ts';
import { type DecodedUpdate, decodeUpdate } from '../../../../bgp/wire/update.ts';

/** Octets of hex digits; spaces are for people. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
}

/** A message of a type with its header. */
export function message(type: number, body: Uint8Array): Uint8Array {
  const length = 19 + body.length;
  return Uint8Array.from([...Array<number>(16).fill(0xff), length >> 8, length & 0xff, type, ...body]);
}

/** An attribute: flags, type code, one-octet length, value. */
export function attribute(flags: number, code: number, value: string): string {
  const size = value.replaceAll(' ', '').length / 2;
  return Buffer.from([flags, code, size]).toString('hex') + value;
}

export const ORIGIN = attribute(0x40, 1, '00');
/** AS_SEQUENCE of 65001, in four octets. */
export const AS_PATH = attribute(0x40, 2, '0201 0000fde9');
export const NEXT_HOP = attribute(0x40, 3, 'c0000201');
export const MANDATORY = ORIGIN + AS_PATH + NEXT_HOP;
/** 10.0.0.0/8. */
export const NLRI = '080a';
/** MP_REACH_NLRI of IPv6 unicast with next hop 2001:db8::1 and 2001:db8::/32. */
export const MP_REACH = attribute(0x80, 14, '000201 10 20010db8000000000000000000000001 00 20 20010db8');

/** An UPDATE message from its three parts in hex. */
export function update(parts: { withdrawn?: string; attributes?: string; nlri?: string }): Uint8Array {
  const sized = (text: string): number[] => {
    const bytes = hex(text);
    return [bytes.length >> 8, bytes.length & 0xff, ...bytes];
  };
  const body = [...sized(parts.withdrawn ?? ''), ...sized(parts.attributes ?? ''), ...hex(parts.nlri ?? '')];
  return message(2, Uint8Array.from(body));
}

const EXTERNAL: WireContext = {
  fourOctetAs: true,
  addPath: () => false,
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ebgp',
};

/** Decodes an UPDATE of an external peer with 4-octet AS numbers, unless told otherwise. */
export function decode(bytes: Uint8Array, context: Partial<WireContext> = {}): DecodedUpdate {
  return decodeUpdate(bytes, 0, bytes.length, { ...EXTERNAL, ...context });
}
