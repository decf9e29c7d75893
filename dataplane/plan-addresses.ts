import { type IpPrefix, prefixEquals } from '../net/prefix.ts';
import type { ObservedAddress, Side } from './observed.ts';
import type { PlanStep } from './plan-step.ts';

/** Where addresses are wanted. */
export interface AddressPlace {
  readonly side: Side;
  readonly device: string;
  readonly group: string;
  /** The addresses cannot be anybody else's. */
  readonly unique: boolean;
}

/** Steps to the wanted addresses; of those that are too many, the ones that `mayRemove` allows go. */
export function planAddresses(
  place: AddressPlace,
  present: readonly ObservedAddress[],
  wanted: readonly IpPrefix[],
  mayRemove: (address: ObservedAddress) => boolean,
): PlanStep[] {
  const { side, device, group, unique } = place;
  const isWanted = ({ prefix }: ObservedAddress): boolean => wanted.some((one) => prefixEquals(one, prefix));
  const surplus = present.filter((address) => !isWanted(address) && mayRemove(address));
  const missing = wanted.filter((one) => !present.some(({ prefix }) => prefixEquals(prefix, one)));
  return [
    ...surplus.map(({ prefix }): PlanStep => ({ action: 'remove address', side, device, prefix, group })),
    ...missing.map((prefix): PlanStep => ({ action: 'add address', side, device, prefix, unique, group })),
  ];
}

/** True for an address that someone configured for good, in contrast to the kernel's own and to those with a lifetime. */
export function isConfigured(address: ObservedAddress): boolean {
  return address.global && !address.temporary && !address.expires;
}

/** Addresses that go along when a device changes its namespace. */
export function portableAddresses(addresses: readonly ObservedAddress[]): IpPrefix[] {
  return addresses.filter(({ global, temporary }) => global && !temporary).map(({ prefix }) => prefix);
}
