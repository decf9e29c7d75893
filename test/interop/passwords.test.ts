import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';

const OUR_AS = 64514;

for (const program of ['frr', 'gobgp', 'bird'] as const) {
  for (const connects of ['us', 'peer'] as const) {
    const plan = {
      routers: { us: { program: 'openpe', as: OUR_AS }, peer: { program, as: 64512 } },
      links: [
        { between: ['us', 'peer'], families: ['ipv4', 'ipv6'], connects, passwords: ['s3cret', 's3cret'] },
      ],
    } as const;

    describeTopology(`TCP MD5 signatures with ${program}, ${connects} connecting`, plan, (topology) => {
      it('the same password at both ends is Established', async () => {
        await topology().established();
        const { us } = topology().speakers;
        expect((await us.session(topology().address('peer', 'us'))).state).toBe('Established');
      });
    });
  }
}

const DIFFERENT = {
  routers: {
    us: { program: 'openpe', as: OUR_AS },
    wrong: { program: 'frr', as: 64512 },
    right: { program: 'frr', as: 64513 },
  },
  links: [
    { between: ['us', 'wrong'], families: ['ipv4'], passwords: ['s3cret', 'other'] },
    { between: ['us', 'right'], families: ['ipv4'], passwords: ['s3cret', 's3cret'] },
  ],
} as const;

describeTopology('TCP MD5 signatures', DIFFERENT, (topology) => {
  it('another password at the other end is never Established', async () => {
    await topology().established('right');
    // Both sides try every second: long enough for several attempts each way.
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const { us, wrong } = topology().speakers;
    expect((await us.session(topology().address('wrong', 'us'))).state).not.toBe('Established');
    expect(await wrong.established(topology().address('us', 'wrong'))).toBe(false);
  });
});
