import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Session } from '../../../../bgp/session/session.ts';
import type { PeerSettings } from '../../../../bgp/session/session-events.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeNetwork } from './fake-network.ts';
import { LOCAL, peerSettings, REMOTE, RecordedEvents, typesOf, updateBytes } from './speaker.ts';

/** A small generator of numbers in [0, 1), so that a run is repeated by its seed. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Run {
  readonly seed: number;
  readonly longestDelay: number;
  readonly startDelay: number;
  readonly pieceSize: number;
  readonly routerIds: readonly [number, number];
}

/** Two sessions that face each other, both active, on a network with random delays. */
class TwoSpeakers {
  readonly clock = new FakeClock();
  readonly events = [new RecordedEvents(), new RecordedEvents()] as const;
  readonly sessions: readonly [Session, Session];
  readonly network: FakeNetwork;

  constructor(run: Run, changes: Partial<PeerSettings> = {}) {
    const random = seeded(run.seed);
    this.network = new FakeNetwork(this.clock, () => random() * run.longestDelay);
    this.network.pieceSize = run.pieceSize;
    const session = (index: 0 | 1, settings: Partial<PeerSettings>): Session => {
      const local = index === 0 ? LOCAL : REMOTE;
      const made = new Session(peerSettings({ ...settings, ...changes }), this.events[index], {
        transport: this.network.host(local),
        clock: this.clock,
        random,
      });
      this.network.serve({ address: local, port: 179 }, (connection) => made.acceptConnection(connection));
      return made;
    };
    this.sessions = [
      session(0, { routerId: run.routerIds[0] }),
      session(1, { routerId: run.routerIds[1], remoteAddress: LOCAL, localAs: 65002, remoteAs: 65001 }),
    ];
    this.sessions[0].start();
    this.clock.setTimer(run.startDelay, () => this.sessions[1].start());
  }

  /** Connections that are open at both ends. */
  openConnections(): number {
    return this.network.ends.filter((end) => end.isOpen && end.peer?.isOpen).length / 2;
  }
}

const runs = fc.record({
  seed: fc.integer({ min: 0, max: 0xffffffff }),
  longestDelay: fc.constantFrom(1, 10, 200),
  startDelay: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 600 })),
  pieceSize: fc.constantFrom(1, 7, 100_000),
  routerIds: fc.constantFrom<[number, number]>([1, 2], [2, 1], [7, 7]),
});

describe('two sessions that both connect', () => {
  it('end Established over exactly one connection, the same for both', () => {
    fc.assert(
      fc.property(runs, (run) => {
        const speakers = new TwoSpeakers(run);
        speakers.clock.advance(30_000);
        const [a, b] = speakers.sessions;
        expect([a.state, b.state]).toEqual(['Established', 'Established']);
        expect(speakers.openConnections()).toBe(1);
        expect(a.negotiated?.active).toBe(!b.negotiated?.active);
      }),
      { numRuns: 300 },
    );
  });

  it('never lose both connections to the collision: neither side waits in Idle', () => {
    fc.assert(
      fc.property(runs, (run) => {
        const speakers = new TwoSpeakers({ ...run, startDelay: 0 });
        speakers.clock.advance(30_000);
        for (const { states } of speakers.events) expect(states).not.toContain('Idle');
      }),
      { numRuns: 300 },
    );
  });

  it('deliver everything that either side sends, in order', () => {
    fc.assert(
      fc.property(runs, fc.integer({ min: 1, max: 50 }), (run, count) => {
        const speakers = new TwoSpeakers(run);
        speakers.clock.advance(30_000);
        for (let i = 0; i < count; i++) for (const session of speakers.sessions) session.send(updateBytes());
        speakers.clock.advance(30_000);
        for (const { updates } of speakers.events) {
          expect(updates).toEqual(Array.from({ length: count }, updateBytes));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('come back after the connection broke at one end, and after a reset', () => {
    fc.assert(
      fc.property(runs, fc.boolean(), (run, reset) => {
        const speakers = new TwoSpeakers(run);
        speakers.clock.advance(30_000);
        if (reset) speakers.sessions[0].reset(4, 'again');
        else speakers.network.ends.find((end) => end.isOpen)?.destroy();
        speakers.clock.advance(30_000);
        expect(speakers.sessions.map((session) => session.state)).toEqual(['Established', 'Established']);
        expect(speakers.openConnections()).toBe(1);
        expect(speakers.events.map((events) => events.downs.length)).toEqual(
          speakers.events.map((events) => events.established_.length - 1),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('keep the session for half a day with keepalives alone', () => {
    const speakers = new TwoSpeakers(
      { seed: 1, longestDelay: 200, startDelay: 0, pieceSize: 100_000, routerIds: [1, 2] },
      { holdTime: 3, keepaliveTime: 1 },
    );
    speakers.clock.advance(10_000);
    const before = speakers.events.map((events) => events.established_.length);
    speakers.clock.advance(43_200_000);
    expect(speakers.sessions.map((session) => session.state)).toEqual(['Established', 'Established']);
    expect(speakers.events.map((events) => events.established_.length)).toEqual(before);
    const open = speakers.network.ends.filter((end) => end.isOpen);
    for (const end of open) expect(typesOf(end).length).toBeGreaterThan(43_200);
  });
});
