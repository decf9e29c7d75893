import {
  AttributeKind,
  AttributeStore,
  IDENTITY_HEADER_SIZE,
  writeIdentityHeader,
} from '../../../../bgp/rib/attribute-store.ts';
import { BytePrefixTable, Ipv4PrefixTable } from '../../../../bgp/rib/prefix-table.ts';
import { Rib } from '../../../../bgp/rib/rib.ts';
import { type RouteSource, SourceKind, SourceRegistry } from '../../../../bgp/rib/sources.ts';
import { NO_ATTRIBUTES, type PathAttributes } from '../../../../bgp/wire/attribute-types.ts';
import { type Family, IPV4_UNICAST } from '../../../../bgp/wire/family.ts';
import { encodePathAttributes } from '../../../../bgp/wire/path-attributes.ts';
import { ByteWriter } from '../../../../net/byte-writer.ts';
import { parsePrefix } from '../../../../net/prefix.ts';
import { addressOf } from './speaker-bench.ts';

/** Interns attributes as the store keeps them; `nextHop` as text. */
export function internAttributes(
  store: AttributeStore,
  changes: Partial<PathAttributes>,
  { kind = AttributeKind.ebgp, nextHop }: { kind?: AttributeKind; nextHop?: string } = {},
): number {
  const bytes = nextHop === undefined ? undefined : addressOf(nextHop).bytes;
  const id = bytes ? store.nextHops.intern(bytes, 0, bytes.length) : -1;
  return internWithNextHop(store, id, changes, kind);
}

/** The same with the id of a next hop. */
export function internWithNextHop(
  store: AttributeStore,
  nextHop: number,
  changes: Partial<PathAttributes> = {},
  kind: AttributeKind = AttributeKind.ebgp,
): number {
  const writer = new ByteWriter();
  const attributes = { ...NO_ATTRIBUTES, origin: 0 as const, asPath: [], ...changes, nextHop: undefined };
  encodePathAttributes(writer, attributes, { fourOctetAs: true });
  const identity = new Uint8Array(IDENTITY_HEADER_SIZE + writer.length);
  writeIdentityHeader(identity, 0, kind, nextHop);
  identity.set(writer.bytes(), IDENTITY_HEADER_SIZE);
  return store.intern(identity, 0, identity.length);
}

/** The key of a unicast prefix. */
export function unicastKey(text: string): Uint8Array {
  const prefix = parsePrefix(text);
  if (!prefix) throw new Error(`${text} is no prefix`);
  return Uint8Array.of(prefix.length, ...prefix.address.bytes.subarray(0, (prefix.length + 7) >> 3));
}

/** A RIB with its store and registry, and short ways to fill it. */
export class RibBench {
  readonly attributes = new AttributeStore();
  readonly sources = new SourceRegistry();
  readonly rib: Rib;
  seconds = 0;

  constructor(family: Family = IPV4_UNICAST, multipath = false) {
    this.rib = new Rib({
      name: 'test',
      family,
      prefixes: family === IPV4_UNICAST ? new Ipv4PrefixTable() : new BytePrefixTable(),
      attributes: this.attributes,
      sources: this.sources,
      multipath,
      time: this,
    });
  }

  source(
    name: string,
    kind: SourceKind = SourceKind.ebgp,
    address = '198.51.100.1',
    routerId = 1,
  ): RouteSource {
    return this.sources.add({ name, kind, imported: false, routerId, address: addressOf(address) });
  }

  prefix(text: string): number {
    const key = unicastKey(text);
    return this.rib.prefixes.findOrAdd(key, 0, key.length);
  }

  announce(text: string, source: RouteSource, attributes: number, pathId = 0): number {
    const prefix = this.prefix(text);
    this.rib.announce(prefix, source.id, pathId, attributes, 0);
    return prefix;
  }

  withdraw(text: string, source: RouteSource, pathId = 0): boolean {
    const key = unicastKey(text);
    const prefix = this.rib.prefixes.find(key, 0, key.length);
    return prefix >= 0 && this.rib.withdraw(prefix, source.id, pathId);
  }
}
