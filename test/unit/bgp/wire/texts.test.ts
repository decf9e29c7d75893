import { describe, expect, it } from 'vitest';
import { formatAsPath } from '../../../../bgp/wire/as-path.ts';
import { wellKnownCommunity } from '../../../../bgp/wire/communities.ts';
import { formatExtendedCommunity } from '../../../../bgp/wire/extended-communities.ts';
import { decodeNlri } from '../../../../bgp/wire/nlri.ts';
import { formatRouteDistinguisher } from '../../../../bgp/wire/route-distinguisher.ts';
import { hex } from './message-bytes.ts';

describe('texts', () => {
  it.each([
    ['0002fde800000064', 'rt:65000:100'],
    ['0102c00002010064', 'rt:192.0.2.1:100'],
    ['02020001e2400064', 'rt:123456:100'],
    ['0003fde800000064', 'soo:65000:100'],
    ['030c000000000008', 'encap:vxlan'],
    ['030c00000000000a', 'encap:mpls'],
    ['030c0000000000ff', 'encap:255'],
    ['030b000000000064', 'color:100'],
    ['030d000000000000', 'default-gateway'],
    ['0600000000000007', 'mac-mobility:7'],
    ['0600010000000007', 'mac-mobility:7:sticky'],
    ['0601000000000640', 'esi-label:100'],
    ['0601010000000640', 'esi-label:100:single-active'],
    ['0602aabbcc000001', 'es-import:aa:bb:cc:00:00:01'],
    ['0603aabbcc000001', 'router-mac:aa:bb:cc:00:00:01'],
    ['4004fde849742400', 'raw:4004fde849742400'],
  ])('extended community %s is %s', (raw, text) => {
    expect(formatExtendedCommunity(hex(raw), 0)).toBe(text);
  });

  it.each([
    ['0000fde800000064', '65000:100'],
    ['0001c00002010064', '192.0.2.1:100'],
    ['00020001e2400064', '123456:100'],
    ['0003000000000000', 'raw:0003000000000000'],
  ])('route distinguisher %s is %s', (raw, text) => {
    expect(formatRouteDistinguisher(hex(raw))).toBe(text);
  });

  it('AS paths show what their segments are', () => {
    const path = [
      { type: 3, asns: [1, 2] },
      { type: 4, asns: [3, 4] },
      { type: 2, asns: [5, 6] },
      { type: 1, asns: [7, 8] },
    ];
    expect(formatAsPath(path)).toBe('(1 2) [3,4] 5 6 {7,8}');
    expect(formatAsPath([])).toBe('');
  });

  it('well-known communities have names', () => {
    expect(wellKnownCommunity(0xffffff01)).toBe('no-export');
    expect(wellKnownCommunity(0xfde80001)).toBeUndefined();
  });
});

describe('labelled routes (RFC 8277)', () => {
  it('have a stack of labels up to the bottom-of-stack bit', () => {
    const bytes = hex('38 000640 000651 0a');
    expect(decodeNlri(0x0104, bytes, 0, bytes.length, false, 'announced').routes).toMatchObject([
      { labels: [100, 101], prefix: { length: 8 } },
    ]);
  });

  it('have one label where no bit says where the stack ends', () => {
    const bytes = hex('20 000640 0a');
    expect(decodeNlri(0x0104, bytes, 0, bytes.length, false, 'announced').routes).toMatchObject([
      { labels: [100], prefix: { length: 8 } },
    ]);
  });

  it('have no labels when they are withdrawn, whatever stands there', () => {
    for (const field of ['800000', '000000', '000651']) {
      const bytes = hex(`20 ${field} 0a`);
      expect(decodeNlri(0x0104, bytes, 0, bytes.length, false, 'withdrawn').routes).toMatchObject([
        { labels: [], prefix: { length: 8 } },
      ]);
    }
  });

  it('are an error when they are too short for a label', () => {
    const bytes = hex('10 0006');
    expect(decodeNlri(0x0104, bytes, 0, bytes.length, false, 'announced').error?.offset).toBe(0);
  });
});
