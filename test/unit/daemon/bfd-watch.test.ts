import { beforeEach, describe, expect, it } from 'vitest';
import type { BfdStatus } from '../../../bfd/bfd-session.ts';
import { BfdState } from '../../../bfd/control-packet.ts';
import type { Peer } from '../../../bgp/peer.ts';
import { DEFAULT_INSTANCE } from '../../../bgp/routing-instance.ts';
import { formatAddress } from '../../../net/address.ts';
import type { BfdService } from '../../../src/bfd/bfd-service.ts';
import type { BfdTarget } from '../../../src/bfd/bfd-thread.ts';
import { BfdWatch } from '../../../src/daemon/bfd-watch.ts';
import { createLogger } from '../../../src/daemon/log.ts';
import {
  ALL_FAMILIES,
  addressOf,
  type FakeSession,
  SpeakerBench,
  settingsOf,
} from '../bgp/rib/speaker-bench.ts';

const PLAN = {
  receiveInterval: 300,
  transmitInterval: 300,
  detectMultiplier: 3,
  passive: false,
  multiHop: false as boolean | 'unless connected',
};

const STATUS: BfdStatus = {
  state: BfdState.up,
  diagnostic: 0,
  remoteState: BfdState.up,
  remoteDiagnostic: 0,
  transmitInterval: 300,
  detectionTime: 900,
};

describe('BFD beside BGP', () => {
  let bench: SpeakerBench;
  let watch: BfdWatch;
  let peer: Peer;
  let session: FakeSession;
  let resets: number;
  let targets: {
    readonly target: BfdTarget;
    readonly changed: (status: BfdStatus | undefined) => void;
    open: boolean;
  }[];
  let refuses: boolean;

  beforeEach(() => {
    resets = 0;
    targets = [];
    refuses = false;
    const service = {
      watch: (target: BfdTarget, changed: (status: BfdStatus | undefined) => void) => {
        if (refuses) throw new Error('no socket');
        const started = { target, changed, open: true };
        targets.push(started);
        return {
          status: undefined,
          close: () => {
            started.open = false;
          },
        };
      },
      close: () => undefined,
    } as unknown as BfdService;
    const log = createLogger({ level: 'fatal', format: 'text' });
    watch = new BfdWatch(service, log, (address) => formatAddress(address).startsWith('198.51.100.'));
    bench = new SpeakerBench({ established: (known, negotiated) => watch.established(known, negotiated) });
    const instance = bench.speaker.addInstance(DEFAULT_INSTANCE, ALL_FAMILIES, false);
    peer = bench.speaker.addPeer({
      settings: settingsOf('198.51.100.1', 64512, 65001),
      instance,
      allowOwnAs: 0,
    });
    session = bench.sessions[0] as FakeSession;
    session.reset = () => {
      resets++;
    };
    watch.add(peer, PLAN);
  });

  /** The path that was watched last reports a state. */
  function report(state: BfdState, remoteState: BfdState = BfdState.up): void {
    targets.at(-1)?.changed({ ...STATUS, state, remoteState });
  }

  it('begins with the first session, and goes on when that is lost', () => {
    expect(targets).toEqual([]);
    session.up();
    session.down();
    session.up();
    expect(targets).toHaveLength(1);
    expect(targets[0]?.target).toMatchObject({ multiHop: false, minimumTtl: 254 });
  });

  it('takes the session down when it was up, and goes down', () => {
    session.up();
    report(BfdState.init);
    report(BfdState.down);
    expect(resets).toBe(0);
    report(BfdState.up);
    report(BfdState.down, BfdState.adminDown);
    expect(resets).toBe(0);
    report(BfdState.up);
    report(BfdState.down);
    expect(resets).toBe(1);
  });

  it('forgets what it knew of a path when the session takes another one', () => {
    session.up();
    report(BfdState.up);
    session.down();
    session.up({ localAddress: addressOf('192.0.2.77') });
    expect(targets.map(({ open }) => open)).toEqual([false, true]);
    report(BfdState.init);
    expect(resets).toBe(0);
  });

  it('takes nothing down for what follows when nothing was known of the path any more', () => {
    session.up();
    report(BfdState.up);
    targets.at(-1)?.changed(undefined);
    report(BfdState.down);
    report(BfdState.init);
    report(BfdState.up);
    expect(resets).toBe(0);
    report(BfdState.down);
    expect(resets).toBe(1);
  });

  it('tries again with the next session when it could not begin', () => {
    refuses = true;
    session.up();
    refuses = false;
    session.down();
    session.up();
    expect(targets).toHaveLength(1);
  });

  it('takes an internal peer that is on no network of ours for one behind several hops', () => {
    watch.add(peer, { ...PLAN, multiHop: 'unless connected' });
    session.up();
    expect(targets.at(-1)?.target.multiHop).toBe(false);
    watch.remove(peer);
    watch.add(peer, { ...PLAN, multiHop: 'unless connected' });
    session.down();
    session.up({ remoteAddress: addressOf('203.0.113.1') });
    expect(targets.at(-1)?.target.multiHop).toBe(true);
  });

  it('ends with its peer', () => {
    session.up();
    watch.remove(peer);
    expect(targets[0]?.open).toBe(false);
    expect(watch.watches(peer)).toBe(false);
  });
});
