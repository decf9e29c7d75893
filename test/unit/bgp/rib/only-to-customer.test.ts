import { describe, expect, it } from 'vitest';
import { DEFAULT_INSTANCE } from '../../../../bgp/routing-instance.ts';
import type { Role } from '../../../../bgp/session/roles.ts';
import {
  NO_ATTRIBUTES,
  type PathAttributes,
  type RawAttribute,
} from '../../../../bgp/wire/attribute-types.ts';
import { IPV4_UNICAST, L2VPN_EVPN } from '../../../../bgp/wire/family.ts';
import type { NlriRoute } from '../../../../bgp/wire/nlri.ts';
import { encodeUpdate, type UpdateContent } from '../../../../bgp/wire/update.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import { parsePrefix } from '../../../../net/prefix.ts';
import { EBGP_CONTEXT } from '../wire/contexts.ts';
import { ReceivedRoutes } from './received-routes.ts';
import { ALL_FAMILIES, addressOf, type FakeSession, SpeakerBench, settingsOf } from './speaker-bench.ts';

const LOCAL_AS = 64512;
const SENDER_AS = 65001;
const OTHER_AS = 65099;

function otc(asn: number, flags = 0xc0): RawAttribute {
  return {
    code: 35,
    flags,
    value: Uint8Array.of(asn >>> 24, (asn >>> 16) & 255, (asn >>> 8) & 255, asn & 255),
  };
}

function attributes(...unknown: RawAttribute[]): PathAttributes {
  return { ...NO_ATTRIBUTES, origin: 0, asPath: [{ type: 2, asns: [SENDER_AS] }], unknown };
}

function ipv4(...unknown: RawAttribute[]): UpdateContent {
  const prefix = parsePrefix('10.0.0.0/8');
  if (!prefix) throw new Error('no prefix');
  const route: NlriRoute = { kind: 'unicast', family: IPV4_UNICAST, prefix };
  return { attributes: { ...attributes(...unknown), nextHop: addressOf('203.0.113.1') }, nlri: [route] };
}

function evpn(...unknown: RawAttribute[]): UpdateContent {
  const route: NlriRoute = {
    kind: 'evpn',
    family: L2VPN_EVPN,
    routeType: 3,
    rd: new Uint8Array(8),
    ethernetTag: 0,
    originatingRouter: addressOf('203.0.113.1'),
  };
  const nextHop = { address: addressOf('203.0.113.1') };
  return { attributes: attributes(...unknown), mpReach: { family: L2VPN_EVPN, nextHop, routes: [route] } };
}

/** A router between a peer that sends and one that receives. */
class Between {
  readonly bench: SpeakerBench;
  readonly leaks: number[] = [];
  readonly sender: FakeSession;
  readonly receiver: FakeSession;
  readonly #view = new ReceivedRoutes(EBGP_CONTEXT);

  /** Our roles to both. */
  constructor(toSender: Role | undefined, toReceiver: Role | undefined, fourOctetAs = true) {
    this.bench = new SpeakerBench({ leaked: (_, family) => this.leaks.push(family) });
    const instance = this.bench.speaker.addInstance(DEFAULT_INSTANCE, ALL_FAMILIES, false);
    for (const [address, asn] of [
      ['198.51.100.1', SENDER_AS],
      ['198.51.100.2', 65002],
    ] as const) {
      this.bench.speaker.addPeer({ settings: settingsOf(address, LOCAL_AS, asn), instance, allowOwnAs: 0 });
    }
    [this.sender, this.receiver] = this.bench.sessions as [FakeSession, FakeSession];
    this.sender.up({ fourOctetAs, ...(toSender && { role: { local: toSender, remote: undefined } }) });
    this.receiver.up(toReceiver ? { role: { local: toReceiver, remote: undefined } } : {});
  }

  /** What the receiver has after an UPDATE of the sender: the values of OTC with their flags, one for each route. */
  after(content: UpdateContent, fourOctetAs = true): readonly (string | undefined)[] {
    const writer = new ByteWriter();
    encodeUpdate(writer, content, { ...EBGP_CONTEXT, fourOctetAs });
    expect(this.sender.receive(writer.take())).toBeUndefined();
    this.bench.settle();
    for (const bytes of this.receiver.sent.splice(0)) this.#view.apply(bytes);
    return [...this.#view.routes.values()].map(({ attributes: { unknown } }) => {
      const found = unknown.filter(({ code }) => code === 35);
      return found.map(({ flags, value }) => `${flags.toString(16)} ${Buffer.from(value).readUInt32BE()}`)[0];
    });
  }
}

describe('OTC on routes that come (RFC 9234 §5)', () => {
  it.each<[Role, UpdateContent, readonly (string | undefined)[]]>([
    ['provider', ipv4(), [undefined]],
    ['provider', ipv4(otc(OTHER_AS)), []],
    ['provider', ipv4(otc(SENDER_AS)), []],
    ['route-server', ipv4(), [undefined]],
    ['route-server', ipv4(otc(OTHER_AS)), []],
    ['peer', ipv4(), [`c0 ${SENDER_AS}`]],
    ['peer', ipv4(otc(SENDER_AS)), [`c0 ${SENDER_AS}`]],
    ['peer', ipv4(otc(OTHER_AS)), []],
    ['customer', ipv4(), [`c0 ${SENDER_AS}`]],
    ['customer', ipv4(otc(OTHER_AS)), [`c0 ${OTHER_AS}`]],
    ['route-server-client', ipv4(), [`c0 ${SENDER_AS}`]],
    ['route-server-client', ipv4(otc(OTHER_AS)), [`c0 ${OTHER_AS}`]],
  ])('as %s, case %#', (role, content, expected) => {
    const between = new Between(role, undefined);
    expect(between.after(content)).toEqual(expected);
    expect(between.leaks).toEqual(expected.length === 0 ? [IPV4_UNICAST] : []);
  });

  it('a leak takes the place of what the peer had told before: nothing', () => {
    const between = new Between('provider', undefined);
    expect(between.after(ipv4())).toEqual([undefined]);
    expect(between.after(ipv4(otc(OTHER_AS)))).toEqual([]);
    expect(between.after(ipv4())).toEqual([undefined]);
    expect(between.bench.speaker.attributes.size).toBe(1);
    expect(between.bench.speaker.peers[0]?.leaks).toBe(1);
  });

  it('is added on sessions with 2-octet AS numbers too, once', () => {
    const between = new Between('customer', undefined, false);
    expect(between.after(ipv4(), false)).toEqual([`c0 ${SENDER_AS}`]);
    expect(between.after(ipv4(otc(OTHER_AS)), false)).toEqual([`c0 ${OTHER_AS}`]);
  });

  it.each<Role>(['provider', 'peer', 'customer'])('as %s, EVPN is not touched', (role) => {
    const between = new Between(role, undefined);
    expect(between.after(evpn(otc(OTHER_AS)))).toEqual([`c0 ${OTHER_AS}`]);
    expect(between.after(evpn())).toEqual([undefined]);
    expect(between.leaks).toEqual([]);
  });

  it('malformed, it takes the route away and nothing else', () => {
    const between = new Between('customer', undefined);
    expect(between.after(ipv4())).toHaveLength(1);
    expect(between.after(ipv4({ code: 35, flags: 0xc0, value: Uint8Array.of(1, 2, 3) }))).toEqual([]);
    expect(between.bench.speaker.peers[0]?.updateErrors.get('treat-as-withdraw')).toBe(1);
  });
});

describe('OTC on routes that go (RFC 9234 §5)', () => {
  it.each<[Role, UpdateContent, readonly (string | undefined)[]]>([
    ['provider', ipv4(), [`c0 ${LOCAL_AS}`]],
    ['provider', ipv4(otc(OTHER_AS)), [`c0 ${OTHER_AS}`]],
    ['route-server', ipv4(), [`c0 ${LOCAL_AS}`]],
    ['peer', ipv4(), [`c0 ${LOCAL_AS}`]],
    ['peer', ipv4(otc(OTHER_AS)), []],
    ['customer', ipv4(), [undefined]],
    ['customer', ipv4(otc(OTHER_AS)), []],
    ['route-server-client', ipv4(otc(OTHER_AS)), []],
  ])('as %s, case %#', (role, content, expected) => {
    expect(new Between(undefined, role).after(content)).toEqual(expected);
  });

  it.each<Role>(['provider', 'peer', 'customer'])('as %s, EVPN is not touched', (role) => {
    const between = new Between(undefined, role);
    expect(between.after(evpn())).toEqual([undefined]);
    expect(between.after(evpn(otc(OTHER_AS)))).toEqual([`c0 ${OTHER_AS}`]);
  });

  it('without roles it goes on as it came, whatever its flags', () => {
    const between = new Between(undefined, undefined);
    expect(between.after(ipv4(otc(OTHER_AS)))).toEqual([`c0 ${OTHER_AS}`]);
    expect(between.after(ipv4(otc(OTHER_AS, 0xe0)))).toEqual([`e0 ${OTHER_AS}`]);
  });

  it('peers with and without a role are told apart', () => {
    const between = new Between('provider', 'provider');
    const groups = between.bench.speaker.instances.get(DEFAULT_INSTANCE)?.groups ?? [];
    expect(groups).toHaveLength(ALL_FAMILIES.length);
    between.receiver.down();
    between.receiver.up();
    // EVPN knows no OTC.
    expect(between.bench.speaker.instances.get(DEFAULT_INSTANCE)?.groups).toHaveLength(
      ALL_FAMILIES.length * 2 - 1,
    );
  });
});
