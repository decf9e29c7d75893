import { describe, expect, it } from 'vitest';
import type { PeerSettings } from '../../../../bgp/session/session-events.ts';
import type { Capability } from '../../../../bgp/wire/capabilities.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../../../bgp/wire/family.ts';
import { decodeOpen } from '../../../../bgp/wire/open.ts';
import { messagesOf, peerOpen, ScriptedPeer } from './speaker.ts';

const HELPS: Partial<PeerSettings> = {
  gracefulRestart: {
    restartTime: 0,
    families: [],
    restarting: () => false,
    preserved: () => false,
    stalePathTime: 300,
  },
  longLivedGracefulRestart: new Map([[IPV4_UNICAST, Number.POSITIVE_INFINITY]]),
};

const RESTART: Capability = {
  kind: 'graceful-restart',
  restartTime: 120,
  restarting: false,
  notification: true,
  families: [{ family: IPV4_UNICAST, forwarding: true }],
};

function longLived(...times: readonly (readonly [family: number, staleTime: number])[]): Capability {
  return {
    kind: 'long-lived-graceful-restart',
    families: times.map(([family, staleTime]) => ({ family, forwarding: true, staleTime })),
  };
}

function negotiated(settings: Partial<PeerSettings>, ...capabilities: Capability[]): ScriptedPeer {
  const peer = new ScriptedPeer(settings);
  peer.establish({ capabilities: [...peerOpen().capabilities, ...capabilities] });
  return peer;
}

describe('the capability of long-lived graceful restart (RFC 9494 §3)', () => {
  it.each<[string, Partial<PeerSettings>, boolean]>([
    ['is sent where it is configured, without families: we ask for nothing', HELPS, true],
    ['is not sent unless it is (§5)', { ...HELPS, longLivedGracefulRestart: new Map() }, false],
    [
      'is not sent without graceful restart (§4.1)',
      { longLivedGracefulRestart: HELPS.longLivedGracefulRestart ?? new Map() },
      false,
    ],
  ])('%s', (_name, settings, isSent) => {
    const peer = new ScriptedPeer(settings);
    const [sent] = messagesOf(peer.establish());
    const open = sent && decodeOpen(sent, 0, sent.length);
    if (!open?.ok) throw new Error('no OPEN was sent');
    const found = open.value.capabilities.filter(({ kind }) => kind === 'long-lived-graceful-restart');
    expect(found).toEqual(isSent ? [longLived()] : []);
  });

  const given = (staleTime: number) => ({
    families: [{ family: IPV4_UNICAST, forwarding: true, staleTime }],
  });
  it.each<[string, Partial<PeerSettings>, Capability[], unknown]>([
    ['both have both', HELPS, [RESTART, longLived([IPV4_UNICAST, 3600])], given(3600)],
    ['the peer asks for nothing', HELPS, [RESTART, longLived()], { families: [] }],
    ['the peer has no graceful restart', HELPS, [longLived([IPV4_UNICAST, 3600])], undefined],
    ['the peer has not this one', HELPS, [RESTART], undefined],
    [
      'it is not configured here',
      { ...HELPS, longLivedGracefulRestart: new Map() },
      [RESTART, longLived([IPV4_UNICAST, 3600])],
      { families: [] },
    ],
    [
      'a family is not configured here',
      HELPS,
      [RESTART, longLived([IPV4_UNICAST, 3600], [IPV6_UNICAST, 3600])],
      given(3600),
    ],
    [
      'the time is limited here',
      { ...HELPS, longLivedGracefulRestart: new Map([[IPV4_UNICAST, 60]]) },
      [RESTART, longLived([IPV4_UNICAST, 3600])],
      given(60),
    ],
    ['a family is named twice', HELPS, [RESTART, longLived([IPV4_UNICAST, 1], [IPV4_UNICAST, 2])], given(2)],
  ])('%s', (_name, settings, capabilities, expected) => {
    const peer = negotiated(settings, ...capabilities);
    expect(peer.session.state).toBe('Established');
    expect(peer.session.negotiated?.longLived).toEqual(expected);
  });
});
