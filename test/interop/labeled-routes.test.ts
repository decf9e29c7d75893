import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnLabeledRoute } from './speakers/speaker.ts';

const OUR_AS = 64514;
const FAMILIES = ['vpn4', 'vpn6', 'labeled4', 'labeled6'] as const;

const PLAN = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    source: { program: 'gobgp', as: 64512 },
    frr: { program: 'frr', as: 64513 },
    bird: { program: 'bird', as: OUR_AS },
  },
  links: [
    { between: ['us', 'source'], families: FAMILIES },
    { between: ['us', 'frr'], families: FAMILIES },
    { between: ['us', 'bird'], families: FAMILIES },
  ],
} as const;

/** Their next hops are on no network here: labels mean something only there, so they must stay. */
const ROUTES: readonly OwnLabeledRoute[] = [
  { family: 'vpn4', prefix: '10.70.0.0/24', rd: '65000:1', label: 100, nextHop: '192.0.2.9' },
  { family: 'vpn6', prefix: '2001:db8:70::/48', rd: '65000:1', label: 1000000, nextHop: '2001:db8::9' },
  { family: 'labeled4', prefix: '10.71.0.0/24', rd: '', label: 102, nextHop: '192.0.2.9' },
  { family: 'labeled6', prefix: '2001:db8:71::/48', rd: '', label: 103, nextHop: '2001:db8::9' },
];

describeTopology('routes with labels', PLAN, (topology) => {
  it.each(ROUTES)('$family goes on as it came, changes its label and goes', async (route) => {
    const { us, source, frr, bird } = topology().speakers;
    const { family, prefix, rd, nextHop } = route;
    await topology().established();
    await source.announceLabeled(route);
    const arrives = async (label: number): Promise<void> => {
      const routeTargets = rd === '' ? [] : [rd];
      const atFrr = await waitFor(
        `FRR has ${prefix} with label ${label}`,
        () => frr.labeledRoute(family, prefix, rd),
        (seen) => seen?.label === label,
      );
      expect(atFrr).toEqual({ prefix, label, nextHop, asPath: '64514 64512', routeTargets });
      const atBird = await waitFor(
        `BIRD has ${prefix} with label ${label}`,
        () => bird.labeledRoute(family, prefix),
        (seen) => seen?.label === label,
      );
      expect(atBird).toEqual({ prefix, label, nextHop, asPath: '64512', routeTargets });
      const [ours] = await us.labeledRoutes(family);
      expect(ours).toMatchObject({ prefix, ...(rd !== '' && { rd }) });
      expect(ours?.paths.find(({ best }) => best)).toMatchObject({ labels: [label], nextHop });
    };
    await arrives(route.label);
    await source.announceLabeled({ ...route, label: 17 });
    await arrives(17);
    await source.withdrawLabeled({ ...route, label: 17 });
    for (const seen of [
      () => frr.labeledRoute(family, prefix, rd),
      () => bird.labeledRoute(family, prefix),
    ]) {
      await waitFor(`${prefix} is gone`, seen, (left) => left === undefined);
    }
    expect(await us.labeledRoutes(family)).toEqual([]);
  });
});
