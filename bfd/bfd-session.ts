import type { Clock, Timer } from '../bgp/session/clock.ts';
import { DeadlineTimer } from '../bgp/session/deadline-timer.ts';
import { BfdDiagnostic, BfdState, type ControlPacket } from './control-packet.ts';

/** What a session wants to be. Intervals are milliseconds. */
export interface BfdSessionSettings {
  /** Shortest time between packets that this end sends while the session is up. */
  readonly transmitInterval: number;
  /** Shortest time between packets that this end can take. */
  readonly receiveInterval: number;
  /** Packets in a row that the other end may miss; 1 to 255. */
  readonly detectMultiplier: number;
  /** Says nothing before the other end did (RFC 5880 §6.1). */
  readonly passive: boolean;
}

/** A session as people and BGP see it. */
export interface BfdStatus {
  readonly state: BfdState;
  /** Why it is not up, or went to where it is: a code of RFC 5880 §4.1. */
  readonly diagnostic: number;
  readonly remoteState: BfdState;
  readonly remoteDiagnostic: number;
  /** Milliseconds between packets, before jitter; 0: none are sent. */
  readonly transmitInterval: number;
  /** Milliseconds without a packet after which the session goes down; 0 until the other end was heard. */
  readonly detectionTime: number;
}

/** The world of a session. */
export interface BfdSessionEnvironment {
  readonly clock: Clock;
  /** 0 (included) to 1 (not). */
  readonly random: () => number;
  readonly send: (packet: ControlPacket) => void;
  /** The state of either end has changed. */
  readonly changed: (status: BfdStatus) => void;
}

/** RFC 5880 §6.8.3: microseconds between packets of a session that is not up, at least. */
const SLOWEST_START = 1_000_000;

/**
 * One BFD session in asynchronous mode without echo (RFC 5880 §6.8), for a path of one or more hops (RFC 5881,
 * RFC 5883). Packets come by {@link receive}; which session they are for was decided before.
 *
 * Two values are kept of each interval that a Poll Sequence changes: the one that packets announce, and the one
 * that is in use until the other end has seen it (RFC 5880 §6.8.3).
 */
export class BfdSession {
  /** Ours, never 0; unique in this system. */
  readonly discriminator: number;
  readonly #environment: BfdSessionEnvironment;
  readonly #detection: DeadlineTimer;
  #settings: BfdSessionSettings;
  #state: BfdState = BfdState.down;
  #diagnostic: number = BfdDiagnostic.none;
  #remoteState: BfdState = BfdState.down;
  #remoteDiagnostic = 0;
  #remoteDiscriminator = 0;
  // Microseconds from here on, as on the wire.
  #announcedTx: number;
  #usedTx: number;
  #usedRx: number;
  /** RFC 5880 §6.8.1: 1 until the other end has said otherwise. */
  #remoteMinRx = 1;
  #remoteDesiredTx = 0;
  #remoteMultiplier = 0;
  #remoteDemand = false;
  #polling = false;
  #transmitTimer: Timer | undefined;
  /** The interval that the timer was set for. */
  #timedInterval = 0;
  /** Of {@link Clock.now}. */
  #lastSent = 0;

  constructor(discriminator: number, settings: BfdSessionSettings, environment: BfdSessionEnvironment) {
    this.discriminator = discriminator;
    this.#settings = settings;
    this.#environment = environment;
    this.#announcedTx = this.#wantedTx;
    this.#usedTx = this.#announcedTx;
    this.#usedRx = this.#wantedRx;
    this.#detection = new DeadlineTimer(environment.clock, () => this.#detectionExpired());
  }

  get status(): BfdStatus {
    return {
      state: this.#state,
      diagnostic: this.#diagnostic,
      remoteState: this.#remoteState,
      remoteDiagnostic: this.#remoteDiagnostic,
      transmitInterval: this.#transmitInterval / 1000,
      detectionTime: this.#detectionTime / 1000,
    };
  }

  start(): void {
    this.#timeTransmission();
  }

  /** Other settings for a session that may be up: the other end learns them by a Poll Sequence. */
  configure(settings: BfdSessionSettings): void {
    this.#settings = settings;
    this.#announcedTx = this.#wantedTx;
    if (this.#state !== BfdState.up) {
      this.#usedTx = this.#announcedTx;
      this.#usedRx = this.#wantedRx;
    } else {
      // RFC 5880 §6.8.3: slower sending and less patience wait until the other end knows.
      this.#usedTx = Math.min(this.#usedTx, this.#announcedTx);
      this.#usedRx = Math.max(this.#usedRx, this.#wantedRx);
      this.#polling = true;
    }
    this.#timeTransmission();
  }

  /** Takes the session down on purpose, which is no failure for the other end; {@link close} follows some time later. */
  disable(): void {
    this.#detection.stop();
    this.#enter(BfdState.adminDown, BfdDiagnostic.administrativelyDown);
  }

  close(): void {
    this.#detection.stop();
    this.#transmitTimer?.cancel();
    this.#transmitTimer = undefined;
  }

  /** A packet that is for this session, in the order of RFC 5880 §6.8.6. */
  receive(packet: ControlPacket): void {
    if (this.#state === BfdState.adminDown) return;
    const before = { state: this.#remoteState, diagnostic: this.#remoteDiagnostic };
    this.#remoteDiscriminator = packet.myDiscriminator;
    this.#remoteState = packet.state;
    this.#remoteDiagnostic = packet.diagnostic;
    this.#remoteDemand = packet.demand;
    this.#remoteMinRx = packet.requiredMinRx;
    this.#remoteDesiredTx = packet.desiredMinTx;
    this.#remoteMultiplier = packet.detectMultiplier;
    if (packet.final && this.#polling) this.#endPoll();
    const changed = this.#follow(packet.state);
    this.#detection.set(this.#environment.clock.now() + this.#detectionTime / 1000);
    if (packet.poll) this.#send(true);
    this.#timeTransmission();
    const heard = before.state !== this.#remoteState || before.diagnostic !== this.#remoteDiagnostic;
    if (heard && !changed) this.#environment.changed(this.status);
  }

  /** The state machine of RFC 5880 §6.2; true when our state changed. */
  #follow(remote: BfdState): boolean {
    if (remote === BfdState.adminDown) {
      return this.#state !== BfdState.down && this.#enter(BfdState.down, BfdDiagnostic.neighborSignaledDown);
    }
    switch (this.#state) {
      case BfdState.down:
        if (remote === BfdState.down) return this.#enter(BfdState.init, this.#diagnostic);
        return remote === BfdState.init && this.#enter(BfdState.up, BfdDiagnostic.none);
      case BfdState.init:
        return remote !== BfdState.down && this.#enter(BfdState.up, BfdDiagnostic.none);
      default:
        return remote === BfdState.down && this.#enter(BfdState.down, BfdDiagnostic.neighborSignaledDown);
    }
  }

  #enter(state: BfdState, diagnostic: number): boolean {
    const wasAnnounced = this.#announcedTx;
    this.#state = state;
    this.#diagnostic = diagnostic;
    this.#announcedTx = this.#wantedTx;
    this.#usedTx = this.#announcedTx;
    this.#usedRx = this.#wantedRx;
    // Up with another interval than the slow one of the start: the other end must confirm that it knows.
    this.#polling = state === BfdState.up && this.#announcedTx !== wasAnnounced;
    this.#send(false);
    this.#environment.changed(this.status);
    return true;
  }

  #endPoll(): void {
    this.#polling = false;
    this.#usedTx = this.#announcedTx;
    this.#usedRx = this.#wantedRx;
  }

  #detectionExpired(): void {
    // RFC 5880 §6.8.1: after this time without a packet, the other end may be another one.
    this.#remoteDiscriminator = 0;
    this.#remoteMinRx = 1;
    this.#remoteDemand = false;
    this.#remoteState = BfdState.down;
    if (this.#state === BfdState.init || this.#state === BfdState.up) {
      this.#enter(BfdState.down, BfdDiagnostic.detectionTimeExpired);
    }
    this.#timeTransmission();
  }

  /** RFC 5880 §6.8.3: at least a second while the session is not up. */
  get #wantedTx(): number {
    const wanted = this.#settings.transmitInterval * 1000;
    return this.#state === BfdState.up ? wanted : Math.max(wanted, SLOWEST_START);
  }

  get #wantedRx(): number {
    return this.#settings.receiveInterval * 1000;
  }

  /** Microseconds (RFC 5880 §6.8.4). */
  get #detectionTime(): number {
    return this.#remoteMultiplier * Math.max(this.#usedRx, this.#remoteDesiredTx);
  }

  /** Microseconds between packets (RFC 5880 §6.8.2, §6.8.7), 0 when none are to be sent by themselves. */
  get #transmitInterval(): number {
    if (this.#remoteMinRx === 0) return 0;
    if (this.#settings.passive && this.#remoteDiscriminator === 0) return 0;
    const bothUp = this.#state === BfdState.up && this.#remoteState === BfdState.up;
    if (this.#remoteDemand && bothUp && !this.#polling) return 0;
    return Math.max(this.#usedTx, this.#remoteMinRx);
  }

  /** Sets the timer when the interval has changed; a shorter one counts from the last packet. */
  #timeTransmission(): void {
    const interval = this.#transmitInterval;
    if (interval === this.#timedInterval && this.#transmitTimer) return;
    this.#timedInterval = interval;
    this.#transmitTimer?.cancel();
    this.#transmitTimer = undefined;
    if (interval === 0) return;
    const { clock } = this.#environment;
    const due = this.#lastSent === 0 ? 0 : this.#lastSent + this.#jittered(interval) - clock.now();
    this.#transmitTimer = clock.setTimer(Math.max(0, due), () => {
      this.#transmitTimer = undefined;
      this.#send(false);
      this.#timeTransmission();
    });
  }

  /** Milliseconds: 75 to 100 % of the interval, 75 to 90 % with a multiplier of 1 (RFC 5880 §6.8.7). */
  #jittered(interval: number): number {
    const range = this.#settings.detectMultiplier === 1 ? 0.15 : 0.25;
    return (interval / 1000) * (0.75 + range * this.#environment.random());
  }

  #send(final: boolean): void {
    this.#lastSent = this.#environment.clock.now();
    this.#environment.send({
      diagnostic: this.#diagnostic,
      state: this.#state,
      // RFC 5880 §6.5: never both in one packet.
      poll: this.#polling && !final,
      final,
      controlPlaneIndependent: false,
      demand: false,
      detectMultiplier: this.#settings.detectMultiplier,
      myDiscriminator: this.discriminator,
      yourDiscriminator: this.#remoteDiscriminator,
      desiredMinTx: this.#announcedTx,
      requiredMinRx: this.#wantedRx,
      requiredMinEchoRx: 0,
    });
  }
}
