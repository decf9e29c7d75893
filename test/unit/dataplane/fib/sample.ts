import { Fib } from '../../../../dataplane/fib/fib.ts';
import type { RouteNexthop } from '../../../../dataplane/route-table.ts';
import type { IpAddress } from '../../../../net/address.ts';
import { ipv4Mapped, parseAddress } from '../../../../net/address.ts';
import { parseMac } from '../../../../net/mac.ts';
import { type IpPrefix, parsePrefix } from '../../../../net/prefix.ts';
import { FakeKernel } from './fake-kernel.ts';

export const BRIDGE = 5;
export const VXLAN = 6;
export const VETH = 7;

/** A kernel with the devices of VNI 100 and a FIB on it. */
export function fibOnKernel(): { kernel: FakeKernel; fib: Fib } {
  const kernel = new FakeKernel();
  kernel.devices.set('br-pe-100', BRIDGE).set('vni100', VXLAN).set('pe-e-100', VETH);
  return { kernel, fib: newFib(kernel) };
}

/** Time stands still. */
export function newFib(kernel: FakeKernel): Fib {
  return new Fib({ socket: kernel, interfaceIndex: kernel.interfaceIndex, now: () => 0 });
}

export function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new RangeError(`${text} is no address`);
  return parsed;
}

export function prefix(text: string): IpPrefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new RangeError(`${text} is no prefix`);
  return parsed;
}

/** A next hop through the tunnel of VNI 100. */
export function tunnelTo(vtep: string, mac: string, mapped = false): RouteNexthop {
  const endpoint = address(vtep);
  const routerMac = parseMac(mac);
  if (routerMac === undefined) throw new RangeError(`${mac} is no MAC address`);
  return {
    gateway: mapped ? ipv4Mapped(endpoint) : endpoint,
    device: 'br-pe-100',
    onlink: true,
    tunnel: { vtep: endpoint, routerMac, bridge: 'br-pe-100', vxlan: 'vni100', vni: 100 },
  };
}

/** A next hop on the veth to the host. */
export function hostVia(gateway: string): RouteNexthop {
  return { gateway: address(gateway), device: 'pe-e-100', onlink: false };
}

export function replace(fib: Fib, table: number, text: string, set: number): void {
  const { address: network, length } = prefix(text);
  fib.replace(table, network.version, network.bytes, 0, length, set);
}

export function remove(fib: Fib, table: number, text: string): void {
  const { address: network, length } = prefix(text);
  fib.remove(table, network.version, network.bytes, 0, length);
}

export function stateOf(fib: Fib, table: number, text: string): string {
  const { address: network, length } = prefix(text);
  return fib.routeState(table, network.version, network.bytes, 0, length).state;
}
