import * as z from 'zod/mini';
import { integer, list, object, type Rule } from './schema.ts';

/*
 * Properties of neighbors and of their address families: unions of OpenPERouter's form, `type` and a field of that name.
 * OpenPERouter knows `ebgpMultiHop` and `routeReflectorClient`; all others are ours.
 */

/** Rule of such a union: the field with settings goes with its type. */
function settingsGoWithType<T extends { readonly type: string }>(
  names: readonly (Exclude<keyof T, 'type'> & string)[],
): Rule<T> {
  return {
    name: 'settings go with their type',
    check: (property) => {
      const field = names.find((name) => property[name] !== undefined && property.type !== name);
      if (field === undefined) return undefined;
      return { field, message: `${field} is only for type ${field}, not ${property.type}` };
    },
  };
}

const neighborProperty = object(
  {
    ebgpMultiHop: z.optional(object({ ttl: z.optional(integer({ minimum: 1, maximum: 255 })) })),
    gtsm: z.optional(object({ hops: z.optional(integer({ minimum: 1, maximum: 254 })) })),
    role: z.optional(
      object({
        local: z.enum(['Provider', 'Customer', 'Peer', 'RouteServer', 'RouteServerClient']),
        strict: z.prefault(z.boolean(), false),
      }),
    ),
    type: z.enum(['ebgpMultiHop', 'gtsm', 'role']),
  },
  [
    settingsGoWithType(['ebgpMultiHop', 'gtsm', 'role']),
    {
      name: 'role has settings',
      check: ({ type, role }) =>
        type === 'role' && !role ? { field: 'role', message: 'type role needs role' } : undefined,
    },
  ],
);

/** `properties` of a neighbor. */
export const neighborProperties = list(neighborProperty, { maxItems: 8, uniqueBy: 'type' }, [
  {
    name: 'not both ebgpMultiHop and gtsm',
    check: (properties) => {
      const index = properties.findIndex(({ type }) => type === 'gtsm');
      if (index < 0 || !properties.some(({ type }) => type === 'ebgpMultiHop')) return undefined;
      return {
        field: `[${index}].type`,
        message: 'ebgpMultiHop and gtsm cannot be given together: gtsm sends with the largest time-to-live',
        allowed: 'one of the two; hops of gtsm says how far away the neighbor may be',
      };
    },
  },
]);

const maximumPrefixes = object(
  {
    action: z.prefault(z.enum(['Stop', 'Restart', 'Warn']), 'Stop'),
    limit: integer({ minimum: 1, maximum: 4294967295 }),
    restartSeconds: z.optional(integer({ minimum: 1, maximum: 65535 })),
    warnPercent: z.prefault(integer({ minimum: 1, maximum: 100 }), 75),
  },
  [
    {
      name: 'restartSeconds goes with action Restart',
      check: ({ action, restartSeconds }) =>
        (restartSeconds !== undefined) === (action === 'Restart')
          ? undefined
          : {
              field: restartSeconds === undefined ? 'restartSeconds' : 'action',
              message:
                restartSeconds === undefined
                  ? 'action Restart needs restartSeconds'
                  : `restartSeconds is only for action Restart, not ${action}`,
            },
    },
  ],
);

/** Several paths of a route are sent (RFC 7911). */
const addPath = object(
  {
    send: z.enum(['All', 'Best']),
    paths: z.optional(integer({ minimum: 2, maximum: 16 })),
  },
  [
    {
      name: 'paths goes with send Best',
      check: ({ send, paths }) =>
        send === 'All' && paths !== undefined
          ? { field: 'paths', message: 'paths is only for send Best, not All' }
          : undefined,
    },
  ],
);

/** What is written of a limit. */
export type MaximumPrefixesSpec = z.output<typeof maximumPrefixes>;

const familyProperty = object(
  {
    addPath: z.optional(addPath),
    longLivedGracefulRestart: z.optional(
      object({ maxStaleTimeSeconds: z.optional(integer({ minimum: 1, maximum: 16777215 })) }),
    ),
    maximumPrefixes: z.optional(maximumPrefixes),
    type: z.enum(['routeReflectorClient', 'maximumPrefixes', 'addPath', 'longLivedGracefulRestart']),
  },
  [
    settingsGoWithType(['maximumPrefixes', 'addPath', 'longLivedGracefulRestart']),
    {
      name: 'types that need settings have them',
      check: (property) => {
        const { type } = property;
        if (type === 'routeReflectorClient' || type === 'longLivedGracefulRestart') return undefined;
        if (property[type]) return undefined;
        return { field: type, message: `type ${type} needs ${type}` };
      },
    },
  ],
);

/** `properties` of an address family of a neighbor. */
export const familyProperties = list(familyProperty, { maxItems: 8, uniqueBy: 'type' });
