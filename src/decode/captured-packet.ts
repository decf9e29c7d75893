/** One packet of a capture. */
export interface CapturedPacket {
  /** Seconds since 1970, undefined where the file does not say. */
  readonly time: number | undefined;
  /** Link type as in the registry of tcpdump.org/linktypes.html. */
  readonly linkType: number;
  /** What was captured, perhaps less than was on the wire; valid until the next packet is read. */
  readonly data: Uint8Array;
}

/** No packet on any link is longer; more is a sign of a damaged file. */
export const MAX_PACKET_SIZE = 16 * 1024 * 1024;
