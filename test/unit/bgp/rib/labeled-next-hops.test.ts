import { describe, expect, it } from 'vitest';
import { DEFAULT_INSTANCE } from '../../../../bgp/routing-instance.ts';
import { NO_ATTRIBUTES } from '../../../../bgp/wire/attribute-types.ts';
import {
  type Family,
  IPV4_LABELED_UNICAST,
  IPV6_LABELED_UNICAST,
  VPNV4_UNICAST,
} from '../../../../bgp/wire/family.ts';
import type { NlriRoute } from '../../../../bgp/wire/nlri.ts';
import { encodeUpdate } from '../../../../bgp/wire/update.ts';
import { formatAddress } from '../../../../net/address.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import { parsePrefix } from '../../../../net/prefix.ts';
import { EBGP_CONTEXT } from '../wire/contexts.ts';
import { ReceivedRoutes } from './received-routes.ts';
import { addressOf, type FakeSession, SpeakerBench, settingsOf } from './speaker-bench.ts';

const CONTEXT = { ...EBGP_CONTEXT, extendedNextHop: true };

function routeOf(family: Family): NlriRoute {
  const prefix = parsePrefix(family === IPV6_LABELED_UNICAST ? '2001:db8:1::/48' : '10.1.0.0/16');
  if (!prefix) throw new Error('no prefix');
  return family === VPNV4_UNICAST
    ? { kind: 'vpn', family, labels: [100], rd: new Uint8Array(8).fill(1), prefix }
    : { kind: 'labeled', family, labels: [100], prefix };
}

/** Next hops that a neighbor is told of a route that came with this one; `takesIpv6`: it has agreed on RFC 8950. */
function toldWith(family: Family, nextHop: string, takesIpv6: boolean): string[] {
  const bench = new SpeakerBench();
  const instance = bench.speaker.addInstance(DEFAULT_INSTANCE, [family], false);
  for (const peer of ['2001:db8::1', '2001:db8::2']) {
    const settings = { ...settingsOf(peer, 64512, 65000), families: [family] };
    bench.speaker.addPeer({ settings, instance, allowOwnAs: 0 });
  }
  const [source, peer] = bench.sessions as [FakeSession, FakeSession];
  source.up({ extendedNextHop: true, labeledExtendedNextHop: [family] });
  peer.up(takesIpv6 ? { labeledExtendedNextHop: [family] } : {});
  const writer = new ByteWriter();
  const attributes = { ...NO_ATTRIBUTES, origin: 0 as const, asPath: [{ type: 2, asns: [65000] }] };
  const routes = [routeOf(family)];
  encodeUpdate(
    writer,
    { attributes, mpReach: { family, nextHop: { address: addressOf(nextHop) }, routes } },
    CONTEXT,
  );
  expect(source.receive(writer.take())).toBeUndefined();
  bench.settle();
  const received = new ReceivedRoutes(CONTEXT);
  for (const bytes of peer.sent) received.apply(bytes);
  expect(received.endOfRib.get(family)).toBe(1);
  return [...received.routes.values()].map((seen) =>
    seen.nextHop ? formatAddress(seen.nextHop.address) : '-',
  );
}

describe('routes with labels go only where their next hop can be said', () => {
  it.each([VPNV4_UNICAST, IPV4_LABELED_UNICAST])('IPv4 routes (family %i)', (family) => {
    expect(toldWith(family, '192.0.2.9', false)).toEqual(['192.0.2.9']);
    expect(toldWith(family, '2001:db8::9', true)).toEqual(['2001:db8::9']);
    expect(toldWith(family, '2001:db8::9', false)).toEqual([]);
  });

  it('not with a link-local one', () => {
    expect(toldWith(IPV6_LABELED_UNICAST, '2001:db8::9', false)).toEqual(['2001:db8::9']);
    expect(toldWith(IPV6_LABELED_UNICAST, 'fe80::9', false)).toEqual([]);
  });
});
