import { FIRST_VNI } from '../daemons/daemon.ts';
import { prefixRoutes, RouteSet } from '../load/route-set.ts';
import { announcements } from '../load/update-stream.ts';
import { vrfLayout } from './layout.ts';
import { load, thousands } from './loads.ts';
import type { Scenario } from './scenario.ts';

/** Why no other daemon takes part. */
const WITHOUT = {
  bird: 'no EVPN',
  bird3: 'no EVPN',
  openbgpd: 'no EVPN on Linux',
  frr: 'its bgpd has VRFs only with zebra and a kernel with VRF',
  gobgp: 'no import of Type 5 into VRFs of neighbors',
} as const;

const FABRIC_AS = 64_700;
const VTEPS = 10;
const CAPACITY = 8 * 1024 * 1024;

/**
 * A fabric peer sends Type 5 routes of many VNIs, all with the same prefixes; each is imported into the VNI's VRF and
 * sent on to the host peer in it. A community tells which VNI a route is of: a host must have those of its own alone.
 */
export function vrf(name: string, vnis: number, routesEach: number): Scenario {
  const scenario = {
    name,
    text: `${thousands(vnis)} VNIs of ${thousands(routesEach)} Type 5 routes from a fabric peer into VRFs and on to ${thousands(vnis)} host peers`,
    without: WITHOUT,
    layout: vrfLayout(vnis, CAPACITY),
  };
  return load(scenario, async (fixture) => {
    const plan = {
      vnis,
      vteps: VTEPS,
      routes: routesEach / VTEPS,
      as: FABRIC_AS,
      firstVni: FIRST_VNI,
      marked: true,
    };
    const routes = prefixRoutes(plan);
    const sender = fixture.sender(0);
    const stream = announcements(routes, sender);
    const hosts = fixture.speakers.slice(1);
    const measurement = await fixture.measure(async () => {
      await fixture.speaker(0).send(stream);
      await fixture.until(hosts, (one) => one.receiver.announced >= routesEach, name);
    });
    hosts.forEach((host, index) => {
      fixture.check(fixture.expectation(unicastOfVni(routes, index, VTEPS), sender), [host]);
    });
    return measurement;
  });
}

/** Position of prefix length and prefix in a Type 5 route with its two octets of head (RFC 9136 §3.1). */
const LENGTH_AT = 24;
const PREFIX_AT = 25;

/** The routes of the VNI number `index` as IPv4 unicast routes without the attributes of the tunnel. */
function unicastOfVni(routes: RouteSet, index: number, vteps: number): RouteSet {
  const first = routes.firstRoute[index * vteps] as number;
  const end = routes.firstRoute[(index + 1) * vteps] as number;
  const attributes = routes.attributes[index * vteps];
  if (!attributes) throw new RangeError(`there is no VNI ${index}`);
  const nlri = Array.from({ length: end - first }, (_, at) => {
    const start = routes.nlriStart[first + at] as number;
    const length = routes.nlri[start + LENGTH_AT] as number;
    const prefix = routes.nlri.subarray(start + PREFIX_AT, start + PREFIX_AT + ((length + 7) >> 3));
    return Uint8Array.of(length, ...prefix);
  });
  return new RouteSet('ipv4', [{ ...attributes, extendedCommunities: [], nextHop: undefined }], [nlri]);
}
