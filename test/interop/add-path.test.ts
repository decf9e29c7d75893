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

  it('is negotiated in both directions', async () => {
    await topology().established();
    for (const name of NAMES) {
      const session = await topology().speakers.us.session(topology().address(name, 'us'));
      expect(session.families).toMatchObject([{ family: 'ipv4-unicast', addPath: 'both' }]);
    }
  });
});
