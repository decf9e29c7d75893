import type { PathAttributes } from '../../../../bgp/wire/attribute-types.ts';
import type { WireContext } from '../../../../bgp/wire/context.ts';
import { type Family, familyName, IPV4_UNICAST } from '../../../../bgp/wire/family.ts';
import type { MpNextHop } from '../../../../bgp/wire/mp-reach.ts';
import { decodeNlri, encodeNlri, type NlriKind, type NlriRoute } from '../../../../bgp/wire/nlri.ts';
import { decodeUpdate } from '../../../../bgp/wire/update.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import { toHex } from '../../../../net/hex.ts';

/** A route as a peer has it. */
export interface ReceivedRoute {
  readonly route: NlriRoute;
  readonly attributes: PathAttributes;
  readonly nextHop: MpNextHop | undefined;
}

/** What tells a route from all others: for EVPN without what RFC 7432 keeps out of the key; with its path identifier, if any. */
export function routeKey(route: NlriRoute): string {
  const neutral =
    route.kind === 'evpn' && route.routeType === 5
      ? {
          ...route,
          esi: new Uint8Array(10),
          gateway: { ...route.gateway, bytes: new Uint8Array(route.gateway.bytes.length) },
          label: 0,
        }
      : route.kind === 'evpn' && route.routeType === 2
        ? { ...route, esi: new Uint8Array(10), label: 0, label2: 0 }
        : route.kind === 'evpn' && route.routeType === 1
          ? { ...route, label: 0 }
          : route.kind === 'vpn' || route.kind === 'labeled'
            ? { ...route, labels: [] }
            : route;
  const writer = new ByteWriter();
  encodeNlri(writer, neutral, false);
  const pathId = route.pathId === undefined ? '' : ` path ${route.pathId}`;
  return `${familyName(route.family)} ${toHex(writer.bytes())}${pathId}`;
}

/** The messages back to back in `bytes`: their types and places. */
export function* splitMessages(bytes: Uint8Array): Iterable<{ type: number; start: number; end: number }> {
  for (let start = 0; start < bytes.length; ) {
    const size = ((bytes[start + 16] ?? 0) << 8) | (bytes[start + 17] ?? 0);
    if (size < 19 || start + size > bytes.length) throw new Error(`message of ${size} octets at ${start}`);
    for (let i = 0; i < 16; i++) if (bytes[start + i] !== 0xff) throw new Error(`no marker at ${start}`);
    yield { type: bytes[start + 18] ?? 0, start, end: start + size };
    start += size;
  }
}

/** Applies what a peer is sent, as that peer would: UPDATEs, End-of-RIB, and enhanced route refresh (RFC 7313). */
export class ReceivedRoutes {
  readonly routes = new Map<string, ReceivedRoute>();
  /** How often End-of-RIB came, by family. */
  readonly endOfRib = new Map<Family, number>();
  /** Completed enhanced refreshes. */
  refreshes = 0;
  /** Sizes of all UPDATEs. */
  readonly sizes: number[] = [];
  withdrawals = 0;
  announcements = 0;
  readonly #context: WireContext;
  readonly #stale = new Map<Family, Set<string>>();

  constructor(context: WireContext) {
    this.#context = context;
  }

  apply(bytes: Uint8Array): void {
    for (const { type, start, end } of splitMessages(bytes)) {
      if (type === 5) this.#refresh(bytes, start);
      else if (type === 2) this.#update(bytes, start, end);
      else throw new Error(`message of type ${type}`);
    }
  }

  #refresh(bytes: Uint8Array, start: number): void {
    const family =
      (((bytes[start + 19] ?? 0) << 8) | (bytes[start + 20] ?? 0)) * 256 + (bytes[start + 22] ?? 0);
    const subtype = bytes[start + 21];
    if (subtype === 1) {
      if (this.#stale.has(family)) throw new Error('a refresh began inside another');
      if (!this.endOfRib.has(family)) throw new Error('a refresh began before End-of-RIB');
      const known = [...this.routes].filter(([, { route }]) => route.family === family);
      this.#stale.set(family, new Set(known.map(([key]) => key)));
    } else if (subtype === 2) {
      const stale = this.#stale.get(family);
      if (!stale) throw new Error('a refresh ended that had not begun');
      for (const key of stale) this.routes.delete(key);
      this.#stale.delete(family);
      this.refreshes++;
    } else throw new Error(`route refresh of subtype ${subtype}`);
  }

  /** True while a refresh has begun and not ended. */
  get refreshing(): boolean {
    return this.#stale.size > 0;
  }

  #update(bytes: Uint8Array, start: number, end: number): void {
    const update = decodeUpdate(bytes, start, end, this.#context);
    if (update.outcome !== 'ok') throw new Error(`UPDATE with errors: ${JSON.stringify(update.errors)}`);
    this.sizes.push(end - start);
    if (update.endOfRib !== undefined) {
      this.endOfRib.set(update.endOfRib, (this.endOfRib.get(update.endOfRib) ?? 0) + 1);
    }
    for (const { routes } of update.withdrawn) {
      for (const route of routes) {
        this.withdrawals++;
        this.routes.delete(routeKey(route));
        this.#stale.get(route.family)?.delete(routeKey(route));
      }
    }
    for (const { routes, nextHop, family } of update.announced) {
      const { attributes } = update;
      const hop = family === IPV4_UNICAST && attributes.nextHop ? { address: attributes.nextHop } : nextHop;
      for (const route of routes) {
        this.announcements++;
        this.routes.set(routeKey(route), { route, attributes, nextHop: hop });
        this.#stale.get(route.family)?.delete(routeKey(route));
      }
    }
  }
}

/** The one route of an NLRI. */
export function routeOfNlri(
  family: Family,
  bytes: Uint8Array,
  kind: NlriKind = 'announced',
): NlriRoute | undefined {
  return decodeNlri(family, bytes, 0, bytes.length, false, kind).routes[0];
}
