import { describe, expect, test } from 'vitest';
import {
  decodeRouterMessage,
  encodeAdvertisement,
  encodeSolicitation,
} from '../../../discovery/router-message.ts';
import { addressOf, FRR_ADVERTISEMENT, LINUX_SOLICITATION, packetOf, SENDER } from './packets.ts';

const MAC = Uint8Array.of(0x2e, 0xc7, 0x31, 0x3a, 0xba, 0x43);
const ADVERTISEMENT = encodeAdvertisement({ routerLifetime: 30, linkLayerAddress: MAC });

/** A copy of FRR's advertisement with other octets somewhere, and the checksum that belongs to it. */
function changed(at: number, ...octets: number[]): Uint8Array {
  const message = new Uint8Array(FRR_ADVERTISEMENT.subarray(40));
  message.set(octets, at);
  return packetOf(message, SENDER);
}

describe('router advertisements and solicitations', () => {
  test("FRR's advertisement is read", () => {
    expect(decodeRouterMessage(FRR_ADVERTISEMENT)).toEqual({
      ok: true,
      message: { kind: 'advertisement', source: SENDER, routerLifetime: 30 },
    });
  });

  test("Linux's solicitation is read", () => {
    expect(decodeRouterMessage(LINUX_SOLICITATION)).toEqual({
      ok: true,
      message: { kind: 'solicitation', source: SENDER, routerLifetime: 0 },
    });
  });

  test('ours are octet for octet what FRR and Linux send, but for the checksum, which the kernel fills in', () => {
    const recorded = (packet: Uint8Array) => new Uint8Array(packet.subarray(40)).fill(0, 2, 4);
    expect(ADVERTISEMENT).toEqual(recorded(FRR_ADVERTISEMENT));
    expect(encodeSolicitation(MAC)).toEqual(recorded(LINUX_SOLICITATION));
  });

  test('a link without addresses has none in its messages', () => {
    const none = new Uint8Array(0);
    expect(encodeAdvertisement({ routerLifetime: 0, linkLayerAddress: none })).toHaveLength(16);
    expect(encodeSolicitation(none)).toHaveLength(8);
  });

  test('a solicitation may come from no address, but then has no link-layer address', () => {
    const unspecified = addressOf('::');
    const bare = packetOf(encodeSolicitation(new Uint8Array(0)), unspecified);
    expect(decodeRouterMessage(bare)).toMatchObject({ ok: true, message: { source: unspecified } });
    const withAddress = packetOf(encodeSolicitation(MAC), unspecified);
    expect(decodeRouterMessage(withAddress)).toMatchObject({ ok: false });
  });

  test('octets behind the packet do not matter', () => {
    expect(decodeRouterMessage(Uint8Array.of(...FRR_ADVERTISEMENT, 0, 0, 7))).toMatchObject({ ok: true });
  });

  test.each([
    ['from further away', packetOf(ADVERTISEMENT, SENDER, { hopLimit: 254 }), /hop limit is 254/],
    ['from a global address', packetOf(ADVERTISEMENT, addressOf('2001:db8::1')), /no link-local/],
    ['with a code', changed(1, 1), /code is 1/],
    ['of another type', changed(0, 135), /type is 135/],
    ['with an option of no length', changed(17, 0), /no length/],
    ['with an option that is cut off', changed(17, 2), /cut off/],
    ['that is too short', packetOf(ADVERTISEMENT.subarray(0, 12), SENDER), /12 octets/],
    ['that is cut off', FRR_ADVERTISEMENT.subarray(0, 60), /cut off/],
    ['with a wrong checksum', FRR_ADVERTISEMENT.map((octet, at) => octet ^ Number(at === 46)), /checksum/],
    ['of IPv4', FRR_ADVERTISEMENT.map((octet, at) => (at === 0 ? 0x45 : octet)), /no IPv6/],
    ['of TCP', FRR_ADVERTISEMENT.map((octet, at) => (at === 6 ? 6 : octet)), /next header is 6/],
    ['of nothing', new Uint8Array(0), /too few/],
  ])('one %s is discarded', (_, packet, reason) => {
    const decoded = decodeRouterMessage(packet);
    expect(decoded).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });
});
