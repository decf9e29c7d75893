import { describe, expect, it } from 'vitest';
import { checkHeader, encodeKeepalive, NEED_MORE } from '../../../../bgp/wire/message-header.ts';
import {
  decodeNotification,
  encodeNotification,
  encodeShutdownCommunication,
  notificationText,
} from '../../../../bgp/wire/notification.ts';
import { decodeOpen, encodeOpen } from '../../../../bgp/wire/open.ts';
import { decodeRouteRefresh } from '../../../../bgp/wire/route-refresh.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import { hex, message } from './message-bytes.ts';

const MARKER = 'ff'.repeat(16);

function header(rest: string, maximum = 4096): unknown {
  const bytes = hex(MARKER + rest);
  return checkHeader(bytes, 0, bytes.length, maximum);
}

describe('message header (RFC 4271 §6.1)', () => {
  it('waits for nineteen octets', () => {
    const bytes = hex(`${MARKER}0013`);
    expect(checkHeader(bytes, 0, bytes.length, 4096)).toBe(NEED_MORE);
  });

  it('gives the length of the message, of which more may be to come', () => {
    expect(header('1000 02')).toBe(4096);
  });

  it('refuses a marker that is not all ones with 1/1', () => {
    const bytes = hex(`${'ff'.repeat(15)}fe001304`);
    expect(checkHeader(bytes, 0, bytes.length, 4096)).toMatchObject({ code: 1, subcode: 1 });
  });

  it.each([
    ['below 19', '0012 04'],
    ['above the maximum', '1001 02'],
    ['of a KEEPALIVE with content', '0014 04'],
    ['of an OPEN below 29', '001c 01'],
    ['of an UPDATE below 23', '0016 02'],
    ['of a NOTIFICATION below 21', '0014 03'],
  ])('refuses a length %s with 1/2 and the length as data', (_name, rest) => {
    expect(header(rest)).toMatchObject({ code: 1, subcode: 2, data: hex(rest.slice(0, 4)) });
  });

  it('takes extended messages where they were agreed, but no extended OPEN (RFC 8654 §4)', () => {
    expect(header('ffff 02', 65535)).toBe(65535);
    expect(header('1001 01', 65535)).toMatchObject({ code: 1, subcode: 2 });
  });

  it('refuses an unknown type with 1/3 and the type as data', () => {
    expect(header('0013 09')).toMatchObject({ code: 1, subcode: 3, data: Uint8Array.of(9) });
  });

  it('writes a KEEPALIVE', () => {
    const writer = new ByteWriter();
    encodeKeepalive(writer);
    expect(writer.take()).toEqual(hex(`${MARKER}001304`));
  });
});

describe('OPEN (RFC 4271 §6.2)', () => {
  const open = (body: string): ReturnType<typeof decodeOpen> => {
    const bytes = message(1, hex(body));
    return decodeOpen(bytes, 0, bytes.length);
  };

  it('reads the 4-octet AS number', () => {
    expect(open('04 5ba0 00b4 0a000001 08 0206 4104 0001e240')).toMatchObject({
      ok: true,
      value: { version: 4, myAs: 23456, asn: 123456, holdTime: 180, routerId: 0x0a000001 },
    });
  });

  it.each([
    ['version 3, naming version 4', '03 fde9 00b4 0a000001 00', 1, '0004'],
    ['AS 0', '04 0000 00b4 0a000001 00', 2, ''],
    ['AS 0 in the capability', '04 fde9 00b4 0a000001 08 0206 4104 00000000', 2, ''],
    ['identifier 0.0.0.0', '04 fde9 00b4 00000000 00', 3, ''],
    ['an optional parameter that is not Capabilities', '04 fde9 00b4 0a000001 03 0101 00', 4, ''],
    ['a hold time of one second', '04 fde9 0001 0a000001 00', 6, ''],
    ['a hold time of two seconds', '04 fde9 0002 0a000001 00', 6, ''],
    ['parameters longer than the message', '04 fde9 00b4 0a000001 08 0206', 0, ''],
    ['a parameter longer than the parameters', '04 fde9 00b4 0a000001 02 0206', 0, ''],
    ['a capability longer than its parameter', '04 fde9 00b4 0a000001 04 0202 0104', 0, ''],
    ['a multiprotocol capability of three octets', '04 fde9 00b4 0a000001 07 0205 0103 000101', 0, ''],
  ])('refuses %s', (_name, body, subcode, data) => {
    expect(open(body)).toMatchObject({ ok: false, error: { code: 2, subcode, data: hex(data) } });
  });

  it('keeps a capability that makes no sense, but not as what it claims to be', () => {
    const decoded = open('04 fde9 00b4 0a000001 08 0206 4504 00010107');
    expect(decoded).toMatchObject({ ok: true, value: { capabilities: [{ kind: 'other', code: 69 }] } });
  });

  it('reads extended optional parameters (RFC 9072)', () => {
    const decoded = open('04 fde9 00b4 0a000001 ff ff 0009 02 0006 0104 00010001');
    expect(decoded).toMatchObject({ ok: true, value: { capabilities: [{ family: 0x0101 }] } });
  });

  it('writes them when the capabilities need more than 253 octets', () => {
    const capabilities = Array.from(
      { length: 50 },
      () => ({ kind: 'multiprotocol', family: 0x0101 }) as const,
    );
    const sent = { version: 4, myAs: 65001, asn: 65001, holdTime: 9, routerId: 1, capabilities };
    const writer = new ByteWriter();
    encodeOpen(writer, sent);
    const bytes = writer.take();
    expect([...bytes.subarray(28, 30)]).toEqual([255, 255]);
    expect(decodeOpen(bytes, 0, bytes.length)).toEqual({ ok: true, value: sent });
  });
});

describe('NOTIFICATION', () => {
  it('comes back as it was sent', () => {
    const notification = { code: 6, subcode: 2, data: encodeShutdownCommunication('maintenance') };
    const writer = new ByteWriter();
    encodeNotification(writer, notification);
    const bytes = writer.take();
    expect(decodeNotification(bytes, 0, bytes.length)).toEqual({ ok: true, value: notification });
  });

  it.each([
    [4, 0, '', 'Hold Timer Expired'],
    [1, 2, '1001', 'Message Header Error/Bad Message Length: length 4097'],
    [2, 1, '0004', 'OPEN Message Error/Unsupported Version Number: the peer supports up to version 4'],
    [3, 5, '80040100', 'UPDATE Message Error/Attribute Length Error: MULTI_EXIT_DISC'],
    [3, 3, '02', 'UPDATE Message Error/Missing Well-known Attribute: AS_PATH'],
    [5, 1, '', 'Finite State Machine Error/Unexpected Message in OpenSent'],
    [6, 1, '000101000003e8', 'Cease/Maximum Number of Prefixes Reached: ipv4-unicast, limit 1000'],
    [6, 2, '0b6d61696e74656e616e6365', 'Cease/Administrative Shutdown: maintenance'],
    [6, 9, '06020568656c6c6f', 'Cease/Hard Reset: Cease/Administrative Shutdown: hello'],
    [6, 9, '0609060906', 'Cease/Hard Reset: Cease/Hard Reset'],
    [6, 10, '', 'Cease/BFD Down'],
    [6, 99, '', 'Cease/subcode 99'],
    [7, 1, '', 'ROUTE-REFRESH Message Error/Invalid Message Length'],
    [99, 1, '', 'error code 99 subcode 1'],
  ])('%d/%d with data "%s" is "%s"', (code, subcode, data, text) => {
    expect(notificationText(code, subcode, hex(data))).toBe(text);
  });

  it('shows no control characters of a shutdown text, and nothing of one that is cut off', () => {
    expect(notificationText(6, 2, hex('04 61 1b 0a 62'))).toBe(
      'Cease/Administrative Shutdown: a\ufffd\ufffdb',
    );
    expect(notificationText(6, 2, hex('ff 61'))).toBe('Cease/Administrative Shutdown');
  });

  it('cuts a long shutdown text between characters', () => {
    const data = encodeShutdownCommunication('ü'.repeat(200));
    expect(data[0]).toBe(254);
    expect(data).toHaveLength(255);
  });
});

describe('ROUTE-REFRESH', () => {
  it('of a marker with a wrong length is refused with 7/1 and the message (RFC 7313 §5)', () => {
    const bytes = message(5, hex('0001 01 01 00'));
    expect(decodeRouteRefresh(bytes, 0, bytes.length)).toMatchObject({
      ok: false,
      error: { code: 7, subcode: 1, data: bytes },
    });
  });

  it('that is too short is refused with 1/2', () => {
    const bytes = message(5, hex('0001'));
    expect(decodeRouteRefresh(bytes, 0, bytes.length)).toMatchObject({
      ok: false,
      error: { code: 1, subcode: 2 },
    });
  });
});
