import { beforeEach, describe, expect, it } from 'vitest';
import { formatNextHop } from '../../../../bgp/rib/next-hops.ts';
import { PathFlag } from '../../../../bgp/rib/path-table.ts';
import { DEFAULT_INSTANCE, type RoutingInstance } from '../../../../bgp/routing-instance.ts';
import { NO_ATTRIBUTES } from '../../../../bgp/wire/attribute-types.ts';
import { type Family, IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../../../bgp/wire/family.ts';
import { encodeUpdate } from '../../../../bgp/wire/update.ts';
import { addressFromBytes, formatAddress, type IpAddress } from '../../../../net/address.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import { parsePrefix } from '../../../../net/prefix.ts';
import { ReceivedRoutes } from './received-routes.ts';
import { unicastKey } from './rib-bench.ts';
import {
  ALL_FAMILIES,
  addressOf,
  type FakeSession,
  LABELED_FAMILIES,
  SpeakerBench,
  settingsOf,
} from './speaker-bench.ts';

const AS = 64514;
const OWN = addressOf('fe80::ff');
const CONTEXT = {
  fourOctetAs: true,
  addPath: () => false,
  extendedMessage: false,
  extendedNextHop: true,
  peerType: 'ebgp' as const,
};
const prefixIn = (family: Family): string => (family === IPV4_UNICAST ? '10.1.0.0/16' : '2001:db8:1::/48');

describe('sessions over link-local addresses', () => {
  let bench: SpeakerBench;
  let instance: RoutingInstance;
  beforeEach(() => {
    bench = new SpeakerBench();
    instance = bench.speaker.addInstance(DEFAULT_INSTANCE, ALL_FAMILIES, true);
  });

  /** A switch, with the same address on each of its interfaces. */
  const onInterface = (interfaceName: string, beside: readonly IpAddress[] = []): FakeSession => {
    const settings = { ...settingsOf('fe80::1', AS, 64512), name: interfaceName, interfaceName };
    bench.speaker.addPeer({ settings, instance, allowOwnAs: 0, addressesBeside: () => beside });
    return upOf({ localAddress: OWN, interfaceName, remoteRouterId: 7, extendedNextHop: true });
  };
  const upOf = (changes: Parameters<FakeSession['up']>[0]): FakeSession => {
    const session = bench.sessions.at(-1);
    if (!session) throw new Error('no session');
    session.up(changes);
    bench.settle();
    return session;
  };
  const announce = (from: FakeSession, family: Family): void => {
    const prefix = parsePrefix(prefixIn(family));
    if (!prefix) throw new Error('no prefix');
    const writer = new ByteWriter();
    const attributes = {
      ...NO_ATTRIBUTES,
      origin: 0 as const,
      asPath: [{ type: 2 as const, asns: [64512] }],
    };
    const nextHop = { address: addressOf('fe80::1') };
    const routes = [{ kind: 'unicast' as const, family, prefix }];
    encodeUpdate(writer, { attributes, mpReach: { family, nextHop, routes } }, CONTEXT);
    expect(from.receive(writer.take())).toBeUndefined();
    bench.settle();
  };
  const nextHopsOf = (family: Family, prefix: string): string[] => {
    const rib = instance.ribs.get(family);
    if (!rib) throw new Error('no RIB');
    const key = unicastKey(prefix);
    const hops: string[] = [];
    for (
      let path = rib.firstPath(rib.prefixes.find(key, 0, key.length));
      path >= 0;
      path = rib.paths.next(path)
    ) {
      expect(rib.paths.flags(path) & PathFlag.multipath).toBeTruthy();
      hops.push(
        formatNextHop(rib.attributes.nextHops.get(rib.attributes.nextHop(rib.paths.attributes(path)))),
      );
    }
    return hops.sort();
  };
  const seenBy = (session: FakeSession, peerType: 'ebgp' | 'ibgp' = 'ebgp'): string[] => {
    const received = new ReceivedRoutes({ ...CONTEXT, peerType });
    for (const bytes of session.sent) received.apply(bytes);
    return [...received.routes.values()].map(({ nextHop }) =>
      [nextHop?.address, nextHop?.linkLocal].flatMap((one) => (one ? [formatAddress(one)] : [])).join(' '),
    );
  };

  it.each([IPV4_UNICAST, IPV6_UNICAST] as const)(
    'give next hops of the same address on two interfaces, which share the traffic (family %i)',
    (family) => {
      announce(onInterface('eth1'), family);
      announce(onInterface('eth2'), family);
      expect(nextHopsOf(family, prefixIn(family))).toEqual(['fe80::1%eth1', 'fe80::1%eth2']);
      const rib = instance.ribs.get(family);
      const best = rib?.best(0) ?? -1;
      expect(rib?.sources.get(rib.paths.source(best)).name).toBe('eth1');
    },
  );

  it('refuse a next hop that is our own address on the interface', () => {
    const from = onInterface('eth1');
    upOf({ localAddress: addressOf('fe80::1'), interfaceName: 'eth1', extendedNextHop: true });
    announce(from, IPV6_UNICAST);
    expect(instance.ribs.get(IPV6_UNICAST)?.paths.size).toBe(0);
  });

  it('announce our link-local address, beside a global one where there is one', () => {
    const from = onInterface('eth1');
    announce(from, IPV4_UNICAST);
    announce(from, IPV6_UNICAST);
    expect(seenBy(onInterface('eth2'))).toEqual(['fe80::ff', 'fe80::ff']);
    const beside = [addressOf('192.0.2.1'), addressOf('2001:db8::2')];
    expect(seenBy(onInterface('eth3', beside))).toEqual(Array(2).fill('2001:db8::2 fe80::ff'));
  });

  it('have our address as it is in families with labels and in EVPN, as all IPv6 sessions have', () => {
    const families = [...LABELED_FAMILIES, L2VPN_EVPN];
    const labeled = bench.speaker.addInstance('labeled', families, false);
    const settings = { ...settingsOf('2001:db8::9', AS, 64512), families };
    bench.speaker.addPeer({ settings, instance: labeled, allowOwnAs: 0 });
    upOf({});
    const hops = labeled.groups.map(({ profile }) => addressFromBytes(profile.selfNextHop));
    expect(hops.map(formatAddress)).toEqual(Array(5).fill('2001:db8::1'));
  });

  it('have next hops that no internal peer gets', () => {
    announce(onInterface('eth1'), IPV6_UNICAST);
    bench.speaker.addPeer({ settings: settingsOf('2001:db8::9', AS, AS), instance, allowOwnAs: 0 });
    expect(seenBy(upOf({}), 'ibgp')).toEqual(['2001:db8::1']);
  });
});
