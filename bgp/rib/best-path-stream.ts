// Hot: runs once per changed prefix and stream. Columns only; nothing is allocated per route.
import { growInt32, growUint16 } from './columns.ts';
import type { Rib } from './rib.ts';
import { UpdateBatch } from './update-batch.ts';
import {
  BATCH_BYTES,
  BATCH_SIZE,
  type ExportProfile,
  type GroupMember,
  UpdateStream,
} from './update-stream.ts';

// One turn of one stream is over before the next begins: all streams share the scratch space.
const batch = new UpdateBatch(BATCH_SIZE);
const withdrawn = new Int32Array(BATCH_SIZE);

/** Tells the best path of each prefix. */
export class BestPathStream extends UpdateStream {
  /** By prefix: the source whose path was advertised, 0 for none. That source alone was not told. */
  #advertised: Uint16Array<ArrayBuffer>;
  #advertisedBySource: Int32Array<ArrayBuffer>;
  #advertisedCount = 0;
  /** Of the turn under way: how many prefixes are withdrawn, and the bytes of attributes for the others. */
  #withdrawals = 0;
  #batchBytes = 0;
  /** Of some attributes of the turn few routes fit into a message. */
  #fewFit = false;

  constructor(rib: Rib, profile: ExportProfile, members: readonly GroupMember[], from?: BestPathStream) {
    super(rib, profile, members, rib.bestChanges, from);
    this.#advertised = from ? from.#advertised.slice() : new Uint16Array(64);
    this.#advertisedBySource = from ? from.#advertisedBySource.slice() : new Int32Array(16);
    this.#advertisedCount = from ? from.#advertisedCount : 0;
  }

  protected override fork(members: readonly GroupMember[]): BestPathStream {
    return new BestPathStream(this.rib, this.profile, members, this);
  }

  protected override wasTold(prefix: number): boolean {
    return (this.#advertised[prefix] ?? 0) !== 0;
  }

  protected override get advertisedCount(): number {
    return this.#advertisedCount;
  }

  override advertisedTo(sourceId: number): number {
    return this.#advertisedCount - (this.#advertisedBySource[sourceId] ?? 0);
  }

  /** Sorts changed prefixes into withdrawals and announcements, and writes both; returns how many were written. */
  protected override writeChanges(prefixes: Int32Array, count: number): number {
    batch.clear();
    this.#advertised = growUint16(this.#advertised, this.rib.prefixes.idLimit);
    this.#withdrawals = 0;
    this.#batchBytes = 0;
    this.#fewFit = false;
    let done = 0;
    while (done < count && this.#batchBytes < BATCH_BYTES) this.#sort(prefixes[done++] as number);
    this.#writeWithdrawals(this.#withdrawals);
    this.#writeAnnouncements();
    return done;
  }

  #sort(prefix: number): void {
    const { paths } = this.rib;
    const path = this.rib.best(prefix);
    const before = this.#advertised[prefix] as number;
    const attributes = path < 0 ? -1 : paths.attributes(path);
    const source = path < 0 ? 0 : paths.source(path);
    if (attributes < 0 || !this.isExported(attributes, source)) {
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
    const size = this.attributeBytes(attributes);
    const fills = size * 2 > this.profile.maxMessageSize;
    if (isFirst || fills) this.#batchBytes += size;
    this.#fewFit ||= fills;
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
    if (this.memberOrNone(source) === 0) return;
    this.writer.setAudience(0, source);
    this.writer.beginWithdrawals();
    this.writeNlri(prefix, -1);
  }

  #writeWithdrawals(count: number): void {
    let audience = -1;
    for (let i = 0; i < count; i++) {
      const prefix = withdrawn[i] as number;
      const before = this.#advertised[prefix] as number;
      if (before !== audience) {
        audience = before;
        this.writer.setAudience(this.memberOrNone(before), 0);
        this.writer.beginWithdrawals();
      }
      this.writeNlri(prefix, -1);
      this.#setAdvertised(prefix, before, 0);
    }
  }

  #writeAnnouncements(): void {
    for (let bucket = 0; bucket < batch.buckets; bucket++) {
      const except = this.memberOrNone(batch.source(bucket));
      if (except !== 0 && this.members.length === 1) continue;
      this.writer.setAudience(except, 0);
      this.beginAnnouncements(batch.attributes(bucket), batch.source(bucket));
      for (let entry = batch.firstEntry(bucket); entry >= 0; entry = batch.nextEntry(entry)) {
        if (this.writeNlri(batch.prefix(entry), batch.extra(entry))) continue;
        this.#giveUp(batch.prefix(entry));
        this.beginAnnouncements(batch.attributes(bucket), batch.source(bucket));
      }
    }
  }

  /** The attributes leave no room for the route in a message of this peer: it must not keep an older path. */
  #giveUp(prefix: number): void {
    this.writer.beginWithdrawals();
    this.writeNlri(prefix, -1);
    this.#setAdvertised(prefix, this.#advertised[prefix] as number, 0);
  }
}
