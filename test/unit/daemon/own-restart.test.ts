import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_INSTANCE } from '../../../bgp/routing-instance.ts';
import type { Family } from '../../../bgp/wire/family.ts';
import { encodeEndOfRib } from '../../../bgp/wire/update.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';
import { OwnRestart, type OwnRestartOptions, RunMarker } from '../../../src/daemon/own-restart.ts';
import { ALL_FAMILIES, type FakeSession, SpeakerBench, settingsOf } from '../bgp/rib/speaker-bench.ts';

/** Seconds. */
const RESTART_TIME = 120;
const TELLS_ALL = { restartTime: 120, restarting: false, notification: true, families: [] };

/** A router that starts, with two neighbors. */
class RestartBench extends SpeakerBench {
  readonly finished: { readonly milliseconds: number; readonly complete: boolean }[] = [];
  readonly restart: OwnRestart;

  constructor(options: Partial<OwnRestartOptions> = {}) {
    super();
    const instance = this.speaker.addInstance(DEFAULT_INSTANCE, ALL_FAMILIES, false);
    for (const peer of ['10.1.0.1', '10.1.0.2']) {
      this.speaker.addPeer({ settings: settingsOf(peer, 64512, 65000), instance, allowOwnAs: 0 });
    }
    this.restart = new OwnRestart({
      clock: this.clock,
      restarted: true,
      restartTime: RESTART_TIME,
      openEnded: false,
      finished: (milliseconds, complete) => this.finished.push({ milliseconds, complete }),
      ...options,
    });
    this.restart.begin(this.speaker);
  }

  /** Both neighbors come back. */
  up(gracefulRestart: Partial<typeof TELLS_ALL> | 'none' = {}): readonly FakeSession[] {
    for (const session of this.sessions) {
      session.since = this.clock.wallTime();
      session.up(gracefulRestart !== 'none' ? { gracefulRestart: { ...TELLS_ALL, ...gracefulRestart } } : {});
    }
    this.settle();
    return this.sessions;
  }

  /** Octets that the neighbors have been sent. */
  get said(): number {
    this.settle();
    return this.sessions.flatMap(({ sent }) => sent).reduce((sum, { length }) => sum + length, 0);
  }
}

function endOfRib(session: FakeSession | undefined, families: readonly Family[] = ALL_FAMILIES): void {
  for (const family of families) {
    const writer = new ByteWriter(32);
    encodeEndOfRib(writer, family);
    session?.receive(writer.take());
  }
}

describe('a router that has restarted', () => {
  it('says nothing until every peer has told all of every family', () => {
    const bench = new RestartBench();
    const [first, second] = bench.up();
    endOfRib(first);
    endOfRib(second, ALL_FAMILIES.slice(1));
    bench.clock.advance(60_000);
    expect([bench.restart.restarting, bench.finished, bench.said]).toEqual([true, [], 0]);
    endOfRib(second, ALL_FAMILIES.slice(0, 1));
    bench.clock.advance(100);
    expect(bench.finished).toEqual([{ milliseconds: 60_100, complete: true }]);
    expect(bench.restart.restarting).toBe(false);
    expect(bench.said).toBeGreaterThan(0);
  });

  it('waits for peers that are not back, but for its restart time only', () => {
    const bench = new RestartBench();
    const [first] = bench.up();
    bench.sessions[1]?.down();
    endOfRib(first);
    bench.clock.advance(RESTART_TIME * 1000 - 1);
    expect(bench.finished).toEqual([]);
    bench.clock.advance(1);
    expect(bench.finished).toEqual([{ milliseconds: RESTART_TIME * 1000, complete: false }]);
    expect(bench.clock.pending).toBe(0);
  });

  it('waits for its whole restart time where peers may come that it does not know', () => {
    const bench = new RestartBench({ openEnded: true });
    for (const session of bench.up()) endOfRib(session);
    bench.clock.advance(RESTART_TIME * 1000 - 1);
    expect(bench.finished).toEqual([]);
    bench.clock.advance(1);
    expect(bench.finished).toEqual([{ milliseconds: RESTART_TIME * 1000, complete: false }]);
  });

  it.each([
    ['without graceful restart, which need not say End-of-RIB', 'none' as const, 1000],
    ['that restarts too and may wait for us', { restarting: true }, 5000],
  ])('waits for a peer %s for a moment only', (_name, gracefulRestart, milliseconds) => {
    const bench = new RestartBench();
    bench.up(gracefulRestart);
    bench.clock.advance(milliseconds - 1);
    expect(bench.finished).toEqual([]);
    bench.clock.advance(100);
    expect(bench.finished).toEqual([{ milliseconds, complete: true }]);
  });

  it('has preserved forwarding; after a first start that is so when nobody has kept anything from before', () => {
    expect(new RestartBench().restart.preserved).toBe(true);
    const first = new RestartBench({ restarted: false });
    expect([first.restart.restarting, first.restart.preserved]).toEqual([false, false]);
    first.up();
    expect(first.said).toBeGreaterThan(0);
    first.clock.advance(RESTART_TIME * 1000);
    expect(first.restart.preserved).toBe(true);
    expect(first.finished).toEqual([]);
  });
});

describe('the mark of a run', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'openpe-run-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is found by the next run, unless the one before has removed it', () => {
    const path = join(directory, 'not-there-yet', 'control.run');
    expect(new RunMarker(path).wasThere).toBe(false);
    const second = new RunMarker(path);
    expect(second.wasThere).toBe(true);
    second.remove();
    expect(new RunMarker(path).wasThere).toBe(false);
  });

  it('cannot be made where nothing can be written', () => {
    const path = join(directory, 'control.run');
    const file = new RunMarker(path);
    expect(() => new RunMarker(join(path, 'control.run'))).toThrow(/EEXIST|ENOTDIR/);
    file.remove();
  });
});
