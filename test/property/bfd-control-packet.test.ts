import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BfdState,
  CONTROL_PACKET_SIZE,
  type ControlPacket,
  decodeControlPacket,
  encodeControlPacket,
} from '../../bfd/control-packet.ts';

const number32 = fc.integer({ min: 0, max: 0xffffffff });

const packets: fc.Arbitrary<ControlPacket> = fc.record({
  diagnostic: fc.integer({ min: 0, max: 31 }),
  state: fc.constantFrom(...Object.values(BfdState)),
  poll: fc.boolean(),
  final: fc.boolean(),
  controlPlaneIndependent: fc.boolean(),
  demand: fc.boolean(),
  detectMultiplier: fc.integer({ min: 1, max: 255 }),
  myDiscriminator: fc.integer({ min: 1, max: 0xffffffff }),
  yourDiscriminator: fc.integer({ min: 1, max: 0xffffffff }),
  desiredMinTx: number32,
  requiredMinRx: number32,
  requiredMinEchoRx: number32,
});

describe('BFD control packets', () => {
  test('what is encoded is decoded', () => {
    fc.assert(
      fc.property(packets, fc.uint8Array({ maxLength: 8 }), (packet, rest) => {
        const bytes = encodeControlPacket(packet);
        expect(decodeControlPacket(Uint8Array.of(...bytes, ...rest))).toEqual({ ok: true, packet });
      }),
    );
  });

  test('any bytes give a packet that encodes to them, or a reason', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, likely) => {
        if (likely)
          bytes.set([0x20 | ((bytes[0] ?? 0) & 31), (bytes[1] ?? 0) & 0xfa, 3, 24].slice(0, bytes.length));
        const decoded = decodeControlPacket(bytes);
        if (!decoded.ok) {
          expect(decoded.reason).not.toBe('');
          return;
        }
        const known = bytes.slice(0, CONTROL_PACKET_SIZE);
        // The length is that of the packet without what follows.
        known[3] = CONTROL_PACKET_SIZE;
        expect(encodeControlPacket(decoded.packet)).toEqual(known);
      }),
      { numRuns: 2000 },
    );
  });

  test('a valid packet with one octet changed gives a packet or a reason', () => {
    fc.assert(
      fc.property(
        packets,
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 255 }),
        (packet, at, value) => {
          const bytes = encodeControlPacket(packet);
          bytes[at] = value;
          const decoded = decodeControlPacket(bytes);
          if (decoded.ok) expect(decoded.packet.detectMultiplier).toBeGreaterThan(0);
          else expect(decoded.reason).not.toBe('');
        },
      ),
    );
  });
});
