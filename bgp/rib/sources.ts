import { compareBytes, type IpAddress } from '../../net/address.ts';
import type { Family } from '../wire/family.ts';

/** How a source stands to this router, in the words of RFC 4271 §9.1.2.2. */
export const SourceKind = { local: 0, ebgp: 1, ibgp: 2 } as const;
export type SourceKind = (typeof SourceKind)[keyof typeof SourceKind];

/** Whatever puts paths into RIBs: an established session, this router itself, or an importer. */
export interface RouteSource {
  /** Small number, unique while the source exists; 16 bits at most. */
  readonly id: number;
  /** Unlike {@link id} of no other source ever. */
  readonly serial: number;
  readonly name: string;
  readonly kind: SourceKind;
  /** The paths were imported from another RIB: they are never exported back there. */
  readonly imported: boolean;
  /** BGP identifier of the peer, unsigned; 0 for this router. */
  readonly routerId: number;
  /** Address of the peer, for the last tie break. */
  readonly address: IpAddress | undefined;
  /** Families whose routes are reflected for this peer: it is a client there (RFC 4456). */
  readonly clientOf: readonly Family[];
}

const MOST_SOURCES = 0xffff;

/** Gives numbers to sources, so that paths refer to them in a column. Id 0 is never given. */
export class SourceRegistry {
  readonly #sources: (RouteSource | undefined)[] = [undefined];
  readonly #free: number[] = [];
  #lastSerial = 0;

  /** Sources that are registered. */
  get size(): number {
    return this.#sources.length - 1 - this.#free.length;
  }

  /** Registers a source, by default no client. Throws RangeError when 65,534 are registered already. */
  add(
    source: Omit<RouteSource, 'id' | 'serial' | 'clientOf'> & Partial<Pick<RouteSource, 'clientOf'>>,
  ): RouteSource {
    const id = this.#free.pop() ?? this.#sources.length;
    if (id >= MOST_SOURCES) throw new RangeError('there are too many route sources');
    const { name, kind, imported, routerId, address, clientOf = [] } = source;
    const serial = ++this.#lastSerial;
    const added = { id, serial, name, kind, imported, routerId, address, clientOf };
    this.#sources[id] = added;
    return added;
  }

  /** The source of an id in use. */
  get(id: number): RouteSource {
    const source = this.#sources[id];
    if (source === undefined) throw new RangeError(`there is no route source ${id}`);
    return source;
  }

  /** Forgets a source that has no path in any RIB any more; its id will be given to another one. */
  remove(source: RouteSource): void {
    if (this.#sources[source.id] !== source) return;
    this.#sources[source.id] = undefined;
    this.#free.push(source.id);
  }
}

/**
 * Orders sources by peer address (RFC 4271 §9.1.2.2 g); those without one come first. On two interfaces there may be the
 * same link-local address: their names decide then.
 */
export function comparePeerAddress(a: RouteSource, b: RouteSource): number {
  if (!a.address || !b.address) return Number(!!a.address) - Number(!!b.address);
  const order = compareBytes(a.address.bytes, b.address.bytes);
  if (order !== 0 || a.name === b.name) return order;
  return a.name < b.name ? -1 : 1;
}
