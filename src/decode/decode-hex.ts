import { HeaderErrorSubcode, NotificationCode } from '../../bgp/wire/constants.ts';
import type { WireContext } from '../../bgp/wire/context.ts';
import { decodeMessage, type Message } from '../../bgp/wire/message.ts';
import { fromHex } from '../../net/hex.ts';

/** Decodes a line of hex digits (spaces and colons between them are fine) as one message with its header. */
export function decodeHexLine(
  line: string,
  context: WireContext,
): { readonly message: Message; readonly length: number } {
  const bytes = fromHex(line.replaceAll(/[\s:]/g, ''));
  if (bytes) return { message: decodeMessage(bytes, 0, bytes.length, context), length: bytes.length };
  const error = {
    code: NotificationCode.MESSAGE_HEADER_ERROR,
    subcode: HeaderErrorSubcode.CONNECTION_NOT_SYNCHRONIZED,
    data: new Uint8Array(0),
    message: 'the line is not a whole number of octets in hexadecimal',
  };
  return { message: { type: 'error', of: undefined, error }, length: 0 };
}

/** The lines of a text that comes in chunks, without line ends and without empty ones. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield line.trim();
  }
  if (rest.trim() !== '') yield rest.trim();
}
