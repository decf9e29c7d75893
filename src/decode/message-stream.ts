import { HEADER_SIZE, MARKER_SIZE } from '../../bgp/wire/constants.ts';
import { copyOctets, readU16 } from '../../bgp/wire/octets.ts';
import { beginsWithMarker } from './tcp-stream.ts';

/**
 * Cuts the bytes of one direction into messages. Only marker and length are looked at, so that a
 * message that is wrong in any other way is still shown and the ones behind it too.
 */
export class MessageStream {
  readonly #message: (bytes: Uint8Array, start: number, end: number) => void;
  #rest: Uint8Array = new Uint8Array(0);

  /** `message` gets each message with its header; the bytes are valid during the call. */
  constructor(message: (bytes: Uint8Array, start: number, end: number) => void) {
    this.#message = message;
  }

  /** False when the bytes are not messages; the header that was wrong has been given to `message`. */
  push(data: Uint8Array): boolean {
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let at = 0;
    while (bytes.length - at >= HEADER_SIZE) {
      const length = readU16(bytes, at + MARKER_SIZE);
      if (length < HEADER_SIZE || !beginsWithMarker(bytes.subarray(at, at + MARKER_SIZE))) {
        this.#message(bytes, at, at + HEADER_SIZE);
        this.reset();
        return false;
      }
      if (bytes.length - at < length) break;
      this.#message(bytes, at, at + length);
      at += length;
    }
    this.#rest = copyOctets(bytes, at, bytes.length);
    return true;
  }

  /** Forgets a message that has come in part. */
  reset(): void {
    this.#rest = new Uint8Array(0);
  }
}
