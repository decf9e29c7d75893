import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';
import type { OwnRoute } from './speakers/speaker.ts';

const route = (prefix: string, rawAttribute: string): OwnRoute => ({ family: 'ipv4', prefix, rawAttribute });

const GOOD: OwnRoute = { family: 'ipv4', prefix: '10.80.0.0/24' };
const UNKNOWN = route('10.81.0.0/24', '0x63 0xc0 0x010203');
const UNKNOWN_LOCAL = route('10.82.0.0/24', '0x63 0x80 0x010203');
/** COMMUNITIES of two octets: the route goes (RFC 7606 §7.8). */
const BAD_COMMUNITIES = route('10.83.0.0/24', '0x08 0xc0 0x0102');
/** MULTI_EXIT_DISC of two octets: the route goes (RFC 7606 §7.4). */
const BAD_MED = route('10.84.0.0/24', '0x04 0x80 0x0102');
/** ATOMIC_AGGREGATE with an octet in it: the attribute goes (RFC 7606 §7.6). */
const BAD_ATOMIC_AGGREGATE = route('10.85.0.0/24', '0x06 0x40 0x01');
/** AGGREGATOR of three octets: the attribute goes (RFC 7606 §7.7). */
const BAD_AGGREGATOR = route('10.86.0.0/24', '0x07 0xc0 0x010203');

const PLAN = {
  routers: {
    us: { program: 'openpe', as: 64514 },
    source: {
      program: 'exabgp',
      as: 64512,
      routes: [GOOD, UNKNOWN, UNKNOWN_LOCAL, BAD_COMMUNITIES, BAD_MED, BAD_ATOMIC_AGGREGATE, BAD_AGGREGATOR],
    },
    frr: { program: 'frr', as: 64513 },
    bird: { program: 'bird', as: 64515 },
  },
  links: [
    { between: ['us', 'source'], families: ['ipv4'] },
    { between: ['us', 'frr'], families: ['ipv4'] },
    { between: ['us', 'bird'], families: ['ipv4'] },
  ],
} as const;

describeTopology('attributes that no router sends', PLAN, (topology) => {
  it('cost their routes or themselves, by RFC 7606, and no session', async () => {
    await topology().established('us', 'frr', 'bird');
    const { us, frr, bird } = topology().speakers;
    const kept = [GOOD, UNKNOWN, UNKNOWN_LOCAL, BAD_ATOMIC_AGGREGATE, BAD_AGGREGATOR].map(
      ({ prefix }) => prefix,
    );
    for (const speaker of [us, frr, bird]) {
      await waitFor(
        `${speaker.program} has the routes that are left`,
        () => speaker.prefixes('ipv4'),
        (prefixes) => kept.every((prefix) => prefixes.has(prefix)),
      );
    }
    const { updateErrors, lost, state } = await us.session(topology().address('source', 'us'));
    expect(updateErrors).toEqual({ 'treat-as-withdraw': 2, 'attribute-discard': 2 });
    expect([lost, state]).toEqual([0, 'Established']);
    for (const speaker of [us, frr, bird]) {
      expect([...(await speaker.prefixes('ipv4'))].sort()).toEqual([...kept].sort());
    }
    for (const name of ['frr', 'bird'] as const) {
      const session = await us.session(topology().address(name, 'us'));
      expect([name, session.lost, session.state]).toEqual([name, 0, 'Established']);
    }
  });

  it('that are not known go on if they are transitive, and only then', async () => {
    const { bird } = topology().speakers;
    expect(await bird.attributeText(UNKNOWN.prefix, 99)).toContain('01 02 03');
    expect(await bird.attributeText(UNKNOWN_LOCAL.prefix, 99)).toBeUndefined();
  });
});
