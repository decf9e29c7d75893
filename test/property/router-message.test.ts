import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeRouterMessage,
  encodeAdvertisement,
  encodeSolicitation,
} from '../../discovery/router-message.ts';
import { addressFromBytes, isLinkLocal } from '../../net/address.ts';
import { FRR_ADVERTISEMENT, packetOf } from '../unit/discovery/packets.ts';

const linkLocals = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => {
  const address = bytes.slice();
  address.set([0xfe, 0x80 | ((address[1] ?? 0) & 0x3f)]);
  return addressFromBytes(address);
});
const linkLayerAddresses = fc.uint8Array({ maxLength: 20 });

describe('router messages', () => {
  test('what is encoded is decoded', () => {
    fc.assert(
      fc.property(
        linkLocals,
        linkLayerAddresses,
        fc.integer({ min: 0, max: 0xffff }),
        (source, linkLayerAddress, routerLifetime) => {
          const advertisement = packetOf(encodeAdvertisement({ routerLifetime, linkLayerAddress }), source);
          expect(decodeRouterMessage(advertisement)).toEqual({
            ok: true,
            message: { kind: 'advertisement', source, routerLifetime },
          });
          const solicitation = packetOf(encodeSolicitation(linkLayerAddress), source);
          expect(decodeRouterMessage(solicitation)).toMatchObject({
            ok: true,
            message: { kind: 'solicitation', source },
          });
        },
      ),
    );
  });

  test('any octets give a message or a reason', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        const decoded = decodeRouterMessage(bytes);
        if (!decoded.ok) expect(decoded.reason).not.toBe('');
        else expect(bytes[7]).toBe(255);
      }),
      { numRuns: 1000 },
    );
  });

  test('any ICMPv6 message whose checksum is right gives a message from a link-local address, or a reason', () => {
    const messages = fc.tuple(fc.constantFrom(133, 134, 135), fc.uint8Array({ minLength: 3, maxLength: 60 }));
    fc.assert(
      fc.property(messages, linkLocals, ([type, rest], source) => {
        const message = Uint8Array.of(type, 0, ...rest);
        const decoded = decodeRouterMessage(packetOf(message, source));
        if (decoded.ok) expect(isLinkLocal(decoded.message.source)).toBe(true);
        else expect(decoded.reason).not.toBe('');
      }),
      { numRuns: 2000 },
    );
  });

  test('an advertisement with one bit changed is discarded, or only its flow label was', () => {
    const bits = fc.integer({ min: 0, max: FRR_ADVERTISEMENT.length * 8 - 1 });
    fc.assert(
      fc.property(bits, (bit) => {
        const packet = new Uint8Array(FRR_ADVERTISEMENT);
        packet[bit >> 3] = (packet[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
        const survives = bit >= 4 && bit < 32;
        expect(decodeRouterMessage(packet).ok).toBe(survives);
      }),
    );
  });
});
