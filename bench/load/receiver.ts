// Hot: counts while the clock runs. The bytes are read into one arena, where they stay for the check afterwards.

const HEADER_SIZE = 19;
const OPEN = 1;
const UPDATE = 2;
const NOTIFICATION = 3;
const KEEPALIVE = 4;
const MP_REACH = 14;
const MP_UNREACH = 15;

/** NLRI that a stretch of bytes holds: prefixes behind a length in bits, or EVPN routes behind type and length. */
export function countNlri(bytes: Uint8Array, at: number, end: number, evpn: boolean): number {
  let count = 0;
  while (at < end) {
    at += evpn ? 2 + (bytes[at + 1] as number) : 1 + (((bytes[at] as number) + 7) >> 3);
    count++;
  }
  return count;
}

/** A run of attributes in an UPDATE, and what a caller looks for in it. */
export class UpdateParts {
  withdrawnStart = 0;
  withdrawnEnd = 0;
  attributesStart = 0;
  attributesEnd = 0;
  nlriStart = 0;
  nlriEnd = 0;
  /** Where MP_REACH_NLRI starts, with flags, type and length. */
  reachHead = -1;
  /** Value of MP_REACH_NLRI, or -1. */
  reachStart = -1;
  reachEnd = -1;
  /** Where the routes start in MP_REACH_NLRI. */
  reachNlri = -1;
  /** Where the routes start in MP_UNREACH_NLRI, or -1. */
  unreachNlri = -1;
  unreachEnd = -1;
  /** Value of AS_PATH, or -1. */
  asPathStart = -1;

  /** Finds the parts of the UPDATE at `start`. */
  split(bytes: Uint8Array, start: number, end: number): void {
    this.withdrawnStart = start + HEADER_SIZE + 2;
    this.withdrawnEnd = this.withdrawnStart + u16(bytes, start + HEADER_SIZE);
    this.attributesStart = this.withdrawnEnd + 2;
    this.attributesEnd = this.attributesStart + u16(bytes, this.withdrawnEnd);
    this.nlriStart = this.attributesEnd;
    this.nlriEnd = end;
    this.reachStart = -1;
    this.unreachNlri = -1;
    this.asPathStart = -1;
    for (let at = this.attributesStart; at < this.attributesEnd; ) {
      const extended = ((bytes[at] as number) & 0x10) !== 0;
      const value = at + (extended ? 4 : 3);
      const next = value + (extended ? u16(bytes, at + 2) : (bytes[at + 2] as number));
      const code = bytes[at + 1];
      if (code === 2) this.asPathStart = value;
      else if (code === MP_REACH) {
        this.reachHead = at;
        this.reachStart = value;
        this.reachEnd = next;
        this.reachNlri = value + 5 + (bytes[value + 3] as number);
      } else if (code === MP_UNREACH) {
        this.unreachNlri = value + 3;
        this.unreachEnd = next;
      }
      at = next;
    }
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/**
 * What one speaker was sent. Announcements count only if `counted` says so of their second AS, which is the one of the
 * speaker that sent them.
 */
export class Receiver {
  readonly #arena: Buffer;
  readonly #evpn: boolean;
  readonly #parts = new UpdateParts();
  #start = 0;
  #isOver = false;
  #parsed = 0;
  #end = 0;
  /** Second AS of paths that count; undefined: all. */
  countedAs: number | undefined;
  announced = 0;
  withdrawn = 0;
  updates = 0;
  opens = 0;
  keepalives = 0;
  /** Called after each read. */
  onRead: () => void = () => {};

  /** `capacity`: the most bytes that may come in all. The memory is taken as it is used. */
  constructor(capacity: number, evpn: boolean) {
    this.#arena = Buffer.allocUnsafeSlow(capacity);
    this.#evpn = evpn;
  }

  /** All that came since the last {@link clear}. */
  get bytes(): Buffer {
    return this.#arena.subarray(this.#start, this.#parsed);
  }

  /** Where the next read goes. */
  room(size: number): Buffer {
    if (this.#end + size > this.#arena.length) throw new Error(`more than ${this.#arena.length} bytes came`);
    return this.#arena.subarray(this.#end, this.#end + size);
  }

  /** `size` bytes were read into the {@link room}. */
  received(size: number): void {
    this.#end += size;
    this.#count();
    this.onRead();
  }

  #count(): void {
    const bytes = this.#arena;
    let at = this.#parsed;
    while (at + HEADER_SIZE <= this.#end) {
      const next = at + u16(bytes, at + 16);
      if (next > this.#end) break;
      const type = bytes[at + 18];
      if (type === UPDATE) this.#countUpdate(bytes, at, next);
      else if (type === OPEN) this.opens++;
      else if (type === KEEPALIVE) this.keepalives++;
      else if (type === NOTIFICATION) this.#refuse(bytes.subarray(at + HEADER_SIZE, next));
      at = next;
    }
    this.#parsed = at;
  }

  /** The session is over: what comes now is a farewell. */
  ignoreRest(): void {
    this.#isOver = true;
  }

  #refuse(notification: Buffer): void {
    if (!this.#isOver) throw new Error(`the daemon sent NOTIFICATION ${notification.toString('hex')}`);
  }

  #countUpdate(bytes: Uint8Array, start: number, end: number): void {
    const parts = this.#parts;
    this.updates++;
    parts.split(bytes, start, end);
    if (parts.withdrawnStart < parts.withdrawnEnd) {
      this.withdrawn += countNlri(bytes, parts.withdrawnStart, parts.withdrawnEnd, false);
    }
    if (parts.unreachNlri >= 0) {
      this.withdrawn += countNlri(bytes, parts.unreachNlri, parts.unreachEnd, this.#evpn);
    }
    if (this.countedAs !== undefined && secondAs(bytes, parts.asPathStart) !== this.countedAs) return;
    if (parts.nlriStart < end) this.announced += countNlri(bytes, parts.nlriStart, end, false);
    if (parts.reachStart >= 0) {
      this.announced += countNlri(bytes, parts.reachNlri, parts.reachEnd, this.#evpn);
    }
  }

  /** Starts afresh behind the last whole message. Nothing is moved: the next read has its place already. */
  clear(): void {
    this.#start = this.#parsed;
    this.announced = 0;
    this.withdrawn = 0;
    this.updates = 0;
  }
}

/** The second AS of a path whose numbers have four octets; 0 without one. */
function secondAs(bytes: Uint8Array, path: number): number {
  if (path < 0 || (bytes[path + 1] as number) < 2) return 0;
  return ((u16(bytes, path + 6) << 16) | u16(bytes, path + 8)) >>> 0;
}
