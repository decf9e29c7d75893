import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute, Speaker } from './speakers/speaker.ts';
import type { ProgramName } from './topology.ts';

const OUR_AS = 64514;
/** Over 65535, so that AS_PATH needs four octets (RFC 6793). */
const LEFT_AS = 4_200_000_001;
const RIGHT_AS = 65_551;

const PAIRS: readonly (readonly [ProgramName & ('frr' | 'gobgp' | 'bird'), 'frr' | 'gobgp' | 'bird'])[] = [
  ['frr', 'gobgp'],
  ['gobgp', 'bird'],
  ['bird', 'frr'],
];

/** Waits until a speaker has, or no longer has, a route. */
function waitForRoute(speaker: Speaker, { family, prefix }: OwnRoute, present: boolean, seconds = 20) {
  const what = `${speaker.program} ${present ? 'has' : 'no longer has'} ${prefix}`;
  return waitFor(
    what,
    () => speaker.route(family, prefix),
    (route) => (route !== undefined) === present,
    seconds,
  );
}

for (const [left, right] of PAIRS) {
  const plan = {
    routers: {
      us: { program: 'openpe', as: OUR_AS },
      left: { program: left, as: LEFT_AS },
      right: { program: right, as: RIGHT_AS },
    },
    links: [
      { between: ['us', 'left'], families: ['ipv4', 'ipv6'] },
      { between: ['us', 'right'], families: ['ipv4', 'ipv6'] },
    ],
  } as const;

  describeTopology(`routes between ${left} and ${right}`, plan, (topology) => {
    const directions = [
      { from: 'left', to: 'right', as: LEFT_AS, number: 1 },
      { from: 'right', to: 'left', as: RIGHT_AS, number: 2 },
    ] as const;

    for (const { from, to, as, number } of directions) {
      const ipv4: OwnRoute = {
        family: 'ipv4',
        prefix: `10.${number}.0.0/16`,
        communities: ['64512:7', '1:2'],
        med: 50,
      };
      const ipv6: OwnRoute = { family: 'ipv6', prefix: `2001:db8:${number}::/48`, communities: ['64512:9'] };

      for (const route of [ipv4, ipv6]) {
        const version = route.family === 'ipv4' ? 4 : 6;

        it(`${route.family} from ${plan.routers[from].program} reaches ${plan.routers[to].program}, and goes again`, async () => {
          await topology().established();
          const { us, [from]: sender, [to]: receiver } = topology().speakers;
          await sender.announce(route);
          const seen = await waitForRoute(receiver, route, true);
          expect(seen).toMatchObject({
            asPath: `${OUR_AS} ${as}`,
            nextHop: topology().address('us', to, version),
            origin: 'igp',
          });
          expect([...(seen?.communities ?? [])].sort()).toEqual([...(route.communities ?? [])].sort());
          // The MED of a neighbouring AS stays there (RFC 4271 §5.1.4).
          expect(seen).not.toHaveProperty('med');
          expect(await us.route(route.family, route.prefix)).toMatchObject({
            asPath: String(as),
            nextHop: topology().address(from, 'us', version),
          });
          const changed = { ...route, communities: ['64512:11'] };
          await sender.announce(changed);
          await waitFor(
            `${receiver.program} has the changed communities`,
            () => receiver.route(route.family, route.prefix),
            (now) => now?.communities.join(' ') === '64512:11',
          );
          await sender.withdraw(changed);
          await waitForRoute(receiver, route, false);
          await waitForRoute(us, route, false);
        });
      }
    }

    it('of two paths one is best, and the other follows when it goes', async () => {
      await topology().established();
      const { us, left: first, right: second } = topology().speakers;
      const route: OwnRoute = { family: 'ipv4', prefix: '10.7.0.0/24' };
      await first.announce(route);
      await second.announce(route);
      const paths = await waitFor(
        'we have two paths',
        () => us.pathSources(route.prefix),
        ({ length }) => length === 2,
      );
      expect(await us.lostBy(route.prefix)).toEqual(['router id']);
      // All else is equal: the lower BGP identifier decides (RFC 4271 §9.1.2.2 f), or the older path.
      const firstIsBest = paths[0] === topology().address('left', 'us');
      const [best, other, otherName] = firstIsBest
        ? ([first, second, 'right'] as const)
        : ([second, first, 'left'] as const);
      await best.withdraw(route);
      await waitFor(
        'the other path is best',
        () => us.route('ipv4', route.prefix),
        (now) => now?.nextHop === topology().address(otherName, 'us'),
      );
      expect(await waitForRoute(best, route, true)).toMatchObject({
        asPath: `${OUR_AS} ${plan.routers[otherName].as}`,
      });
      await other.withdraw(route);
      await waitForRoute(best, route, false);
    });

    it('routes come back after a session was reset', { timeout: 120_000 }, async () => {
      await topology().established();
      const { us, left: sender, right: receiver } = topology().speakers;
      const route: OwnRoute = { family: 'ipv4', prefix: '10.3.0.0/24' };
      await sender.announce(route);
      await waitForRoute(receiver, route, true);
      const peer = topology().address('left', 'us');
      const before = await us.session(peer);
      await sender.reset(topology().address('us', 'left'));
      const after = await waitFor(
        'our session with left is back',
        () => us.session(peer),
        ({ state, since }) => state === 'Established' && since > before.since,
        60,
      );
      expect(after.lastError).toMatchObject({ notification: { direction: 'received', code: 6 } });
      expect(after.lastError?.reason).toContain('Cease');
      await waitForRoute(receiver, route, true);
      await waitForRoute(us, route, true);
      await sender.withdraw(route);
      await waitForRoute(receiver, route, false);
    });

    it('the routes of a peer that dies are withdrawn from the other', async () => {
      await topology().established();
      const { us, left: sender, right: receiver } = topology().speakers;
      const route: OwnRoute = { family: 'ipv4', prefix: '10.4.0.0/24' };
      await sender.announce(route);
      await waitForRoute(receiver, route, true);
      await sender.kill();
      await waitForRoute(receiver, route, false);
      const session = await us.session(topology().address('left', 'us'));
      expect(session.state).not.toBe('Established');
      expect(session.lastError?.reason).not.toBe('');
    });
  });
}

const MIXED = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    inside: { program: 'frr', as: OUR_AS },
    second: { program: 'bird', as: OUR_AS },
    outside: { program: 'gobgp', as: RIGHT_AS },
  },
  links: [
    { between: ['us', 'inside'], families: ['ipv4', 'ipv6'] },
    { between: ['us', 'second'], families: ['ipv4', 'ipv6'] },
    { between: ['us', 'outside'], families: ['ipv4', 'ipv6'] },
  ],
} as const;

describeTopology('routes between iBGP and eBGP', MIXED, (topology) => {
  const external: OwnRoute = { family: 'ipv4', prefix: '10.5.0.0/24', communities: ['1:1'], med: 30 };
  const internal: OwnRoute = { family: 'ipv4', prefix: '10.6.0.0/24', communities: ['1:1'] };

  it('an external route goes to all iBGP peers, with LOCAL_PREF and the MED it had', async () => {
    await topology().established();
    const { outside, inside, second } = topology().speakers;
    await outside.announce(external);
    for (const receiver of [inside, second]) {
      expect(await waitForRoute(receiver, external, true)).toMatchObject({
        asPath: String(RIGHT_AS),
        localPref: 100,
        med: 30,
        communities: ['1:1'],
      });
    }
  });

  it('an internal route goes outside with our AS alone and without LOCAL_PREF, but to no other iBGP peer', async () => {
    await topology().established();
    const { outside, inside, second } = topology().speakers;
    await inside.announce(internal);
    const seen = await waitForRoute(outside, internal, true);
    expect(seen).toMatchObject({ asPath: String(OUR_AS), nextHop: topology().address('us', 'outside') });
    expect(seen).not.toHaveProperty('localPref');
    // What was announced later has arrived: the internal route would have, too.
    const later: OwnRoute = { family: 'ipv4', prefix: '10.8.0.0/24' };
    await outside.announce(later);
    await waitForRoute(second, later, true);
    expect((await second.prefixes('ipv4')).has(internal.prefix)).toBe(false);
  });
});
