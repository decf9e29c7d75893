import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnMacRoute } from './speakers/speaker.ts';

/** A host moves from the second VTEP to the first one and back; the third only looks on. */
const PLAN = {
  routers: {
    us: { program: 'openpe', as: 64514 },
    first: { program: 'gobgp', as: 65001 },
    second: { program: 'gobgp', as: 65002 },
    far: { program: 'gobgp', as: 65003 },
  },
  links: [
    { between: ['us', 'first'], families: ['evpn'] },
    { between: ['us', 'second'], families: ['evpn'] },
    { between: ['us', 'far'], families: ['evpn'] },
  ],
} as const;

const HOST: OwnMacRoute = {
  mac: '02:00:00:00:00:77',
  address: '10.77.0.1',
  rd: '65000:1',
  routeTarget: '65000:100',
  vni: 100,
};

describeTopology('a host that moves', PLAN, (topology) => {
  it('is where it was announced last, against the router id: GoBGP counts its moves', async () => {
    await topology().established();
    const { us, first, second, far } = topology().speakers;
    const seenBy = (speaker: typeof far, asPath: string) =>
      waitFor(
        `${HOST.mac} by way of ${asPath}`,
        () => speaker.macRoute(HOST.mac),
        (route) => route?.asPath === asPath,
      );

    await second.announceMac(HOST);
    expect((await seenBy(far, '64514 65002'))?.mobilitySequence).toBeUndefined();

    // GoBGP begins to count with 0, which is what a route without the community has too (RFC 7432 §15),
    // so that the lower router id wins. A GoBGP that hears of a later move takes its own route back.
    await seenBy(first, '64514 65002');
    await first.announceMac(HOST);
    expect(await seenBy(far, '64514 65001')).toMatchObject({ mobilitySequence: 0 });

    await seenBy(second, '64514 65001');
    await second.announceMac(HOST);
    expect(await seenBy(far, '64514 65002')).toMatchObject({ mobilitySequence: 1 });
    expect((await us.macPaths(HOST.mac))[0]).toMatchObject({ best: true, asPath: '65002' });
    // It was the sequence number: the first one, whose router id is lower, kept its route until it heard of this one.
    expect(await seenBy(first, '64514 65002')).toMatchObject({ mobilitySequence: 1 });

    await second.withdrawMac(HOST);
    await waitFor(
      `${HOST.mac} is gone`,
      () => far.macRoute(HOST.mac),
      (route) => route === undefined,
    );
  });
});
