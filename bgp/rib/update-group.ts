import { AddPathStream } from './add-path-stream.ts';
import { BestPathStream } from './best-path-stream.ts';
import type { Rib } from './rib.ts';
import type { ExportProfile, GroupMember, RefreshMarkers, UpdateStream } from './update-stream.ts';
import type { UpdateSegment } from './update-writer.ts';

/**
 * The peers that get the same UPDATEs of one RIB: same policy, same capabilities. What changes is
 * encoded once and the same buffers are written to all of them.
 *
 * A group is one or more {@link UpdateStream}s. All members that have had everything share one; a peer
 * that is new, or that asked for everything again, or that is slow has a stream of its own until it has
 * caught up. So nobody waits for the slowest, and a slow peer skips what was overtaken meanwhile.
 */
export class UpdateGroup {
  readonly rib: Rib;
  readonly profile: ExportProfile;
  readonly #streams: UpdateStream[] = [];

  constructor(rib: Rib, profile: ExportProfile) {
    this.rib = rib;
    this.profile = profile;
  }

  get memberCount(): number {
    return this.#streams.reduce((count, stream) => count + stream.members.length, 0);
  }

  /** Adds a peer, which gets the whole table and then End-of-RIB. */
  addMember(member: GroupMember): void {
    const joining = this.#streams.find((stream) => stream.untouched);
    if (joining) joining.addMember(member);
    else this.#streams.push(this.#streamFromStart(member));
  }

  #streamFromStart(member: GroupMember): UpdateStream {
    const Stream = this.profile.addPath ? AddPathStream : BestPathStream;
    return new Stream(this.rib, this.profile, [member]);
  }

  removeMember(member: GroupMember): void {
    const stream = this.#streamOf(member);
    if (!stream) return;
    stream.removeMember(member);
    if (stream.members.length === 0) this.#close(stream);
  }

  #streamOf(member: GroupMember): UpdateStream | undefined {
    return this.#streams.find((stream) => stream.members.includes(member));
  }

  #close(stream: UpdateStream): void {
    stream.close();
    this.#streams.splice(this.#streams.indexOf(stream), 1);
  }

  /** Sends a peer everything again (RFC 2918), between markers if it knows them (RFC 7313). */
  refresh(member: GroupMember, markers: RefreshMarkers = {}): void {
    const stream = this.#streamOf(member);
    if (stream) this.#splitOff(stream, [member]).restart(markers);
  }

  /** Sends everybody everything again: what stands with the routes has changed. */
  refreshAll(): void {
    for (const stream of this.#streams) stream.restart({});
  }

  #splitOff(stream: UpdateStream, members: readonly GroupMember[]): UpdateStream {
    if (stream.members.length === members.length) return stream;
    const split = stream.split(members);
    this.#streams.push(split);
    return split;
  }

  /** True when {@link flush} would send something now. */
  get ready(): boolean {
    return this.#streams.some((stream) => stream.pending && stream.members.some((member) => !member.blocked));
  }

  /** Sends what at most `limit` changed prefixes give to each stream. */
  flush(limit: number): void {
    for (const stream of [...this.#streams]) {
      if (!stream.pending) continue;
      const blocked = stream.members.filter((member) => member.blocked);
      if (blocked.length === stream.members.length) continue;
      if (blocked.length > 0) this.#splitOff(stream, blocked);
      deliver(stream.members, stream.advance(limit));
      stream.noteSent();
    }
    this.#merge();
  }

  /**
   * Streams that have sent everything are in the same state: their members can go on together. Not while
   * a prefix waits for its decision: a path that is gone was never there for a stream that has gone over
   * the table since, and is still advertised for one that follows the changes.
   */
  #merge(): void {
    if (this.rib.undecided) return;
    const [first, ...others] = this.#streams.filter((stream) => !stream.pending);
    if (!first) return;
    for (const other of others) {
      for (const member of other.members) first.addMember(member);
      this.#close(other);
    }
  }

  /** How many prefixes a member has been told; paths, where several of a prefix are told. */
  advertisedTo(member: GroupMember): number {
    return this.#streamOf(member)?.advertisedTo(member.sourceId) ?? 0;
  }
}

/** Sends each member its segments, those that lie back to back in one piece. */
function deliver(members: readonly GroupMember[], segments: readonly UpdateSegment[]): void {
  // A member may leave while it is sent something.
  for (const member of [...members]) {
    let first: Uint8Array | undefined;
    let end = 0;
    for (const { bytes, except, only } of segments) {
      if (except === member.sourceId || (only !== 0 && only !== member.sourceId)) continue;
      if (first?.buffer !== bytes.buffer || end !== bytes.byteOffset) {
        if (first) member.send(stretch(first, end));
        first = bytes;
      }
      end = bytes.byteOffset + bytes.length;
    }
    if (first) member.send(stretch(first, end));
  }
}

/** From the start of `first` to `end` in its buffer. */
function stretch(first: Uint8Array, end: number): Uint8Array {
  return new Uint8Array(first.buffer, first.byteOffset, end - first.byteOffset);
}
