import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import type { LinkPlan, ProgramName } from './topology.ts';

const OUR_AS = 64514;
const PEERS = ['frr', 'gobgp', 'bird'] as const satisfies readonly ProgramName[];

const ROLES: readonly { readonly title: string; readonly connects?: 'us' | 'peer' }[] = [
  { title: 'we connect', connects: 'us' },
  { title: 'the peer connects', connects: 'peer' },
  { title: 'both connect' },
];

for (const program of PEERS) {
  for (const { title, connects } of ROLES) {
    for (const peerAs of [64512, OUR_AS]) {
      const link: LinkPlan<'us' | 'peer'> = {
        between: ['us', 'peer'],
        families: ['ipv4', 'ipv6'],
        ...(connects && { connects }),
      };
      const plan = {
        routers: { us: { program: 'openpe', as: OUR_AS }, peer: { program, as: peerAs } },
        links: [link],
      } as const;
      const kind = peerAs === OUR_AS ? 'iBGP' : 'eBGP';

      describeTopology(`${kind} with ${program}, ${title}`, plan, (topology) => {
        it('is Established over IPv4 and IPv6 at both ends', async () => {
          await topology().established();
          const { us } = topology().speakers;
          const overIpv4 = await us.session(topology().address('peer', 'us'));
          expect(overIpv4).toMatchObject({
            state: 'Established',
            localAs: OUR_AS,
            remoteAs: peerAs,
            remoteRouterId: '10.255.1.1',
            localAddress: topology().address('us', 'peer'),
            holdTime: 9,
            keepaliveTime: 3,
          });
          expect(overIpv4.families.map(({ family }) => family)).toEqual(['ipv4-unicast']);
          const overIpv6 = await us.session(topology().address('peer', 'us', 6));
          expect(overIpv6.families.map(({ family }) => family)).toEqual(['ipv6-unicast']);
        });
      });
    }
  }
}
