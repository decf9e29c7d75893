import { isDeepStrictEqual } from 'node:util';
import { ERROR_CLASSES } from '../../../bgp/wire/attribute-errors.ts';
import type { WireContext } from '../../../bgp/wire/context.ts';
import { decodeMessage, type Message } from '../../../bgp/wire/message.ts';
import { messageJson } from '../../../src/decode/message-json.ts';
import { messageText } from '../../../src/decode/message-text.ts';
import { meaningOf, reencoded } from '../../pcap/reencode.ts';
import { type FuzzTarget, must } from './target.ts';

const CONTEXTS: readonly WireContext[] = [
  {
    fourOctetAs: true,
    addPath: () => false,
    extendedMessage: true,
    extendedNextHop: true,
    peerType: 'ebgp',
  },
  {
    fourOctetAs: false,
    addPath: () => true,
    extendedMessage: true,
    extendedNextHop: false,
    peerType: 'ibgp',
  },
];

/** Outcomes as the JSON form has them. */
const OUTCOMES: readonly string[] = ['ok', ...ERROR_CLASSES];

/**
 * The decoder: a typed result for all bytes, the same for the same, text and JSON for it, and for valid messages
 * encoding and decoding again change nothing.
 */
export class DecoderTarget implements FuzzTarget {
  readonly name = 'decoder';
  #taken = 0;

  take(message: Uint8Array): string {
    const context = CONTEXTS[this.#taken++ % CONTEXTS.length] as WireContext;
    const decoded = decodeMessage(message, 0, message.length, context);
    const json = messageJson(decoded);
    must(OUTCOMES.includes(json.outcome), `outcome ${json.outcome}`);
    must((json.error !== undefined) === (json.outcome === 'session-reset'), 'an error without a reset');
    must(messageText(decoded, message.length) !== '', 'no text');
    if (json.outcome === 'ok') this.#again(decoded, context);
    return signatureOf(decoded, json.outcome);
  }

  #again(decoded: Message, context: WireContext): void {
    // Routes of families that nobody here carries are told by their names alone.
    const lists = decoded.type === 'update' ? [...decoded.update.announced, ...decoded.update.withdrawn] : [];
    if (!lists.every(({ carried }) => carried)) return;
    const again = meaningOf(reencoded(decoded, context));
    const before = meaningOf(decoded);
    must(
      isDeepStrictEqual(again, before),
      `encoding and decoding again changed it: ${difference(before, again, '')}`,
    );
  }

  inspect(): void {}
}

/** Type and outcome, the attributes and families of an UPDATE, the errors with their places left out. */
function signatureOf(message: Message, outcome: string): string {
  if (message.type !== 'update') {
    const code =
      message.type === 'error' ? `${message.of} ${message.error.code}/${message.error.subcode}` : '';
    return `${message.type} ${outcome} ${code}`;
  }
  const { attributeCodes, announced, withdrawn, errors } = message.update;
  const lists = [...announced, ...withdrawn].map(({ family }) => family);
  const found = errors.map(({ errorClass, attribute, subcode }) => `${errorClass}:${attribute}:${subcode}`);
  return `update ${attributeCodes.length} ${lists.join()} ${found.join()}`;
}

/** The first place in which two values differ. */
function difference(a: unknown, b: unknown, path: string): string {
  if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const [x, y]: unknown[] = [Reflect.get(a, key), Reflect.get(b, key)];
      if (!isDeepStrictEqual(x, y)) return difference(x, y, `${path}.${key}`);
    }
  }
  return `${path}: ${String(a)} became ${String(b)}`;
}
