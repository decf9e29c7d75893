import { describeNode, fieldOf, type TreeMap, type TreeNode, textField } from './document-tree.ts';
import { type FindingList, ResourceReporter } from './findings.ts';
import { nearestName } from './nearest-name.ts';
import type { ConfigurationKind, ResourceDocument } from './resource-kinds.ts';

/** Fields of OpenPERouter's `openpe_*.yaml` files: lists of `spec`s by kind. */
const STATIC_LISTS: ReadonlyMap<string, ConfigurationKind> = new Map([
  ['underlays', 'Underlay'],
  ['l3vnis', 'L3VNI'],
  ['l2vnis', 'L2VNI'],
  ['l3vpns', 'L3VPN'],
  ['rawfrrconfigs', 'RawFRRConfig'],
]);

/** The one field of the static files that holds a single `spec`. */
const PASSTHROUGH_FIELD = 'bgppassthrough';

const STATIC_FIELDS: readonly string[] = [...STATIC_LISTS.keys(), PASSTHROUGH_FIELD];
const NODE_CONFIG_FIELDS: readonly string[] = ['nodeIndex', 'nodeName', 'logLevel'];

/** True for the content of a `node-config.yaml`. */
export function isNodeConfig(root: TreeMap): boolean {
  return NODE_CONFIG_FIELDS.some((field) => root.entries.has(field));
}

/** True for the content of an `openpe_*.yaml`, also when a name in it is misspelt. */
export function isStaticConfig(root: TreeMap): boolean {
  return [...root.entries.keys()].some((field) => nearestName(field, STATIC_FIELDS) !== undefined);
}

/** The resources of a static file; entries without a name are numbered as OpenPERouter does. */
export function readStaticConfig(root: TreeMap, findings: FindingList): ResourceDocument[] {
  const resources: ResourceDocument[] = [];
  for (const [field, { keyLocation, value }] of root.entries) {
    const known = STATIC_FIELDS.find((name) => name === field.toLowerCase());
    const kind = STATIC_LISTS.get(known ?? '');
    if (value.kind === 'scalar' && value.value === null && known !== undefined) continue;
    if (kind && value.kind === 'list') {
      value.items.forEach((entry, index) => {
        resources.push(...readEntry(entry, kind, `static-${kind.toLowerCase()}-${index}`, findings));
      });
    } else if (known === PASSTHROUGH_FIELD) {
      resources.push(...readEntry(value, 'L3Passthrough', 'static-l3passthrough', findings));
    } else {
      const near = nearestName(field, STATIC_FIELDS);
      const unknown = `unknown field ${field}: ${near ? `did you mean ${near}?` : 'remove it'}`;
      findings.add({
        level: 'error',
        reason: 'ValidationFailed',
        location: kind ? value.location : keyLocation,
        field,
        found: kind ? describeNode(value) : field,
        allowed: kind ? `a list of ${kind} entries` : STATIC_FIELDS.join(', '),
        message: kind ? `${field} is a list` : unknown,
      });
    }
  }
  return resources;
}

/** An entry is a `spec` with a `name` beside its fields, or a mapping of `name` and `spec`. */
function readEntry(
  entry: TreeNode,
  kind: ConfigurationKind,
  numberedName: string,
  findings: FindingList,
): ResourceDocument[] {
  const name = textField(entry, 'name');
  const reference = { kind, name: name ?? numberedName, location: entry.location };
  const inner = fieldOf(entry, 'spec');
  const spec = inner ?? entry;
  if (entry.kind !== 'map' || spec.kind !== 'map') {
    const message = `an ${kind} entry is a mapping`;
    new ResourceReporter(findings, reference).violation(spec, { message, allowed: 'the fields of its spec' });
    return [];
  }
  const nameNode = fieldOf(entry, 'name');
  const fields = [...spec.entries].filter(([field]) => inner !== undefined || field !== 'name');
  const strangers = inner ? [...entry.entries].filter(([field]) => field !== 'name' && field !== 'spec') : [];
  // Fields beside `spec` would be lost: kept in it, the schema reports or reads them.
  const entries = new Map([...fields, ...strangers]);
  return [
    {
      kind,
      reference,
      namespace: '',
      form: 'first',
      spec: { ...spec, entries },
      ...(nameNode?.kind === 'scalar' && { nameNode }),
    },
  ];
}
