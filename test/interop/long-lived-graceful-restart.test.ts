import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute, SeenRoute, Speaker } from './speakers/speaker.ts';

const STALE_SECONDS = 5;
const TIMES = { restartSeconds: 1, staleSeconds: STALE_SECONDS };

const KEPT: readonly OwnRoute[] = [
  { family: 'ipv4', prefix: '10.51.0.0/16' },
  { family: 'ipv6', prefix: '2001:db8:51::/48' },
];
const NOT_KEPT: OwnRoute = { family: 'ipv4', prefix: '10.52.0.0/16', communities: ['65535:7'] };

/** Fresh, marked with LLGR_STALE, or not there. */
async function stateAt(speaker: Speaker, { family, prefix }: OwnRoute): Promise<string> {
  const route: SeenRoute | undefined = await speaker.route(family, prefix);
  if (!route) return 'absent';
  return route.communities.some((one) => one === '65535:6' || one === 'llgrStale') ? 'marked' : 'fresh';
}

function becomes(speaker: Speaker, route: OwnRoute, state: string): Promise<unknown> {
  return waitFor(
    `${route.prefix} is ${state} at ${speaker.program}`,
    () => stateAt(speaker, route),
    (seen) => seen === state,
  );
}

for (const [source, aware] of [
  ['frr', 'bird'],
  ['bird', 'frr'],
] as const) {
  const plan = {
    routers: {
      us: { program: 'openpe', as: 64514, longLived: TIMES },
      source: {
        program: source,
        as: 64512,
        gracefulRestart: true,
        longLived: TIMES,
        routes: [...KEPT, NOT_KEPT],
      },
      aware: { program: aware, as: 64513, gracefulRestart: true, longLived: TIMES },
      unaware: { program: 'gobgp', as: 64515 },
    },
    links: [
      { between: ['us', 'source'], families: ['ipv4', 'ipv6'] },
      { between: ['us', 'aware'], families: ['ipv4', 'ipv6'] },
      { between: ['us', 'unaware'], families: ['ipv4', 'ipv6'] },
    ],
  } as const;

  describeTopology(`${source} is gone for long, ${aware} understands it (RFC 9494)`, plan, (topology) => {
    async function lose(): Promise<void> {
      await topology().established();
      const { source: lost, aware: other, unaware } = topology().speakers;
      for (const route of [...KEPT, NOT_KEPT]) {
        await becomes(other, route, 'fresh');
        await becomes(unaware, route, 'fresh');
      }
      await lost.kill();
      for (const route of KEPT) {
        await becomes(other, route, 'marked');
        await becomes(unaware, route, 'absent');
      }
      await becomes(other, NOT_KEPT, 'absent');
    }

    it('its routes are marked, then as before when it is back', async () => {
      await topology().established();
      const { us, source: lost, aware: other, unaware } = topology().speakers;
      const { families } = await us.session(topology().address('source', 'us'));
      expect(families.map(({ longLivedStaleTime }) => longLivedStaleTime)).toEqual([STALE_SECONDS]);
      await lose();
      const [route] = KEPT as [OwnRoute];
      // FRR sends us our own announcement back, behind it.
      expect((await us.paths(route.prefix))[0]).toMatchObject({
        best: true,
        stale: true,
        longLivedStale: true,
      });
      const [kept] = (await us.session(topology().address('source', 'us'))).families;
      expect(kept?.longLivedStaleUntil).toBeGreaterThan(Date.now());
      await lost.start();
      for (const one of [...KEPT, NOT_KEPT]) {
        await becomes(other, one, 'fresh');
        await becomes(unaware, one, 'fresh');
      }
      for (const path of await us.paths(route.prefix)) expect(path).not.toHaveProperty('longLivedStale');
    });

    it('they are gone when their time is over', async () => {
      await lose();
      const begin = Date.now();
      const { us, aware: other } = topology().speakers;
      for (const route of KEPT) await becomes(other, route, 'absent');
      expect(Date.now() - begin).toBeGreaterThan((STALE_SECONDS - 3) * 1000);
      for (const { family, prefix } of KEPT) expect(await us.route(family, prefix)).toBeUndefined();
    });
  });
}
