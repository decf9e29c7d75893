import { beforeEach, describe, expect, it, vi } from 'vitest';
import { AttributeKind } from '../../../bgp/rib/attribute-store.ts';
import { type RouteSource, SourceKind } from '../../../bgp/rib/sources.ts';
import { DEFAULT_INSTANCE, type RoutingInstance } from '../../../bgp/routing-instance.ts';
import { IPV4_UNICAST, L2VPN_EVPN } from '../../../bgp/wire/family.ts';
import { PrefixImporter } from '../../../evpn/prefix-importer.ts';
import { prefixRouteRest, writePrefixRouteKey } from '../../../evpn/prefix-route.ts';
import { formatAddress } from '../../../net/address.ts';
import { internAttributes, unicastKey } from '../bgp/rib/rib-bench.ts';
import { SpeakerBench } from '../bgp/rib/speaker-bench.ts';
import { ribOf, Vrf } from './vrf-bench.ts';

/** Route target 64520:100 and a router MAC. */
const COMMUNITIES = Uint8Array.of(0, 2, 0xfc, 8, 0, 0, 0, 100, 6, 3, 2, 0, 0, 0, 0, 1);

describe('the importer of Type 5 routes', () => {
  const unreachable = new Set<string>();
  let bench: SpeakerBench;
  let fabric: RoutingInstance;
  let importer: PrefixImporter;
  let red: Vrf;
  let leaf: RouteSource;
  beforeEach(() => {
    unreachable.clear();
    bench = new SpeakerBench();
    const { speaker } = bench;
    fabric = speaker.addInstance(DEFAULT_INSTANCE, [L2VPN_EVPN], false);
    importer = new PrefixImporter(ribOf(fabric, L2VPN_EVPN), (vtep) => !unreachable.has(formatAddress(vtep)));
    const importRule = { type: 'vni', vni: 100 } as const;
    red = new Vrf(speaker, fabric, importer, {
      name: 'red',
      vni: 100,
      number: 1,
      importRule,
      routerMac: undefined,
    });
    red.join();
    speaker.addFollower(importer);
    const kind = SourceKind.ebgp;
    leaf = speaker.sources.add({ name: 'leaf', kind, imported: false, routerId: 1, address: undefined });
    bench.settle();
  });

  const announce = (text: string, vtep: string, origin: 0 | 1 = 0): void => {
    const rib = ribOf(fabric, L2VPN_EVPN);
    const unicast = unicastKey(text);
    const key = new Uint8Array(32);
    const length = writePrefixRouteKey(key, new Uint8Array(8), unicast, unicast.length, 4);
    const rest = prefixRouteRest(100, 4);
    const changes = { extendedCommunities: COMMUNITIES, origin };
    const attributes = internAttributes(rib.attributes, changes, { kind: AttributeKind.ebgp, nextHop: vtep });
    const extra = rib.extras.intern(rest, 0, rest.length);
    rib.announce(rib.prefixes.findOrAdd(key, 0, length), leaf.id, 0, attributes, extra);
    bench.speaker.schedule();
    bench.settle();
  };
  const revalidate = (): void => {
    importer.revalidate();
    bench.speaker.schedule();
    bench.settle();
  };
  const usable = (): number => ribOf(red.instance, IPV4_UNICAST).bestCount;

  it('uses routes while their endpoint is reachable', () => {
    announce('10.1.0.0/16', '100.64.0.1');
    announce('10.2.0.0/16', '100.64.0.2');
    expect(usable()).toBe(2);
    unreachable.add('100.64.0.1');
    revalidate();
    expect(usable()).toBe(1);
    unreachable.clear();
    revalidate();
    expect(usable()).toBe(2);
  });

  it('sees to all routes of an endpoint that came before and after it was lost', () => {
    announce('10.1.0.0/16', '100.64.0.1');
    unreachable.add('100.64.0.1');
    announce('10.2.0.0/16', '100.64.0.1', 1);
    expect(usable()).toBe(1);
    revalidate();
    expect(usable()).toBe(0);
    unreachable.clear();
    announce('10.3.0.0/16', '100.64.0.1', 1);
    expect(usable()).toBe(1);
    revalidate();
    expect(usable()).toBe(3);
  });

  it('does not go over the paths when nothing changed for any endpoint', () => {
    announce('10.1.0.0/16', '100.64.0.1');
    announce('10.2.0.0/16', '2001:db8::1');
    const setUsable = vi.spyOn(ribOf(red.instance, IPV4_UNICAST), 'setUsable');
    revalidate();
    expect(setUsable).not.toHaveBeenCalled();
    unreachable.add('100.64.0.1');
    revalidate();
    expect(setUsable).toHaveBeenCalled();
    setUsable.mockClear();
    revalidate();
    expect(setUsable).not.toHaveBeenCalled();
    // An IPv6 endpoint is none for a device that sends from an IPv4 address.
    expect(usable()).toBe(0);
  });
});
