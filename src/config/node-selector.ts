import * as z from 'zod/mini';
import { labels, list, object, text } from './schema.ts';

const requirement = object(
  {
    key: text(),
    operator: text(),
    values: z.optional(list(text())),
  },
  [
    {
      name: 'operator and values agree',
      check: ({ operator, values = [] }) => {
        const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'];
        if (!operators.includes(operator)) {
          const message = `${operator} is not an operator`;
          return { field: 'operator', message, allowed: operators.join(', ') };
        }
        const needsValues = operator === 'In' || operator === 'NotIn';
        if (needsValues === values.length > 0) return undefined;
        const message = needsValues ? `${operator} needs values` : `${operator} takes no values`;
        return { field: 'values', message, allowed: needsValues ? 'at least one value' : 'no values' };
      },
    },
  ],
);

/** Kubernetes' label selector. */
export const nodeSelector = object({
  matchExpressions: z.optional(list(requirement)),
  matchLabels: z.optional(labels),
});

/** A label selector as read. */
export type NodeSelector = z.output<typeof nodeSelector>;

/** True when the selector asks for nothing, and so matches every node. */
export function selectsAll(selector: NodeSelector | undefined): boolean {
  return !selector?.matchExpressions?.length && Object.keys(selector?.matchLabels ?? {}).length === 0;
}

/** True when labels satisfy every requirement. As in Kubernetes, NotIn holds for a label that is absent. */
export function selectorMatches(selector: NodeSelector, nodeLabels: ReadonlyMap<string, string>): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}))
    if (nodeLabels.get(key) !== value) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = nodeLabels.get(key);
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    const listed = value !== undefined && values.includes(value);
    return operator === 'In' ? listed : !listed;
  });
}
