import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';

const PLAN = {
  routers: {
    us: { program: 'openpe', as: 64514 },
    frr: { program: 'frr', as: 64512 },
    bird: { program: 'bird', as: 64513 },
    careless: { program: 'frr', as: 64515 },
  },
  links: [
    { between: ['us', 'frr'], families: ['ipv4', 'ipv6'], gtsm: ['us', 'frr'] },
    { between: ['us', 'bird'], families: ['ipv4', 'ipv6'], gtsm: ['us', 'bird'] },
    { between: ['us', 'careless'], families: ['ipv4', 'ipv6'], gtsm: ['us'] },
  ],
} as const;

describeTopology('GTSM (RFC 5082)', PLAN, (topology) => {
  it.each(['frr', 'bird'] as const)('sessions with %s come up over IPv4 and IPv6', async (program) => {
    await topology().established(program);
    for (const version of [4, 6] as const) {
      const { state } = await topology().speakers.us.session(topology().address(program, 'us', version));
      expect(state).toBe('Established');
    }
  });

  it.each([4, 6] as const)(
    'a neighbor without it does not come up over IPv%i, and is counted',
    async (version) => {
      const { us, careless } = topology().speakers;
      const theirs = topology().address('careless', 'us', version);
      await careless.reset(topology().address('us', 'careless', version));
      const before = await us.refusedConnections();
      await waitFor(
        'refused connections',
        () => us.refusedConnections(),
        (count) => count > before,
      );
      expect(us.log()).toMatch(
        /refused a connection: the time-to-live of its SYN is (1|64), and must be 255 at least/,
      );
      expect((await us.session(theirs)).lost).toBe(0);
      expect(await us.established(theirs)).toBe(false);
    },
  );
});
