import {
  CARRIED_FAMILIES,
  type Family,
  familyName,
  IPV4_UNICAST,
  IPV6_UNICAST,
  L2VPN_EVPN,
} from '../../bgp/wire/family.ts';
import { parseAddress } from '../../net/address.ts';
import { hostPrefix, type IpPrefix, networkOf, parsePrefix } from '../../net/prefix.ts';
import type { RouteFilter } from './view.ts';

/** Media type of one JSON value per line. */
export const LINES_MEDIA_TYPE = 'application/x-ndjson';

/** What a request asks for. */
export type ApiRequest =
  | { readonly resource: 'status' | 'sessions' | 'vnis' | 'configuration' }
  | { readonly resource: 'routes'; readonly filter: RouteFilter }
  /** `seconds` until the sessions end. */
  | { readonly resource: 'drain'; readonly seconds: number }
  /** `peer`: name of a session. */
  | { readonly resource: 'clear'; readonly peer: string };

/** Names that a request may refer to. */
export interface KnownNames {
  vrfs(): readonly string[];
  /** Names of sessions. */
  peers(): readonly string[];
}

/** Why a request is refused; the body of the answer is `{"error": …}` with these fields but `status`. */
export interface ApiError {
  readonly status: 400 | 404 | 405 | 500;
  readonly reason: 'BadRequest' | 'InvalidParameter' | 'NotFound' | 'MethodNotAllowed' | 'InternalError';
  /** What is wrong, as a sentence. */
  readonly message: string;
  /** The query parameter it is about. */
  readonly parameter?: string;
  readonly found?: string;
  readonly allowed?: string;
}

/** A request, or why it is none. */
export type ParsedRequest =
  | { readonly ok: true; readonly request: ApiRequest }
  | { readonly ok: false; readonly error: ApiError };

/** Families that routes are kept of, by the names a user may give. */
const FAMILIES: ReadonlyMap<string, Family> = new Map([
  ...CARRIED_FAMILIES.map((family) => [familyName(family), family] as const),
  ['ipv4', IPV4_UNICAST],
  ['ipv6', IPV6_UNICAST],
  ['evpn', L2VPN_EVPN],
]);
/** What may be given as a family, for messages and help. */
export const FAMILY_WORDS: readonly string[] = [...FAMILIES.keys()];

const RESOURCES = ['status', 'sessions', 'routes', 'vnis', 'configuration'] as const;
const ACTIONS = ['drain', 'clear'] as const;
const PATHS = [...RESOURCES, ...ACTIONS].map((resource) => `/v1/${resource}`);
const LONGEST_QUOTED = 80;

/** Seconds that peers have to choose other paths, when none are given; and the most that may be given. */
export const DEFAULT_DRAIN_TIME = 30;
const LONGEST_DRAIN_TIME = 3600;

/** Understands method and target of an HTTP request; `names` are those that exist. */
export function parseApiRequest(method: string, target: string, names: KnownNames): ParsedRequest {
  const [path = '', query] = splitOnce(target, '?');
  const action = ACTIONS.find((name) => path === `/v1/${name}`);
  if (action) return parseAction(action, method, query ?? '', names);
  const resource = RESOURCES.find((name) => path === `/v1/${name}`);
  if (!resource) {
    const message = `there is no ${quoted(path)} in this API`;
    return refuse({ status: 404, reason: 'NotFound', message, allowed: PATHS.join(', ') });
  }
  if (method !== 'GET') {
    const message = `${path} can only be read, not asked with ${quoted(method)}`;
    return refuse({ status: 405, reason: 'MethodNotAllowed', message, allowed: 'GET' });
  }
  const parameters = readParameters(query ?? '', resource === 'routes' ? ['vrf', 'family', 'prefix'] : []);
  if (!parameters.ok) return parameters;
  if (resource !== 'routes') return { ok: true, request: { resource } };
  return parseRouteFilter(parameters.values, names.vrfs());
}

function parseAction(
  action: (typeof ACTIONS)[number],
  method: string,
  query: string,
  names: KnownNames,
): ParsedRequest {
  if (method !== 'POST') {
    const message = `/v1/${action} does something: it is not asked with ${quoted(method)}`;
    return refuse({ status: 405, reason: 'MethodNotAllowed', message, allowed: 'POST' });
  }
  const parameters = readParameters(query, [action === 'drain' ? 'seconds' : 'peer']);
  if (!parameters.ok) return parameters;
  return action === 'drain' ? parseDrain(parameters.values) : parseClear(parameters.values, names.peers());
}

function parseDrain(values: ReadonlyMap<string, string>): ParsedRequest {
  const text = values.get('seconds') ?? String(DEFAULT_DRAIN_TIME);
  const seconds = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds <= LONGEST_DRAIN_TIME) return { ok: true, request: { resource: 'drain', seconds } };
  return invalid('seconds', `${quoted(text)} is no time`, text, `0 to ${LONGEST_DRAIN_TIME}`);
}

function parseClear(values: ReadonlyMap<string, string>, peers: readonly string[]): ParsedRequest {
  const peer = values.get('peer') ?? '';
  if (peers.includes(peer)) return { ok: true, request: { resource: 'clear', peer } };
  return invalid('peer', `there is no session ${quoted(peer)}`, peer, peers.join(', '));
}

function refuse(error: ApiError): { readonly ok: false; readonly error: ApiError } {
  return { ok: false, error };
}

function invalid(parameter: string, message: string, found: string, allowed: string): ParsedRequest {
  const error = { status: 400, reason: 'InvalidParameter', message, parameter, allowed } as const;
  return refuse({ ...error, found: cut(found) });
}

function readParameters(
  query: string,
  allowed: readonly string[],
):
  | { readonly ok: true; readonly values: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly error: ApiError } {
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const known = allowed.includes(name);
    if (known && !values.has(name)) {
      values.set(name, value);
      continue;
    }
    const message = known ? `${name} is given twice` : `there is no parameter ${quoted(name)}`;
    const error = { status: 400, reason: 'InvalidParameter', message, parameter: cut(name) } as const;
    return refuse({ ...error, allowed: known ? `${name} once` : allowed.join(', ') || 'no parameters' });
  }
  return { ok: true, values };
}

function parseRouteFilter(values: ReadonlyMap<string, string>, vrfs: readonly string[]): ParsedRequest {
  const vrf = values.get('vrf');
  if (vrf !== undefined && !vrfs.includes(vrf)) {
    return invalid('vrf', `there is no VRF ${quoted(vrf)}`, vrf, vrfs.join(', '));
  }
  const familyText = values.get('family');
  const family = FAMILIES.get(familyText ?? '');
  if (familyText !== undefined && family === undefined) {
    const message = `no routes are kept of a family ${quoted(familyText)}`;
    return invalid('family', message, familyText, FAMILY_WORDS.join(', '));
  }
  const prefixText = values.get('prefix');
  const prefix = prefixText === undefined ? undefined : parsePrefixParameter(prefixText);
  if (prefixText !== undefined && !prefix) {
    const message = `${quoted(prefixText)} is neither a prefix nor an address`;
    const allowed =
      'a prefix such as 192.0.2.0/24 (that route), or an address (the most specific route to it)';
    return invalid('prefix', message, prefixText, allowed);
  }
  const filter = {
    ...(vrf !== undefined && { vrf }),
    ...(family !== undefined && { family }),
    ...prefix,
  };
  return { ok: true, request: { resource: 'routes', filter } };
}

/** `address/length` is that route; an address alone is the most specific route to it. */
function parsePrefixParameter(
  text: string,
): { readonly prefix: IpPrefix; readonly longestMatch: boolean } | undefined {
  const prefix = parsePrefix(text);
  if (prefix) return { prefix: networkOf(prefix), longestMatch: false };
  const address = parseAddress(text);
  return address && { prefix: hostPrefix(address), longestMatch: true };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function cut(text: string): string {
  return text.length > LONGEST_QUOTED ? `${text.slice(0, LONGEST_QUOTED)}…` : text;
}

function quoted(text: string): string {
  return JSON.stringify(cut(text));
}
