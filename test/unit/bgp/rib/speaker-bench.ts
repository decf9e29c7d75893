import type { PeerEvents } from '../../../../bgp/peer.ts';
import { NO_ADD_PATH } from '../../../../bgp/session/add-path-negotiation.ts';
import type {
  NegotiatedSession,
  PeerSettings,
  SessionDown,
  SessionEvents,
  SessionHandle,
  SessionState,
} from '../../../../bgp/session/session-events.ts';
import { Speaker } from '../../../../bgp/speaker.ts';
import {
  CARRIED_FAMILIES,
  type Family,
  hasLabels,
  IPV4_UNICAST,
  IPV6_UNICAST,
  L2VPN_EVPN,
} from '../../../../bgp/wire/family.ts';
import { type IpAddress, ipv4ToNumber, parseAddress } from '../../../../net/address.ts';
import { FakeClock } from '../session/fake-clock.ts';

export const ALL_FAMILIES: readonly Family[] = [IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN];

/** Those of routes with labels, which are passed on as they are. */
export const LABELED_FAMILIES: readonly Family[] = CARRIED_FAMILIES.filter(hasLabels);

export function addressOf(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (!parsed) throw new Error(`${text} is no address`);
  return parsed;
}

/** Settings of a peer at `address`, for sessions that need no socket. */
export function settingsOf(address: string, localAs: number, remoteAs: number): PeerSettings {
  return {
    name: address,
    remoteAddress: addressOf(address),
    remotePort: 179,
    localAs,
    remoteAs,
    routerId: ipv4ToNumber(addressOf('10.0.0.1')),
    holdTime: 90,
    keepaliveTime: 30,
    connectRetryTime: 5,
    passive: false,
    families: ALL_FAMILIES,
    socket: {},
  };
}

/** A session without a socket: the test says when it is up, what it receives and how much it has buffered. */
export class FakeSession implements SessionHandle {
  readonly settings: PeerSettings;
  readonly events: SessionEvents;
  state: SessionState = 'Idle';
  negotiated: NegotiatedSession | undefined;
  lastDown: undefined;
  since = 0;
  messagesIn = 0;
  messagesOut = 0;
  bufferedBytes = 0;
  heldUntil: number | undefined;
  /** What was sent since the session came up, in the order of the calls. */
  sent: Uint8Array[] = [];
  /** Called for each {@link send}, after it was noted. */
  onSend: () => void = () => undefined;

  constructor(settings: PeerSettings, events: SessionEvents) {
    this.settings = settings;
    this.events = events;
  }

  up(changes: Partial<NegotiatedSession> = {}): void {
    const { settings } = this;
    const remoteAs = typeof settings.remoteAs === 'number' ? settings.remoteAs : settings.localAs;
    const { remoteAddress } = settings;
    const negotiated: NegotiatedSession = {
      localAddress: addressOf(remoteAddress.version === 4 ? '192.0.2.1' : '2001:db8::1'),
      remoteAddress,
      peerType: remoteAs === settings.localAs ? 'ibgp' : 'ebgp',
      localAs: settings.localAs,
      remoteAs,
      remoteRouterId: ipv4ToNumber({ version: 4, bytes: remoteAddress.bytes.subarray(-4) }),
      holdTime: 90,
      keepaliveTime: 30,
      families: settings.families,
      fourOctetAs: true,
      extendedNextHop: false,
      routeRefresh: true,
      enhancedRouteRefresh: false,
      addPath: NO_ADD_PATH,
      maxMessageSize: 4096,
      active: true,
      ...changes,
    };
    this.negotiated = negotiated;
    this.state = 'Established';
    this.sent = [];
    this.bufferedBytes = 0;
    this.events.established(negotiated);
  }

  down(notification?: SessionDown['notification']): void {
    if (this.state !== 'Established') return;
    this.state = 'Idle';
    this.negotiated = undefined;
    this.events.down({ at: 0, reason: 'the test says so', ...(notification && { notification }) });
  }

  /** Delivers one whole UPDATE and the end of the read it came in. */
  receive(message: Uint8Array): ReturnType<SessionEvents['update']> {
    const error = this.events.update(message, 0, message.length);
    this.events.readComplete(message.length);
    return error;
  }

  /** Bytes wait in user space: the peer is slow. */
  block(): void {
    this.bufferedBytes = 16 * 1024 * 1024;
  }

  unblock(): void {
    this.bufferedBytes = 0;
    this.events.writable();
  }

  send(bytes: Uint8Array): boolean {
    // What was sent at once may be written again by the speaker.
    this.sent.push(bytes.slice());
    this.onSend();
    return this.bufferedBytes === 0;
  }

  pauseReading(): void {}
  resumeReading(): void {}
  start(): void {}
  stop(): void {
    this.down();
  }
  leave(): void {
    this.down();
  }
  reset(): void {
    this.down();
  }
  clear(): void {
    this.down();
  }
  abandon(): void {
    this.down();
  }
}

/** A clock on which a turn of the speaker lasts one step: between two looks at it more time passes than a turn has. */
export class HurriedClock extends FakeClock {
  #looks = 0;

  override now(): number {
    return super.now() + 100 * this.#looks++;
  }
}

/** A speaker whose event loop the test turns by hand. */
export class SpeakerBench {
  readonly clock: FakeClock;
  readonly speaker: Speaker;
  readonly sessions: FakeSession[] = [];
  readonly #deferred: (() => void)[] = [];

  constructor(events: PeerEvents = {}, clock = new FakeClock()) {
    this.clock = clock;
    this.speaker = new Speaker({
      clock: this.clock,
      openSession: (settings, handlers) => {
        const session = new FakeSession(settings, handlers);
        this.sessions.push(session);
        return session;
      },
      defer: (callback) => this.#deferred.push(callback),
      events,
    });
  }

  /** Runs what was deferred; false when nothing was. */
  turn(): boolean {
    const callback = this.#deferred.shift();
    callback?.();
    return callback !== undefined;
  }

  /** Turns until there is nothing left to do. */
  settle(): void {
    for (let turns = 0; this.turn(); turns++) {
      if (turns > 10_000) throw new Error('the speaker does not come to rest');
    }
  }
}
