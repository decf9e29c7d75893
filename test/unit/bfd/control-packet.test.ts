import { describe, expect, test } from 'vitest';
import {
  BfdState,
  decodeControlPacket,
  diagnosticText,
  encodeControlPacket,
} from '../../../bfd/control-packet.ts';

/** As FRR 8.4 sends it: up, poll, three times 300 ms. */
const UP = '20e0 0318 0000 0a01 0000 0b02 0004 93e0 0004 93e0 0000 c350'.replaceAll(' ', '');

function octets(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** {@link UP} with one octet changed. */
function changed(at: number, value: number): Uint8Array {
  const bytes = octets(UP);
  bytes[at] = value;
  return bytes;
}

describe('a BFD control packet', () => {
  test('is decoded', () => {
    const decoded = decodeControlPacket(octets(UP));
    expect(decoded).toEqual({
      ok: true,
      packet: {
        diagnostic: 0,
        state: BfdState.up,
        poll: true,
        final: false,
        controlPlaneIndependent: false,
        demand: false,
        detectMultiplier: 3,
        myDiscriminator: 0x0a01,
        yourDiscriminator: 0x0b02,
        desiredMinTx: 300_000,
        requiredMinRx: 300_000,
        requiredMinEchoRx: 50_000,
      },
    });
    if (decoded.ok) expect(Buffer.from(encodeControlPacket(decoded.packet)).toString('hex')).toBe(UP);
  });

  test.each([
    ['23 octets are too few', octets(UP.slice(0, -2))],
    ['version 2', changed(0, 0x40)],
    ['length 23 in 24 octets', changed(3, 23)],
    ['length 25 in 24 octets', changed(3, 25)],
    ['authentication is not in use', changed(1, 0xc4)],
    ['the multipoint bit is set', changed(1, 0xc1)],
    ['detect multiplier 0', changed(2, 0)],
  ])('is discarded: %s', (reason, bytes) => {
    expect(decodeControlPacket(bytes)).toEqual({ ok: false, reason });
  });

  test('is discarded without discriminators that fit its state', () => {
    const withoutMine = octets(UP).fill(0, 4, 8);
    expect(decodeControlPacket(withoutMine)).toEqual({ ok: false, reason: 'discriminator 0' });
    const withoutYours = octets(UP).fill(0, 8, 12);
    expect(decodeControlPacket(withoutYours)).toMatchObject({ ok: false });
    for (const [state, ok] of [
      [BfdState.down, true],
      [BfdState.adminDown, true],
      [BfdState.init, false],
    ] as const) {
      withoutYours[1] = state << 6;
      expect(decodeControlPacket(withoutYours)).toMatchObject({ ok });
    }
  });

  test('diagnostics have words', () => {
    expect(diagnosticText(1)).toBe('control detection time expired');
    expect(diagnosticText(31)).toBe('diagnostic 31');
  });
});
