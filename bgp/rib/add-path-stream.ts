// Hot: runs once per path of a changed prefix and stream. Columns only; nothing is allocated per path.
import { growInt32 } from './columns.ts';
import { PathSelection } from './path-selection.ts';
import type { Rib } from './rib.ts';
import { ToldPaths } from './told-paths.ts';
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
/** By entry of the batch. */
const batchRow = new Int32Array(BATCH_SIZE);
/** By row: the entry that says what was told of it plus one, for the prefix that is looked at; else 0. */
let entryOfRow = new Int32Array(16);

/**
 * Tells several paths of each prefix, each with an identifier (RFC 7911): the place of the path in the RIB plus one.
 * That is the path's own for as long as it lives. When the place is given to another path of the same prefix, the old
 * path is withdrawn first: a peer may refuse the new one (a loop), and GoBGP 3 then keeps what it would have replaced
 * (https://github.com/osrg/gobgp/issues/2832).
 */
export class AddPathStream extends UpdateStream {
  readonly #told: ToldPaths;
  readonly #selection: PathSelection;
  readonly #most: number;
  /** Of the batch under way: its announcements, and the bytes of attributes since the turn began. */
  #announcements = 0;
  #turnBytes = 0;
  /** Of some attributes of the turn few routes fit into a message. */
  #fewFit = false;
  /** Prefix and row of paths that no message of the turn could hold; there hardly ever is one. */
  readonly #givenUp: [prefix: number, row: number][] = [];
  /** For whom the withdrawals that are being written are not, or -1 when none are. */
  #withdrawnFor = -1;

  constructor(rib: Rib, profile: ExportProfile, members: readonly GroupMember[], from?: AddPathStream) {
    super(rib, profile, members, rib.keepPathChanges(), from);
    this.#told = new ToldPaths(rib, from ? from.#told : undefined);
    this.#selection = new PathSelection(rib);
    this.#most = profile.addPath?.most ?? 1;
  }

  protected override fork(members: readonly GroupMember[]): AddPathStream {
    return new AddPathStream(this.rib, this.profile, members, this);
  }

  override close(): void {
    super.close();
    this.#told.close();
  }

  protected override wasTold(prefix: number): boolean {
    return this.#told.first(prefix) >= 0;
  }

  protected override get advertisedCount(): number {
    return this.#told.size;
  }

  override advertisedTo(sourceId: number): number {
    return this.#told.size - this.#told.countOf(sourceId);
  }

  protected override writeChanges(prefixes: Int32Array, count: number): number {
    this.#turnBytes = 0;
    this.#fewFit = false;
    let done = 0;
    while (done < count && this.#turnBytes < BATCH_BYTES) this.#writePrefix(prefixes[done++] as number);
    this.#writeAnnouncements();
    if (this.#givenUp.length > 0) this.#forgetGivenUp();
    return done;
  }

  #writePrefix(prefix: number): void {
    const told = this.#told;
    entryOfRow = growInt32(entryOfRow, this.rib.paths.idLimit);
    let next: number;
    for (let entry = told.first(prefix); entry >= 0; entry = next) {
      next = told.next(entry);
      if (told.isThere(entry)) entryOfRow[told.row(entry)] = entry + 1;
      else this.#takeBack(prefix, entry);
    }
    const first = told.first(prefix);
    const count = this.#selection.select(prefix, this.#most);
    for (let i = 0; i < count; i++) this.#tellPath(prefix, this.#selection.path(i));
    for (let entry = first; entry >= 0; entry = next) {
      next = told.next(entry);
      const row = told.row(entry);
      if (entryOfRow[row] !== 0) this.#takeBack(prefix, entry);
      entryOfRow[row] = 0;
    }
  }

  #tellPath(prefix: number, row: number): void {
    const { paths } = this.rib;
    const attributes = paths.attributes(row);
    const source = paths.source(row);
    if (!this.isExported(attributes, source)) return;
    const entry = (entryOfRow[row] as number) - 1;
    entryOfRow[row] = 0;
    if (entry < 0) this.#told.add(prefix, row);
    else if (!this.#told.isSame(entry)) this.#told.replace(entry);
    else if (!this.walks) return;
    this.#addToBatch(prefix, row, attributes, source, paths.extra(row));
  }

  #addToBatch(prefix: number, row: number, attributes: number, source: number, extra: number): void {
    if (this.#announcements === BATCH_SIZE) this.#writeAnnouncements();
    batchRow[this.#announcements++] = row;
    const isFirst = batch.add(prefix, attributes, source, extra);
    if (isFirst || this.#fewFit) this.#countBytes(attributes, isFirst);
  }

  /** Attributes are sent once for all their routes, unless few routes fit beside them into a message. */
  #countBytes(attributes: number, isFirst: boolean): void {
    const size = this.attributeBytes(attributes);
    const fills = size * 2 > this.profile.maxMessageSize;
    if (isFirst || fills) this.#turnBytes += size;
    this.#fewFit ||= fills;
  }

  #takeBack(prefix: number, entry: number): void {
    const except = this.memberOrNone(this.#told.source(entry));
    if (except !== this.#withdrawnFor) {
      this.#withdrawnFor = except;
      this.writer.setAudience(except, 0);
      this.writer.beginWithdrawals();
    }
    this.writeNlriOfPath(prefix, this.#told.row(entry) + 1, -1);
    this.#told.remove(prefix, entry);
  }

  #writeAnnouncements(): void {
    this.#withdrawnFor = -1;
    for (let bucket = 0; bucket < batch.buckets; bucket++) {
      const except = this.memberOrNone(batch.source(bucket));
      if (except !== 0 && this.members.length === 1) continue;
      this.writer.setAudience(except, 0);
      this.beginAnnouncements(batch.attributes(bucket), batch.source(bucket));
      for (let entry = batch.firstEntry(bucket); entry >= 0; entry = batch.nextEntry(entry)) {
        const row = batchRow[entry] as number;
        if (this.writeNlriOfPath(batch.prefix(entry), row + 1, batch.extra(entry))) continue;
        this.#giveUp(batch.prefix(entry), row);
        this.beginAnnouncements(batch.attributes(bucket), batch.source(bucket));
      }
    }
    batch.clear();
    this.#announcements = 0;
  }

  /** The attributes leave no room for the route in a message of this peer: it must not keep what was told before. */
  #giveUp(prefix: number, row: number): void {
    this.writer.beginWithdrawals();
    this.writeNlriOfPath(prefix, row + 1, -1);
    this.#givenUp.push([prefix, row]);
  }

  /** Not before all prefixes are written: one of them may be half gone through when a batch is full. */
  #forgetGivenUp(): void {
    for (const [prefix, row] of this.#givenUp) {
      const entry = this.#told.find(prefix, row);
      if (entry >= 0) this.#told.remove(prefix, entry);
    }
    this.#givenUp.length = 0;
  }
}
