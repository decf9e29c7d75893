import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';

const OUR_AS = 64514;

const ORDERLY = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    frr: { program: 'frr', as: 65001 },
    bird: { program: 'bird', as: 65002 },
  },
  links: [
    { between: ['us', 'frr'], families: ['ipv4'] },
    { between: ['us', 'bird'], families: ['ipv4'] },
  ],
} as const;

describeTopology('the end of a session, in words', ORDERLY, (topology) => {
  it.each(['frr', 'bird'] as const)("%s is shut down with the operator's words", async (name) => {
    await topology().established(name);
    const { us, [name]: peer } = topology().speakers;
    await peer.shutDown(topology().address('us', name), 'maintenance at noon');
    const session = await waitFor(
      'our session is down',
      () => us.session(topology().address(name, 'us')),
      ({ state, lastError }) => state !== 'Established' && lastError?.notification !== undefined,
    );
    // FRR wraps its Cease into a Hard Reset, as both ends know RFC 8538.
    const subcode = name === 'frr' ? 9 : 2;
    expect(session.lastError).toMatchObject({ notification: { direction: 'received', code: 6, subcode } });
    expect(session.lastError?.reason).toContain('Cease/Administrative Shutdown');
    expect(session.lastError?.reason).toContain('maintenance at noon');
  });
});

const SILENT = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    peer: { program: 'bird', as: 65002 },
  },
  links: [{ between: ['us', 'peer'], families: ['ipv4'] }],
} as const;

describeTopology('a peer that says nothing any more', SILENT, (topology) => {
  it('is given up after the hold time', async () => {
    await topology().established();
    const { us, peer } = topology().speakers;
    peer.freeze();
    const session = await waitFor(
      'our session is down',
      () => us.session(topology().address('peer', 'us')),
      ({ lastError }) => lastError?.notification !== undefined,
    );
    expect(session.lastError).toMatchObject({ notification: { direction: 'sent', code: 4, subcode: 0 } });
    expect(session.lastError?.reason.toLowerCase()).toContain('hold timer expired');
  });
});

const WRONG_AS = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    peer: { program: 'frr', as: 65002, claims: 65009 },
  },
  links: [{ between: ['us', 'peer'], families: ['ipv4'] }],
} as const;

describeTopology('a peer of another AS than configured', WRONG_AS, (topology) => {
  it('is refused, and the error says which AS it is', async () => {
    const { us } = topology().speakers;
    const session = await waitFor(
      'our session has an error',
      () => us.session(topology().address('peer', 'us')),
      ({ lastError }) => lastError?.notification?.code === 2,
    );
    expect(session.state).not.toBe('Established');
    expect(session.lastError).toMatchObject({ notification: { direction: 'sent', code: 2, subcode: 2 } });
    expect(session.lastError?.reason).toContain('65009');
  });
});

const ENDING = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    peer: { program: 'frr', as: 65002 },
  },
  links: [{ between: ['us', 'peer'], families: ['ipv4'] }],
} as const;

describeTopology('openpe-routerd ends', ENDING, (topology) => {
  it('says goodbye to its peers, and ends within two seconds with status 0', async () => {
    await topology().established();
    const { us, peer } = topology().speakers;
    await us.stop();
    expect(us.exitStatus).toBe(0);
    expect(await peer.lastReset(topology().address('us', 'peer'))).toMatch(/Cease\/Administrative Shutdown/);
  });
});
