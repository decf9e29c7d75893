import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute, PathSpeaker } from './speakers/speaker.ts';

const OUR_AS = 64514;

/** Everyone speaks with everyone, so each router knows a route of another one over several ways. */
const PLAN = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    frr: { program: 'frr', as: 65001 },
    bird: { program: 'bird', as: 65002 },
    gobgp: { program: 'gobgp', as: 65003 },
  },
  links: [
    { between: ['us', 'frr'], families: ['ipv4', 'ipv6'], addPath: true },
    { between: ['us', 'bird'], families: ['ipv4', 'ipv6'], addPath: true },
    { between: ['us', 'gobgp'], families: ['ipv4', 'ipv6'], addPath: true },
    { between: ['frr', 'bird'], families: ['ipv4', 'ipv6'] },
    { between: ['frr', 'gobgp'], families: ['ipv4', 'ipv6'] },
    { between: ['bird', 'gobgp'], families: ['ipv4', 'ipv6'] },
  ],
} as const;

type Name = Exclude<keyof typeof PLAN.routers, 'us'>;
const NAMES: readonly Name[] = ['frr', 'bird', 'gobgp'];

describeTopology('several paths of a route (ADD-PATH, RFC 7911)', PLAN, (topology) => {
  /** Waits until a speaker has just these paths from a neighbor, of those with two ASes. */
  async function waitForPaths(
    speaker: PathSpeaker,
    { family, prefix }: OwnRoute,
    neighbor: string,
    expected: readonly string[],
  ): Promise<void> {
    const direct = async (): Promise<string> => {
      const paths = await speaker.pathsFrom(family, prefix, neighbor);
      return paths
        .filter((path) => path.split(' ').length === 2)
        .sort()
        .join(', ');
    };
    const wanted = [...expected].sort().join(', ');
    await waitFor(`${speaker.program} has ${wanted || 'nothing'}`, direct, (found) => found === wanted);
  }

  for (const [index, name] of NAMES.entries()) {
    const others = NAMES.filter((other) => other !== name);
    const [first, second] = others as [Name, Name];
    const routes: readonly OwnRoute[] = [
      { family: 'ipv4', prefix: `10.${index + 1}.0.0/16` },
      { family: 'ipv6', prefix: `2001:db8:${index + 1}::/48` },
    ];

    for (const route of routes) {
      it(`${route.family}: ${name} and we tell each other both ways to a route, and when one goes`, async () => {
        await topology().established();
        const { us, [name]: peer } = topology().speakers;
        const version = route.family === 'ipv4' ? 4 : 6;
        const [here, there] = [
          topology().address('us', name, version),
          topology().address(name, 'us', version),
        ];
        const through = (as: number, ...names: Name[]): string[] =>
          names.map((other) => `${as} ${PLAN.routers[other].as}`);
        const peerAs = PLAN.routers[name].as;

        for (const other of others) await topology().speakers[other].announce(route);
        await waitForPaths(us, route, there, through(peerAs, first, second));
        await waitForPaths(peer, route, here, through(OUR_AS, first, second));

        await topology().speakers[second].withdraw(route);
        await waitForPaths(us, route, there, through(peerAs, first));
        await waitForPaths(peer, route, here, through(OUR_AS, first));

        await topology().speakers[first].withdraw(route);
        await waitForPaths(us, route, there, []);
        await waitForPaths(peer, route, here, []);
      });
    }
  }

  it('an identifier goes to another path only after a withdrawal: GoBGP, which refuses that one, forgets the first', async () => {
    await topology().established();
    const { us, frr, bird, gobgp } = topology().speakers;
    const route: OwnRoute = { family: 'ipv4', prefix: '10.9.0.0/16' };
    const here = topology().address('us', 'gobgp');
    await bird.announce(route);
    await waitForPaths(gobgp, route, here, ['64514 65002']);

    // We hear at once that BIRD's path has gone and of one of GoBGP's own, which takes its place in the RIB.
    us.freeze();
    await bird.withdraw(route);
    await gobgp.announce(route);
    await waitForPaths(frr, route, topology().address('bird', 'frr'), ['65002 65003']);
    us.thaw();
    await waitForPaths(us, route, topology().address('bird', 'us'), ['65002 65003']);
    await waitForPaths(gobgp, route, here, []);
    await gobgp.withdraw(route);
  });

  it('is negotiated in both directions', async () => {
    await topology().established();
    for (const name of NAMES) {
      const session = await topology().speakers.us.session(topology().address(name, 'us'));
      expect(session.families).toMatchObject([{ family: 'ipv4-unicast', addPath: 'both' }]);
    }
  });
});

const SHARED: OwnRoute = { family: 'ipv4', prefix: '10.5.0.0/16' };

/** Three routers have the same route, and three get the two best ways to it. */
const BEST = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    first: { program: 'bird', as: 65011, routes: [SHARED] },
    second: { program: 'bird', as: 65012, routes: [SHARED] },
    third: { program: 'bird', as: 65013, routes: [SHARED] },
    frr: { program: 'frr', as: 65001 },
    bird: { program: 'bird', as: 65002 },
    gobgp: { program: 'gobgp', as: 65003 },
  },
  links: [
    { between: ['us', 'first'], families: ['ipv4'] },
    { between: ['us', 'second'], families: ['ipv4'] },
    { between: ['us', 'third'], families: ['ipv4'] },
    { between: ['us', 'frr'], families: ['ipv4'], addPath: true, bestPaths: 2 },
    { between: ['us', 'bird'], families: ['ipv4'], addPath: true, bestPaths: 2 },
    { between: ['us', 'gobgp'], families: ['ipv4'], addPath: true, bestPaths: 2 },
  ],
} as const;

describeTopology('the two best paths of three', BEST, (topology) => {
  async function waitForPaths(name: Name, ...from: readonly ('first' | 'second' | 'third')[]): Promise<void> {
    const here = topology().address('us', name);
    const paths = async (): Promise<string> =>
      [...(await topology().speakers[name].pathsFrom(SHARED.family, SHARED.prefix, here))].sort().join(', ');
    const wanted = from
      .map((source) => `${OUR_AS} ${BEST.routers[source].as}`)
      .sort()
      .join(', ');
    await waitFor(`${name} has ${wanted}`, paths, (found) => found === wanted);
  }

  it('are sent, and the third when one of them goes', async () => {
    await topology().established();
    // Nothing but the identifiers of the routers tells the paths apart (RFC 4271 §9.1.2.2).
    for (const name of NAMES) await waitForPaths(name, 'first', 'second');
    await topology().speakers.first.withdraw(SHARED);
    for (const name of NAMES) await waitForPaths(name, 'second', 'third');
  });
});

/** We are the route reflector of two routers with the same routes, and of two that take both ways to them. */
const REFLECTOR = {
  routers: {
    us: { program: 'openpe', as: OUR_AS, clusterId: '192.0.2.77' },
    first: { program: 'gobgp', as: OUR_AS },
    second: { program: 'gobgp', as: OUR_AS },
    frr: { program: 'frr', as: OUR_AS },
    gobgp: { program: 'gobgp', as: OUR_AS },
  },
  links: [
    { between: ['us', 'first'], families: ['ipv4', 'evpn'], client: 'first' },
    { between: ['us', 'second'], families: ['ipv4', 'evpn'], client: 'second' },
    { between: ['us', 'frr'], families: ['ipv4'], client: 'frr', addPath: true },
    { between: ['us', 'gobgp'], families: ['evpn'], client: 'gobgp', addPath: true },
  ],
} as const;

describeTopology('several paths through a route reflector', REFLECTOR, (topology) => {
  /** Waits until a receiver has so many paths. */
  const waitForCount = (what: string, paths: () => Promise<readonly unknown[]>, count: number) =>
    waitFor(`${what} has ${count} paths`, paths, (found) => found.length === count);

  it('reach a client of it, and one goes', async () => {
    await topology().established();
    const { first, second, frr } = topology().speakers;
    const route: OwnRoute = { family: 'ipv4', prefix: '10.20.0.0/16' };
    const paths = () => frr.pathsFrom('ipv4', route.prefix, topology().address('us', 'frr'));
    await first.announce(route);
    await waitForCount('frr', paths, 1);
    await second.announce(route);
    await waitForCount('frr', paths, 2);
    await first.withdraw(route);
    await waitForCount('frr', paths, 1);
    expect((await frr.route('ipv4', route.prefix))?.nextHop).toBe(topology().address('second', 'us'));
    await second.withdraw(route);
    await waitForCount('frr', paths, 0);
  });

  it('of the same EVPN route reach a client of it, and one goes', async () => {
    await topology().established();
    const { first, second, gobgp } = topology().speakers;
    const route = {
      prefix: '172.30.0.10/32',
      rd: '64514:7',
      routeTarget: '64514:100',
      vni: 100,
      routerMac: '02:00:00:00:00:01',
    };
    const nextHops = async () => (await gobgp.evpnPaths()).map(({ nextHop }) => nextHop).sort();
    const both = [topology().address('first', 'us'), topology().address('second', 'us')].sort();
    await first.announceEvpn(route);
    await second.announceEvpn(route);
    await waitForCount('gobgp', nextHops, 2);
    expect(await nextHops()).toEqual(both);
    await first.withdrawEvpn(route);
    await waitForCount('gobgp', nextHops, 1);
    expect(await nextHops()).toEqual([topology().address('second', 'us')]);
    await second.withdrawEvpn(route);
    await waitForCount('gobgp', nextHops, 0);
  });
});
