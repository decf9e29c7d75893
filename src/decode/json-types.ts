/** A route in `decode --json`; which members it has depends on its family and route type. */
export interface RouteJson {
  readonly family: string;
  readonly path_id?: number;
  readonly prefix?: string;
  readonly labels?: readonly number[];
  readonly rd?: string;
  readonly route_type?: number;
  readonly esi?: string;
  readonly ethernet_tag?: number;
  readonly mac?: string;
  readonly ip?: string | null;
  readonly originating_router?: string;
  readonly gateway?: string;
  readonly vni?: number;
  readonly vni2?: number;
  readonly raw?: string;
  readonly next_hop?: string;
  readonly next_hop_link_local?: string;
}

/** AGGREGATOR or AS4_AGGREGATOR. */
export interface AggregatorJson {
  readonly asn: number;
  readonly address: string;
}

/** Path attributes; absent ones are left out. */
export interface AttributesJson {
  origin?: string;
  as_path?: string;
  med?: number;
  local_pref?: number;
  atomic_aggregate?: true;
  aggregator?: AggregatorJson;
  communities?: readonly string[];
  originator_id?: string;
  cluster_list?: readonly string[];
  extended_communities?: readonly string[];
  extended_communities_raw?: readonly string[];
  as4_path?: string;
  as4_aggregator?: AggregatorJson;
  pmsi?: {
    readonly flags: number;
    readonly tunnel_type: number;
    readonly vni: number;
    readonly endpoint?: string;
    readonly tunnel_id?: string;
  };
  ipv6_extended_communities_raw?: readonly string[];
  aigp?: number;
  large_communities?: readonly string[];
  other?: readonly { readonly code: number; readonly flags: number; readonly value: string }[];
}

/** The content of an UPDATE. */
export interface UpdateJson {
  withdrawn: readonly RouteJson[];
  announced: readonly RouteJson[];
  attributes: AttributesJson;
  attribute_codes: readonly number[];
  end_of_rib?: string;
  unknown_nlri?: readonly { readonly family: string; readonly kind: 'announced' | 'withdrawn' }[];
}

/** One line of `decode --json`. */
export interface MessageJson {
  readonly src?: string;
  readonly dst?: string;
  readonly type: string | null;
  readonly outcome: string;
  readonly error?: { readonly code: number; readonly subcode: number; readonly message: string };
  readonly discarded_attributes?: readonly number[];
  readonly open?: {
    readonly version: number;
    readonly asn: number;
    readonly my_as: number;
    readonly hold_time: number;
    readonly router_id: string;
    readonly capabilities: readonly CapabilityJson[];
  };
  readonly update?: UpdateJson;
  readonly notification?: {
    readonly code: number;
    readonly subcode: number;
    readonly data: string;
    readonly message: string;
  };
  readonly route_refresh?: { readonly family: string; readonly subtype: number };
}

/** A capability by its code; which members it has depends on the code. */
export interface CapabilityJson {
  readonly code: number;
  readonly [member: string]: unknown;
}
