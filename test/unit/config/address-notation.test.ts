import { describe, expect, test } from 'vitest';
import { formatAddress } from '../../../net/address.ts';
import { formatPrefix } from '../../../net/prefix.ts';
import { readAddress, readPrefix } from '../../../src/config/address-notation.ts';

describe('addresses', () => {
  test.each([
    ['192.168.11.2', '192.168.11.2'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['2001:DB8:0::1', '2001:db8::1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s', (text, canonical) => {
    const address = readAddress(text);
    expect(address && formatAddress(address)).toBe(canonical);
    expect(readPrefix(text)).toBeUndefined();
  });

  test.each([
    '',
    '192.168.11',
    '192.168.11.256',
    '010.0.0.1',
    '0x0a.0.0.1',
    ' 10.0.0.1',
    '10.0.0.1\n',
    '10.0.0.0/8',
    'fe80::1%eth0',
    '[::1]',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7:8:9',
    '::ffff:192.0.2',
  ])('%j is none', (text) => {
    expect(readAddress(text)).toBeUndefined();
  });
});

describe('networks', () => {
  test.each([
    ['192.169.10.7/24', '192.169.10.7/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:db8:169:10::/64', '2001:db8:169:10::/64'],
    ['::ffff:10.0.0.0/128', '::ffff:10.0.0.0/128'],
  ])('%s', (text, canonical) => {
    const prefix = readPrefix(text);
    expect(prefix && formatPrefix(prefix)).toBe(canonical);
    expect(readAddress(text)).toBeUndefined();
  });

  test.each([
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '2001:db8::/064',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '/24',
    '2001:db8::/129',
    'fe80::%eth0/64',
    'fe80::/64%eth0',
  ])('%j is none', (text) => {
    expect(readPrefix(text)).toBeUndefined();
  });
});
