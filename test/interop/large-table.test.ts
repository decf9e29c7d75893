import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute } from './speakers/speaker.ts';

const COUNT = 20_000;
/** Over 65535, so that AS_PATH needs four octets (RFC 6793). */
const OUR_AS = 4_200_000_010;

/** Different attributes for every hundredth route, so that messages are of many sizes. */
function routes(first: number): OwnRoute[] {
  return Array.from({ length: COUNT }, (_, index) => ({
    family: 'ipv4',
    prefix: `${first}.${index >> 8}.${index & 255}.0/24`,
    communities: [`64512:${index % 100}`],
  }));
}

/** Every 1999th route: all residues are met. */
function sample(all: readonly OwnRoute[]): OwnRoute[] {
  return all.filter((_, index) => index % 1999 === 0);
}

const PAIRS = [
  ['frr', 'bird'],
  ['bird', 'gobgp'],
  ['bird', 'frr'],
] as const;

for (const [sender, receiver] of PAIRS) {
  const own = routes(20);
  const plan = {
    routers: {
      us: { program: 'openpe', as: OUR_AS },
      sender: { program: sender, as: 65001, routes: own },
      receiver: { program: receiver, as: 65002 },
    },
    links: [
      { between: ['us', 'sender'], families: ['ipv4'] },
      { between: ['us', 'receiver'], families: ['ipv4'] },
    ],
  } as const;

  describeTopology(`${COUNT} routes from ${sender} to ${receiver}`, plan, (topology) => {
    it('all arrive, with the attributes they had', async () => {
      await topology().established();
      const { us, receiver: to } = topology().speakers;
      const arrived = await waitFor(
        `${to.program} has ${COUNT} routes`,
        () => to.prefixes('ipv4'),
        ({ size }) => size >= COUNT,
        60,
      );
      expect([...arrived].sort()).toEqual(own.map(({ prefix }) => prefix).sort());
      for (const { prefix, communities } of sample(own)) {
        expect(await to.route('ipv4', prefix)).toMatchObject({
          asPath: `${OUR_AS} 65001`,
          communities,
          nextHop: topology().address('us', 'receiver'),
        });
      }
      expect((await us.prefixes('ipv4')).size).toBe(COUNT);
      const session = await us.session(topology().address('sender', 'us'));
      expect(session.families).toMatchObject([{ family: 'ipv4-unicast', received: COUNT }]);
      const other = await us.session(topology().address('receiver', 'us'));
      expect(other.families).toMatchObject([{ family: 'ipv4-unicast', sent: COUNT }]);
    });

    it('all come again after the receiver reset its session', async () => {
      await topology().established();
      const { us, receiver: to } = topology().speakers;
      const peer = topology().address('receiver', 'us');
      const before = await us.session(peer);
      await to.reset(topology().address('us', 'receiver'));
      await waitFor(
        'our session with the receiver is back',
        () => us.session(peer),
        ({ state, since }) => state === 'Established' && since > before.since,
        40,
      );
      await waitFor(
        `${to.program} has ${COUNT} routes again`,
        () => to.prefixes('ipv4'),
        ({ size }) => size === COUNT,
        60,
      );
    });

    it('all go with their sender', async () => {
      const { us, sender: from, receiver: to } = topology().speakers;
      await from.kill();
      await waitFor(
        `${to.program} has no routes`,
        () => to.prefixes('ipv4'),
        ({ size }) => size === 0,
        60,
      );
      expect((await us.prefixes('ipv4')).size).toBe(0);
    });
  });
}
