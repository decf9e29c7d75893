import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute } from './speakers/speaker.ts';

const OUR_AS = 64514;
/** RFC 8326 §5, as each shows it. */
const GRACEFUL_SHUTDOWN = ['65535:0', 'gracefulshutdown'];
/** Seconds. */
const TIME = 2;

const ROUTES: readonly OwnRoute[] = [
  { family: 'ipv4', prefix: '10.51.0.0/16', communities: ['64512:51'] },
  { family: 'ipv4', prefix: '10.52.0.0/16' },
];

const PLAN = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    source: { program: 'frr', as: 64512, routes: ROUTES },
    bird: { program: 'bird', as: 64513 },
    internal: { program: 'frr', as: OUR_AS },
  },
  links: [
    { between: ['us', 'source'], families: ['ipv4'] },
    { between: ['us', 'bird'], families: ['ipv4'] },
    { between: ['us', 'internal'], families: ['ipv4'] },
  ],
} as const;

describeTopology('a node that is drained', PLAN, (topology) => {
  it('announces its routes as the worst ones, then ends its sessions', async () => {
    await topology().established();
    const { us, bird, internal } = topology().speakers;
    for (const speaker of [bird, internal]) {
      for (const { prefix } of ROUTES) {
        await waitFor(
          `${speaker.program} has ${prefix}`,
          () => speaker.route('ipv4', prefix),
          (route) => route !== undefined,
        );
      }
    }
    await us.drain(TIME);
    for (const speaker of [bird, internal]) {
      for (const { prefix, communities = [] } of ROUTES) {
        const seen = await waitFor(
          `${speaker.program} has ${prefix} marked`,
          () => speaker.route('ipv4', prefix),
          (route) =>
            route?.communities.some((word) => GRACEFUL_SHUTDOWN.includes(word.toLowerCase())) === true,
        );
        for (const own of communities) expect(seen?.communities).toContain(own);
        if (speaker === internal) expect(seen?.localPref).toBe(0);
      }
    }
    const session = await waitFor(
      'the sessions end',
      () => us.session(topology().address('bird', 'us')),
      ({ state }) => state === 'Idle',
    );
    expect(session.lastError?.reason).toContain('drained');
    await waitFor(
      'the routes are gone',
      () => bird.prefixes('ipv4'),
      (prefixes) => prefixes.size === 0,
    );
  });
});
