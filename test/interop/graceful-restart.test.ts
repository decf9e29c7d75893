import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute, Speaker } from './speakers/speaker.ts';

const OUR_AS = 64514;

const KEPT: readonly OwnRoute[] = [
  { family: 'ipv4', prefix: '10.31.0.0/16' },
  { family: 'ipv6', prefix: '2001:db8:31::/48' },
];
/** Announced while it runs: not in its configuration when it starts again. */
const FORGOTTEN: OwnRoute = { family: 'ipv4', prefix: '10.32.0.0/16' };

const PLAN = {
  routers: {
    us: { program: 'openpe', as: OUR_AS, gracefulRestart: true },
    frr: { program: 'frr', as: 64512, gracefulRestart: true, routes: KEPT },
    bird: { program: 'bird', as: 64513 },
  },
  links: [
    { between: ['us', 'frr'], families: ['ipv4', 'ipv6'] },
    { between: ['us', 'bird'], families: ['ipv4', 'ipv6'] },
  ],
} as const;

function has(speaker: Speaker, route: OwnRoute, present: boolean): Promise<unknown> {
  return waitFor(
    `${speaker.program} ${present ? 'has' : 'no longer has'} ${route.prefix}`,
    () => speaker.route(route.family, route.prefix),
    (seen) => (seen !== undefined) === present,
  );
}

/** Looks again and again, while something happens, whether a speaker still has its routes; gives how often it had not. */
async function missedWhile(
  speaker: Speaker,
  routes: readonly OwnRoute[],
  something: () => Promise<unknown>,
): Promise<{ looks: number; missed: number }> {
  let over = false;
  const counts = { looks: 0, missed: 0 };
  const watch = async (): Promise<void> => {
    while (!over) {
      for (const { family, prefix } of routes) {
        counts.looks++;
        if ((await speaker.route(family, prefix)) === undefined) counts.missed++;
      }
    }
  };
  const watching = watch();
  try {
    await something();
  } finally {
    over = true;
    await watching;
  }
  return counts;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

describeTopology('graceful restart of FRR, with our help', PLAN, (topology) => {
  it('keeps its routes here and behind us, until it has told them again', async () => {
    await topology().established();
    const { us, frr, bird } = topology().speakers;
    await frr.announce(FORGOTTEN);
    for (const route of [...KEPT, FORGOTTEN]) await has(bird, route, true);

    const { looks, missed } = await missedWhile(bird, KEPT, async () => {
      await frr.kill();
      const theirs = topology().address('frr', 'us');
      await waitFor(
        'session lost',
        () => us.session(theirs),
        ({ state }) => state !== 'Established',
      );
      await pause(1000);
      // Nobody has said yet that this one is gone.
      expect(await us.route('ipv4', FORGOTTEN.prefix)).toBeDefined();
      await frr.start();
      await topology().established('us');
      await has(us, FORGOTTEN, false);
      await has(bird, FORGOTTEN, false);
    });
    expect(missed).toBe(0);
    expect(looks).toBeGreaterThan(10);
  });

  it('is not what a peer gets that says it will not be back', async () => {
    await topology().established();
    const { us, frr, bird } = topology().speakers;
    for (const route of KEPT) await has(bird, route, true);
    await frr.shutDown(topology().address('us', 'frr'), 'for good');
    await has(us, KEPT[0] as OwnRoute, false);
    await has(bird, KEPT[0] as OwnRoute, false);
  });
});

for (const helper of ['frr', 'bird'] as const) {
  const source = helper === 'frr' ? 'bird' : 'frr';
  const plan = {
    routers: {
      us: { program: 'openpe', as: OUR_AS, gracefulRestart: true },
      [source]: { program: source, as: 64512, gracefulRestart: true, routes: KEPT },
      [helper]: { program: helper, as: 64513 },
    },
    links: PLAN.links,
  } as unknown as typeof PLAN;

  describeTopology(`our graceful restart, with the help of ${helper}`, plan, (topology) => {
    it('goes unnoticed behind the helper', async () => {
      await topology().established();
      const { us } = topology().speakers;
      const watched = topology().speakers[helper];
      for (const route of KEPT) await has(watched, route, true);
      const { looks, missed } = await missedWhile(watched, KEPT, async () => {
        await us.stop();
        await pause(1000);
        await us.start();
        await topology().established('us');
        await waitFor(
          'end of the restart',
          async () => us.log(),
          (log) => log.includes('restart finished'),
        );
        // The End-of-RIB that ends what is stale at the helper is on its way.
        await pause(1000);
      });
      expect(us.log()).toContain('all peers have told their routes');
      expect(missed).toBe(0);
      expect(looks).toBeGreaterThan(10);
    });
  });
}
