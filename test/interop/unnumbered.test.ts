import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnEvpnRoute, OwnRoute } from './speakers/speaker.ts';

const IPV4: OwnRoute = { family: 'ipv4', prefix: '10.41.0.0/16' };
const IPV6: OwnRoute = { family: 'ipv6', prefix: '2001:db8:41::/48' };
const FRR_IPV4: OwnRoute = { family: 'ipv4', prefix: '10.42.0.0/16' };
const FRR_IPV6: OwnRoute = { family: 'ipv6', prefix: '2001:db8:42::/48' };
const EVPN: OwnEvpnRoute = {
  prefix: '10.77.0.0/24',
  rd: '65001:1',
  routeTarget: '65001:100',
  vni: 100,
  routerMac: '02:00:00:00:00:05',
};

/** Slow enough for tests that run beside others. */
const BFD = { interval: 200, multiplier: 5 };

/** FRR and BIRD have the same address on their links with us, as we have on both. */
const PLAN = {
  routers: {
    us: { program: 'openpe', as: 64514 },
    frr: { program: 'frr', as: 64512, routes: [FRR_IPV4, FRR_IPV6] },
    bird: { program: 'bird', as: 64513, routes: [IPV4, IPV6] },
    left: { program: 'gobgp', as: 65001 },
    right: { program: 'gobgp', as: 65002 },
  },
  links: [
    { between: ['us', 'frr'], families: ['ipv4', 'ipv6', 'evpn'], unnumbered: true, bfd: BFD },
    { between: ['us', 'bird'], families: ['ipv4', 'ipv6'], unnumbered: true },
    { between: ['left', 'us'], families: ['ipv4', 'evpn'] },
    { between: ['frr', 'right'], families: ['ipv4', 'evpn'] },
  ],
} as const;

describeTopology('neighbors by interface (unnumbered)', PLAN, (topology) => {
  it('find each other, and are Established', async () => {
    await topology().established();
    const { us } = topology().speakers;
    const session = await us.session(topology().interfaceOf('us', 'frr'));
    expect(session).toMatchObject({ peerAddress: 'fe80::2', localAddress: 'fe80::1', remoteAs: 64512 });
  });

  it.each([
    ['ipv4', IPV4.prefix, FRR_IPV4.prefix],
    ['ipv6', IPV6.prefix, FRR_IPV6.prefix],
  ] as const)('exchange %s routes with link-local next hops', async (family, fromBird, fromFrr) => {
    const { us, frr, bird } = topology().speakers;
    const nextHops = [
      [us, fromBird, `fe80::2%${topology().interfaceOf('us', 'bird')}`],
      [us, fromFrr, `fe80::2%${topology().interfaceOf('us', 'frr')}`],
      [frr, fromBird, 'fe80::1'],
    ] as const;
    for (const [speaker, prefix, nextHop] of nextHops) {
      const route = await waitFor(
        `${speaker.program} has ${prefix}`,
        () => speaker.route(family, prefix),
        (found) => found !== undefined,
      );
      expect(route).toMatchObject({ prefix, nextHop });
    }
    const route = await waitFor(
      `BIRD has ${fromFrr}`,
      () => bird.route(family, fromFrr),
      (found) => found !== undefined,
    );
    expect(route?.asPath).toBe('64514 64512');
  });

  it('pass EVPN routes on, both ways, with the tunnel endpoint as next hop', async () => {
    const { us, frr, left, right } = topology().speakers;
    const far = { ...EVPN, rd: '65002:1', prefix: '10.78.0.0/24' };
    // FRR resolves the tunnel endpoint, as it does in a fabric.
    await left.announce({ family: 'ipv4', prefix: topology().address('left', 'us').replace(/\d+$/, '0/24') });
    await left.announceEvpn(EVPN);
    await right.announceEvpn(far);
    for (const [speaker, { prefix }, origin] of [
      [frr, EVPN, topology().address('left', 'us')],
      [us, far, topology().address('right', 'frr')],
      [left, far, topology().address('right', 'frr')],
    ] as const) {
      const route = await waitFor(
        `${speaker.program} has ${prefix}`,
        async () => (await speaker.evpnRoutes()).find((found) => found.prefix === prefix),
        (found) => found !== undefined,
      );
      expect(route).toMatchObject({ nextHop: origin, vni: 100 });
    }
  });

  it('are watched by BFD over their link-local addresses (RFC 5881)', async () => {
    const { us, frr } = topology().speakers;
    const name = topology().interfaceOf('us', 'frr');
    const bfdUp = () =>
      waitFor(
        'BFD up at both ends',
        async () => [(await us.session(name)).bfd, await frr.bfdState('fe80::1')],
        (states) => states.every((state) => state === 'up'),
      );
    await bfdUp();
    frr.freezeBfd();
    const { lastError } = await waitFor(
      'lost',
      () => us.session(name),
      ({ state }) => state !== 'Established',
      3,
    );
    expect(lastError?.reason).toMatch(/BFD session down/);
    frr.thawBfd();
    await topology().established('us', 'frr');
    await bfdUp();
  });

  it('are lost with the link at once, and come back with it', async () => {
    const { us, frr } = topology().speakers;
    const name = topology().interfaceOf('us', 'frr');
    await topology().setLink('frr', 'us', false);
    const lost = await waitFor(
      'lost',
      () => us.session(name),
      ({ state }) => state !== 'Established',
      2,
    );
    expect(lost).toMatchObject({ state: 'Idle', lastError: { reason: `${name} has no carrier` } });
    expect(lost.peerAddress).toBeUndefined();
    expect(await us.route('ipv4', FRR_IPV4.prefix)).toBeUndefined();
    expect(await us.route('ipv4', IPV4.prefix)).toBeDefined();
    await topology().setLink('frr', 'us', true);
    await topology().established('us', 'frr');
    await waitFor(
      'FRR has the route again',
      () => frr.route('ipv4', IPV4.prefix),
      (found) => found !== undefined,
    );
  });

  it('come back after the peer has started again', async () => {
    const { us, frr } = topology().speakers;
    await frr.kill();
    await frr.start();
    await topology().established('us', 'frr');
    await waitFor(
      'the route of FRR',
      () => us.route('ipv4', FRR_IPV4.prefix),
      (found) => found !== undefined,
    );
  });

  it('come back after this router has started again', async () => {
    const { us } = topology().speakers;
    await us.reset();
    await topology().established('us', 'frr', 'bird');
  });
});

const SECRET = {
  routers: {
    us: { program: 'openpe', as: 64514 },
    right: { program: 'frr', as: 64512 },
    wrong: { program: 'frr', as: 64513 },
  },
  links: [
    { between: ['us', 'right'], families: ['ipv4'], unnumbered: true, passwords: ['secret', 'secret'] },
    { between: ['wrong', 'us'], families: ['ipv4'], unnumbered: true, passwords: ['other', 'secret'] },
  ],
} as const;

describeTopology('neighbors by interface with passwords (RFC 2385)', SECRET, (topology) => {
  it('have to know them', async () => {
    await topology().established('right');
    const { us } = topology().speakers;
    // Both ends try every second.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const wrong = await us.session(topology().interfaceOf('us', 'wrong'));
    expect(wrong.peerAddress).toBe('fe80::1');
    expect(wrong.state).not.toBe('Established');
  });
});

/** FRR is of our AS and BIRD of another one, each on a link without addresses. */
const INTERNAL = {
  routers: {
    us: { program: 'openpe', as: 64514 },
    frr: { program: 'frr', as: 64514, routes: [FRR_IPV4, FRR_IPV6] },
    bird: { program: 'bird', as: 64513, routes: [IPV4, IPV6] },
  },
  links: [
    { between: ['us', 'frr'], families: ['ipv4', 'ipv6'], unnumbered: true },
    { between: ['us', 'bird'], families: ['ipv4', 'ipv6'], unnumbered: true },
  ],
} as const;

describeTopology('an internal neighbor by interface', INTERNAL, (topology) => {
  it.each([
    ['ipv4', IPV4.prefix, FRR_IPV4.prefix],
    ['ipv6', IPV6.prefix, FRR_IPV6.prefix],
  ] as const)(
    'exchanges %s routes, with us as next hop of those from another link',
    async (family, far, own) => {
      await topology().established();
      const { us, frr, bird } = topology().speakers;
      const expected = [
        [us, own, { nextHop: `fe80::2%${topology().interfaceOf('us', 'frr')}`, asPath: '', localPref: 100 }],
        [frr, far, { nextHop: 'fe80::1', asPath: '64513', localPref: 100 }],
        [bird, own, { asPath: '64514' }],
      ] as const;
      for (const [speaker, prefix, seen] of expected) {
        const route = await waitFor(
          `${speaker.program} has ${prefix}`,
          () => speaker.route(family, prefix),
          (found) => found !== undefined,
        );
        expect([speaker.program, route]).toMatchObject([speaker.program, seen]);
      }
    },
  );
});
