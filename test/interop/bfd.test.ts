import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute } from './speakers/speaker.ts';

const OUR_AS = 64514;
const TIMERS = { interval: 100, multiplier: 3 };
/** Milliseconds without a packet after which a session is down. */
const DETECTION_TIME = TIMERS.interval * TIMERS.multiplier;

const PLAN = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    frr: { program: 'frr', as: 64512 },
    bird: { program: 'bird', as: 64513 },
  },
  links: [
    { between: ['us', 'frr'], families: ['ipv4', 'ipv6'], bfd: TIMERS },
    { between: ['us', 'bird'], families: ['ipv4', 'ipv6'], bfd: TIMERS },
  ],
} as const;

for (const program of ['frr', 'bird'] as const) {
  describeTopology(`BFD with ${program}`, PLAN, (topology) => {
    for (const version of [4, 6] as const) {
      it(`is up over IPv${version} at both ends, beside BGP`, async () => {
        const { us, [program]: peer } = topology().speakers;
        const theirs = topology().address(program, 'us', version);
        const ours = topology().address('us', program, version);
        await topology().established('us', program);
        await waitFor(
          'BFD up',
          () => us.session(theirs),
          ({ bfd }) => bfd === 'up',
        );
        await waitFor(
          'BFD up there',
          () => peer.bfdState(ours),
          (state) => state === 'up',
        );
      });
    }
  });
}

const OVER_ROUTERS = {
  routers: PLAN.routers,
  links: [
    { ...PLAN.links[0], multiHop: true },
    // BIRD sends with the system's time-to-live, 64, of which the router takes one.
    { ...PLAN.links[1], multiHop: true, bfd: { ...TIMERS, minimumTtl: 63 } },
  ],
} as const;

describeTopology('BFD over a router (RFC 5883)', OVER_ROUTERS, (topology) => {
  for (const program of ['frr', 'bird'] as const) {
    for (const version of [4, 6] as const) {
      it(`is up over IPv${version} at both ends with ${program}`, async () => {
        const { us, [program]: peer } = topology().speakers;
        const theirs = topology().address(program, 'us', version);
        const ours = topology().address('us', program, version);
        await topology().established('us', program);
        await waitFor(
          'BFD up',
          () => us.session(theirs),
          ({ bfd }) => bfd === 'up',
        );
        await waitFor(
          'BFD up there',
          () => peer.bfdState(ours),
          (state) => state === 'up',
        );
      });
    }
  }

  it('takes BGP down at once when the path fails', async () => {
    const { us, frr } = topology().speakers;
    const theirs = topology().address('frr', 'us');
    const { since } = await us.session(theirs);
    frr.freezeBfd();
    const down = await waitFor(
      'BFD down',
      () => us.session(theirs),
      ({ lastError }) => lastError !== undefined && lastError.at > since,
    );
    expect(down.lastError?.reason).toContain('BFD session down: control detection time expired');
    frr.thawBfd();
  });
});

describeTopology('BFD of FRR that falls silent', PLAN, (topology) => {
  it('takes BGP down at once, and both come back', async () => {
    const { us, frr } = topology().speakers;
    const theirs = topology().address('frr', 'us');
    await topology().established('us');
    const up = () =>
      waitFor(
        'BFD up',
        () => us.session(theirs),
        ({ bfd }) => bfd === 'up',
      );
    const { since } = await up();
    frr.freezeBfd();
    const down = await waitFor(
      'BFD down',
      () => us.session(theirs),
      ({ lastError }) => lastError !== undefined && lastError.at > since,
    );
    expect(down.lastError?.reason).toContain('BFD session down: control detection time expired');
    // Inside a Hard Reset, as both ends know RFC 8538.
    expect(down.lastError?.reason).toContain('BFD Down');
    expect(down.lastError?.notification).toEqual({ direction: 'sent', code: 6, subcode: 9 });
    expect(down.bfd).toBe('down');
    // Without BFD, BGP goes on.
    await topology().established('us');
    frr.thawBfd();
    await up();
    const other = await us.session(topology().address('bird', 'us'));
    expect(other).toMatchObject({ state: 'Established', bfd: 'up' });
  });

  it('follows other intervals of the peer without touching BGP', async () => {
    const { us, frr } = topology().speakers;
    const theirs = topology().address('frr', 'us');
    const ours = topology().address('us', 'frr');
    await topology().established('us');
    const before = await waitFor(
      'BFD up',
      () => us.session(theirs),
      ({ bfd }) => bfd === 'up',
    );
    await frr.setBfdInterval(ours, theirs, 700);
    // Longer than what had been the detection time of either end.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await us.session(theirs)).toMatchObject({ state: 'Established', since: before.since, bfd: 'up' });
    expect(await frr.bfdState(ours)).toBe('up');
  });
});

describeTopology('BFD that FRR ends on purpose', PLAN, (topology) => {
  it('leaves BGP alone (RFC 5882 §4.2)', async () => {
    const { us, frr } = topology().speakers;
    const theirs = topology().address('frr', 'us', 6);
    await topology().established('us');
    const before = await waitFor(
      'BFD up',
      () => us.session(theirs),
      ({ bfd }) => bfd === 'up',
    );
    await frr.shutDownBfd(topology().address('us', 'frr', 6), theirs);
    await waitFor(
      'BFD down',
      () => us.session(theirs),
      ({ bfd }) => bfd === 'down',
    );
    // Longer than the detection time: FRR goes on saying that it is down on purpose.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await us.session(theirs)).toMatchObject({
      state: 'Established',
      since: before.since,
      bfd: 'down',
    });
  });
});

/** Routes of the load, by hand a million: BFD_ROUTES=1000000 with a longer --testTimeout. */
const ROUTES = Number(process.env.BFD_ROUTES ?? 150_000);

const LOADED = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    watched: { program: 'bird', as: 64512 },
    loader: { program: 'bird', as: 64513, routes: routes(ROUTES) },
  },
  links: [
    { between: ['us', 'watched'], families: ['ipv4'], bfd: TIMERS },
    { between: ['us', 'loader'], families: ['ipv4'] },
  ],
} as const;

function routes(count: number): readonly OwnRoute[] {
  return Array.from({ length: count }, (_, index) => ({
    family: 'ipv4' as const,
    prefix: `${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.0/24`,
  }));
}

describeTopology(`a peer that falls silent while ${ROUTES} routes load`, LOADED, (topology) => {
  it('is noticed within 1.1 of the detection time', async () => {
    const { us, watched, loader } = topology().speakers;
    const theirs = topology().address('watched', 'us');
    const loaders = topology().address('loader', 'us');
    await topology().established('us');
    await waitFor(
      'BFD up',
      () => us.session(theirs),
      ({ bfd }) => bfd === 'up',
    );
    const loaded = () =>
      waitFor(
        'table',
        () => us.session(loaders),
        ({ families }) => families[0]?.received === ROUTES,
      );
    const { since } = await loaded();
    await loader.reset(topology().address('us', 'loader'));
    await waitFor(
      'load',
      () => us.session(loaders),
      (one) => one.since > since && one.state === 'Established',
    );
    const frozenAt = Date.now();
    watched.freeze();
    const { lastError } = await waitFor(
      'down',
      () => us.session(theirs),
      (one) => (one.lastError?.at ?? 0) >= frozenAt,
    );
    expect(lastError?.reason).toContain('BFD session down');
    // The last packet was sent before the peer was frozen, by an interval at most.
    const time = (lastError?.at ?? 0) - frozenAt;
    process.stdout.write(
      `BFD: noticed ${time} ms after the peer fell silent; detection time ${DETECTION_TIME} ms\n`,
    );
    expect(time).toBeLessThan(DETECTION_TIME * 1.1);
    expect(time).toBeGreaterThan(DETECTION_TIME - TIMERS.interval * 1.1);
    await loaded();
  });
});
