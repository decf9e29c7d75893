import { beforeEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../../bgp/peer.ts';
import { DEFAULT_INSTANCE } from '../../../bgp/routing-instance.ts';
import { formatAddress } from '../../../net/address.ts';
import { parsePrefix } from '../../../net/prefix.ts';
import { DynamicNeighbors, MOST_DYNAMIC_NEIGHBORS } from '../../../src/daemon/dynamic-neighbors.ts';
import { createLogger } from '../../../src/daemon/log.ts';
import {
  ALL_FAMILIES,
  addressOf,
  type FakeSession,
  SpeakerBench,
  settingsOf,
} from '../bgp/rib/speaker-bench.ts';

const FORGET_TIME = 30_000;

function rangeOf(text: string) {
  const range = parsePrefix(text);
  if (!range) throw new Error(text);
  return range;
}

describe('dynamic neighbors', () => {
  let bench: SpeakerBench;
  let neighbors: DynamicNeighbors;
  let removed: string[];

  beforeEach(() => {
    removed = [];
    bench = new SpeakerBench({
      stateChanged: (peer) => neighbors.stateChanged(peer),
      kept: (peer, _families, seconds) => neighbors.kept(peer, seconds),
    });
    const instance = bench.speaker.addInstance(DEFAULT_INSTANCE, ALL_FAMILIES, false);
    neighbors = new DynamicNeighbors({
      ranges: ['10.1.0.0/16', '10.2.0.0/24', '2001:db8::/64'].map((text, index) => ({
        range: rangeOf(text),
        planFor: (address) => ({
          settings: settingsOf(formatAddress(address), 64512, 65000 + index),
          vrf: undefined,
          allowOwnAs: 0,
        }),
      })),
      clock: bench.clock,
      log: createLogger({ level: 'fatal', format: 'text' }),
      add: ({ settings, allowOwnAs }) => bench.speaker.addPeer({ settings, instance, allowOwnAs }),
      remove: (peer: Peer, subcode, reason) => {
        removed.push(peer.name);
        bench.speaker.removePeer(peer, subcode, reason);
      },
    });
  });

  /** Says what a session does: these fakes do not say it by themselves. */
  function change(session: FakeSession, up: boolean): void {
    if (up) {
      session.up();
      session.events.stateChanged('Established');
      return;
    }
    // As real ones do it: the state first, then what has happened.
    session.state = 'Idle';
    session.events.stateChanged('Idle');
    session.state = 'Established';
    session.down();
  }

  it('are made for addresses of a range only, as its neighbor says', () => {
    expect(neighbors.welcome(addressOf('10.1.2.3'))).toBe(true);
    expect(neighbors.welcome(addressOf('10.2.1.1'))).toBe(false);
    expect(neighbors.welcome(addressOf('10.2.0.1'))).toBe(true);
    expect(neighbors.welcome(addressOf('2001:db8::7'))).toBe(true);
    expect(neighbors.welcome(addressOf('2001:db8:1::7'))).toBe(false);
    expect(bench.speaker.peers.map(({ name }) => name)).toEqual(['10.1.2.3', '10.2.0.1', '2001:db8::7']);
    expect(bench.speaker.peers.map(({ configuration }) => configuration.settings.remoteAs)).toEqual([
      65000, 65001, 65002,
    ]);
  });

  it('are forgotten when they have no session for a while, and not before', () => {
    neighbors.welcome(addressOf('10.1.0.1'));
    neighbors.welcome(addressOf('10.1.0.2'));
    const [first] = bench.sessions as [FakeSession];
    change(first, true);
    bench.clock.advance(FORGET_TIME);
    expect(removed).toEqual(['10.1.0.2']);
    bench.clock.advance(10 * FORGET_TIME);
    change(first, false);
    bench.clock.advance(FORGET_TIME - 1);
    change(first, true);
    bench.clock.advance(FORGET_TIME);
    change(first, false);
    bench.clock.advance(FORGET_TIME);
    expect(removed).toEqual(['10.1.0.2', '10.1.0.1']);
    expect([neighbors.size, bench.speaker.peers.length, bench.clock.pending]).toEqual([0, 0, 0]);
  });

  it('are remembered for as long as they may take to restart', () => {
    neighbors.welcome(addressOf('10.1.0.1'));
    const [session] = bench.sessions as [FakeSession];
    const families = ALL_FAMILIES.map((family) => ({ family, forwarding: true }));
    session.up({ gracefulRestart: { restartTime: 120, restarting: false, notification: true, families } });
    session.events.stateChanged('Established');
    change(session, false);
    bench.clock.advance(120_000 + FORGET_TIME - 1);
    expect(removed).toEqual([]);
    bench.clock.advance(1);
    expect(removed).toEqual(['10.1.0.1']);
  });

  it.each([
    ['as long as they are held down', 3_600_000, 3_600_000 + FORGET_TIME],
    ['until they are cleared', Number.POSITIVE_INFINITY, 100 * FORGET_TIME],
  ])('are remembered %s', (_name, heldFor, time) => {
    neighbors.welcome(addressOf('10.1.0.1'));
    const [session] = bench.sessions as [FakeSession];
    change(session, true);
    session.heldUntil = bench.clock.wallTime() + heldFor;
    change(session, false);
    bench.clock.advance(time - 1000);
    expect(removed).toEqual([]);
    session.heldUntil = undefined;
    session.events.stateChanged('Active');
    bench.clock.advance(2 * FORGET_TIME);
    expect(removed).toEqual(['10.1.0.1']);
  });

  it('are not more than a bounded number', () => {
    for (let i = 0; i < MOST_DYNAMIC_NEIGHBORS; i++) {
      expect(neighbors.welcome(addressOf(`10.1.1.${i}`))).toBe(true);
    }
    expect(neighbors.welcome(addressOf('10.1.2.1'))).toBe(false);
    bench.clock.advance(FORGET_TIME);
    expect(neighbors.welcome(addressOf('10.1.2.1'))).toBe(true);
  });
});
