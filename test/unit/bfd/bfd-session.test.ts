import { describe, expect, test } from 'vitest';
import { BfdSession, type BfdSessionSettings, type BfdStatus } from '../../../bfd/bfd-session.ts';
import { BfdDiagnostic, BfdState, type ControlPacket } from '../../../bfd/control-packet.ts';
import { FakeClock } from '../bgp/session/fake-clock.ts';
import { DEFAULT_PACKET } from './default-packet.ts';

const SETTINGS: BfdSessionSettings = {
  transmitInterval: 300,
  receiveInterval: 300,
  detectMultiplier: 3,
  passive: false,
};

/** One session, what it sent and when, and how its state changed. */
class Bench {
  readonly clock: FakeClock;
  readonly session: BfdSession;
  readonly sent: { readonly at: number; readonly packet: ControlPacket }[] = [];
  readonly changes: BfdStatus[] = [];
  /** Where packets go besides; undefined: they are lost. */
  peer: Bench | undefined;
  random = 0;

  constructor(
    discriminator: number,
    settings: Partial<BfdSessionSettings> = {},
    clock: FakeClock = new FakeClock(),
  ) {
    this.clock = clock;
    this.session = new BfdSession(
      discriminator,
      { ...SETTINGS, ...settings },
      {
        clock: this.clock,
        random: () => this.random,
        send: (packet) => {
          this.sent.push({ at: this.clock.now(), packet });
          const { peer } = this;
          if (peer) this.clock.setTimer(1, () => peer.session.receive(packet));
        },
        changed: (status) => this.changes.push(status),
      },
    );
  }

  get last(): ControlPacket | undefined {
    return this.sent.at(-1)?.packet;
  }

  get state(): BfdState {
    return this.session.status.state;
  }

  receive(packet: Partial<ControlPacket>): void {
    const yourDiscriminator = this.session.discriminator;
    this.session.receive({ ...DEFAULT_PACKET, yourDiscriminator, ...packet });
  }

  /** Milliseconds between the packets since the one with this number. */
  gaps(from: number): number[] {
    const times = this.sent.slice(from).map(({ at }) => at);
    return times.slice(1).map((at, index) => at - (times[index] ?? 0));
  }
}

function pair(
  first: Partial<BfdSessionSettings> = {},
  second: Partial<BfdSessionSettings> = {},
): [Bench, Bench] {
  const a = new Bench(1, first);
  const b = new Bench(2, second, a.clock);
  a.peer = b;
  b.peer = a;
  a.session.start();
  b.session.start();
  return [a, b];
}

/** A session that is up with a peer whose packets the test writes. */
function upBench(settings: Partial<BfdSessionSettings> = {}): Bench {
  const bench = new Bench(5, settings);
  bench.session.start();
  bench.receive({ state: BfdState.init });
  bench.receive({ state: BfdState.up, final: true });
  expect(bench.state).toBe(BfdState.up);
  return bench;
}

describe('a BFD session', () => {
  test('comes up with another one, by Init, and tells its intervals by a Poll Sequence', () => {
    const [a, b] = pair({ transmitInterval: 50 }, { receiveInterval: 200 });
    a.clock.advance(1500);
    expect([a.state, b.state]).toEqual([BfdState.up, BfdState.up]);
    const states = [...a.changes, ...b.changes].map(({ state }) => state);
    expect(states).toContain(BfdState.init);
    expect(a.session.status).toMatchObject({ transmitInterval: 200, detectionTime: 900, diagnostic: 0 });
    expect(b.session.status).toMatchObject({ transmitInterval: 300, detectionTime: 600 });
    expect(a.sent.some(({ packet }) => packet.poll)).toBe(true);
    expect(b.sent.some(({ packet }) => packet.final)).toBe(true);
    expect(a.last).toMatchObject({ poll: false, yourDiscriminator: 2, desiredMinTx: 50_000 });
    expect(a.sent.every(({ packet }) => !(packet.poll && packet.final))).toBe(true);
  });

  test('sends once a second at most until it is up', () => {
    const bench = new Bench(1, { transmitInterval: 10 });
    bench.session.start();
    bench.random = 0.999;
    bench.clock.advance(5000);
    expect(bench.sent.length).toBeLessThanOrEqual(6);
    expect(bench.last).toMatchObject({ state: BfdState.down, desiredMinTx: 1_000_000, yourDiscriminator: 0 });
  });

  test.each([
    [3, 0, 225],
    [3, 0.999999, 300],
    [1, 0, 225],
    [1, 0.999999, 270],
  ])('with multiplier %d and chance %d it sends every %d ms', (detectMultiplier, random, gap) => {
    const bench = upBench({ detectMultiplier });
    bench.random = random;
    bench.clock.advance(290);
    bench.receive({ state: BfdState.up });
    const from = bench.sent.length;
    bench.clock.advance(290);
    bench.receive({ state: BfdState.up });
    bench.clock.advance(290);
    bench.receive({ state: BfdState.up });
    bench.clock.advance(290);
    for (const found of bench.gaps(from)) expect(found).toBeCloseTo(gap, 2);
    expect(bench.gaps(from).length).toBeGreaterThan(0);
  });

  test('goes down when nothing comes for the detection time, and not before', () => {
    const bench = upBench();
    bench.clock.advance(899);
    expect(bench.state).toBe(BfdState.up);
    bench.clock.advance(2);
    expect(bench.session.status).toMatchObject({
      state: BfdState.down,
      diagnostic: BfdDiagnostic.detectionTimeExpired,
    });
    // At once, and as to a peer of which nothing is known.
    expect(bench.sent.at(-1)).toMatchObject({
      at: bench.clock.now() - 1,
      packet: { state: BfdState.down, diagnostic: 1, yourDiscriminator: 0, desiredMinTx: 1_000_000 },
    });
  });

  test('takes the detection time from what the other end sends', () => {
    const bench = upBench();
    bench.receive({ state: BfdState.up, desiredMinTx: 1_000_000, detectMultiplier: 5 });
    bench.clock.advance(4999);
    expect(bench.state).toBe(BfdState.up);
    bench.clock.advance(2);
    expect(bench.state).toBe(BfdState.down);
  });

  test('follows the other end down, and comes up again', () => {
    const bench = upBench();
    bench.receive({ state: BfdState.down, diagnostic: 1 });
    expect(bench.session.status).toMatchObject({
      state: BfdState.down,
      diagnostic: BfdDiagnostic.neighborSignaledDown,
      remoteDiagnostic: 1,
    });
    bench.receive({ state: BfdState.down });
    expect(bench.state).toBe(BfdState.init);
    bench.receive({ state: BfdState.up });
    expect(bench.session.status).toMatchObject({ state: BfdState.up, diagnostic: 0 });
  });

  test('shows that the other end went down on purpose', () => {
    const bench = upBench();
    bench.receive({ state: BfdState.adminDown, diagnostic: 7 });
    expect(bench.changes.at(-1)).toMatchObject({ state: BfdState.down, remoteState: BfdState.adminDown });
    // And stays down while that is so.
    bench.receive({ state: BfdState.adminDown, diagnostic: 7 });
    expect(bench.state).toBe(BfdState.down);
  });

  test('says nothing first when it is passive', () => {
    const bench = new Bench(1, { passive: true });
    bench.session.start();
    bench.clock.advance(10_000);
    expect(bench.sent).toEqual([]);
    bench.receive({ state: BfdState.down, yourDiscriminator: 0 });
    expect(bench.last).toMatchObject({ state: BfdState.init, yourDiscriminator: 77 });
    bench.receive({ state: BfdState.up });
    expect(bench.state).toBe(BfdState.up);
  });

  test('answers a poll at once, also one of changed intervals, and follows them', () => {
    const bench = upBench();
    const before = bench.sent.length;
    bench.receive({ state: BfdState.up, poll: true, requiredMinRx: 700_000, desiredMinTx: 500_000 });
    expect(bench.sent.length).toBe(before + 1);
    expect(bench.last).toMatchObject({ final: true, poll: false });
    expect(bench.session.status).toMatchObject({ transmitInterval: 700, detectionTime: 1500 });
  });

  test('polls until the answer comes, and then no more', () => {
    const bench = new Bench(1);
    bench.session.start();
    bench.receive({ state: BfdState.init });
    bench.receive({ state: BfdState.up });
    bench.clock.advance(250);
    expect(bench.last).toMatchObject({ poll: true });
    bench.receive({ state: BfdState.up, final: true });
    bench.clock.advance(300);
    expect(bench.last).toMatchObject({ poll: false });
  });

  test('changes its own intervals while up: slower and less patient only after the answer', () => {
    const bench = upBench();
    bench.session.configure({ ...SETTINGS, transmitInterval: 2000, receiveInterval: 100 });
    expect(bench.session.status).toMatchObject({ transmitInterval: 300, detectionTime: 900 });
    bench.clock.advance(250);
    expect(bench.last).toMatchObject({ poll: true, desiredMinTx: 2_000_000, requiredMinRx: 100_000 });
    bench.receive({ state: BfdState.up, final: true });
    expect(bench.session.status).toMatchObject({ transmitInterval: 2000, detectionTime: 300 });
    expect(bench.state).toBe(BfdState.up);
    expect(
      bench.changes.filter(({ state }) => state !== BfdState.up).map(({ state }) => state),
    ).not.toContain(BfdState.down);
  });

  test('sends faster at once when the other end can take more', () => {
    const bench = upBench({ transmitInterval: 50 });
    bench.receive({ state: BfdState.up, requiredMinRx: 800_000 });
    bench.clock.advance(100);
    const before = bench.sent.length;
    bench.receive({ state: BfdState.up, requiredMinRx: 50_000 });
    bench.clock.advance(20);
    expect(bench.sent.length).toBeGreaterThan(before);
  });

  test('sends nothing by itself to an end that wants nothing, or is in demand mode', () => {
    for (const wish of [{ requiredMinRx: 0 }, { demand: true }]) {
      const bench = upBench();
      bench.receive({ state: BfdState.up, ...wish });
      const before = bench.sent.length;
      bench.clock.advance(800);
      expect(bench.sent.length).toBe(before);
      bench.receive({ state: BfdState.up, poll: true, ...wish });
      expect(bench.last?.final).toBe(true);
    }
  });

  test('ends on purpose: the other end hears why, and nothing brings it back', () => {
    const bench = upBench();
    bench.session.disable();
    expect(bench.last).toMatchObject({ state: BfdState.adminDown, diagnostic: 7 });
    bench.receive({ state: BfdState.down });
    expect(bench.state).toBe(BfdState.adminDown);
    bench.session.close();
    expect(bench.clock.pending).toBe(0);
  });
});
