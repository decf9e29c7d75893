import { beforeEach, describe, expect, test } from 'vitest';
import { RouterDiscovery } from '../../../discovery/router-discovery.ts';
import { encodeAdvertisement, encodeSolicitation } from '../../../discovery/router-message.ts';
import { formatAddress } from '../../../net/address.ts';
import { FakeClock } from '../bgp/session/fake-clock.ts';
import { addressOf, packetOf } from './packets.ts';

const OWN = addressOf('fe80::ff');
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const ADVERTISEMENT = encodeAdvertisement({ routerLifetime: 30, linkLayerAddress: MAC });
const SOLICITATION = encodeSolicitation(MAC);

describe('router discovery on an interface', () => {
  let clock: FakeClock;
  let found: string[];
  let sent: { at: number; kind: string; to: string }[];
  let inUse: boolean;
  let random: number;
  let discovery: RouterDiscovery;

  beforeEach(() => {
    clock = new FakeClock();
    found = [];
    sent = [];
    inUse = false;
    random = 0.5;
    discovery = new RouterDiscovery({
      clock,
      random: () => random,
      linkLayerAddress: MAC,
      linkLocal: OWN,
      send: (message, destination) => {
        const kind = message[0] === 134 ? 'RA' : 'RS';
        expect(message).toEqual(kind === 'RA' ? ADVERTISEMENT : SOLICITATION);
        sent.push({ at: clock.now(), kind, to: formatAddress(destination) });
      },
      found: (address) => {
        // It is said with every advertisement.
        const text = formatAddress(address);
        if (found.at(-1) !== text) found.push(text);
      },
      isInUse: () => inUse,
    });
  });

  const hear = (text: string) => discovery.receive(packetOf(ADVERTISEMENT, addressOf(text)));
  const begin = () => {
    const start = clock.now();
    discovery.start();
    return start;
  };
  const times = (kind: string, to: string, start: number) =>
    sent.filter((one) => one.kind === kind && one.to === to).map(({ at }) => at - start);

  test('advertises quickly at first, then at intervals between a third of ten seconds and ten', () => {
    const start = begin();
    clock.advance(30_000);
    expect(times('RA', 'ff02::1', start)).toEqual([0, 1000, 2000, 3000, 9650, 16_300, 22_950, 29_600]);
    sent = [];
    random = 0;
    clock.advance(20_000);
    const [first = 0, second = 0, third = 0] = times('RA', 'ff02::1', start);
    expect(first - 29_600).toBe(6650);
    expect(second - first).toBeCloseTo(3300);
    expect(third - second).toBeCloseTo(3300);
  });

  test('asks three times, or until a router is found', () => {
    const start = begin();
    clock.advance(60_000);
    expect(times('RS', 'ff02::2', start)).toEqual([0, 4000, 8000]);
  });

  test('asks no more when a router is found', () => {
    const start = begin();
    clock.advance(100);
    hear('fe80::2');
    clock.advance(60_000);
    expect(times('RS', 'ff02::2', start)).toEqual([0]);
    expect(found).toEqual(['fe80::2']);
  });

  test('tells a router that has just come of itself, once', () => {
    const start = begin();
    clock.advance(5000);
    hear('fe80::2');
    clock.advance(5000);
    hear('fe80::2');
    clock.advance(5000);
    expect(times('RA', 'fe80::2', start)).toEqual([5250]);
  });

  test('answers a solicitation to its sender within half a second', () => {
    const start = begin();
    random = 1;
    clock.advance(500);
    discovery.receive(packetOf(SOLICITATION, addressOf('fe80::9'), { destination: 'ff02::2' }));
    discovery.receive(packetOf(SOLICITATION, addressOf('fe80::9'), { destination: 'ff02::2' }));
    clock.advance(60_000);
    expect(times('RA', 'fe80::9', start)).toEqual([1000]);
    expect(found).toEqual([]);
  });

  test('answers one without an address to all, three seconds after the last time', () => {
    const start = begin();
    clock.advance(4000);
    const bare = encodeSolicitation(new Uint8Array(0));
    discovery.receive(packetOf(bare, addressOf('::'), { destination: 'ff02::2' }));
    clock.advance(5000);
    expect(times('RA', 'ff02::1', start)).toEqual([0, 1000, 2000, 3000, 6250]);
  });

  test('a flood of solicitations is answered for a few at a time', () => {
    begin();
    for (let i = 1; i <= 1000; i++) {
      discovery.receive(packetOf(SOLICITATION, addressOf(`fe80::${i.toString(16)}`)));
    }
    sent = [];
    clock.advance(900);
    expect(sent).toHaveLength(8);
  });

  test('of two routers on the link the first counts for as long as it is heard', () => {
    begin();
    hear('fe80::2');
    for (let i = 0; i < 10; i++) {
      clock.advance(5000);
      hear('fe80::3');
      clock.advance(5000);
      hear('fe80::2');
    }
    expect(found).toEqual(['fe80::2']);
  });

  test('another one takes the place of one that is silent, unless there is a session with it', () => {
    begin();
    hear('fe80::2');
    inUse = true;
    clock.advance(100_000);
    hear('fe80::3');
    expect(found).toEqual(['fe80::2']);
    inUse = false;
    hear('fe80::3');
    expect(found).toEqual(['fe80::2', 'fe80::3']);
    hear('fe80::2');
    expect(found).toEqual(['fe80::2', 'fe80::3']);
  });

  test('what is malformed is discarded with a reason', () => {
    begin();
    expect(discovery.receive(packetOf(ADVERTISEMENT, addressOf('fe80::2'), { hopLimit: 64 }))).toMatch(/64/);
    expect(found).toEqual([]);
  });

  test('many routers are not all remembered', () => {
    begin();
    for (let i = 1; i <= 100; i++) {
      clock.advance(10);
      hear(`fe80::${i.toString(16)}`);
    }
    clock.advance(20_000);
    hear('fe80::64');
    expect(found).toEqual(['fe80::1', 'fe80::64']);
  });

  test('nothing happens after the end', () => {
    begin();
    discovery.receive(packetOf(SOLICITATION, addressOf('fe80::9')));
    discovery.stop();
    sent = [];
    clock.advance(60_000);
    expect(sent).toEqual([]);
  });

  test('does not take its own address for a neighbor', () => {
    discovery.receive(packetOf(ADVERTISEMENT, OWN));
    expect(found).toEqual([]);
    discovery.receive(packetOf(ADVERTISEMENT, addressOf('fe80::2')));
    expect(found).toEqual(['fe80::2']);
  });

  test('answers many that have no address yet at once, and no sooner than the pause allows', () => {
    discovery.start();
    clock.advance(20_000);
    sent.length = 0;
    for (let host = 1; host <= 8; host++) {
      discovery.receive(packetOf(SOLICITATION, addressOf(`2001:db8::${host}`)));
    }
    clock.advance(2999);
    // One answer to all, and what was due anyway.
    expect(sent.filter(({ kind, to }) => kind === 'RA' && to === 'ff02::1').length).toBeLessThanOrEqual(2);
  });
});
