import type { WireContext } from '../../../../bgp/wire/context.ts';

/** What a session with an external peer agrees on that has four-octet AS numbers and no more. */
export const EBGP_CONTEXT: WireContext = {
  fourOctetAs: true,
  addPath: () => false,
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ebgp',
};
