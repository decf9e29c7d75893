import { describe, expect, it } from 'vitest';
import { localOpen, negotiate } from '../../../../bgp/session/open-negotiation.ts';
import type { PeerSettings } from '../../../../bgp/session/session-events.ts';
import type { AddPathMode, Capability } from '../../../../bgp/wire/capabilities.ts';
import { type Family, IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../../../bgp/wire/family.ts';
import type { OpenMessage } from '../../../../bgp/wire/open.ts';
import { settingsOf } from '../rib/speaker-bench.ts';

const SETTINGS: PeerSettings = {
  ...settingsOf('192.0.2.9', 65001, 65002),
  families: [IPV4_UNICAST, IPV6_UNICAST],
  addPathSend: [IPV6_UNICAST],
};

function addPath(...families: readonly (readonly [Family, AddPathMode])[]): Capability {
  return { kind: 'add-path', families: families.map(([family, mode]) => ({ family, mode })) };
}

function peerOpen(...capabilities: readonly Capability[]): OpenMessage {
  return {
    ...localOpen({ ...SETTINGS, localAs: 65002, routerId: 9 }, false),
    capabilities: [
      { kind: 'multiprotocol', family: IPV4_UNICAST },
      { kind: 'multiprotocol', family: IPV6_UNICAST },
      ...capabilities,
    ],
  };
}

function negotiated(...capabilities: readonly Capability[]) {
  const result = negotiate(SETTINGS, localOpen(SETTINGS, true), peerOpen(...capabilities));
  return result.ok ? result.value.addPath : undefined;
}

describe('ADD-PATH in OPENs (RFC 7911 §4, §5)', () => {
  it('is offered to receive in every family, to send where that is configured', () => {
    expect(localOpen(SETTINGS, true).capabilities).toContainEqual(
      addPath([IPV4_UNICAST, 'receive'], [IPV6_UNICAST, 'both']),
    );
  });

  it('is used in a direction when one side sends and the other receives', () => {
    expect(negotiated()).toEqual({ receive: [], send: [] });
    expect(negotiated(addPath([IPV4_UNICAST, 'send'], [IPV6_UNICAST, 'receive']))).toEqual({
      receive: [IPV4_UNICAST],
      send: [IPV6_UNICAST],
    });
    expect(negotiated(addPath([IPV4_UNICAST, 'both'], [IPV6_UNICAST, 'both']))).toEqual({
      receive: [IPV4_UNICAST, IPV6_UNICAST],
      send: [IPV6_UNICAST],
    });
    // It receives what we do not send.
    expect(negotiated(addPath([IPV4_UNICAST, 'receive']))).toEqual({ receive: [], send: [] });
  });

  it('leaves out families that the session does not have', () => {
    expect(negotiated(addPath([L2VPN_EVPN, 'both'], [IPV4_UNICAST, 'send']))).toEqual({
      receive: [IPV4_UNICAST],
      send: [],
    });
  });

  it('takes the last word on a family that is named twice', () => {
    expect(negotiated(addPath([IPV4_UNICAST, 'send'], [IPV4_UNICAST, 'receive']))?.receive).toEqual([]);
    expect(negotiated(addPath([IPV4_UNICAST, 'receive']), addPath([IPV4_UNICAST, 'both']))?.receive).toEqual([
      IPV4_UNICAST,
    ]);
  });
});
