import type { Peer } from '../../../bgp/peer.ts';
import { NO_ADD_PATH } from '../../../bgp/session/add-path-negotiation.ts';
import type { NegotiatedSession } from '../../../bgp/session/session-events.ts';
import { decodeMessage } from '../../../bgp/wire/message.ts';
import { readU16 } from '../../../bgp/wire/octets.ts';
import {
  ALL_FAMILIES,
  type FakeSession,
  LABELED_FAMILIES,
  SpeakerBench,
  settingsOf,
} from '../../unit/bgp/rib/speaker-bench.ts';
import { type FuzzTarget, must } from './target.ts';

const LOCAL_AS = 65001;
const FAMILIES = [...ALL_FAMILIES, ...LABELED_FAMILIES];
/** Messages after which the sessions are lost, so that routes do not pile up for ever. */
const MESSAGES_OF_A_SESSION = 500;
const UPDATE = 2;

/** How the peers that are only told something are told several paths of a prefix: not at all, all of them, the best ones. */
const SENDING: readonly (number | undefined)[] = [
  undefined,
  undefined,
  undefined,
  Number.POSITIVE_INFINITY,
  2,
];

/**
 * The engine: UPDATEs from external and internal peers, with path identifiers or without, go through the RIBs and out
 * to others. What comes out must be UPDATEs without any error; a lost session leaves nothing behind.
 */
export class EngineTarget implements FuzzTarget {
  readonly name = 'engine';
  readonly #bench: SpeakerBench;
  readonly #senders: readonly FakeSession[];
  readonly #receivers: readonly FakeSession[];
  readonly #peers: readonly Peer[];
  #taken = 0;
  #sent = 0;
  /** Sessions of senders so far: every third one has path identifiers. */
  #begun = 0;

  constructor() {
    this.#bench = new SpeakerBench();
    const instance = this.#bench.speaker.addInstance('fuzz', FAMILIES, true);
    const add = (address: string, remoteAs: number, most?: number): Peer =>
      this.#bench.speaker.addPeer({
        settings: { ...settingsOf(address, LOCAL_AS, remoteAs), families: FAMILIES },
        instance,
        allowOwnAs: 0,
        ...(most !== undefined && { addPath: new Map(FAMILIES.map((family) => [family, most])) }),
      });
    this.#peers = [
      add('192.0.2.11', 65011),
      add('192.0.2.12', LOCAL_AS),
      ...SENDING.map((most, index) => add(`192.0.2.${13 + index}`, index % 2 === 0 ? 65013 : LOCAL_AS, most)),
    ];
    this.#senders = this.#bench.sessions.slice(0, 2);
    this.#receivers = this.#bench.sessions.slice(2);
    this.#up();
  }

  #up(): void {
    for (const session of this.#senders) this.#begin(session);
    this.#receivers.forEach((session, index) => {
      session.onSend = () => this.#check(session);
      session.up({
        fourOctetAs: index !== 2,
        extendedNextHop: true,
        addPath: SENDING[index] === undefined ? NO_ADD_PATH : { receive: [], send: FAMILIES },
      });
    });
    this.#bench.settle();
  }

  #begin(sender: FakeSession): void {
    const addPath: NegotiatedSession['addPath'] =
      this.#begun++ % 3 === 0 ? { receive: FAMILIES, send: [] } : NO_ADD_PATH;
    sender.up({ maxMessageSize: 65535, extendedNextHop: sender === this.#senders[0], addPath });
  }

  take(message: Uint8Array): string {
    if (message[18] !== UPDATE || message.length < 23 || readU16(message, 16) !== message.length) return '';
    const sender = this.#senders[this.#taken++ % this.#senders.length] as FakeSession;
    const sent = this.#sent;
    const error = sender.receive(message);
    this.#bench.settle();
    if (error) {
      must(error.code === 3 || error.code === 6, `an UPDATE was answered with code ${error.code}`);
      sender.down();
      this.#begin(sender);
      this.#bench.settle();
    }
    if (this.#taken % MESSAGES_OF_A_SESSION === 0) this.#loseAll();
    return `engine ${error?.code}/${error?.subcode} ${this.#sent > sent}`;
  }

  /** All that was just sent must be UPDATEs that nobody can find fault with. */
  #check(session: FakeSession): void {
    const { negotiated } = session;
    for (const bytes of session.sent.splice(0)) {
      for (let at = 0; at < bytes.length; ) {
        const end = at + readU16(bytes, at + 16);
        must(end <= bytes.length && end - at <= 4096, 'a message of a wrong length was sent');
        const decoded = decodeMessage(bytes, at, end, {
          fourOctetAs: negotiated?.fourOctetAs ?? true,
          addPath: (family) => negotiated?.addPath.send.includes(family) === true,
          extendedMessage: false,
          extendedNextHop: true,
          peerType: negotiated?.peerType ?? 'ebgp',
        });
        const errors = decoded.type === 'update' ? decoded.update.errors : [{ message: decoded.type }];
        must(errors.length === 0, `sent ${describe(bytes, at, end)}: ${errors[0]?.message}`);
        this.#sent++;
        at = end;
      }
    }
  }

  #loseAll(): void {
    for (const session of this.#senders) session.down();
    this.#bench.settle();
    for (const session of this.#receivers) session.sent.length = 0;
    const { instances, attributes } = this.#bench.speaker;
    for (const { ribs } of instances.values()) {
      for (const rib of ribs.values()) {
        must(rib.paths.size === 0, `${rib.paths.size} paths are left of lost sessions`);
        must(rib.bestCount === 0, `${rib.bestCount} prefixes are left of lost sessions`);
      }
    }
    for (const peer of this.#peers) {
      for (const family of FAMILIES) {
        must(peer.advertised(family) === 0, 'a peer still has routes of lost sessions');
      }
    }
    must(attributes.size === 0, `${attributes.size} attribute sets are left of lost sessions`);
    for (const session of this.#senders) this.#begin(session);
    this.#bench.settle();
  }

  inspect(): void {
    this.#loseAll();
  }
}

function describe(bytes: Uint8Array, at: number, end: number): string {
  return Buffer.from(bytes.subarray(at, end)).toString('hex');
}
