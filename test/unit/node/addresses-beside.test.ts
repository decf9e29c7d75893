import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../../net/address.ts';
import { addressesOnDeviceOf } from '../../../src/node/addresses-beside.ts';
import { configured, link } from '../dataplane/states.ts';

describe('other addresses of a device', () => {
  const linkLocal = parseAddress('fe80::1');
  const state = {
    router: {
      links: [
        link('eth1', 1, { addresses: [configured('fe80::1/64'), configured('2001:db8:1::1/64')] }),
        link('eth2', 2, {
          addresses: [
            configured('fe80::1/64'),
            configured('2001:db8:2::1/64'),
            configured('192.0.2.1/24', { unusable: true }),
          ],
        }),
      ],
    },
    host: { links: [] },
    sysctls: new Map(),
    unreachableDefaults: [],
  };

  it.each([
    ['eth1', ['2001:db8:1::1']],
    ['eth2', ['2001:db8:2::1']],
    ['eth3', []],
  ])('that has the link-local address of others too: %s', (device, expected) => {
    expect(linkLocal && addressesOnDeviceOf(state, linkLocal, device).map(formatAddress)).toEqual(expected);
  });
});
