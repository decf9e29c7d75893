import { beforeEach, describe, expect, it } from 'vitest';
import type { SessionDown, SessionEvents } from '../../../bgp/session/session-events.ts';
import { formatAddress } from '../../../net/address.ts';
import { UnnumberedSession } from '../../../src/daemon/unnumbered-session.ts';
import { addressOf, FakeSession, settingsOf } from '../bgp/rib/speaker-bench.ts';
import { FakeClock } from '../bgp/session/fake-clock.ts';

/** A session that notes how it is started and stopped. */
class NotedSession extends FakeSession {
  readonly calls: string[] = [];
  override start(): void {
    this.calls.push('start');
  }
  override stop(_subcode = 0, reason = ''): void {
    this.calls.push(`stop: ${reason}`);
    super.stop();
  }
  override abandon(reason = ''): void {
    this.calls.push(`abandon: ${reason}`);
    super.abandon();
  }
}

describe('the session with the neighbor on an interface', () => {
  let clock: FakeClock;
  let opened: NotedSession[];
  let forgotten: unknown[];
  let session: UnnumberedSession;
  let downs: SessionDown[];
  let order: string[];
  beforeEach(() => {
    clock = new FakeClock();
    opened = [];
    forgotten = [];
    downs = [];
    order = [];
    const events: SessionEvents = {
      established: () => {},
      update: () => undefined,
      routeRefresh: () => {},
      readComplete: () => {},
      writable: () => {},
      down: (reason) => downs.push(reason),
      stateChanged: () => {},
    };
    session = new UnnumberedSession(
      { ...settingsOf('::', 64514, 64512), name: 'eth1', interfaceName: 'eth1' },
      {
        clock,
        open: (settings) => {
          const made = new NotedSession(settings, events);
          opened.push(made);
          order.push(`open ${formatAddress(settings.remoteAddress)}`);
          return made;
        },
        forget: (handle) => {
          forgotten.push(handle);
          order.push(`forget ${formatAddress(handle.settings.remoteAddress)}`);
        },
      },
    );
  });
  const one = (index: number): NotedSession => {
    const found = opened[index];
    if (!found) throw new Error(`no session ${index}`);
    return found;
  };

  it('says what it waits for', () => {
    session.start();
    session.lost('waiting for a router advertisement on eth1');
    expect(session.state).toBe('Idle');
    expect(session.lastDown?.reason).toBe('waiting for a router advertisement on eth1');
    expect(opened).toEqual([]);
    expect(session.send(new Uint8Array(1))).toBe(true);
    session.stop(2, 'over');
  });

  it('starts when it is started and the neighbor is found, in any order', () => {
    session.found(addressOf('fe80::1'));
    expect(one(0).calls).toEqual([]);
    session.start();
    expect(one(0).calls).toEqual(['start']);
    expect(one(0).settings).toMatchObject({ remoteAddress: addressOf('fe80::1'), interfaceName: 'eth1' });
    expect(session.settings).toBe(one(0).settings);
    expect(session.lastDown).toBeUndefined();
  });

  it('ends with the neighbor, and goes on with it', () => {
    session.start();
    session.found(addressOf('fe80::1'));
    one(0).up();
    expect(session.state).toBe('Established');
    session.lost('eth1 is down');
    expect(one(0).calls).toEqual(['start', 'abandon: eth1 is down']);
    expect(downs).toHaveLength(1);
    expect(session.lastDown?.reason).toBe('eth1 is down');
    expect(session.settings.remoteAddress).toEqual(addressOf('::'));
    session.start();
    expect(one(0).calls).toHaveLength(2);
    session.found(addressOf('fe80::1'));
    expect(one(0).calls.at(-1)).toBe('start');
    expect(opened).toHaveLength(1);
  });

  it('is held down whatever is heard of the neighbor meanwhile', () => {
    session.start();
    session.found(addressOf('fe80::1'));
    one(0).up();
    one(0).heldUntil = Number.POSITIVE_INFINITY;
    one(0).down();
    session.lost('its advertisements have ended');
    session.found(addressOf('fe80::1'));
    session.found(addressOf('fe80::2'));
    expect(one(0).calls).not.toContainEqual(expect.stringMatching(/stop|abandon/));
    expect(opened).toHaveLength(1);
    expect(session.heldUntil).toBe(Number.POSITIVE_INFINITY);
  });

  it('moves with the neighbor to another address, and keeps count', () => {
    session.start();
    session.found(addressOf('fe80::1'));
    one(0).up();
    one(0).messagesIn = 5;
    session.found(addressOf('fe80::2'));
    expect(one(0).calls.at(-1)).toBe('stop: the neighbor is at fe80::2 now');
    expect(forgotten).toEqual([one(0)]);
    expect(order).toEqual(['open fe80::1', 'open fe80::2', 'forget fe80::1']);
    expect(one(1).calls).toEqual(['start']);
    one(1).messagesIn = 2;
    expect(session.messagesIn).toBe(7);
  });

  it('stays down when it was stopped', () => {
    session.start();
    session.found(addressOf('fe80::1'));
    session.stop(2, 'over');
    session.lost('eth1 is down');
    session.found(addressOf('fe80::1'));
    expect(one(0).calls.filter((call) => call === 'start')).toHaveLength(1);
  });
});
