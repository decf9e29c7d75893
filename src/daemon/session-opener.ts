import { PeerDirectory, type WelcomeRange } from '../../bgp/session/peer-directory.ts';
import { Session, type SessionEnvironment } from '../../bgp/session/session.ts';
import type { PeerSettings, SessionEvents, SessionHandle } from '../../bgp/session/session-events.ts';
import type { Endpoint } from '../../bgp/session/transport.ts';
import { formatAddress } from '../../net/address.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { Logger } from './log.ts';
import { LogLimit } from './log-limit.ts';
import { listenEndpoints, type PeerWorld } from './peer-plan.ts';
import { UnnumberedSession } from './unnumbered-session.ts';

/** Milliseconds until listening is tried again. */
const LISTEN_RETRY_TIME = 3000;

/** Makes sessions and has connections accepted for them. */
export class SessionOpener {
  readonly #environment: SessionEnvironment;
  readonly #world: PeerWorld;
  readonly #log: Logger;
  readonly #directory: PeerDirectory;
  readonly #sessions = new Set<Session>();
  /** By their interfaces. */
  readonly #unnumbered = new Map<string, UnnumberedSession>();
  readonly #ranges = new Set<WelcomeRange>();

  constructor(environment: SessionEnvironment, world: PeerWorld, log: Logger) {
    this.#environment = environment;
    this.#world = world;
    this.#log = log;
    const limit = new LogLimit(environment.clock);
    this.#directory = new PeerDirectory(
      environment.transport,
      environment.clock,
      ({ remote, device, reason }) =>
        limit.pass('refused', (leftOut) =>
          log.warn(
            { peer: formatAddress(remote.address), vrf: device, ...(leftOut > 0 && { leftOut }) },
            `refused a connection: ${reason}`,
          ),
        ),
    );
  }

  /** Has connections from a range asked about that no session is there for; tries again until it can listen. */
  welcome(range: WelcomeRange): void {
    this.#ranges.add(range);
    const places = listenEndpoints({ remoteAddress: range.range.address }, this.#world);
    for (const local of places) this.#welcomeAt(range, local);
  }

  #welcomeAt(range: WelcomeRange, local: Endpoint, complained = false): void {
    this.#directory.addRange(range, local).catch((error: unknown) => {
      if (!this.#ranges.has(range)) return;
      const about = { range: formatPrefix(range.range), address: formatAddress(local.address), err: error };
      if (!complained) this.#log.error(about, 'cannot listen for dynamic neighbors yet');
      this.#environment.clock.setTimer(LISTEN_RETRY_TIME, () => {
        if (this.#ranges.has(range)) this.#welcomeAt(range, local, true);
      });
    });
  }

  /** Connections that belonged to no session. */
  get refusals(): number {
    return this.#directory.refusals;
  }

  open(settings: PeerSettings, events: SessionEvents): SessionHandle {
    const { interfaceName } = settings;
    if (interfaceName === undefined) return this.#openAt(settings, events);
    const session = new UnnumberedSession(settings, {
      clock: this.#environment.clock,
      open: (withAddress) => this.#openAt(withAddress, events),
      forget: (handle) => this.forget(handle),
    });
    this.#unnumbered.set(interfaceName, session);
    return session;
  }

  /** The session with the neighbor on an interface. */
  sessionOn(interfaceName: string): UnnumberedSession | undefined {
    return this.#unnumbered.get(interfaceName);
  }

  #openAt(settings: PeerSettings, events: SessionEvents): Session {
    const session = new Session(settings, events, this.#environment);
    this.#sessions.add(session);
    for (const local of listenEndpoints(settings, this.#world)) this.#listen(session, local);
    return session;
  }

  /** Accepts connections for a session; tries again until it can, for its VRF may come later. */
  #listen(session: Session, local: Endpoint, complained = false): void {
    this.#directory.add(session, local).catch((error: unknown) => {
      if (!this.#sessions.has(session)) return;
      const address = `${formatAddress(local.address)} port ${local.port}`;
      if (!complained) {
        const peer = session.settings.name;
        this.#log.error({ peer, address, err: error }, 'cannot listen for the peer yet; trying to reach it');
      }
      this.#environment.clock.setTimer(LISTEN_RETRY_TIME, () => {
        if (this.#sessions.has(session)) this.#listen(session, local, true);
      });
    });
  }

  /** Forgets the session that is with these settings: its peer is not there any more. */
  forget(handle: SessionHandle): void {
    for (const session of this.#sessions) {
      if (session !== handle) continue;
      this.#sessions.delete(session);
      this.#directory.remove(session);
    }
  }

  /** Accepts no more connections. */
  close(): void {
    for (const session of this.#sessions) this.#directory.remove(session);
    for (const range of this.#ranges) this.#directory.removeRange(range);
    this.#sessions.clear();
    this.#unnumbered.clear();
    this.#ranges.clear();
  }
}
