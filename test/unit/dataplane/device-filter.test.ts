import { describe, expect, it } from 'vitest';
import { hostDevicesOf } from '../../../dataplane/desired.ts';
import { DeviceFilter } from '../../../dataplane/device-filter.ts';
import { RTM_DELLINK, RTM_NEWADDR, RTM_NEWLINK } from '../../../dataplane/netlink/constants.ts';
import { MessageBuilder } from '../../../dataplane/netlink/message-builder.ts';
import { EXAMPLE, link } from './states.ts';

function linkEvent(name: string, index: number): Uint8Array {
  return new MessageBuilder().linkHeader(0, index, 0, 0).attributeText(3, name).copy();
}

function addressEvent(index: number): Uint8Array {
  return new MessageBuilder().addressHeader(2, 24, 0, index).copy();
}

describe('DeviceFilter', () => {
  it('knows the host devices of a configuration', () => {
    expect(hostDevicesOf(EXAMPLE)).toEqual(['toswitch1', 'host-e-100', 'host-e-200']);
  });

  it('takes events of named devices, and of addresses on them', () => {
    const filter = new DeviceFilter(['eth1', 'host-e-100'], { links: [link('eth1', 5), link('cni0', 6)] });
    expect(filter.concerns(RTM_NEWADDR, addressEvent(5))).toBe(true);
    expect(filter.concerns(RTM_NEWADDR, addressEvent(6))).toBe(false);
    expect(filter.concerns(RTM_NEWLINK, linkEvent('veth123', 9))).toBe(false);
    expect(filter.concerns(RTM_NEWADDR, addressEvent(10))).toBe(false);
    expect(filter.concerns(RTM_NEWLINK, linkEvent('host-e-100', 10))).toBe(true);
    expect(filter.concerns(RTM_NEWADDR, addressEvent(10))).toBe(true);
  });

  it('follows a device that goes or changes its name', () => {
    const filter = new DeviceFilter(['eth1'], { links: [link('eth1', 5)] });
    expect(filter.concerns(RTM_NEWLINK, linkEvent('eth9', 5))).toBe(true);
    expect(filter.concerns(RTM_NEWLINK, linkEvent('eth9', 5))).toBe(false);
    expect(filter.concerns(RTM_NEWLINK, linkEvent('eth1', 5))).toBe(true);
    expect(filter.concerns(RTM_DELLINK, linkEvent('eth1', 5))).toBe(true);
    expect(filter.concerns(RTM_NEWADDR, addressEvent(5))).toBe(false);
  });

  it('takes nothing from what is too short', () => {
    const filter = new DeviceFilter(['eth1'], { links: [] });
    expect(filter.concerns(RTM_NEWLINK, new Uint8Array(3))).toBe(false);
    expect(filter.concerns(RTM_NEWLINK, new Uint8Array(16))).toBe(false);
  });
});
