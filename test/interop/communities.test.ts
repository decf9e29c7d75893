import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute, Speaker } from './speakers/speaker.ts';

const OUR_AS = 64514;

function route(number: number, ...communities: string[]): OwnRoute {
  return { family: 'ipv4', prefix: `10.${number}.0.0/16`, communities };
}

const PLAIN = route(70);
const NO_EXPORT = route(71, '65535:65281');
const NO_ADVERTISE = route(72, '65535:65282');
const NO_EXPORT_SUBCONFED = route(73, '65535:65283');
const NO_PEER = route(74, '65535:65284');
const BLACKHOLE = route(75, '65535:666');
/** ACCEPT_OWN (RFC 7611), which means nothing here. */
const OTHER = route(77, '65535:1');
const ALL = [PLAIN, OTHER, NO_EXPORT, NO_ADVERTISE, NO_EXPORT_SUBCONFED, NO_PEER, BLACKHOLE];

/** At two neighbors, of which one is preferred until it is about to leave. */
const LEAVING = route(76);

function has(speaker: Speaker, { family, prefix }: OwnRoute): Promise<unknown> {
  return waitFor(
    `${speaker.program} has ${prefix}`,
    () => speaker.route(family, prefix),
    (seen) => seen !== undefined,
  );
}

/** FRR writes those that have names by their names. */
const NAMES: Readonly<Record<string, string>> = { noExport: '65535:65281', blackhole: '65535:666' };

// BIRD sends all of them: FRR obeys those of its own routes itself.
for (const [receiver, leaver] of [
  ['bird', 'frr'],
  ['frr', 'bird'],
] as const) {
  const plan = {
    routers: {
      us: { program: 'openpe', as: OUR_AS },
      sender: { program: 'bird', as: 64512, routes: ALL },
      leaving: { program: leaver, as: 64517, routes: [LEAVING] },
      outer: { program: receiver, as: 64513 },
      inner: { program: receiver, as: OUR_AS },
      beside: { program: receiver, as: 64515 },
      other: { program: receiver, as: 64516, routes: [LEAVING] },
    },
    links: [
      { between: ['us', 'sender'], families: ['ipv4'] },
      { between: ['us', 'leaving'], families: ['ipv4'] },
      { between: ['us', 'outer'], families: ['ipv4'] },
      { between: ['us', 'inner'], families: ['ipv4'] },
      { between: ['us', 'beside'], families: ['ipv4'], roles: [{ local: 'peer' }, { local: 'peer' }] },
      { between: ['us', 'other'], families: ['ipv4'] },
    ],
  } as const;

  describeTopology(
    `well-known communities, obeyed towards ${receiver} and from ${leaver}`,
    plan,
    (topology) => {
      it('each goes as far as it says', async () => {
        await topology().established();
        const { us, inner, outer, beside } = topology().speakers;
        for (const one of ALL) await has(us, one);
        const reached = [
          [inner, [PLAIN, OTHER, NO_EXPORT, NO_EXPORT_SUBCONFED, NO_PEER, BLACKHOLE]],
          [outer, [PLAIN, OTHER, NO_PEER]],
          [beside, [PLAIN, OTHER]],
        ] as const;
        for (const [speaker, expected] of reached) {
          for (const one of expected) await has(speaker, one);
          const prefixes = await speaker.prefixes('ipv4');
          expect(ALL.filter(({ prefix }) => prefixes.has(prefix))).toEqual(expected);
        }
      });

      it('BLACKHOLE stays in the AS, with NO_EXPORT', async () => {
        await topology().established();
        const { inner } = topology().speakers;
        await has(inner, BLACKHOLE);
        const { communities = [] } = (await inner.route(BLACKHOLE.family, BLACKHOLE.prefix)) ?? {};
        expect(communities.map((one) => NAMES[one] ?? one)).toEqual(['65535:666', '65535:65281']);
      });

      it('GRACEFUL_SHUTDOWN: the other path is used', async () => {
        await topology().established();
        const { us, leaving } = topology().speakers;
        const theirs = topology().address('leaving', 'us');
        const best = async (): Promise<string | undefined> => (await us.paths(LEAVING.prefix))[0]?.source;
        await waitFor(
          'both paths',
          () => us.pathSources(LEAVING.prefix),
          ({ length }) => length >= 2,
        );
        expect(await best()).toBe(theirs);
        await leaving.leave();
        await waitFor('the other path', best, (source) => source === topology().address('other', 'us'));
        const old = (await us.paths(LEAVING.prefix)).find(({ source }) => source === theirs);
        expect(old).toMatchObject({ best: false, lostBy: 'local preference', communities: ['65535:0'] });
      });
    },
  );
}
