import type * as z from 'zod/mini';
import type { TreeMap, TreeScalar } from './document-tree.ts';
import type { ResourceReference } from './model.ts';
import type { NodeSelector } from './node-selector.ts';
import type { Schema } from './schema.ts';
import { underlaySpec } from './underlay-schema.ts';
import { l2vniSpec, l3passthroughSpec, l3vniSpec, l3vpnSpec, rawFrrConfigSpec } from './vni-schemas.ts';

/** API group of the current resources. */
export const CURRENT_GROUP = 'network.openperouter.io';

/** API group of the first resources; still in use, with old, current and mixed field names. */
export const FIRST_GROUP = 'openpe.openperouter.github.io';

/** The version of both groups. */
export const API_VERSION = 'v1alpha1';

/** Schemas of `spec` by kind. */
export const SPEC_SCHEMAS = {
  Underlay: underlaySpec,
  L3VNI: l3vniSpec,
  L2VNI: l2vniSpec,
  L3Passthrough: l3passthroughSpec,
  L3VPN: l3vpnSpec,
  RawFRRConfig: rawFrrConfigSpec,
} as const satisfies Record<string, Schema<{ readonly nodeSelector?: NodeSelector | undefined }>>;

/** A kind of resource that configures the router. */
export type ConfigurationKind = keyof typeof SPEC_SCHEMAS;

/** `spec` of a kind, as read. */
export type SpecOf<K extends ConfigurationKind> = z.output<(typeof SPEC_SCHEMAS)[K]>;

/** True for the kinds of {@link SPEC_SCHEMAS}. */
export function isConfigurationKind(kind: string): kind is ConfigurationKind {
  return Object.hasOwn(SPEC_SCHEMAS, kind);
}

/** Kinds of the same groups that report or install, but do not configure the router. */
export const OTHER_KINDS: ReadonlySet<string> = new Set([
  'RouterNodeConfigurationStatus',
  'UnderlayNodeStatus',
  'OpenPERouter',
]);

/** A resource as it stands in a file, not validated yet. */
export interface ResourceDocument {
  readonly kind: ConfigurationKind;
  readonly reference: ResourceReference;
  readonly namespace: string;
  /** `first`: fields may have the names of the first API, the current ones, or both. */
  readonly form: 'current' | 'first';
  readonly spec: TreeMap;
  /** Where the name stands; absent when the resource has none of its own. */
  readonly nameNode?: TreeScalar;
}
