import type { DesiredState, DesiredVrf } from '../../../dataplane/desired.ts';
import type { ObservedAddress, ObservedLink, ObservedState } from '../../../dataplane/observed.ts';
import { type IpAddress, parseAddress } from '../../../net/address.ts';
import { type IpPrefix, parsePrefix } from '../../../net/prefix.ts';

/** Parses an address that is known to be one. */
export function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`no address: ${text}`);
  return parsed;
}

/** Parses a prefix that is known to be one. */
export function prefix(text: string): IpPrefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(`no prefix: ${text}`);
  return parsed;
}

/** The VRF of the MetalLB example, or one like it. */
export function desiredVrf(name: string, vni: number, network: number, vtep = '100.65.0.0'): DesiredVrf {
  return {
    name,
    l3vni: {
      vni,
      bridge: `br-pe-${vni}`,
      vxlan: `vni${vni}`,
      vtep: address(vtep),
      port: 4789,
      veth: {
        routerName: `pe-e-${vni}`,
        hostName: `host-e-${vni}`,
        routerAddresses: [prefix(`192.169.${network}.1/24`), prefix(`2001:db8:169:${network}::1/64`)],
        hostAddresses: [prefix(`192.169.${network}.2/24`), prefix(`2001:db8:169:${network}::2/64`)],
      },
    },
  };
}

/** What the MetalLB example wants of its first node. */
export const EXAMPLE: DesiredState = {
  namespace: 'perouter',
  underlayInterfaces: ['toswitch1'],
  loopbackAddresses: [prefix('100.65.0.0/32')],
  vrfs: [desiredVrf('red', 100, 10), desiredVrf('blue', 200, 11)],
};

/** A device that is up, with what is given. */
export function link(name: string, index: number, properties: Partial<ObservedLink> = {}): ObservedLink {
  return {
    index,
    name,
    kind: undefined,
    alias: undefined,
    group: 0,
    mtu: 1500,
    up: true,
    carrier: true,
    carrierLosses: 0,
    masterIndex: undefined,
    lowerIndex: undefined,
    mac: Uint8Array.of(2, 0, 0, 0, 0, index),
    generatesLinkLocal: true,
    vrfTable: undefined,
    vxlan: undefined,
    suppressesNeighbours: false,
    addresses: [],
    ...properties,
  };
}

/** An address as somebody configured it. */
export function configured(text: string, properties: Partial<ObservedAddress> = {}): ObservedAddress {
  return {
    prefix: prefix(text),
    global: true,
    temporary: false,
    expires: false,
    own: false,
    unusable: false,
    ...properties,
  };
}

/** `lo` as every namespace has it. */
export function loopback(properties: Partial<ObservedLink> = {}): ObservedLink {
  const addresses = [configured('127.0.0.1/8', { global: false }), configured('::1/128', { global: false })];
  return link('lo', 1, { mtu: 65536, addresses, ...properties });
}

/** A node on which nothing was done yet: the underlay device is in the host's namespace. */
export function freshNode(): ObservedState {
  const addresses = [configured('192.168.11.3/24'), configured('2001:db8:11::3/64')];
  return {
    router: undefined,
    host: {
      links: [loopback(), link('toswitch1', 2, { kind: 'veth', addresses }), link('eth0', 3)],
    },
    sysctls: new Map(),
    unreachableDefaults: [],
  };
}
