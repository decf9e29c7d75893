import { describe, expect, it } from 'vitest';
import { CaptureFormatError, readFrames } from './pcap-frames.ts';

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
}

const FILE_HEADER = hex('d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000');
const ETHERNET = hex('0a0000000002 0a0000000001 0800');

function ipv4(protocol: number, body: Buffer, flagsAndOffset = 0): Buffer {
  const header = hex('4500 0000 0001 0000 40 00 0000 c0a81402 ac1e000a');
  header.writeUInt16BE(header.length + body.length, 2);
  header.writeUInt16BE(flagsAndOffset, 6);
  header.writeUInt8(protocol, 9);
  return Buffer.concat([header, body]);
}

function udp(destinationPort: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(50_000, 0);
  header.writeUInt16BE(destinationPort, 2);
  header.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([header, payload]);
}

function record(frame: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(1_700_000_000, 0);
  header.writeUInt32LE(250_000, 4);
  header.writeUInt32LE(frame.length, 8);
  header.writeUInt32LE(frame.length, 12);
  return Buffer.concat([header, frame]);
}

const TCP_HEADER = hex('c350 0050 00000001 00000000 5018 ffff 0000 0000');

describe('reading a capture', () => {
  it('looks into a tunnelled packet', () => {
    const inner = Buffer.concat([ETHERNET, ipv4(6, Buffer.concat([TCP_HEADER, Buffer.from('GET /')]))]);
    const vxlan = udp(4789, Buffer.concat([hex('08000000 000064 00'), inner]));
    const [frame] = readFrames(
      Buffer.concat([FILE_HEADER, record(Buffer.concat([ETHERNET, ipv4(17, vxlan)]))]),
    );
    expect(frame?.time).toBe(1_700_000_000.25);
    expect(frame?.sourceMac).toBe('0a:00:00:00:00:01');
    expect(frame?.ip?.vxlan?.vni).toBe(100);
    expect(frame?.ip?.vxlan?.inner.ip).toMatchObject({
      source: '192.168.20.2',
      destination: '172.30.0.10',
      destinationPort: 80,
      fragment: false,
    });
    expect(frame?.ip?.vxlan?.inner.ip?.payload.toString()).toBe('GET /');
  });

  it('tells fragments, and leaves the padding of a short frame out of its payload', () => {
    const padded = Buffer.concat([ETHERNET, ipv4(17, udp(53, Buffer.from('hi'))), Buffer.alloc(12)]);
    const fragment = Buffer.concat([ETHERNET, ipv4(17, udp(53, Buffer.from('hi')), 0x2000)]);
    const frames = readFrames(Buffer.concat([FILE_HEADER, record(padded), record(fragment)]));
    expect(frames.map(({ ip }) => ip?.fragment)).toEqual([false, true]);
    expect(frames[0]?.ip?.payload.toString()).toBe('hi');
  });

  it('stops at a record that was cut off', () => {
    const whole = record(Buffer.concat([ETHERNET, ipv4(1, Buffer.alloc(8))]));
    expect(readFrames(Buffer.concat([FILE_HEADER, whole, whole.subarray(0, 40)]))).toHaveLength(1);
  });

  it('refuses what is no capture', () => {
    expect(() => readFrames(Buffer.from('no capture at all, not even close'))).toThrow(CaptureFormatError);
  });
});
