import { describe, expect, it } from 'vitest';
import type { WireContext } from '../../../../bgp/wire/context.ts';
import type { DecodedUpdate } from '../../../../bgp/wire/update.ts';
import {
  AS_PATH,
  attribute,
  decode,
  hex,
  MANDATORY,
  MP_REACH,
  message,
  NEXT_HOP,
  NLRI,
  ORIGIN,
  update,
} from './message-bytes.ts';

/** An UPDATE with one IPv4 route and, besides the mandatory attributes, the given ones. */
function withAttribute(added: string, context: Partial<WireContext> = {}): DecodedUpdate {
  return decode(update({ attributes: MANDATORY + added, nlri: NLRI }), context);
}

function announces(decoded: DecodedUpdate): number {
  return decoded.announced.flatMap(({ routes }) => routes).length;
}

const INTERNAL = { peerType: 'ibgp' } as const;

describe('RFC 7606 §3: the message as a whole', () => {
  it('a plain UPDATE is fine', () => {
    const decoded = withAttribute('');
    expect(decoded.outcome).toBe('ok');
    expect(decoded.errors).toEqual([]);
    expect(announces(decoded)).toBe(1);
  });

  it.each([
    ['withdrawn routes longer than the message', 'ffff 0000'],
    ['path attributes longer than the message', '0000 ffff'],
    ['withdrawn routes that leave no room for the attributes length', '0002 0800 00'],
  ])('b: %s reset the session with 3/1', (_name, body) => {
    const decoded = decode(message(2, hex(body)));
    expect(decoded.outcome).toBe('session-reset');
    expect(decoded.errors[0]).toMatchObject({ code: 3, subcode: 1, data: hex('') });
  });

  it.each([
    ['ORIGIN', attribute(0xc0, 1, '00') + AS_PATH + NEXT_HOP],
    ['AS_PATH', `${ORIGIN}${attribute(0x80, 2, '0201 0000fde9')}${NEXT_HOP}`],
    ['NEXT_HOP', `${ORIGIN}${AS_PATH}${attribute(0xc0, 3, 'c0000201')}`],
    ['MULTI_EXIT_DISC', MANDATORY + attribute(0xc0, 4, '00000001')],
    ['ATOMIC_AGGREGATE', MANDATORY + attribute(0xc0, 6, '')],
    ['COMMUNITIES', MANDATORY + attribute(0x80, 8, 'ffff0001')],
    ['EXTENDED_COMMUNITIES', MANDATORY + attribute(0x80, 16, '0002fde900000001')],
    ['LARGE_COMMUNITIES', MANDATORY + attribute(0x80, 32, '0000fde90000000100000002')],
    ['MP_REACH_NLRI', MANDATORY + MP_REACH.replace(/^80/, 'c0')],
  ])('c: wrong flags of %s withdraw the routes', (_name, attributes) => {
    const decoded = decode(update({ attributes, nlri: NLRI }));
    expect(decoded.outcome).toBe('treat-as-withdraw');
    expect(decoded.errors[0]).toMatchObject({ code: 3, subcode: 4 });
  });

  it('c: the Partial bit is not looked at', () => {
    const partial = MANDATORY + attribute(0xe0, 8, 'ffff0001');
    expect(decode(update({ attributes: partial, nlri: NLRI })).outcome).toBe('ok');
  });

  it.each([
    ['ORIGIN', 1, AS_PATH + NEXT_HOP],
    ['AS_PATH', 2, ORIGIN + NEXT_HOP],
    ['NEXT_HOP', 3, ORIGIN + AS_PATH],
  ])('d: a missing %s withdraws the routes, with its code as data', (_name, code, attributes) => {
    const decoded = decode(update({ attributes, nlri: NLRI }));
    expect(decoded.outcome).toBe('treat-as-withdraw');
    expect(decoded.errors).toMatchObject([{ code: 3, subcode: 3, data: Uint8Array.of(code) }]);
  });

  it('d: BGPsec_PATH takes the place of AS_PATH only where BGPsec was agreed (RFC 8205 §3)', () => {
    const attributes = ORIGIN + NEXT_HOP + attribute(0x80, 33, '00080100000000fde9');
    const bytes = update({ attributes, nlri: NLRI });
    expect(decode(bytes).outcome).toBe('treat-as-withdraw');
    expect(decode(bytes, { bgpsec: true }).outcome).toBe('ok');
  });

  it('d: NEXT_HOP is not missed beside MP_REACH_NLRI alone', () => {
    expect(decode(update({ attributes: ORIGIN + AS_PATH + MP_REACH })).outcome).toBe('ok');
    expect(decode(update({ attributes: AS_PATH + MP_REACH })).outcome).toBe('treat-as-withdraw');
  });

  it.each([
    ['MP_REACH_NLRI', MANDATORY + MP_REACH + MP_REACH],
    ['MP_UNREACH_NLRI', attribute(0x80, 15, '000201') + attribute(0x80, 15, '000201')],
  ])('g: %s twice resets the session with 3/1', (_name, attributes) => {
    const decoded = decode(update({ attributes }));
    expect(decoded.outcome).toBe('session-reset');
    expect(decoded.errors[0]).toMatchObject({ code: 3, subcode: 1 });
  });

  it('g: of any other attribute the first one counts', () => {
    const decoded = withAttribute(attribute(0x80, 4, '00000001') + attribute(0x80, 4, '00000002'));
    expect(decoded.outcome).toBe('attribute-discard');
    expect(decoded.attributes.med).toBe(1);
    expect(decoded.attributeCodes).toEqual([1, 2, 3, 4]);
    expect(decoded.errors).toMatchObject([{ attribute: 4 }]);
  });

  it('g: of an unrecognized attribute too', () => {
    const decoded = withAttribute(attribute(0xc0, 200, '01') + attribute(0xc0, 200, '02'));
    expect(decoded.outcome).toBe('attribute-discard');
    expect(decoded.attributes.unknown).toEqual([{ code: 200, flags: 0xc0, value: Uint8Array.of(1) }]);
  });

  it('h: the strongest of several errors decides', () => {
    const decoded = withAttribute(attribute(0x40, 6, '00') + attribute(0x80, 4, '00'));
    expect(decoded.errors.map(({ errorClass }) => errorClass)).toEqual([
      'attribute-discard',
      'treat-as-withdraw',
    ]);
    expect(decoded.outcome).toBe('treat-as-withdraw');
  });

  it('i, j: withdrawn routes and NLRI with a prefix too long or cut off reset the session with 3/10', () => {
    for (const routes of ['21 0a000000 00', '18 0a00']) {
      const withdrawn = decode(update({ withdrawn: routes }));
      const announced = decode(update({ attributes: MANDATORY, nlri: routes }));
      for (const decoded of [withdrawn, announced]) {
        expect(decoded.outcome).toBe('session-reset');
        expect(decoded.errors).toMatchObject([{ code: 3, subcode: 10 }]);
      }
    }
  });

  it('an unrecognized well-known attribute resets the session with 3/2 and the attribute (RFC 4271 §6.3)', () => {
    const decoded = withAttribute(attribute(0x40, 200, '0102'));
    expect(decoded.outcome).toBe('session-reset');
    expect(decoded.errors[0]).toMatchObject({ code: 3, subcode: 2, data: hex('40c8020102') });
  });
});

describe('RFC 7606 §4: attribute lengths', () => {
  it.each([
    ['an attribute longer than the attributes', `${MANDATORY}c008ff`],
    ['two octets left over', `${MANDATORY}c008`],
    ['three octets left over of an extended length', `${MANDATORY}d00800`],
  ])('%s withdraw the routes', (_name, attributes) => {
    const decoded = decode(update({ attributes, nlri: NLRI }));
    expect(decoded.outcome).toBe('treat-as-withdraw');
    expect(announces(decoded)).toBe(1);
  });

  it('a cut off MP_REACH_NLRI resets the session, for its routes are not known', () => {
    const decoded = decode(update({ attributes: `${MANDATORY}800eff`, nlri: NLRI }));
    expect(decoded.outcome).toBe('session-reset');
  });

  it('extended lengths are understood', () => {
    const decoded = withAttribute('d0080004fde90001');
    expect(decoded.outcome).toBe('ok');
    expect(decoded.attributes.communities).toEqual([0xfde90001]);
  });
});

describe('RFC 7606 §5: routes', () => {
  it('§5.2: an error that would withdraw resets the session when there is no route', () => {
    expect(decode(update({ attributes: attribute(0x40, 1, '07') })).outcome).toBe('session-reset');
    const unreach = attribute(0x80, 15, '000201 20 20010db8') + attribute(0x40, 1, '07');
    expect(decode(update({ attributes: unreach })).outcome).toBe('session-reset');
  });

  it('§5.2: wrong flags of an MP_UNREACH_NLRI that stands alone withdraw what it withdraws', () => {
    expect(decode(update({ attributes: attribute(0xc0, 15, '000201 20 20010db8') })).outcome).toBe(
      'treat-as-withdraw',
    );
  });

  it('§5.2: a discarded attribute does not', () => {
    expect(decode(update({ attributes: attribute(0x40, 6, '00') })).outcome).toBe('attribute-discard');
  });

  it.each([
    ['MP_REACH_NLRI with a prefix too long', '000201 10 20010db8000000000000000000000001 00 ff'],
    ['MP_REACH_NLRI with a prefix cut off', '000201 10 20010db8000000000000000000000001 00 20 2001'],
    ['MP_REACH_NLRI with a next hop of nine octets (§7.11)', '000201 09 20010db80000000000 00 20 20010db8'],
    ['MP_REACH_NLRI with a next hop cut off', '000201 40 20010db8000000000000000000000001 00'],
    ['EVPN with a route cut off', '001946 04 c0000201 00 05 22 00'],
    ['EVPN with a known type of a wrong length', '001946 04 c0000201 00 03 04 00000000'],
  ])('§5.3: %s disables its family', (_name, value) => {
    const decoded = decode(update({ attributes: ORIGIN + AS_PATH + attribute(0x80, 14, value) }));
    expect(decoded.outcome).toBe('afi-safi-disable');
    expect(decoded.errors[0]).toMatchObject({
      code: 3,
      subcode: 9,
      family: Number.parseInt(value.slice(2, 6), 16),
    });
  });

  it('§5.3: MP_UNREACH_NLRI too', () => {
    const decoded = decode(update({ attributes: attribute(0x80, 15, '000201 40 20010db8') }));
    expect(decoded.outcome).toBe('afi-safi-disable');
  });

  it('an MP attribute without a whole AFI and SAFI resets the session', () => {
    expect(decode(update({ attributes: attribute(0x80, 15, '0002') })).outcome).toBe('session-reset');
    expect(decode(update({ attributes: attribute(0x80, 14, '0002') })).outcome).toBe('session-reset');
  });

  it('§5.4: EVPN route types that are not known are carried along and are no error', () => {
    const value = '001946 04 c0000201 00 0c 03 010203';
    const decoded = decode(update({ attributes: ORIGIN + AS_PATH + attribute(0x80, 14, value) }));
    expect(decoded.outcome).toBe('ok');
    expect(decoded.announced[0]?.routes).toMatchObject([{ kind: 'evpn-unknown', routeType: 12 }]);
  });

  it('RFC 9136 §3.2: an IP Prefix route with a segment and a gateway is withdrawn', () => {
    const prefix = '05 22 0001c00002010002 00112233445566778899 00000000 18 0a000000 c0000201 000064';
    const value = `001946 04 c0000201 00 ${prefix}`;
    const decoded = decode(update({ attributes: ORIGIN + AS_PATH + attribute(0x80, 14, value) }));
    expect(decoded.outcome).toBe('treat-as-withdraw');
  });

  it('RFC 8950: IPv4 routes have IPv6 next hops only where that was agreed', () => {
    const value = '000101 10 20010db8000000000000000000000001 00 080a';
    const bytes = update({ attributes: ORIGIN + AS_PATH + attribute(0x80, 14, value) });
    expect(decode(bytes).outcome).toBe('afi-safi-disable');
    expect(decode(bytes, { extendedNextHop: true }).outcome).toBe('ok');
  });
});

describe('RFC 7606 §7: each attribute', () => {
  it.each([
    ['§7.1 ORIGIN of no octet', attribute(0x40, 1, '') + AS_PATH + NEXT_HOP, 5],
    ['§7.1 ORIGIN of two octets', attribute(0x40, 1, '0000') + AS_PATH + NEXT_HOP, 5],
    ['§7.1 ORIGIN 3', attribute(0x40, 1, '03') + AS_PATH + NEXT_HOP, 6],
    ['§7.2 AS_PATH with segment type 0', `${ORIGIN}${attribute(0x40, 2, '00010000fde9')}${NEXT_HOP}`, 11],
    ['§7.2 AS_PATH with segment type 5', `${ORIGIN}${attribute(0x40, 2, '05010000fde9')}${NEXT_HOP}`, 11],
    ['§7.2 AS_PATH with an empty segment', `${ORIGIN}${attribute(0x40, 2, '0200')}${NEXT_HOP}`, 11],
    ['§7.2 AS_PATH with a long segment', `${ORIGIN}${attribute(0x40, 2, '02ff0000fde9')}${NEXT_HOP}`, 11],
    ['§7.2 AS_PATH with an octet left', `${ORIGIN}${attribute(0x40, 2, '02010000fde902')}${NEXT_HOP}`, 11],
    ['RFC 7607 AS_PATH with AS 0', `${ORIGIN}${attribute(0x40, 2, '020100000000')}${NEXT_HOP}`, 11],
    ['§7.3 NEXT_HOP of three octets', `${ORIGIN}${AS_PATH}${attribute(0x40, 3, 'c00002')}`, 5],
    ['§7.3 NEXT_HOP 0.0.0.0', `${ORIGIN}${AS_PATH}${attribute(0x40, 3, '00000000')}`, 8],
    ['§7.3 NEXT_HOP 224.0.0.1', `${ORIGIN}${AS_PATH}${attribute(0x40, 3, 'e0000001')}`, 8],
    ['§7.4 MULTI_EXIT_DISC of five octets', MANDATORY + attribute(0x80, 4, '0000000001'), 5],
    ['§7.8 COMMUNITIES of no octet', MANDATORY + attribute(0xc0, 8, ''), 5],
    ['§7.8 COMMUNITIES of five octets', MANDATORY + attribute(0xc0, 8, 'ffff000100'), 5],
    ['§7.14 EXTENDED_COMMUNITIES of nine octets', MANDATORY + attribute(0xc0, 16, '0002fde90000000100'), 5],
    ['§7.15 IPV6_EXTENDED_COMMUNITIES of no octet', MANDATORY + attribute(0xc0, 25, ''), 5],
    ['RFC 8092 §6 LARGE_COMMUNITIES of 13 octets', MANDATORY + attribute(0xc0, 32, '00'.repeat(13)), 5],
    ['RFC 6514 §5 PMSI_TUNNEL of four octets', MANDATORY + attribute(0xc0, 22, '00060000'), 5],
    ['RFC 6514 §5 PMSI_TUNNEL to five octets', MANDATORY + attribute(0xc0, 22, '0006000064c000020100'), 9],
    ['RFC 9012 §13 tunnel TLV too long', MANDATORY + attribute(0xc0, 23, '0008000401'), 9],
    ['RFC 9012 §13 sub-TLV too long', MANDATORY + attribute(0xc0, 23, '0008000206ff'), 9],
    ['RFC 9234 §5 ONLY_TO_CUSTOMER of three octets', MANDATORY + attribute(0xc0, 35, '0000fd'), 5],
  ])('%s withdraws the routes', (_name, attributes, subcode) => {
    const decoded = decode(update({ attributes, nlri: NLRI }));
    expect(decoded.outcome).toBe('treat-as-withdraw');
    expect(decoded.errors).toMatchObject([{ code: 3, subcode, errorClass: 'treat-as-withdraw' }]);
    expect(announces(decoded)).toBe(1);
  });

  it('RFC 5065 §5: confederation segments from outside the confederation withdraw the routes', () => {
    const attributes = ORIGIN + attribute(0x40, 2, '0301 0000fde9') + NEXT_HOP;
    const bytes = update({ attributes, nlri: NLRI });
    expect(decode(bytes).outcome).toBe('treat-as-withdraw');
    expect(decode(bytes, { confederation: true }).outcome).toBe('ok');
    expect(decode(bytes, INTERNAL).outcome).toBe('ok');
  });

  it.each([
    ['§7.6 ATOMIC_AGGREGATE of one octet', attribute(0x40, 6, '00'), 6],
    ['§7.7 AGGREGATOR of six octets', attribute(0xc0, 7, 'fde9c0000201'), 7],
    ['§7.7 AGGREGATOR of nine octets', attribute(0xc0, 7, '0000fde9c000020100'), 7],
    ['RFC 7607 AGGREGATOR with AS 0', attribute(0xc0, 7, '00000000c0000201'), 7],
    ['§7.5 LOCAL_PREF from outside', attribute(0x40, 5, '00000064'), 5],
    ['§7.9 ORIGINATOR_ID from outside', attribute(0x80, 9, '0a0000'), 9],
    ['§7.10 CLUSTER_LIST from outside', attribute(0x80, 10, ''), 10],
    ['RFC 6793 §4.1 AS4_PATH from a 4-octet speaker', attribute(0xc0, 17, '0201 0001e240'), 17],
    ['RFC 6793 §4.1 AS4_AGGREGATOR from a 4-octet speaker', attribute(0xc0, 18, '0001e240c0000201'), 18],
    ['RFC 7311 AIGP with a TLV cut off', attribute(0x80, 26, '01000b00'), 26],
    ['RFC 7311 AIGP with a wrong TLV length', attribute(0x80, 26, '010005000000'), 26],
    ['RFC 7311 AIGP with the Transitive bit', attribute(0xc0, 26, '01000b0000000000000001'), 26],
  ])('%s is discarded and the routes stay', (_name, added, code) => {
    const decoded = withAttribute(added);
    expect(decoded.outcome).toBe('attribute-discard');
    expect(decoded.errors).toMatchObject([{ attribute: code }]);
    expect(announces(decoded)).toBe(1);
  });

  it.each([
    ['§7.5 LOCAL_PREF', attribute(0x40, 5, '000064')],
    ['§7.9 ORIGINATOR_ID', attribute(0x80, 9, '0a0000')],
    ['§7.10 CLUSTER_LIST', attribute(0x80, 10, '0a00000200')],
  ])('%s with a wrong length from inside withdraws the routes', (_name, added) => {
    expect(withAttribute(added, INTERNAL).outcome).toBe('treat-as-withdraw');
  });

  it('attributes for internal peers are taken from them', () => {
    const added =
      attribute(0x40, 5, '00000064') + attribute(0x80, 9, '0a000001') + attribute(0x80, 10, '0a000002');
    const { outcome, attributes } = withAttribute(added, INTERNAL);
    expect(outcome).toBe('ok');
    expect(attributes).toMatchObject({
      localPref: 100,
      originatorId: 0x0a000001,
      clusterList: [0x0a000002],
    });
  });

  it('the data of a length error is the whole attribute', () => {
    const decoded = withAttribute(attribute(0x80, 4, '0000000001'));
    expect(decoded.errors[0]?.data).toEqual(hex('8004050000000001'));
  });
});

describe('RFC 6793: sessions with 2-octet AS numbers', () => {
  const OLD = { fourOctetAs: false } as const;
  /** 23456 65001 as two octets each. */
  const path = attribute(0x40, 2, '0202 5ba0 fde9');

  it.each([
    ['the path is put together', attribute(0xc0, 17, '0201 0001e240'), [23456, 123456]],
    ['a longer AS4_PATH is ignored', attribute(0xc0, 17, '0203 0001e240 0001e241 0001e242'), [23456, 65001]],
  ])('%s', (_name, as4Path, asns) => {
    const decoded = decode(update({ attributes: ORIGIN + path + NEXT_HOP + as4Path, nlri: NLRI }), OLD);
    expect(decoded.outcome).toBe('ok');
    expect(decoded.attributes.asPath).toEqual([{ type: 2, asns }]);
    expect(decoded.wireAsPath).toEqual([{ type: 2, asns: [23456, 65001] }]);
  });

  it('AS4_PATH is ignored when AGGREGATOR has a real number', () => {
    const added = attribute(0xc0, 17, '0202 0001e240 0001e241') + attribute(0xc0, 18, '0001e240c0000201');
    const with2Octets = (asn: string): DecodedUpdate =>
      decode(
        update({
          attributes: ORIGIN + path + NEXT_HOP + attribute(0xc0, 7, `${asn} c0000201`) + added,
          nlri: NLRI,
        }),
        OLD,
      );
    expect(with2Octets('fde9').attributes).toMatchObject({
      aggregator: { asn: 65001 },
      asPath: [{ type: 2, asns: [23456, 65001] }],
    });
    expect(with2Octets('5ba0').attributes).toMatchObject({
      aggregator: { asn: 123456 },
      asPath: [{ type: 2, asns: [123456, 123457] }],
    });
  });

  it.each([
    ['too short', '02010000'],
    ['with an unknown segment type', '05010001e240'],
    ['with a segment too long', '02050001e240'],
  ])('an AS4_PATH %s is discarded', (_name, value) => {
    const attributes = ORIGIN + path + NEXT_HOP + attribute(0xc0, 17, value);
    expect(decode(update({ attributes, nlri: NLRI }), OLD).outcome).toBe('attribute-discard');
  });
});
