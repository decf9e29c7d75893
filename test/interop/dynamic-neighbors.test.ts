import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute } from './speakers/speaker.ts';

const OUR_AS = 64514;
const ROUTE: OwnRoute = { family: 'ipv4', prefix: '10.41.0.0/16' };

const PLAN = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    frr: { program: 'frr', as: 64512, routes: [ROUTE] },
    bird: { program: 'bird', as: 64513 },
    gobgp: { program: 'gobgp', as: OUR_AS },
  },
  links: [
    { between: ['us', 'frr'], families: ['ipv4', 'ipv6'], listens: 'us' },
    { between: ['us', 'bird'], families: ['ipv4', 'ipv6'], listens: 'us' },
    { between: ['us', 'gobgp'], families: ['ipv4'], listens: 'us' },
  ],
} as const;

describeTopology('neighbors that come from a range of addresses (listenRange)', PLAN, (topology) => {
  it('are Established when they call, over IPv4 and IPv6, external and internal', async () => {
    await topology().established('frr', 'bird', 'gobgp');
    const { us } = topology().speakers;
    const sessions = await us.sessions();
    expect(sessions.map(({ state }) => state)).toEqual(Array(5).fill('Established'));
    const addresses = sessions.map(({ peerAddress }) => peerAddress);
    expect(addresses).toContain(topology().address('frr', 'us'));
    expect(addresses).toContain(topology().address('bird', 'us', 6));
    expect(addresses).toContain(topology().address('gobgp', 'us'));
  });

  it('get and give routes like any other', async () => {
    await topology().established('frr', 'bird', 'gobgp');
    for (const name of ['bird', 'gobgp'] as const) {
      const speaker = topology().speakers[name];
      await waitFor(
        `${name} has it`,
        () => speaker.route('ipv4', ROUTE.prefix),
        (route) => route !== undefined,
      );
    }
  });

  it('come back after they went', async () => {
    const { us, bird } = topology().speakers;
    const theirs = topology().address('bird', 'us');
    await topology().established('bird');
    await bird.stop();
    await waitFor(
      'gone',
      () => us.session(theirs),
      ({ state }) => state !== 'Established',
    );
    await bird.start();
    await topology().established('bird');
    expect(await us.established(theirs)).toBe(true);
    // It is the same neighbor, not one more.
    expect(await us.sessions()).toHaveLength(5);
  });
});

const SECRET = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    right: { program: 'frr', as: 64512 },
    wrong: { program: 'bird', as: 64513 },
  },
  links: [
    { between: ['us', 'right'], families: ['ipv4'], listens: 'us', passwords: ['secret', 'secret'] },
    { between: ['us', 'wrong'], families: ['ipv4'], listens: 'us', passwords: ['secret', 'other'] },
  ],
} as const;

describeTopology('a range with a password (RFC 2385)', SECRET, (topology) => {
  it('takes those that know it, and no others', async () => {
    await topology().established('right');
    const { us, wrong } = topology().speakers;
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await wrong.established(topology().address('us', 'wrong'))).toBe(false);
    expect(await us.sessions()).toHaveLength(1);
  });
});
