import type { BfdSession } from './bfd-session.ts';
import { decodeControlPacket } from './control-packet.ts';

/** Sessions of one path and kind: packets without our discriminator are told apart by what they came from. */
interface Entry {
  readonly session: BfdSession;
  readonly path: string;
}

/**
 * Finds the session that a packet is for (RFC 5880 §6.8.6, RFC 5881 §3): by our discriminator once the other end
 * knows it, before that by the path that it came by. A path is whatever text the owner makes of the receiving
 * socket and the sender's address.
 */
export class BfdSessionTable {
  readonly #byDiscriminator = new Map<number, Entry>();
  readonly #byPath = new Map<string, BfdSession>();
  readonly #discards = new Map<string, number>();

  /** Packets that were for no session or malformed, by reason. */
  get discards(): ReadonlyMap<string, number> {
    return this.#discards;
  }

  get size(): number {
    return this.#byDiscriminator.size;
  }

  /** Adds a session. Throws RangeError when there is one of that path or discriminator. */
  add(path: string, session: BfdSession): void {
    if (this.#byPath.has(path) || this.#byDiscriminator.has(session.discriminator)) {
      throw new RangeError(`there is a BFD session ${path} or ${session.discriminator} already`);
    }
    this.#byPath.set(path, session);
    this.#byDiscriminator.set(session.discriminator, { session, path });
  }

  remove(session: BfdSession): void {
    const entry = this.#byDiscriminator.get(session.discriminator);
    if (entry?.session !== session) return;
    this.#byDiscriminator.delete(session.discriminator);
    this.#byPath.delete(entry.path);
  }

  /** Takes the payload of a datagram that came by `path`. */
  receive(path: string, payload: Uint8Array): void {
    const decoded = decodeControlPacket(payload);
    if (!decoded.ok) {
      this.#discard(decoded.reason);
      return;
    }
    const { packet } = decoded;
    if (packet.yourDiscriminator === 0) {
      const session = this.#byPath.get(path);
      if (session) session.receive(packet);
      else this.#discard('no session with the sender');
      return;
    }
    const entry = this.#byDiscriminator.get(packet.yourDiscriminator);
    // RFC 5880 §6.8.6 does not ask for the path: who guesses a discriminator must not come from anywhere.
    if (entry?.path === path) entry.session.receive(packet);
    else this.#discard('no session of that discriminator with the sender');
  }

  #discard(reason: string): void {
    // Reasons name numbers from the packet: they must not fill the memory.
    const kind = reason.replace(/\d+/g, 'n');
    this.#discards.set(kind, (this.#discards.get(kind) ?? 0) + 1);
  }
}
