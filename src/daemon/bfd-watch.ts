import type { BfdStatus } from '../../bfd/bfd-session.ts';
import { BfdState, diagnosticText } from '../../bfd/control-packet.ts';
import type { Peer } from '../../bgp/peer.ts';
import type { NegotiatedSession } from '../../bgp/session/session-events.ts';
import { CeaseSubcode } from '../../bgp/wire/constants.ts';
import { addressEquals, type IpAddress } from '../../net/address.ts';
import type { BfdService, BfdWatchedPath } from '../bfd/bfd-service.ts';
import type { BfdSettings } from '../config/model.ts';
import type { Logger } from './log.ts';

/** How a peer is to be watched. */
export interface BfdPlan extends BfdSettings {
  /** The path may have more than one hop; that of an internal session has when the peer is on no network of ours. */
  readonly multiHop: boolean | 'unless connected';
}

/** FRR's least time-to-live over several hops. */
const DEFAULT_MINIMUM_TTL = 254;

/** A peer with BFD. */
interface WatchedPeer {
  readonly plan: BfdPlan;
  path?: BfdWatchedPath;
  negotiated?: NegotiatedSession;
  state?: BfdStatus['state'];
}

/**
 * Joins BFD to BGP (RFC 5882 §4): a peer's path is watched from the first time that its session is established, and
 * a path that fails takes the session down at once. A path that never came up takes nothing down, nor does one that
 * the other end took down on purpose.
 */
export class BfdWatch {
  readonly #service: BfdService;
  readonly #log: Logger;
  readonly #isConnected: (address: IpAddress) => boolean;
  readonly #peers = new Map<Peer, WatchedPeer>();

  /** `isConnected`: whether an address is on a network of this router. */
  constructor(service: BfdService, log: Logger, isConnected: (address: IpAddress) => boolean) {
    this.#service = service;
    this.#log = log;
    this.#isConnected = isConnected;
  }

  add(peer: Peer, plan: BfdPlan): void {
    this.#peers.set(peer, { plan });
  }

  /** Ends BFD with a peer that is no more. */
  remove(peer: Peer): void {
    this.#peers.get(peer)?.path?.close();
    this.#peers.delete(peer);
  }

  /** What is known of a peer's path; undefined when it is not watched. */
  status(peer: Peer): BfdStatus | undefined {
    return this.#peers.get(peer)?.path?.status;
  }

  /** True when the peer is configured with BFD. */
  watches(peer: Peer): boolean {
    return this.#peers.has(peer);
  }

  established(peer: Peer, negotiated: NegotiatedSession): void {
    const watched = this.#peers.get(peer);
    if (!watched) return;
    const before = watched.negotiated;
    watched.negotiated = negotiated;
    const samePath =
      before &&
      addressEquals(before.localAddress, negotiated.localAddress) &&
      addressEquals(before.remoteAddress, negotiated.remoteAddress);
    if (watched.path && samePath) return;
    watched.path?.close();
    delete watched.path;
    delete watched.state;
    this.#start(peer, watched, negotiated);
  }

  /** A session is lost. Over an interface the path goes with it: the next one may be another interface of that name. */
  down(peer: Peer): void {
    const watched = this.#peers.get(peer);
    if (watched?.negotiated?.interfaceName === undefined) return;
    watched.path?.close();
    delete watched.path;
    delete watched.state;
  }

  #start(peer: Peer, watched: WatchedPeer, negotiated: NegotiatedSession): void {
    const { multiHop, minimumTtl, ...settings } = watched.plan;
    const { socket } = peer.configuration.settings;
    const { localAddress: local, remoteAddress: remote, interfaceName } = negotiated;
    try {
      watched.path = this.#service.watch(
        {
          local,
          remote,
          namespace: socket.namespace,
          device: interfaceName ?? socket.device,
          multiHop: multiHop === 'unless connected' ? !this.#isConnected(remote) : multiHop,
          minimumTtl: minimumTtl ?? DEFAULT_MINIMUM_TTL,
          settings,
        },
        (status) => this.#changed(peer, watched, status),
      );
    } catch (error) {
      this.#log.error({ peer: peer.name, err: error }, 'BFD cannot be started: the session goes on without');
    }
  }

  #changed(peer: Peer, watched: WatchedPeer, status: BfdStatus | undefined): void {
    if (!status) {
      // What comes next is the beginning of another session, not the end of this one.
      delete watched.state;
      return;
    }
    const before = watched.state;
    watched.state = status.state;
    if (status.state === before) return;
    const about = { peer: peer.name, detectionTime: status.detectionTime };
    if (status.state === BfdState.up) this.#log.info(about, 'BFD session up');
    if (before !== BfdState.up) return;
    const reason = diagnosticText(status.diagnostic);
    this.#log.warn({ peer: peer.name, reason }, 'BFD session down');
    // RFC 5882 §4.2: the other end has ended BFD, not the path.
    if (status.remoteState === BfdState.adminDown) return;
    peer.session?.reset(CeaseSubcode.BFD_DOWN, `BFD session down: ${reason}`);
  }

  close(): void {
    this.#service.close();
  }
}
