import { beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_INSTANCE, type RoutingInstance } from '../../../../bgp/routing-instance.ts';
import { NO_ATTRIBUTES, type PathAttributes } from '../../../../bgp/wire/attribute-types.ts';
import { type Family, IPV4_UNICAST, IPV6_UNICAST } from '../../../../bgp/wire/family.ts';
import { encodeUpdate } from '../../../../bgp/wire/update.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import { parsePrefix } from '../../../../net/prefix.ts';
import { ReceivedRoutes } from './received-routes.ts';
import { ALL_FAMILIES, addressOf, type FakeSession, SpeakerBench, settingsOf } from './speaker-bench.ts';

const AS = 64512;
const CLUSTER_ID = 0xc0000209;
const CONTEXT = {
  fourOctetAs: true,
  addPath: () => false,
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ibgp' as const,
};

describe('a route reflector (RFC 4456)', () => {
  let bench: SpeakerBench;
  let instance: RoutingInstance;
  beforeEach(() => {
    bench = new SpeakerBench();
    instance = bench.speaker.addInstance(DEFAULT_INSTANCE, ALL_FAMILIES, false);
  });

  /** A peer that is up; with `clientOf` undefined this router reflects nothing. */
  const peer = (address: string, clientOf: readonly Family[] | undefined, asn = AS): FakeSession => {
    bench.speaker.addPeer({
      settings: settingsOf(address, AS, asn),
      instance,
      allowOwnAs: 0,
      reflection: clientOf && { clusterId: CLUSTER_ID, clientOf },
    });
    const session = bench.sessions.at(-1);
    if (!session) throw new Error('no session');
    session.up();
    bench.settle();
    return session;
  };
  const announce = (from: FakeSession, changes: Partial<PathAttributes> = {}): void => {
    const prefix = parsePrefix('10.1.0.0/16');
    if (!prefix) throw new Error('no prefix');
    const attributes = {
      ...NO_ATTRIBUTES,
      origin: 0 as const,
      asPath: [],
      localPref: 120,
      nextHop: addressOf('203.0.113.9'),
      ...changes,
    };
    const writer = new ByteWriter();
    const nlri = [{ kind: 'unicast' as const, family: IPV4_UNICAST, prefix }];
    encodeUpdate(writer, { attributes, nlri }, CONTEXT);
    expect(from.receive(writer.take())).toBeUndefined();
    bench.settle();
  };
  /** What a peer has of the one route. */
  const seen = (session: FakeSession): PathAttributes | undefined => {
    const received = new ReceivedRoutes(CONTEXT);
    for (const bytes of session.sent) received.apply(bytes);
    return [...received.routes.values()][0]?.attributes;
  };

  it('passes the routes of a client on to all, with where they come from', () => {
    const client = peer('192.0.2.2', [IPV4_UNICAST]);
    const others = [peer('192.0.2.3', [IPV4_UNICAST]), peer('192.0.2.4', [])];
    announce(client);
    for (const other of others) {
      expect(seen(other)).toMatchObject({
        originatorId: 0xc0000202,
        clusterList: [CLUSTER_ID],
        localPref: 120,
        asPath: [],
        nextHop: addressOf('203.0.113.9'),
      });
    }
    expect(seen(client)).toBeUndefined();
  });

  it('passes the routes of others on to clients alone', () => {
    const [other, second] = [peer('192.0.2.2', []), peer('192.0.2.3', [])];
    const client = peer('192.0.2.4', [IPV4_UNICAST]);
    announce(other);
    expect(seen(client)).toMatchObject({ originatorId: 0xc0000202, clusterList: [CLUSTER_ID] });
    expect(seen(second)).toBeUndefined();
  });

  it('knows a client by the family', () => {
    const client = peer('192.0.2.2', [IPV6_UNICAST]);
    const second = peer('192.0.2.3', [IPV6_UNICAST]);
    announce(client);
    expect(seen(second)).toBeUndefined();
  });

  it('adds nothing to external routes, and nothing of its own to what goes outside', () => {
    const external = peer('192.0.2.2', [], 65001);
    const client = peer('192.0.2.3', [IPV4_UNICAST]);
    announce(external, { asPath: [{ type: 2, asns: [65001] }], localPref: undefined });
    expect(seen(client)).toMatchObject({ originatorId: undefined, clusterList: [] });
    announce(client, { localPref: 200 });
    expect(seen(external)).toMatchObject({
      originatorId: undefined,
      clusterList: [],
      asPath: [{ type: 2, asns: [AS] }],
    });
  });

  it('refuses routes that have passed its cluster, and those that it originated', () => {
    const client = peer('192.0.2.2', [IPV4_UNICAST]);
    const second = peer('192.0.2.3', [IPV4_UNICAST]);
    announce(client, { originatorId: 9, clusterList: [7, CLUSTER_ID] });
    expect(seen(second)).toBeUndefined();
    announce(client, { originatorId: client.settings.routerId, clusterList: [7] });
    expect(seen(second)).toBeUndefined();
    announce(client, { originatorId: 9, clusterList: [7] });
    expect(seen(second)).toMatchObject({ originatorId: 9, clusterList: [CLUSTER_ID, 7] });
  });

  it('is none without a CLUSTER_ID', () => {
    const [one, other] = [peer('192.0.2.2', undefined), peer('192.0.2.3', undefined)];
    announce(one);
    expect(seen(other)).toBeUndefined();
  });
});
