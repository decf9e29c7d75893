/** Parses six colon- or dash-separated hex octets; undefined when the text is not a MAC address. */
export function parseMac(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(/[:-]/), (octet) => Number.parseInt(octet, 16));
}

/** Lower-case, colon-separated text of `size` octets (6 for a MAC, 10 for an Ethernet segment identifier). */
export function formatOctets(bytes: Uint8Array, offset = 0, size = 6): string {
  const octets: string[] = [];
  for (let i = 0; i < size; i++) octets.push((bytes[offset + i] ?? 0).toString(16).padStart(2, '0'));
  return octets.join(':');
}
