import type { Clock } from '../../bgp/session/clock.ts';
import type {
  NegotiatedSession,
  PeerSettings,
  SessionDown,
  SessionHandle,
  SessionState,
} from '../../bgp/session/session-events.ts';
import { CeaseSubcode } from '../../bgp/wire/constants.ts';
import { addressEquals, formatAddress, type IpAddress } from '../../net/address.ts';

/** What an {@link UnnumberedSession} works with. */
export interface UnnumberedSessionOptions {
  readonly clock: Clock;
  /** Makes a session with a neighbor whose address is known, and has its connections accepted. */
  readonly open: (settings: PeerSettings) => SessionHandle;
  /** Has no more connections accepted for such a session. */
  readonly forget: (session: SessionHandle) => void;
}

/**
 * The session with the neighbor on an interface. It has no connections of its own: as long as the address of the neighbor
 * is known there is a session with that address, and another one when the address is another one.
 */
export class UnnumberedSession implements SessionHandle {
  readonly #settings: PeerSettings;
  readonly #options: UnnumberedSessionOptions;
  readonly #since: number;
  #running = false;
  /** With the address that was found last. */
  #session: SessionHandle | undefined;
  /** Why there is no neighbor at present. */
  #waiting: SessionDown | undefined;
  /** Messages of sessions with earlier addresses. */
  #received = 0;
  #sent = 0;

  /** `settings`: those of the session, but for the neighbor's address. */
  constructor(settings: PeerSettings, options: UnnumberedSessionOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#since = options.clock.wallTime();
    this.#wait(`looking for the interface ${settings.interfaceName}`);
  }

  /** The neighbor is at this address. */
  found(address: IpAddress): void {
    this.#waiting = undefined;
    const before = this.#session;
    // Another address does not end what the neighbor did at this one.
    if (before?.heldUntil !== undefined) return;
    if (!before || !addressEquals(before.settings.remoteAddress, address)) {
      before?.stop(
        CeaseSubcode.OTHER_CONFIGURATION_CHANGE,
        `the neighbor is at ${formatAddress(address)} now`,
      );
      this.#session = this.#options.open({ ...this.#settings, remoteAddress: address });
      // Only now: the listening socket stays while somebody needs it.
      if (before) this.#forget(before);
    }
    if (this.#running) this.#session?.start();
  }

  /** There is no neighbor at present, for a reason. */
  lost(reason: string): void {
    this.#wait(reason);
    // It has no connection, and would forget until when.
    if (this.#session?.heldUntil !== undefined) return;
    this.#session?.abandon(reason);
  }

  #wait(reason: string): void {
    this.#waiting = { at: this.#options.clock.wallTime(), reason };
  }

  #forget(session: SessionHandle): void {
    this.#options.forget(session);
    this.#received += session.messagesIn;
    this.#sent += session.messagesOut;
  }

  /** The neighbor's address is all zeroes while there is none. */
  get settings(): PeerSettings {
    return this.#waiting ? this.#settings : (this.#session?.settings ?? this.#settings);
  }

  get state(): SessionState {
    return this.#session?.state ?? 'Idle';
  }

  get negotiated(): NegotiatedSession | undefined {
    return this.#session?.negotiated;
  }

  get lastDown(): SessionDown | undefined {
    return this.#waiting ?? this.#session?.lastDown;
  }

  get since(): number {
    return this.#session?.since ?? this.#since;
  }

  get messagesIn(): number {
    return this.#received + (this.#session?.messagesIn ?? 0);
  }

  get messagesOut(): number {
    return this.#sent + (this.#session?.messagesOut ?? 0);
  }

  get bufferedBytes(): number {
    return this.#session?.bufferedBytes ?? 0;
  }

  get heldUntil(): number | undefined {
    return this.#session?.heldUntil;
  }

  send(bytes: Uint8Array): boolean {
    return this.#session?.send(bytes) ?? true;
  }

  pauseReading(): void {
    this.#session?.pauseReading();
  }

  resumeReading(): void {
    this.#session?.resumeReading();
  }

  start(): void {
    this.#running = true;
    if (!this.#waiting) this.#session?.start();
  }

  stop(subcode: number, reason: string): void {
    this.#running = false;
    this.#session?.stop(subcode, reason);
  }

  leave(subcode: number, reason: string): void {
    this.#running = false;
    this.#session?.leave(subcode, reason);
  }

  abandon(reason: string): void {
    this.#running = false;
    this.#session?.abandon(reason);
  }

  reset(subcode: number, reason: string): void {
    this.#session?.reset(subcode, reason);
  }

  clear(subcode: number, reason: string): void {
    this.#session?.clear(subcode, reason);
  }
}
