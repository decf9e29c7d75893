import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute, SeenRoute, Speaker } from './speakers/speaker.ts';

const AS = 64514;
const CLUSTER = '192.0.2.77';

/** We are the route reflector: two clients, two that are none. */
const PLAN = {
  routers: {
    us: { program: 'openpe', as: AS, clusterId: CLUSTER },
    firstClient: { program: 'frr', as: AS },
    secondClient: { program: 'bird', as: AS },
    firstOther: { program: 'gobgp', as: AS },
    secondOther: { program: 'bird', as: AS },
  },
  links: [
    { between: ['us', 'firstClient'], families: ['ipv4', 'ipv6'], client: 'firstClient' },
    { between: ['us', 'secondClient'], families: ['ipv4', 'ipv6'], client: 'secondClient' },
    { between: ['us', 'firstOther'], families: ['ipv4', 'ipv6'] },
    { between: ['us', 'secondOther'], families: ['ipv4', 'ipv6'] },
  ],
} as const;

type Name = Exclude<keyof typeof PLAN.routers, 'us'>;
const NAMES: readonly Name[] = ['firstClient', 'secondClient', 'firstOther', 'secondOther'];

/** Identifiers as the topology gives them, by the order of its routers. */
const IDENTIFIERS: Readonly<Record<Name, string>> = {
  firstClient: '10.255.1.1',
  secondClient: '10.255.2.1',
  firstOther: '10.255.3.1',
  secondOther: '10.255.4.1',
};

function waitForRoute(speaker: Speaker, { family, prefix }: OwnRoute, present: boolean) {
  return waitFor(
    `${speaker.program} ${present ? 'has' : 'no longer has'} ${prefix}`,
    () => speaker.route(family, prefix),
    (route: SeenRoute | undefined) => (route !== undefined) === present,
  );
}

describeTopology('a route reflector (RFC 4456)', PLAN, (topology) => {
  const routes: readonly OwnRoute[] = [
    { family: 'ipv4', prefix: '10.20.0.0/16', communities: ['64512:7'], med: 5 },
    { family: 'ipv6', prefix: '2001:db8:20::/48', communities: ['64512:9'] },
  ];

  for (const from of ['firstClient', 'secondOther'] as const) {
    const reached = NAMES.filter(
      (name) => name !== from && (from === 'firstClient' || name.endsWith('Client')),
    );
    const notReached = NAMES.filter((name) => name !== from && !reached.includes(name));

    for (const route of routes) {
      it(`${route.family} from ${from} reaches ${reached.join(', ')} alone, and goes again`, async () => {
        await topology().established();
        const { [from]: sender, us } = topology().speakers;
        await sender.announce(route);
        for (const name of reached) {
          const receiver = topology().speakers[name];
          const seen = await waitForRoute(receiver, route, true);
          expect(seen).toMatchObject({
            asPath: '',
            nextHop: topology().address(from, 'us', route.family === 'ipv4' ? 4 : 6),
            localPref: 100,
            communities: route.communities,
          });
          if (receiver.program === 'GoBGP') continue;
          expect(seen).toMatchObject({ originator: IDENTIFIERS[from], clusters: [CLUSTER] });
        }
        await waitForRoute(us, route, true);
        // What was announced later has arrived: this route would have, too.
        const later: OwnRoute = {
          family: route.family,
          prefix: route.family === 'ipv4' ? '10.21.0.0/16' : '2001:db8:21::/48',
        };
        await topology().speakers.firstClient.announce(later);
        for (const name of notReached) {
          await waitForRoute(topology().speakers[name], later, true);
          expect(await topology().speakers[name].route(route.family, route.prefix)).toBeUndefined();
        }
        await topology().speakers.firstClient.withdraw(later);
        await sender.withdraw(route);
        for (const name of reached) await waitForRoute(topology().speakers[name], route, false);
      });
    }
  }
});
