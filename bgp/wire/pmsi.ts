import { addressFromBytes, type IpAddress } from '../../net/address.ts';
import type { ByteWriter } from '../../net/byte-writer.ts';
import { copyOctets, readU8, readU24 } from './octets.ts';

/** Tunnel type of ingress replication: the identifier is the address of the egress router (RFC 6514 §5). */
export const INGRESS_REPLICATION = 6;

/** A PMSI_TUNNEL attribute (RFC 6514 §5). */
export interface PmsiTunnel {
  readonly flags: number;
  readonly tunnelType: number;
  /** The whole 24-bit label field: a VNI with VXLAN (RFC 8365 §5.1.3), else a label in its upper 20 bits. */
  readonly label: number;
  /** The tunnel identifier as it stood on the wire. */
  readonly tunnelId: Uint8Array;
}

/** Decodes a value of at least five octets; undefined when ingress replication has no address of 4 or 16 octets. */
export function decodePmsiTunnel(bytes: Uint8Array, start: number, end: number): PmsiTunnel | undefined {
  const tunnel = {
    flags: readU8(bytes, start),
    tunnelType: readU8(bytes, start + 1),
    label: readU24(bytes, start + 2),
    tunnelId: copyOctets(bytes, start + 5, end),
  };
  return tunnel.tunnelType === INGRESS_REPLICATION && !pmsiEndpoint(tunnel) ? undefined : tunnel;
}

/** The address of the egress router of an ingress replication tunnel; undefined for other tunnel types. */
export function pmsiEndpoint(tunnel: PmsiTunnel): IpAddress | undefined {
  if (tunnel.tunnelType !== INGRESS_REPLICATION) return undefined;
  const size = tunnel.tunnelId.length;
  return size === 4 || size === 16 ? addressFromBytes(tunnel.tunnelId) : undefined;
}

/** Writes the attribute's value. */
export function encodePmsiTunnel(writer: ByteWriter, tunnel: PmsiTunnel): void {
  writer.u8(tunnel.flags).u8(tunnel.tunnelType).u24(tunnel.label).raw(tunnel.tunnelId);
}
