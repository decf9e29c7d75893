// Hot: runs once per changed prefix and stream. Columns only; nothing is allocated per route.
import { type IpAddress, isLinkLocal } from '../../net/address.ts';
import { type Family, IPV4_UNICAST } from '../wire/family.ts';
import { type AttributeExport, AttributeExporter, EXPORT_OVERHEAD } from './attribute-export.ts';
import { AttributeFact } from './attribute-store.ts';
import { growInt32, growUint16 } from './columns.ts';
import type { JournalReader } from './journal.ts';
import { joinNlri, MOST_NLRI_BYTES } from './nlri-key.ts';
import type { Rib } from './rib.ts';
import { SourceKind } from './sources.ts';
import { UpdateBatch } from './update-batch.ts';
import { type UpdateSegment, UpdateWriter } from './update-writer.ts';

/** What all members of an update group have in common. */
export interface ExportProfile extends AttributeExport {
  readonly family: Family;
  /** 4096 or 65535. */
  readonly maxMessageSize: number;
  /** Next hop for routes that get ours, in the bytes of the family. */
  readonly selfNextHop: Uint8Array;
  /** Keep the next hop of the route where it has one: EVPN, and unicast between internal peers. */
  readonly nextHopUnchanged: boolean;
}

/** A peer as its update group sees it. */
export interface GroupMember {
  /** Id of the route source that the peer is: its own routes are not sent back to it. */
  readonly sourceId: number;
  /** Sends whole messages. */
  send(bytes: Uint8Array): void;
  /** True while the peer takes no more. */
  readonly blocked: boolean;
  /** Some of the bytes that were sent are not with the kernel yet, and must stay as they are. */
  readonly waiting: boolean;
}

/** What goes before and after a whole table that a peer asked for (RFC 7313); a plain refresh has neither (RFC 2918). */
export interface RefreshMarkers {
  readonly before?: Uint8Array;
  readonly after?: Uint8Array;
}

/** The most prefixes that are looked at in one turn. */
const BATCH_SIZE = 4096;
/** Bytes of attributes after which a turn ends early: large ones must not add up in what waits for a peer. */
const BATCH_BYTES = 512 * 1024;
const MOST_ATTRIBUTE_BYTES = 65535;

// One turn of one stream is over before the next begins: all streams share the scratch space.
const batch = new UpdateBatch(BATCH_SIZE);
const changed = new Int32Array(BATCH_SIZE);
const withdrawn = new Int32Array(BATCH_SIZE);
const attributeScratch = new Uint8Array(MOST_ATTRIBUTE_BYTES * 2 + EXPORT_OVERHEAD);
const keyScratch = new Uint8Array(MOST_NLRI_BYTES);
const nlriScratch = new Uint8Array(MOST_NLRI_BYTES * 2);
const nothing = new Uint8Array(0);

/** One place in the journal of a RIB, and what the members that stand there have been told. */
export class UpdateStream {
  readonly #rib: Rib;
  readonly #profile: ExportProfile;
  readonly #exporter: AttributeExporter;
  readonly #writer: UpdateWriter;
  readonly #multiprotocol: boolean;
  readonly #external: boolean;
  readonly #reader: JournalReader;
  readonly #members: GroupMember[];
  /** Source ids of the members. */
  readonly #memberSources = new Set<number>();
  /** By prefix: the source whose path was advertised, 0 for none. That source alone was not told. */
  #advertised: Uint16Array<ArrayBuffer>;
  #advertisedBySource: Int32Array<ArrayBuffer>;
  #advertisedCount = 0;
  /** Of the turn under way: how many prefixes are withdrawn, and the bytes of attributes for the others. */
  #withdrawals = 0;
  #batchBytes = 0;
  /** Of some attributes of the turn few routes fit into a message. */
  #fewFit = false;
  /** Next prefix of a pass over the whole table, or -1 when that is done. */
  #walk: number;
  /** Sent when the pass is done. */
  #afterWalk: Uint8Array | 'end-of-rib' | undefined;
  /** Asked for while a pass was under way: the next one. */
  #again: RefreshMarkers | undefined;

  private constructor(
    rib: Rib,
    profile: ExportProfile,
    readFrom: JournalReader | undefined,
    members: GroupMember[],
    advertised: Uint16Array<ArrayBuffer>,
    advertisedBySource: Int32Array<ArrayBuffer>,
  ) {
    this.#rib = rib;
    this.#profile = profile;
    // A withdrawal is for those who were told: a member that is slow keeps no other prefix from going.
    const wasTold = (prefix: number): boolean => (this.#advertised[prefix] ?? 0) !== 0;
    this.#reader = readFrom ? readFrom.fork(wasTold) : rib.readBestChanges(wasTold);
    this.#members = members;
    for (const { sourceId } of members) this.#memberSources.add(sourceId);
    this.#advertised = advertised;
    this.#advertisedBySource = advertisedBySource;
    this.#advertisedCount = advertisedBySource.reduce((sum, count) => sum + count, 0);
    this.#walk = -1;
    this.#exporter = new AttributeExporter(rib.attributes, profile);
    this.#external = profile.peerType === 'ebgp';
    this.#multiprotocol = profile.family !== IPV4_UNICAST || profile.selfNextHop.length !== 4;
    this.#writer = new UpdateWriter(profile.family, profile.maxMessageSize, this.#multiprotocol);
  }

  /** A stream that tells one peer the whole table, then End-of-RIB (RFC 4724 §2), then what changes. */
  static fromStart(rib: Rib, profile: ExportProfile, member: GroupMember): UpdateStream {
    const stream = new UpdateStream(
      rib,
      profile,
      undefined,
      [member],
      new Uint16Array(64),
      new Int32Array(16),
    );
    stream.#walk = 0;
    stream.#afterWalk = 'end-of-rib';
    return stream;
  }

  get members(): readonly GroupMember[] {
    return this.#members;
  }

  addMember(member: GroupMember): void {
    this.#members.push(member);
    this.#memberSources.add(member.sourceId);
  }

  removeMember(member: GroupMember): void {
    const index = this.#members.indexOf(member);
    if (index < 0) return;
    this.#members.splice(index, 1);
    this.#memberSources.delete(member.sourceId);
    // Nobody asks the member any more when the bytes it was sent may change.
    if (member.waiting) this.#writer.leaveBytes();
  }

  /** Moves some of the members to a stream that goes on from the same place. */
  split(members: readonly GroupMember[]): UpdateStream {
    const split = new UpdateStream(
      this.#rib,
      this.#profile,
      this.#reader,
      [...members],
      this.#advertised.slice(),
      this.#advertisedBySource.slice(),
    );
    split.#walk = this.#walk;
    split.#afterWalk = this.#afterWalk;
    split.#again = this.#again;
    for (const member of members) this.removeMember(member);
    return split;
  }

  /**
   * Goes over the whole table once more, between the markers. A pass under way is completed first: no
   * refresh may begin before End-of-RIB (RFC 7313 §4), and each that began has its end.
   */
  restart(markers: RefreshMarkers): void {
    if (this.#walk >= 0) this.#again = markers;
    else this.#beginRefresh(markers);
  }

  #beginRefresh({ before, after }: RefreshMarkers): void {
    this.#walk = 0;
    this.#afterWalk = after;
    this.#writer.setAudience(0, 0);
    if (before) this.#writer.addMessage(before);
  }

  close(): void {
    this.#reader.close();
  }

  /** Nothing was sent yet: further members may join as if they had been there from the start. */
  get untouched(): boolean {
    return (
      this.#walk === 0 &&
      this.#advertisedCount === 0 &&
      this.#afterWalk === 'end-of-rib' &&
      this.#again === undefined
    );
  }

  get pending(): boolean {
    return this.#walk >= 0 || !this.#reader.atEnd;
  }

  /** Prefixes that the member which is `sourceId` has been told. */
  advertisedTo(sourceId: number): number {
    return this.#advertisedCount - (this.#advertisedBySource[sourceId] ?? 0);
  }

  /** Encodes what at most `limit` prefixes give: the messages to send; {@link noteSent} follows. */
  advance(limit: number): UpdateSegment[] {
    const bounded = changed.subarray(0, Math.min(limit, BATCH_SIZE));
    // The table, from its start, has all that happened before.
    if (this.untouched) this.#reader.skip();
    const walks = this.#walk >= 0;
    const count = walks ? this.#readTable(bounded) : this.#reader.read(bounded);
    const done = this.#writeChanges(count);
    if (done < count && walks) this.#walk -= count - done;
    else if (done < count) this.#reader.putBack(changed[done] as number);
    if (this.#walk >= this.#rib.prefixes.idLimit) this.#endWalk();
    return this.#writer.take();
  }

  /** Sees whether every byte that {@link advance} has given was sent, so that its room can be used again. */
  noteSent(): void {
    for (const { waiting } of this.#members) if (waiting) return;
    this.#writer.reuse();
  }

  #readTable(target: Int32Array): number {
    const limit = this.#rib.prefixes.idLimit;
    let count = 0;
    while (this.#walk < limit && count < target.length) target[count++] = this.#walk++;
    return count;
  }

  #endWalk(): void {
    this.#walk = -1;
    this.#writer.setAudience(0, 0);
    if (this.#afterWalk === 'end-of-rib') this.#writer.endOfRib();
    else if (this.#afterWalk) this.#writer.addMessage(this.#afterWalk);
    this.#afterWalk = undefined;
    const again = this.#again;
    this.#again = undefined;
    if (again) this.#beginRefresh(again);
  }

  /** Sorts changed prefixes into withdrawals and announcements, and writes both; returns how many were written. */
  #writeChanges(count: number): number {
    batch.clear();
    this.#advertised = growUint16(this.#advertised, this.#rib.prefixes.idLimit);
    this.#withdrawals = 0;
    this.#batchBytes = 0;
    this.#fewFit = false;
    let done = 0;
    while (done < count && this.#batchBytes < BATCH_BYTES) this.#sort(changed[done++] as number);
    this.#writeWithdrawals(this.#withdrawals);
    this.#writeAnnouncements();
    return done;
  }

  #sort(prefix: number): void {
    const { paths } = this.#rib;
    const path = this.#rib.best(prefix);
    const before = this.#advertised[prefix] as number;
    const attributes = path < 0 ? -1 : paths.attributes(path);
    const source = path < 0 ? 0 : paths.source(path);
    if (attributes < 0 || !this.#isExported(attributes, source)) {
      if (before !== 0) withdrawn[this.#withdrawals++] = prefix;
      return;
    }
    const isFirst = batch.add(prefix, attributes, source, paths.extra(path));
    if (isFirst || this.#fewFit) this.#countBytes(attributes, isFirst);
    if (before === source) return;
    if (before !== 0) this.#withdrawFromNewSource(prefix, source);
    this.#setAdvertised(prefix, before, source);
  }

  /** Attributes are sent once for all their routes, unless few routes fit beside them into a message. */
  #countBytes(attributes: number, isFirst: boolean): void {
    const size = this.#attributeBytes(attributes);
    const fills = size * 2 > this.#profile.maxMessageSize;
    if (isFirst || fills) this.#batchBytes += size;
    this.#fewFit ||= fills;
  }

  #attributeBytes(attributes: number): number {
    const store = this.#rib.attributes;
    return store.attributesEnd(attributes) - store.attributesStart(attributes);
  }

  #isExported(attributes: number, source: number): boolean {
    const flags = this.#rib.attributes.flags(attributes);
    if (flags & AttributeFact.noAdvertise) return false;
    if (this.#external) return (flags & AttributeFact.noExport) === 0;
    // RFC 4271 §9.2: what came from an internal peer is not passed on to internal peers. An imported path
    // has left the mesh of those peers, and never goes back there.
    const { kind, imported, clientOf } = this.#rib.sources.get(source);
    if (kind !== SourceKind.ibgp || imported) return true;
    // RFC 4456 §6: a client's routes go to all, those of others to clients.
    const { reflection } = this.#profile;
    return reflection !== undefined && (reflection.toClient || clientOf.includes(this.#profile.family));
  }

  #setAdvertised(prefix: number, before: number, source: number): void {
    if (source >= this.#advertisedBySource.length) {
      this.#advertisedBySource = growInt32(this.#advertisedBySource, source + 1);
    }
    const counts = this.#advertisedBySource;
    if (before !== 0) counts[before] = (counts[before] as number) - 1;
    if (source !== 0) counts[source] = (counts[source] as number) + 1;
    this.#advertisedCount += Number(source !== 0) - Number(before !== 0);
    this.#advertised[prefix] = source;
  }

  /** The peer whose path is best now had been told another one: it must forget that. */
  #withdrawFromNewSource(prefix: number, source: number): void {
    if (!this.#memberSources.has(source)) return;
    this.#writer.setAudience(0, source);
    this.#writer.beginWithdrawals();
    this.#writeNlri(prefix, -1);
  }

  #writeWithdrawals(count: number): void {
    let audience = -1;
    for (let i = 0; i < count; i++) {
      const prefix = withdrawn[i] as number;
      const before = this.#advertised[prefix] as number;
      if (before !== audience) {
        audience = before;
        this.#writer.setAudience(this.#memberOrNone(before), 0);
        this.#writer.beginWithdrawals();
      }
      this.#writeNlri(prefix, -1);
      this.#setAdvertised(prefix, before, 0);
    }
  }

  /** The source if it is one of the members; else 0, so that messages for everyone stay together. */
  #memberOrNone(source: number): number {
    return this.#memberSources.has(source) ? source : 0;
  }

  #writeAnnouncements(): void {
    for (let bucket = 0; bucket < batch.buckets; bucket++) {
      const except = this.#memberOrNone(batch.source(bucket));
      if (except !== 0 && this.#members.length === 1) continue;
      this.#writer.setAudience(except, 0);
      this.#beginAnnouncements(batch.attributes(bucket), batch.source(bucket));
      for (let entry = batch.firstEntry(bucket); entry >= 0; entry = batch.nextEntry(entry)) {
        if (this.#writeNlri(batch.prefix(entry), batch.extra(entry))) continue;
        this.#giveUp(batch.prefix(entry));
        this.#beginAnnouncements(batch.attributes(bucket), batch.source(bucket));
      }
    }
  }

  #beginAnnouncements(attributes: number, source: number): void {
    // The message before still needs the scratch space that is about to be written.
    this.#writer.finishMessage();
    const store = this.#rib.attributes;
    const { kind, imported, routerId } = this.#rib.sources.get(source);
    const local = kind === SourceKind.local;
    const reflected = !this.#external && kind === SourceKind.ibgp && !imported;
    const own = store.nextHop(attributes);
    // The next hop of an imported path is a tunnel endpoint: nothing that a peer in the VRF could use.
    const nextHop =
      this.#profile.nextHopUnchanged && !imported && own >= 0
        ? this.#expressible(store.nextHops.get(own).address)
        : this.#profile.selfNextHop;
    const inAttribute = this.#multiprotocol ? undefined : nextHop;
    const length = this.#exporter.write(
      attributes,
      attributeScratch,
      0,
      inAttribute,
      local,
      reflected ? routerId : -1,
    );
    this.#writer.beginAnnouncements(attributeScratch, length, nextHop);
  }

  /**
   * NEXT_HOP holds IPv4 addresses only: an IPv6 next hop (RFC 8950) is replaced by ours there. So is a link-local one,
   * which says nothing on another link (RFC 2545 §2).
   */
  #expressible(nextHop: IpAddress): Uint8Array {
    const says = nextHop.version === 4 || (this.#multiprotocol && !isLinkLocal(nextHop));
    return says ? nextHop.bytes : this.#profile.selfNextHop;
  }

  /** `extra`: of the path, or -1 for a withdrawal. */
  #writeNlri(prefix: number, extra: number): boolean {
    const rib = this.#rib;
    const keyLength = rib.prefixes.copyKey(prefix, keyScratch, 0);
    if (this.#profile.family === IPV4_UNICAST) return this.#writer.addRoute(keyScratch, keyLength);
    const rest = extra > 0 ? rib.extras.bytes : nothing;
    const restStart = extra > 0 ? rib.extras.start(extra) : 0;
    const restEnd = extra > 0 ? rib.extras.end(extra) : 0;
    const end = joinNlri(rib.family, keyScratch, keyLength, rest, restStart, restEnd, nlriScratch, 0);
    return this.#writer.addRoute(nlriScratch, end);
  }

  /** The attributes leave no room for the route in a message of this peer: it must not keep an older path. */
  #giveUp(prefix: number): void {
    this.#writer.beginWithdrawals();
    this.#writeNlri(prefix, -1);
    this.#setAdvertised(prefix, this.#advertised[prefix] as number, 0);
  }
}
