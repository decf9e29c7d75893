import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute } from './speakers/speaker.ts';

const OUR_AS = 64514;
const LIMIT = 10;
/** Seconds. */
const HELD_DOWN = 3;

/** More than the limit. */
const ROUTES: readonly OwnRoute[] = Array.from({ length: 20 }, (_, index) => ({
  family: 'ipv4',
  prefix: `10.60.${index}.0/24`,
}));

const PLAN = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    frr: { program: 'frr', as: 64512, routes: ROUTES },
    bird: { program: 'bird', as: 64513, routes: ROUTES },
  },
  links: [
    {
      between: ['us', 'frr'],
      families: ['ipv4'],
      limit: { at: 'us', limit: LIMIT, restartSeconds: HELD_DOWN },
    },
    { between: ['us', 'bird'], families: ['ipv4'], limit: { at: 'us', limit: LIMIT } },
  ],
} as const;

describeTopology('a peer with more prefixes than are taken from it', PLAN, (topology) => {
  it('is told so, held down for a while, and may try again (FRR)', async () => {
    const { us, frr } = topology().speakers;
    const theirs = topology().address('frr', 'us');
    const held = await waitFor(
      'the session is held down',
      () => us.session(theirs),
      ({ heldDown }) => heldDown !== undefined,
    );
    expect(held.state).toBe('Idle');
    expect(held.heldDown?.until).toBeGreaterThan(Date.now() - 1000);
    expect(held.lastError?.reason).toContain('20 prefixes of ipv4-unicast, and 10 are the most');
    expect(held.lastError?.reason).toContain('Cease/Maximum Number of Prefixes Reached');
    expect(held.families).toMatchObject([{ received: 0, limit: LIMIT, warnAt: 8 }]);
    expect(await frr.lastReset(topology().address('us', 'frr'))).toMatch(
      /Cease\/(Maximum Number of Prefixes Reached|Hard Reset)/i,
    );
    expect((await us.prefixes('ipv4')).size).toBe(0);
    const again = await waitFor(
      'it has come back, with as many prefixes',
      () => us.session(theirs),
      ({ lost }) => lost > held.lost,
    );
    expect((again.lastError?.at ?? 0) - (held.lastError?.at ?? 0)).toBeGreaterThanOrEqual(HELD_DOWN * 1000);
  });

  it('stays away until an operator clears the session (BIRD)', async () => {
    const { us } = topology().speakers;
    const theirs = topology().address('bird', 'us');
    const held = await waitFor(
      'the session is held down',
      () => us.session(theirs),
      ({ heldDown }) => heldDown !== undefined,
    );
    expect(held.heldDown).toEqual({});
    expect(held.lost).toBe(1);
    await us.clear(theirs);
    await waitFor(
      'it has come back, with as many prefixes',
      () => us.session(theirs),
      ({ lost }) => lost === 2,
    );
    await expect(us.clear('192.0.2.9')).rejects.toThrow('there is no session');
  });
});

const FROM_US = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    source: { program: 'bird', as: 64512, routes: ROUTES },
    frr: { program: 'frr', as: 64513 },
  },
  links: [
    { between: ['us', 'source'], families: ['ipv4'] },
    { between: ['us', 'frr'], families: ['ipv4'], limit: { at: 'frr', limit: LIMIT } },
  ],
} as const;

describeTopology('a peer that takes no more prefixes', FROM_US, (topology) => {
  it('is understood when it says so (FRR)', async () => {
    const { us } = topology().speakers;
    const session = await waitFor(
      'the session ends',
      () => us.session(topology().address('frr', 'us')),
      ({ lastError }) => lastError?.notification !== undefined,
    );
    expect(session.lastError?.reason).toContain('Cease/Maximum Number of Prefixes Reached');
    expect(session.lastError?.notification?.direction).toBe('received');
    expect(await us.established(topology().address('source', 'us'))).toBe(true);
  });
});
