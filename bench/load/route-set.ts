import { ByteWriter } from '../../net/byte-writer.ts';
import type { FamilyWord } from '../daemons/daemon.ts';
import { Random } from './random.ts';

/** Attributes that some routes have in common, less what the speaker that sends them adds. */
export interface RouteAttributes {
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  readonly origin: number;
  /** What follows the sender's own AS in AS_PATH. */
  readonly asPath: readonly number[];
  readonly communities: readonly number[];
  /** In hexadecimal, eight octets each. */
  readonly extendedCommunities: readonly string[];
  /** Of EVPN routes, which keep it: four octets. */
  readonly nextHop: readonly number[] | undefined;
}

/** Routes of one family. Those with the same attributes follow each other. */
export class RouteSet {
  readonly family: FamilyWord;
  readonly attributes: readonly RouteAttributes[];
  /** By attributes: its first route; one more at the end. */
  readonly firstRoute: Uint32Array;
  /** All NLRI as on the wire, back to back. */
  readonly nlri: Uint8Array;
  /** By route: where its NLRI starts; one more at the end. */
  readonly nlriStart: Uint32Array;

  constructor(family: FamilyWord, attributes: readonly RouteAttributes[], nlri: readonly Uint8Array[][]) {
    this.family = family;
    this.attributes = attributes;
    const count = nlri.reduce((sum, routes) => sum + routes.length, 0);
    this.firstRoute = new Uint32Array(attributes.length + 1);
    this.nlriStart = new Uint32Array(count + 1);
    const bytes = new ByteWriter();
    let route = 0;
    nlri.forEach((routes, index) => {
      for (const one of routes) {
        bytes.raw(one);
        this.nlriStart[++route] = bytes.length;
      }
      this.firstRoute[index + 1] = route;
    });
    this.nlri = bytes.take();
  }

  get count(): number {
    return this.nlriStart.length - 1;
  }
}

/** Per mille of prefixes of each length from /8 on, about as the global IPv4 table has it. */
const IPV4_LENGTHS = [1, 1, 1, 1, 1, 2, 14, 9, 14, 26, 44, 55, 118, 106, 607];
const IPV4_SHORTEST = 10;
/** Lengths of the global IPv6 table and their per mille. */
const IPV6_LENGTHS = [29, 32, 36, 40, 44, 46, 47, 48];
const IPV6_WEIGHTS = [30, 130, 40, 100, 120, 40, 40, 500];

/** Routes of the shape of the global table: lengths, a sixth as many attribute sets, paths and communities. */
export function internetRoutes(family: 'ipv4' | 'ipv6', count: number, seed = 1): RouteSet {
  const random = new Random(seed);
  const sets = Math.max(1, Math.floor(count / 6));
  const attributes = distinctAttributes(sets, random);
  const nlri: Uint8Array[][] = Array.from({ length: sets }, () => []);
  const seen = new Set<number>();
  for (let route = 0; route < count; route++) {
    // Each set has one route at least; the rest falls unevenly, as origins differ in size.
    const set = route < sets ? route : Math.min(random.below(sets), random.below(sets));
    nlri[set]?.push(family === 'ipv4' ? ipv4Nlri(random, seen) : ipv6Nlri(random, seen));
  }
  return new RouteSet(family, attributes, nlri);
}

function distinctAttributes(count: number, random: Random): RouteAttributes[] {
  return Array.from({ length: count }, (_, index) => {
    const length = 1 + random.weighted([8, 25, 30, 20, 10, 5, 2]);
    const asPath = Array.from({ length }, () => asNumber(random));
    // The origin's number is the set's own, so that no two sets are the same.
    asPath.push(100_000 + index);
    const communities = Array.from(
      { length: random.weighted([20, 20, 15, 15, 10, 8, 6, 4, 2]) },
      () => ((1 + random.below(64_000)) << 16) + random.below(65_536),
    );
    return {
      origin: random.weighted([9, 0, 1]),
      asPath,
      communities: [...new Set(communities.map((value) => value >>> 0))],
      extendedCommunities: [],
      nextHop: undefined,
    };
  });
}

function asNumber(random: Random): number {
  return random.below(4) === 0 ? 131_072 + random.below(400_000) : 1 + random.below(22_000);
}

function ipv4Nlri(random: Random, seen: Set<number>): Uint8Array {
  for (;;) {
    const length = IPV4_SHORTEST + random.weighted(IPV4_LENGTHS);
    // 11.0.0.0 to 99.255.255.255: nothing special in there.
    const address = (11 + random.below(89)) * 2 ** 24 + random.below(2 ** 24);
    const prefix = Math.floor(address / 2 ** (32 - length)) * 2 ** (32 - length);
    const key = prefix * 64 + length;
    if (seen.has(key)) continue;
    seen.add(key);
    const bytes = Buffer.alloc(5);
    bytes[0] = length;
    bytes.writeUInt32BE(prefix, 1);
    return bytes.subarray(0, 1 + Math.ceil(length / 8));
  }
}

function ipv6Nlri(random: Random, seen: Set<number>): Uint8Array {
  for (;;) {
    const length = IPV6_LENGTHS[random.weighted(IPV6_WEIGHTS)] as number;
    // 2600::/12 and what follows; 48 bits.
    const bits = 0x2600_0000_0000 + random.below(2 ** 20) * 2 ** 16 + random.below(2 ** 16);
    const prefix = Math.floor(bits / 2 ** (48 - length)) * 2 ** (48 - length);
    const key = prefix * 32 + (length - 24);
    if (seen.has(key)) continue;
    seen.add(key);
    const bytes = Buffer.alloc(7);
    bytes[0] = length;
    bytes.writeUIntBE(prefix, 1, 6);
    return bytes.subarray(0, 1 + Math.ceil(length / 8));
  }
}

/** What {@link prefixRoutes} makes. */
export interface PrefixRoutesPlan {
  readonly vnis: number;
  /** Tunnel endpoints that announce routes in each VNI. */
  readonly vteps: number;
  /** Routes of each tunnel endpoint in each VNI. */
  readonly routes: number;
  /** AS in the route targets: theirs is `as:vni`. */
  readonly as: number;
  /** The first VNI; 100 when absent. */
  readonly firstVni?: number;
  /** Each route has the community `as:vni`. */
  readonly marked?: boolean;
}

/** EVPN Type 5 routes (RFC 9136) as the leaves of a fabric announce them: /24 and /32, two sets of attributes in three share most. */
export function prefixRoutes(plan: PrefixRoutesPlan): RouteSet {
  const { vnis, vteps, routes, as, firstVni = 100, marked = false } = plan;
  const attributes: RouteAttributes[] = [];
  const nlri: Uint8Array[][] = [];
  for (let vni = firstVni; vni < firstVni + vnis; vni++) {
    for (let vtep = 0; vtep < vteps; vtep++) {
      attributes.push(tunnelAttributes(as, vni, vtep, marked ? [as * 2 ** 16 + vni] : []));
      nlri.push(Array.from({ length: routes }, (_, route) => prefixNlri(vni, vtep, route)));
    }
  }
  return new RouteSet('evpn', attributes, nlri);
}

function tunnelAttributes(
  as: number,
  vni: number,
  vtep: number,
  communities: readonly number[],
): RouteAttributes {
  const target = `0002${hex(as, 4)}${hex(vni, 8)}`;
  const encapsulation = '030c000000000008';
  const routerMac = `0603${hex(0x02aa, 4)}${hex(vni, 4)}${hex(vtep, 4)}`;
  return {
    origin: 0,
    asPath: [as],
    communities,
    extendedCommunities: [target, encapsulation, routerMac],
    nextHop: vtepAddress(vtep),
  };
}

function vtepAddress(vtep: number): readonly number[] {
  return [100, 64, vtep >>> 8, vtep & 0xff];
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** RFC 9136 §3.1: RD, ESI, Ethernet tag, prefix length, prefix, gateway, label (the VNI, RFC 8365 §5.1.3). */
function prefixNlri(vni: number, vtep: number, route: number): Uint8Array {
  const bytes = Buffer.alloc(36);
  bytes[0] = 5;
  bytes[1] = 34;
  bytes[3] = 1;
  bytes.set(vtepAddress(vtep), 4);
  bytes.writeUInt16BE(vni & 0xffff, 8);
  const host = route % 2 === 0;
  bytes[24] = host ? 32 : 24;
  // Each endpoint has its own 2 million addresses of 10.0.0.0/8.
  const address = 0x0a00_0000 + vtep * 2 ** 18 + Math.floor(route / 2) * 2 ** 8;
  bytes.writeUInt32BE(host ? address + 7 : address, 25);
  bytes.writeUIntBE(vni, 33, 3);
  return bytes;
}
