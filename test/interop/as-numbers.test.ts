import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';

/** Four octets. */
const FAR_AS = 4_200_000_002;
const BEYOND_AS = 4_200_000_003;

const PLAN = {
  routers: {
    us: { program: 'openpe', as: 64514 },
    far: { program: 'frr', as: FAR_AS, routes: [{ family: 'ipv4', prefix: '10.90.0.0/24' }] },
    old: { program: 'bird', as: 64513, twoOctetAs: true },
    other: { program: 'frr', as: 64516 },
    beyond: { program: 'frr', as: BEYOND_AS, routes: [{ family: 'ipv4', prefix: '10.91.0.0/24' }] },
  },
  links: [
    { between: ['far', 'us'], families: ['ipv4'] },
    { between: ['us', 'old'], families: ['ipv4'] },
    { between: ['old', 'other'], families: ['ipv4'] },
    { between: ['other', 'beyond'], families: ['ipv4'] },
  ],
} as const;

describeTopology('AS numbers of four octets, past a router that knows two (RFC 6793)', PLAN, (topology) => {
  it('come out whole behind what we send to it', async () => {
    await topology().established();
    const { old } = topology().speakers;
    for (const neighbor of ['us', 'other'] as const) {
      expect(await old.sessionKind(topology().address(neighbor, 'old'))).toBe('external');
    }
    await waitFor(
      'the old router has put the path together',
      () => old.route('ipv4', '10.90.0.0/24'),
      (route) => route?.asPath === `64514 ${FAR_AS}`,
    );
    await waitFor(
      'the path behind the old router is whole',
      () => topology().speakers.other.route('ipv4', '10.90.0.0/24'),
      (route) => route?.asPath === `64513 64514 ${FAR_AS}`,
    );
  });

  it('come out whole of what it sends to us', async () => {
    await waitFor(
      'our path is whole',
      () => topology().speakers.us.route('ipv4', '10.91.0.0/24'),
      (route) => route?.asPath === `64513 64516 ${BEYOND_AS}`,
    );
    await waitFor(
      'and so is the one at the other end',
      () => topology().speakers.far.route('ipv4', '10.91.0.0/24'),
      (route) => route?.asPath === `64514 64513 64516 ${BEYOND_AS}`,
    );
  });
});
