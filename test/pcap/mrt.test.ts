import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ByteSource } from '../../src/decode/byte-source.ts';
import type { TimedMessage } from '../../src/decode/capture-summary.ts';
import { decodeCapture } from '../../src/decode/decode-capture.ts';
import { messageJson } from '../../src/decode/message-json.ts';
import { mrtRecord as record, refresh } from './capture-builder.ts';

const ASSUMED = {
  fourOctetAs: true,
  addPath: new Set<number>(),
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ebgp',
} as const;

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

async function read(file: Uint8Array) {
  const messages: TimedMessage[] = [];
  const summary = await decodeCapture(new ByteSource(Readable.from([file])), ASSUMED, {
    message: (message) => messages.push(message),
    ready: () => undefined,
  });
  return { messages, summary };
}

/** Collector 192.0.2.9, no view name, peers 192.0.2.1 AS 65001 and 2001:db8::1 AS 123456. */
const PEERS = record(
  13,
  1,
  hex(
    `c0000209 0000 0002
    00 c0000201 c0000201 fde9
    03 c0000202 20010db8000000000000000000000001 0001e240`.replaceAll('\n', ''),
  ),
);
const ATTRIBUTES = '40010100 400206 0201 0000fde9';

describe('MRT', () => {
  it('messages of BGP4MP come with their addresses and time', async () => {
    const addresses = hex('0000 0001 c0000201 c0000202');
    const two = record(16, 1, Buffer.concat([hex('fde9 fdea'), addresses, refresh(1)]));
    const four = record(16, 4, Buffer.concat([hex('0000fde9 0001e240'), addresses, refresh(2)]));
    const precise = record(17, 4, Buffer.concat([hex('0007a120 0000fde9 0001e240'), addresses, refresh(3)]));
    const { messages, summary } = await read(Buffer.concat([two, four, precise]));
    expect(summary).toMatchObject({ packets: 3, messages: 3, malformed: 0 });
    expect(messages.map(({ time }) => time)).toEqual([1000, 1000, 1000.5]);
    expect(messages[0]).toMatchObject({
      source: '192.0.2.1',
      destination: '192.0.2.2',
      message: { type: 'route-refresh' },
    });
  });

  it('IPv4 paths of a table dump are shown as UPDATEs of their peers', async () => {
    const attributes = hex(`${ATTRIBUTES} 400304 c0000201`);
    const entry = Buffer.concat([hex('0000 00000000'), Buffer.from([0, attributes.length]), attributes]);
    const rib = record(13, 2, Buffer.concat([hex('00000001 08 0a 0001'), entry]));
    const { messages } = await read(Buffer.concat([PEERS, rib]));
    expect(messages.map(({ source }) => source)).toEqual(['192.0.2.1']);
    expect(messages.map(({ message }) => messageJson(message))).toMatchObject([
      {
        outcome: 'ok',
        update: {
          announced: [{ family: 'ipv4-unicast', prefix: '10.0.0.0/8', next_hop: '192.0.2.1' }],
          attributes: { as_path: '65001' },
        },
      },
    ]);
  });

  it('IPv6 paths get back the MP_REACH_NLRI that the dump has shortened (RFC 6396 §4.3.4)', async () => {
    const attributes = hex(`${ATTRIBUTES} 800e11 10 20010db8000000000000000000000001`);
    const entry = Buffer.concat([hex('0001 00000000'), Buffer.from([0, attributes.length]), attributes]);
    const rib = record(13, 4, Buffer.concat([hex('00000001 20 20010db8 0001'), entry]));
    const { messages } = await read(Buffer.concat([PEERS, rib]));
    expect(messages.map(({ source }) => source)).toEqual(['2001:db8::1']);
    expect(messages.map(({ message }) => messageJson(message))).toMatchObject([
      {
        outcome: 'ok',
        update: {
          announced: [{ family: 'ipv6-unicast', prefix: '2001:db8::/32', next_hop: '2001:db8::1' }],
        },
      },
    ]);
  });

  it('path identifiers of RFC 8050 are shown', async () => {
    const attributes = hex(`${ATTRIBUTES} 400304 c0000201`);
    const entry = Buffer.concat([
      hex('0000 00000000 00000007'),
      Buffer.from([0, attributes.length]),
      attributes,
    ]);
    const rib = record(13, 8, Buffer.concat([hex('00000001 08 0a 0001'), entry]));
    const { messages } = await read(Buffer.concat([PEERS, rib]));
    expect(messages.map(({ message }) => messageJson(message))).toMatchObject([
      { update: { announced: [{ path_id: 7, prefix: '10.0.0.0/8' }] } },
    ]);
  });

  it('records that do not fit are counted, records of other kinds are passed over', async () => {
    const short = record(16, 4, hex('0000fde9 0001e240 0000 0001 c000'));
    const cutRib = record(13, 2, hex('00000001 20 0a'));
    const cutPeers = record(13, 1, hex('c0000209 0000 0009 00'));
    const stateChange = record(16, 5, hex('00'));
    const ospf = record(11, 0, hex('00'));
    const { summary } = await read(Buffer.concat([stateChange, ospf, short, cutRib, cutPeers]));
    expect(summary).toMatchObject({ packets: 5, messages: 0, malformed: 3 });
  });

  it('a file that ends inside a record is a typed error', async () => {
    await expect(read(PEERS.subarray(0, 30))).rejects.toMatchObject({ kind: 'truncated' });
    await expect(read(Buffer.concat([PEERS, PEERS.subarray(0, 5)]))).rejects.toMatchObject({
      kind: 'truncated',
    });
  });
});
