/** Control characters, line separators and what turns the direction of writing. */
const UNPRINTABLE = /\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Text of a peer (shutdown reason, host name) for logs and terminals: what could steer them is replaced by U+FFFD. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '\ufffd');
}
