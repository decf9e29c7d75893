import { Address4, Address6 } from 'ip-address';
import type { IpAddress } from '../../net/address.ts';
import type { IpPrefix } from '../../net/prefix.ts';

/** Reads a dotted quad or RFC 4291 text; undefined for anything else, also with a zone (`%eth0`) or a length. */
export function readAddress(text: string): IpAddress | undefined {
  return text.includes('/') ? undefined : readNotation(text)?.address;
}

/**
 * Reads CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3), host bits kept; undefined for anything else. As in Kubernetes,
 * a length has no leading zeros.
 */
export function readPrefix(text: string): IpPrefix | undefined {
  const prefix = readNotation(text);
  return prefix && text.endsWith(`/${prefix.length}`) ? prefix : undefined;
}

function readNotation(text: string): IpPrefix | undefined {
  if (Address4.isValid(text)) {
    const parsed = new Address4(text);
    return { address: { version: 4, bytes: Uint8Array.from(parsed.toArray()) }, length: parsed.subnetMask };
  }
  if (!Address6.isValid(text)) return undefined;
  const parsed = new Address6(text);
  if (parsed.zone !== '') return undefined;
  return { address: { version: 6, bytes: Uint8Array.from(parsed.toByteArray()) }, length: parsed.subnetMask };
}
