import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute, SeenRoute, Speaker } from './speakers/speaker.ts';

const OUR_AS = 64514;
const ABOVE_AS = 64512;

const FROM_ABOVE: OwnRoute = { family: 'ipv4', prefix: '10.41.0.0/16' };
const FROM_BELOW: OwnRoute = { family: 'ipv4', prefix: '10.42.0.0/16' };
const FROM_BESIDE: OwnRoute = { family: 'ipv6', prefix: '2001:db8:43::/48' };
/** A customer that says nothing of its role passes on what another provider told it. */
const LEAKED: OwnRoute = { family: 'ipv4', prefix: '10.44.0.0/16', onlyToCustomer: 64599 };
const NOT_LEAKED: OwnRoute = { family: 'ipv4', prefix: '10.45.0.0/16' };

function has(speaker: Speaker, route: OwnRoute): Promise<SeenRoute | undefined> {
  return waitFor(
    `${speaker.program} has ${route.prefix}`,
    () => speaker.route(route.family, route.prefix),
    (seen) => seen !== undefined,
  );
}

for (const [above, below] of [
  ['frr', 'bird'],
  ['bird', 'frr'],
] as const) {
  const plan = {
    routers: {
      us: { program: 'openpe', as: OUR_AS },
      above: { program: above, as: ABOVE_AS, routes: [FROM_ABOVE] },
      below: { program: below, as: 64513, routes: [FROM_BELOW] },
      beside: { program: above, as: 64515, routes: [FROM_BESIDE] },
      leaking: { program: 'bird', as: 64516, routes: [LEAKED, NOT_LEAKED] },
    },
    links: [
      {
        between: ['us', 'above'],
        families: ['ipv4', 'ipv6'],
        roles: [
          { local: 'customer', strict: true },
          { local: 'provider', strict: true },
        ],
      },
      {
        between: ['us', 'below'],
        families: ['ipv4', 'ipv6'],
        roles: [
          { local: 'provider', strict: true },
          { local: 'customer', strict: true },
        ],
      },
      {
        between: ['us', 'beside'],
        families: ['ipv4', 'ipv6'],
        roles: [{ local: 'peer' }, { local: 'peer' }],
      },
      { between: ['us', 'leaking'], families: ['ipv4'], roles: [{ local: 'provider' }, undefined] },
    ],
  } as const;

  describeTopology(`roles with ${above} above and ${below} below (RFC 9234)`, plan, (topology) => {
    it('both ends know them', async () => {
      await topology().established();
      const { us } = topology().speakers;
      const roleTo = async (name: 'above' | 'below' | 'beside' | 'leaking'): Promise<unknown> =>
        (await us.session(topology().address(name, 'us'))).role;
      expect(await roleTo('above')).toEqual({
        local: 'customer',
        remote: 'provider',
        strict: true,
        leaks: 0,
      });
      expect(await roleTo('below')).toEqual({
        local: 'provider',
        remote: 'customer',
        strict: true,
        leaks: 0,
      });
      expect(await roleTo('beside')).toMatchObject({ local: 'peer', remote: 'peer', strict: false });
      expect(await roleTo('leaking')).toMatchObject({ local: 'provider', strict: false });
    });

    it('routes from above and from beside go down only, and are marked', async () => {
      await topology().established();
      const { us, above: up, below: down, beside } = topology().speakers;
      expect(await has(us, FROM_ABOVE)).toMatchObject({ onlyToCustomer: ABOVE_AS });
      expect(await has(down, FROM_ABOVE)).toMatchObject({ onlyToCustomer: ABOVE_AS });
      expect(await has(down, FROM_BESIDE)).toMatchObject({ onlyToCustomer: 64515 });
      // What is announced beside them has come: these would be there too.
      await has(beside, FROM_BELOW);
      await has(up, FROM_BELOW);
      expect(await beside.route(FROM_ABOVE.family, FROM_ABOVE.prefix)).toBeUndefined();
      expect(await up.route(FROM_BESIDE.family, FROM_BESIDE.prefix)).toBeUndefined();
    });

    it('routes from below go everywhere, marked only beside us', async () => {
      await topology().established();
      const { us, above: up, beside } = topology().speakers;
      expect(await has(us, FROM_BELOW)).not.toHaveProperty('onlyToCustomer');
      expect(await has(up, FROM_BELOW)).not.toHaveProperty('onlyToCustomer');
      expect(await has(beside, FROM_BELOW)).toMatchObject({ onlyToCustomer: OUR_AS });
    });

    it('a leak is refused, and counted', async () => {
      await topology().established();
      const { us } = topology().speakers;
      await has(us, NOT_LEAKED);
      expect(await us.route(LEAKED.family, LEAKED.prefix)).toBeUndefined();
      const { role } = await us.session(topology().address('leaking', 'us'));
      expect(role?.leaks).toBeGreaterThan(0);
      expect(us.log()).toContain('refused routes that are a leak');
    });
  });
}

const MISMATCH = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    frr: { program: 'frr', as: 64512 },
    bird: { program: 'bird', as: 64513 },
    silent: { program: 'frr', as: 64515 },
    demanding: { program: 'bird', as: 64516 },
  },
  links: [
    { between: ['us', 'frr'], families: ['ipv4'], roles: [{ local: 'provider' }, { local: 'provider' }] },
    { between: ['us', 'bird'], families: ['ipv4'], roles: [{ local: 'peer' }, { local: 'customer' }] },
    { between: ['us', 'silent'], families: ['ipv4'], roles: [{ local: 'peer', strict: true }, undefined] },
    { between: ['us', 'demanding'], families: ['ipv4'], roles: [undefined, { local: 'peer', strict: true }] },
  ],
} as const;

describeTopology('roles that do not fit (RFC 9234 §4.2)', MISMATCH, (topology) => {
  it.each(['frr', 'bird', 'silent', 'demanding'] as const)('no session with %s', async (name) => {
    const { us } = topology().speakers;
    const theirs = topology().address(name, 'us');
    const { lastError, lost } = await waitFor(
      `refused ${name}`,
      () => us.session(theirs),
      (session) => session.lastError?.notification?.code === 2,
    );
    expect(lastError?.notification).toMatchObject({ code: 2, subcode: 11 });
    expect(lost).toBe(0);
    expect(await topology().speakers[name].established(topology().address('us', name))).toBe(false);
  });
});
