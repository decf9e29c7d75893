import { beforeEach, describe, expect, it } from 'vitest';
import { UpdateReader } from '../../../../bgp/rib/update-reader.ts';
import { NO_ATTRIBUTES, type PathAttributes } from '../../../../bgp/wire/attribute-types.ts';
import type { WireContext } from '../../../../bgp/wire/context.ts';
import { type Family, IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../../../bgp/wire/family.ts';
import type { NlriRoute } from '../../../../bgp/wire/nlri.ts';
import { encodeEndOfRib, encodeUpdate, type UpdateContent } from '../../../../bgp/wire/update.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import { fromHex } from '../../../../net/hex.ts';
import { parsePrefix } from '../../../../net/prefix.ts';
import { EBGP_CONTEXT } from '../wire/contexts.ts';
import { RibBench } from './rib-bench.ts';
import { addressOf } from './speaker-bench.ts';

const LOCAL_AS = 64512;
const PATH = [{ type: 2, asns: [65001] }];

function unicast(text: string): NlriRoute {
  const prefix = parsePrefix(text);
  if (!prefix) throw new Error(text);
  const family = prefix.address.version === 4 ? IPV4_UNICAST : IPV6_UNICAST;
  return { kind: 'unicast', family, prefix };
}

/** A bench of one RIB with a reader before it; the store is the RIB's. */
class ReaderBench {
  readonly bench: RibBench;
  readonly tolerated: string[] = [];
  readonly endOfRib: Family[] = [];
  readonly reader: UpdateReader;
  readonly #writer = new ByteWriter();
  readonly context: WireContext;

  constructor(family: Family, context: Partial<WireContext> = {}, extra: RibBench[] = []) {
    this.bench = new RibBench(family);
    this.context = { ...EBGP_CONTEXT, ...context };
    const ribs = [this.bench, ...extra].map(({ rib }) => [rib.family, rib] as const);
    this.reader = new UpdateReader({
      attributes: this.bench.attributes,
      context: this.context,
      source: this.bench.source('peer'),
      ribs: new Map(ribs),
      localAs: LOCAL_AS,
      allowOwnAs: 0,
      routerId: 0x0a000001,
      endOfRib: (of) => this.endOfRib.push(of),
      tolerated: ({ message }) => this.tolerated.push(message),
    });
  }

  /** Reads an UPDATE and decides; the error that ends the session, if any. */
  read(content: UpdateContent): string | undefined {
    encodeUpdate(this.#writer.reset(), content, this.context);
    return this.readBytes(this.#writer.take());
  }

  readBytes(bytes: Uint8Array): string | undefined {
    const error = this.reader.read(bytes, 0, bytes.length);
    this.bench.rib.decide(1000);
    this.bench.rib.settle(1_000_000);
    return error?.message;
  }

  /** Prefixes, attribute sets, next hops and extras that are kept. */
  get kept(): readonly number[] {
    const { rib, attributes } = this.bench;
    return [rib.prefixes.size, attributes.size, attributes.nextHops.size, rib.extras.size];
  }
}

const attributes = (changes: Partial<PathAttributes> = {}): PathAttributes => ({
  ...NO_ATTRIBUTES,
  origin: 0,
  asPath: PATH,
  ...changes,
});

const nextHop = addressOf('203.0.113.1');

function ipv4(changes: Partial<PathAttributes> = {}, ...prefixes: string[]): UpdateContent {
  return {
    attributes: attributes({ nextHop, ...changes }),
    nlri: (prefixes.length > 0 ? prefixes : ['10.0.0.0/8']).map(unicast),
  };
}

/** An UPDATE with these attributes and nothing else but NLRI, from hex. */
function update(attributeHex: string, nlriHex = ''): Uint8Array {
  const body = fromHex(attributeHex.replaceAll(' ', '')) ?? new Uint8Array(0);
  const nlri = fromHex(nlriHex.replaceAll(' ', '')) ?? new Uint8Array(0);
  const writer = new ByteWriter();
  writer
    .fill(0xff, 16)
    .u16(23 + body.length + nlri.length)
    .u8(2)
    .u16(0)
    .u16(body.length)
    .raw(body)
    .raw(nlri);
  return writer.take();
}

describe('reading UPDATEs of IPv4 unicast', () => {
  let reader: ReaderBench;
  beforeEach(() => {
    reader = new ReaderBench(IPV4_UNICAST);
  });

  it('announces and withdraws, several routes at a time', () => {
    expect(reader.read(ipv4({}, '10.0.0.0/8', '0.0.0.0/0', '10.1.2.3/32'))).toBeUndefined();
    expect(reader.kept).toEqual([3, 1, 1, 0]);
    expect(reader.read({ withdrawn: [unicast('10.0.0.0/8'), unicast('0.0.0.0/0')] })).toBeUndefined();
    expect(reader.kept).toEqual([1, 1, 1, 0]);
    expect(reader.read({ withdrawn: [unicast('10.1.2.3/32'), unicast('192.0.2.0/24')] })).toBeUndefined();
    expect(reader.kept).toEqual([0, 0, 0, 0]);
  });

  it('takes a prefix with host bits for the prefix', () => {
    const path = '40 01 01 00 40 02 06 02 01 00 00 fd e9 40 03 04 cb 00 71 01';
    expect(reader.readBytes(update(path, '04 1f'))).toBeUndefined();
    expect(reader.readBytes(update(path, '04 10'))).toBeUndefined();
    expect(reader.bench.rib.prefixes.find(Uint8Array.of(4, 0x10), 0, 2)).toBeGreaterThanOrEqual(0);
    expect(reader.kept).toEqual([1, 1, 1, 0]);
  });

  it('refuses paths with its own AS, and next hops that are its own, and keeps nothing of them', () => {
    expect(reader.read(ipv4({}))).toBeUndefined();
    expect(reader.read(ipv4({ asPath: [{ type: 2, asns: [65001, LOCAL_AS] }] }))).toBeUndefined();
    expect(reader.kept).toEqual([0, 0, 0, 0]);
    reader.bench.attributes.nextHops.setOwnAddresses([nextHop]);
    expect(reader.read(ipv4({}))).toBeUndefined();
    expect(reader.kept).toEqual([0, 0, 0, 0]);
  });

  it('treats malformed attributes as a withdrawal and keeps nothing of them', () => {
    expect(reader.read(ipv4({}))).toBeUndefined();
    // ORIGIN 7, and each time another next hop.
    for (let host = 1; host < 20; host++) {
      const hex = host.toString(16).padStart(2, '0');
      const bytes = update(`40 01 01 07 40 02 06 02 01 00 00 fd e9 40 03 04 cb 00 72 ${hex}`, '08 0a');
      expect(reader.readBytes(bytes)).toBeUndefined();
    }
    expect(reader.kept).toEqual([0, 0, 0, 0]);
    expect(reader.tolerated).toHaveLength(19);
  });

  it('keeps the first of two NEXT_HOP attributes, also when the set was seen before (RFC 7606 §3 g)', () => {
    const path = '40 01 01 00 40 02 06 02 01 00 00 fd e9';
    const second = `${path} 40 03 04 cb 00 71 02`;
    expect(reader.readBytes(update(second, '08 0b'))).toBeUndefined();
    expect(
      reader.readBytes(update(`${path} 40 03 04 cb 00 71 01 40 03 04 cb 00 71 02`, '08 0a')),
    ).toBeUndefined();
    const { rib, attributes: store } = reader.bench;
    const best = rib.best(rib.prefixes.find(Uint8Array.of(8, 10), 0, 2));
    const hop = store.nextHops.get(store.nextHop(rib.paths.attributes(best)));
    expect(hop.address).toEqual(nextHop);
    expect(reader.kept).toEqual([2, 2, 2, 0]);
  });

  it('forgets attributes that came with no route of a negotiated family', () => {
    for (let med = 0; med < 10; med++) {
      const mpReach = { family: IPV6_UNICAST, nextHop: { address: addressOf('2001:db8::9') }, routes: [] };
      expect(reader.read({ attributes: attributes({ med }), mpReach })).toBeUndefined();
      expect(
        reader.read({
          attributes: attributes({ med }),
          mpReach: { ...mpReach, routes: [unicast('2001:db8::/32')] },
        }),
      ).toBeUndefined();
    }
    expect(reader.kept).toEqual([0, 0, 0, 0]);
  });

  it('ends the session for a route that is longer than its family allows', () => {
    const path = '40 01 01 00 40 02 06 02 01 00 00 fd e9 40 03 04 cb 00 71 01';
    expect(reader.readBytes(update(path, '21 0a 00 00 00 00'))).toContain('length octet 33');
    expect(reader.readBytes(update(path, '18 0a 00'))).toContain('malformed route');
    expect(reader.kept).toEqual([0, 0, 0, 0]);
  });

  it('withdraws routes of a message whose attributes overrun (RFC 7606 §4)', () => {
    expect(reader.read(ipv4({}))).toBeUndefined();
    expect(reader.readBytes(update('40 01 01 00 40 02 20 02 01', '08 0a'))).toBeUndefined();
    expect(reader.kept).toEqual([0, 0, 0, 0]);
    expect(reader.tolerated[0]).toContain('longer than the attributes');
  });

  it('ends the session when the lengths of the message do not fit', () => {
    const bytes = update('40 01 01 00', '08 0a');
    bytes[20] = 99;
    expect(reader.readBytes(bytes)).toContain('do not fit');
  });

  it('knows End-of-RIB from other messages (RFC 4724 §2)', () => {
    const writer = new ByteWriter();
    encodeEndOfRib(writer, IPV4_UNICAST);
    reader.readBytes(writer.take());
    encodeEndOfRib(writer, L2VPN_EVPN);
    reader.readBytes(writer.take());
    expect(reader.endOfRib).toEqual([IPV4_UNICAST, L2VPN_EVPN]);
    reader.read({ withdrawn: [unicast('0.0.0.0/0')], mpUnreach: { family: IPV6_UNICAST, routes: [] } });
    reader.read({ mpUnreach: { family: IPV6_UNICAST, routes: [unicast('::/0')] } });
    reader.read({ withdrawn: [unicast('0.0.0.0/0')] });
    expect(reader.endOfRib).toEqual([IPV4_UNICAST, L2VPN_EVPN]);
  });

  it('merges AS4_PATH on a session with two-octet AS numbers', () => {
    const old = new ReaderBench(IPV4_UNICAST, { fourOctetAs: false });
    expect(old.read(ipv4({ asPath: [{ type: 2, asns: [65001, 4200000001] }] }))).toBeUndefined();
    const { rib, attributes: store } = old.bench;
    const best = rib.best(rib.prefixes.find(Uint8Array.of(8, 10), 0, 2));
    expect(store.countAs(rib.paths.attributes(best), 4200000001)).toBe(1);
    expect(store.asPathLength(rib.paths.attributes(best))).toBe(2);
  });

  it('does not count LOCAL_PREF of an external peer', () => {
    expect(reader.read(ipv4({ localPref: 7 }))).toBeUndefined();
    const { rib, attributes: store } = reader.bench;
    const best = rib.best(rib.prefixes.find(Uint8Array.of(8, 10), 0, 2));
    expect(store.localPref(rib.paths.attributes(best))).toBe(100);
  });
});

describe('reading UPDATEs of EVPN', () => {
  const rdAndEsi = `0001 0a000001 0002 ${'00'.repeat(10)}`;
  const common = '40 01 01 00 40 02 06 02 01 00 00 fd e9';
  const reach = (nlri: string): Uint8Array => {
    const octets = nlri.replaceAll(' ', '').length / 2;
    const length = (9 + octets).toString(16).padStart(4, '0');
    return update(`90 0e ${length} 0019 46 04 64410000 00 ${nlri} ${common}`);
  };
  const typeFive = (length: string, prefix: string, gateway = '00000000', esi = rdAndEsi): string =>
    `05 22 ${esi} 00000000 ${length} ${prefix} ${gateway} 000064`;
  let reader: ReaderBench;
  beforeEach(() => {
    reader = new ReaderBench(L2VPN_EVPN);
  });

  it('takes a Type 5 route with host bits for the route without them', () => {
    expect(reader.readBytes(reach(typeFive('08', '0a010203')))).toBeUndefined();
    expect(reader.readBytes(reach(typeFive('08', '0a000000')))).toBeUndefined();
    expect(reader.kept).toEqual([1, 1, 1, 1]);
  });

  it('passes over malformed routes and those of type 0, and takes the routes beside them', () => {
    const tooLong = typeFive('21', '0a000000');
    const short = '05 11 0001 0a000001 0002 00000000 08 0a000000';
    const badMac = `02 21 ${rdAndEsi} 00000000 20 020000000001 00 000064`;
    const badIp = `02 21 ${rdAndEsi} 00000000 30 020000000001 08 000064`;
    const badMulticast = '03 11 0001 0a000001 0002 00000000 80 0a000001';
    const badSegment = `04 17 ${rdAndEsi} 21 0a000001`;
    const unknown = '00 02 0102';
    const good = typeFive('08', '0a000000');
    const all = [tooLong, short, badMac, badIp, badMulticast, badSegment, unknown, good];
    expect(reader.readBytes(reach(all.join(' ')))).toBeUndefined();
    expect(reader.kept).toEqual([1, 1, 1, 1]);
    expect(reader.tolerated).toHaveLength(6);
  });

  it('takes routes of unknown types by all that they say, and has them withdrawn', () => {
    const [first, second] = ['0b 02 0102', '0b 02 0103'];
    expect(reader.readBytes(reach(`${first} ${second} ${first}`))).toBeUndefined();
    expect(reader.kept[0]).toBe(2);
    expect(reader.tolerated).toEqual([]);
    expect(reader.readBytes(update(`90 0f 0007 0019 46 ${first}`))).toBeUndefined();
    expect(reader.kept[0]).toBe(1);
  });

  it('counts a Type 5 route with both a segment and a gateway as withdrawn (RFC 9136 §3.2)', () => {
    expect(reader.readBytes(reach(typeFive('08', '0a000000')))).toBeUndefined();
    expect(reader.kept).toEqual([1, 1, 1, 1]);
    const esi = '0001 0a000001 0002 01000000000000000001';
    expect(reader.readBytes(reach(typeFive('08', '0a000000', '0a000001', esi)))).toBeUndefined();
    expect(reader.kept).toEqual([0, 0, 0, 0]);
  });

  it('ends the session for a route that is cut short', () => {
    expect(reader.readBytes(reach('05 22 0001'))).toContain('malformed route');
  });

  it('looks at the next hop again for every family', () => {
    const ipv6 = new RibBench(IPV6_UNICAST);
    const both = new ReaderBench(L2VPN_EVPN, {}, [ipv6]);
    expect(both.readBytes(reach(typeFive('08', '0a000000')))).toBeUndefined();
    const wrong = update(`90 0e 000e 0002 01 04 64410000 00 20 20010db8 ${common}`);
    expect(both.readBytes(wrong)).toBeDefined();
    expect(ipv6.rib.paths.size).toBe(0);
  });
});

describe('reading UPDATEs with path identifiers (RFC 7911)', () => {
  const withId = (text: string, pathId: number): NlriRoute => ({ ...unicast(text), pathId });
  const FAMILIES = [
    { family: IPV4_UNICAST, prefix: '10.0.0.0/8', hop: '203.0.113.1' },
    { family: IPV6_UNICAST, prefix: '2001:db8::/32', hop: '2001:db8::9' },
  ];

  for (const { family, prefix, hop } of FAMILIES) {
    const announce = (med: number, ...pathIds: number[]): UpdateContent => {
      const routes = pathIds.map((id) => withId(prefix, id));
      const address = addressOf(hop);
      return family === IPV4_UNICAST
        ? { attributes: attributes({ med, nextHop: address }), nlri: routes }
        : { attributes: attributes({ med }), mpReach: { family, nextHop: { address }, routes } };
    };
    const withdraw = (...pathIds: number[]): UpdateContent => {
      const routes = pathIds.map((id) => withId(prefix, id));
      return family === IPV4_UNICAST ? { withdrawn: routes } : { mpUnreach: { family, routes } };
    };
    /** Path identifiers and MEDs that are there. */
    const held = ({ bench: { rib } }: ReaderBench): Record<number, number> => {
      const paths: Record<number, number> = {};
      for (let path = 0; path < rib.paths.idLimit; path++) {
        if (rib.paths.source(path) !== 0)
          paths[rib.paths.pathId(path)] = rib.attributes.med(rib.paths.attributes(path));
      }
      return paths;
    };

    it(`keeps, replaces and withdraws each path of ${prefix} by its identifier`, () => {
      const reader = new ReaderBench(family, { addPath: (of) => of === family });
      expect(reader.read(announce(1, 0, 7, 4_294_967_295))).toBeUndefined();
      expect(held(reader)).toEqual({ 0: 1, 7: 1, 4294967295: 1 });
      expect(reader.read(announce(2, 7))).toBeUndefined();
      expect(held(reader)).toEqual({ 0: 1, 7: 2, 4294967295: 1 });
      // RFC 7911 §5: an identifier that was not seen before is ignored.
      expect(reader.read(withdraw(8, 4_294_967_295))).toBeUndefined();
      expect(held(reader)).toEqual({ 0: 1, 7: 2 });
      expect(reader.read(withdraw(0, 7))).toBeUndefined();
      expect(reader.kept).toEqual([0, 0, 0, 0]);
      expect(reader.tolerated).toEqual([]);
    });

    it(`keeps a bounded number of paths of ${prefix}, and says how many it ignored`, () => {
      const reader = new ReaderBench(family, { addPath: () => true });
      for (let first = 0; first < 600; first += 100) {
        const ids = Array.from({ length: 100 }, (_, index) => first + index);
        expect(reader.read(announce(first, ...ids))).toBeUndefined();
      }
      expect(reader.bench.rib.paths.size).toBe(512);
      expect(reader.tolerated).toHaveLength(1);
      expect(reader.tolerated[0]).toMatch(
        /^ignored 88 ipv\d-unicast paths: the peer has 512 of the prefix already$/,
      );
      expect(reader.read(announce(9, 700))).toBeUndefined();
      expect(reader.tolerated).toHaveLength(2);
      const all = Array.from({ length: 300 }, (_, index) => index);
      expect(reader.read(withdraw(...all))).toBeUndefined();
      expect(reader.read(withdraw(...all.map((id) => id + 300)))).toBeUndefined();
      expect(reader.kept).toEqual([0, 0, 0, 0]);
    });
  }

  it('treats an identifier without a route behind it as malformed', () => {
    const reader = new ReaderBench(IPV4_UNICAST, { addPath: () => true });
    const path = '40 01 01 00 40 02 06 02 01 00 00 fd e9 40 03 04 cb 00 71 01';
    expect(reader.readBytes(update(path, '00 00 00 07 08 0a'))).toBeUndefined();
    expect(reader.readBytes(update(path, '00 00 00 07'))).toContain('malformed route');
    expect(reader.readBytes(update(path, '00 00 00 07 21 0a 00 00 00 00'))).toContain('malformed route');
  });
});
