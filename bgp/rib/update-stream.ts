// Hot: runs once per changed route and stream. Columns only; nothing is allocated per route.
import { type IpAddress, isLinkLocal } from '../../net/address.ts';
import { afiOf, type Family, hasLabels, IPV4_UNICAST } from '../wire/family.ts';
import { type AttributeExport, AttributeExporter, EXPORT_OVERHEAD } from './attribute-export.ts';
import { AttributeFact } from './attribute-store.ts';
import type { Journal, JournalReader } from './journal.ts';
import { joinNlri, MOST_NLRI_BYTES } from './nlri-key.ts';
import type { Rib } from './rib.ts';
import { SourceKind } from './sources.ts';
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
  /** IPv4 routes with labels may have an IPv6 next hop (RFC 8950). */
  readonly labeledIpv6NextHop?: boolean;
  /** The peer is a bilateral one: routes with NO_PEER are not sent (RFC 3765). */
  readonly bilateral: boolean;
  /** Long-lived stale routes are sent: the peer has the capability (RFC 9494 §4.3). */
  readonly longLived: boolean;
  /** Several paths of a prefix are sent, each with a path identifier (RFC 7911); absent: the best one, without. */
  readonly addPath?: AddPathSending | undefined;
}

/** Which paths of a prefix are sent. */
export interface AddPathSending {
  /** The best ones in the order of the decision process, so many at most; Infinity: all that can be used. */
  readonly most: number;
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

/** The most prefixes that are looked at in one turn, a power of two. */
export const BATCH_SIZE = 4096;
/** Bytes of attributes after which a turn ends early: large ones must not add up in what waits for a peer. */
export const BATCH_BYTES = 512 * 1024;
const MOST_ATTRIBUTE_BYTES = 65535;
const PATH_ID_BYTES = 4;

// One turn of one stream is over before the next begins: all streams share the scratch space.
const changed = new Int32Array(BATCH_SIZE);
const attributeScratch = new Uint8Array(MOST_ATTRIBUTE_BYTES * 2 + EXPORT_OVERHEAD);
const keyScratch = new Uint8Array(MOST_NLRI_BYTES);
const nlriScratch = new Uint8Array(PATH_ID_BYTES + MOST_NLRI_BYTES * 2);
const nothing = new Uint8Array(0);

/** One place in a journal of a RIB, and what the members that stand there have been told. */
export abstract class UpdateStream {
  protected readonly rib: Rib;
  protected readonly profile: ExportProfile;
  protected readonly writer: UpdateWriter;
  readonly #exporter: AttributeExporter;
  readonly #multiprotocol: boolean;
  readonly #external: boolean;
  /** The routes have labels. */
  readonly #keepsNextHop: boolean;
  /** Bits of {@link AttributeFact} of sets that are not sent to these members. */
  readonly #withheld: number;
  readonly #reader: JournalReader;
  readonly #members: GroupMember[];
  /** Source ids of the members. */
  readonly #memberSources = new Set<number>();
  /** Next prefix of a pass over the whole table, or -1 when that is done. */
  #walk = 0;
  /** Sent when the pass is done. */
  #afterWalk: Uint8Array | 'end-of-rib' | undefined = 'end-of-rib';
  /** Asked for while a pass was under way: the next one. */
  #again: RefreshMarkers | undefined;

  /**
   * Tells the members the whole table, then End-of-RIB (RFC 4724 §2), then what changes in `journal`; with `from`, goes
   * on from the place of that stream.
   */
  protected constructor(
    rib: Rib,
    profile: ExportProfile,
    members: readonly GroupMember[],
    journal: Journal,
    from: UpdateStream | undefined,
  ) {
    this.rib = rib;
    this.profile = profile;
    // A withdrawal is for those who were told: a member that is slow keeps no other prefix from going.
    this.#reader = journal.addReader(
      (prefix) => this.wasTold(prefix),
      from ? from.#reader.position : undefined,
    );
    this.#members = [...members];
    for (const { sourceId } of members) this.#memberSources.add(sourceId);
    this.#exporter = new AttributeExporter(rib.attributes, profile);
    this.#external = profile.peerType === 'ebgp';
    this.#keepsNextHop = hasLabels(profile.family);
    this.#withheld = withheldFacts(profile);
    this.#multiprotocol = profile.family !== IPV4_UNICAST || profile.selfNextHop.length !== 4;
    this.writer = new UpdateWriter(profile.family, profile.maxMessageSize, this.#multiprotocol);
    if (!from) return;
    this.#walk = from.#walk;
    this.#afterWalk = from.#afterWalk;
    this.#again = from.#again;
  }

  /** A stream that goes on from the same place, for other members. */
  protected abstract fork(members: readonly GroupMember[]): UpdateStream;

  /** Something of the prefix was told, and not taken back. */
  protected abstract wasTold(prefix: number): boolean;

  /** How many routes were told, whoever they came from. */
  protected abstract readonly advertisedCount: number;

  /** Routes that the member which is `sourceId` has been told. */
  abstract advertisedTo(sourceId: number): number;

  /** Writes what is to be told of the first `count` prefixes; gives how many were dealt with. */
  protected abstract writeChanges(prefixes: Int32Array, count: number): number;

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
    if (member.waiting) this.writer.leaveBytes();
  }

  /** Moves some of the members to a stream that goes on from the same place. */
  split(members: readonly GroupMember[]): UpdateStream {
    const split = this.fork(members);
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
    this.writer.setAudience(0, 0);
    if (before) this.writer.addMessage(before);
  }

  close(): void {
    this.#reader.close();
  }

  /** Nothing was sent yet: further members may join as if they had been there from the start. */
  get untouched(): boolean {
    return (
      this.#walk === 0 &&
      this.advertisedCount === 0 &&
      this.#afterWalk === 'end-of-rib' &&
      this.#again === undefined
    );
  }

  get pending(): boolean {
    return this.#walk >= 0 || !this.#reader.atEnd;
  }

  /** A pass over the whole table is under way: its routes are told again, though they have not changed. */
  protected get walks(): boolean {
    return this.#walk >= 0;
  }

  /** Encodes what at most `limit` prefixes give: the messages to send; {@link noteSent} follows. */
  advance(limit: number): UpdateSegment[] {
    const bounded = changed.subarray(0, Math.min(limit, BATCH_SIZE));
    // The table, from its start, has all that happened before.
    if (this.untouched) this.#reader.skip();
    const { walks } = this;
    const count = walks ? this.#readTable(bounded) : this.#reader.read(bounded);
    const done = this.writeChanges(changed, count);
    if (done < count && walks) this.#walk -= count - done;
    else if (done < count) this.#reader.putBack(changed[done] as number);
    if (this.#walk >= this.rib.prefixes.idLimit) this.#endWalk();
    return this.writer.take();
  }

  /** Sees whether every byte that {@link advance} has given was sent, so that its room can be used again. */
  noteSent(): void {
    for (const { waiting } of this.#members) if (waiting) return;
    this.writer.reuse();
  }

  #readTable(target: Int32Array): number {
    const limit = this.rib.prefixes.idLimit;
    let count = 0;
    while (this.#walk < limit && count < target.length) target[count++] = this.#walk++;
    return count;
  }

  #endWalk(): void {
    this.#walk = -1;
    this.writer.setAudience(0, 0);
    if (this.#afterWalk === 'end-of-rib') this.writer.endOfRib();
    else if (this.#afterWalk) this.writer.addMessage(this.#afterWalk);
    this.#afterWalk = undefined;
    const again = this.#again;
    this.#again = undefined;
    if (again) this.#beginRefresh(again);
  }

  protected attributeBytes(attributes: number): number {
    const store = this.rib.attributes;
    return store.attributesEnd(attributes) - store.attributesStart(attributes);
  }

  protected isExported(attributes: number, source: number): boolean {
    if (this.rib.attributes.flags(attributes) & this.#withheld) return false;
    if (this.#keepsNextHop && !this.#canKeepNextHop(attributes)) return false;
    if (this.#external) return true;
    // RFC 4271 §9.2: what came from an internal peer is not passed on to internal peers. An imported path
    // has left the mesh of those peers, and never goes back there.
    const { kind, imported, clientOf } = this.rib.sources.get(source);
    if (kind !== SourceKind.ibgp || imported) return true;
    // RFC 4456 §6: a client's routes go to all, those of others to clients.
    const { reflection } = this.profile;
    return reflection !== undefined && (reflection.toClient || clientOf.includes(this.profile.family));
  }

  /** A label means something to the next hop alone that it came with: without that one the route is none. */
  #canKeepNextHop(attributes: number): boolean {
    const { nextHops } = this.rib.attributes;
    const id = this.rib.attributes.nextHop(attributes);
    if (id < 0) return false;
    const { address } = nextHops.get(id);
    if (address.version === 4) return true;
    return (
      !isLinkLocal(address) && (afiOf(this.profile.family) !== 1 || this.profile.labeledIpv6NextHop === true)
    );
  }

  /** The source if it is one of the members; else 0, so that messages for everyone stay together. */
  protected memberOrNone(source: number): number {
    return this.#memberSources.has(source) ? source : 0;
  }

  protected beginAnnouncements(attributes: number, source: number): void {
    // The message before still needs the scratch space that is about to be written.
    this.writer.finishMessage();
    const store = this.rib.attributes;
    const { kind, imported, routerId } = this.rib.sources.get(source);
    const local = kind === SourceKind.local;
    const reflected = !this.#external && kind === SourceKind.ibgp && !imported;
    const own = store.nextHop(attributes);
    // The next hop of an imported path is a tunnel endpoint: nothing that a peer in the VRF could use.
    const nextHop =
      this.profile.nextHopUnchanged && !imported && own >= 0
        ? this.#expressible(store.nextHops.get(own).address)
        : this.profile.selfNextHop;
    const inAttribute = this.#multiprotocol ? undefined : nextHop;
    const length = this.#exporter.write(
      attributes,
      attributeScratch,
      0,
      inAttribute,
      local,
      reflected ? routerId : -1,
    );
    this.writer.beginAnnouncements(attributeScratch, length, nextHop);
  }

  /**
   * NEXT_HOP holds IPv4 addresses only: an IPv6 next hop (RFC 8950) is replaced by ours there. So is a link-local one,
   * which says nothing on another link (RFC 2545 §2).
   */
  #expressible(nextHop: IpAddress): Uint8Array {
    const says = nextHop.version === 4 || (this.#multiprotocol && !isLinkLocal(nextHop));
    return says ? nextHop.bytes : this.profile.selfNextHop;
  }

  /** `extra`: of the path, or -1 for a withdrawal. */
  protected writeNlri(prefix: number, extra: number): boolean {
    if (this.profile.family === IPV4_UNICAST) {
      const keyLength = this.rib.prefixes.copyKey(prefix, keyScratch, 0);
      return this.writer.addRoute(keyScratch, keyLength);
    }
    return this.writer.addRoute(nlriScratch, this.#joinNlri(prefix, extra, 0));
  }

  /** {@link writeNlri} with a path identifier before it (RFC 7911 §3). */
  protected writeNlriOfPath(prefix: number, pathId: number, extra: number): boolean {
    nlriScratch[0] = pathId >>> 24;
    nlriScratch[1] = pathId >>> 16;
    nlriScratch[2] = pathId >>> 8;
    nlriScratch[3] = pathId;
    return this.writer.addRoute(nlriScratch, this.#joinNlri(prefix, extra, PATH_ID_BYTES));
  }

  #joinNlri(prefix: number, extra: number, at: number): number {
    const { rib } = this;
    const keyLength = rib.prefixes.copyKey(prefix, keyScratch, 0);
    const rest = extra > 0 ? rib.extras.bytes : nothing;
    const restStart = extra > 0 ? rib.extras.start(extra) : 0;
    const restEnd = extra > 0 ? rib.extras.end(extra) : 0;
    return joinNlri(rib.family, keyScratch, keyLength, rest, restStart, restEnd, nlriScratch, at);
  }
}

function withheldFacts({ peerType, onlyToCustomer, bilateral, longLived }: ExportProfile): number {
  return (
    AttributeFact.noAdvertise |
    (peerType === 'ebgp' ? AttributeFact.noExport : 0) |
    (bilateral ? AttributeFact.noPeer : 0) |
    (longLived ? 0 : AttributeFact.longLivedStale) |
    (onlyToCustomer?.blocks ? AttributeFact.onlyToCustomer : 0)
  );
}
