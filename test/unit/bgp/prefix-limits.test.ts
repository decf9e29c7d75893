import { describe, expect, it } from 'vitest';
import type { Peer } from '../../../bgp/peer.ts';
import type { PrefixLimit } from '../../../bgp/prefix-limits.ts';
import { DEFAULT_INSTANCE } from '../../../bgp/routing-instance.ts';
import type { SessionError } from '../../../bgp/session/session-events.ts';
import { NO_ATTRIBUTES } from '../../../bgp/wire/attribute-types.ts';
import { IPV4_UNICAST } from '../../../bgp/wire/family.ts';
import type { NlriRoute } from '../../../bgp/wire/nlri.ts';
import { encodeUpdate } from '../../../bgp/wire/update.ts';
import { addressFromBytes } from '../../../net/address.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';
import { toHex } from '../../../net/hex.ts';
import { ALL_FAMILIES, addressOf, type FakeSession, SpeakerBench, settingsOf } from './rib/speaker-bench.ts';
import { EBGP_CONTEXT } from './wire/contexts.ts';

function routes(first: number, count: number): NlriRoute[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'unicast',
    family: IPV4_UNICAST,
    prefix: { address: addressFromBytes(Uint8Array.of(10, 0, first + index, 0)), length: 24 },
  }));
}

/** A peer of which some routes are taken at most. */
class LimitedPeer {
  readonly bench: SpeakerBench;
  readonly peer: Peer;
  readonly passed: string[] = [];

  constructor(limit: Partial<PrefixLimit> = {}) {
    this.bench = new SpeakerBench({
      prefixLimit: (_, family, count, state) =>
        this.passed.push(`${family === IPV4_UNICAST} ${count} ${state}`),
    });
    const instance = this.bench.speaker.addInstance(DEFAULT_INSTANCE, ALL_FAMILIES, false);
    this.peer = this.bench.speaker.addPeer({
      settings: settingsOf('10.1.0.1', 64512, 65000),
      instance,
      allowOwnAs: 0,
      prefixLimits: new Map([[IPV4_UNICAST, { limit: 10, warnAt: 8, answer: { heldFor: 5000 }, ...limit }]]),
    });
    this.session.up();
  }

  get session(): FakeSession {
    const [session] = this.bench.sessions;
    if (!session) throw new Error('there is no session');
    return session;
  }

  announce(first: number, count: number): SessionError | undefined {
    const attributes = {
      ...NO_ATTRIBUTES,
      origin: 0 as const,
      asPath: [{ type: 2, asns: [65000] }],
      nextHop: addressOf('203.0.113.1'),
    };
    return this.#receive({ attributes, nlri: routes(first, count) });
  }

  withdraw(first: number, count: number): SessionError | undefined {
    return this.#receive({ withdrawn: routes(first, count) });
  }

  #receive(content: Parameters<typeof encodeUpdate>[1]): SessionError | undefined {
    const writer = new ByteWriter();
    encodeUpdate(writer, content, EBGP_CONTEXT);
    return this.session.receive(writer.take());
  }
}

describe('a limit of prefixes', () => {
  it('ends the session when it is passed, with the family and the limit (RFC 4486 §4)', () => {
    const peer = new LimitedPeer();
    expect(peer.announce(0, 10)).toBeUndefined();
    const error = peer.announce(10, 1);
    expect(error).toMatchObject({ code: 6, subcode: 1, heldFor: 5000 });
    expect(toHex(error?.data ?? new Uint8Array(0))).toBe('0001010000000a');
    expect(error?.message).toBe('11 prefixes of ipv4-unicast, and 10 are the most');
    expect(peer.passed).toEqual(['true 10 near', 'true 11 exceeded']);
  });

  it('counts what is there, not what came', () => {
    const peer = new LimitedPeer();
    for (let round = 0; round < 20; round++) {
      expect(peer.announce(round, 3)).toBeUndefined();
      expect(peer.announce(round, 3)).toBeUndefined();
      expect(peer.withdraw(round, 3)).toBeUndefined();
    }
    expect(peer.passed).toEqual([]);
    expect(peer.peer.received(IPV4_UNICAST)).toBe(0);
  });

  it('warns once each time that the mark is passed, and again when the count had been well below it', () => {
    const peer = new LimitedPeer({ limit: 20, warnAt: 16, answer: 'warn' });
    peer.announce(0, 16);
    peer.withdraw(0, 1);
    peer.announce(0, 1);
    expect(peer.passed).toEqual(['true 16 near']);
    peer.announce(40, 5);
    peer.withdraw(40, 1);
    peer.announce(40, 1);
    expect(peer.passed.slice(1)).toEqual(['true 21 exceeded']);
    peer.withdraw(40, 5);
    peer.withdraw(1, 3);
    peer.announce(1, 3);
    expect(peer.passed.slice(2)).toEqual(['true 16 near']);
  });

  it('lets a peer that only is to be warned about have its routes', () => {
    const peer = new LimitedPeer({ answer: 'warn' });
    expect(peer.announce(0, 100)).toBeUndefined();
    expect(peer.peer.received(IPV4_UNICAST)).toBe(100);
    expect(peer.passed).toEqual(['true 100 exceeded']);
  });

  it('counts the routes of a peer that restarts once', () => {
    const peer = new LimitedPeer();
    const families = [{ family: IPV4_UNICAST, forwarding: true }];
    const gracefulRestart = { restartTime: 120, restarting: false, notification: true, families };
    peer.session.down();
    peer.session.up({ gracefulRestart });
    peer.announce(0, 9);
    peer.session.down();
    expect(peer.bench.speaker.instances.get(DEFAULT_INSTANCE)?.ribs.get(IPV4_UNICAST)?.paths.size).toBe(9);
    peer.session.up({ gracefulRestart });
    expect(peer.announce(0, 9)).toBeUndefined();
    expect(peer.announce(9, 1)).toBeUndefined();
    expect(peer.announce(10, 1)).toBeDefined();
  });

  it('does not count what a peer that restarts has not told again', () => {
    const peer = new LimitedPeer();
    const families = [{ family: IPV4_UNICAST, forwarding: true }];
    const gracefulRestart = { restartTime: 120, restarting: false, notification: true, families };
    peer.session.down();
    peer.session.up({ gracefulRestart });
    peer.announce(0, 9);
    peer.session.down();
    peer.session.up({ gracefulRestart });
    expect(peer.announce(100, 10)).toBeUndefined();
    expect(peer.peer.received(IPV4_UNICAST)).toBe(19);
    expect(peer.announce(110, 1)).toBeDefined();
  });

  it('lets a peer that comes and goes without telling all keep twice as many at most', () => {
    const peer = new LimitedPeer();
    const families = [{ family: IPV4_UNICAST, forwarding: true }];
    const gracefulRestart = { restartTime: 120, restarting: false, notification: true, families };
    const longLived = { families: [{ family: IPV4_UNICAST, forwarding: true, staleTime: 86_400 }] };
    const errors: (SessionError | undefined)[] = [];
    for (let round = 0; round < 4; round++) {
      peer.session.down();
      peer.bench.settle();
      peer.bench.clock.advance(121_000);
      peer.session.up({ gracefulRestart, longLived });
      errors.push(peer.announce(round * 10, 10));
      peer.bench.settle();
    }
    expect(errors.slice(0, 2)).toEqual([undefined, undefined]);
    expect(
      errors.slice(2).some((error) => error?.message === '30 prefixes of ipv4-unicast, and 10 are the most'),
    ).toBe(true);
  });

  it('says again what it has said of the session before', () => {
    const peer = new LimitedPeer({ answer: 'warn' });
    peer.announce(0, 8);
    peer.session.down();
    peer.session.up();
    peer.announce(0, 8);
    expect(peer.passed).toEqual(['true 8 near', 'true 8 near']);
  });
});
