import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttributeReader, messagesOf } from '../../../dataplane/netlink/attribute-reader.ts';
import { MessageBuilder } from '../../../dataplane/netlink/message-builder.ts';
import { fromHex, toHex } from '../../../net/hex.ts';

describe('MessageBuilder', () => {
  it('builds the request that "ip link add red type vrf table 1" sends', () => {
    const builder = new MessageBuilder(8).begin(16, 0x600).linkHeader(0, 0, 0, 0).attributeText(3, 'red');
    const info = builder.beginNested(18);
    builder.attributeText(1, 'vrf');
    const data = builder.beginNested(2);
    builder.attributeU32(1, 1).endNested(data).endNested(info).end();
    expect(toHex(builder.bytes())).toBe(
      // nlmsghdr: length 64, RTM_NEWLINK, CREATE | EXCL
      '40000000100000060000000000000000' +
        // ifinfomsg
        '00000000000000000000000000000000' +
        // IFLA_IFNAME "red", IFLA_LINKINFO { IFLA_INFO_KIND "vrf", IFLA_INFO_DATA { IFLA_VRF_TABLE 1 } }
        '0800030072656400' +
        '18001280' +
        '0800010076726600' +
        '0c000280' +
        '0800010001000000',
    );
  });

  it('pads attributes with zeroes, over what an earlier message left', () => {
    const builder = new MessageBuilder(64).attributeBytes(1, new Uint8Array(32).fill(0xff)).reset();
    builder
      .attributeU8(2, 0xaa)
      .attributeU16Network(3, 4789)
      .attributeBytes(4, Uint8Array.of(9, 1, 2, 3, 9), 1, 3);
    expect(toHex(builder.bytes())).toBe('05000200aa0000000600030012b500000700040001020300');
  });

  it('writes several messages one after the other', () => {
    const builder = new MessageBuilder(16);
    for (let table = 1; table <= 3; table++) {
      builder.begin(24, 0).routeHeader(2, 24, table, 181, 0, 1, 4).attributeU32(15, table).end();
    }
    expect(builder.count).toBe(3);
    const found = [...messagesOf(builder.bytes())].map(({ type, payload }) => ({
      type,
      header: toHex(payload.subarray(0, 12)),
      table: new AttributeReader(payload, 12).u32(15),
    }));
    expect(found).toEqual(
      [1, 2, 3].map((table) => ({ type: 24, header: `021800000${table}b5000104000000`, table })),
    );
  });

  it('lays out the headers of addresses, neighbours and next hops as linux/*.h does', () => {
    const builder = new MessageBuilder().addressHeader(2, 24, 253, 7);
    builder.neighbourHeader(7, 9, 0x42, 0x16, 0).nexthopHeader(2, 0, 181, 4);
    expect(toHex(builder.bytes())).toBe(
      `${'021800fd07000000'}${'070000000900000042001600'}${'0200b50004000000'}`,
    );
  });
});

describe('AttributeReader', () => {
  it('reads what the builder wrote', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 70 })), {
          selector: ([type]) => type,
        }),
        (attributes) => {
          const builder = new MessageBuilder(4);
          for (const [type, value] of attributes) builder.attributeBytes(type, value);
          const reader = new AttributeReader(builder.bytes());
          for (const [type, value] of attributes) {
            expect(Buffer.from(reader.bytes(type) ?? [255]).equals(Buffer.from(value))).toBe(true);
          }
        },
      ),
    );
  });

  it('takes the nested flag off the type and reads inside', () => {
    const reader = new AttributeReader(fromHex('0c00128008000100766c0000') ?? new Uint8Array());
    expect(reader.nested(18).text(1)).toBe('vl');
    expect(reader.nested(19).has(1)).toBe(false);
  });

  it('gives undefined for what is missing or too short', () => {
    const reader = new AttributeReader(fromHex('0500010007000000') ?? new Uint8Array());
    expect([reader.u8(1), reader.u16Network(1), reader.u32(1), reader.i32(1)]).toEqual([
      7,
      undefined,
      undefined,
      undefined,
    ]);
    expect([reader.u8(2), reader.text(2), reader.bytesOfSize(1, 4)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('never reads past the end, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), (bytes, offset) => {
        const reader = new AttributeReader(bytes, offset);
        for (let type = 0; type < 16; type++) {
          const value = reader.bytes(type);
          if (value !== undefined) expect(value.byteOffset + value.length).toBeLessThanOrEqual(bytes.length);
        }
        for (const { payload } of messagesOf(bytes)) {
          expect(payload.byteOffset + payload.length).toBeLessThanOrEqual(bytes.length);
        }
      }),
    );
  });
});
