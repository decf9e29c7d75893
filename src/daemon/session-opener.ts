import { PeerDirectory } from '../../bgp/session/peer-directory.ts';
import { Session, type SessionEnvironment } from '../../bgp/session/session.ts';
import type { PeerSettings, SessionEvents, SessionHandle } from '../../bgp/session/session-events.ts';
import { formatAddress } from '../../net/address.ts';
import type { Logger } from './log.ts';
import { listenEndpoints, type PeerWorld } from './peer-plan.ts';

/** Makes sessions and has connections accepted for them. */
export class SessionOpener {
  readonly #environment: SessionEnvironment;
  readonly #world: PeerWorld;
  readonly #log: Logger;
  readonly #directory: PeerDirectory;
  readonly #sessions = new Set<Session>();

  constructor(environment: SessionEnvironment, world: PeerWorld, log: Logger) {
    this.#environment = environment;
    this.#world = world;
    this.#log = log;
    this.#directory = new PeerDirectory(environment.transport, environment.clock, ({ remote, device }) =>
      log.warn(
        { peer: formatAddress(remote.address), vrf: device },
        'refused a connection: no such peer is configured',
      ),
    );
  }

  /** Connections that belonged to no session. */
  get refusals(): number {
    return this.#directory.refusals;
  }

  open(settings: PeerSettings, events: SessionEvents): SessionHandle {
    const session = new Session(settings, events, this.#environment);
    this.#sessions.add(session);
    for (const local of listenEndpoints(settings, this.#world)) {
      this.#directory.add(session, local).catch((error: unknown) => {
        this.#log.error(
          { peer: settings.name, address: `${formatAddress(local.address)} port ${local.port}`, err: error },
          'cannot listen for the peer; sessions come up only if we reach it',
        );
      });
    }
    return session;
  }

  /** Accepts no more connections. */
  close(): void {
    for (const session of this.#sessions) this.#directory.remove(session);
    this.#sessions.clear();
  }
}
