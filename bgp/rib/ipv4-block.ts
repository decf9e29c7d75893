// Hot: runs once per IPv4 route. Columns that are used again and again; nothing is allocated.
import { readU32 } from '../wire/octets.ts';
import { hashIpv4Prefix } from './prefix-table.ts';

/** Prefixes of a block: enough that their memory is fetched at the same time, few enough to stay in the cache. */
const BLOCK_SIZE = 64;
const FAR_TOO_LONG = 255;

/** The prefixes of a stretch of IPv4 NLRI (RFC 4271 §4.3), taken apart before the first of them is looked up. */
export class Ipv4Block {
  readonly address = new Uint32Array(BLOCK_SIZE);
  readonly length = new Uint8Array(BLOCK_SIZE);
  readonly hash = new Int32Array(BLOCK_SIZE);
  /** RFC 7911; 0 without path identifiers. */
  readonly pathId = new Uint32Array(BLOCK_SIZE);
  /** How many there are. */
  count = 0;
  /** Where a malformed one starts, or -1: a length over 32, or octets that are missing. */
  malformedAt = -1;

  /** Reads as many as there is room for; gives the offset to go on at. */
  read(bytes: Uint8Array, at: number, end: number, addPath: boolean): number {
    let count = 0;
    this.malformedAt = -1;
    while (at < end && count < BLOCK_SIZE) {
      const start = addPath ? at + 4 : at;
      const length = start < end ? (bytes[start] as number) : FAR_TOO_LONG;
      const next = start + 1 + ((length + 7) >> 3);
      if (length > 32 || next > end) {
        this.malformedAt = at;
        break;
      }
      let address = 0;
      if (length > 0) address = (bytes[start + 1] as number) << 24;
      if (length > 8) address |= (bytes[start + 2] as number) << 16;
      if (length > 16) address |= (bytes[start + 3] as number) << 8;
      if (length > 24) address |= bytes[start + 4] as number;
      // Bits behind the length count for nothing; a shift by 32 would be none.
      address = length === 0 ? 0 : (address & (-1 << (32 - length))) >>> 0;
      this.address[count] = address;
      this.length[count] = length;
      this.hash[count] = hashIpv4Prefix(address, length);
      this.pathId[count] = addPath ? readU32(bytes, at) : 0;
      count++;
      at = next;
    }
    this.count = count;
    return at;
  }
}
