import type { AttributeStore } from './rib/attribute-store.ts';
import { BytePrefixTable, Ipv4PrefixTable } from './rib/prefix-table.ts';
import { Rib, type RibTime } from './rib/rib.ts';
import type { RouteSource, SourceRegistry } from './rib/sources.ts';
import { UpdateGroup } from './rib/update-group.ts';
import type { ExportProfile } from './rib/update-stream.ts';
import { type Family, familyName, IPV4_UNICAST, isUnicast } from './wire/family.ts';

/** What the routing instances of one speaker share. */
export interface InstanceContext {
  readonly attributes: AttributeStore;
  readonly sources: SourceRegistry;
  readonly time: RibTime;
  /** A group was made or dropped. */
  readonly groupsChanged: () => void;
}

/** Name of the instance that is no VRF. */
export const DEFAULT_INSTANCE = 'default';

/** A set of RIBs that belong together: the default one, or a VRF. */
export class RoutingInstance {
  readonly name: string;
  readonly ribs: ReadonlyMap<Family, Rib>;
  /** This router as a source of routes of the instance. */
  readonly localSource: RouteSource;
  readonly #groups: UpdateGroup[] = [];
  readonly #context: InstanceContext;

  /** `multipath`: keep what traffic may be spread over, for a forwarding table: unicast families. */
  constructor(name: string, families: readonly Family[], multipath: boolean, context: InstanceContext) {
    this.name = name;
    this.#context = context;
    this.localSource = context.sources.add({
      name: `${name}/local`,
      kind: 0,
      imported: false,
      routerId: 0,
      address: undefined,
    });
    this.ribs = new Map(
      families.map((family) => [
        family,
        new Rib({
          name: `${name}/${familyName(family)}`,
          family,
          prefixes: family === IPV4_UNICAST ? new Ipv4PrefixTable() : new BytePrefixTable(),
          attributes: context.attributes,
          sources: context.sources,
          multipath: multipath && isUnicast(family),
          time: context.time,
        }),
      ]),
    );
  }

  get groups(): readonly UpdateGroup[] {
    return this.#groups;
  }

  /** The update group of a family with this profile; made if there is none yet. */
  group(rib: Rib, profile: ExportProfile): UpdateGroup {
    const key = profileKey(profile);
    const known = this.#groups.find((group) => group.rib === rib && profileKey(group.profile) === key);
    if (known) return known;
    const group = new UpdateGroup(rib, profile);
    this.#groups.push(group);
    this.#context.groupsChanged();
    return group;
  }

  /** Forgets a group that has no member any more. */
  dropIfEmpty(group: UpdateGroup): void {
    const index = this.#groups.indexOf(group);
    if (index < 0 || group.memberCount > 0) return;
    this.#groups.splice(index, 1);
    this.#context.groupsChanged();
  }

  /** Gives back the local source; the RIBs must have been emptied. */
  close(): void {
    this.#context.sources.remove(this.localSource);
  }
}

function profileKey(profile: ExportProfile): string {
  const {
    family,
    peerType,
    localAs,
    fourOctetAs,
    maxMessageSize,
    selfNextHop,
    nextHopUnchanged,
    reflection,
    labeledIpv6NextHop,
    bilateral,
    longLived,
    addPath,
    onlyToCustomer,
  } = profile;
  return [
    family,
    peerType,
    localAs,
    fourOctetAs,
    maxMessageSize,
    selfNextHop.join('.'),
    nextHopUnchanged,
    reflection?.clusterId,
    reflection?.toClient,
    labeledIpv6NextHop,
    bilateral,
    longLived,
    addPath?.most,
    onlyToCustomer?.adds,
    onlyToCustomer?.blocks,
  ].join();
}
