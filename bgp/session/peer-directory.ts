import { addressEquals, formatAddress, type IpAddress } from '../../net/address.ts';
import { type IpPrefix, prefixContains } from '../../net/prefix.ts';
import type { Clock } from './clock.ts';
import { refuseConnection } from './farewell.ts';
import type { PeerSettings } from './session-events.ts';
import type { Connection, Endpoint, Listener, SocketOptions, Transport } from './transport.ts';

/** A session as the directory sees it. */
export interface AcceptingSession {
  readonly settings: PeerSettings;
  acceptConnection(connection: Connection): void;
}

/** Addresses that a session may be made for when a connection comes from one of them. */
export interface WelcomeRange {
  readonly range: IpPrefix;
  readonly socket: SocketOptions;
  /** True when there is a session for this address now. */
  readonly welcome: (remote: IpAddress) => boolean;
}

/** A connection that nobody wanted, for logs. */
export interface RefusedConnection {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly namespace: string | undefined;
  readonly device: string | undefined;
  readonly reason: string;
}

/** One listening socket and the sessions it serves. */
interface ListeningPlace {
  readonly listener: Promise<Listener>;
  readonly sessions: Set<AcceptingSession>;
  readonly ranges: Set<WelcomeRange>;
}

/** Refusals in a second that are said in a NOTIFICATION; more are closed without a word. */
const POLITE_REFUSALS_PER_SECOND = 10;

/**
 * Finds the session that an incoming connection belongs to. Listens once per namespace, device,
 * address and port, as long as a session is there that wants it.
 */
export class PeerDirectory {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #refused: (connection: RefusedConnection) => void;
  readonly #places = new Map<string, ListeningPlace>();
  /** Sessions by namespace, device, remote address and its interface: several only when their local addresses differ. */
  readonly #sessions = new Map<string, AcceptingSession[]>();
  /** Sessions whose password a listener has refused. */
  readonly #unprotected = new Set<AcceptingSession>();
  #refusals = 0;
  #refusalsThisSecond = 0;
  #secondStart = Number.NEGATIVE_INFINITY;

  constructor(
    transport: Transport,
    clock: Clock,
    refused: (connection: RefusedConnection) => void = () => {},
  ) {
    this.#transport = transport;
    this.#clock = clock;
    this.#refused = refused;
  }

  /** Connections that belonged to no session, or were not as those of their peer have to be. */
  get refusals(): number {
    return this.#refusals;
  }

  /**
   * Hands connections that the peer opens to `session` from now on. `local`: where to listen.
   * Rejects when the address cannot be bound or the peer's MD5 key not be set; the session is registered nevertheless, for it may be
   * reached over another listener, until {@link remove}.
   */
  async add(session: AcceptingSession, local: Endpoint): Promise<void> {
    const peer = peerKey(session.settings.socket, session.settings);
    const known = this.#sessions.get(peer) ?? [];
    if (!known.includes(session)) this.#sessions.set(peer, [...known, session]);
    const key = placeKey(session.settings.socket, local);
    const place = this.#places.get(key) ?? this.#listen(key, local, session.settings.socket);
    place.sessions.add(session);
    const listener = await place.listener;
    const { remoteAddress, interfaceName, socket } = session.settings;
    if (!place.sessions.has(session)) return;
    try {
      listener.setPeer(remoteAddress, socket, interfaceName);
      this.#unprotected.delete(session);
    } catch (error) {
      this.#unprotected.add(session);
      throw error;
    }
  }

  /**
   * Asks whether connections from a range are welcome from now on, when no session is there for them. `local`: where to
   * listen. Rejects as {@link add} does.
   */
  async addRange(range: WelcomeRange, local: Endpoint): Promise<void> {
    const key = placeKey(range.socket, local);
    const place = this.#places.get(key) ?? this.#listen(key, local, range.socket);
    place.ranges.add(range);
    const listener = await place.listener;
    if (!place.ranges.has(range)) return;
    try {
      listener.setRange(range.range, range.socket);
    } catch (error) {
      // Nobody is let in without the key that was asked for.
      this.#removeFrom(key, place, range);
      throw error;
    }
  }

  /** Forgets a range; a listener that nobody needs any more is closed. */
  removeRange(range: WelcomeRange): void {
    for (const [key, place] of this.#places) this.#removeFrom(key, place, range);
  }

  #removeFrom(key: string, place: ListeningPlace, range: WelcomeRange): void {
    if (!place.ranges.delete(range) || !isUnused(place)) return;
    if (this.#places.get(key) === place) this.#places.delete(key);
    place.listener.then(
      (listener) => listener.close(),
      () => {},
    );
  }

  /** Forgets a session; a listener that nobody needs any more is closed. */
  remove(session: AcceptingSession): void {
    this.#unprotected.delete(session);
    const peer = peerKey(session.settings.socket, session.settings);
    const left = (this.#sessions.get(peer) ?? []).filter((known) => known !== session);
    if (left.length > 0) this.#sessions.set(peer, left);
    else this.#sessions.delete(peer);
    for (const [key, place] of this.#places) {
      if (!place.sessions.delete(session)) continue;
      const unused = isUnused(place);
      if (unused) this.#places.delete(key);
      place.listener.then(
        (listener) => (unused ? listener.close() : forgetPeer(listener, session, place.sessions)),
        () => {},
      );
    }
  }

  #listen(key: string, local: Endpoint, options: SocketOptions): ListeningPlace {
    const ranges = new Set<WelcomeRange>();
    const listener = this.#transport.listen(
      { local, options },
      (connection) => this.#accepted(connection, options, ranges),
      (ends, reason) => this.#noteRefusal(ends, options, reason),
    );
    const place = { listener, sessions: new Set<AcceptingSession>(), ranges };
    this.#places.set(key, place);
    listener.catch(() => {
      if (this.#places.get(key) === place) this.#places.delete(key);
    });
    return place;
  }

  #accepted(connection: Connection, options: SocketOptions, ranges: ReadonlySet<WelcomeRange>): void {
    const { address } = connection.remote;
    const known = this.#sessionOf(connection, options);
    const welcome = !known && [...ranges].some((range) => holds(range, address) && range.welcome(address));
    const session = welcome ? this.#sessionOf(connection, options) : known;
    // A password that could not be set on the listener protects nothing: such a session only connects by itself.
    if (!session) this.#refuse(connection, options, 'no such peer is configured');
    else if (!this.#unprotected.has(session)) session.acceptConnection(connection);
    else this.#refuse(connection, options, 'what protects the session could not be set up');
  }

  /** The session for this local address, else one that leaves its local address to the kernel. */
  #sessionOf(connection: Connection, options: SocketOptions): AcceptingSession | undefined {
    const sessions = this.#sessionsAt(connection.remote, options);
    return (
      sessions.find(
        ({ settings }) =>
          settings.localAddress && addressEquals(settings.localAddress, connection.local.address),
      ) ?? sessions.find(({ settings }) => settings.localAddress === undefined)
    );
  }

  /** Those on the interface that the connection came over, else those that are on any. */
  #sessionsAt({ address, zone }: Endpoint, options: SocketOptions): readonly AcceptingSession[] {
    const onInterface = zone === undefined ? {} : { interfaceName: zone };
    const known = this.#sessions.get(peerKey(options, { remoteAddress: address, ...onInterface }));
    return known ?? this.#sessions.get(peerKey(options, { remoteAddress: address })) ?? [];
  }

  #noteRefusal(
    { remote, local }: Pick<Connection, 'local' | 'remote'>,
    { namespace, device }: SocketOptions,
    reason: string,
  ): void {
    this.#refusals++;
    this.#refused({ remote, local, namespace, device, reason });
  }

  #refuse(connection: Connection, options: SocketOptions, reason: string): void {
    this.#noteRefusal(connection, options, reason);
    const now = this.#clock.now();
    if (now - this.#secondStart >= 1000) {
      this.#secondStart = now;
      this.#refusalsThisSecond = 0;
    }
    if (++this.#refusalsThisSecond <= POLITE_REFUSALS_PER_SECOND) refuseConnection(connection, this.#clock);
    else connection.destroy();
  }
}

function isUnused({ sessions, ranges }: ListeningPlace): boolean {
  return sessions.size === 0 && ranges.size === 0;
}

function holds({ range }: WelcomeRange, address: IpAddress): boolean {
  return prefixContains(range, address);
}

function forgetPeer(
  listener: Listener,
  { settings }: AcceptingSession,
  others: ReadonlySet<AcceptingSession>,
): void {
  for (const other of others) {
    if (addressEquals(other.settings.remoteAddress, settings.remoteAddress)) return;
  }
  listener.setPeer(settings.remoteAddress, undefined, settings.interfaceName);
}

function realmKey(options: SocketOptions): string {
  return `${options.namespace ?? ''} ${options.device ?? ''}`;
}

function placeKey(options: SocketOptions, local: Endpoint): string {
  return `${realmKey(options)} ${formatAddress(local.address)} ${local.port}`;
}

function peerKey(
  options: SocketOptions,
  { remoteAddress, interfaceName }: Pick<PeerSettings, 'remoteAddress' | 'interfaceName'>,
): string {
  return `${realmKey(options)} ${formatAddress(remoteAddress)}%${interfaceName ?? ''}`;
}
