import { CeaseSubcode } from '../wire/constants.ts';
import type { OpenMessage } from '../wire/open.ts';
import type { Clock, Timer } from './clock.ts';
import { type Collision, type CollisionVerdict, resolveCollision, settleUndecided } from './collision.ts';
import { type ConnectionEnd, DownHistory, lostCollision, refusesCapabilities } from './down-history.ts';
import { cease, refuseConnection } from './farewell.ts';
import { HoldDown } from './hold-down.ts';
import { MessageCounter } from './message-counters.ts';
import { saysRestarting } from './open-negotiation.ts';
import { type ConnectionOwner, PeerConnection } from './peer-connection.ts';
import { jittered, type RandomSource, RetryBackoff } from './retry-backoff.ts';
import type {
  NegotiatedSession,
  PeerSettings,
  SessionDown,
  SessionEvents,
  SessionHandle,
  SessionState,
} from './session-events.ts';
import type { Connection, PendingConnection, Transport } from './transport.ts';

/** The world of a session. */
export interface SessionEnvironment {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: RandomSource;
}

/** Longest wait in Idle after errors, in milliseconds. */
const LONGEST_IDLE_HOLD = 60_000;
/** A session that stood for so many milliseconds was no failure: the waits start from the shortest again. */
const STABLE_TIME = 60_000;
/** Failures in a row after which the peer's connections are refused as well while we wait in Idle. */
const TOLERATED_FAILURES = 3;
/** Milliseconds that the peer has to decide a collision. */
const COLLISION_DECISION_TIME = 2000;

const STATE_ORDER: readonly SessionState[] = [
  'Idle',
  'Connect',
  'Active',
  'OpenSent',
  'OpenConfirm',
  'Established',
];

/**
 * The BGP session with one peer: the state machine of RFC 4271 §8 over up to two TCP connections at a
 * time, one opened by each side, of which §6.8 leaves one.
 *
 * Where this goes beyond the letter of §8: a failed attempt to connect, and a connection that TCP lost
 * before Established, lead to Active instead of Idle, so that the peer's own attempt is welcome at
 * once; our attempts are repeated after 1, 2, 4, … seconds, at most the connect-retry time; the wait in Idle after an error (IdleHoldTimer, DampPeerOscillations) grows
 * from 1 to 60 seconds.
 */
export class Session implements SessionHandle, ConnectionOwner {
  readonly settings: PeerSettings;
  readonly events: SessionEvents;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly received = new MessageCounter();
  readonly sent = new MessageCounter();
  readonly #transport: Transport;
  readonly #idleHold: RetryBackoff;
  readonly #connectRetry: RetryBackoff;
  /** Milliseconds. */
  readonly #longestConnectRetry: number;
  #running = false;
  /** The state when there is no connection. */
  #phase: 'Idle' | 'Connect' | 'Active' = 'Idle';
  #connections: readonly PeerConnection[] = [];
  #established: PeerConnection | undefined;
  #negotiated: NegotiatedSession | undefined;
  #establishedAt = 0;
  #pending: PendingConnection | undefined;
  /** IdleHoldTimer in Idle, ConnectRetryTimer in Connect and Active. */
  #retryTimer: Timer | undefined;
  #collisionTimer: Timer | undefined;
  #withCapabilities = true;
  readonly #downs: DownHistory;
  readonly #holdDown: HoldDown;
  #since: number;
  #publishedState: SessionState = 'Idle';

  constructor(settings: PeerSettings, events: SessionEvents, environment: SessionEnvironment) {
    this.settings = settings;
    this.events = events;
    this.clock = environment.clock;
    this.random = environment.random;
    this.#transport = environment.transport;
    this.#longestConnectRetry = Math.max(1, settings.connectRetryTime) * 1000;
    // Who is to be tried often is not to be left alone for long.
    this.#idleHold = new RetryBackoff(
      Math.min(LONGEST_IDLE_HOLD, 2 * this.#longestConnectRetry),
      this.random,
    );
    this.#connectRetry = new RetryBackoff(this.#longestConnectRetry, this.random);
    this.#downs = new DownHistory(this.clock);
    this.#holdDown = new HoldDown(this.clock, () => this.#leaveIdle());
    this.#since = this.clock.wallTime();
  }

  get state(): SessionState {
    let state: SessionState = this.#phase;
    for (const connection of this.#connections) {
      if (
        connection.state !== 'Closed' &&
        STATE_ORDER.indexOf(connection.state) > STATE_ORDER.indexOf(state)
      ) {
        state = connection.state;
      }
    }
    return state;
  }

  get negotiated(): NegotiatedSession | undefined {
    return this.#negotiated;
  }

  get lastDown(): SessionDown | undefined {
    return this.#downs.last;
  }

  get since(): number {
    return this.#since;
  }

  get messagesIn(): number {
    return this.received.total;
  }

  get messagesOut(): number {
    return this.sent.total;
  }

  get bufferedBytes(): number {
    return this.#established?.bufferedBytes ?? 0;
  }

  send(bytes: Uint8Array): boolean {
    return this.#established?.send(bytes) ?? true;
  }

  pauseReading(): void {
    this.#established?.pauseReading();
  }

  resumeReading(): void {
    this.#established?.resumeReading();
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#idleHold.reset();
    this.#leaveIdle();
  }

  stop(subcode: number, reason: string): void {
    if (!this.#running) return;
    this.#running = false;
    this.#phase = 'Idle';
    this.#cancelConnecting();
    this.#holdDown.release();
    if (this.#connections.length === 0) this.#downs.record({ reason: `stopped: ${reason}` });
    this.#closeAll(subcode, reason);
    this.#publishState();
  }

  leave(subcode: number, reason: string): void {
    if (!this.#running) return;
    // The end of the connection is followed by no attempt.
    this.#running = false;
    this.#established?.leave(cease(subcode, reason), `stopped: ${reason}`);
    this.#running = true;
    this.stop(subcode, reason);
  }

  abandon(reason: string): void {
    if (!this.#running) return;
    // As in leave.
    this.#running = false;
    this.#established?.abandon(reason);
    this.#running = true;
    this.stop(CeaseSubcode.OTHER_CONFIGURATION_CHANGE, reason);
  }

  reset(subcode: number, reason: string): void {
    if (!this.#running) return;
    this.#idleHold.reset();
    if (this.#connections.length > 0) this.#closeAll(subcode, reason);
    else if (this.heldUntil === undefined) this.#leaveIdle();
  }

  get heldUntil(): number | undefined {
    return this.#holdDown.until;
  }

  clear(subcode: number, reason: string): void {
    this.#holdDown.release();
    this.reset(subcode, reason);
  }

  /**
   * Takes a TCP connection that the peer has opened. In Idle, and while a peer that fails again and
   * again is held down, it is refused (RFC 4271 §8.2.2).
   */
  acceptConnection(connection: Connection): void {
    const flaps = this.#phase === 'Idle' && this.#idleHold.failures > TOLERATED_FAILURES;
    const heldDown = flaps || this.heldUntil !== undefined;
    if (!this.#running || (heldDown && this.#connections.length === 0)) {
      refuseConnection(connection, this.clock);
      return;
    }
    const replaced = this.#connections.find(
      (other) => other.initiator === 'peer' && other !== this.#established,
    );
    const added = this.#addConnection(connection, 'peer');
    // The peer opens one connection at a time: it has given up the one before.
    replaced?.close(cease(CeaseSubcode.CONNECTION_COLLISION_RESOLUTION, ''));
    added.open();
    this.#publishState();
  }

  // Connecting.

  #leaveIdle(): void {
    if (this.settings.passive) {
      this.#phase = 'Active';
      this.#publishState();
    } else {
      this.#connect();
    }
  }

  #connect(): void {
    this.#cancelConnecting();
    this.#phase = 'Connect';
    this.#retryAfter(this.#connectRetryTime());
    const { remoteAddress, remotePort, interfaceName, localAddress, socket } = this.settings;
    this.#pending = this.#transport.connect(
      {
        remote: {
          address: remoteAddress,
          port: remotePort,
          ...(interfaceName !== undefined && { zone: interfaceName }),
        },
        options: socket,
        ...(localAddress && { local: localAddress }),
      },
      {
        connected: (connection) => this.#connected(connection),
        failed: (error) => this.#connectFailed(error),
      },
    );
    this.#publishState();
  }

  #connected(connection: Connection): void {
    this.#pending = undefined;
    this.#cancelConnecting();
    this.#phase = 'Active';
    this.#addConnection(connection, 'local').open();
    this.#publishState();
  }

  #connectFailed(error: Error): void {
    this.#pending = undefined;
    this.#cancelConnecting();
    this.#phase = 'Active';
    this.#retryAfter(this.#connectRetry.next());
    if (this.#connections.length === 0) this.#downs.record({ reason: error.message });
    this.#publishState();
  }

  #retryAfter(milliseconds: number): void {
    this.#retryTimer = this.clock.setTimer(milliseconds, () => this.#retry());
  }

  #retry(): void {
    this.#retryTimer = undefined;
    // The peer's own connection is on its way to Established: another one would only collide.
    if (this.#connections.some((connection) => connection.receivedOpen !== undefined)) {
      this.#retryAfter(this.#connectRetryTime());
    } else {
      this.#leaveIdle();
    }
  }

  #connectRetryTime(): number {
    return jittered(this.#longestConnectRetry, this.random);
  }

  #cancelConnecting(): void {
    this.#pending?.cancel();
    this.#pending = undefined;
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
  }

  // Connections.

  #addConnection(connection: Connection, initiator: 'local' | 'peer'): PeerConnection {
    const added = new PeerConnection(this, connection, initiator, this.#withCapabilities);
    this.#connections = [...this.#connections, added];
    return added;
  }

  openReceived(connection: PeerConnection, open: OpenMessage): void {
    if (this.#established && this.#hasRestarted(open)) {
      // RFC 4724 §5: the old connection has failed, whatever TCP knows of it.
      this.#established.abandon('peer has restarted: it has opened a new connection');
    }
    const collision = this.#collisionOf(connection, open);
    this.#apply(connection, collision ? resolveCollision(collision) : 'both stay');
  }

  /**
   * The peer says that it restarts, over a connection that cannot be the other one of a collision: both were opened
   * at once then.
   */
  #hasRestarted(open: OpenMessage): boolean {
    if ((this.#negotiated?.gracefulRestart?.families.length ?? 0) === 0) return false;
    return this.clock.now() - this.#establishedAt >= COLLISION_DECISION_TIME && saysRestarting(open);
  }

  #collisionOf(connection: PeerConnection, open: OpenMessage): Collision | undefined {
    const existing = this.#otherThan(connection);
    if (existing === undefined || existing.state === 'Closed') return undefined;
    return {
      initiator: connection.initiator,
      existing: { initiator: existing.initiator, state: existing.state },
      local: { routerId: this.settings.routerId, as: this.settings.localAs },
      remote: { routerId: open.routerId, as: open.asn },
    };
  }

  /** The connection that another one collides with: the established one rather than any other. */
  #otherThan(connection: PeerConnection): PeerConnection | undefined {
    const others = this.#connections.filter((other) => other !== connection);
    return others.find((other) => other === this.#established) ?? others[0];
  }

  #apply(connection: PeerConnection, verdict: CollisionVerdict): void {
    const loser = cease(CeaseSubcode.CONNECTION_COLLISION_RESOLUTION, '');
    switch (verdict) {
      case 'close new':
        connection.close(loser);
        break;
      case 'close existing':
        this.#otherThan(connection)?.close(loser);
        connection.confirm();
        break;
      case 'peer decides':
        this.#established?.probe();
        this.#collisionTimer?.cancel();
        this.#collisionTimer = this.clock.setTimer(COLLISION_DECISION_TIME, () => this.#settle(connection));
        break;
      case 'both stay':
        connection.confirm();
        break;
    }
    this.#publishState();
  }

  /** The peer had its time to decide about the collision. */
  #settle(connection: PeerConnection): void {
    const open = connection.receivedOpen;
    if (open === undefined || !connection.awaitsConfirmation) return;
    const collision = this.#collisionOf(connection, open);
    this.#apply(connection, collision ? settleUndecided(collision) : 'both stay');
  }

  established(connection: PeerConnection, negotiated: NegotiatedSession): void {
    this.#cancelConnecting();
    this.#connectRetry.reset();
    this.#phase = 'Active';
    this.#established = connection;
    this.#negotiated = negotiated;
    this.#downs.established();
    this.#establishedAt = this.clock.now();
    this.#since = this.clock.wallTime();
    // The peer cannot have established a connection of ours whose OPEN we have not answered.
    for (const other of this.#connections) {
      if (other !== connection && other.initiator === 'local') {
        other.close(cease(CeaseSubcode.CONNECTION_COLLISION_RESOLUTION, ''));
      }
    }
    this.#publishState();
    this.events.established(negotiated);
  }

  ended(connection: PeerConnection, end: ConnectionEnd): void {
    this.#connections = this.#connections.filter((other) => other !== connection);
    const wasEstablished = connection === this.#established;
    if (wasEstablished) {
      this.#established = undefined;
      this.#negotiated = undefined;
      this.#since = this.clock.wallTime();
      if (this.clock.now() - this.#establishedAt >= STABLE_TIME) this.#idleHold.reset();
    }
    // One attempt without capabilities, then with them again.
    if (!connection.offersCapabilities) this.#withCapabilities = true;
    else if (refusesCapabilities(end)) this.#withCapabilities = false;
    const irrelevant = this.#established || (lostCollision(end) && this.#connections.length > 0);
    const down = irrelevant ? this.#downs.passing(end) : this.#downs.record(end);
    const connects = this.#pending ?? this.#connections.find((other) => other.initiator === 'local');
    if (this.#running && end.heldFor !== undefined) {
      this.#holdDownFor(end.heldFor);
    } else if (this.#running && !connects && !this.#established && this.heldUntil === undefined) {
      this.#retryAfterEnd(wasEstablished || end.notification !== undefined);
    }
    if (wasEstablished) {
      this.#publishState();
      this.events.down(down);
    }
    this.#confirmSurvivor();
    this.#publishState();
  }

  /** The connection that waited for the end of the other one goes on. */
  #confirmSurvivor(): void {
    const [survivor, another] = this.#connections;
    if (another !== undefined) return;
    this.#collisionTimer?.cancel();
    survivor?.confirm();
  }

  /**
   * A connection that TCP lost is no error, the peer may call back at once (RFC 4271 §8.2.2, event 18 in
   * OpenSent); any other end is followed by the wait in Idle. While the peer's own connection is left, only our next
   * attempt is prepared.
   */
  #retryAfterEnd(error: boolean): void {
    const alone = this.#connections.length === 0;
    if (!alone && this.#retryTimer !== undefined) return;
    this.#cancelConnecting();
    this.#phase = alone && error ? 'Idle' : 'Active';
    this.#retryAfter(this.#phase === 'Idle' ? this.#idleHold.next() : this.#connectRetry.next());
  }

  /** The session is not to come back by itself, nor over a connection that is being opened. */
  #holdDownFor(milliseconds: number): void {
    this.#cancelConnecting();
    this.#phase = 'Idle';
    this.#holdDown.hold(milliseconds);
    this.#closeAll(CeaseSubcode.CONNECTION_REJECTED, 'the session is held down');
  }

  #closeAll(subcode: number, reason: string): void {
    this.#collisionTimer?.cancel();
    const notification = cease(subcode, reason);
    const explanation = notification.data.length === 0 ? reason : '';
    // One that waits for the end of another goes first, or it would get its chance.
    const waiting = this.#connections.filter((connection) => connection.awaitsConfirmation);
    for (const connection of [...waiting, ...this.#connections])
      connection.closeHard(notification, explanation);
  }

  // What people see.

  #publishState(): void {
    const state = this.state;
    if (state === this.#publishedState) return;
    this.#publishedState = state;
    this.events.stateChanged(state);
  }
}
