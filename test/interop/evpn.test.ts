import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { EvpnSpeaker, OwnEvpnRoute, SeenEvpnRoute } from './speakers/speaker.ts';

const OUR_AS = 64514;

/** One after the other: origin - FRR - us - far. */
const CHAIN = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    frr: { program: 'frr', as: 64512 },
    origin: { program: 'gobgp', as: 65001 },
    far: { program: 'gobgp', as: 4_200_000_003 },
  },
  links: [
    { between: ['origin', 'frr'], families: ['ipv4', 'evpn'] },
    { between: ['frr', 'us'], families: ['ipv4', 'evpn'] },
    { between: ['us', 'far'], families: ['ipv4', 'evpn'] },
  ],
} as const;

const ROUTES: readonly OwnEvpnRoute[] = [
  {
    prefix: '10.77.0.0/24',
    rd: '65001:1',
    routeTarget: '65001:100',
    vni: 100,
    routerMac: '02:00:00:00:00:05',
  },
  {
    prefix: '10.77.0.0/24',
    rd: '192.0.2.1:2',
    routeTarget: '192.0.2.1:100',
    vni: 16_777_215,
    routerMac: '02:00:00:00:00:06',
  },
  {
    prefix: '2001:db8:77::/64',
    rd: '65001:3',
    routeTarget: '65001:100',
    vni: 200,
    routerMac: '02:00:00:00:00:05',
  },
];

function findRoute(
  routes: readonly SeenEvpnRoute[],
  { prefix, rd }: OwnEvpnRoute,
): SeenEvpnRoute | undefined {
  return routes.find((route) => route.prefix === prefix && route.rd === rd);
}

function waitForEvpn(speaker: EvpnSpeaker, wanted: OwnEvpnRoute, present: boolean) {
  return waitFor(
    `${speaker.program} ${present ? 'has' : 'no longer has'} ${wanted.prefix} of ${wanted.rd}`,
    async () => findRoute(await speaker.evpnRoutes(), wanted),
    (route) => (route !== undefined) === present,
  );
}

describeTopology('EVPN Type 5', CHAIN, (topology) => {
  for (const route of ROUTES) {
    const { prefix, rd, vni, routeTarget, routerMac } = route;
    const same = { prefix, rd, vni, routeTargets: [routeTarget], routerMac };

    it(`${prefix} of ${rd}: from FRR through us to GoBGP, unchanged but for the AS path, and withdrawn`, async () => {
      await topology().established();
      const { origin, frr, us, far } = topology().speakers;
      await origin.announceEvpn(route);
      const before = await waitForEvpn(frr, route, true);
      expect(await waitForEvpn(us, route, true)).toEqual({ ...before, ...same, asPath: '64512 65001' });
      // A VTEP is not ours to change: the next hop of an EVPN route stays.
      expect(await waitForEvpn(far, route, true)).toEqual({
        ...same,
        asPath: `${OUR_AS} 64512 65001`,
        nextHop: (await waitForEvpn(us, route, true))?.nextHop,
      });
      await origin.withdrawEvpn(route);
      await waitForEvpn(us, route, false);
      await waitForEvpn(far, route, false);
    });

    it(`${prefix} of ${rd}: from GoBGP through us to FRR, unchanged but for the AS path, and withdrawn`, async () => {
      await topology().established();
      const { frr, us, far } = topology().speakers;
      await far.announceEvpn(route);
      expect(await waitForEvpn(frr, route, true)).toEqual({
        ...same,
        asPath: `${OUR_AS} 4200000003`,
        nextHop: topology().address('far', 'us'),
      });
      expect(await waitForEvpn(us, route, true)).toEqual({
        ...same,
        asPath: '4200000003',
        nextHop: topology().address('far', 'us'),
      });
      await far.withdrawEvpn(route);
      await waitForEvpn(us, route, false);
      await waitForEvpn(frr, route, false);
    });
  }

  it('routes of a peer that dies are withdrawn', async () => {
    await topology().established();
    const [route] = ROUTES;
    if (!route) throw new Error('there is no route');
    const { frr, us, far } = topology().speakers;
    await far.announceEvpn(route);
    await waitForEvpn(frr, route, true);
    await far.kill();
    await waitForEvpn(us, route, false);
    await waitForEvpn(frr, route, false);
  });
});

/** Of a type that nobody knows: six octets. */
const UNKNOWN_NLRI = '6306010203040506';
const UNKNOWN_NEXT_HOP = 'c0000201';

/** ExaBGP sends it beside a route for IPv4, as an MP_REACH_NLRI of which it knows nothing. */
const ODD = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    source: {
      program: 'exabgp',
      as: 64512,
      routes: [
        {
          family: 'ipv4',
          prefix: '10.78.0.0/24',
          rawAttribute: `0x0e 0x80 0x00194604${UNKNOWN_NEXT_HOP}00${UNKNOWN_NLRI}`,
        },
      ],
    },
    sink: { program: 'exabgp', as: 64513 },
    frr: { program: 'frr', as: 64515 },
  },
  links: [
    { between: ['us', 'source'], families: ['ipv4', 'evpn'] },
    { between: ['us', 'sink'], families: ['ipv4', 'evpn'] },
    { between: ['us', 'frr'], families: ['ipv4', 'evpn'] },
  ],
} as const;

describeTopology('an EVPN route of a type that is not known', ODD, (topology) => {
  it('goes on as it came, and costs no session', async () => {
    await topology().established('us', 'frr');
    const { us, sink, frr } = topology().speakers;
    const heard = await waitFor(
      'ExaBGP has heard of both routes',
      async () => sink.heard(),
      (nlri) => ['10.78.0.0/24', 'evpn'].every((start) => nlri.some((text) => text.startsWith(start))),
    );
    expect(heard).toContain(`evpn:unknown:0x${UNKNOWN_NLRI.slice(4)}`);
    await waitFor(
      'FRR has the other route',
      () => frr.prefixes('ipv4'),
      (prefixes) => prefixes.has('10.78.0.0/24'),
    );
    for (const name of ['source', 'sink', 'frr'] as const) {
      const { state, lost, families } = await us.session(topology().address(name, 'us'));
      const [received, sent] = name === 'source' ? [1, 0] : [0, 1];
      expect([name, state, lost]).toEqual([name, 'Established', 0]);
      const evpn = families.find(({ family }) => family === 'l2vpn-evpn');
      expect([name, evpn]).toMatchObject([name, { received, sent }]);
    }
  });
});
