import { describe, expect, it } from 'vitest';
import { DEFAULT_INSTANCE } from '../../../../bgp/routing-instance.ts';
import { NO_ATTRIBUTES } from '../../../../bgp/wire/attribute-types.ts';
import { WellKnownCommunity } from '../../../../bgp/wire/constants.ts';
import { IPV4_UNICAST } from '../../../../bgp/wire/family.ts';
import { encodeUpdate } from '../../../../bgp/wire/update.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import { parsePrefix } from '../../../../net/prefix.ts';
import { ReceivedRoutes } from './received-routes.ts';
import { addressOf, type FakeSession, SpeakerBench, settingsOf } from './speaker-bench.ts';

const { BLACKHOLE, NO_EXPORT, NO_ADVERTISE, NO_EXPORT_SUBCONFED, NO_PEER } = WellKnownCommunity;
/** RFC 7611. */
const ACCEPT_OWN = 0xffff0001;
const LOCAL_AS = 64512;
const PLAIN = (64512 << 16) >>> 0;

const CONTEXT = {
  fourOctetAs: true,
  addPath: () => false,
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ibgp' as const,
};

type Told = readonly number[] | undefined;

/** What an external, an internal and a bilateral peer are told of a route: its communities, or nothing. */
function toldOf(from: 'external' | 'internal', communities: readonly number[]): Record<string, Told> {
  const bench = new SpeakerBench();
  const instance = bench.speaker.addInstance(DEFAULT_INSTANCE, [IPV4_UNICAST], false);
  const neighbors: readonly (readonly [name: string, asn: number])[] = [
    ['sender', from === 'external' ? 65001 : LOCAL_AS],
    ['external', 65002],
    ['internal', LOCAL_AS],
    ['bilateral', 65003],
  ];
  neighbors.forEach(([name, asn], index) => {
    bench.speaker.addPeer({
      settings: {
        ...settingsOf(`198.51.100.${index + 1}`, LOCAL_AS, asn),
        name,
        families: [IPV4_UNICAST],
      },
      instance,
      allowOwnAs: 0,
      // So that an internal route goes to internal peers, too.
      reflection: { clusterId: 1, clientOf: [IPV4_UNICAST] },
    });
  });
  for (const session of bench.sessions) {
    const { name } = session.settings;
    session.up(name === 'bilateral' ? { role: { local: 'peer', remote: 'peer' } } : {});
  }
  const [sender, ...receivers] = bench.sessions as [FakeSession, ...FakeSession[]];
  const prefix = parsePrefix('10.0.0.0/8');
  if (!prefix) throw new Error('no prefix');
  const attributes = {
    ...NO_ATTRIBUTES,
    origin: 0 as const,
    asPath: [{ type: 2, asns: [65001] }],
    nextHop: addressOf('203.0.113.1'),
    communities,
  };
  const nlri = [{ kind: 'unicast', family: IPV4_UNICAST, prefix } as const];
  const writer = new ByteWriter();
  encodeUpdate(writer, { attributes, nlri }, CONTEXT);
  // Once more, so that it is one that was seen before.
  for (let times = 0; times < 2; times++) sender.receive(writer.bytes().slice());
  bench.settle();
  expect(bench.speaker.attributes.size).toBe(1);
  return Object.fromEntries(
    receivers.map((session) => {
      const view = new ReceivedRoutes(CONTEXT);
      for (const bytes of session.sent) view.apply(bytes);
      const [route] = view.routes.values();
      return [session.settings.name, route?.attributes.communities];
    }),
  );
}

describe('well-known communities', () => {
  it.each<[string, readonly number[]]>([
    ['one of an AS', [PLAIN]],
    ['ACCEPT_OWN (RFC 7611), which is not acted on', [ACCEPT_OWN]],
  ])('%s goes everywhere', (_name, communities) => {
    const [external, internal] = [communities, communities];
    expect(toldOf('external', communities)).toMatchObject({ external, internal });
  });

  it.each([
    ['NO_EXPORT', NO_EXPORT],
    ['NO_EXPORT_SUBCONFED', NO_EXPORT_SUBCONFED],
  ])('%s stays in the AS (RFC 1997)', (_name, community) => {
    for (const from of ['external', 'internal'] as const) {
      expect(toldOf(from, [PLAIN, community])).toEqual({
        external: undefined,
        internal: [PLAIN, community],
        bilateral: undefined,
      });
    }
  });

  it('NO_ADVERTISE goes nowhere (RFC 1997)', () => {
    const nowhere = { external: undefined, internal: undefined, bilateral: undefined };
    expect(toldOf('external', [NO_ADVERTISE])).toEqual(nowhere);
    expect(toldOf('external', [BLACKHOLE, NO_ADVERTISE])).toEqual(nowhere);
  });

  it('NO_PEER goes to all but bilateral peers (RFC 3765)', () => {
    expect(toldOf('external', [NO_PEER])).toEqual({
      external: [NO_PEER],
      internal: [NO_PEER],
      bilateral: undefined,
    });
    expect(toldOf('external', [PLAIN]).bilateral).toEqual([PLAIN]);
  });

  it('BLACKHOLE from an external peer stays in the AS, with NO_EXPORT (RFC 7999 §3.2)', () => {
    expect(toldOf('external', [BLACKHOLE, PLAIN])).toEqual({
      external: undefined,
      internal: [BLACKHOLE, PLAIN, NO_EXPORT],
      bilateral: undefined,
    });
    expect(toldOf('external', [NO_EXPORT, BLACKHOLE]).internal).toEqual([NO_EXPORT, BLACKHOLE]);
  });

  it('BLACKHOLE from an internal one goes on as it came: it was for the first router of the AS to say', () => {
    expect(toldOf('internal', [BLACKHOLE])).toEqual({
      external: [BLACKHOLE],
      internal: [BLACKHOLE],
      bilateral: [BLACKHOLE],
    });
  });
});
