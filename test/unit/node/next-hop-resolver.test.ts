import { beforeEach, describe, expect, it } from 'vitest';
import type { RouteSource } from '../../../bgp/rib/sources.ts';
import { IPV6_UNICAST } from '../../../bgp/wire/family.ts';
import { formatAddress } from '../../../net/address.ts';
import { parsePrefix } from '../../../net/prefix.ts';
import { NextHopResolver, UnderlayWatch } from '../../../src/node/next-hop-resolver.ts';
import { internAttributes, internWithNextHop, RibBench } from '../bgp/rib/rib-bench.ts';
import { addressOf } from '../bgp/rib/speaker-bench.ts';

const prefixOf = (text: string) => {
  const prefix = parsePrefix(text);
  if (!prefix) throw new Error(text);
  return prefix;
};

describe('resolving next hops', () => {
  let ipv4: RibBench;
  let ipv6: RibBench;
  let source: RouteSource;
  let resolver: NextHopResolver;
  beforeEach(() => {
    ipv4 = new RibBench();
    ipv6 = new RibBench(IPV6_UNICAST);
    source = ipv4.source('peer');
    ipv6.source('peer');
    resolver = new NextHopResolver({ ipv4: ipv4.rib, ipv6: ipv6.rib });
    resolver.setConnected([
      { device: 'eth0', prefix: prefixOf('192.168.11.0/24') },
      { device: 'eth1', prefix: prefixOf('2001:db8:11::/64') },
    ]);
  });
  const route = (bench: RibBench, text: string, nextHop?: string): void => {
    const id = internAttributes(bench.attributes, {}, nextHop === undefined ? {} : { nextHop });
    bench.announce(text, source, id);
    bench.rib.decide(10);
  };
  const resolved = (text: string): string | undefined => {
    const found = resolver.resolve(addressOf(text));
    return found && `${found.device} ${formatAddress(found.gateway)}`;
  };

  it('finds neighbours on a connected subnet', () => {
    expect(resolved('192.168.11.2')).toBe('eth0 192.168.11.2');
    expect(resolved('2001:db8:11::2')).toBe('eth1 2001:db8:11::2');
    expect(resolved('192.168.12.2')).toBeUndefined();
  });

  it('follows the longest matching BGP route to a connected next hop', () => {
    route(ipv4, '0.0.0.0/0', '192.168.11.1');
    route(ipv4, '100.64.0.0/10', '192.168.11.2');
    route(ipv4, '100.64.0.1/32', '192.168.11.3');
    expect(resolved('100.64.0.1')).toBe('eth0 192.168.11.3');
    expect(resolved('100.64.0.2')).toBe('eth0 192.168.11.2');
    expect(resolved('8.8.8.8')).toBe('eth0 192.168.11.1');
    expect(resolver.recheck()).toBe(false);
    ipv4.withdraw('100.64.0.1/32', source);
    ipv4.rib.decide(10);
    expect(resolver.recheck()).toBe(true);
    expect(resolved('100.64.0.1')).toBe('eth0 192.168.11.2');
    route(ipv6, '2001:db8:64::1/128', '2001:db8:11::9');
    expect(resolved('2001:db8:64::1')).toBe('eth1 2001:db8:11::9');
  });

  it('takes the most specific of the subnets that contain an address', () => {
    resolver.setConnected([
      { device: 'eth0', prefix: prefixOf('10.0.0.0/8') },
      { device: 'eth1', prefix: prefixOf('10.1.0.0/16') },
    ]);
    expect(resolved('10.1.2.3')).toBe('eth1 10.1.2.3');
    expect(resolved('10.2.2.3')).toBe('eth0 10.2.2.3');
  });

  it('forgets what it said when the subnets are others', () => {
    expect(resolved('192.168.11.2')).toBe('eth0 192.168.11.2');
    resolver.setConnected([]);
    expect(resolved('192.168.11.2')).toBeUndefined();
  });

  it('finds link-local next hops on their interface while it is up', () => {
    const on = (name: string) => ({ address: addressOf('fe80::1'), interfaceName: name });
    expect(resolver.resolveNextHop(on('eth1'))).toEqual({ device: 'eth1', gateway: addressOf('fe80::1') });
    expect(resolver.resolveNextHop(on('eth2'))).toBeUndefined();
    const both = { ...on('eth1'), address: addressOf('2001:db8:99::1'), linkLocal: addressOf('fe80::2') };
    expect(resolver.resolveNextHop(both)).toEqual({ device: 'eth1', gateway: addressOf('fe80::2') });
    expect(resolver.resolveNextHop({ address: addressOf('192.168.11.2') })?.device).toBe('eth0');
  });

  it('follows a route to a tunnel endpoint whose next hop is a link-local one', () => {
    const { nextHops } = ipv4.attributes;
    const { bytes } = addressOf('fe80::1');
    const number = nextHops.interfaceNumber('eth1', addressOf('fe80::ff'));
    const id = internWithNextHop(ipv4.attributes, nextHops.internOn(bytes, 0, 16, number));
    ipv4.announce('100.64.0.1/32', source, id);
    ipv4.rib.decide(10);
    expect(resolved('100.64.0.1')).toBe('eth1 fe80::1');
    resolver.setConnected([{ device: 'eth0', prefix: prefixOf('192.168.11.0/24') }]);
    expect(resolved('100.64.0.1')).toBeUndefined();
  });

  it('passes over routes of our own, and gives up at next hops that are not connected', () => {
    route(ipv4, '100.64.0.0/24', '192.168.11.2');
    route(ipv4, '100.64.0.1/32');
    expect(resolved('100.64.0.1')).toBe('eth0 192.168.11.2');
    route(ipv4, '100.65.0.0/24', '10.9.9.9');
    expect(resolved('100.65.0.1')).toBeUndefined();
    expect(
      new NextHopResolver({ ipv4: undefined, ipv6: undefined }).resolve(addressOf('10.0.0.1')),
    ).toBeUndefined();
  });

  it('calls back once when all changes of the underlay were read', () => {
    let calls = 0;
    const watch = new UnderlayWatch({ ipv4: ipv4.rib, ipv6: ipv6.rib }, () => calls++);
    expect(watch.pending).toBe(false);
    route(ipv4, '100.64.0.0/24', '192.168.11.2');
    route(ipv4, '100.64.1.0/24', '192.168.11.2');
    route(ipv6, '2001:db8:64::1/128', '2001:db8:11::9');
    watch.follow(1);
    expect([watch.pending, calls]).toEqual([true, 0]);
    watch.follow(1);
    expect([watch.pending, calls]).toEqual([false, 1]);
  });
});
