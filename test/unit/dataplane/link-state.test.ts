import { describe, expect, it } from 'vitest';
import { addAddressMessage, vxlanMessages } from '../../../dataplane/link-messages.ts';
import { parseLink, parseLinkAddress } from '../../../dataplane/link-state.ts';
import { messagesOf } from '../../../dataplane/netlink/attribute-reader.ts';
import { MessageBuilder } from '../../../dataplane/netlink/message-builder.ts';
import { address, prefix } from './states.ts';

function payloads(bytes: Uint8Array): Uint8Array[] {
  return [...messagesOf(bytes)].map(({ payload }) => payload);
}

/** An RTM_NEWADDR as the kernel sends it. */
function addressPayload(
  family: number,
  flags: number,
  scope: number,
  fill: (builder: MessageBuilder) => void,
): Uint8Array {
  const builder = new MessageBuilder().addressHeader(family, 24, scope, 7);
  fill(builder);
  const bytes = builder.copy();
  bytes[2] = flags;
  return bytes;
}

describe('parseLink', () => {
  it.each(['100.65.0.0', '2001:db8::1'])('reads back a VXLAN device from %s', (local) => {
    const parameters = { vni: 16_777_215, local: address(local), port: 4790 };
    const [creation] = payloads(vxlanMessages('vni16777215', parameters, 5).bytes());
    expect(parseLink(creation ?? new Uint8Array())).toMatchObject({
      name: 'vni16777215',
      kind: 'vxlan',
      lowerIndex: 1,
      vxlan: { ...parameters, learning: false },
      up: false,
    });
  });

  it('reads the properties of a member of a bridge', () => {
    const builder = new MessageBuilder().linkHeader(0, 12, 0x11043, 0).attributeText(3, 'vni100');
    builder
      .attributeU32(4, 65486)
      .attributeU32(10, 11)
      .attributeText(20, 'openpe-routerd')
      .attributeU32(27, 9)
      .attributeU32(48, 3);
    builder.attributeBytes(1, Uint8Array.of(2, 0, 0, 0, 0, 9));
    const info = builder.beginNested(18);
    builder.attributeText(1, 'vxlan').attributeText(4, 'bridge');
    const port = builder.beginNested(5);
    builder.attributeU8(32, 1).endNested(port).endNested(info);
    const families = builder.beginNested(26);
    const inet6 = builder.beginNested(10);
    builder.attributeU8(8, 1).endNested(inet6).endNested(families);
    expect(parseLink(builder.bytes())).toMatchObject({
      index: 12,
      up: true,
      carrier: true,
      carrierLosses: 3,
      mtu: 65486,
      masterIndex: 11,
      alias: 'openpe-routerd',
      group: 9,
      suppressesNeighbours: true,
      generatesLinkLocal: false,
      mac: Uint8Array.of(2, 0, 0, 0, 0, 9),
    });
  });

  it('gives nothing for what is no link', () => {
    expect(parseLink(new Uint8Array(15))).toBeUndefined();
    expect(parseLink(new Uint8Array(16))).toBeUndefined();
  });
});

describe('parseLinkAddress', () => {
  it('reads back an address that the daemon sets, and knows it as its own', () => {
    const [payload] = payloads(addAddressMessage(prefix('2001:db8::1/64'), 7, true));
    expect(parseLinkAddress(payload ?? new Uint8Array())).toEqual({
      linkIndex: 7,
      address: {
        prefix: prefix('2001:db8::1/64'),
        global: true,
        temporary: false,
        expires: true,
        own: true,
        unusable: false,
      },
    });
  });

  it('takes the local address of a point-to-point link', () => {
    const payload = addressPayload(2, 0x80, 0, (builder) =>
      builder.attributeBytes(1, address('192.0.2.2').bytes).attributeBytes(2, address('192.0.2.1').bytes),
    );
    expect(parseLinkAddress(payload)?.address).toMatchObject({
      prefix: prefix('192.0.2.1/24'),
      expires: false,
    });
  });

  it('prefers the flags of the attribute to the eight bits of the header', () => {
    const payload = addressPayload(10, 0x01, 0, (builder) =>
      builder.attributeBytes(1, address('2001:db8::5').bytes).attributeU32(8, 0x80 | 0x40),
    );
    expect(parseLinkAddress(payload)?.address).toMatchObject({
      temporary: false,
      unusable: true,
      expires: false,
    });
  });

  it('knows a link-local address by its scope', () => {
    const payload = addressPayload(10, 0x80, 253, (builder) =>
      builder.attributeBytes(1, address('fe80::1').bytes),
    );
    expect(parseLinkAddress(payload)?.address.global).toBe(false);
  });

  it('does not take an IPv4 secondary address for a temporary one', () => {
    const payload = addressPayload(2, 0x81, 0, (builder) =>
      builder.attributeBytes(2, address('192.0.2.1').bytes),
    );
    expect(parseLinkAddress(payload)?.address.temporary).toBe(false);
  });

  it('gives nothing for other families, missing addresses and short messages', () => {
    expect(parseLinkAddress(addressPayload(7, 0, 0, () => undefined))).toBeUndefined();
    expect(parseLinkAddress(addressPayload(2, 0, 0, () => undefined))).toBeUndefined();
    expect(parseLinkAddress(new Uint8Array(7))).toBeUndefined();
  });
});
